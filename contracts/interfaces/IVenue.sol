// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// @title One seat: an account at a venue, held for one PrimeVault.
/// @notice Amounts are micro-USDC. The functions marked "vault" revert for anyone else.
interface IVenue {
    /// @notice The vault it serves.
    function vault() external view returns (address);

    /// @notice The address of the seat's account at the venue (T1: this contract).
    function account() external view returns (address);

    /// @notice Vault: forwards `amount`, which the vault has just transferred here, to the venue.
    function send(uint64 amount) external;

    /// @notice Vault: starts bringing `amount` home.
    function recall(uint64 amount) external;

    /// @notice Vault: continues an open recall after re-reading the venue's state.
    function advance() external;

    /// @notice Vault: ends an open recall whose time has passed; reverts while it may still be under way.
    function lapse() external;

    /// @notice Vault: moves this contract's whole USDC to the vault.
    function collect() external returns (uint64 amount);

    /// @notice Anyone, once the vault is in exit: one step that brings the seat closer to cash at home. Refused otherwise.
    /// @param step See the adapter. A seat that a contract cannot control has none and reverts.
    function unwind(bytes calldata step) external;

    /// @notice Vault, in `mark`: the seat's value, once.
    /// @param attestation T1: empty. T2: abi.encode(Attestation, bytes[] signatures), used up by this call.
    /// @return value Equity plus what came home and was not counted yet, so that `value - book` is the profit or loss.
    /// @return asOf Seconds. @return l1Block T1 only. @return sheet T2 only: hash of the attested mark sheet.
    function observe(bytes calldata attestation)
        external
        returns (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet);

    /// @notice T1: signed size (10^szDecimals) and mark price (human × 10^(6 − szDecimals)) of an asset. T2 reverts.
    function assetOf(uint32 asset) external view returns (int64 size, uint64 markPrice);

    /// @notice The last known equity, for views only. T1: precompile; T2: last attestation.
    function equity() external view returns (int64 value, uint64 asOf);

    /// @notice Whether nothing is in flight, so that a mark may be taken.
    function quiet() external view returns (bool);
}
