// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Errors of the venues and the attestor.
library VenueErrorsLib {
    /* WHO */

    /// @notice The caller is not the vault's curator.
    error NotCurator();
    /// @notice Neither a guardian of the vault nor its curator.
    error NotGuardian();
    /// @notice The caller is no keeper of the vault.
    error NotKeeper();
    /// @notice The caller is not the vault.
    error NotVault();

    /* HYPERCORE */

    /// @notice Equity is not below the floor: nothing for the breaker to do.
    error AboveFloor();
    /// @notice The account does not exist on Core yet: fund it first, actions of a missing account are dropped silently.
    error AccountMissing();
    /// @notice Nothing to confirm.
    error AlreadyConfirmed();
    /// @notice Orders in this asset are not allowed (yet), or it is no perp of the first dex.
    error AssetNotAllowed();
    /// @notice A venue that is read takes no attestation.
    error AttestationNotEmpty();
    /// @notice Time in force is 1 (ALO), 2 (GTC) or 3 (IOC).
    error BadTif();
    /// @notice Trading costs of the last 24 hours would exceed 1% of the book.
    error BucketEmpty();
    /// @notice An order needs a client order id.
    error CloidMissing();
    /// @notice The vault is in exit: only what reduces risk is done.
    error Exiting();
    /// @notice There is nothing to reduce in this asset.
    error NoPosition();
    /// @notice Only once the vault is in exit.
    error NotExiting();
    /// @notice The recall may still be under way.
    error NotLapsable();
    /// @notice Neither has the deposit arrived nor have 15 minutes passed.
    error NotArrived();
    /// @notice A move is under way: equity cannot be judged.
    error NotQuiet();
    /// @notice The breaker has not tripped: nothing to reset.
    error NotTripped();
    /// @notice A size that Core would drop: not a whole number of lots, or zero.
    error OffLot();
    /// @notice A price that Core would drop: at most 5 significant figures, and decimals that the asset has.
    error OffTick();
    /// @notice A price too far from the oracle.
    error OutOfBand();
    /// @notice This asset's orders of these 30 seconds are used up.
    error QuotaUsed();
    /// @notice A read precompile failed or answered too short.
    error ReadFailed(address precompile);
    /// @notice Not while a recall is open.
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
    /// @notice A key is enrolled once.
    error TraderUsed();
    /// @notice The breaker has tripped: reduce-only orders remain, until the curator re-arms.
    error Tripped();
    /// @notice The end of a trader key lies in the future, 7 days away at most.
    error TraderUntilOutOfRange();
    /// @notice A deposit is on its way.
    error Unconfirmed();
    /// @notice An address that must not be 0 is.
    error ZeroAddress();
    /// @notice An amount of 0.
    error ZeroAmount();

    /* SEAT */

    /// @notice The attestation is of a time after the block.
    error AsOfInFuture();
    /// @notice The attestation is not newer than the last one used.
    error AsOfNotRising();
    /// @notice The attestation is older than 15 minutes.
    error AsOfTooOld();
    /// @notice Strangers cannot unwind an account that a contract does not control.
    error CannotUnwind();
    /// @notice An attested seat has no sizes or prices that a contract could read.
    error NoAssets();
    /// @notice The nonce is not above that of the last attestation used.
    error NonceNotRising();
    /// @notice The venue has not credited everything that was sent: the seat is not quiet.
    error ReceivedNotSent();
    /// @notice More than ever arrived.
    error ReturnedTooMuch();
    /// @notice The attestation is for another chain.
    error WrongChain();
    /// @notice The attestation is for another vault.
    error WrongVault();
    /// @notice The attestation is for another venue.
    error WrongVenue();

    /* ATTESTOR */

    /// @notice Fewer attestors than the threshold would be left, or the threshold is 0.
    error BelowThreshold();
    /// @notice It is an attestor already.
    error DuplicateAttestor();
    /// @notice An attestor is announced 10 days before it is added, and added within 14 days from then.
    error NotAnnounced();
    /// @notice The signer, or the address to be removed, is no attestor.
    error NotAttestor();
    /// @notice Not two different statements of one attestor about one venue under one nonce.
    error NotEquivocal();
    /// @notice Not by the signer it names, or no signature at all.
    error SignatureInvalid();
    /// @notice Signatures come in strictly ascending order of their signers.
    error SignersNotAscending();
    /// @notice Fewer signatures than the threshold.
    error TooFewSignatures();
}
