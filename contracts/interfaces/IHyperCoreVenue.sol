// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IVenue} from "./IVenue.sol";

/// @title Tier T1: this contract is the Hyperliquid account.
/// @notice Each function issues at most one Core action. Core executes it later and drops silently what it cannot execute, so
/// success of a call proves nothing: read the state again before the next step. Amounts in micro-USDC unless said otherwise.
interface IHyperCoreVenue is IVenue {
    /// @notice The account mode was asked for.
    event SetUp();
    /// @notice A move between perp and spot was asked for, by the keeper or as the first step of a recall.
    event Moved(uint64 amount, bool toPerp);
    /// @notice A recall's payout from Core to the EVM was asked for.
    event Leaving(uint64 amount);
    /// @notice The last deposit counts as arrived. `spot` is the balance then, in units of 1e-8.
    event Confirmed(uint64 spot);
    event TraderApproved(address indexed key);
    event TraderAuthorized(address indexed key, uint40 until);

    /// @notice Keeper: standard account mode (CoreWriter action 16 "disabled"); re-callable until it has taken effect.
    /// @dev Reverts while the account does not exist on Core.
    function setUp() external;

    /// @notice Keeper: spot to perp, at most what is available on spot. Reverts before `confirm` and while a recall is open.
    function toPerp(uint64 amount) external;

    /// @notice Keeper: perp to spot, at most what is withdrawable. Reverts before `confirm` and while a recall is open.
    function toSpot(uint64 amount) external;

    /// @notice Anyone: records that the last deposit has arrived on spot, or that 15 minutes have passed.
    /// @dev Restarts no clock. Reverts while neither is so, and when there is nothing to confirm.
    function confirm() external;

    /// @notice Curator: allows `key` to be enrolled once.
    function approveTrader(address key) external;

    /// @notice Keeper: enrols an approved key as the account's agent (CoreWriter action 9), `until` at most 7 days away.
    /// @dev A key is never enrolled again once another key, or another end, could be meant: a new end needs a new key. The
    /// same call again, while the key is the current one, repeats the message in case Core dropped it.
    function authorizeTrader(address key, uint40 until) external;

    /// @notice The key last enrolled and its end.
    function trader() external view returns (address key, uint40 until);

    /// @notice Whether the last deposit is confirmed.
    function confirmed() external view returns (bool);

    /// @notice When the last move was made (seconds) and at which L1 block.
    function lastMove() external view returns (uint64 movedAt, uint64 l1Block);

    /// @notice The open recall: what is still to come, whether it is leaving Core, when it last stepped. All zero: none.
    function openRecall() external view returns (uint64 amount, bool leaving, uint64 steppedAt);
}
