// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

/// @notice Exit without the operator: rules E1 to E4.
contract PrimeVaultExitTest is PrimeVaultBase {
    function _trigger(uint256 ticket) internal {
        vm.prank(stranger);
        vault.triggerExit(ticket);
    }

    function _triggerRefused(uint256 ticket, bytes4 reason) internal {
        _refused(stranger, abi.encodeCall(vault.triggerExit, (ticket)), reason);
    }

    /// @dev The keeper is gone for four days.
    function _startExit() internal {
        vm.warp(vault.fullAt() + 72 hours);
        _trigger(0);
        vm.warp(block.timestamp + 24 hours);
        _trigger(0);
        assertTrue(vault.exiting(), "exit");
    }

    /* E1: STALE */

    function testFuzz_E1_X1_StaleArmsAfterThreeDays(uint32 wait) public {
        wait = uint32(bound(wait, 0, 10 days));
        vm.warp(vault.fullAt() + wait);
        if (wait < 72 hours) return _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.expectEmit(address(vault));
        emit EventsLib.ExitArmed(0);
        _trigger(0);
        assertEq(vault.exitArmedAt(0), block.timestamp, "armed");
        assertFalse(vault.exiting(), "not started");
    }

    function testFuzz_E1_TheSecondCallComesADayLater(uint32 wait) public {
        wait = uint32(bound(wait, 0, 3 days));
        vm.warp(vault.fullAt() + 72 hours);
        _trigger(0);
        vm.warp(block.timestamp + wait);
        if (wait < 24 hours) return _triggerRefused(0, ErrorsLib.ExitTooEarly.selector);
        vm.expectEmit(address(vault));
        emit EventsLib.ExitTriggered(0, 30_000e6);
        _trigger(0);
        assertTrue(vault.exiting(), "started");
        assertEq(vault.exitAt(), block.timestamp, "its time");
        _triggerRefused(0, ErrorsLib.Exiting.selector);
    }

    function test_E1_AFullCommitDisarmsAStaleArming() public {
        vm.warp(vault.fullAt() + 72 hours);
        _trigger(0);
        _commit(_fullNext());
        assertEq(vault.exitArmedAt(0), 0, "disarmed");
        vm.warp(block.timestamp + 24 hours);
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        // And the old arming does not count when it is stale again.
        vm.warp(block.timestamp + 48 hours);
        _trigger(0);
        assertFalse(vault.exiting(), "armed anew");
    }

    function test_E1_X5_APartialCommitDisarmsNothing() public {
        vm.warp(vault.fullAt() + 72 hours);
        _trigger(0);
        _commit(_next()); // `t1` has a book and is not marked.
        vm.warp(block.timestamp + 24 hours);
        _trigger(0);
        assertTrue(vault.exiting(), "exit");
    }

    function test_E1_AnEmptyVaultIsNotStale() public {
        _empty();
        vm.warp(block.timestamp + 30 days);
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        _insure(100e6);
        _openAccount(alice, 100e6);
        assertEq(vault.fullAt(), block.timestamp, "the clock starts with the first money");
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.warp(block.timestamp + 72 hours);
        _trigger(0);
    }

    /* E1: OVERDUE */

    function testFuzz_E1_X1_OverdueAfterSevenDays(uint32 wait, uint64 amount) public {
        wait = uint32(bound(wait, 0, 9 days));
        uint256 ticket = _request(2, uint64(bound(amount, 10e6, 10_000e6)));
        uint256 asked = block.timestamp;
        vm.warp(asked + wait);
        if (wait < 7 days) return _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
        _trigger(ticket);
        assertEq(vault.exitArmedAt(ticket), block.timestamp, "armed");
        _commit(_fullNext());
        assertEq(vault.exitArmedAt(ticket), block.timestamp, "a full commit does not disarm it");
        vm.warp(block.timestamp + 24 hours);
        _trigger(ticket);
        assertTrue(vault.exiting(), "exit");
    }

    function testFuzz_E1_OnlyPaymentOrCancellationDisarmsAnOverdueOne(bool paid) public {
        uint256 ticket = _request(2, 500e6);
        vm.warp(block.timestamp + 7 days);
        _commit(_fullNext());
        _trigger(ticket);
        if (paid) {
            _commitApproval(ticket, 500e6);
        } else {
            vm.prank(bob);
            vault.cancelWithdraw(ticket);
        }
        assertEq(vault.exitArmedAt(ticket), 0, "disarmed");
        vm.warp(block.timestamp + 24 hours);
        _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
    }

    /// @dev Less than 10 USDC unserved starts no exit: neither of the ticket nor of its lane.
    function testFuzz_E1_CrumbsAreNotOverdue(uint64 left, bool byLane) public {
        left = uint64(bound(left, 1, 10e6 - 1));
        uint256 ticket = _request(2, 10_000e6);
        _ripen();
        Commit memory c = _fullNext();
        if (byLane) {
            _change(c, 2, -int64(10_000e6 - left));
            _change(c, 3, int64(10_000e6 - left));
        } else {
            _approve(c, ticket, 10_000e6 - left);
        }
        _commit(c);
        vm.warp(block.timestamp + 8 days);
        _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
    }

    function testFuzz_E1_UnknownTicketsArmNothing(uint256 ticket) public {
        vm.assume(ticket > 0);
        vm.warp(block.timestamp + 30 days);
        _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
    }

    /* E1, A3: DEFICIT */

    function testFuzz_E1_ADeficitArmsAfterThreeDays(uint32 wait) public {
        wait = uint32(bound(wait, 0, 71 hours));
        _loseBeyondInsurance(5e6);
        uint256 since = block.timestamp;
        vm.warp(since + wait);
        _commit(_afterTenMinutes()); // Full commits do not heal it.
        if (block.timestamp < since + 72 hours) _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.warp(since + 72 hours);
        _trigger(0);
        _commit(_afterTenMinutes());
        assertTrue(vault.exitArmedAt(0) > 0, "still armed");
        vm.warp(since + 97 hours);
        _trigger(0);
        assertTrue(vault.exiting(), "exit");
    }

    function _afterTenMinutes() internal returns (Commit memory) {
        vm.warp(block.timestamp + 10 minutes);
        return _fullNext();
    }

    function test_E1_RepayingTheDeficitDisarmsIt() public {
        _loseBeyondInsurance(5e6);
        vm.warp(block.timestamp + 72 hours);
        _commit(_fullNext());
        _trigger(0);
        _insure(5e6);
        assertEq(vault.exitArmedAt(0), 0, "disarmed");
        _loseBeyondInsurance(5e6); // A new one has a new clock, and the old arming does not count.
        vm.warp(block.timestamp + 71 hours);
        _commit(_fullNext());
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.warp(block.timestamp + 1 hours);
        _trigger(0);
        assertFalse(vault.exiting(), "armed anew");
    }

    /* E2: WHAT EXIT CLOSES, AND WHAT STAYS */

    function test_E2_FromTheStartMoneyOnlyComesHomeAndLeaves() public {
        _mark(t1);
        _startExit();
        bytes4 reason = ErrorsLib.Exiting.selector;
        _fund(alice, 1_000e6);
        _refused(alice, abi.encodeCall(vault.openAccount, (alice, 100e6)), reason);
        _refused(alice, abi.encodeCall(vault.deposit, (1, 100e6)), reason);
        _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, 100e6, alice)), reason);
        _refused(keeper, abi.encodeCall(vault.send, (address(t1), 1e6)), reason);
        _refused(keeper, abi.encodeCall(vault.recall, (address(t1), 1e6)), reason);
        _refused(keeper, abi.encodeCall(vault.mark, (address(t1), "", new uint32[](0))), reason);
        _commitRefused(_next(), reason);
        _refused(stranger, abi.encodeCall(vault.payFees, ()), reason);
    }

    /// @dev No role changes anything any more: not even what exit does not read.
    function test_E2_X5_NoRoleActsInExit() public {
        _startExit();
        bytes4 reason = ErrorsLib.Exiting.selector;
        _refused(curator, abi.encodeCall(vault.removeVenue, (address(t1))), reason);
        _refused(curator, abi.encodeCall(vault.setGate, (address(1))), reason);
        _refused(curator, abi.encodeCall(vault.decreaseCap, (address(t1), 1)), reason);
        _refused(curator, abi.encodeCall(vault.submit, (abi.encodeCall(vault.setGate, (address(1))))), reason);
        _refused(boss, abi.encodeCall(vault.setOwner, (stranger)), reason);
        _refused(boss, abi.encodeCall(vault.removeKeeper, (keeper)), reason);
    }

    function test_E2_AdvanceAndLapseStay() public {
        _recall(t1, 100e6);
        _startExit();
        vault.advance(address(t1));
        vault.lapseRecall(address(t1));
        assertEq(vault.venueOf(address(t1)).recalling, 0, "lapsed");
    }

    function testFuzz_E2_WhatWasApprovedIsPaidInFull_TheRestIsVoid(uint64 amount, uint64 part) public {
        amount = uint64(bound(amount, 10e6, 10_000e6));
        part = uint64(bound(part, 1, amount));
        uint256 ticket = _request(2, amount);
        _commitApproval(ticket, part);
        _startExit();
        assertEq(vault.claim(ticket), part, "paid in full");
        assertEq(usdc.balanceOf(bob), part, "arrived");
        _refused(bob, abi.encodeCall(vault.redirect, (ticket, stranger)), ErrorsLib.TicketNotPending.selector);
        _lane(2, 10_000e6 - part);
        _checkBalance();
    }

    /* E3: CLAIMS */

    function testFuzz_E3_X2_X3_InInstalmentsInAnyOrder(uint64 first, uint64 second, uint8 order, int64 result) public {
        result = int64(boundInt(result, -12_000e6, 5_000e6));
        uint64 there = uint64(int64(12_000e6) + result);
        t1.earn(result);
        _startExit();
        first = uint64(bound(first, 0, there));
        second = uint64(bound(second, 0, there - first));
        uint64[3] memory parts = [first, second, there - first - second];
        for (uint256 round; round < 3; ++round) {
            if (parts[round] > 0) _home(t1, parts[round]);
            vault.sync(address(t1));
            for (uint256 i; i < 3; ++i) {
                if ((order >> (round * 2 + i)) & 1 == 1) vault.claimExit((i + order) % 3 + 1);
            }
            _checkBalance();
        }
        uint256 recovered = uint256(vault.idle()) - vault.payables() + vault.totalExitPaid();
        assertEq(recovered, 19_000e6 + uint256(there), "all cash, insurance included");
        for (uint256 id = 1; id <= 3; ++id) {
            vault.claimExit(id);
            assertEq(vault.exitPaidOf(id), recovered * 10_000e6 / 30_000e6, "X3: pro rata, to the micro-dollar");
            assertEq(vault.claimExit(id), 0, "and no more");
        }
        assertEq(usdc.balanceOf(bob), vault.exitPaidOf(2), "to the owner");
        assertLe(vault.totalExitPaid(), recovered, "X2: not more than came home");
        _checkBalance();
    }

    /// @dev Lanes of any size: nobody's share depends on who came first.
    function testFuzz_E3_X3_SharesFollowTheLanes(uint64[3] memory extra, uint64 home, bool reverse) public {
        uint64[3] memory lanes;
        for (uint256 i; i < 3; ++i) {
            lanes[i] = 10_000e6 + uint64(bound(extra[i], 1, 1e13));
            _deposit(i + 1, lanes[i] - 10_000e6);
        }
        _startExit();
        _home(t1, uint64(bound(home, 1, 24_000e6)));
        vault.sync(address(t1));
        uint256 recovered = vault.idle();
        uint256 sum = vault.sumEquity();
        for (uint256 i; i < 3; ++i) {
            uint256 id = reverse ? 3 - i : i + 1;
            assertEq(vault.claimExit(id), lanes[id - 1] * recovered / sum, "floor of the share");
        }
        assertLe(vault.totalExitPaid(), recovered, "X2");
        assertLe(recovered - vault.totalExitPaid(), 3, "dust only");
        _checkBalance();
    }

    function testFuzz_E3_AnyoneClaims_UnknownIdsGetNothing(uint256 id) public {
        _startExit();
        uint256 before = usdc.balanceOf(address(vault));
        vm.prank(stranger);
        uint64 paid = vault.claimExit(id);
        if (id == 0 || id > 3) assertEq(paid, 0, "nobody");
        assertEq(usdc.balanceOf(address(vault)), before - paid, "paid");
    }

    function test_E3_DonationsInExitAreSharedOut() public {
        _startExit();
        usdc.mint(address(vault), 3_000e6);
        vault.sync(address(0));
        vault.claimExit(1);
        assertEq(vault.exitPaidOf(1), uint256(22_000e6) / 3, "a third of all there is");
        _checkBalance();
    }

    function test_E3_RevertWhen_NotInExit() public {
        _refused(stranger, abi.encodeCall(vault.claimExit, (1)), ErrorsLib.NotExiting.selector);
    }

    /// @dev An owner that the token refuses hands the sub-account on; others are not held up.
    function test_E3_TheSubAccountCanBeHandedOnInExit() public {
        _request(2, 10_000e6); // Void in exit: it is no hindrance.
        _startExit();
        vm.prank(bob);
        vault.offerAccount(2, carol);
        vm.prank(carol);
        vault.acceptAccount(2);
        uint64 paid = vault.claimExit(2);
        assertEq(usdc.balanceOf(carol), paid, "to the new owner");
    }

    /// @dev B3, E3: whatever is switched off, approved tickets and exit shares are paid.
    function testFuzz_E3_ClaimsWorkUnderEveryFlag(uint8 flags) public {
        uint256 ticket = _request(2, 1_000e6);
        _commitApproval(ticket, 1_000e6);
        vm.startPrank(curator);
        if (flags & 1 > 0) vault.stopDeposits(true);
        if (flags & 2 > 0) vault.setSuspended(address(t1), true);
        if (flags & 4 > 0) vault.decreaseCap(address(t1), 0);
        vm.stopPrank();
        if (flags & 8 > 0) _governed(curator, abi.encodeCall(vault.setGate, (address(new ClosedGate()))));
        if (flags & 16 > 0) _loseBeyondInsurance(5e6);
        if (flags & 32 > 0) t1.setBroken(true);
        if (flags & 64 > 0) t1.setQuiet(false);
        if (flags & 128 > 0) {
            vm.startPrank(boss);
            vault.removeKeeper(keeper);
            vault.removeKeeper(keeper2);
            vm.stopPrank();
        }
        _startExit();
        assertTrue(vault.claimExit(1) > 0, "a share");
        assertEq(vault.claim(ticket), 1_000e6, "a ticket");
        assertTrue(vault.claimExit(2) > 0, "the rest");
        _checkBalance();
    }

    /* E4: UNWIND */

    function testFuzz_E4_AnyoneUnwinds_OnlyInExit(bytes calldata step, address who) public {
        bytes memory data = abi.encodeCall(vault.unwind, (address(t1), step));
        _refused(who, data, ErrorsLib.NotExiting.selector);
        _startExit();
        vm.expectCall(address(t1), abi.encodeCall(t1.unwind, (step)));
        vm.prank(who);
        vault.unwind(address(t1), step);
        _refused(who, abi.encodeCall(vault.unwind, (address(usdc), step)), ErrorsLib.VenueNotListed.selector);
    }
}

/// @notice Lets nobody in.
contract ClosedGate {
    function mayEnter(address) external pure returns (bool) {
        return false;
    }
}
