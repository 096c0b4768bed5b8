// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {CoreOrder} from "../libraries/CoreWriterLib.sol";
import {IVenue} from "./IVenue.sol";

/// @notice What anyone may do with the account once the vault is in exit.
enum UnwindStep {
    RevokeTrader,
    CancelByOid,
    CancelByCloid,
    Reduce,
    ToSpot,
    Recall
}

/// @title Tier T1: this contract is the Hyperliquid account.
/// @notice Each function issues at most one Core action. Core executes it later and drops silently what it cannot execute, so
/// success of a call proves nothing: read the state again before the next step. Amounts in micro-USDC unless said otherwise.
///
/// `unwind` takes abi.encode(UnwindStep, uint32 asset, uint128 value): nothing more for RevokeTrader (each minute); the order's
/// number for CancelByOid, its client order id for CancelByCloid; for Reduce the lots (10^-szDecimals) to close at most, cut
/// to what the position and the next 30 s allow; the amount for ToSpot and for Recall (from 1 USDC).
interface IHyperCoreVenue is IVenue {
    /// @notice The account mode was asked for.
    event SetUp();
    /// @notice A move between perp and spot was asked for, by the keeper or as the first step of a recall.
    event Moved(uint64 amount, bool toPerp);
    /// @notice A recall's payout from Core to the EVM was asked for.
    event Leaving(uint64 amount);
    /// @notice The last deposit counts as arrived. `spot` is the balance then, in units of 1e-8.
    event Confirmed(uint64 spot);
    /// @notice It may be enrolled from `usableFrom` on.
    event TraderApproved(address indexed key, uint40 usableFrom);
    /// @notice The approval of `key` was taken back before it was used.
    event TraderDisapproved(address indexed key);
    /// @notice Core was asked to make `key` the account's agent; it is one up to and including the second `until`.
    event TraderAuthorized(address indexed key, uint40 until);
    /// @notice The trader's name on Core now belongs to `burned`, an address without a key.
    event TraderRevoked(address indexed burned);
    /// @notice Equity was below the floor: the same again in 60 s to 10 min trips the breaker.
    event BreakerArmed(int128 equity, uint256 floor);
    /// @notice The trader was revoked by `by`: only reduce-only orders remain until the curator resets the breaker.
    event BreakerTripped(address indexed by);
    /// @notice Orders are taken again.
    event BreakerReset();
    /// @notice Orders in the perp `asset` are taken from `usableFrom` on.
    event AssetAllowed(uint32 indexed asset, uint40 usableFrom);
    /// @notice Only reduce-only orders in the perp `asset` are taken.
    event AssetDisallowed(uint32 indexed asset);
    /// @notice An order was asked for; price and size × 1e8.
    event OrderAsked(
        uint128 indexed cloid, uint32 indexed asset, bool isBuy, uint64 limitPx, uint64 size, bool reduceOnly, uint8 tif
    );
    /// @notice A cancel was asked for, by order number or by client order id (the other is 0).
    event CancelAsked(uint32 indexed asset, uint64 oid, uint128 cloid);

    /// @notice Keeper: standard account mode (CoreWriter action 16 "disabled"); re-callable until it has taken effect.
    /// @dev Reverts while the account does not exist on Core.
    function setUp() external;

    /// @notice Keeper: spot to perp, at most what is available on spot. Reverts before `confirm` and while a recall is open.
    /// @param amount Micro-USDC.
    function toPerp(uint64 amount) external;

    /// @notice Keeper: perp to spot, at most what is withdrawable. Reverts before `confirm` and while a recall is open.
    /// @param amount Micro-USDC.
    function toSpot(uint64 amount) external;

    /// @notice Anyone: records that the last deposit has arrived on spot, or that 15 minutes have passed.
    /// @dev Restarts no clock. Reverts while neither is so, and when there is nothing to confirm.
    function confirm() external;

