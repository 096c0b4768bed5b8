// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Band, Commit, Ticket, VenueState} from "contracts/interfaces/IPrimeVault.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {Base, FuzzSelector} from "../Base.sol";
import {PrimeVaultBase, TestVenue} from "../PrimeVaultBase.sol";

/// @notice What clients, keepers, venues and strangers do, in any order. Every call succeeds: inputs are bent to what
/// the rules allow.
contract PrimeVaultHandler is PrimeVaultBase {
    /// @dev Ghosts: what the vault owes to its own history.
    uint256 public deposited;
    uint256 public claimed;
    int256 public pnl;
    mapping(uint256 ticket => uint64) public asked;
    uint256 public feesPaid;
    bool public wasExiting;

    address internal guardian = address(0x6A2D);
    address internal feeTaker = address(0xFEE);

    constructor() {
        setUp();
        vm.prank(boss);
        vault.addGuardian(guardian);
        _governed(curator, abi.encodeCall(vault.increaseFeeCap, (6_000)));
        _governed(curator, abi.encodeCall(vault.setFeeRecipient, (feeTaker)));
        _commit(_fullNext());
        deposited = 30_000e6;
    }

    function _id(uint256 seed) internal view returns (uint256) {
        return bound(seed, 1, vault.accountCount());
    }

    function open(uint64 amount) external {
        if (vault.exiting()) return;
        if (vault.depositsStopped() || vault.deficit() > 0 || vault.accountCount() >= 12) return;
        amount = uint64(bound(amount, 100e6, 1e12));
        _openAccount(address(uint160(0x1000 + vault.accountCount())), amount);
        deposited += amount;
    }

    function depositMore(uint256 seed, uint64 amount) external {
        if (vault.exiting()) return;
        uint256 id = _id(seed);
        if (vault.depositsStopped() || vault.deficit() > 0 || !vault.accountOf(id).open) return;
        amount = uint64(bound(amount, 1, 1e12));
        _deposit(id, amount);
        deposited += amount;
    }

    function close(uint256 seed) external {
        uint256 id = _id(seed);
        if (!vault.accountOf(id).open || vault.accountOf(id).closing || vault.laneOf(id) > 0) return;
        vm.prank(vault.accountOf(id).owner);
        vault.closeAccount(id);
    }

    function request(uint256 seed, uint64 amount, bool all) external {
        if (vault.exiting()) return;
        uint256 id = _id(seed);
        uint64 lane = vault.laneOf(id);
        if (!vault.accountOf(id).open || lane == 0 || vault.pendingTicketOf(id) > 0) return;
        amount = all || lane < 10e6 ? lane : uint64(bound(amount, 10e6, lane));
        asked[_request(id, amount)] = amount;
    }

    function cancel(uint256 seed) external {
        uint256 id = _id(seed);
        uint256 ticket = vault.pendingTicketOf(id);
        if (vault.ticketOf(ticket).remaining == 0) return;
        vm.prank(vault.accountOf(id).owner);
        vault.cancelWithdraw(ticket);
    }

    function claim(uint256 seed) external {
        uint256 ticket = vault.pendingTicketOf(_id(seed));
        if (vault.ticketOf(ticket).payable_ > 0) claimed += vault.claim(ticket);
    }

    function _venue(bool second) internal view returns (TestVenue) {
        return second ? t2 : t1;
    }

    function send(bool second, uint64 amount) external {
        if (vault.exiting()) return;
        uint256 free = vault.freeCash();
        if (free == 0) return;
        bytes memory data = abi.encodeCall(vault.send, (address(_venue(second)), uint64(bound(amount, 1, free))));
        vm.prank(keeper);
        (bool ok, bytes4 reason) = tried(address(vault), data);
        // I10.
        if (ok) {
            VenueState memory state = vault.venueOf(address(_venue(second)));
            assertTrue(state.book <= int256(uint256(state.cap)), "book within the cap after a send");
        }
        if (reason == ErrorsLib.VenueSuspended.selector) return;
        // After a loss what was sent today may exceed what is left: then the cap refuses, and nothing else does.
        assertTrue(ok || reason == ErrorsLib.CapExceeded.selector, "free cash can be sent");
    }

    function recall(bool second, uint64 amount) external {
        if (vault.exiting()) return;
        _recall(_venue(second), uint64(bound(amount, 1, 1e12)));
    }

    function home(bool second, uint64 amount) external {
        TestVenue venue = _venue(second);
        if (venue.worth() > 0) _home(venue, uint64(bound(amount, 1, uint128(venue.worth()))));
    }

    function collect(bool second) external {
        vault.sync(address(_venue(second)));
    }

    function lapse(bool second) external {
        vault.lapseRecall(address(_venue(second)));
    }

    function donate(uint64 amount, bool book) external {
        usdc.mint(address(vault), bound(amount, 1, 1e9));
        if (book) vault.sync(address(0));
    }

    function fund(uint64 amount) external {
        _insure(uint64(bound(amount, 1, 1e10)));
    }

    function earn(bool second, int64 amount) external {
        _venue(second).earn(int128(boundInt(amount, -3_000e6, 3_000e6)));
    }

    /// @dev C4: a read venue's mark is its value. C5: an attested one's rise stays within band and release. C6: none
    /// while anything is under way.
    function mark(bool second) external {
        if (vault.exiting()) return;
        TestVenue venue = _venue(second);
        venue.setQuiet(false);
        _refused(
            keeper, abi.encodeCall(vault.mark, (address(venue), "", new uint32[](0))), ErrorsLib.VenueNotQuiet.selector
        );
        venue.setQuiet(true);
        _mark(venue);
        int256 book = vault.venueOf(address(venue)).book;
        int256 value = int256(venue.worth()) + int256(usdc.balanceOf(address(venue)));
        int256 accepted = book + vault.pendingMarkOf(address(venue)).delta;
        if (!second) return assertEqInt(accepted, value, "C4");
        int256 base = book > 0 ? book : int256(0);
        Band memory band = vault.bandOf(address(venue));
        assertTrue(accepted <= value, "C5: never more than attested");
        assertTrue(accepted <= base + int256(uint256(band.pendingRise) + band.pendingRelease), "C5: the band");
        if (value <= base) assertEqInt(accepted, value, "D1: losses at once");
        else assertEqInt(accepted + int256(uint256(band.quarantine) - band.pendingRelease), value, "D2: the rest");
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
    }

    /// @dev An honest commit: losses to lanes as far as they go, then insurance, then deficit; every open ticket
    /// offered for approval.
    function commit(uint256 seed, uint64 approval, int64 shift) external {
        if (vault.exiting()) return;
        vm.warp(block.timestamp + 10 minutes);
        _mark(t1);
        if (seed % 3 > 0) _mark(t2);
        Commit memory c = _next();
        _marked(c, t1);
        if (seed % 3 > 0) _marked(c, t2);
        int256 left = vault.pendingMarkOf(address(t1)).delta;
        if (seed % 3 > 0) left += vault.pendingMarkOf(address(t2)).delta;
        int256 delta = left;
        uint256 count = vault.accountCount();
        for (uint256 id = 1; id <= count; ++id) {
            if (!vault.accountOf(id).open) continue;
            int256 lane = int256(uint256(vault.laneOf(id)));
            // A zero-sum move between clients rides on the result.
            int256 part = boundInt(left + boundInt(shift, -1e9, 1e9), -lane, lane + 1e12);
            if (part != 0) _change(c, id, int64(part));
            left -= part;
            if (vault.pendingTicketOf(id) > 0) _approve(c, vault.pendingTicketOf(id), approval);
        }
        // A fee out of the richest lane that may bear it.
        if (left == 0 && seed % 2 == 0) _charge(c);
        int256 insurance = int256(uint256(vault.insurance()));
        c.insuranceDelta = int64(left < -insurance ? -insurance : left);
        left -= c.insuranceDelta;
        c.newDeficit = uint64(uint256(-left));
        uint64 before = vault.lastAsOf();
        vm.prank(keeper);
        (bool ok, bytes4 reason) = tried(address(vault), abi.encodeCall(vault.commit, (c)));
        assertTrue(ok || (c.fees > 0 && reason == ErrorsLib.FeeAboveCap.selector), "a commit can always be built");
        if (!ok) return;
        assertTrue(vault.lastAsOf() > before, "C3");
        pnl += delta - c.insuranceDelta + int256(uint256(c.newDeficit)) - int256(uint256(c.fees));
    }

    function _charge(Commit memory c) internal view {
        uint64 fees = vault.feeAllowance() / 2;
        for (uint256 i; i < c.pnl4.length; ++i) {
            uint256 id = uint256(uint8(c.words[i])) * 4 + 1;
            int64 part = int64(uint64(c.pnl4[i]));
            if (int256(uint256(vault.laneOf(id))) + part < int256(uint256(fees))) continue;
            c.pnl4[i] = (c.pnl4[i] & ~uint256(type(uint64).max)) | uint64(part - int64(fees));
            c.fees = fees;
            return;
        }
    }

    function payFees() external {
        if (vault.exiting() || vault.deficit() > 0) return;
        feesPaid += vault.payFees();
    }

    /// @dev Sub-accounts change hands when nothing is in the way.
    function transfer(uint256 seed, address to) external {
        uint256 id = _id(seed);
        uint256 ticket = vault.pendingTicketOf(id);
        if (!vault.accountOf(id).open || vault.accountOf(id).closing || ticket > 0 || to == address(0)) return;
        if (to == address(vault) || to == address(usdc)) return;
        vm.prank(vault.accountOf(id).owner);
        vault.offerAccount(id, to);
        vm.prank(to);
        vault.acceptAccount(id);
    }

    /* GUARDIAN AND CURATOR */

    function tighten(uint8 what) external {
        if (vault.exiting()) return;
        vm.startPrank(guardian);
        if (what % 4 == 0) tried(address(vault), abi.encodeCall(vault.setSuspended, (address(t2), true)));
        if (what % 4 == 1) tried(address(vault), abi.encodeCall(vault.stopDeposits, (true)));
        if (what % 4 == 2) tried(address(vault), abi.encodeCall(vault.refuseQuarantine, (address(t2))));
        if (what % 4 == 3) tried(address(vault), abi.encodeCall(vault.decreaseBand, (address(t2), 400)));
        vm.stopPrank();
    }

    function loosen(uint8 what) external {
        if (vault.exiting()) return;
        bytes memory data;
        if (what % 3 == 0 && vault.venueOf(address(t2)).suspended) {
            data = abi.encodeCall(vault.setSuspended, (address(t2), false));
        } else if (what % 3 == 1 && vault.depositsStopped()) {
            data = abi.encodeCall(vault.stopDeposits, (false));
        } else if (what % 3 == 2 && vault.bandOf(address(t2)).bps < 500) {
            data = abi.encodeCall(vault.increaseBand, (address(t2), 500));
        } else {
            return;
        }
        uint256 from = block.timestamp;
        _announced(curator, data);
        assertLe(from + 3 days, block.timestamp, "I14: after its delay");
        vm.prank(curator);
        (bool ok,) = tried(address(vault), data);
        assertTrue(ok, "I14: and then");
    }

    /// @dev I7, I12, I14: what nobody may do, tried by everybody else.
    function hostile(address who, uint8 what, uint256 seed) external {
        uint256 id = _id(seed);
        if (who == address(0)) return; // No transaction comes from it; to it an account is offered that is offered to nobody.
        if (who == vault.accountOf(id).owner || who == boss || who == curator || who == guardian) return;
        if (who == keeper || who == keeper2 || seed % 4 == 0) who = [keeper, stranger, guardian, curator][seed % 4];
        bytes memory data;
        what %= 10;
        if (what == 0) data = abi.encodeCall(vault.requestWithdraw, (id, uint64(1e6), who));
        if (what == 1) data = abi.encodeCall(vault.redirect, (vault.pendingTicketOf(id), who));
        if (what == 2) data = abi.encodeCall(vault.cancelWithdraw, (vault.pendingTicketOf(id)));
        if (what == 3) data = abi.encodeCall(vault.offerAccount, (id, who));
        if (what == 4) data = abi.encodeCall(vault.acceptAccount, (id));
        if (what == 5) data = abi.encodeCall(vault.increaseCap, (address(t1), type(uint64).max));
        if (what == 6) data = abi.encodeCall(vault.setFeeRecipient, (who));
        if (what == 7) data = abi.encodeCall(vault.setOwner, (who));
        if (what == 8) data = abi.encodeCall(vault.addKeeper, (who));
        if (what == 9) data = abi.encodeCall(vault.send, (address(usdc), uint64(1)));
        vm.prank(who);
        (bool ok,) = tried(address(vault), data);
        assertFalse(ok, "nobody may");
    }

    /* EXIT */

    /// @dev X1: armed if and only if a reason stands. Rarely, so that most runs stay open.
    function triggerExit(uint256 seed) external {
        if (seed % 4 > 0 || vault.exiting()) return;
        uint256 ticket = seed % 8 == 0 ? vault.pendingTicketOf(_id(seed >> 3)) : 0;
        bool reached = vault.sumEquity() > 0;
        if (ticket == 0) {
            reached = reached && (block.timestamp >= vault.fullAt() + 72 hours || vault.deficit() > 0);
        } else {
            Ticket memory t = vault.ticketOf(ticket);
            reached = reached && t.remaining >= 10e6 && vault.laneOf(t.account) >= 10e6
                && block.timestamp >= t.requestedAt + 7 days;
        }
        (bool ok, bytes4 reason) = tried(address(vault), abi.encodeCall(vault.triggerExit, (ticket)));
        wasExiting = vault.exiting();
        if (!reached) return assertFalse(ok, "X1");
        assertTrue(
            ok || reason == ErrorsLib.ExitTooEarly.selector || vault.deficit() > 0, "X1: a reason that stands arms"
        );
    }

    function claimExit(uint256 seed) external {
        if (vault.exiting()) vault.claimExit(_id(seed));
    }

    function unwind(bytes calldata step) external {
        (bool ok,) = tried(address(vault), abi.encodeCall(vault.unwind, (address(t1), step)));
        assertTrue(ok == vault.exiting(), "E4");
    }

    /// @dev X2, X3, X5.
    function checkExit() external view {
        assertTrue(vault.exiting() == wasExiting, "X5: nothing stops it");
        if (!wasExiting) return;
        uint256 recovered = uint256(vault.idle()) - vault.payables() + vault.totalExitPaid();
        uint256 paid;
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            assertLe(vault.exitPaidOf(id), vault.laneOf(id) * recovered / vault.sumEquity(), "X3: at most the share");
            paid += vault.exitPaidOf(id);
        }
        assertEq(paid, vault.totalExitPaid(), "X2: the sum");
        assertLe(paid, recovered, "X2: not more than came home");
    }

    /// @dev I6, I10, A7, A8 and roles that no hostile call has changed.
    function checkLimits() external view {
        assertLe(vault.accountCount(), 1024, "I6");
        assertLe(vault.venues().length, 8, "I6");
        (, uint256 limit, uint256 used) = vault.outflowWindow();
        assertLe(used, limit, "A7");
        assertEq(vault.venueOf(address(t1)).cap, 1e15, "I14: caps");
        assertTrue(vault.owner() == boss && vault.curator() == curator, "I14: roles");
        assertEq(usdc.balanceOf(feeTaker), feesPaid, "I7: fees only to their recipient");
    }

    function checkBalance() external view {
        _checkBalance();
    }

    function checkClientsMoney() external view {
        uint256 held = uint256(vault.sumEquity()) + vault.payables() + claimed;
        assertEqInt(int256(held), int256(deposited) + pnl, "clients' money");
    }

    function checkTickets() external view {
        for (uint256 ticket = 1; ticket <= vault.ticketCount(); ++ticket) {
            Ticket memory t = vault.ticketOf(ticket);
            assertLe(uint256(t.paid) + t.payable_ + t.remaining, asked[ticket], "at most what was asked");
        }
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            if (vault.accountOf(id).open) continue;
            assertEq(vault.laneOf(id), 0, "closed and empty");
            assertEq(vault.pendingTicketOf(id), 0, "closed without a ticket");
        }
    }
}

