// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {VenueState} from "../interfaces/IPrimeVault.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {ensure} from "./CheckLib.sol";
import {FULL_BPS, SEND_WINDOW, TIER_READ, VIEW_GAS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";
import {State, StateLib} from "./StateLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// reentrancy-events: the vault's entries hold its lock.
// unused-return: the balance is believed, not what the venue says.
// calls-loop, low-level-calls, return-bomb: at most 8 venues, each with a gas cap: one that misbehaves counts as
// nothing; the cap bounds the reply too.
// slither-disable-start timestamp,reentrancy-events,unused-return,calls-loop,low-level-calls,return-bomb

/// @title Cash to and from venues, and what all of it is worth.
library VenueLib {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeTransferLib for address;
    using StateLib for State;

    function send(State storage s, address asset, address venue, uint64 amount) public {
        VenueState storage state = s.listed(venue);
        ensure(!state.suspended, uint32(ErrorsLib.VenueSuspended.selector));
        ensure(amount > 0, uint32(ErrorsLib.AmountTooSmall.selector));
        ensure(amount <= freeCash(s), uint32(ErrorsLib.CashNotFree.selector));
        int256 cap = int256(_capOf(s, state));
        _moveBook(state, int128(uint128(amount)));
        ensure(state.book <= cap && state.windowNet <= cap, uint32(ErrorsLib.CapExceeded.selector));
        emit EventsLib.Sent(venue, amount);
        s.idle -= amount;
        asset.safeTransfer(venue, amount);
        IVenue(venue).send(amount);
    }

    function collect(State storage s, address asset, address venue) public returns (uint64 collected) {
        VenueState storage state = s.listed(venue);
        uint256 before = asset.balanceOf(address(this));
        IVenue(venue).collect();
        // The difference, not what the venue says.
        collected = (asset.balanceOf(address(this)) - before).toUint64();
        s.idle += collected;
        _moveBook(state, -int128(uint128(collected)));
        // forge-lint: disable-next-line(unsafe-typecast)
        state.recalling -= uint64(uint256(collected).min(state.recalling));
        emit EventsLib.Collected(venue, collected);
    }

    /// @notice What may be sent.
    function freeCash(State storage s) public view returns (uint128) {
        uint256 kept = uint256(s.payables) + s.insurance + s.feesAccrued;
        // forge-lint: disable-next-line(unsafe-typecast)
        return s.idle > kept ? uint128(s.idle - kept) : 0; // At most `idle`.
    }

    function solvency(State storage s)
        public
        view
        returns (uint256 assetsT0, uint256 assetsT1, uint256 assetsT2, uint256 liabilities)
    {
        assetsT0 = s.idle;
        liabilities = uint256(s.sumEquity) + s.payables + s.feesAccrued;
        for (uint256 i; i < s.venueList.length; ++i) {
            address venue = s.venueList[i];
            // A low-level call instead of try: an answer that cannot be decoded would revert here.
            (bool ok, bytes memory answer) = venue.staticcall{gas: VIEW_GAS}(abi.encodeCall(IVenue.equity, ()));
            if (!ok || answer.length < 64) continue;
            (int256 value,) = abi.decode(answer, (int256, uint256));
            if (value <= 0 || value > type(int64).max) continue;
            // forge-lint: disable-next-line(unsafe-typecast)
            if (s.venueStates[venue].tier == TIER_READ) assetsT1 += uint256(value);
            // forge-lint: disable-next-line(unsafe-typecast)
            else assetsT2 += uint256(value).zeroFloorSub(s.bands[venue].quarantine);
        }
    }

    /// @dev The smaller of the absolute cap and the relative one, the latter of all cash and all positive books; a send
    /// changes neither sum.
    function _capOf(State storage s, VenueState storage state) private view returns (uint256) {
        uint256 total = s.idle;
        for (uint256 i; i < s.venueList.length; ++i) {
            int256 book = s.venueStates[s.venueList[i]].book;
            // forge-lint: disable-next-line(unsafe-typecast)
            if (book > 0) total += uint256(book);
        }
        return (total * state.relativeCapBps / FULL_BPS).min(state.cap);
    }

    /// @dev Cash between vault and venue: the book follows it, and so does the net of the day's window.
    function _moveBook(VenueState storage state, int128 amount) private {
        state.book += amount;
        if (block.timestamp >= state.windowStart + SEND_WINDOW) {
            state.windowStart = uint40(block.timestamp);
            state.windowNet = amount;
        } else {
            state.windowNet += amount;
        }
    }
}

// slither-disable-end timestamp,reentrancy-events,unused-return,calls-loop,low-level-calls,return-bomb
