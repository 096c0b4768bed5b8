// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {Vm} from "../Base.sol";
import {PrimeVaultBase, TestVenue} from "../PrimeVaultBase.sol";

/// @notice What mutants showed that no test of marks and commits asked.
contract SettlementGapsTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
    }

    function _suspend(TestVenue venue) internal {
        vm.prank(guardian);
        vault.setSuspended(address(venue), true);
    }

    function _payable(uint256 ticket) internal view returns (uint64) {
        return vault.ticketOf(ticket).payable_;
    }

    function _cancelled(Vm.Log[] memory logs) internal pure returns (uint256 count) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == EventsLib.WithdrawCancelled.selector) ++count;
        }
    }

    /// @dev A full commit, `delta` of `t1` given to sub-account `id`.
    function _settle(uint256 id, int64 delta) internal {
        t1.earn(delta);
        vm.warp(block.timestamp + 10 minutes);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        _change(c, id, delta);
        _commit(c);
    }

    /* WITHOUT A SUSPENDED VENUE */

    /// @dev What lies at a read venue is read, suspended or not; at an attested one a micro-dollar is something.
    function testFuzz_SuspendedBook_OfAttestedVenuesAlone(uint64 book, bool read) public {
        book = uint64(bound(book, 1, 10_000e6));
        _send(t2, book);
        _suspend(read ? t1 : t2);
        assertEq(vault.suspendedBook(), read ? 0 : book, "what a commit does without");
    }

    function test_SuspendedBook_OfExactlyOneMicroDollar() public {
        testFuzz_SuspendedBook_OfAttestedVenuesAlone(1, false);
    }

    /// @dev A mark of the very second may be older than the suspension: it does not count as news.
    function testFuzz_SuspendedBook_AMarkOfTheSameSecondIsOld(uint64 book, uint256 later) public {
        book = uint64(bound(book, 1, 10_000e6));
        later = bound(later, 1, 24 hours);
        _send(t2, book);
        _mark(t2);
        _suspend(t2);
        assertEq(vault.suspendedBook(), book, "nothing is known since");
        vm.warp(block.timestamp + later);
        _mark(t2);
        assertEq(vault.suspendedBook(), 0, "now it is");
    }

    /// @dev Each sub-account has an approval of its own, of all but its part rounded up.
    function testFuzz_BeyondHeld_OneEach_ToTheMicroDollar(uint64 book, uint64 first, uint64 second) public {
        book = uint64(bound(book, 1, 10_000e6));
        (first, second) = (uint64(bound(first, 10e6, 10_000e6)), uint64(bound(second, 10e6, 10_000e6)));
        _send(t2, book);
        uint256[2] memory tickets = [_request(1, first), _request(2, second)];
        _suspend(t2);
        _ripen();
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        _approve(c, tickets[0], type(uint64).max);
        _approve(c, tickets[1], type(uint64).max);
        _commit(c);
        uint256 most = 10_000e6 - (uint256(10_000e6) * book + 30_000e6 - 1) / 30_000e6;
        uint256 cash = 18_000e6 + 1000e6 - book;
        uint256 paid = first < most ? first : most;
        if (paid > cash) paid = cash;
        assertEq(_payable(tickets[0]), paid, "the first");
        cash -= paid;
        paid = second < most ? second : most;
        assertEq(_payable(tickets[1]), paid < cash ? paid : cash, "the second");
    }

    function test_BeyondHeld_AskedForTheWholeLane() public {
        testFuzz_BeyondHeld_OneEach_ToTheMicroDollar(9_000e6, 10_000e6, 1_000e6);
    }

    /// @dev An approval of nothing is none: it does not use up the one.
    function testFuzz_BeyondHeld_NothingApprovedIsNoApproval(uint64 amount) public {
        amount = uint64(bound(amount, 10e6, 5_000e6));
        _send(t2, 3_000e6);
        uint256 ticket = _request(2, amount);
        _suspend(t2);
        _commitApproval(ticket, 0);
        assertEq(_payable(ticket), 0, "nothing");
        _commitApproval(ticket, amount);
        assertEq(_payable(ticket), amount, "the one");
    }

    /// @dev A mark of the suspended venue opens another round for all: for who had its approval and for who had not.
    function testFuzz_Mark_OfTheSuspendedVenueOpensARound(uint64 amount, bool had) public {
        amount = uint64(bound(amount, 10e6, 3_000e6));
        _send(t2, 3_000e6);
        _suspend(t2);
        uint256 ticket = _request(2, amount);
        _commitApproval(ticket, amount);
        vault.claim(ticket);
        vm.warp(block.timestamp + 1);
        _mark(t2);
        Commit memory c = _next();
        c.asOf = uint64(block.timestamp);
        vm.warp(block.timestamp + 10 minutes);
        _marked(c, t2);
        _commit(c);
        vm.warp(block.timestamp + 24 hours);
        assertEq(vault.suspendedBook(), 3_000e6, "unknown again");
        ticket = _request(had ? 2 : 3, amount);
        _commitApproval(ticket, amount);
        assertEq(_payable(ticket), amount, "another round");
    }

    /// @dev The mark of a venue that nobody suspended opens none.
    function testFuzz_Mark_OfAnotherVenueOpensNoRound(uint64 amount) public {
        amount = uint64(bound(amount, 10e6, 3_000e6));
        TestVenue t3 = new TestVenue(address(vault), usdc);
        factory.setTier(address(t3), 2);
        _governed(curator, abi.encodeCall(vault.addVenue, (address(t3), 1e15, 10_000)));
        _send(t2, 3_000e6);
        _suspend(t2);
        uint256 ticket = _request(2, amount);
        _commitApproval(ticket, amount);
        vault.claim(ticket);
        _mark(t3);
        ticket = _request(2, amount);
        _commitApproval(ticket, amount);
        assertEq(_payable(ticket), 0, "one approval each");
    }

    /* COMMIT: THE LAST MICRO-DOLLAR */

    function testFuzz_Commit_InsuranceFromOneMicroDollar(uint64 amount, bool taken) public {
        amount = uint64(bound(amount, 1, 1000e6));
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        c.insuranceDelta = taken ? -int64(amount) : int64(amount);
        _change(c, 1, -c.insuranceDelta);
        _commit(c);
        assertEq(vault.insurance(), taken ? 1000e6 - amount : 1000e6 + amount, "insurance");
        _checkBalance();
    }

    function test_Commit_InsuranceOfExactlyOneMicroDollar() public {
        testFuzz_Commit_InsuranceFromOneMicroDollar(1, false);
    }

    function testFuzz_Commit_DeficitFromOneMicroDollar(uint64 more) public {
        _loseBeyondInsurance(5e6);
        _deepen(uint64(bound(more, 1, 100e6)));
    }

    function test_Commit_DeficitDeeperByExactlyOneMicroDollar() public {
        _loseBeyondInsurance(5e6);
        _deepen(1);
    }

    function _deepen(uint64 more) internal {
        t1.earn(-int64(more));
        vm.warp(block.timestamp + 10 minutes);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        c.newDeficit = more;
        _commit(c);
        assertEq(vault.deficit(), 5e6 + more, "deeper");
        _checkBalance();
    }

    /// @dev While a deficit is open its clock runs on: neither a part repaid nor a deeper one sets it back.
    function testFuzz_Deficit_TheClockRunsOn(uint64 amount, bool repaid, uint256 after_) public {
        amount = uint64(bound(amount, 1, 5e6 - 1));
        after_ = bound(after_, 10 minutes, 72 hours - 20 minutes);
        _loseBeyondInsurance(5e6);
        uint256 since = block.timestamp;
        vm.warp(since + after_);
        if (repaid) _insure(amount);
        else _deepen(amount);
        _commitNothing(since + 72 hours - 1);
        vm.warp(since + 72 hours - 1);
        _refused(stranger, abi.encodeCall(vault.triggerExit, (0)), ErrorsLib.ExitNotReached.selector);
        vm.warp(since + 72 hours);
        vault.triggerExit(0);
        assertEq(vault.exitArmedAt(0), since + 72 hours, "armed");
    }

    /// @dev A full commit, so that only the deficit is a reason, as long before `time` as commits lie apart.
    function _commitNothing(uint256 time) internal {
        if (block.timestamp < time - 10 minutes) vm.warp(time - 10 minutes);
        if (block.timestamp < vault.committedAt() + 10 minutes) vm.warp(vault.committedAt() + 10 minutes);
        _commit(_fullNext());
    }

    /* APPROVALS */

    /// @dev The whole of a ticket that was the whole lane: nothing is left to cancel.
    function testFuzz_Approve_TheWholeLaneCancelsNothing(uint64 lane) public {
        lane = uint64(bound(lane, 1, 9_000e6));
        _settle(2, int64(lane) - 10_000e6);
        uint256 ticket = _request(2, lane);
        _ripen();
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        _approve(c, ticket, lane);
        vm.recordLogs();
        _commit(c);
        assertEq(_cancelled(vm.getRecordedLogs()), 0, "nothing to cancel");
        assertEq(_payable(ticket), lane, "all of it");
    }

    /// @dev What is left to approve is paid down to the last micro-dollar, which keeps the sub-account where it is.
    function testFuzz_Approve_TheLastMicroDollar(uint64 amount, uint64 left) public {
        amount = uint64(bound(amount, 10e6, 5_000e6));
        _lastOf(amount, uint64(bound(left, 1, amount - 1)));
    }

    function test_Approve_ExactlyOneMicroDollarIsLeft() public {
        _lastOf(10e6, 1);
    }

    function _lastOf(uint64 amount, uint64 left) internal {
        uint256 ticket = _request(2, amount);
        _commitApproval(ticket, amount - left);
        vault.claim(ticket);
        _refused(bob, abi.encodeCall(vault.offerAccount, (2, alice)), ErrorsLib.TicketUnpaid.selector);
        vm.prank(bob);
        vault.redirect(ticket, carol);
        _commitApproval(ticket, type(uint64).max);
        assertEq(_payable(ticket), left, "the last");
        vault.claim(ticket);
        assertEq(usdc.balanceOf(carol), left, "where it was redirected to");
    }

    /* FEES */

    /// @dev What a commit charges is gone from the allowance, to the micro-dollar.
    function testFuzz_Charge_UsesTheAllowanceUp(uint64 fees) public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6000)));
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 1 days);
        fees = uint64(bound(fees, 1, 170e6));
        // 0.6% a day of what equity is now, without the fees, and what ten minutes brought before.
        uint256 allowed = vault.feeAllowance() + uint256(30_000e6 - fees) * 6000 / 1e6;
        Commit memory c = _fullNext();
        c.fees = fees;
        _change(c, 1, -int64(fees));
        _commit(c);
        assertEq(vault.feeAllowance(), allowed - fees, "left");
        assertEq(vault.feesAccrued(), fees, "accrued");
    }

    /// @dev Without a cap nothing accrues and nothing is charged; what was left is not looked at.
    function testFuzz_Charge_NothingWithoutACap(uint64 fees) public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6000)));
        vm.warp(block.timestamp + 1 days);
        vm.prank(curator);
        vault.decreaseFeeCap(0);
        uint64 left = vault.feeAllowance();
        assertTrue(left > 0, "something was left");
        _commit(_fullNext());
        assertEq(vault.feeAllowance(), left, "as it was");
        vm.warp(block.timestamp + 10 minutes);
        fees = uint64(bound(fees, 1, left));
        Commit memory c = _fullNext();
        c.fees = fees;
        _change(c, 1, -int64(fees));
        _commitRefused(c, ErrorsLib.FeeAboveCap.selector);
    }

    /* CLOSING */

    /// @dev A lane of one micro-dollar keeps its sub-account open.
    function testFuzz_Close_AnyLaneKeepsIt(uint64 amount) public {
        _closeWithLane(uint64(bound(amount, 1, 1000e6)));
    }

    function test_Close_ALaneOfOneKeepsIt() public {
        _closeWithLane(1);
    }

    function _closeWithLane(uint64 amount) internal {
        _settle(2, -10_000e6);
        vm.prank(bob);
        vault.closeAccount(2);
        _deposit(2, amount);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        assertTrue(vault.accountOf(2).open, "kept");
    }

    /// @dev What is payable keeps it; what is only asked for is void with the lane and goes with it.
    function testFuzz_Close_WhatIsPayableKeepsIt(uint64 approved, bool claimed) public {
        _closeWithTicket(uint64(bound(approved, 1, 9_999e6)), claimed);
    }

    function test_Close_OnePayableKeepsIt() public {
        _closeWithTicket(1, false);
    }

    function test_Close_OneLeftToApproveIsVoid() public {
        _closeWithTicket(10_000e6 - 1, true);
    }

    function _closeWithTicket(uint64 approved, bool claimed) internal {
        uint256 ticket = _request(2, 10_000e6);
        _commitApproval(ticket, approved);
        if (claimed) vault.claim(ticket);
        _settle(2, int64(approved) - 10_000e6);
        vm.prank(bob);
        vault.closeAccount(2);
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        vm.recordLogs();
        _commit(c);
        assertEq(_cancelled(vm.getRecordedLogs()), claimed ? 1 : 0, "void");
        assertTrue(vault.accountOf(2).open != claimed, "kept while something is payable");
        assertEq(vault.pendingTicketOf(2), claimed ? 0 : ticket, "ticket");
    }

    /* BANDS */

    /// @dev The window is a whole day, at the mark and at the commit.
    function testFuzz_Band_TheWindowLastsADay(uint256 after_, uint64 gain) public {
        after_ = bound(after_, 10 minutes, 25 hours);
        gain = uint64(bound(gain, 1, 400e6));
        _band(after_, gain);
    }

    function test_Band_ASecondBeforeTheDayIsOver() public {
        _band(24 hours - 1, 1);
    }

    function _band(uint256 after_, uint64 gain) internal {
        _send(t2, 10_000e6);
        _gain(100e6);
        uint256 start = block.timestamp;
        assertEq(vault.bandOf(address(t2)).windowStart, start, "begins");
        vm.warp(start + after_);
        _gain(gain);
        bool another = after_ >= 24 hours;
        assertEq(vault.bandOf(address(t2)).windowStart, another ? start + after_ : start, "window");
        assertEq(vault.bandOf(address(t2)).windowUsed, another ? gain : 100e6 + gain, "used");
    }

    /// @dev `t2` earns within the band and is committed at once.
    function _gain(uint64 amount) internal {
        t2.earn(int128(uint128(amount)));
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 2, int64(amount));
        _commit(c);
    }
}