/// @notice The identities that hold after every call.
contract PrimeVaultInvariants is Base {
    PrimeVaultHandler internal handler;

    function setUp() public {
        handler = new PrimeVaultHandler();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[24] memory all = [
            handler.open.selector,
            handler.depositMore.selector,
            handler.close.selector,
            handler.request.selector,
            handler.cancel.selector,
            handler.claim.selector,
            handler.send.selector,
            handler.recall.selector,
            handler.home.selector,
            handler.collect.selector,
            handler.lapse.selector,
            handler.donate.selector,
            handler.fund.selector,
            handler.earn.selector,
            handler.mark.selector,
            handler.wait.selector,
            handler.payFees.selector,
            handler.transfer.selector,
            handler.tighten.selector,
            handler.loosen.selector,
            handler.hostile.selector,
            handler.triggerExit.selector,
            handler.claimExit.selector,
            handler.unwind.selector
        ];
        // Commits as often as all else of a client together: without them nothing is approved, lost or closed.
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector({addr: address(handler), selectors: new bytes4[](30)});
        for (uint256 i; i < 30; ++i) {
            list[0].selectors[i] = i < 24 ? all[i] : handler.commit.selector;
        }
    }

    /// @dev I1 to I4: idle within the balance, payables within idle, sumEquity = Σ lanes, the balance identity; A3.
    function invariant_I01_I02_I03_I04_I05_Balance() public view {
        handler.checkBalance();
    }

    /// @dev I7, I9, I11: what clients put in, plus results, is in their lanes, reserved or paid out.
    function invariant_I07_I09_I11_ClientsMoney() public view {
        handler.checkClientsMoney();
    }

    /// @dev I8: no ticket pays more than was asked; a closed sub-account is empty and has no ticket.
    function invariant_I08_I12_I13_TicketsAndClosings() public view {
        handler.checkTickets();
    }

    /// @dev X2, X3, X5: in exit nobody gets more than its share, and nothing ends it.
    function invariant_X01_X02_X03_X05_ExitIsProRata() public view {
        handler.checkExit();
    }

    /// @dev I6, I7, I10, I14: sizes, the outflow limit, fees, and what only announced calls change.
    function invariant_I06_I10_I14_C01_C02_C03_C04_C05_C06_Limits() public view {
        handler.checkLimits();
    }
}
