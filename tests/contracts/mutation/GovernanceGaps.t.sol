// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {CoreOrderLib} from "contracts/libraries/CoreOrderLib.sol";
import {CoreReadLib} from "contracts/libraries/CoreReadLib.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {VenueErrorsLib} from "contracts/libraries/VenueErrorsLib.sol";
import {Vm} from "../Base.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice The reads of Core as calls of their own, so that a revert can be seen.
contract Reads {
    function spotUsdc(address user) external view {
        CoreReadLib.spotUsdc(user);
    }

    function accountValue(address user) external view {
        CoreReadLib.accountValue(user);
    }

    function withdrawable(address user) external view {
        CoreReadLib.withdrawable(user);
    }

    function positionSize(address user) external view {
        CoreReadLib.positionSize(user, 1);
    }

    function markPrice(address) external view {
        CoreReadLib.markPrice(1);
    }

    function l1BlockNumber(address) external view {
        CoreReadLib.l1BlockNumber();
    }

    function userExists(address user) external view {
        CoreReadLib.userExists(user);
    }

    function sizeDecimals(address) external view returns (uint8) {
        return CoreReadLib.sizeDecimals(1);
    }
}

/// @notice What mutants showed that no test of governance, rights and reads asked.
contract GovernanceGapsTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
    }

    /* TIMELOCKS */

    function test_KeepersWaitTwoDays() public view {
        assertEq(vault.timelockOf(vault.addKeeper.selector), 48 hours, "a keeper");
        assertEq(vault.timelockOf(vault.setGate.selector), 3 days, "the rest");
    }

    function test_TimelocksToTheSecond() public {
        bytes4 which = vault.setGate.selector;
        bytes4 reason = ErrorsLib.TimelockOutOfRange.selector;
        _refused(curator, abi.encodeCall(vault.increaseTimelock, (which, 3 days)), reason);
        _refused(curator, abi.encodeCall(vault.increaseTimelock, (which, 30 days + 1)), reason);
        vm.prank(curator);
        vault.increaseTimelock(which, 30 days);
        assertEq(vault.timelockOf(which), 30 days, "the longest");
        _refusedLater(curator, abi.encodeCall(vault.decreaseTimelock, (which, 30 days)), reason);
        _refusedLater(curator, abi.encodeCall(vault.decreaseTimelock, (which, 3 days - 1)), reason);
        _governed(curator, abi.encodeCall(vault.decreaseTimelock, (which, 3 days)));
        assertEq(vault.timelockOf(which), 3 days, "the shortest");
    }

    function test_AnAnnouncementIsUsedOnce() public {
        bytes memory data = abi.encodeCall(vault.setGate, (stranger));
        _governed(curator, data);
        _refused(curator, data, ErrorsLib.DataNotSubmitted.selector);
    }

    function test_AnAnnouncementHasAnArgument() public {
        bytes memory data = abi.encodePacked(vault.setGate.selector, new bytes(31));
        _refused(curator, abi.encodeCall(vault.submit, (data)), ErrorsLib.NotTimelocked.selector);
    }

    function test_WhatIsTakenBackHasASelector() public {
        bytes memory data = abi.encodeCall(vault.revoke, (hex"010203"));
        _refused(guardian, data, ErrorsLib.NotTimelocked.selector);
        data = abi.encodeCall(vault.revoke, (hex"01020304"));
        _refused(guardian, data, ErrorsLib.DataNotSubmitted.selector);
    }

    /// @dev Not its own removal; but another's, and what else names it.
    function test_AGuardianTakesBackAllButItsOwnRemoval() public {
        vm.prank(boss);
        vault.addGuardian(stranger);
        bytes memory others = abi.encodeCall(vault.removeGuardian, (stranger));
        bytes memory named = abi.encodeCall(vault.setGate, (guardian));
        vm.prank(boss);
        vault.submit(others);
        vm.prank(curator);
        vault.submit(named);
        vm.startPrank(guardian);
        vault.revoke(others);
        vault.revoke(named);
        vm.stopPrank();
        assertEq(vault.executableAt(others) + vault.executableAt(named), 0, "both taken back");
    }

    /* VENUES */

    function test_RemovedDownToTenUsdcEitherWay() public {
        for (uint256 i; i < 4; ++i) {
            uint256 state = vm.snapshotState();
            _send(t2, 100e6);
            uint64 far = i % 2 == 0 ? 10e6 : 10e6 + 1;
            _home(t2, i < 2 ? 100e6 + far : 100e6 - far);
            vault.sync(address(t2));
            bytes memory data = abi.encodeCall(vault.removeVenue, (address(t2)));
            if (i % 2 == 0) {
                _governed(curator, data);
                assertEq(vault.bandOf(address(t2)).bps, 0, "nothing of it stays");
            } else {
                _refusedLater(curator, data, ErrorsLib.BookTooLarge.selector);
            }
            vm.revertToState(state);
        }
    }

    function test_AGuardianAndTheSmallestBook() public {
        _send(t2, 1);
        _refused(guardian, abi.encodeCall(vault.decreaseCap, (address(t2), 0)), ErrorsLib.CapExceeded.selector);
    }

    function test_ANarrowerBandShrinksTheWindowInProportion() public {
        _send(t2, 10_000e6);
        t2.earn(100e6);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 2, 100e6);
        _commit(c);
        assertEq(vault.bandOf(address(t2)).windowLimit, 500e6, "5%");
        vm.prank(guardian);
        vault.decreaseBand(address(t2), 250);
        assertEq(vault.bandOf(address(t2)).windowLimit, 250e6, "half of it");
    }

    function test_ABandOfTheWholeBookIsTheWidest() public {
        bytes memory data = abi.encodeCall(vault.increaseBand, (address(t2), 10_001));
        _refusedLater(curator, data, ErrorsLib.BandOutOfRange.selector);
        _governed(curator, abi.encodeCall(vault.increaseBand, (address(t2), 10_000)));
        assertEq(vault.bandOf(address(t2)).bps, 10_000, "the whole");
    }

    /* SUB-ACCOUNTS */

    /// @dev Who may only sign orders may not deposit.
    function test_TradingIsNotDepositing() public {
        vm.prank(alice);
        vault.setRights(1, stranger, 1, type(uint40).max);
        _fund(stranger, 1e6);
        _refused(stranger, abi.encodeCall(vault.deposit, (1, 1e6)), ErrorsLib.NotOwner.selector);
    }

    function test_ThePayableMicroDollarKeepsTheAccount() public {
        uint256 ticket = _request(1, 10e6);
        _commitApproval(ticket, 1);
        vm.startPrank(alice);
        vault.cancelWithdraw(ticket);
        vm.stopPrank();
        _refused(alice, abi.encodeCall(vault.offerAccount, (1, bob)), ErrorsLib.TicketUnpaid.selector);
        vault.claim(ticket);
        vm.prank(alice);
        vault.offerAccount(1, bob);
        assertEq(vault.offerOf(1), bob, "offered");
    }

    /// @dev A deposit beside a ticket that is wholly approved cancels nothing.
    function test_ADepositBesideAnApprovedTicket() public {
        uint256 ticket = _request(1, 10_000e6);
        _commitApproval(ticket, 10_000e6);
        _lane(1, 0);
        _fund(alice, 1e6);
        vm.recordLogs();
        vm.prank(alice);
        vault.deposit(1, 1e6);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            assertFalse(logs[i].topics[0] == EventsLib.WithdrawCancelled.selector, "nothing to cancel");
        }
        assertEq(vault.pendingTicketOf(1), ticket, "still to be paid");
    }

    /* CORE */

    function test_TicksBeginAtFiveFigures() public pure {
        assertEq(CoreOrderLib.tickOf(99_999, 0), 1, "five figures");
        assertEq(CoreOrderLib.tickOf(100_000, 0), 10, "six");
        assertEq(CoreOrderLib.tickOf(999_999, 0), 10, "six");
        assertEq(CoreOrderLib.tickOf(1_000_000, 0), 100, "seven");
    }

    /// @dev One byte less than a reply has is no reply; all of it is.
    function test_RepliesToTheByte() public {
        Reads reads = new Reads();
        address[7] memory places = [
            address(0x801),
            address(0x80f),
            address(0x803),
            address(0x800),
            address(0x806),
            address(0x809),
            address(0x810)
        ];
        uint256[7] memory lengths = [uint256(96), 128, 32, 160, 32, 32, 32];
        bytes4[7] memory calls = [
            Reads.spotUsdc.selector,
            Reads.accountValue.selector,
            Reads.withdrawable.selector,
            Reads.positionSize.selector,
            Reads.markPrice.selector,
            Reads.l1BlockNumber.selector,
            Reads.userExists.selector
        ];
        for (uint256 i; i < 7; ++i) {
            bytes memory data = abi.encodeWithSelector(calls[i], alice);
            vm.mockCall(places[i], "", new bytes(lengths[i] - 1));
            (bool ok, bytes4 reason) = tried(address(reads), data);
            assertFalse(ok, "short");
            assertEq(bytes32(reason), bytes32(VenueErrorsLib.ReadFailed.selector), "and says so");
            vm.mockCall(places[i], "", new bytes(lengths[i]));
            (ok,) = tried(address(reads), data);
            assertTrue(ok, "whole");
        }
    }

    function test_SizeDecimalsUpToSix() public {
        Reads reads = new Reads();
        address place = address(0x80a);
        bytes memory data = abi.encodeCall(reads.sizeDecimals, (alice));
        for (uint256 decimals = 6; decimals < 8; ++decimals) {
            // An offset, then the struct: where its string begins, margin table, decimals, leverage, isolated, the string.
            bytes memory reply = abi.encode(32, 160, 1, decimals, 1, false, 0);
            vm.mockCall(place, "", reply);
            (bool ok,) = tried(address(reads), data);
            assertTrue(ok == (decimals == 6), "six at most");
        }
        vm.mockCall(place, "", new bytes(223));
        (bool short, bytes4 reason) = tried(address(reads), data);
        assertFalse(short, "short");
        assertEq(bytes32(reason), bytes32(VenueErrorsLib.ReadFailed.selector), "and says so");
    }
}
