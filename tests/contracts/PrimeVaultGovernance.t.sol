// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IPrimeVault} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase, TestVenue} from "./PrimeVaultBase.sol";

/// @notice Who changes what, and after how long: rules G1 and G3, invariant I14.
contract PrimeVaultGovernanceTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);
    address internal guardian2 = address(0x6A2E);

    function setUp() public override {
        super.setUp();
        vm.startPrank(boss);
        vault.addGuardian(guardian);
        vault.addGuardian(guardian2);
        vm.stopPrank();
    }

    struct Call {
        address who;
        bytes data;
        uint40 delay;
    }

    /// @dev One call of every timelocked function, each of which would succeed once.
    function _calls() internal returns (Call[15] memory calls) {
        address venue = address(new TestVenue(address(vault), usdc));
        factory.setTier(venue, 2);
        calls[0] = Call(curator, abi.encodeCall(vault.addVenue, (venue, 1e15, 10_000)), 10 days);
        calls[1] = Call(curator, abi.encodeCall(vault.increaseCap, (address(t1), 2e15)), 10 days);
        calls[2] = Call(curator, abi.encodeCall(vault.increaseRelativeCap, (address(t1), 10_000)), 10 days);
        calls[3] = Call(curator, abi.encodeCall(vault.increaseBand, (address(t2), 600)), 10 days);
        calls[4] = Call(boss, abi.encodeCall(vault.addKeeper, (stranger)), 48 hours);
        calls[5] = Call(boss, abi.encodeCall(vault.removeGuardian, (guardian2)), 3 days);
        calls[6] = Call(boss, abi.encodeCall(vault.setCurator, (curator)), 3 days);
        calls[7] = Call(boss, abi.encodeCall(vault.setOwner, (boss)), 3 days);
        calls[8] = Call(curator, abi.encodeCall(vault.removeVenue, (address(t2))), 3 days);
        calls[9] = Call(curator, abi.encodeCall(vault.increaseFeeCap, (1)), 3 days);
        calls[10] = Call(curator, abi.encodeCall(vault.setFeeRecipient, (carol)), 3 days);
        calls[11] = Call(curator, abi.encodeCall(vault.setGate, (address(0))), 3 days);
        calls[12] = Call(curator, abi.encodeCall(vault.setSuspended, (address(t1), false)), 3 days);
        calls[13] = Call(curator, abi.encodeCall(vault.stopDeposits, (false)), 3 days);
        calls[14] = Call(curator, abi.encodeCall(vault.abdicate, (IPrimeVault.addVenue.selector)), 3 days);
        vm.startPrank(curator);
        vault.decreaseRelativeCap(address(t1), 9_000);
        vault.setSuspended(address(t1), true);
        vault.stopDeposits(true);
        vm.stopPrank();
    }

    function _do(address who, bytes memory data) internal {
        vm.prank(who);
        (bool ok, bytes4 reason) = tried(address(vault), data);
        assertEq(bytes32(reason), bytes32(0), "refused");
        assertTrue(ok, "refused");
    }

    /* G1, I14: EVERY TIMELOCKED FUNCTION */

    function testFuzz_G1_I14_OnlyAnnouncedAndOnlyAfterItsDelay(uint8 which, uint32 wait) public {
        Call memory c = _calls()[bound(which, 0, 14)];
        assertEq(vault.timelockOf(bytes4(c.data)), c.delay, "delay");
        _refused(c.who, c.data, ErrorsLib.DataNotSubmitted.selector);
        uint256 from = block.timestamp + c.delay;
        vm.expectEmit(address(vault));
        emit EventsLib.Submitted(bytes4(c.data), c.data, from);
        vm.prank(c.who);
        vault.submit(c.data);
        assertEq(vault.executableAt(c.data), from, "from when on");
        vm.warp(block.timestamp + bound(wait, 0, c.delay + 20 days));
        if (block.timestamp < from) return _refused(c.who, c.data, ErrorsLib.TimelockNotExpired.selector);
        if (block.timestamp > from + 14 days) return _refused(c.who, c.data, ErrorsLib.DataExpired.selector);
        _do(c.who, c.data);
        assertEq(vault.executableAt(c.data), 0, "used up");
        vm.prank(c.who);
        (bool ok,) = tried(address(vault), c.data);
        assertFalse(ok, "once");
    }

    function testFuzz_G1_OnlyTheRoleAnnouncesAndCalls(uint8 which, address who) public {
        Call memory c = _calls()[bound(which, 0, 14)];
        vm.assume(who != c.who && who != guardian && who != guardian2);
        bytes4 reason = c.who == boss ? ErrorsLib.NotOwner.selector : ErrorsLib.NotCurator.selector;
        _refused(who, abi.encodeCall(vault.submit, (c.data)), reason);
        _announced(c.who, c.data);
        _refused(who, c.data, reason);
        _refused(who, abi.encodeCall(vault.revoke, (c.data)), reason);
    }

    function testFuzz_G1_NothingWaitsBeforeTheFirstAccount(uint64 cap) public {
        cap = uint64(bound(cap, 1e15 + 1, type(uint64).max));
        _empty();
        assertEq(vault.timelockOf(IPrimeVault.increaseCap.selector), 0, "no delay");
        vm.startPrank(curator);
        vault.increaseCap(address(t1), cap);
        vault.setFeeRecipient(carol);
        vm.stopPrank();
        assertEq(vault.venueOf(address(t1)).cap, cap, "set");
        _insure(100e6);
        _openAccount(alice, 100e6);
        assertEq(vault.timelockOf(IPrimeVault.increaseCap.selector), 10 days, "from now on");
        _refused(curator, abi.encodeCall(vault.setFeeRecipient, (bob)), ErrorsLib.DataNotSubmitted.selector);
    }

    /// @dev Announced while nothing waited, it has its full delay once there is somebody to protect.
    function test_G1_AnAnnouncementBeforeTheFirstAccountGainsNothing() public {
        _empty();
        bytes memory data = abi.encodeCall(vault.increaseCap, (address(t1), 2e15));
        vm.prank(curator);
        vault.submit(data);
        _insure(100e6);
        _openAccount(alice, 100e6);
        _refused(curator, data, ErrorsLib.TimelockNotExpired.selector);
        vm.warp(block.timestamp + 10 days);
        _do(curator, data);
    }

    function testFuzz_G1_UnknownCallsAreNotAnnounced(bytes memory data) public {
        bytes4 selector = bytes4(data);
        vm.assume(vault.timelockOf(selector) == 0);
        _refused(curator, abi.encodeCall(vault.submit, (data)), ErrorsLib.NotTimelocked.selector);
    }

    function test_G1_NoAnnouncementOfWhatIsInstant() public {
        bytes4 reason = ErrorsLib.NotTimelocked.selector;
        bytes memory data = abi.encodeCall(vault.decreaseCap, (address(t1), 1));
        _refused(curator, abi.encodeCall(vault.submit, (data)), reason);
        _refused(curator, abi.encodeCall(vault.submit, (hex"")), reason);
        _refused(guardian, abi.encodeCall(vault.revoke, (hex"01")), reason);
        _refused(curator, abi.encodeCall(vault.increaseTimelock, (IPrimeVault.decreaseCap.selector, 20 days)), reason);
    }

    function test_G1_TwiceAnnounced_RevertUntilExpired() public {
        bytes memory data = abi.encodeCall(vault.increaseCap, (address(t1), 2e15));
        vm.prank(curator);
        vault.submit(data);
        _refused(curator, abi.encodeCall(vault.submit, (data)), ErrorsLib.AlreadySubmitted.selector);
        vm.warp(block.timestamp + 24 days);
        _refused(curator, abi.encodeCall(vault.submit, (data)), ErrorsLib.AlreadySubmitted.selector);
        vm.warp(block.timestamp + 1);
        vm.prank(curator);
        vault.submit(data);
        assertEq(vault.executableAt(data), block.timestamp + 10 days, "anew");
    }

    /* G1: TIMELOCKS */

    function testFuzz_G1_TimelocksGrowAtOnce_AndShrinkAfterThemselves(uint40 longer, uint40 shorter) public {
        bytes4 selector = IPrimeVault.increaseCap.selector;
        longer = uint40(bound(longer, 10 days + 1, 30 days));
        shorter = uint40(bound(shorter, 10 days, longer - 1));
        vm.expectEmit(address(vault));
        emit EventsLib.TimelockChanged(selector, longer);
        vm.prank(curator);
        vault.increaseTimelock(selector, longer);
        assertEq(vault.timelockOf(selector), longer, "longer");

        bytes memory data = abi.encodeCall(vault.decreaseTimelock, (selector, shorter));
        uint256 submitted = block.timestamp;
        _announced(curator, data);
        assertEq(block.timestamp, submitted + longer, "that very timelock");
        _do(curator, data);
        assertEq(vault.timelockOf(selector), shorter, "shorter");
    }

    /// @dev What is announced already waits for the longer one too.
    function test_G1_ALongerTimelockCoversWhatIsAnnounced() public {
        bytes memory data = abi.encodeCall(vault.increaseCap, (address(t1), 2e15));
        vm.prank(curator);
        vault.submit(data);
        vm.prank(curator);
        vault.increaseTimelock(IPrimeVault.increaseCap.selector, 20 days);
        vm.warp(block.timestamp + 20 days - 1);
        _refused(curator, data, ErrorsLib.TimelockNotExpired.selector);
        vm.warp(block.timestamp + 1);
        _do(curator, data);
    }

    function testFuzz_G1_NoTimelockOutOfRange(uint40 delay) public {
        bytes4 selector = IPrimeVault.addKeeper.selector;
        if (delay <= 48 hours || delay > 30 days) {
            _refused(
                curator,
                abi.encodeCall(vault.increaseTimelock, (selector, delay)),
                ErrorsLib.TimelockOutOfRange.selector
            );
        }
        delay = uint40(bound(delay, 0, 48 hours - 1));
        vm.prank(curator);
        vault.increaseTimelock(selector, 10 days);
        bytes memory data = abi.encodeCall(vault.decreaseTimelock, (selector, delay));
        _refusedLater(curator, data, ErrorsLib.TimelockOutOfRange.selector);
    }

    /* ABDICATION */

    function testFuzz_G1_I14_WhatIsGivenUpIsGoneForEver(uint8 which, uint32 wait) public {
        Call memory c = _calls()[bound(which, 0, 14)];
        vm.prank(c.who);
        vault.submit(c.data); // Announced before, it is gone too.
        bytes4 selector = bytes4(c.data);
        if (selector == IPrimeVault.abdicate.selector) return;
        _governed(c.who, abi.encodeCall(vault.abdicate, (selector)));
        assertTrue(vault.abdicated(selector), "given up");
        vm.warp(block.timestamp + wait);
        _refused(c.who, c.data, ErrorsLib.Abdicated.selector);
        _refused(c.who, abi.encodeCall(vault.submit, (c.data)), ErrorsLib.Abdicated.selector);
    }

    /* G3: GUARDIANS */

    function testFuzz_G3_AGuardianTakesAnnouncementsBack(uint8 which) public {
        Call memory c = _calls()[bound(which, 0, 14)];
        _announced(c.who, c.data);
        vm.expectEmit(address(vault));
        emit EventsLib.Revoked(guardian, bytes4(c.data), c.data);
        vm.prank(guardian);
        vault.revoke(c.data);
        _refused(c.who, c.data, ErrorsLib.DataNotSubmitted.selector);
        _refused(guardian, abi.encodeCall(vault.revoke, (c.data)), ErrorsLib.DataNotSubmitted.selector);
    }

    function test_G3_WhoAnnouncedMayTakeItBack() public {
        bytes memory data = abi.encodeCall(vault.setCurator, (carol));
        vm.prank(boss);
        vault.submit(data);
        // Else a curator could keep its chair.
        _refused(curator, abi.encodeCall(vault.revoke, (data)), ErrorsLib.NotOwner.selector);
        vm.prank(boss);
        vault.revoke(data);
        assertEq(vault.executableAt(data), 0, "gone");
    }

    /// @dev However the data are dressed up.
    function testFuzz_G3_AGuardianCannotRevokeItsOwnRemoval(bytes memory tail) public {
        bytes memory data = abi.encodePacked(abi.encodeCall(vault.removeGuardian, (guardian)), tail);
        _announced(boss, data);
        _refused(guardian, abi.encodeCall(vault.revoke, (data)), ErrorsLib.Unauthorized.selector);
        _do(boss, data);
        assertFalse(vault.isGuardian(guardian), "removed");
        _refused(guardian, abi.encodeCall(vault.stopDeposits, (true)), ErrorsLib.NotCurator.selector);
    }

    function testFuzz_G3_AGuardianCutsACapToNoLessThanFiveQuartersOfTheBook(uint64 cap) public {
        cap = uint64(bound(cap, 0, 1e15 - 1));
        bytes memory data = abi.encodeCall(vault.decreaseCap, (address(t1), cap));
        if (cap < 15_000e6) _refused(guardian, data, ErrorsLib.CapExceeded.selector);
        else _do(guardian, data);
        if (cap < 15_000e6) _do(curator, data); // The curator may force a seat to shrink.
        assertEq(vault.venueOf(address(t1)).cap, cap, "cap");
    }

    function test_G3_AGuardianTightensAtOnce() public {
        vm.startPrank(guardian);
        vault.setSuspended(address(t1), true);
        vault.stopDeposits(true);
        vm.stopPrank();
        _fund(alice, 200e6);
        _refused(alice, abi.encodeCall(vault.deposit, (1, 100e6)), ErrorsLib.DepositsAreStopped.selector);
        _refused(alice, abi.encodeCall(vault.openAccount, (alice, 100e6)), ErrorsLib.DepositsAreStopped.selector);
        _refused(guardian, abi.encodeCall(vault.stopDeposits, (true)), ErrorsLib.AlreadySet.selector);
        _refused(guardian, abi.encodeCall(vault.setSuspended, (address(t1), true)), ErrorsLib.AlreadySet.selector);
        _refused(guardian, abi.encodeCall(vault.stopDeposits, (false)), ErrorsLib.NotCurator.selector);
        _governed(curator, abi.encodeCall(vault.stopDeposits, (false)));
        _deposit(1, 100e6);
    }

    /// @dev What a stolen guardian key can do to clients' money: nothing.
    function testFuzz_G3_AGuardianLoosensNothing(uint8 which) public {
        Call memory c = _calls()[bound(which, 0, 14)];
        vm.prank(guardian);
        (bool ok,) = tried(address(vault), c.data);
        assertFalse(ok, "refused");
        vm.prank(guardian);
        (ok,) = tried(address(vault), abi.encodeCall(vault.submit, (c.data)));
        assertFalse(ok, "refused");
        _checkBalance();
    }

    function testFuzz_G3_GuardiansAreTheOwners(address who) public {
        vm.assume(who != boss && who != address(0) && who != guardian && who != guardian2);
        _refused(who, abi.encodeCall(vault.addGuardian, (who)), ErrorsLib.NotOwner.selector);
        vm.prank(boss);
        vault.addGuardian(who);
        assertTrue(vault.isGuardian(who), "one more");
        _refused(boss, abi.encodeCall(vault.addGuardian, (who)), ErrorsLib.AlreadySet.selector);
        _refused(boss, abi.encodeCall(vault.addGuardian, (address(0))), ErrorsLib.ZeroAddress.selector);
        _refusedLater(boss, abi.encodeCall(vault.removeGuardian, (address(0))), ErrorsLib.NotGuardian.selector);
    }

    /* G3: KEEPERS */

    function test_G3_TheLastKeeperIsTheOwnersToRemove() public {
        vm.prank(guardian);
        vault.removeKeeper(keeper);
        assertFalse(vault.isKeeper(keeper), "at once");
        _refused(guardian, abi.encodeCall(vault.removeKeeper, (keeper2)), ErrorsLib.LastKeeper.selector);
        _refused(curator, abi.encodeCall(vault.removeKeeper, (keeper2)), ErrorsLib.NotOwner.selector);
        vm.prank(boss);
        vault.removeKeeper(keeper2);
        assertFalse(vault.isKeeper(keeper2), "the owner may");
    }
}
