// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// @title Who may enter a vault. Asked at entry only: never on the way out.
interface IGate {
    /// @notice Whether `who` may hold or fund a sub-account.
    function mayEnter(address who) external view returns (bool);
}
