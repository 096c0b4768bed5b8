// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";

/// @title Tier T2: an account at a venue that a contract cannot control. Equity is attested m of n.
interface ISeatVenue is IVenue {
    event Forwarded(uint64 amount, uint64 sentTotal);
    event HomeRequested(uint64 amount);

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
