// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeCastLib} from "solady/utils/SafeCastLib.sol";

import {Account, Approval, Commit, PendingMark, Ticket, VenueState} from "../interfaces/IPrimeVault.sol";
import {IVenue} from "../interfaces/IVenue.sol";
import {ensure} from "./CheckLib.sol";
import "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";
import {LanesLib} from "./LanesLib.sol";
import {QuarantineLib} from "./QuarantineLib.sol";
import {State, StateLib} from "./StateLib.sol";

// timestamp: every span here is a minute or more; a block's time can be bent by seconds.
// reentrancy-events: the vault's entries hold its lock.
// calls-loop: the keeper names the assets it wants logged.
// assembly: points at the one argument, whose fields are checked as they are read.
// slither-disable-start timestamp,reentrancy-events,calls-loop,assembly

/// @dev What approvals may still pay in this commit. `before`: time of the commit before it.
struct Limits {
    uint256 before;
    uint256 cash;
    uint256 young;
    uint256 held;
}

/// @title Marks, and the commits that use them: the only place where a profit or a loss reaches a lane.
library SettlementLib {
    using FixedPointMathLib for uint256;
    using LanesLib for uint256[LANE_WORDS];
    using SafeCastLib for uint256;
    using SafeCastLib for int256;
    using StateLib for State;

    function mark(State storage s, address venue, bytes calldata attestation, uint32[] calldata assets) public {
        VenueState storage state = s.listed(venue);
        ensure(IVenue(venue).quiet(), uint32(ErrorsLib.VenueNotQuiet.selector));
        (int128 value, uint64 asOf, uint64 l1Block, bytes32 sheet) = IVenue(venue).observe(attestation);
        ensure(asOf <= block.timestamp, uint32(ErrorsLib.MarkInFuture.selector));
        ensure(block.timestamp - asOf <= MAX_MARK_AGE, uint32(ErrorsLib.MarkTooOld.selector));
        if (state.tier == TIER_ATTESTED) {
            value = QuarantineLib.accept(s, venue, value);
            if (s.guardedSince[venue] > 0) ++s.guardRound;
        }
        int128 delta = value - state.book;
        s.pendingMarks[venue] = PendingMark({delta: delta, asOf: asOf, l1Block: l1Block});
        state.markedAt = uint40(block.timestamp);
        s.insuranceSinceMark = 0;
        emit EventsLib.Marked(venue, delta, value, asOf, l1Block, sheet);

        ensure(assets.length == 0 || state.tier == TIER_READ, uint32(ErrorsLib.AssetsNotAllowed.selector));
        for (uint256 i; i < assets.length; ++i) {
            (int64 size, uint64 markPrice) = IVenue(venue).assetOf(assets[i]);
            emit EventsLib.AssetMarked(venue, assets[i], size, markPrice);
        }
    }

    /// @param data The call's arguments: one `Commit`.
    function commit(State storage s, bytes calldata data) public {
        Commit calldata c;
        // Where the first argument points; each field is checked against the call's end as it is read.
        assembly ("memory-safe") {
            c := add(data.offset, calldataload(data.offset))
        }
        uint32 next = s.epoch + 1;
        uint40 before = s.committedAt;
        ensure(c.epoch == next, uint32(ErrorsLib.WrongEpoch.selector));
        ensure(c.fence >= s.lastFence, uint32(ErrorsLib.StaleFence.selector));
        ensure(c.asOf > s.lastAsOf, uint32(ErrorsLib.StaleCommit.selector));
        ensure(c.asOf <= block.timestamp, uint32(ErrorsLib.CommitInFuture.selector));
        ensure(next == 1 || block.timestamp >= before + COMMIT_INTERVAL, uint32(ErrorsLib.CommitTooEarly.selector));

        int256 delta = _useMarks(s, c.marked, c.asOf);
        int256 pnl = s.lanes.addDeltas(s.openBits, c.words, c.pnl4);
        ensure(
            pnl + int256(uint256(c.fees)) + c.insuranceDelta - int256(uint256(c.newDeficit)) == delta,
            uint32(ErrorsLib.NotConserved.selector)
        );
        s.sumEquity = (int256(uint256(s.sumEquity)) + pnl).toUint256().toUint112();
        // With neither there is nothing to repay either: insurance and deficit are never both above 0.
        if (c.insuranceDelta != 0 || c.newDeficit != 0) s.settleInsurance(c.insuranceDelta, c.newDeficit);

        bool full = _full(s, c.marked);
        s.epoch = next;
        s.committedAt = uint40(block.timestamp);
        // forge-lint: disable-next-line(unsafe-typecast)
        s.lastAsOf = uint40(c.asOf); // At most now.
        s.lastFence = c.fence;
        if (full) (s.fullAt, s.fullEpoch) = (uint40(block.timestamp), next);
        s.statementRootOf[next] = c.statementRoot;
        emit EventsLib.LanesChanged(next, c.words, c.pnl4);
        emit EventsLib.Committed(
            next, c.asOf, c.fence, c.statementRoot, pnl, c.fees, c.insuranceDelta, c.newDeficit, c.marked
        );

        // Skipped in a commit that is not full rather than refused: whether a book is zero may change while the commit
        // is on its way.
        if (full && c.approvals.length > 0 && s.deficit == 0) _approve(s, c.approvals, before);
        if (c.fees > 0 || s.feeCapPpm > 0) _charge(s, c.fees);
        if (s.closingsWait) _closeAccounts(s);
    }

    /// @notice Σ books of the venues that a commit does without.
    function suspendedBook(State storage s) public view returns (uint128 sum) {
        for (uint256 i; i < s.venueList.length; ++i) {
            VenueState storage state = s.venueStates[s.venueList[i]];
            // forge-lint: disable-next-line(unsafe-typecast)
            if (state.book > 0 && _excused(s, s.venueList[i], state)) sum += uint128(state.book);
        }
    }

    /* COMMIT, STEP BY STEP */

    /// @dev Uses up the marks of `marked` and returns Σ of their deltas. A venue named twice has no second mark.
    function _useMarks(State storage s, address[] calldata marked, uint64 asOf) private returns (int256 delta) {
        for (uint256 i; i < marked.length; ++i) {
            VenueState storage state = s.listed(marked[i]);
            PendingMark storage pending = s.pendingMarks[marked[i]];
            ensure(pending.asOf > 0, uint32(ErrorsLib.MarkMissing.selector));
            ensure(pending.asOf >= asOf, uint32(ErrorsLib.StaleCommit.selector));
            ensure(block.timestamp - pending.asOf <= MAX_MARK_AGE, uint32(ErrorsLib.MarkTooOld.selector));
            int128 markDelta = pending.delta;
            if (state.tier == TIER_ATTESTED) {
                int256 book = state.book;
                // forge-lint: disable-next-line(unsafe-typecast)
                QuarantineLib.consume(s, marked[i], book > 0 ? uint256(book) : 0);
            }
            state.book += markDelta;
            delta += markDelta;
            delete s.pendingMarks[marked[i]];
        }
    }

    /// @dev Whether every read venue with a book is marked here, and every attested one was within a day, its last mark
    /// being used.
    function _full(State storage s, address[] calldata marked) private view returns (bool) {
        for (uint256 i; i < s.venueList.length; ++i) {
            address venue = s.venueList[i];
            VenueState storage state = s.venueStates[venue];
            if (state.book == 0) continue;
            if (state.tier == TIER_READ) {
                uint256 found;
                while (found < marked.length && marked[found] != venue) ++found;
                if (found == marked.length) return false;
            } else if (!_excused(s, venue, state)) {
                if (block.timestamp - state.markedAt > MAX_ATTESTED_AGE) return false;
                // A loss that the keeper marked but did not commit must not let others leave before it is shared.
                if (s.pendingMarks[venue].asOf > 0) return false;
            }
        }
        return true;
    }

    /// @dev A guardian has suspended it, and nothing is known of it since (or for a day): a commit does without it.
    function _excused(State storage s, address venue, VenueState storage state) private view returns (bool) {
        if (!state.suspended || state.tier == TIER_READ) return false;
        uint256 since = s.guardedSince[venue];
        return since > 0 && (state.markedAt <= since || block.timestamp - state.markedAt > MAX_ATTESTED_AGE);
    }

    /// @dev What cannot be paid is skipped, never refused.
    function _approve(State storage s, Approval[] calldata approvals, uint256 before) private {
        uint256 cash = s.idle - s.payables;
        Limits memory limits = Limits({before: before, cash: cash, young: _outflowLeft(s), held: suspendedBook(s)});
        for (uint256 i; i < approvals.length; ++i) {
            _approveOne(s, approvals[i].ticket, approvals[i].amount, limits);
        }
        s.outflowUsed = (s.outflowLimit - limits.young).toUint104();
        uint256 total = cash - limits.cash;
        s.sumEquity -= total.toUint112();
        s.payables += total.toUint128();
    }

    function _approveOne(State storage s, uint256 ticket, uint256 wanted, Limits memory limits) private {
        Ticket storage t = s.tickets[ticket];
        uint256 id = t.account;
        uint256 remaining = t.remaining;
        // A commit must lie between request and approval: people see a request before its cash leaves.
        if (remaining == 0 || t.requestedAt >= limits.before) return;
        uint256 lane = s.lanes.get(id);
        uint256 least = wanted.min(remaining).min(lane).min(limits.cash);
        bool limited = block.timestamp < t.requestedAt + OUTFLOW_WINDOW;
        if (limited) least = least.min(limits.young);
        if (limits.held > 0) least = _beyondHeld(s, id, least, lane, limits.held);
        if (least == 0) return;
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 amount = uint64(least); // Not more than the lane.
        if (limited) limits.young -= amount;
        limits.cash -= amount;
        s.lanes.sub(id, amount);
        t.remaining -= amount;
        t.payable_ += amount;
        emit EventsLib.WithdrawApproved(ticket, id, s.epoch, amount);
        if (amount == lane && amount < remaining) s.voidRemaining(ticket, id, t);
    }

    /// @dev What approvals of young tickets may still take out in the fixed window of a day.
    function _outflowLeft(State storage s) private returns (uint256) {
        if (block.timestamp < s.outflowStart + OUTFLOW_WINDOW) return s.outflowLimit - s.outflowUsed;
        s.outflowStart = uint40(block.timestamp);
        s.outflowUsed = 0;
        return s.outflowLimit = (s.sumEquity / OUTFLOW_SHARE).toUint104();
    }

    /// @dev One approval, which leaves the sub-account's part of what may be lost at suspended venues.
    function _beyondHeld(State storage s, uint256 id, uint256 wanted, uint256 lane, uint256 held)
        private
        returns (uint256 amount)
    {
        uint256 key = id << 32 | s.accounts[id].generation;
        if (s.approvedRound[key] == s.guardRound) return 0;
        amount = wanted.min(lane.zeroFloorSub((lane * held).divUp(s.sumEquity)));
        if (amount > 0) s.approvedRound[key] = s.guardRound;
    }

    /// @dev Fees of this commit, within what has accrued since a cap was set.
    function _charge(State storage s, uint64 fees) private {
        s.accrueFees();
        ensure(fees <= s.feeAllowance, uint32(ErrorsLib.FeeAboveCap.selector));
        s.feeAllowance -= fees;
        s.feesAccrued += fees;
        s.equityAtCommit = s.coveredEquity();
    }

    function _closeAccounts(State storage s) private {
        uint256 head = s.closingHead;
        uint256 end = (head + MAX_CLOSINGS).min(s.closingTail);
        for (; head < end; ++head) {
            uint256 id = s.closings[head];
            delete s.closings[head];
            Account storage account = s.accounts[id];
            uint256 ticket = s.pendingTicketOf[id];
            Ticket storage t = s.tickets[ticket];
            account.closing = false;
            if (s.lanes.get(id) > 0 || t.payable_ > 0) {
                emit EventsLib.AccountKept(id);
                continue;
            }
            // Nothing of the old owner may reach the next one: a ticket at lane 0 is void.
            if (t.remaining > 0) s.voidRemaining(ticket, id, t);
            s.setOpen(id, false);
            s.freeIds.push(id);
            emit EventsLib.AccountClosed(id, account.generation);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        s.closingHead = uint128(head); // At most `closingTail`.
        s.closingsWait = head < s.closingTail;
    }
}

// slither-disable-end timestamp,reentrancy-events,calls-loop,assembly
