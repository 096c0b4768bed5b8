// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Errors of the venues and the attestor.
library VenueErrorsLib {
    /* WHO */

    error NotCurator();
    error NotKeeper();
    error NotVault();

    /* HYPERCORE */

    /// @notice The account does not exist on Core yet: fund it first, actions of a missing account are dropped silently.
    error AccountMissing();
    /// @notice Nothing to confirm.
    error AlreadyConfirmed();
    error AttestationNotEmpty();
    /// @notice The recall may still be under way.
    error NotLapsable();
    /// @notice Neither has the deposit arrived nor have 15 minutes passed.
    error NotArrived();
    /// @notice A read precompile failed or answered too short.
    error ReadFailed(address precompile);
    error RecallOpen();
    /// @notice No recall that a further step could help, or the step before has not taken effect yet.
    error NothingToAdvance();
    /// @notice More than Core could execute: perp withdrawable or spot available (less the reserve) is smaller.
    error TooMuch();
    error TraderNotApproved();
    error TraderUsed();
    error TraderUntilOutOfRange();
    /// @notice A deposit is on its way.
    error Unconfirmed();
    error ZeroAddress();
    error ZeroAmount();

    /* SEAT */

    error AsOfInFuture();
    error AsOfNotRising();
    error AsOfTooOld();
    error NoAssets();
    error NonceNotRising();
    /// @notice The venue has not credited everything that was sent: the seat is not quiet.
    error ReceivedNotSent();
    /// @notice More than ever arrived.
    error ReturnedTooMuch();
    error WrongChain();
    error WrongVault();
    error WrongVenue();

    /* ATTESTOR */

    error BelowThreshold();
    error DuplicateAttestor();
    error NotAttestor();
    error SignersNotAscending();
    error TooFewSignatures();
}
