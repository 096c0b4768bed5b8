// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice What the vault tells the chain's readers: the keeper, the auditor and the books are rebuilt from it.
contract VaultEventsTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
    }

    function _tells() internal {
        vm.expectEmit(address(vault));
    }

    /// @dev An announced call tells that it was made, by its selector and whole data.
    function _accepts(address who, bytes memory data) internal {
        _announced(who, data);
        _tells();
        emit EventsLib.Accepted(bytes4(data), data);
    }

    function _make(address who, bytes memory data) internal {
        vm.prank(who);
        (bool ok,) = tried(address(vault), data);
        assertTrue(ok, "made");
    }

    /* CLIENTS */

    function testFuzz_OffersAndRedirectsAreTold(address to) public {
        vm.assume(to != address(0) && to != address(vault) && to != address(t1) && to != address(t2));
        _tells();
        emit EventsLib.AccountOffered(1, to);
        vm.prank(alice);
        vault.offerAccount(1, to);
        uint256 ticket = _request(1, 1000e6);
        _tells();
        emit EventsLib.Redirected(ticket, to);
        vm.prank(alice);
        vault.redirect(ticket, to);
    }

    function testFuzz_ApprovalsAreTold(uint64 amount) public {
        amount = uint64(bound(amount, 10e6, 5000e6));
        uint256 ticket = _request(1, 5000e6);
        _ripen();
        Commit memory c = _fullNext();
        _approve(c, ticket, amount);
        _tells();
        emit EventsLib.WithdrawApproved(ticket, 1, c.epoch, amount);
        _commit(c);
    }

    function test_ExitClaimsAreTold() public {
        vm.warp(block.timestamp + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
        uint64 due = uint64(uint256(10_000e6) * vault.idle() / vault.sumEquity());
        _tells();
        emit EventsLib.ExitClaimed(1, alice, due);
        assertEq(vault.claimExit(1), due, "paid");
    }

    /* QUARANTINE */

    function testFuzz_QuarantineIsTold(uint64 excess) public {
        excess = uint64(bound(excess, 1, 1e12));
        _send(t2, 10_000e6);
        t2.earn(int128(uint128(500e6 + excess)));
        _tells();
        emit EventsLib.Quarantined(address(t2), excess);
        _mark(t2);
        vm.warp(block.timestamp + 24 hours);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 1, int64(vault.pendingMarkOf(address(t2)).delta));
        _tells();
        emit EventsLib.QuarantineReleased(address(t2), excess);
        _commit(c);
        assertEq(vault.bandOf(address(t2)).quarantine, 0, "all of it");
    }

    /* GOVERNANCE */

    function testFuzz_InstantChangesAreTold(uint64 cap, uint16 bps) public {
        cap = uint64(bound(cap, 20_000e6, 1e15 - 1));
        bps = uint16(bound(bps, 0, 499));
        _tells();
        emit EventsLib.CapChanged(address(t1), cap);
        vm.prank(guardian);
        vault.decreaseCap(address(t1), cap);
        _tells();
        emit EventsLib.RelativeCapChanged(address(t1), bps);
        vm.prank(curator);
        vault.decreaseRelativeCap(address(t1), bps);
        _tells();
        emit EventsLib.BandChanged(address(t2), bps);
        vm.prank(guardian);
        vault.decreaseBand(address(t2), bps);
        _tells();
        emit EventsLib.SuspensionSet(address(t2), true);
        vm.prank(guardian);
        vault.setSuspended(address(t2), true);
        _tells();
        emit EventsLib.DepositsStopped(true);
        vm.prank(guardian);
        vault.stopDeposits(true);
        _tells();
        emit EventsLib.GuardianAdded(stranger);
        vm.prank(boss);
        vault.addGuardian(stranger);
    }

    function testFuzz_AnnouncedChangesAreTold(address who, uint16 ppm) public {
        vm.assume(who != address(0));
        ppm = uint16(bound(ppm, 2, 6000));
        bytes memory data = abi.encodeCall(vault.setFeeRecipient, (who));
        _accepts(curator, data);
        _tells();
        emit EventsLib.FeeRecipientSet(who);
        _make(curator, data);
        data = abi.encodeCall(vault.increaseFeeCap, (ppm));
        _accepts(curator, data);
        _tells();
        emit EventsLib.FeeCapChanged(ppm);
        _make(curator, data);
        _tells();
        emit EventsLib.FeeCapChanged(ppm - 1);
        vm.prank(guardian);
        vault.decreaseFeeCap(ppm - 1);
        data = abi.encodeCall(vault.setGate, (who));
        _accepts(curator, data);
        _tells();
        emit EventsLib.GateSet(who);
        _make(curator, data);
        data = abi.encodeCall(vault.increaseBand, (address(t2), 501));
        _accepts(curator, data);
        _tells();
        emit EventsLib.BandChanged(address(t2), 501);
        _make(curator, data);
        data = abi.encodeCall(vault.removeGuardian, (guardian));
        _accepts(boss, data);
        _tells();
        emit EventsLib.GuardianRemoved(guardian);
        _make(boss, data);
        data = abi.encodeCall(vault.abdicate, (vault.setGate.selector));
        _accepts(curator, data);
        _tells();
        emit EventsLib.AbdicatedSelector(vault.setGate.selector);
        _make(curator, data);
        data = abi.encodeCall(vault.removeVenue, (address(t2)));
        _accepts(curator, data);
        _tells();
        emit EventsLib.VenueRemoved(address(t2));
        _make(curator, data);
    }

    function test_WhatIsTakenBackIsTold() public {
        vm.prank(guardian);
        vault.setSuspended(address(t2), true);
        vm.prank(guardian);
        vault.stopDeposits(true);
        bytes memory data = abi.encodeCall(vault.setSuspended, (address(t2), false));
        _accepts(curator, data);
        _tells();
        emit EventsLib.SuspensionSet(address(t2), false);
        _make(curator, data);
        data = abi.encodeCall(vault.stopDeposits, (false));
        _accepts(curator, data);
        _tells();
        emit EventsLib.DepositsStopped(false);
        _make(curator, data);
        bytes4 which = vault.setGate.selector;
        vm.prank(curator);
        vault.increaseTimelock(which, 20 days);
        data = abi.encodeCall(vault.decreaseTimelock, (which, 10 days));
        _accepts(curator, data);
        _tells();
        emit EventsLib.TimelockChanged(which, 10 days);
        _make(curator, data);
    }
}
