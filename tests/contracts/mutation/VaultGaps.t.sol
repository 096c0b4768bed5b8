// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {Band, Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {PoolLib} from "contracts/libraries/PoolLib.sol";
import {MeanUSDC} from "../PooledAccount.t.sol";
import {PrimeVaultBase} from "../PrimeVaultBase.sol";

/// @notice What mutants showed that no test of a vault asked.
contract VaultGapsTest is PrimeVaultBase {
    address internal guardian = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
    }

    function _band() internal view returns (Band memory) {
        return vault.bandOf(address(t2));
    }

    /// @dev A commit of `t2` alone, its delta sub-account 2's.
    function _book() internal {
        Commit memory c = _next();
        _marked(c, t2);
        int128 delta = vault.pendingMarkOf(address(t2)).delta;
        if (delta != 0) _change(c, 2, int64(delta));
        _commit(c);
    }

    /* EXIT */

    function test_AnOverdueTicketSaysSinceWhen() public {
        uint256 ticket = _request(2, 10e6);
        assertEq(vault.exitArmedAt(ticket), 0, "not armed");
        vm.warp(block.timestamp + 7 days);
        vault.triggerExit(ticket);
        assertEq(vault.exitArmedAt(ticket), block.timestamp, "armed");
        assertEq(vault.exitArmedAt(0), 0, "the other reasons are not");
    }

    /* BANDS */

    /// @dev A book of one micro-dollar is a book: its value is no gain.
    function test_TheSmallestBook() public {
        _send(t2, 1);
        _mark(t2);
        assertEqInt(vault.pendingMarkOf(address(t2)).delta, 0, "no change");
        assertEq(_band().quarantine, 0, "nothing held");
    }

    function test_TheSmallestQuarantine() public {
        _send(t2, 10_000e6);
        t2.earn(500e6 + 1);
        _mark(t2);
        assertEq(_band().quarantine, 1, "held");
        _book();
        vm.prank(guardian);
        vault.refuseQuarantine(address(t2));
        assertEq(_band().since, block.timestamp, "again from now");
        vm.warp(block.timestamp + 24 hours);
        _mark(t2);
        assertEq(_band().pendingRelease, 1, "a day later");
        _book();
        assertEq(_band().quarantine, 0, "released");
        assertEq(_band().since, 0, "no clock runs");
        assertEq(_band().pendingRelease, 0, "used");
    }

    /// @dev What came during the day stays, with a day of its own.
    function test_APartOfTheQuarantineIsReleased() public {
        _send(t2, 10_000e6);
        t2.earn(700e6);
        _mark(t2);
        _book();
        t2.earn(1_000e6);
        vm.warp(block.timestamp + 24 hours);
        _mark(t2);
        assertEq(_band().pendingRelease, 200e6, "the smallest of the day");
        assertEq(_band().pendingRise, 525e6, "5% of 10,500");
        _book();
        Band memory band = _band();
        assertEq(band.quarantine, 475e6, "the rest");
        assertEq(band.low, 475e6, "its smallest");
        assertEq(band.since, block.timestamp, "its day begins");
        assertEq(band.windowStart, block.timestamp, "a new window, a day after the last to the second");
        assertEq(band.windowLimit, 525e6, "of the book before");
        assertEq(band.windowUsed, 525e6, "used");
    }

    function test_ARefusalVoidsWhatTheMarkAsked() public {
        _send(t2, 10_000e6);
        t2.earn(700e6);
        _mark(t2);
        assertEq(_band().pendingRise, 500e6, "asked");
        vm.prank(guardian);
        vault.refuseQuarantine(address(t2));
        assertEq(_band().pendingRise, 0, "void");
        assertEq(vault.pendingMarkOf(address(t2)).asOf, 0, "with its mark");
    }

    /* VENUES */

    /// @dev The relative cap of a venue of one ten-thousandth, to the micro-dollar; its own book of 1 counts.
    function test_TheRelativeCapToTheMicroDollar() public {
        _send(t2, 1);
        vm.prank(curator);
        vault.decreaseRelativeCap(address(t2), 1);
        bytes memory data = abi.encodeCall(vault.send, (address(t2), 3_100_000));
        _refused(keeper, data, ErrorsLib.CapExceeded.selector);
        _send(t2, 3_099_999);
        assertEqInt(vault.venueOf(address(t2)).book, 3_100_000, "31,000 / 10,000");
    }

    function test_SolvencyToTheMicroDollar() public {
        uint256 ticket = _request(1, 500e6);
        _commitApproval(ticket, 500e6);
        t1.earn(-12_000e6 + 1);
        (uint256 cash, uint256 read, uint256 attested, uint256 owed) = vault.solvency();
        assertEq(cash, vault.idle(), "cash");
        assertEq(read, 1, "one micro-dollar");
        assertEq(attested, 0, "nothing");
        assertEq(owed, 30_000e6, "equity and what is payable");
        t1.earn(type(int64).max - 1);
        (, read,,) = vault.solvency();
        assertEq(read, uint64(type(int64).max), "all that a venue can say");
    }

    function test_WhatIsHeldInAll() public {
        _send(t2, 10_000e6);
        t2.earn(700e6);
        _mark(t2);
        assertEq(vault.totalQuarantine(), 200e6, "in all");
        assertEq(vault.freeCash(), vault.idle() - vault.insurance(), "free");
    }

    /* SHARE ARITHMETIC */

    function test_PoolPricesToTheLastDigit() public pure {
        assertEq(PoolLib.price(1e30, 1), 1e54, "price");
        assertEq(PoolLib.priceUp(1e30, 1), 1e54, "price up");
        assertEq(PoolLib.assetsAt(1e48, 1e24), 1e48, "assets");
        assertEq(PoolLib.performanceFee(1e48, 1e48, 1e24, 10_000), 0, "at the mark");
        assertEq(PoolLib.performanceFee(1e48 + 1e30, 1e48, 1e24, 10_000), 1e30, "above it");
    }

    /* THE DOOR */

    /// @dev While a token is moved, no entry is open.
    function test_NoEntryFromInsideATransfer() public {
        MeanUSDC mean = new MeanUSDC(address(this));
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (address(mean), keeper);
        usdc = mean;
        vault = new PrimeVault(address(mean), address(mean), address(mean), keepers);
        assertEq(vault.fullAt(), block.timestamp, "the clock starts here");
        _insure(100e6);
        _openAccount(address(mean), 100e6);
        bytes[24] memory calls = [
            abi.encodeCall(vault.openAccount, (alice, 100e6)),
            abi.encodeCall(vault.closeAccount, (1)),
            abi.encodeCall(vault.deposit, (1, 1e6)),
            abi.encodeCall(vault.depositWithPermit, (1, 1e6, 0, 0, 0, 0)),
            abi.encodeCall(vault.setRights, (1, alice, 1, 1)),
            abi.encodeCall(vault.requestWithdraw, (1, 10e6, alice)),
            abi.encodeCall(vault.cancelWithdraw, (1)),
            abi.encodeCall(vault.redirect, (1, alice)),
            abi.encodeCall(vault.offerAccount, (1, alice)),
            abi.encodeCall(vault.acceptAccount, (1)),
            abi.encodeCall(vault.claim, (1)),
            abi.encodeCall(vault.sync, (address(0))),
            abi.encodeCall(vault.advance, (address(t1))),
            abi.encodeCall(vault.lapseRecall, (address(t1))),
            abi.encodeCall(vault.fundInsurance, (1)),
            abi.encodeCall(vault.payFees, ()),
            abi.encodeCall(vault.triggerExit, (0)),
            abi.encodeCall(vault.unwind, (address(t1), "")),
            abi.encodeCall(vault.claimExit, (1)),
            abi.encodeCall(vault.send, (address(t1), 1)),
            abi.encodeCall(vault.recall, (address(t1), 1)),
            abi.encodeCall(vault.mark, (address(t1), "", new uint32[](0))),
            abi.encodeCall(vault.commit, (_next())),
            abi.encodeCall(vault.addGuardian, (alice))
        ];
        for (uint256 i; i < calls.length; ++i) {
            mean.aim(address(vault), calls[i]);
            _insure(1e6);
            assertEq(bytes32(mean.answer()), bytes32(ErrorsLib.Reentered.selector), "closed");
        }
    }

    /// @dev Each entry opens the next, in the same transaction too.
    function test_EachEntryLeavesTheDoorOpen() public {
        vault.lapseRecall(address(t1));
        vault.advance(address(t1));
        _fund(alice, 1000e6);
        vm.startPrank(alice);
        vault.depositWithPermit(1, 1e6, 0, 0, 0, 0);
        vault.deposit(1, 1e6);
        vault.setRights(1, bob, 1, 1);
        uint256 ticket = vault.requestWithdraw(1, 10e6, alice);
        vault.redirect(ticket, bob);
        vault.cancelWithdraw(ticket);
        vault.offerAccount(1, stranger);
        vm.stopPrank();
        vm.prank(stranger);
        vault.acceptAccount(1);
        assertEq(vault.accountOf(1).owner, stranger, "all of them");
    }

    /* CLIENTS AND FEES */

    function test_TheLastMicroDollarOfATicketIsCancelled() public {
        uint256 ticket = _request(1, 10e6);
        _commitApproval(ticket, 10e6 - 1);
        assertEq(vault.ticketOf(ticket).remaining, 1, "one is left");
        vm.prank(alice);
        vault.cancelWithdraw(ticket);
        assertEq(vault.ticketOf(ticket).remaining, 0, "void");
        assertEq(vault.claim(ticket), 10e6 - 1, "the rest is paid");
    }

    /// @dev Cash that approvals reserved is not the fees'.
    function test_FeesWaitForPayables() public {
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (carol)));
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6000)));
        uint256[3] memory tickets = [_request(1, 9_000e6), _request(2, 10_000e6), _request(3, 10_000e6)];
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 1 days);
        Commit memory c = _fullNext();
        c.fees = 50e6;
        _change(c, 1, -50e6);
        for (uint256 i; i < 3; ++i) {
            _approve(c, tickets[i], 10_000e6);
        }
        _commit(c);
        assertEq(vault.payables(), vault.idle(), "all cash is reserved");
        assertEq(vault.payFees(), 0, "nothing is left for fees");
        assertEq(vault.feesAccrued(), 50e6, "they wait");
        assertLe(vault.feeAllowance(), 50e6, "taken from the allowance");
        _checkBalance();
    }

    function test_NoUnwindBeforeTheExit() public {
        _refused(stranger, abi.encodeCall(vault.unwind, (address(t1), "")), ErrorsLib.NotExiting.selector);
    }
}
