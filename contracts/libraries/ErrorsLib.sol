// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a PrimeVault refuses.
library ErrorsLib {
    error AccountNotEmpty();
    error AccountNotOpen();
    error AlreadyClosing();
    error AlreadySet();
    error AmountTooSmall();
    error AssetsNotAllowed();
    error BadReceiver();
    error BadRights();
    error BadTier();
    error BookTooLarge();
    error CapExceeded();
    error CashNotFree();
    error CommitInFuture();
    error CommitTooEarly();
    error DeficitBeforeInsurance();
    error DeficitOpen();
    error FeeAboveCap();
    error InsuranceNotSeeded();
    error InsuranceShort();
    error LaneOutOfRange();
    error LengthMismatch();
    error MarkInFuture();
    error MarkMissing();
    error MarkTooOld();
    error NotConserved();
    error NotCurator();
    error NotDormant();
    error NotKeeper();
    error NotOwner();
    error NothingPayable();
    error RecallOpen();
    error Reentered();
    error StaleCommit();
    error StaleFence();
    error TicketNotPending();
    error TicketUnpaid();
    error TooFewKeepers();
    error TooManyAccounts();
    error TooManyVenues();
    error TransferMismatch();
    error VenueNotListed();
    error VenueNotQuiet();
    error VenueSuspended();
    error WithdrawTooLarge();
    error WordsNotAscending();
    error WrongDirection();
    error WrongEpoch();
    error WrongVault();
    error ZeroAddress();
}
