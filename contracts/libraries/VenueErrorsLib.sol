// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Errors of the venues and the attestor.
library VenueErrorsLib {
    /* WHO */

    error NotCurator();
    /// @notice Neither a guardian of the vault nor its curator.
    error NotGuardian();
    error NotKeeper();
    error NotVault();

    /* HYPERCORE */

    /// @notice Equity is not below the floor: nothing for the breaker to do.
    error AboveFloor();
    /// @notice The account does not exist on Core yet: fund it first, actions of a missing account are dropped silently.
    error AccountMissing();
    /// @notice Nothing to confirm.
    error AlreadyConfirmed();
    error AssetNotAllowed();
    error AttestationNotEmpty();
    /// @notice Time in force is 1 (ALO), 2 (GTC) or 3 (IOC).
    error BadTif();
    /// @notice Trading costs of the last 24 hours would exceed 1% of the book.
    error BucketEmpty();
    error CloidMissing();
    /// @notice The vault is in exit: only what reduces risk is done.
    error Exiting();
    error NoPosition();
    error NotExiting();
    /// @notice The recall may still be under way.
    error NotLapsable();
    /// @notice Neither has the deposit arrived nor have 15 minutes passed.
    error NotArrived();
    error NotQuiet();
    error NotTripped();
    /// @notice A size that Core would drop: not a whole number of lots, or zero.
    error OffLot();
    /// @notice A price that Core would drop: at most 5 significant figures, and decimals that the asset has.
    error OffTick();
    error OutOfBand();
    /// @notice This asset's orders of these 30 seconds are used up.
    error QuotaUsed();
    /// @notice A read precompile failed or answered too short.
    error ReadFailed(address precompile);
    error RecallOpen();
    /// @notice No recall that a further step could help, or the step before has not taken effect yet.
    error NothingToAdvance();
    /// @notice More than Core could execute: perp withdrawable or spot available (less the reserve) is smaller.
    error TooMuch();
    /// @notice Too soon after the step before.
    error TooEarly();
    /// @notice Below what is worth its cost on Core.
    error TooSmall();
    /// @notice No trader key whose time is over.
    error TraderNotExpired();
    /// @notice Never approved, or not for long enough yet.
    error TraderNotApproved();
    error TraderUsed();
    /// @notice The breaker has tripped: reduce-only orders remain, until the curator re-arms.
    error Tripped();
    error TraderUntilOutOfRange();
    /// @notice A deposit is on its way.
    error Unconfirmed();
    error ZeroAddress();
    error ZeroAmount();

    /* SEAT */

    error AsOfInFuture();
    error AsOfNotRising();
    error AsOfTooOld();
    /// @notice Strangers cannot unwind an account that a contract does not control.
    error CannotUnwind();
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
    /// @notice An attestor is announced 10 days before it is added, and added within 14 days from then.
    error NotAnnounced();
    error NotAttestor();
    /// @notice Not two different statements of one attestor about one venue under one nonce.
    error NotEquivocal();
    /// @notice Not by the signer it names, or no signature at all.
    error SignatureInvalid();
    error SignersNotAscending();
    error TooFewSignatures();
}