    /// @notice Keeper: an order through CoreWriter (fields as there, see `CoreOrder`). Perps below 10000, within 5% of the
    /// oracle, valid tick and lot, a client order id, tif 1 to 3. One that is not reduce-only needs an allowed asset, no
    /// tripped breaker and no exit, and debits notional × adverse distance from the oracle from a bucket that holds 1% of
    /// the book and refills in 24 hours.
    /// @param order Price and size × 1e8.
    function placeOrder(CoreOrder calldata order) external;

    /// @notice Keeper: cancels by the number that Core gave the order.
    function cancelByOid(uint32 asset, uint64 oid) external;

    /// @notice Keeper: cancels by client order id.
    function cancelByCloid(uint32 asset, uint128 cloid) external;

    /// @notice Anyone: revokes the trader key once its time is over; repeatable each minute until another is enrolled,
    /// since Core may drop the message.
    function expireTrader() external;

    /// @notice The breaker: revokes the trader and refuses orders that are not reduce-only until the curator re-arms. A
    /// guardian at once (and again, as often as it likes); anyone by two calls 60 s to 10 min apart, both while the venue
    /// is quiet and its equity is below 85% of the last mark less recalls since, without a move in between.
    function revokeTrader() external;

    /// @notice Curator: resets the breaker and enrols a standby key that has long been approved.
    /// @param key See `authorizeTrader`.
    /// @param until See `authorizeTrader`.
    function rearm(address key, uint40 until) external;

    /// @notice Curator: allows `key` to be enrolled once, from 3 days on; at once before the vault's first sub-account.
    /// @dev The curator may be a timelock of its own, which only adds to that.
    function approveTrader(address key) external;

    /// @notice Curator or guardian: takes an unused approval back.
    function disapproveTrader(address key) external;

    /// @notice Curator: allows orders in a perp, from 3 days on; at once before the vault's first sub-account.
    function allowAsset(uint32 asset) external;

    /// @notice Curator or guardian, at once. Reduce-only orders remain possible.
    function disallowAsset(uint32 asset) external;

    /// @notice Keeper: enrols an approved key as the account's agent (CoreWriter action 9), `until` at most 7 days away.
    /// @dev A key is never enrolled again once another key, or another end, could be meant: a new end needs a new key. The
    /// same call again, while the key is the current one, repeats the message in case Core dropped it.
    /// @param key Approved, and its time has come.
    /// @param until Seconds, inclusive.
    function authorizeTrader(address key, uint40 until) external;

    /// @notice The key last enrolled and its end; after a revocation the address without a key, and 0.
    /// @return key The agent as far as this contract knows.
    /// @return until Seconds.
    function trader() external view returns (address key, uint40 until);

    /// @notice From when on a key may be enrolled; 0: never approved, its maximum: used.
    function usableFrom(address key) external view returns (uint40);

    /// @notice From when on a perp may be traded through CoreWriter; 0: never.
    function allowedFrom(uint32 asset) external view returns (uint40);

    /// @notice Whether the breaker has tripped and was not reset.
    function tripped() external view returns (bool);

    /// @notice Equity below which anyone may trip the breaker (micro-USDC).
    function breakerFloor() external view returns (uint256);

    /// @notice What the bucket of trading costs holds at most, and what of it is spent (micro-USDC).
    /// @return limit 1% of the book.
    /// @return spent Of it, less what has come back since.
    function bucket() external view returns (uint256 limit, uint256 spent);

    /// @notice Whether the last deposit is confirmed.
    function confirmed() external view returns (bool);

    /// @notice When the last move was made (seconds) and at which L1 block.
    /// @return movedAt Seconds.
    /// @return l1Block Core's height.
    function lastMove() external view returns (uint64 movedAt, uint64 l1Block);

    /// @notice The open recall: what is still to come, whether it is leaving Core, when it last stepped. All zero: none.
    /// @return amount Micro-USDC still to come.
    /// @return leaving Whether Core was asked to pay it out.
    /// @return steppedAt Seconds.
    function openRecall() external view returns (uint64 amount, bool leaving, uint64 steppedAt);
}
