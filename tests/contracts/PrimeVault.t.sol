// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {PrimeVault} from "contracts/PrimeVault.sol";
import {Account, Commit} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "contracts/libraries/EventsLib.sol";
import {TestUSDC} from "contracts/sim/TestUSDC.sol";
import {PrimeVaultBase} from "./PrimeVaultBase.sol";

/// @notice A token that keeps a thousandth of every transfer.
contract ShavingUSDC is TestUSDC {
    constructor(address minter_) TestUSDC(minter_) {}

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), amount / 1000);
    }
}

/// @notice Sub-accounts, deposits, rights, tickets: rules B1 to B4 and A9.
contract PrimeVaultTest is PrimeVaultBase {
    bytes32 internal constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /* B1: OPENING AND CLOSING */

    function testFuzz_B1_Open_CreditsTheLane(address owner, uint64 amount) public {
        vm.assume(owner != address(0));
        amount = uint64(bound(amount, 100e6, 1e18));
        _fund(stranger, amount);
        vm.expectEmit(address(vault));
        emit EventsLib.AccountOpened(4, owner, 1);
        vm.expectEmit(address(vault));
        emit EventsLib.Deposited(4, stranger, amount);
        vm.prank(stranger);
        uint256 id = vault.openAccount(owner, amount);
        assertEq(id, 4, "the next id");
        Account memory account = vault.accountOf(id);
        assertEq(account.owner, owner, "owner");
        assertEq(account.openedAt, block.timestamp, "openedAt");
        assertTrue(account.open && !account.closing, "open");
        _lane(4, amount);
        _checkBalance();
    }

    function testFuzz_B1_Open_RevertWhen_BelowTheMinimum(uint64 amount) public {
        amount = uint64(bound(amount, 0, 100e6 - 1));
        _refused(alice, abi.encodeCall(vault.openAccount, (alice, amount)), ErrorsLib.AmountTooSmall.selector);
    }

    function test_B1_Open_RevertWhen_NoOwner() public {
        _refused(alice, abi.encodeCall(vault.openAccount, (address(0), 100e6)), ErrorsLib.ZeroAddress.selector);
    }

    function testFuzz_A9_Open_RevertWhen_InsuranceIsNotSeeded(uint64 seed) public {
        _empty();
        seed = uint64(bound(seed, 0, 200e6));
        _insure(seed);
        _fund(alice, 100e6);
        bytes memory data = abi.encodeCall(vault.openAccount, (alice, 100e6));
        if (seed < 100e6) {
            _refused(alice, data, ErrorsLib.InsuranceNotSeeded.selector);
        } else {
            vm.prank(alice);
            assertEq(vault.openAccount(alice, 100e6), 1, "ids start at 1");
        }
    }

    function test_B1_Open_RevertWhen_Full() public {
        _fund(alice, 200_000e6);
        vm.startPrank(alice);
        for (uint256 id = 4; id <= 1024; ++id) {
            vault.openAccount(alice, 100e6);
        }
        vm.stopPrank();
        _refused(alice, abi.encodeCall(vault.openAccount, (alice, 100e6)), ErrorsLib.TooManyAccounts.selector);
        assertEq(vault.accountCount(), 1024, "count");
        Commit memory c = _next();
        _change(c, 1, -7);
        _change(c, 1024, 7);
        _commit(c);
        _lane(1024, 100e6 + 7);
        _checkBalance();
    }

    /// @dev Empties a sub-account and takes its money out.
    function _emptied(uint256 id) internal {
        uint64 lane = vault.laneOf(id);
        uint256 ticket = _request(id, lane);
        _commitApproval(ticket, lane);
        vault.claim(ticket);
    }

    function _closed(uint256 id) internal {
        _emptied(id);
        address owner = vault.accountOf(id).owner;
        vm.prank(owner);
        vault.closeAccount(id);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_next());
    }

    function testFuzz_B1_Close_TakesEffectAtTheNextCommit(uint8 which) public {
        uint256 id = bound(which, 1, 3);
        _emptied(id);
        address owner = vault.accountOf(id).owner;
        vm.expectEmit(address(vault));
        emit EventsLib.AccountClosing(id);
        vm.prank(owner);
        vault.closeAccount(id);
        assertTrue(vault.accountOf(id).open && vault.accountOf(id).closing, "closing");
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        vm.expectEmit(address(vault));
        emit EventsLib.AccountClosed(id, 1);
        _commit(c);
        assertFalse(vault.accountOf(id).open, "closed");
        _checkBalance();
    }

    function testFuzz_B1_Close_RevertWhen_NotEmpty(uint64 amount) public {
        amount = uint64(bound(amount, 1, 1e15));
        _emptied(1);
        _deposit(1, amount);
        _refused(alice, abi.encodeCall(vault.closeAccount, (1)), ErrorsLib.AccountNotEmpty.selector);
    }

    function testFuzz_B1_Close_RevertWhen_AStranger(address who) public {
        vm.assume(who != alice && who != keeper && who != keeper2);
        _emptied(1);
        _refused(who, abi.encodeCall(vault.closeAccount, (1)), ErrorsLib.NotOwner.selector);
    }

    function testFuzz_B1_Close_ByTheKeeperAfterThirtyDays(uint32 wait) public {
        wait = uint32(bound(wait, 2 days, 60 days));
        uint256 opened = block.timestamp;
        _emptied(1);
        vm.warp(opened + wait);
        bytes memory data = abi.encodeCall(vault.closeAccount, (1));
        if (wait < 30 days) {
            _refused(keeper, data, ErrorsLib.NotDormant.selector);
        } else {
            vm.prank(keeper);
            vault.closeAccount(1);
            assertTrue(vault.accountOf(1).closing, "closing");
        }
    }

    function test_B1_Close_ByTheKeeper_RevertWhen_ATicketIsUnpaid() public {
        _commitApproval(_request(1, 10_000e6), 10_000e6);
        vm.warp(block.timestamp + 31 days);
        _refused(keeper, abi.encodeCall(vault.closeAccount, (1)), ErrorsLib.TicketUnpaid.selector);
    }

    function test_B1_Close_RevertWhen_Twice() public {
        _emptied(1);
        vm.prank(alice);
        vault.closeAccount(1);
        _refused(alice, abi.encodeCall(vault.closeAccount, (1)), ErrorsLib.AlreadyClosing.selector);
    }

    function testFuzz_B1_Close_KeptWhenMoneyArrives(uint64 amount) public {
        amount = uint64(bound(amount, 1, 1e15));
        _emptied(1);
        vm.prank(alice);
        vault.closeAccount(1);
        _deposit(1, amount);
        vm.warp(block.timestamp + 10 minutes);
        Commit memory c = _next();
        vm.expectEmit(address(vault));
        emit EventsLib.AccountKept(1);
        _commit(c);
        assertTrue(vault.accountOf(1).open && !vault.accountOf(1).closing, "kept");
        _lane(1, amount);
    }

    /// @dev Else the next owner of the id could send the last owner's money elsewhere.
    function test_B1_Close_KeptWhileATicketIsUnpaid() public {
        uint256 ticket = _request(1, 10_000e6);
        _commitApproval(ticket, 10_000e6);
        vm.prank(alice);
        vault.closeAccount(1);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_next());
        assertTrue(vault.accountOf(1).open, "kept");
        vault.claim(ticket);
        assertEq(usdc.balanceOf(alice), 10_000e6, "paid");
    }

    /// @dev A loss took the lane while a ticket waited: it is void before the id goes to somebody else.
    function testFuzz_B1_Close_VoidsATicketAtLaneZero(uint64 amount) public {
        uint256 ticket = _request(1, uint64(bound(amount, 10e6, 10_000e6)));
        Commit memory c = _next();
        _change(c, 1, -10_000e6);
        _change(c, 2, 10_000e6);
        _commit(c);
        vm.prank(alice);
        vault.closeAccount(1);
        vm.warp(block.timestamp + 10 minutes);
        _commit(_next());
        assertFalse(vault.accountOf(1).open, "closed");
        assertEq(vault.ticketOf(ticket).remaining, 0, "void");
        assertEq(vault.pendingTicketOf(1), 0, "none left");
        assertEq(_openAccount(bob, 100e6), 1, "used again");
        _commitApproval(ticket, 100e6);
        _lane(1, 100e6);
    }

    function testFuzz_B1_ClosedIdsAreUsedAgain(address next) public {
        vm.assume(next != address(0) && next != alice);
        vm.prank(alice);
        vault.setRights(1, stranger, 3, type(uint40).max);
        _closed(1);
        _fund(stranger, 100e6);
        vm.prank(stranger);
        assertEq(vault.openAccount(next, 100e6), 1, "the closed id");
        assertEq(vault.accountOf(1).generation, 2, "next generation");
        (uint8 rights,) = vault.rightsOf(1, stranger);
        assertEq(rights, 0, "no right survives");
        _refused(stranger, abi.encodeCall(vault.deposit, (1, 1e6)), ErrorsLib.NotOwner.selector);
        assertEq(vault.accountCount(), 3, "count");
    }

    function test_B1_ClosingsPerCommitAreBounded() public {
        _fund(alice, 1_000e6);
        Commit memory c = _next();
        for (uint256 id = 4; id <= 13; ++id) {
            vm.prank(alice);
            vault.openAccount(alice, 100e6);
        }
        _change(c, 1, 1_000e6);
        for (uint256 id = 4; id <= 13; ++id) {
            _change(c, id, -100e6);
        }
        _commit(c);
        for (uint256 id = 4; id <= 13; ++id) {
            vm.prank(alice);
            vault.closeAccount(id);
        }
        vm.warp(block.timestamp + 10 minutes);
        _commit(_next());
        assertFalse(vault.accountOf(11).open, "the eighth");
        assertTrue(vault.accountOf(12).open, "the ninth waits");
        vm.warp(block.timestamp + 10 minutes);
        _commit(_next());
        assertFalse(vault.accountOf(12).open || vault.accountOf(13).open, "all closed");
    }

    function testFuzz_B1_NothingWorksOnAClosedId(uint64 amount) public {
        _closed(1);
        amount = uint64(bound(amount, 10e6, 1e15));
        bytes4 reason = ErrorsLib.AccountNotOpen.selector;
        _refused(alice, abi.encodeCall(vault.deposit, (1, amount)), reason);
        _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, amount, alice)), reason);
        _refused(alice, abi.encodeCall(vault.setRights, (1, bob, 1, 0)), reason);
        _refused(alice, abi.encodeCall(vault.closeAccount, (1)), reason);
        _refused(alice, abi.encodeCall(vault.deposit, (0, amount)), reason);
        _refused(alice, abi.encodeCall(vault.deposit, (4, amount)), reason);
    }

    /* B4: DEPOSITS AND RIGHTS */

    function testFuzz_B4_Deposit_CreditsOnlyItsLane(uint64 amount, uint8 which) public {
        amount = uint64(bound(amount, 1, 1e18));
        uint256 id = bound(which, 1, 3);
        uint256 idle = vault.idle();
        _deposit(id, amount);
        for (uint256 other = 1; other <= 3; ++other) {
            _lane(other, other == id ? 10_000e6 + amount : 10_000e6);
        }
        assertEq(vault.idle(), idle + amount, "idle");
        _checkBalance();
    }

    function testFuzz_B4_Deposit_RevertWhen_AStranger(address who, uint64 amount) public {
        vm.assume(who != alice);
        _refused(who, abi.encodeCall(vault.deposit, (1, amount)), ErrorsLib.NotOwner.selector);
    }

    function testFuzz_B4_Deposit_ByADelegate(uint8 rights, uint40 until, uint64 amount) public {
        rights = uint8(bound(rights, 0, 3));
        amount = uint64(bound(amount, 1, 1e15));
        until = uint40(bound(until, block.timestamp - 1 days, block.timestamp + 1 days));
        vm.prank(alice);
        vault.setRights(1, stranger, rights, until);
        _fund(stranger, amount);
        bytes memory data = abi.encodeCall(vault.deposit, (1, amount));
        if (rights & 2 == 0 || until < block.timestamp) {
            _refused(stranger, data, ErrorsLib.NotOwner.selector);
        } else {
            vm.prank(stranger);
            vault.deposit(1, amount);
            _lane(1, 10_000e6 + amount);
        }
    }

    function test_B4_Deposit_RevertWhen_Nothing() public {
        _refused(alice, abi.encodeCall(vault.deposit, (1, 0)), ErrorsLib.AmountTooSmall.selector);
    }

    function testFuzz_B4_Deposit_RevertWhen_LessArrives(uint64 amount) public {
        amount = uint64(bound(amount, 1000, 1e15));
        ShavingUSDC shaving = new ShavingUSDC(address(this));
        address[] memory keepers = new address[](2);
        (keepers[0], keepers[1]) = (keeper, keeper2);
        PrimeVault other = new PrimeVault(address(shaving), boss, curator, keepers);
        shaving.mint(address(this), amount);
        shaving.approve(address(other), amount);
        vm.expectRevert(ErrorsLib.TransferMismatch.selector);
        other.fundInsurance(amount);
    }

    function _permit(uint256 key, uint64 amount, uint256 deadline) internal view returns (uint8, bytes32, bytes32) {
        address owner = vm.addr(key);
        bytes32 content = keccak256(abi.encode(PERMIT, owner, address(vault), amount, usdc.nonces(owner), deadline));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), content)));
    }

    function _keyedClient(uint256 key, uint64 amount) internal returns (uint256 id) {
        address owner = vm.addr(key);
        id = _openAccount(owner, 100e6);
        usdc.mint(owner, amount);
        vm.prank(owner);
        usdc.approve(address(vault), 0);
    }

    function testFuzz_B4_DepositWithPermit(uint256 key, uint64 amount, bool usedFirst) public {
        key = bound(key, 1, 1e70);
        amount = uint64(bound(amount, 1, 1e15));
        uint256 id = _keyedClient(key, amount);
        address owner = vm.addr(key);
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, amount, block.timestamp);
        // A stranger who uses the permit first stops nothing.
        if (usedFirst) usdc.permit(owner, address(vault), amount, block.timestamp, v, r, s);
        vm.prank(owner);
        vault.depositWithPermit(id, amount, block.timestamp, v, r, s);
        _lane(id, 100e6 + amount);
        _checkBalance();
    }

    function testFuzz_B4_DepositWithPermit_RevertWhen_NotGiven(uint256 key, uint64 amount) public {
        key = bound(key, 1, 1e70);
        amount = uint64(bound(amount, 1, 1e15));
        uint256 id = _keyedClient(key, amount);
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, amount, block.timestamp - 1);
        address owner = vm.addr(key);
        vm.prank(owner);
        (bool ok,) =
            tried(address(vault), abi.encodeCall(vault.depositWithPermit, (id, amount, block.timestamp - 1, v, r, s)));
        assertFalse(ok, "the pull fails");
    }

    function testFuzz_B4_SetRights(address who, uint8 rights, uint40 until) public {
        rights = uint8(bound(rights, 0, 3));
        vm.expectEmit(address(vault));
        emit EventsLib.RightsSet(1, 1, who, rights, until);
        vm.prank(alice);
        vault.setRights(1, who, rights, until);
        (uint8 got, uint40 end) = vault.rightsOf(1, who);
        assertEq(got, rights, "rights");
        assertEq(end, until, "until");
        (got,) = vault.rightsOf(2, who);
        assertEq(got, 0, "of no other account");
    }

    function testFuzz_B4_SetRights_RevertWhen_Unknown(uint8 rights) public {
        rights = uint8(bound(rights, 4, 255));
        _refused(alice, abi.encodeCall(vault.setRights, (1, bob, rights, 0)), ErrorsLib.BadRights.selector);
    }

    /* B2: TICKETS */

    function testFuzz_B2_Request(uint64 amount, address receiver) public {
        vm.assume(
            receiver != address(0) && receiver != address(vault) && receiver != address(t1) && receiver != address(t2)
        );
        amount = uint64(bound(amount, 10e6, 10_000e6));
        vm.expectEmit(address(vault));
        emit EventsLib.WithdrawRequested(1, 1, receiver, amount);
        vm.prank(alice);
        uint256 ticket = vault.requestWithdraw(1, amount, receiver);
        assertEq(vault.ticketOf(ticket).remaining, amount, "remaining");
        assertEq(vault.ticketOf(ticket).receiver, receiver, "receiver");
        assertEq(vault.ticketOf(ticket).account, 1, "account");
        assertEq(vault.pendingTicketOf(1), ticket, "pending");
        _lane(1, 10_000e6);
    }

    function testFuzz_B2_Request_TheWholeLaneMayBeSmall(uint64 lane) public {
        lane = uint64(bound(lane, 1, 20e6));
        Commit memory c = _next();
        _change(c, 1, -int64(10_000e6 - lane));
        _change(c, 2, int64(10_000e6 - lane));
        _commit(c);
        if (lane > 1 && lane - 1 < 10e6) {
            _refused(
                alice, abi.encodeCall(vault.requestWithdraw, (1, lane - 1, alice)), ErrorsLib.AmountTooSmall.selector
            );
        }
        _request(1, lane);
    }

    function testFuzz_B2_Request_RevertWhen_MoreThanTheLane(uint64 amount) public {
        amount = uint64(bound(amount, 10_000e6 + 1, type(uint64).max));
        _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, amount, alice)), ErrorsLib.WithdrawTooLarge.selector);
    }

    function test_B2_Request_RevertWhen_Nothing() public {
        _emptied(1);
        _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, 0, alice)), ErrorsLib.AmountTooSmall.selector);
    }

    function testFuzz_B2_Request_OwnerOnly(address who) public {
        vm.assume(who != alice);
        vm.prank(alice);
        vault.setRights(1, who, 3, type(uint40).max);
        _refused(who, abi.encodeCall(vault.requestWithdraw, (1, 100e6, who)), ErrorsLib.NotOwner.selector);
    }

    function test_B2_Request_RevertWhen_BadReceiver() public {
        address[4] memory bad = [address(0), address(vault), address(t1), address(t2)];
        for (uint256 i; i < 4; ++i) {
            _refused(alice, abi.encodeCall(vault.requestWithdraw, (1, 100e6, bad[i])), ErrorsLib.BadReceiver.selector);
        }
        uint256 ticket = _request(1, 100e6);
        for (uint256 i; i < 4; ++i) {
            _refused(alice, abi.encodeCall(vault.redirect, (ticket, bad[i])), ErrorsLib.BadReceiver.selector);
        }
    }

    function testFuzz_B2_OneUnpaidTicket(uint64 part) public {
        part = uint64(bound(part, 1, 1_000e6));
        uint256 ticket = _request(1, 1_000e6);
        bytes memory data = abi.encodeCall(vault.requestWithdraw, (1, 100e6, alice));
        _refused(alice, data, ErrorsLib.TicketUnpaid.selector);
        _commitApproval(ticket, part);
        _refused(alice, data, ErrorsLib.TicketUnpaid.selector);
        if (part < 1_000e6) {
            vm.prank(alice);
            vault.cancelWithdraw(ticket);
        }
        _refused(alice, data, ErrorsLib.TicketUnpaid.selector); // What was approved is still to be claimed.
        vault.claim(ticket);
        _request(1, 100e6);
    }

    function testFuzz_A6_CancelVoidsOnlyWhatRemains(uint64 amount, uint64 part) public {
        amount = uint64(bound(amount, 10e6, 10_000e6));
        part = uint64(bound(part, 0, amount - 1));
        uint256 ticket = _request(1, amount);
        if (part > 0) _commitApproval(ticket, part);
        vm.expectEmit(address(vault));
        emit EventsLib.WithdrawCancelled(ticket, 1, amount - part);
        vm.prank(alice);
        vault.cancelWithdraw(ticket);
        assertEq(vault.ticketOf(ticket).payable_, part, "reserved cash stays");
        assertEq(vault.pendingTicketOf(1), part > 0 ? ticket : 0, "open while something is payable");
        if (part > 0) assertEq(vault.claim(ticket), part, "and is paid");
        _lane(1, 10_000e6 - part);
        _refused(alice, abi.encodeCall(vault.cancelWithdraw, (ticket)), ErrorsLib.TicketNotPending.selector);
        _checkBalance();
    }

    function testFuzz_B2_CancelAndRedirect_OwnerOnly(address who) public {
        vm.assume(who != alice);
        uint256 ticket = _request(1, 100e6);
        _refused(who, abi.encodeCall(vault.cancelWithdraw, (ticket)), ErrorsLib.NotOwner.selector);
        _refused(who, abi.encodeCall(vault.redirect, (ticket, who)), ErrorsLib.NotOwner.selector);
    }

    function testFuzz_A6_RedirectWhileUnpaid(address receiver, bool approved) public {
        vm.assume(
            receiver != address(0) && receiver != address(vault) && receiver != address(t1) && receiver != address(t2)
                && receiver != address(usdc)
        );
        uint256 before = usdc.balanceOf(receiver);
        uint256 ticket = _request(1, 100e6);
        if (approved) _commitApproval(ticket, 100e6);
        vm.prank(alice);
        vault.redirect(ticket, receiver);
        if (!approved) _commitApproval(ticket, 100e6);
        vault.claim(ticket);
        assertEq(usdc.balanceOf(receiver), before + 100e6, "paid there");
        _refused(alice, abi.encodeCall(vault.redirect, (ticket, alice)), ErrorsLib.TicketNotPending.selector);
    }

    /* B3: CLAIMS */

    function testFuzz_B3_AnyoneClaims_TheReceiverIsPaid(address who, uint64 amount) public {
        vm.assume(who != alice && who != address(0));
        amount = uint64(bound(amount, 10e6, 10_000e6));
        uint256 ticket = _request(1, amount);
        _commitApproval(ticket, amount);
        vm.expectEmit(address(vault));
        emit EventsLib.Claimed(ticket, alice, amount);
        vm.prank(who);
        assertEq(vault.claim(ticket), amount, "answer");
        assertEq(usdc.balanceOf(alice), amount, "paid");
        assertEq(vault.ticketOf(ticket).paid, amount, "recorded");
        _refused(who, abi.encodeCall(vault.claim, (ticket)), ErrorsLib.NothingPayable.selector);
        _checkBalance();
    }

    /// @dev Nothing a role or a venue does stops a claim: venues broken and suspended, every keeper gone, a deficit
    /// open.
    function test_B3_ClaimsArePausedByNothing() public {
        uint256 ticket = _request(1, 1_000e6);
        _commitApproval(ticket, 1_000e6);
        _loseBeyondInsurance(5e6);
        t1.setQuiet(false);
        t1.setBroken(true);
        vm.prank(curator);
        vault.setSuspended(address(t1), true);
        vm.prank(boss);
        vault.removeKeeper(keeper);
        vm.prank(boss);
        vault.removeKeeper(keeper2);
        assertEq(vault.claim(ticket), 1_000e6, "paid");
        _checkBalance();
    }

    /// @dev I11: in and out without profit or loss gives back exactly what came in.
    function testFuzz_B_RoundTripReturnsTheDeposit(uint64 amount) public {
        amount = uint64(bound(amount, 100e6, 1e16));
        uint256 id = _openAccount(stranger, amount);
        _commitApproval(_request(id, amount), amount);
        vault.claim(vault.pendingTicketOf(id));
        assertEq(usdc.balanceOf(stranger), amount, "to the micro-dollar");
        _lane(id, 0);
    }

    function testFuzz_Views_OfUnknownIdsAreEmpty(uint256 id) public view {
        id = bound(id, 4, type(uint256).max);
        assertEq(vault.laneOf(id), 0, "lane");
        assertEq(vault.laneOf(0), 0, "lane 0");
        assertFalse(vault.accountOf(id).open, "account");
        assertEq(vault.ticketOf(id).account, 0, "ticket");
    }
}
