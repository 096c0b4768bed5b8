// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {Ticket} from "../interfaces/IPrimeVault.sol";
import {ensure} from "./CheckLib.sol";
import {DEFICIT_AFTER, EXIT_DELAY, LANE_WORDS, MIN_TICKET, OVERDUE_AFTER, STALE_AFTER} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";
import {LanesLib} from "./LanesLib.sol";
import {State} from "./StateLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// uninitialized-local: both begin as false.
// slither-disable-start timestamp,uninitialized-local

/// @title Exit: armed by anyone for one of three reasons, started a day later, never stopped.
/// @notice Stale: no full commit for 72 hours. Overdue: a ticket unserved for 7 days. Deficit: open for 72 hours.
/// Each is armed by itself, so that ending one does not end another. From the start lanes and `sumEquity` are frozen
/// and each sub-account owns lane / sumEquity of all cash that is not reserved, as it comes home.
/// @dev Reads no storage that a role can change.
library ExitLib {
    using FixedPointMathLib for uint256;
    using LanesLib for uint256[LANE_WORDS];
    using SafeCastLib for uint256;
    using SafeTransferLib for address;

    function trigger(State storage s, uint256 ticket) public {
        ensure(!s.exiting, uint32(ErrorsLib.Exiting.selector));
        ensure(s.sumEquity > 0, uint32(ErrorsLib.ExitNotReached.selector));
        bool armed;
        bool start;
        if (ticket > 0) {
            ensure(_overdue(s, ticket), uint32(ErrorsLib.ExitNotReached.selector));
            armed = s.overdueArmedAt[ticket] == 0;
            if (armed) s.overdueArmedAt[ticket] = uint40(block.timestamp);
            else start = _ripe(s.overdueArmedAt[ticket]);
        } else {
            bool stale = block.timestamp >= s.fullAt + STALE_AFTER;
            bool broken = s.deficit > 0 && block.timestamp >= s.deficitSince + DEFICIT_AFTER;
            ensure(stale || broken, uint32(ErrorsLib.ExitNotReached.selector));
            if (stale) {
                if (s.staleArmedAt <= s.fullAt) (armed, s.staleArmedAt) = (true, uint40(block.timestamp));
                else start = _ripe(s.staleArmedAt);
            }
            if (broken) {
                if (s.deficitArmedAt <= s.deficitSince) (armed, s.deficitArmedAt) = (true, uint40(block.timestamp));
                else start = start || _ripe(s.deficitArmedAt);
            }
        }
        ensure(armed || start, uint32(ErrorsLib.ExitTooEarly.selector));
        if (armed) emit EventsLib.ExitArmed(ticket);
        if (!start) return;
        (s.exiting, s.exitAt) = (true, uint40(block.timestamp));
        emit EventsLib.ExitTriggered(ticket, s.sumEquity);
    }

    /// @notice Pays floor(lane × R / S) less what was paid, R being all cash ever recovered for sub-accounts.
    function claim(State storage s, address asset, uint256 id) public returns (uint64 paid) {
        ensure(s.exiting, uint32(ErrorsLib.NotExiting.selector));
        if (id == 0 || id > s.accountCount) return 0;
        uint256 recovered = uint256(s.idle) - s.payables + s.totalExitPaid;
        uint64 share = (s.lanes.get(id) * recovered / s.sumEquity).toUint64();
        paid = share - s.exitPaidOf[id];
        if (paid == 0) return 0;
        s.exitPaidOf[id] = share;
        s.totalExitPaid += paid;
        s.idle -= paid;
        address owner = s.accounts[id].owner;
        emit EventsLib.ExitClaimed(id, owner, paid);
        asset.safeTransfer(owner, paid);
    }

    /// @return since When this reason was armed; 0 if it is not, or no longer.
    function armedAt(State storage s, uint256 ticket) public view returns (uint40 since) {
        if (ticket > 0) return _unserved(s, ticket) ? s.overdueArmedAt[ticket] : 0;
        if (s.staleArmedAt > s.fullAt) since = s.staleArmedAt;
        bool broken = s.deficit > 0 && s.deficitArmedAt > s.deficitSince;
        if (broken && (since == 0 || s.deficitArmedAt < since)) since = s.deficitArmedAt;
    }

    function _ripe(uint40 since) private view returns (bool) {
        return block.timestamp >= since + EXIT_DELAY;
    }

    function _overdue(State storage s, uint256 ticket) private view returns (bool) {
        return _unserved(s, ticket) && block.timestamp >= s.tickets[ticket].requestedAt + OVERDUE_AFTER;
    }

    function _unserved(State storage s, uint256 ticket) private view returns (bool) {
        Ticket storage t = s.tickets[ticket];
        return t.remaining >= MIN_TICKET && s.lanes.get(t.account) >= MIN_TICKET;
    }
}

// slither-disable-end timestamp,uninitialized-local
