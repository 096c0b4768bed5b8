// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {AllowlistGate} from "contracts/gates/AllowlistGate.sol";
import {Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

/// @notice How fast money may leave, what fees may be, who may come in: rules A7, A8, transfer of sub-accounts, gate.
contract PrimeVaultFlowTest is PrimeVaultBase {
    function _later(uint256 time) internal {
        vm.warp(block.timestamp + time);
    }

    /// @dev Ten minutes later: a full commit that offers every open ticket everything.
    function _offerAll() internal {
        _later(10 minutes);
        Commit memory c = _fullNext();
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            if (vault.pendingTicketOf(id) > 0) _approve(c, vault.pendingTicketOf(id), type(uint64).max);
        }
        _commit(c);
        _checkBalance();
    }

    /* A7: A COMMIT BETWEEN */

    function test_A7_P_ACommitLiesBetweenRequestAndApproval() public {
        _offerAll();
        uint256 ticket = _request(2, 1_000e6);
        _offerAll();
        assertEq(vault.ticketOf(ticket).payable_, 0, "the first commit after it");
        _offerAll();
        assertEq(vault.ticketOf(ticket).payable_, 1_000e6, "the second");
    }

    function test_A7_ARequestInTheSecondOfACommitWaits() public {
        _offerAll();
        uint256 ticket = _request(2, 1_000e6); // As old as the last commit: not before it.
        _offerAll();
        assertEq(vault.ticketOf(ticket).payable_, 0, "waits");
    }

    /* A7: THE OUTFLOW LIMIT */

    /// @dev [P] A keeper that gives a whole vault to its own lane gets a tenth of it out before people can react.
    function testFuzz_A7_P_YoungTicketsTakeATenthADay(uint64[3] memory asked, uint32 wait) public {
        for (uint256 id = 1; id <= 3; ++id) {
            _request(id, uint64(bound(asked[id - 1], 10e6, 10_000e6)));
        }
        _offerAll();
        wait = uint32(bound(wait, 0, 23 hours));
        _later(wait);
        _offerAll();
        _offerAll();
        assertLe(vault.payables(), 3_000e6, "a tenth of 30,000");
        uint256 all;
        for (uint256 ticket = 1; ticket <= 3; ++ticket) {
            all += uint256(vault.ticketOf(ticket).remaining) + vault.ticketOf(ticket).payable_;
        }
        assertEq(vault.payables(), all < 3_000e6 ? all : 3_000e6, "and no less");
    }

    function test_A7_OldTicketsAreExempt() public {
        uint256 ticket = _request(2, 10_000e6);
        _offerAll();
        _later(24 hours);
        _offerAll();
        assertEq(vault.ticketOf(ticket).payable_, 10_000e6, "all of it");
        (, uint256 limit, uint256 used) = vault.outflowWindow();
        assertEq(used, 0, "outside the window");
        assertEq(limit, 3_000e6, "measured before approvals");
    }

    function testFuzz_A7_TheWindowIsFixed(uint32 wait) public {
        wait = uint32(bound(wait, 30 minutes, 40 hours));
        _request(1, 2_000e6);
        _offerAll();
        _offerAll();
        (uint256 start,,) = vault.outflowWindow();
        assertEq(start, block.timestamp - 10 minutes, "opened by the first commit that offers");
        vault.claim(1);
        vm.warp(start + wait - 10 minutes);
        _request(2, 2_000e6);
        _offerAll();
        _later(10 minutes - 1);
        vm.warp(block.timestamp + 1);
        _commit(_offering(2));
        bool next = block.timestamp >= start + 24 hours;
        assertEq(vault.ticketOf(2).payable_, next ? 2_000e6 : 1_000e6, "what its window has left");
        _checkBalance();
    }

    function _offering(uint256 ticket) internal returns (Commit memory c) {
        c = _fullNext();
        _approve(c, ticket, type(uint64).max);
    }

    /// @dev [P] Two weeks of a keeper that gives everything to its accomplice, commit by commit, while nobody reacts:
    /// in the first day no more than a tenth leaves, and less than two tenths until the first ticket is a day old.
    function test_A7_P_AStolenKeeperKey() public {
        address thief = address(0x7E1F);
        uint256 id = _openAccount(thief, 100e6);
        Commit memory c = _fullNext();
        for (uint256 other = 1; other <= 3; ++other) {
            _change(c, other, -10_000e6);
        }
        _change(c, id, 30_000e6);
        _commit(c);
        _lane(id, 30_100e6);
        vm.prank(thief);
        vault.requestWithdraw(id, 30_100e6, thief);
        uint256 start = block.timestamp;
        uint256 first;
        while (block.timestamp < start + 23 hours) {
            _later(30 minutes);
            _offerAll();
            uint256 ticket = vault.pendingTicketOf(id);
            if (ticket > 0 && vault.ticketOf(ticket).payable_ > 0) first += vault.claim(ticket);
        }
        emit log_named_uint("a day of a stolen keeper key, of 30100000000", first);
        assertLe(first, 3_010e6, "a tenth");
    }

    /* A8: FEES */

    function _charge(uint64 fees) internal returns (Commit memory c) {
        c = _fullNext();
        c.fees = fees;
        _change(c, 2, -int64(fees));
    }

    function testFuzz_A8_P_FeesAccrueByTheDay(uint16 ppm, uint32 wait) public {
        ppm = uint16(bound(ppm, 1, 6_000));
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (ppm)));
        assertEq(vault.feeCapPerDay(), ppm, "cap");
        assertEq(vault.feeAllowance(), 0, "starts at 0");
        wait = uint32(bound(wait, 10 minutes, 10 days));
        _later(wait);
        uint256 aDay = uint256(30_000e6) * ppm / 1e6;
        uint64 most = uint64(aDay * (wait < 3 days ? wait : 3 days) / 1 days);
        // Measured on equity after the fees.
        while (most > 0) {
            uint256 least = (uint256(30_000e6) - most) * ppm / 1e6 * (wait < 3 days ? wait : 3 days) / 1 days;
            if (most <= least) break;
            most = uint64(least);
        }
        Commit memory c = _charge(most + 1 + most / 100);
        _commitRefused(c, ErrorsLib.FeeAboveCap.selector);
        if (most == 0) return;
        _commit(_charge(most));
        assertEq(vault.feesAccrued(), most, "accrued");
        _checkBalance();
    }

    function test_A8_AtMostThreeDaysAreStored() public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (1_000)));
        _later(30 days);
        _commit(_fullNext());
        assertEq(vault.feeAllowance(), 90e6, "three times 0.1% of 30,000");
    }

    /// @dev [P] Equity that came since the last commit, or left since, earns no fee.
    function testFuzz_A8_OnTheSmallerOfThenAndNow(uint64 more, uint64 loss) public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (1_000)));
        _commit(_fullNext());
        uint256 before = vault.feeAllowance();
        _deposit(1, uint64(bound(more, 1, 1e13)));
        _later(1 days);
        _commit(_fullNext());
        assertEq(vault.feeAllowance() - before, 30e6, "not on what came");
        before = vault.feeAllowance();
        uint256 equity = vault.sumEquity();
        loss = uint64(bound(loss, 1, 9_000e6));
        t1.earn(-int128(uint128(loss)));
        _later(1 days);
        _commit(_fullNext());
        uint256 aDay = (equity - loss) * 1_000 / 1e6;
        uint256 expected = before + aDay;
        assertEq(vault.feeAllowance(), expected < 3 * aDay ? expected : 3 * aDay, "nor on what is lost");
    }

    function testFuzz_A8_TheHardMaximum(uint16 ppm) public {
        ppm = uint16(bound(ppm, 6_001, type(uint16).max));
        _refusedLater(curator, abi.encodeCall(vault.increaseFeeCap, (ppm)), ErrorsLib.FeeAboveCap.selector);
    }

    function test_A8_LoweringTheCapIsInstant() public {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (1_000)));
        _refused(stranger, abi.encodeCall(vault.decreaseFeeCap, (1)), ErrorsLib.NotCurator.selector);
        _refused(curator, abi.encodeCall(vault.decreaseFeeCap, (1_000)), ErrorsLib.WrongDirection.selector);
        vm.prank(curator);
        vault.decreaseFeeCap(0);
        _later(3 days);
        _commitRefused(_charge(1), ErrorsLib.FeeAboveCap.selector);
        _refusedLater(curator, abi.encodeCall(vault.increaseFeeCap, (0)), ErrorsLib.WrongDirection.selector);
    }

    function _accrued(uint64 fees) internal {
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6_000)));
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (carol)));
        _later(3 days);
        _commit(_charge(fees));
    }

    function testFuzz_A8_PayFees_OnlyWhatIsNotReserved(uint64 fees, uint64 sent) public {
        fees = uint64(bound(fees, 1, 500e6));
        _accrued(fees);
        sent = uint64(bound(sent, 1, vault.freeCash()));
        _send(t1, sent);
        assertLe(vault.feesAccrued(), vault.idle(), "fees are kept back");
        vm.expectEmit(address(vault));
        emit EventsLib.FeesPaid(carol, fees);
        vm.prank(stranger);
        assertEq(vault.payFees(), fees, "paid");
        assertEq(usdc.balanceOf(carol), fees, "to the recipient");
        assertEq(vault.feesAccrued(), 0, "once");
        assertEq(vault.payFees(), 0, "nothing left");
        _checkBalance();
    }

    function test_A8_PayFees_RevertWhen_NoRecipientOrADeficit() public {
        _refused(stranger, abi.encodeCall(vault.payFees, ()), ErrorsLib.ZeroAddress.selector);
        _accrued(100e6);
        _loseBeyondInsurance(1e6);
        _refused(stranger, abi.encodeCall(vault.payFees, ()), ErrorsLib.DeficitOpen.selector);
    }

    /* B: TRANSFER OF A SUB-ACCOUNT */

    function testFuzz_B_TransferByOfferAndAcceptance(address to) public {
        vm.assume(to != address(0) && to != alice && to != stranger);
        vm.startPrank(alice);
        vault.setRights(1, stranger, 3, type(uint40).max);
        vault.offerAccount(1, to);
        vm.stopPrank();
        assertEq(vault.offerOf(1), to, "offered");
        assertEq(vault.accountOf(1).owner, alice, "still hers");
        vm.expectEmit(address(vault));
        emit EventsLib.AccountTransferred(1, alice, to, 2);
        vm.prank(to);
        vault.acceptAccount(1);
        assertEq(vault.accountOf(1).owner, to, "theirs");
        assertEq(vault.offerOf(1), address(0), "once");
        (uint8 rights,) = vault.rightsOf(1, stranger);
        assertEq(rights, 0, "no right survives");
        _lane(1, 10_000e6);
        _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, 100e6, alice)), ErrorsLib.NotOwner.selector);
        _refused(to, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.NotOffered.selector);
    }

    function testFuzz_B_Transfer_RevertWhen_NotOfferedToIt(address who) public {
        vm.assume(who != bob);
        vm.prank(alice);
        vault.offerAccount(1, bob);
        _refused(who, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.NotOffered.selector);
        vm.assume(who != alice);
        _refused(who, abi.encodeCall(vault.offerAccount, (1, who)), ErrorsLib.NotOwner.selector);
        vm.prank(alice);
        vault.offerAccount(1, address(0));
        _refused(bob, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.NotOffered.selector);
    }

    function testFuzz_B_Transfer_RevertWhen_ATicketIsUnpaid(bool offeredFirst, bool approved) public {
        if (offeredFirst) {
            vm.prank(alice);
            vault.offerAccount(1, bob);
        }
        uint256 ticket = _request(1, 100e6);
        if (approved) _commitApproval(ticket, 100e6);
        bytes memory data =
            offeredFirst ? abi.encodeCall(vault.acceptAccount, (1)) : abi.encodeCall(vault.offerAccount, (1, bob));
        _refused(offeredFirst ? bob : alice, data, ErrorsLib.TicketUnpaid.selector);
    }

    function test_B_Transfer_NeverOfAClosingOrClosedOne() public {
        vm.prank(alice);
        vault.offerAccount(1, bob);
        Commit memory c = _fullNext();
        _change(c, 1, -10_000e6);
        _change(c, 2, 10_000e6);
        _commit(c);
        vm.prank(alice);
        vault.closeAccount(1);
        _refused(bob, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.AlreadyClosing.selector);
        _later(10 minutes);
        _commit(_next());
        _refused(bob, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.AccountNotOpen.selector);
        _openAccount(carol, 100e6); // The id is used again: the old offer is void.
        _refused(bob, abi.encodeCall(vault.acceptAccount, (1)), ErrorsLib.NotOffered.selector);
    }

    /* GATE: ON ENTRY ONLY */

    function _gated() internal returns (AllowlistGate gate) {
        gate = new AllowlistGate(address(this));
        _governed(curator, abi.encodeCall(vault.setGate, (address(gate))));
    }

    function testFuzz_Gate_AsksAtEntry(address who) public {
        vm.assume(who != address(0) && who != address(vault) && who != alice);
        AllowlistGate gate = _gated();
        bytes4 reason = ErrorsLib.GateClosed.selector;
        _fund(who, 200e6);
        _refused(who, abi.encodeCall(vault.openAccount, (who, 100e6)), reason);
        _refused(alice, abi.encodeCall(vault.deposit, (1, 1e6)), reason);
        vm.prank(alice);
        vault.offerAccount(1, who);
        _refused(who, abi.encodeCall(vault.acceptAccount, (1)), reason);
        gate.set(who, true);
        vm.startPrank(who);
        vault.acceptAccount(1);
        uint256 id = vault.openAccount(who, 100e6);
        vault.deposit(id, 100e6);
        vm.stopPrank();
        _lane(id, 200e6);
    }

    /// @dev Whoever is taken off the list gets the money out all the same.
    function test_Gate_NeverAsksOnTheWayOut() public {
        _gated();
        uint256 ticket = _request(1, 10_000e6);
        vm.prank(alice);
        vault.redirect(ticket, stranger);
        _commitApproval(ticket, 10_000e6);
        assertEq(vault.claim(ticket), 10_000e6, "paid");
        vm.prank(alice);
        vault.closeAccount(1);
    }

    function testFuzz_Gate_OnlyItsKeeperKeepsTheList(address who) public {
        AllowlistGate gate = new AllowlistGate(address(this));
        vm.assume(who != address(this));
        vm.prank(who);
        (bool ok, bytes4 reason) = tried(address(gate), abi.encodeCall(gate.set, (who, true)));
        assertFalse(ok, "refused");
        assertEq(bytes32(reason), bytes32(AllowlistGate.NotKeeper.selector), "reason");
        assertFalse(gate.mayEnter(who), "not on it");
    }
}
