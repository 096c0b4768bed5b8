// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";

/// @title Tier T1: this contract is the Hyperliquid account.
interface IHyperCoreVenue is IVenue {
    event SetUp();
    event Moved(uint64 amount, bool toPerp);
    event Confirmed(uint64 spot);
    event TraderApproved(address indexed key);
    event TraderAuthorized(address indexed key, uint40 until);

    /// @notice Keeper: standard account mode (CoreWriter action 16 "disabled"); re-callable until it has taken effect.
    function setUp() external;

    /// @notice Keeper: spot to perp, only after `confirm`.
    function toPerp(uint64 amount) external;

    /// @notice Keeper: perp to spot.
    function toSpot(uint64 amount) external;

    /// @notice Anyone: records that the last deposit has arrived on spot, or that 15 minutes have passed.
    function confirm() external;

    /// @notice Curator: allows `key` to be enrolled once.
    function approveTrader(address key) external;

    /// @notice Keeper: enrols an approved key as the account's agent (CoreWriter action 9), `until` at most 7 days away.
    function authorizeTrader(address key, uint40 until) external;

    /// @notice The key last enrolled and its end.
    function trader() external view returns (address key, uint40 until);

    /// @notice Whether the last deposit is confirmed.
    function confirmed() external view returns (bool);

    /// @notice When the last move was made (seconds) and at which L1 block.
    function lastMove() external view returns (uint64 at, uint64 l1Block);
}
