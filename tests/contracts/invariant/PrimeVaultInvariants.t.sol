// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit, Ticket} from "contracts/interfaces/IPrimeVault.sol";
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

    constructor() {
        setUp();
        deposited = 30_000e6;
    }

    function _id(uint256 seed) internal view returns (uint256) {
        return bound(seed, 1, vault.accountCount());
    }

    function open(uint64 amount) external {
        if (vault.deficit() > 0 || vault.accountCount() >= 12) return;
        amount = uint64(bound(amount, 100e6, 1e12));
        _openAccount(address(uint160(0x1000 + vault.accountCount())), amount);
        deposited += amount;
    }

    function depositMore(uint256 seed, uint64 amount) external {
        uint256 id = _id(seed);
        if (vault.deficit() > 0 || !vault.accountOf(id).open) return;
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
        uint256 free = vault.freeCash();
        if (free == 0) return;
        bytes memory data = abi.encodeCall(vault.send, (address(_venue(second)), uint64(bound(amount, 1, free))));
        vm.prank(keeper);
        (bool ok, bytes4 reason) = tried(address(vault), data);
        // After a loss what was sent today may exceed what is left: then the cap refuses, and nothing else does.
        assertTrue(ok || reason == ErrorsLib.CapExceeded.selector, "free cash can be sent");
    }

    function recall(bool second, uint64 amount) external {
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

    function mark(bool second) external {
        _mark(_venue(second));
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
    }

    /// @dev An honest commit: losses to lanes as far as they go, then insurance, then deficit; every open ticket
    /// offered for approval.
    function commit(uint256 seed, uint64 approval, int64 shift) external {
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
        int256 insurance = int256(uint256(vault.insurance()));
        c.insuranceDelta = int64(left < -insurance ? -insurance : left);
        left -= c.insuranceDelta;
        c.newDeficit = uint64(uint256(-left));
        _commit(c);
        pnl += delta - c.insuranceDelta + int256(uint256(c.newDeficit));
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
        bytes4[16] memory all = [
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
            handler.wait.selector
        ];
        // Commits as often as all else of a client together: without them nothing is approved, lost or closed.
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector({addr: address(handler), selectors: new bytes4[](20)});
        for (uint256 i; i < 20; ++i) {
            list[0].selectors[i] = i < 16 ? all[i] : handler.commit.selector;
        }
    }

    /// @dev I1 to I4: idle within the balance, payables within idle, sumEquity = Σ lanes, the balance identity; A3.
    function invariant_I04_Balance() public view {
        handler.checkBalance();
    }

    /// @dev I7, I9, I11: what clients put in, plus results, is in their lanes, reserved or paid out.
    function invariant_I07_ClientsMoney() public view {
        handler.checkClientsMoney();
    }

    /// @dev I8: no ticket pays more than was asked; a closed sub-account is empty and has no ticket.
    function invariant_I08_TicketsAndClosings() public view {
        handler.checkTickets();
    }
}
