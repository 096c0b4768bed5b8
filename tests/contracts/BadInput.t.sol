// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {Commit, Ticket} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {PrimeVaultBase, TestVenue} from "./PrimeVaultBase.sol";

/// @notice What the vault's token must not be, one vice at a time.
contract OddUSDC is TestUSDC {
    enum Vice {
        None,
        Shaves,
        ReturnsFalse,
        Blocks,
        CallsBack
    }

    Vice public vice;
    address public target;
    bytes public call;
    bytes4 public answer;

    error Blocked();

    constructor(address minter_) TestUSDC(minter_) {}

    function become(Vice vice_, address target_, bytes calldata call_) external {
        (vice, target, call, answer) = (vice_, target_, call_, 0);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return vice == Vice.ReturnsFalse ? false : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return vice == Vice.ReturnsFalse ? false : super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(vice != Vice.Blocks || to != target, Blocked());
        super._update(from, to, amount);
        if (vice == Vice.Shaves && from != address(0)) super._update(to, address(1), amount / 1000 + 1);
        if (vice != Vice.CallsBack || (from != target && to != target)) return;
        (bool ok, bytes memory reason) = target.call(call);
        answer = ok ? bytes4(0) : bytes4(reason);
    }
}

/// @notice Bad input: a custom error or a safe no-op, state to the byte as it was, claims payable as before.
contract BadInputTest is PrimeVaultBase {
    OddUSDC internal odd;
    uint256 internal ticket;
    address internal feeTaker = address(0xFEE);

    /// @dev A ticket of bob's, approved; fees to pay out; and the token may turn bad.
    function setUp() public override {
        super.setUp();
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6_000)));
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (feeTaker)));
        ticket = _request(2, 1_000e6);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_fullNext());
        vm.warp(block.timestamp + 1 days);
        Commit memory c = _fullNext();
        c.fees = 50e6;
        _change(c, 3, -50e6);
        _approve(c, ticket, 1_000e6);
        _commit(c);
        vm.etch(address(usdc), address(new OddUSDC(address(this))).code);
        odd = OddUSDC(address(usdc));
        _fund(alice, 1e15);
    }

    /// @dev All that the vault shows of itself, and its dollars.
    function _state() internal view returns (bytes32 hash) {
        hash = keccak256(abi.encode(vault.idle(), vault.sumEquity(), vault.payables(), vault.insurance()));
        hash = keccak256(abi.encode(hash, vault.feesAccrued(), vault.deficit(), vault.epoch(), vault.feeAllowance()));
        hash = keccak256(abi.encode(hash, vault.accountCount(), vault.ticketCount(), vault.totalExitPaid()));
        for (uint256 id; id <= 4; ++id) {
            hash = keccak256(abi.encode(hash, vault.laneOf(id), vault.accountOf(id), vault.ticketOf(id)));
        }
        for (uint256 i; i < 2; ++i) {
            address where = vault.venues()[i];
            hash = keccak256(abi.encode(hash, vault.venueOf(where), vault.pendingMarkOf(where), vault.bandOf(where)));
        }
        hash = keccak256(abi.encode(hash, usdc.balanceOf(address(vault)), usdc.balanceOf(alice)));
    }

    function _refusedAsItWas(address who, bytes memory data, bytes4 reason) internal {
        bytes32 before = _state();
        _refused(who, data, reason);
        assertEq(_state(), before, "state");
    }

    /// @dev Whatever was tried, bob is paid in the end.
    function _stillPays() internal {
        odd.become(OddUSDC.Vice.None, address(0), "");
        assertEq(vault.claim(ticket), 1_000e6, "claims are payable");
        _checkBalance();
    }

    function _in(uint256 which, uint64 amount) internal view returns (bytes memory) {
        if (which == 0) return abi.encodeCall(vault.openAccount, (alice, amount));
        if (which == 1) return abi.encodeCall(vault.deposit, (1, amount));
        if (which == 2) return abi.encodeCall(vault.fundInsurance, (amount));
        return abi.encodeCall(vault.depositWithPermit, (1, amount, block.timestamp, 27, bytes32(0), bytes32(0)));
    }

    /* THE TOKEN */

    function testFuzz_BadInput_ATokenThatTakesAFee(uint8 which, uint64 amount) public {
        amount = uint64(bound(amount, 100e6, 1e14));
        odd.become(OddUSDC.Vice.Shaves, address(0), "");
        _refusedAsItWas(alice, _in(which % 4, amount), ErrorsLib.TransferMismatch.selector);
        _stillPays();
    }

    function testFuzz_BadInput_ATokenThatReturnsFalse(uint8 which, uint64 amount) public {
        amount = uint64(bound(amount, 100e6, 1e14));
        odd.become(OddUSDC.Vice.ReturnsFalse, address(0), "");
        _refusedAsItWas(alice, _in(which % 4, amount), SafeTransferLib.TransferFromFailed.selector);
        bytes4 failed = SafeTransferLib.TransferFailed.selector;
        _refusedAsItWas(stranger, abi.encodeCall(vault.claim, (ticket)), failed);
        _refusedAsItWas(stranger, abi.encodeCall(vault.payFees, ()), failed);
        _refusedAsItWas(keeper, abi.encodeCall(vault.send, (address(t1), 1e6)), failed);
        _exit();
        _refusedAsItWas(stranger, abi.encodeCall(vault.claimExit, (1)), failed);
        _stillPays();
    }

    function _callBack(uint256 which) internal view returns (bytes memory) {
        if (which == 0) return abi.encodeCall(vault.claim, (ticket));
        if (which == 1) return abi.encodeCall(vault.sync, (address(0)));
        if (which == 2) return abi.encodeCall(vault.claimExit, (1));
        if (which == 3) return abi.encodeCall(vault.payFees, ());
        if (which == 4) return abi.encodeCall(vault.fundInsurance, (1));
        if (which == 5) return abi.encodeCall(vault.triggerExit, (0));
        if (which == 6) return abi.encodeCall(vault.openAccount, (alice, 100e6));
        return abi.encodeCall(vault.commit, (_next()));
    }

    /// @dev Whatever the token calls back, while money comes in or goes out.
    function testFuzz_BadInput_ATokenThatCallsBack(uint8 way, uint8 back, uint64 amount) public {
        amount = uint64(bound(amount, 100e6, 1e14));
        way %= 8;
        if (way == 7) _exit();
        odd.become(OddUSDC.Vice.CallsBack, address(vault), _callBack(back % 8));
        vm.prank(way < 4 ? alice : keeper);
        if (way < 4) tried(address(vault), _in(way, amount));
        if (way == 4) vault.claim(ticket);
        if (way == 5) vault.payFees();
        if (way == 6) vault.send(address(t2), 100e6);
        if (way == 7) vault.claimExit(1);
        assertEq(bytes32(odd.answer()), bytes32(ErrorsLib.Reentered.selector), "refused");
        _checkBalance();
        odd.become(OddUSDC.Vice.None, address(0), "");
        if (way != 4) _stillPays();
    }

    /// @dev A receiver the token refuses holds up nobody else, and its owner names another.
    function testFuzz_BadInput_ABlacklistedReceiver(address other) public {
        vm.assume(other != bob && other != address(0) && other != address(vault) && !vault.venueOf(other).listed);
        vm.assume(usdc.balanceOf(other) == 0);
        odd.become(OddUSDC.Vice.Blocks, bob, "");
        _refusedAsItWas(stranger, abi.encodeCall(vault.claim, (ticket)), SafeTransferLib.TransferFailed.selector);
        _exit();
        _refusedAsItWas(stranger, abi.encodeCall(vault.claimExit, (2)), SafeTransferLib.TransferFailed.selector);
        assertTrue(vault.claimExit(1) > 0 && vault.claimExit(3) > 0, "others are paid");
        vm.prank(bob);
        vault.redirect(ticket, other);
        uint256 before = usdc.balanceOf(other); // It may be one of the others, just paid.
        assertEq(vault.claim(ticket), 1_000e6, "to another receiver");
        assertEq(usdc.balanceOf(other) - before, 1_000e6, "there");
        _checkBalance();
    }

    /* AMOUNTS */

    function test_BadInput_NothingAndTheMost() public {
        uint64 max = type(uint64).max;
        bytes4 small = ErrorsLib.AmountTooSmall.selector;
        bytes4 poor = SafeTransferLib.TransferFromFailed.selector;
        _refusedAsItWas(alice, abi.encodeCall(vault.openAccount, (alice, 0)), small);
        _refusedAsItWas(alice, abi.encodeCall(vault.openAccount, (alice, max)), poor);
        _refusedAsItWas(alice, abi.encodeCall(vault.deposit, (1, 0)), small);
        _refusedAsItWas(alice, abi.encodeCall(vault.deposit, (1, max)), ErrorsLib.LaneOutOfRange.selector);
        _refusedAsItWas(alice, abi.encodeCall(vault.fundInsurance, (max)), poor);
        _refusedAsItWas(alice, abi.encodeCall(vault.requestWithdraw, (1, 0, alice)), small);
        bytes memory all = abi.encodeCall(vault.requestWithdraw, (1, max, alice));
        _refusedAsItWas(alice, all, ErrorsLib.WithdrawTooLarge.selector);
        _refusedAsItWas(keeper, abi.encodeCall(vault.send, (address(t1), 0)), small);
        _refusedAsItWas(keeper, abi.encodeCall(vault.send, (address(t1), max)), ErrorsLib.CashNotFree.selector);
        _refusedAsItWas(stranger, abi.encodeCall(vault.claim, (0)), ErrorsLib.NothingPayable.selector);
        bytes memory far = abi.encodeCall(vault.claim, (type(uint256).max));
        _refusedAsItWas(stranger, far, ErrorsLib.NothingPayable.selector);
        bytes memory unknown = abi.encodeCall(vault.deposit, (type(uint256).max, 1));
        _refusedAsItWas(alice, unknown, ErrorsLib.AccountNotOpen.selector);
        _stillPays();
    }

    /// @dev What does nothing leaves everything as it was: no dollars to insure, nothing to collect, empty approvals.
    function test_BadInput_NoOps() public {
        vault.sync(address(t1)); // Opens its day's window of sends, with nothing in it.
        bytes32 before = _state();
        vm.prank(alice);
        vault.fundInsurance(0);
        assertEq(vault.sync(address(0)), 0, "nothing unbooked");
        assertEq(vault.sync(address(t1)), 0, "nothing to collect");
        assertEq(_state(), before, "state");
        _exit();
        before = _state();
        assertEq(vault.claimExit(0), 0, "nobody");
        assertEq(vault.claimExit(4), 0, "never opened");
        assertEq(vault.claimExit(type(uint256).max), 0, "never");
        assertEq(_state(), before, "state in exit");
        _stillPays();
    }

    /* VENUES */

    function testFuzz_BadInput_AVenueThatIsNotListed(address where, uint64 amount) public {
        vm.assume(where != address(t1) && where != address(t2) && where != address(0));
        amount = uint64(bound(amount, 1, 1e6));
        bytes4 unlisted = ErrorsLib.VenueNotListed.selector;
        _refusedAsItWas(keeper, abi.encodeCall(vault.send, (where, amount)), unlisted);
        _refusedAsItWas(keeper, abi.encodeCall(vault.recall, (where, amount)), unlisted);
        _refusedAsItWas(keeper, abi.encodeCall(vault.mark, (where, "", new uint32[](0))), unlisted);
        _refusedAsItWas(stranger, abi.encodeCall(vault.sync, (where)), unlisted);
        _refusedAsItWas(stranger, abi.encodeCall(vault.advance, (where)), unlisted);
        _refusedAsItWas(stranger, abi.encodeCall(vault.lapseRecall, (where)), unlisted);
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _fullNext();
        _marked(c, TestVenue(where));
        _refusedAsItWas(keeper, abi.encodeCall(vault.commit, (c)), unlisted);
        _exit();
        _refusedAsItWas(stranger, abi.encodeCall(vault.unwind, (where, "")), unlisted);
        _stillPays();
    }

    /// @dev Dollars that nobody sent for, in every place that may hold some: no lane, ticket or book changes hands.
    function testFuzz_BadInput_DonationsEverywhere(uint64 amount) public {
        amount = uint64(bound(amount, 1, 1e12));
        address[4] memory places = [address(vault), address(t1), address(t2), address(usdc)];
        for (uint256 i; i < 4; ++i) {
            usdc.mint(places[i], amount);
        }
        uint256 insured = vault.insurance();
        uint256 equity = vault.sumEquity();
        _checkBalance();
        vault.sync(address(0));
        vault.sync(address(t1));
        vault.sync(address(t2));
        assertEq(vault.insurance(), insured + amount, "the vault's is insurance");
        assertEq(vault.sumEquity(), equity, "nobody's lane");
        assertEqInt(vault.venueOf(address(t2)).book, -int256(uint256(amount)), "a venue's is its next result");
        _stillPays();
    }

    /* EVERY FLAG */

    function _exit() internal {
        vm.warp(block.timestamp + 72 hours);
        vault.triggerExit(0);
        vm.warp(block.timestamp + 24 hours);
        vault.triggerExit(0);
    }

    function _attestedGain() internal {
        t2.earn(1_000e6); // From a book of 0 all of it is beyond the band.
        _mark(t2);
        assertTrue(vault.totalQuarantine() > 0, "quarantine");
    }

    /// @dev B3, I13: with any of these flags up, in any combination, approved tickets are paid; and exit shares, in exit.
    function testFuzz_BadInput_ClaimsUnderEveryCombinationOfFlags(uint16 flags) public {
        if (flags & 1 > 0) _attestedGain();
        if (flags & 2 > 0) _governed(curator, abi.encodeCall(vault.setGate, (address(1))));
        vm.startPrank(curator);
        if (flags & 4 > 0) vault.setSuspended(address(t1), true);
        if (flags & 8 > 0) vault.setSuspended(address(t2), true);
        if (flags & 16 > 0) vault.stopDeposits(true);
        if (flags & 32 > 0) vault.decreaseCap(address(t1), 0);
        vm.stopPrank();
        if (flags & 64 > 0) _loseBeyondInsurance(5e6);
        t1.setBroken(flags & 128 > 0);
        t1.setQuiet(flags & 256 == 0);
        if (flags & 512 > 0) {
            vm.startPrank(boss);
            vault.removeKeeper(keeper);
            vault.removeKeeper(keeper2);
            vm.stopPrank();
        }
        // Neither, armed, or started.
        if (flags & 1024 > 0) {
            vm.warp(block.timestamp + 72 hours);
            vault.triggerExit(0);
            assertTrue(vault.exitArmedAt(0) > 0, "armed");
        }
        if (flags & 3072 == 3072) {
            vm.warp(block.timestamp + 24 hours);
            vault.triggerExit(0);
        }
        bool first = flags & 4096 > 0;
        if (first && vault.exiting()) assertTrue(vault.claimExit(1) > 0, "a share");
        Ticket memory t = vault.ticketOf(ticket);
        assertEq(vault.claim(ticket), t.payable_, "a ticket");
        assertEq(usdc.balanceOf(bob), 1_000e6, "to its receiver");
        if (vault.exiting()) assertTrue(vault.claimExit(2) > 0 && vault.claimExit(3) > 0, "the others' shares");
        _checkBalance();
    }
}
