// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";

/// @title Tier T2: an account at a venue that a contract cannot control. Equity is attested m of n.
/// @notice Amounts are micro-USDC. The value of an attestation is `equity + returned - collectedTotal`.
interface ISeatVenue is IVenue {
    /// @notice `amount` went to the deposit address; `sentTotal` includes it.
    event Forwarded(uint64 amount, uint64 sentTotal);
    /// @notice The custodian is asked to withdraw `amount` from the venue to this address.
    event HomeRequested(uint64 amount);

    /// @notice The contract that checks the signatures.
    function attestor() external view returns (address);

    /// @notice The one address USDC is sent to: the venue's deposit address of this seat.
    function depositAddress() external view returns (address);

    /// @notice Σ of all sends, gross. An attestation counts only if its `received` equals it.
    function sentTotal() external view returns (uint64);

    /// @notice Σ of all USDC that `collect` has moved to the vault.
    function collectedTotal() external view returns (uint64);

    /// @notice `collectedTotal` plus this contract's USDC balance: what an attestation's `returned` must not exceed.
    function returnedTotal() external view returns (uint64);

    /// @notice Nonce of the last attestation used.
    function lastNonce() external view returns (uint64);
}
