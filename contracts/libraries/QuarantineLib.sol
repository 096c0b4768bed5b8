// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";

import {Band} from "../interfaces/IPrimeVault.sol";
import {ensure} from "./CheckLib.sol";
import {BAND_WINDOW, FULL_BPS, QUARANTINE_TIME} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";
import {State} from "./StateLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// slither-disable-start timestamp

/// @title How an attested value becomes a book: losses at once, gains within a band, the rest after a day in quarantine.
/// @notice The band is looked at when a mark is taken and used up when it is committed. What is in quarantine is never
/// stored as anybody's money: it is the part of the attested value that `book` lacks, remembered with its age.
library QuarantineLib {
    using FixedPointMathLib for uint256;
    using SafeCastLib for uint256;
    using SafeCastLib for int256;

    /// @return accepted min(value, max(book, 0) + what the band has left + what may be released).
    function accept(State storage s, address venue, int128 value) public returns (int128 accepted) {
        Band storage b = s.bands[venue];
        int256 book = s.venueStates[venue].book;
        int256 base = book > 0 ? book : int256(0);
        uint256 excess = value > base ? (value - base).toUint256() : 0;
        bool ripe = b.since > 0 && block.timestamp >= b.since + QUARANTINE_TIME;
        uint256 release = ripe ? excess.min(b.low) : 0;
        uint256 rise = (excess - release).min(_left(b, base.toUint256()));
        (b.pendingRise, b.pendingRelease) = (rise.toUint128(), release.toUint128());
        _see(b, venue, (excess - rise).toUint128());
        return excess == 0 ? value : (base + (release + rise).toInt256()).toInt128();
    }

    /// @notice A commit uses the mark: the band is used up, what was released is a book.
    /// @param base The book before the commit, if above 0.
    function consume(State storage s, address venue, uint256 base) public {
        Band storage b = s.bands[venue];
        (uint128 rise, uint128 release) = (b.pendingRise, b.pendingRelease);
        if (rise > 0) {
            b.pendingRise = 0;
            if (block.timestamp >= b.windowStart + BAND_WINDOW) {
                b.windowStart = uint40(block.timestamp);
                b.windowLimit = (base * b.bps / FULL_BPS).toUint128();
                b.windowUsed = 0;
            }
            b.windowUsed += rise;
        }
        if (release > 0) {
            b.pendingRelease = 0;
            uint128 left = b.quarantine - release;
            (b.quarantine, b.low) = (left, left);
            b.since = left > 0 ? uint40(block.timestamp) : 0;
            emit EventsLib.QuarantineReleased(venue, release);
        }
    }

    /// @notice The day begins again. The unused mark, which may count on a release, is void.
    function refuse(State storage s, address venue) internal {
        Band storage b = s.bands[venue];
        ensure(b.quarantine > 0, uint32(ErrorsLib.QuarantineEmpty.selector));
        (b.pendingRise, b.pendingRelease) = (0, 0);
        (b.low, b.since) = (b.quarantine, uint40(block.timestamp));
        delete s.pendingMarks[venue];
        emit EventsLib.QuarantineRefused(venue, b.quarantine);
    }

    /// @dev What the fixed daily window has left; a new one is measured on the book of now.
    function _left(Band storage b, uint256 base) private view returns (uint256) {
        if (block.timestamp >= b.windowStart + BAND_WINDOW) return base * b.bps / FULL_BPS;
        return uint256(b.windowLimit).zeroFloorSub(b.windowUsed);
    }

    /// @dev A mark saw `held` beyond book and band. Its smallest size since the first of them is what may be released.
    function _see(Band storage b, address venue, uint128 held) private {
        if (held == 0) (b.low, b.since) = (0, 0);
        else if (b.since == 0) (b.low, b.since) = (held, uint40(block.timestamp));
        else if (held < b.low) b.low = held;
        if (held == b.quarantine) return;
        b.quarantine = held;
        emit EventsLib.Quarantined(venue, held);
    }
}

// slither-disable-end timestamp
