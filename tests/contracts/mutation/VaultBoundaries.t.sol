// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Band, Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice Each limit of a vault at its last value and at the next one.
contract VaultBoundariesTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
    }

    function _triggerRefused(uint256 ticket, bytes4 reason) internal {
        _refused(stranger, abi.encodeCall(vault.triggerExit, (ticket)), reason);
    }

    /* EXIT */

    function test_Exit_StaleToTheSecond() public {
        uint256 full = vault.fullAt();
        vm.warp(full + 72 hours - 1);
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.warp(full + 72 hours);
        vault.triggerExit(0);
        vm.warp(full + 96 hours - 1);
        _triggerRefused(0, ErrorsLib.ExitTooEarly.selector);
        vm.warp(full + 96 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "started");
    }

    function test_Exit_DeficitToTheSecond() public {
        _loseBeyondInsurance(5e6);
        uint256 since = block.timestamp;
        vm.warp(since + 71 hours);
        _commit(_fullNext());
        vm.warp(since + 72 hours - 1);
        _triggerRefused(0, ErrorsLib.ExitNotReached.selector);
        vm.warp(since + 72 hours);
        vault.triggerExit(0);
        assertEq(vault.exitArmedAt(0), block.timestamp, "armed");
        vm.warp(since + 96 hours - 1);
        _triggerRefused(0, ErrorsLib.ExitTooEarly.selector);
        vm.warp(since + 96 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "started");
    }

    function test_Exit_OverdueToTheSecond() public {
        uint256 ticket = _request(2, 10e6);
        uint256 asked = block.timestamp;
        for (uint256 day = 1; day < 7; ++day) {
            vm.warp(asked + day * 1 days);
            _commit(_fullNext());
        }
        vm.warp(asked + 7 days - 1);
        _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
        vm.warp(asked + 7 days);
        vault.triggerExit(ticket);
        vm.warp(asked + 8 days - 1);
        _triggerRefused(ticket, ErrorsLib.ExitTooEarly.selector);
        vm.warp(asked + 8 days);
        vault.triggerExit(ticket);
        assertTrue(vault.exiting(), "started");
    }

    /// @dev Of a ticket of 20 USDC what is left counts down to 10, and so does its lane.
    function testFuzz_Exit_OverdueDownToTheSmallestTicket(bool byLane, bool below) public {
        uint256 ticket = _request(2, 20e6);
        if (byLane) {
            t1.earn(-int128(uint128(below ? 9_990e6 + 1 : 9_990e6)));
            vm.warp(block.timestamp + 10 minutes);
            _mark(t1);
            Commit memory c = _next();
            _marked(c, t1);
            _change(c, 2, int64(vault.pendingMarkOf(address(t1)).delta));
            _commit(c);
        } else {
            _commitApproval(ticket, below ? 10e6 + 1 : 10e6);
        }
        vm.warp(block.timestamp + 7 days);
        if (below) return _triggerRefused(ticket, ErrorsLib.ExitNotReached.selector);
        vault.triggerExit(ticket);
        assertEq(vault.exitArmedAt(ticket), block.timestamp, "armed");
    }

    /// @dev The last id is paid, the one after it is nobody's, and so is 0.
    function test_Exit_ClaimOfNobody() public {
        vm.warp(vault.fullAt() + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
        assertEq(vault.claimExit(0), 0, "0");
        assertEq(vault.claimExit(4), 0, "never opened");
        assertTrue(vault.claimExit(3) > 0, "the last");
        assertEq(vault.claimExit(3), 0, "once");
    }

    /* VENUES */

    function testFuzz_Send_ExactlyFreeCash(bool over) public {
        uint64 free = uint64(vault.freeCash());
        if (over) {
            bytes memory data = abi.encodeCall(vault.send, (address(t1), free + 1));
            return _refused(keeper, data, ErrorsLib.CashNotFree.selector);
        }
        _send(t1, free);
        assertEq(vault.freeCash(), 0, "all of it");
    }

    function testFuzz_Send_ExactlyTheCap(bool over) public {
        vm.prank(curator);
        vault.decreaseCap(address(t1), 15_000e6);
        if (over) {
            bytes memory data = abi.encodeCall(vault.send, (address(t1), 3_000e6 + 1));
            return _refused(keeper, data, ErrorsLib.CapExceeded.selector);
        }
        _send(t1, 3_000e6);
        assertEqInt(vault.venueOf(address(t1)).book, 15_000e6, "the cap");
    }

    /// @dev What came home does not make room for more than the cap in one day, to the second.
    function test_Send_TheWindowIsADay() public {
        uint256 start = block.timestamp;
        vm.prank(curator);
        vault.decreaseCap(address(t1), 12_000e6);
        t1.earn(-2_000e6);
        Commit memory c = _fullNext();
        _commit(c);
        bytes memory data = abi.encodeCall(vault.send, (address(t1), 1));
        _refused(keeper, data, ErrorsLib.CapExceeded.selector);
        vm.warp(start + 24 hours - 1);
        _refused(keeper, data, ErrorsLib.CapExceeded.selector);
        vm.warp(start + 24 hours);
        _send(t1, 2_000e6);
        assertEqInt(vault.venueOf(address(t1)).windowNet, 2_000e6, "a new window");
        assertEq(vault.venueOf(address(t1)).windowStart, block.timestamp, "from now");
    }

    /* BANDS */

    function test_Quarantine_ADayToTheSecond() public {
        _send(t2, 10_000e6);
        t2.earn(700e6);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 2, 500e6);
        uint256 since = block.timestamp;
        _commit(c);
        vm.warp(since + 24 hours - 1);
        _mark(t2);
        assertEqInt(vault.pendingMarkOf(address(t2)).delta, 0, "neither a band nor a release");
        vm.warp(since + 24 hours);
        _mark(t2);
        assertEqInt(vault.pendingMarkOf(address(t2)).delta, 200e6, "released");
        Band memory band = vault.bandOf(address(t2));
        assertEq(band.pendingRelease, 200e6, "by its day, not by the band");
        assertEq(band.pendingRise, 0, "the band is not used");
    }

    /// @dev The window that a commit opened ends a day later, to the second.
    function test_Band_AWindowIsADayToTheSecond() public {
        _send(t2, 10_000e6);
        t2.earn(500e6);
        _mark(t2);
        Commit memory c = _next();
        _marked(c, t2);
        _change(c, 2, 500e6);
        uint256 start = block.timestamp;
        _commit(c);
        t2.earn(100e6);
        vm.warp(start + 24 hours - 1);
        _mark(t2);
        assertEqInt(vault.pendingMarkOf(address(t2)).delta, 0, "used up");
        vm.warp(start + 24 hours);
        _mark(t2);
        assertEqInt(vault.pendingMarkOf(address(t2)).delta, 100e6, "a new one");
        assertEq(vault.bandOf(address(t2)).quarantine, 0, "nothing is held");
    }

    /* COMMITS */

    function testFuzz_Mark_OfExactlyItsAge(bool older) public {
        t1.setBack(older ? 901 : 900);
        bytes memory data = abi.encodeCall(vault.mark, (address(t1), "", new uint32[](0)));
        if (older) return _refused(keeper, data, ErrorsLib.MarkTooOld.selector);
        _mark(t1);
        assertEq(vault.pendingMarkOf(address(t1)).asOf, block.timestamp - 900, "a quarter of an hour");
    }

    function testFuzz_Commit_AMarkOfExactlyItsAge(bool older) public {
        vm.warp(block.timestamp + 1 hours);
        _mark(t1);
        Commit memory c = _next();
        _marked(c, t1);
        vm.warp(block.timestamp + (older ? 901 : 900));
        if (older) return _commitRefused(c, ErrorsLib.MarkTooOld.selector);
        _commit(c);
        assertEq(vault.epoch(), 1, "committed");
    }

    function testFuzz_Commit_ExactlyTenMinutesLater(bool early) public {
        _commit(_fullNext());
        vm.warp(block.timestamp + (early ? 599 : 600));
        Commit memory c = _fullNext();
        if (early) return _commitRefused(c, ErrorsLib.CommitTooEarly.selector);
        _commit(c);
        assertEq(vault.epoch(), 2, "committed");
    }

    function testFuzz_Commit_AsOfIsLaterThanTheLast(bool same) public {
        _commit(_fullNext());
        uint64 last = vault.lastAsOf();
        vm.warp(block.timestamp + 10 minutes);
        t1.setBack(600 - (same ? 0 : 1));
        Commit memory c = _fullNext();
        c.asOf = same ? last : last + 1;
        if (same) return _commitRefused(c, ErrorsLib.StaleCommit.selector);
        _commit(c);
        assertEq(vault.lastAsOf(), last + 1, "a second");
    }

    /// @dev An attested book without a newer mark keeps a commit full for a day, to the second.
    function testFuzz_Commit_FullForExactlyADay(bool older) public {
        _send(t2, 1_000e6);
        vm.warp(block.timestamp + 1 hours);
        _mark(t2);
        Commit memory c = _fullNext();
        _marked(c, t2);
        _commit(c);
        vm.warp(block.timestamp + 24 hours + (older ? 1 : 0));
        _commit(_fullNext());
        assertEq(vault.fullEpoch(), older ? 1 : 2, "a day");
    }

    /* WITHDRAWALS */

    /// @dev A tenth of 30,000 USDC for young tickets, none of it left over; at the age of a day a ticket is not young.
    function test_Outflow_ATenthToTheMicroDollar() public {
        uint256 ticket = _request(1, 10_000e6);
        uint256 asked = block.timestamp;
        vm.warp(asked + 10 minutes);
        _commit(_fullNext());
        vm.warp(asked + 20 minutes);
        Commit memory c = _fullNext();
        _approve(c, ticket, 10_000e6);
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, 3_000e6, "a tenth");
        (uint40 start, uint104 limit, uint104 used) = vault.outflowWindow();
        assertEq(start, block.timestamp, "from its first commit");
        assertEq(limit, 3_000e6, "limit");
        assertEq(used, 3_000e6, "used");
        vm.warp(asked + 24 hours - 1);
        c = _fullNext();
        _approve(c, ticket, 10_000e6);
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, 3_000e6, "still young");
        vm.warp(asked + 24 hours + 10 minutes - 1);
        c = _fullNext();
        _approve(c, ticket, 1_000e6);
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, 4_000e6, "a day old");
        (,, used) = vault.outflowWindow();
        assertEq(used, 3_000e6, "takes nothing of the young");
    }

    function test_Outflow_AtTheAgeOfADay() public {
        uint256 ticket = _request(1, 10_000e6);
        uint256 asked = block.timestamp;
        vm.warp(asked + 10 minutes);
        _commit(_fullNext());
        vm.warp(asked + 24 hours);
        Commit memory c = _fullNext();
        _approve(c, ticket, 10_000e6);
        _commit(c);
        assertEq(vault.ticketOf(ticket).payable_, 10_000e6, "all of it");
    }

    function test_Outflow_TheWindowEndsADayLater() public {
        uint256 first = _request(1, 10_000e6);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        _approve(c, first, 3_000e6);
        _commit(c);
        uint256 start = block.timestamp;
        vm.warp(start + 12 hours);
        uint256 second = _request(2, 1_000e6);
        vm.warp(start + 13 hours);
        _commit(_fullNext());
        vm.warp(start + 24 hours - 1);
        c = _fullNext();
        _approve(c, second, 1_000e6);
        uint256 state = vm.snapshotState();
        _commit(c);
        assertEq(vault.ticketOf(second).payable_, 0, "the same window");
        vm.revertToState(state);
        vm.warp(start + 24 hours);
        c = _fullNext();
        _approve(c, second, 1_000e6);
        _commit(c);
        assertEq(vault.ticketOf(second).payable_, 1_000e6, "the next");
    }

    function testFuzz_Withdraw_TheSmallest(bool smaller) public {
        bytes memory data = abi.encodeCall(vault.requestWithdraw, (1, smaller ? 10e6 - 1 : 10e6, alice));
        if (smaller) return _refused(alice, data, ErrorsLib.AmountTooSmall.selector);
        assertEq(_request(1, 10e6), 1, "10 USDC");
    }

    /* SUB-ACCOUNTS */

    function testFuzz_Open_TheSmallest(bool smaller) public {
        _fund(stranger, 100e6);
        bytes memory data = abi.encodeCall(vault.openAccount, (stranger, smaller ? 100e6 - 1 : 100e6));
        if (smaller) return _refused(stranger, data, ErrorsLib.AmountTooSmall.selector);
        assertEq(_openAccount(stranger, 100e6), 4, "100 USDC");
    }

    function testFuzz_Open_TheSmallestInsurance(bool smaller) public {
        _empty();
        _insure(smaller ? 100e6 - 1 : 100e6);
        _fund(alice, 100e6);
        bytes memory data = abi.encodeCall(vault.openAccount, (alice, 100e6));
        if (smaller) return _refused(alice, data, ErrorsLib.InsuranceNotSeeded.selector);
        assertEq(_openAccount(alice, 100e6), 1, "100 USDC");
    }

    function testFuzz_Close_DormantToTheSecond(bool early) public {
        uint256 ticket = _request(1, 10_000e6);
        uint256 opened = vault.accountOf(1).openedAt;
        _commitApproval(ticket, 10_000e6);
        vault.claim(ticket);
        vm.warp(opened + 30 days - (early ? 1 : 0));
        bytes memory data = abi.encodeCall(vault.closeAccount, (1));
        if (early) return _refused(keeper, data, ErrorsLib.NotDormant.selector);
        vm.prank(keeper);
        vault.closeAccount(1);
        assertTrue(vault.accountOf(1).closing, "closing");
    }

    /// @dev A delegate's right lasts through its last second.
    function testFuzz_Rights_UntilTheirSecond(bool later) public {
        uint40 until = uint40(block.timestamp + 1 hours);
        vm.prank(alice);
        vault.setRights(1, stranger, 2, until);
        _fund(stranger, 1e6);
        vm.warp(until + (later ? 1 : 0));
        bytes memory data = abi.encodeCall(vault.deposit, (1, 1e6));
        if (later) return _refused(stranger, data, ErrorsLib.NotOwner.selector);
        vm.prank(stranger);
        vault.deposit(1, 1e6);
        _lane(1, 10_001e6);
    }

    function testFuzz_Rights_AreTwoBits(uint8 rights) public {
        bytes memory data = abi.encodeCall(vault.setRights, (1, stranger, rights, type(uint40).max));
        if (rights > 3) return _refused(alice, data, ErrorsLib.BadRights.selector);
        vm.prank(alice);
        vault.setRights(1, stranger, rights, type(uint40).max);
        (uint8 got, uint40 until) = vault.rightsOf(1, stranger);
        assertEq(got, rights, "rights");
        assertEq(until, type(uint40).max, "until");
    }

    /* GOVERNANCE */

    function test_Announced_ToTheSecond() public {
        bytes memory data = abi.encodeCall(vault.setGate, (stranger));
        vm.prank(curator);
        vault.submit(data);
        uint256 ripe = vault.executableAt(data);
        assertEq(ripe, block.timestamp + 3 days, "three days");
        vm.warp(ripe - 1);
        _refused(curator, data, ErrorsLib.TimelockNotExpired.selector);
        uint256 state = vm.snapshotState();
        vm.warp(ripe + 14 days + 1);
        _refused(curator, data, ErrorsLib.DataExpired.selector);
        vm.revertToState(state);
        vm.warp(ripe + 14 days);
        vm.prank(curator);
        vault.setGate(stranger);
        assertEq(vault.gate(), stranger, "set");
    }

    function testFuzz_Announced_AgainWhenExpired(bool early) public {
        bytes memory data = abi.encodeCall(vault.setGate, (stranger));
        vm.prank(curator);
        vault.submit(data);
        vm.warp(vault.executableAt(data) + 14 days + (early ? 0 : 1));
        bytes memory again = abi.encodeCall(vault.submit, (data));
        if (early) return _refused(curator, again, ErrorsLib.AlreadySubmitted.selector);
        vm.prank(curator);
        vault.submit(data);
        assertEq(vault.executableAt(data), block.timestamp + 3 days, "anew");
    }

    function testFuzz_GuardianCutsACapToExactlyFiveQuarters(bool below) public {
        bytes memory data = abi.encodeCall(vault.decreaseCap, (address(t1), below ? 15_000e6 - 1 : 15_000e6));
        if (below) return _refused(guardian, data, ErrorsLib.CapExceeded.selector);
        vm.prank(guardian);
        vault.decreaseCap(address(t1), 15_000e6);
        assertEq(vault.venueOf(address(t1)).cap, 15_000e6, "five quarters of 12,000");
    }

    function testFuzz_RemoveVenue_AtExactlyTenUsdc(bool over, bool negative) public {
        _send(t2, 100e6);
        uint64 far = over ? 10e6 + 1 : 10e6;
        _home(t2, negative ? 100e6 + far : 100e6 - far);
        vault.sync(address(t2));
        bytes memory data = abi.encodeCall(vault.removeVenue, (address(t2)));
        _announced(curator, data);
        if (over) return _refused(curator, data, ErrorsLib.BookTooLarge.selector);
        vm.prank(curator);
        vault.removeVenue(address(t2));
        assertEq(vault.insurance(), negative ? 1_010e6 : 990e6, "against insurance");
        assertEq(vault.venues().length, 1, "gone");
    }

    /* WHAT IS READ */

    function test_Views_TellWhatWasSet() public {
        uint256 ticket = _request(1, 100e6);
        assertEq(vault.ticketCount(), ticket, "tickets");
        _commitApproval(ticket, 60e6);
        assertEq(vault.paidOf(ticket), 0, "not yet");
        vault.claim(ticket);
        assertEq(vault.paidOf(ticket), 60e6, "paid");
        assertEq(vault.gate(), address(0), "no gate");
        assertEq(vault.feeRecipient(), address(0), "no recipient");
        assertFalse(vault.depositsStopped(), "open");
        vm.prank(guardian);
        vault.stopDeposits(true);
        assertTrue(vault.depositsStopped(), "stopped");
        _governed(curator, abi.encodeCall(vault.setGate, (stranger)));
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (carol)));
        assertEq(vault.gate(), stranger, "gate");
        assertEq(vault.feeRecipient(), carol, "recipient");
    }

    /// @dev Of two armed reasons the older counts.
    function testFuzz_Exit_ArmedAtTheOlderOfTwo(bool staleFirst) public {
        uint256 full = block.timestamp;
        _commit(_fullNext());
        if (staleFirst) {
            _send(t2, 100e6); // A book that is never marked: no commit is full.
            vm.warp(full + 10 hours);
            _loseBeyondInsurance(5e6);
            assertEq(vault.fullAt(), full, "not full");
            vm.warp(full + 72 hours);
        } else {
            _loseBeyondInsurance(5e6);
            full = block.timestamp;
            vm.warp(full + 10 hours);
            _commit(_fullNext());
            vm.warp(full + 72 hours);
        }
        vault.triggerExit(0);
        uint256 first = block.timestamp;
        assertEq(vault.exitArmedAt(0), first, "the first");
        vm.warp(first + 11 hours);
        vault.triggerExit(0);
        assertFalse(vault.exiting(), "armed for the other reason, not started");
        assertEq(vault.exitArmedAt(0), first, "the older");
        vm.warp(first + 24 hours);
        vault.triggerExit(0);
        assertTrue(vault.exiting(), "started by the older");
    }
}
