// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What a PrimeVault refuses.
library ErrorsLib {
    /// @notice The function was given up for ever: it can neither be announced nor called.
    error Abdicated();
    /// @notice `closeAccount` of a sub-account whose lane is above 0.
    error AccountNotEmpty();
    /// @notice The sub-account is closed or was never opened; in a commit: the id of a changed lane is.
    error AccountNotOpen();
    /// @notice The sub-account waits to be closed: it is neither closed twice nor offered nor taken over.
    error AlreadyClosing();
    /// @notice It is so already: a guardian or keeper named twice, a venue listed twice, a stop or suspension repeated
    /// or lifted twice.
    error AlreadySet();
    /// @notice The same call is announced and neither used nor expired.
    error AlreadySubmitted();
    /// @notice Zero, below 100 USDC to open a sub-account, or below 10 USDC to withdraw less than the whole lane.
    error AmountTooSmall();
    /// @notice `mark` names assets of a venue whose equity is attested: only read venues tell sizes and prices.
    error AssetsNotAllowed();
    /// @notice A withdrawal to address 0, to the vault or to a listed venue.
    error BadReceiver();
    /// @notice Rights other than TRADE, DEPOSIT_FOR, both or none.
    error BadRights();
    /// @notice A band above 100% of the book.
    error BandOutOfRange();
    /// @notice `removeVenue` of a venue whose book is more than 10 USDC away from zero.
    error BookTooLarge();
    /// @notice A send beyond the venue's cap or its cap for 24 hours; a guardian's cut below 1.25 times the book; a
    /// relative cap above 100%.
    error CapExceeded();
    /// @notice A send of more than `freeCash`.
    error CashNotFree();
    /// @notice A commit whose `asOf` is later than the block.
    error CommitInFuture();
    /// @notice Less than 10 minutes since the last commit.
    error CommitTooEarly();
    /// @notice The announced call was not made within 14 days of its maturity: announce it again.
    error DataExpired();
    /// @notice The call is not announced: `submit` it first.
    error DataNotSubmitted();
    /// @notice A new deficit while insurance is left that the commit could have used.
    error DeficitBeforeInsurance();
    /// @notice A deposit or a payment of fees while losses are uncovered.
    error DeficitOpen();
    /// @notice Deposits are stopped by the curator or a guardian.
    error DepositsAreStopped();
    /// @notice No reason for exit: the vault is empty, a full commit is younger than 72 hours, a deficit too, or the
    /// ticket is not overdue.
    error ExitNotReached();
    /// @notice Exit is armed for this reason: the second call may come 24 hours after the first.
    error ExitTooEarly();
    /// @notice Not while the vault is in exit.
    error Exiting();
    /// @notice Fees of a commit above the allowance, or a fee cap above 6,000 ppm a day.
    error FeeAboveCap();
    /// @notice The gate does not admit the owner of the sub-account.
    error GateClosed();
    /// @notice The first sub-account needs 100 USDC of insurance.
    error InsuranceNotSeeded();
    /// @notice Insurance would fall below zero.
    error InsuranceShort();
    /// @notice A balance would leave 0 to 2^64 - 1, or a delta is not the sign extension of an int64.
    error LaneOutOfRange();
    /// @notice A guardian may not remove the last keeper; the owner may.
    error LastKeeper();
    /// @notice `words` and `pnl4` of a commit differ in length.
    error LengthMismatch();
    /// @notice The venue's value is of a time after the block.
    error MarkInFuture();
    /// @notice A commit names a venue without an unused mark, or names one twice.
    error MarkMissing();
    /// @notice The value marked, or the mark that a commit uses, is older than 15 minutes.
    error MarkTooOld();
    /// @notice Bands belong to attested venues alone.
    error NotAttested();
    /// @notice The profits and losses, fees, insurance and deficit of a commit are not the sum of the marks it uses.
    error NotConserved();
    /// @notice The caller is not the curator; for what tightens: nor a guardian.
    error NotCurator();
    /// @notice A keeper closes a sub-account only 30 days after it was opened.
    error NotDormant();
    /// @notice Only while the vault is in exit.
    error NotExiting();
    /// @notice The venue was not made by the vault's factory.
    error NotFromFactory();
    /// @notice The caller, or the address to be removed, is no guardian.
    error NotGuardian();
    /// @notice The caller, or the address to be removed, is no keeper.
    error NotKeeper();
    /// @notice The sub-account is not offered to the caller in its present generation.
    error NotOffered();
    /// @notice The caller is not the owner of the sub-account or vault, and has no right that would do.
    error NotOwner();
    /// @notice No timelocked function, or too little data to be a call of one.
    error NotTimelocked();
    /// @notice Nothing of the ticket is approved and unpaid.
    error NothingPayable();
    /// @notice `refuseQuarantine` of a venue with nothing in quarantine.
    error QuarantineEmpty();
    /// @notice `removeVenue` of a venue with something in quarantine.
    error QuarantineOpen();
    /// @notice `removeVenue` of a venue from which money is still recalled.
    error RecallOpen();
    /// @notice A call from within another one.
    error Reentered();
    /// @notice A commit whose `asOf` is not above the last one's, or is above that of a mark it uses.
    error StaleCommit();
    /// @notice A fencing number below the last one: the keeper has lost its leadership.
    error StaleFence();
    /// @notice Nothing of the ticket is left to cancel or to redirect.
    error TicketNotPending();
    /// @notice Not while something of the sub-account's ticket is unpaid.
    error TicketUnpaid();
    /// @notice The announced call is not mature yet.
    error TimelockNotExpired();
    /// @notice A delay that is not an increase up to 30 days, or not a decrease down to the minimum.
    error TimelockOutOfRange();
    /// @notice A vault begins with two keepers at least.
    error TooFewKeepers();
    /// @notice All 1,024 ids are in use.
    error TooManyAccounts();
    /// @notice Eight venues are listed.
    error TooManyVenues();
    /// @notice The pull did not bring exactly the amount: the token takes a fee or lies.
    error TransferMismatch();
    /// @notice A guardian may not revoke its own removal.
    error Unauthorized();
    /// @notice The address is no listed venue.
    error VenueNotListed();
    /// @notice `mark` while something is in flight at the venue.
    error VenueNotQuiet();
    /// @notice A send to a suspended venue.
    error VenueSuspended();
    /// @notice A withdrawal of more than the lane.
    error WithdrawTooLarge();
    /// @notice The storage words of a commit are not strictly ascending.
    error WordsNotAscending();
    /// @notice An increase that does not increase, or a decrease that does not decrease.
    error WrongDirection();
    /// @notice A commit that is not the next one.
    error WrongEpoch();
    /// @notice The venue serves another vault.
    error WrongVault();
    /// @notice An address that must not be 0 is.
    error ZeroAddress();
}
