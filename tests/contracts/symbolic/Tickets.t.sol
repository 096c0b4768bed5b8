// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Approval, Commit, Ticket} from "contracts/interfaces/IPrimeVault.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {VaultHarness} from "./VaultHarness.sol";

/// @notice A withdrawal's money, for every ticket, lane and cash: remaining → payable → paid, and never more than asked.
/// @dev `remaining + payable + paid` of a ticket starts as the amount asked. No step raises it, and `paid` rises by
/// `payable` alone: so Σ paid ≤ amount.
contract TicketProofs is VaultHarness {
    address internal constant RECEIVER = address(0xBEEF);

    struct Money {
        uint64 remaining;
        uint64 payable_;
        uint64 paid;
        uint64 lane;
        uint64 others;
        uint64 idle;
        uint64 payables;
    }

    function arrange(Money calldata m) external returns (bool) {
        return _arrange(m);
    }

    function _arrange(Money calldata m) internal returns (bool possible) {
        if (m.payables > m.idle || m.payable_ > m.payables) return false;
        uint256 asked = uint256(m.remaining) + m.payable_ + m.paid;
        if (asked > type(uint64).max) return false;
        s.lanes[0] = m.lane;
        s.sumEquity = uint112(m.lane) + m.others;
        (s.idle, s.payables) = (m.idle, m.payables);
        s.ticketCount = 1;
        s.tickets[one] = Ticket({
            account: 1,
            requestedAt: uint40(NOW - 2 days),
            remaining: m.remaining,
            payable_: m.payable_,
            paid: m.paid,
            receiver: RECEIVER
        });
        s.pendingTicketOf[one] = 1;
        (s.epoch, s.committedAt, s.fullAt) = (1, uint40(NOW - 1 hours), uint40(NOW - 1 hours));
        _warp(NOW);
        return true;
    }

    function _approve(uint64 wanted) internal returns (bool ok) {
        Commit memory c;
        (c.epoch, c.asOf) = (2, uint64(NOW));
        c.approvals = new Approval[](1);
        c.approvals[0] = Approval({ticket: 1, amount: wanted});
        (ok,) = address(this).call(abi.encodeCall(this.commit, (c)));
    }

    /* APPROVAL */

    /// @dev What leaves the lane is what becomes payable, and what is reserved in the vault.
    function check_Approval_MovesRemainingToPayable(Money calldata m, uint64 wanted) external {
        if (!_arrange(m)) return;
        assert(_approve(wanted)); // A commit is never refused for its approvals.
        Ticket memory t = s.tickets[one];
        uint256 moved = t.payable_ - m.payable_;
        assert(s.lanes[0] == m.lane - moved);
        assert(s.payables == m.payables + moved);
        assert(s.sumEquity == uint256(m.lane) + m.others - moved);
        // The rest of a ticket whose lane is empty is void.
        assert(t.remaining == m.remaining - moved || (t.remaining == 0 && s.lanes[0] == 0));
    }

    /// @dev Never more than was named, asked for, owned or there.
    function check_Approval_IsBounded(Money calldata m, uint64 wanted) external {
        if (!_arrange(m)) return;
        _approve(wanted);
        uint256 moved = s.tickets[one].payable_ - m.payable_;
        assert(moved <= wanted && moved <= m.remaining && moved <= m.lane && moved <= m.idle - m.payables);
        assert(s.payables <= s.idle && s.idle == m.idle);
    }

    /// @dev Of a young ticket no more than the day's limit has left, and all of it is counted.
    function check_Approval_OfYoungOnes_UsesTheLimit(Money calldata m, uint64 wanted, uint64 limit, uint64 used)
        external
    {
        if (!_arrange(m) || used > limit) return;
        s.tickets[one].requestedAt = uint40(NOW - 2 hours);
        (s.outflowStart, s.outflowLimit, s.outflowUsed) = (uint40(NOW - 1 hours), limit, used);
        _approve(wanted);
        uint256 moved = s.tickets[one].payable_ - m.payable_;
        assert(moved <= limit - used && s.outflowUsed == used + moved);
    }

    /// @dev Nothing moves unless a commit lies between the request and this one.
    function check_Approval_NotInTheNextCommit(Money calldata m, uint64 wanted, uint40 requestedAt) external {
        if (!_arrange(m) || requestedAt < s.committedAt || requestedAt > NOW) return;
        s.tickets[one].requestedAt = requestedAt;
        _approve(wanted);
        assert(s.tickets[one].payable_ == m.payable_ && s.tickets[one].remaining == m.remaining && s.lanes[0] == m.lane);
    }

    /// @dev Nothing moves while a deficit is open, and in exit there is no commit at all.
    function check_Approval_NotWithADeficit(Money calldata m, uint64 wanted, uint64 deficit, bool exiting_) external {
        if (!_arrange(m) || (deficit == 0 && !exiting_)) return;
        (s.deficit, s.exiting) = (deficit, exiting_);
        assert(_approve(wanted) == !exiting_);
        assert(s.tickets[one].payable_ == m.payable_ && s.tickets[one].remaining == m.remaining && s.lanes[0] == m.lane);
    }

    /* CLAIM */

    /// @dev Takes all that is payable and nothing else, from the ticket and from what the vault reserves, and counts it:
    /// with the proofs above, Σ paid ≤ amount.
    function check_Claim_CountsWhatIsPaid(uint32 remaining, uint32 payable_, uint32 paid, uint32 others) external {
        uint64 reserved = uint64(payable_) + others;
        if (payable_ == 0 || !this.arrange(Money(remaining, payable_, paid, 7, 0, reserved + 5, reserved))) return;
        TestUSDC(asset).mint(address(this), type(uint64).max);
        assert(this.claim(1) == payable_);
        Ticket memory t = s.tickets[one];
        assert(t.paid == uint256(paid) + payable_ && t.payable_ == 0 && t.remaining == remaining);
        assert(s.payables == others && s.idle == uint256(others) + 5 && s.lanes[0] == 7);
    }

    /// @dev The receiver gets it whatever flags are set, and a second claim of the same money is refused.
    function check_Claim_PaysOnce(Money calldata m, bool exiting_, bool stopped, uint64 deficit) external {
        if (!_arrange(m) || m.payable_ == 0) return;
        if (exiting_) s.exiting = true;
        if (stopped) s.depositsStopped = true;
        s.deficit = deficit;
        TestUSDC(asset).mint(address(this), type(uint64).max);
        this.claim(1);
        (bool again,) = address(this).call(abi.encodeCall(this.claim, (1)));
        assert(!again && TestUSDC(asset).balanceOf(RECEIVER) == m.payable_);
    }

    /* CANCEL */

    /// @dev Cancelling voids what waits. What is payable stays payable, and no lane and no cash changes.
    function check_Cancel_VoidsOnlyRemaining(Money calldata m, bool exiting_) external {
        if (!_arrange(m)) return;
        s.exiting = exiting_;
        (bool ok,) = address(this).call(abi.encodeCall(this.cancelWithdraw, (1)));
        assert(ok == (m.remaining > 0));
        Ticket memory t = s.tickets[one];
        assert(t.remaining == 0 && t.payable_ == m.payable_ && t.paid == m.paid && t.receiver == RECEIVER);
        assert(s.lanes[0] == m.lane && s.idle == m.idle && s.payables == m.payables);
        if (ok) assert((s.pendingTicketOf[one] == 0) == (m.payable_ == 0));
    }

    /// @dev Redirecting names another receiver and moves nothing.
    function check_Redirect_MovesNothing(Money calldata m, address receiver, bool exiting_) external {
        if (!_arrange(m)) return;
        s.exiting = exiting_;
        (bool ok,) = address(this).call(abi.encodeCall(this.redirect, (1, receiver)));
        Ticket memory t = s.tickets[one];
        assert(t.remaining == m.remaining && t.payable_ == m.payable_ && t.paid == m.paid);
        assert(t.receiver == (ok ? receiver : RECEIVER));
        // In exit only what was approved can still be paid, so only that can be redirected.
        if (ok) assert(receiver != address(0) && (m.payable_ > 0 || (m.remaining > 0 && !exiting_)));
    }
}
