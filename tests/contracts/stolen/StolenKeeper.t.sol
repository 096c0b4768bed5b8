// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {Commit, VenueState} from "contracts/interfaces/IPrimeVault.sol";
import {CoreOrder} from "contracts/libraries/CoreWriterLib.sol";
import {VenueErrorsLib} from "contracts/libraries/VenueErrorsLib.sol";
import {StolenKeyBase} from "./StolenKeyBase.sol";

/// @notice One keeper's key is stolen. The thief has a sub-account, and an accomplice on Core who takes the other side of its
/// orders at the edge of the band. Attestors sign the truth; the other keeper does nothing until people react.
contract StolenKeeperTest is StolenKeyBase {
    /// @dev 5% of 2,000, per lot of 0.01: one dollar.
    uint64 internal constant EDGE = 100e4;
    uint256 internal constant TAKER_PPM = 450;

    uint256 internal tradedAway;
    uint256 internal tradingFees;
    uint256 internal largestBook;
    uint128 internal cloid;

    function keeperKey() internal pure override returns (address) {
        return THIEF;
    }

    function setUp() public override {
        super.setUp();
        vm.prank(CURATOR);
        venue.approveTrader(address(0xA2));
        pass(3 days);
        _honestCommit();
    }

    /* ORDERS */

    function _book() internal view returns (uint256) {
        int128 book = vault.venueOf(address(venue)).book;
        return book > 0 ? uint128(book) : 0;
    }

    /// @dev As large as the bucket lets it, at the price that is worst for the seat; there or back.
    function _order(bool isBuy) internal {
        if (_book() > largestBook) largestBook = _book();
        (uint256 limit, uint256 spent) = venue.bucket();
        uint64 lots = limit > spent ? uint64((limit - spent) / EDGE) : 0;
        if (lots == 0) return;
        core.setPrice(ETH, ETH_PRICE, EDGE, type(uint64).max);
        uint64 price = isBuy ? 2_100e8 : 1_900e8;
        CoreOrder memory beyond = CoreOrder(ETH, isBuy, price, (lots + 1) * 1e6, false, 3, ++cloid);
        assertFalse(_attempt(address(venue), abi.encodeCall(venue.placeOrder, (beyond))), "not a lot more");
        CoreOrder memory most = CoreOrder(ETH, isBuy, price, lots * 1e6, false, 3, ++cloid);
        assertTrue(_attempt(address(venue), abi.encodeCall(venue.placeOrder, (most))), "the whole bucket");
        pass(4);
        tradedAway += uint256(lots) * EDGE;
        tradingFees += uint256(lots) * (price / 1e4) * TAKER_PPM / 1e6;
    }

    /// @dev C1: everything that may go to the read venue, so that the bucket is as large as it can be; then to perp.
    function _sendAll(uint64 keep) internal {
        VenueState memory state = vault.venueOf(address(venue));
        uint64 room = state.cap - uint64(uint128(state.book));
        uint64 free = uint64(vault.freeCash());
        uint64 amount = free > keep + room ? room : free > keep ? free - keep : 0;
        assertFalse(_attempt(address(vault), abi.encodeCall(vault.send, (address(venue), room + 1))), "C1: the cap");
        if (amount == 0) return;
        assertTrue(_attempt(address(vault), abi.encodeCall(vault.send, (address(venue), amount))), "C1: within it");
        pass(15);
        venue.confirm();
        assertTrue(_attempt(address(venue), abi.encodeCall(venue.toPerp, (amount))), "to perp");
        pass(65);
    }

    /* LIES */

    /// @dev What the venues say, then a commit of the thief's making: results go to sub-account 1.
    function _commit(int64[4] memory deltas, int64 insuranceDelta, uint64 fees, uint256 ticket)
        internal
        returns (bool)
    {
        bytes memory none;
        bytes memory attestation = _attested();
        _attempt(address(vault), abi.encodeCall(vault.mark, (address(venue), none, new uint32[](0))));
        _attempt(address(vault), abi.encodeCall(vault.mark, (address(seat), attestation, new uint32[](0))));
        Commit memory c = _next();
        (c.insuranceDelta, c.fees) = (insuranceDelta, fees);
        deltas[0] += _result() - int64(fees);
        _lanes(c, deltas);
        if (ticket > 0) _approve(c, ticket);
        return _attempt(address(vault), abi.encodeCall(vault.commit, (c)));
    }

    function _claim() internal {
        uint256 ticket = vault.pendingTicketOf(thiefId);
        if (vault.ticketOf(ticket).payable_ > 0) vault.claim(ticket);
    }

    /// @dev Lanes 1 to 3 and all insurance, but for `left` of each lane, to the thief; then a ticket for the whole of it.
    function _takeLanes(uint64 left) internal {
        int64[4] memory deltas;
        for (uint256 i; i < 3; ++i) {
            deltas[i] = int64(left) - int64(vault.laneOf(i + 1));
            deltas[3] -= deltas[i];
        }
        int64 insurance = int64(uint64(vault.insurance()));
        deltas[3] += insurance;
        assertTrue(_commit(deltas, -insurance, 0, 0), "a wrong split is conserved");
        _requestAll();
    }

    function _requestAll() internal {
        uint64 lane = vault.laneOf(thiefId);
        if (lane == 0 || vault.pendingTicketOf(thiefId) > 0) return;
        vm.prank(THIEF);
        vault.requestWithdraw(thiefId, lane, THIEF);
    }

    /// @dev An honest approval of 10 USDC opens a window of A7, twelve hours before the theft: the worst case, in which a
    /// day sees two windows.
    function _openWindow() internal {
        vm.prank(clients[2]);
        uint256 ticket = vault.requestWithdraw(3, 10e6, clients[2]);
        pass(10 minutes);
        _honestCommit();
        pass(10 minutes);
        _honestApproval([ticket, 0, 0]);
        vault.claim(ticket);
        pass(12 hours);
    }

    /// @dev What an honest keeper does about it: what is left goes back to the clients in proportion to what they had.
    function _repair() internal {
        _markAll(KEEPER);
        Commit memory c = _next();
        int64 total = int64(uint64(vault.sumEquity())) + _result();
        int64[4] memory deltas;
        deltas[3] = -int64(vault.laneOf(thiefId));
        int64 given;
        for (uint256 i; i < 3; ++i) {
            int64 share = i == 2 ? total - given : int64(int256(total) * int64(stakes[i]) / 100_000e6);
            given += share;
            deltas[i] = share - int64(vault.laneOf(i + 1));
        }
        _lanes(c, deltas);
        vm.prank(KEEPER);
        vault.commit(c);
    }

    /// @dev A guardian removes the key a day after the first wrong commit, the other keeper repairs the lanes, and the thief
    /// goes on trying for the rest of the two weeks. A7: one window's rest and the next. A8: what had accrued, and a day. C7:
    /// 1% of the largest book, and 1% for the day. C1: no venue beyond its cap.
    function test_TwoWeeksOfAStolenKeeper_PeopleReactInADay() public {
        _openWindow();
        uint256 equity = vault.sumEquity() + vault.insurance();
        (, uint256 limit, uint256 used) = vault.outflowWindow();
        uint256 feeBound = _feesDue() + equity * FEE_PPM / 1e6;
        uint256 begin = block.timestamp;

        _sendAll(21_000e6);
        _takeLanes(5_000e6);
        bool isBuy;
        while (block.timestamp < begin + 1 days - 35 minutes) {
            pass(30 minutes);
            isBuy = !isBuy;
            _order(isBuy);
            int64[4] memory nothing;
            _commit(nothing, 0, _feesDue() * 85 / 100, vault.pendingTicketOf(thiefId));
            _claim();
            vault.payFees();
        }
        (, uint256 nextLimit,) = vault.outflowWindow();
        _useTheRest();
        vm.prank(GUARDIAN);
        vault.removeKeeper(THIEF);
        uint256 atRemoval = _loot();
        for (uint256 day = 1; day < 14; ++day) {
            pass(1 days);
            if (day == 1) _repair();
            else _honestCommit();
            _tryEverything(0);
            _claim();
            _requestAll();
        }

        _checkNothingForgotten(KEEPERS);
        uint256 bound = limit - used + nextLimit;
        uint256 tradeBound = largestBook / 100 * 2;
        uint256 fees = usdc.balanceOf(TREASURY) + vault.feesAccrued();
        uint256 lost = equity - vault.sumEquity() - vault.insurance();
        emit log_named_uint("a stolen keeper key, removed after a day: got out in two weeks (micro-USDC)", _loot());
        emit log_named_uint("  bound A7: what two windows allow (micro-USDC)", bound);
        emit log_named_uint("  fees taken, to their recipient (micro-USDC)", fees);
        emit log_named_uint("  bound A8 (micro-USDC)", feeBound);
        emit log_named_uint("  traded away to its accomplice (micro-USDC)", tradedAway);
        emit log_named_uint("  bound C7: 1% of the book, and 1% a day (micro-USDC)", tradeBound);
        emit log_named_uint("  lost by clients and insurance, of 101090000000 (micro-USDC)", lost);
        assertLe(_loot(), bound, "A7: 10% of equity per window");
        assertLe(bound, equity / 5, "A7: which is twice a tenth");
        assertLe(bound * 9 / 10, _loot(), "and the bound is what it got");
        assertEq(_loot(), atRemoval, "nothing after its removal");
        assertLe(fees, feeBound, "A8: the allowance");
        assertLe(tradedAway, tradeBound, "C7: the bucket");
        assertLe(tradeBound * 9 / 10, tradedAway, "and the bucket is what it got");
        assertLe(lost, _loot() + fees + tradedAway + tradingFees + 100, "nothing is lost but that");
        assertLe(largestBook, vault.venueOf(address(venue)).cap, "C1");
    }

    /// @dev The functions that brought nothing above; each once.
    function _useTheRest() internal {
        address v = address(venue);
        pass(60);
        assertTrue(_attempt(v, abi.encodeCall(venue.setUp, ())), "set up again");
        bytes memory standby = abi.encodeCall(venue.authorizeTrader, (address(0xA2), uint40(block.timestamp + 7 days)));
        assertTrue(_attempt(v, standby), "the curator's key, not its own");
        assertTrue(_attempt(v, abi.encodeCall(venue.toSpot, (1e6))), "to spot");
        assertTrue(_attempt(address(vault), abi.encodeCall(vault.recall, (address(seat), 1e6))), "recall");
        _tryEverything(KEEPERS);
        pass(10 minutes);
    }

    /// @dev Nobody reacts for two weeks. Until the ticket is a day old, two windows bound what leaves; an old ticket is exempt
    /// from A7, and the thief empties the vault and the read venue. The seat at the custodian's venue is out of its reach.
    function test_TwoWeeksOfAStolenKeeper_NobodyReacts() public {
        _openWindow();
        uint256 assets = vault.idle() + _book();
        (, uint256 limit, uint256 used) = vault.outflowWindow();
        uint256 begin = block.timestamp;
        _takeLanes(0);
        uint256 firstDay;
        uint256 nextLimit;
        for (uint256 hour; hour < 14 * 24; hour += hour < 26 ? 1 : 24) {
            pass(hour < 26 ? 1 hours : 1 days);
            int64[4] memory all;
            uint256 ticket = vault.pendingTicketOf(thiefId);
            all[0] = -_result(); // Results to the thief's lane instead.
            all[3] = _result();
            _commit(all, 0, 0, ticket);
            _claim();
            _requestAll();
            if (block.timestamp < begin + 1 days) (firstDay, nextLimit) = (_loot(), _windowLimit());
            else _bringHome();
        }
        emit log_named_uint("a stolen keeper key, nobody reacts: got out in the first day (micro-USDC)", firstDay);
        emit log_named_uint("  in two weeks (micro-USDC)", _loot());
        emit log_named_uint("  of all that was in the vault and the read venue (micro-USDC)", assets);
        assertLe(firstDay, limit - used + nextLimit, "A7");
        assertLe(_loot(), assets, "C1: the seat's dollars are not the keeper's to bring home");
        assertEq(usdc.balanceOf(SEAT), 10_000e6, "they lie where they were");
    }

    function _windowLimit() internal view returns (uint256 limit) {
        (, limit,) = vault.outflowWindow();
    }

    function _bringHome() internal {
        (int64 value,) = venue.equity();
        if (value <= 10e6 || !venue.quiet()) return;
        bytes memory recall = abi.encodeCall(vault.recall, (address(venue), uint64(value) - 8e6));
        if (!_attempt(address(vault), recall)) return;
        pass(2);
        _attempt(address(vault), abi.encodeCall(vault.advance, (address(venue))));
        pass(3);
        vault.sync(address(venue));
        pass(65);
    }

    /// @dev Orders alone, each as bad as they come, for two weeks in which nobody reacts: 1% of the book at once and 1% a
    /// day, and the book is no larger than the cap.
    function test_C7_TwoWeeksOfOrdersByAStolenKeeper() public {
        _sendAll(0);
        uint256 spentBefore = _spotAndPerp();
        for (uint256 hour; hour < 14 * 24; hour += 6) {
            _order(hour / 6 % 2 == 0);
            pass(6 hours);
        }
        uint256 bound = largestBook / 100 * 15;
        emit log_named_uint("a stolen keeper key, orders alone for two weeks (micro-USDC)", tradedAway);
        emit log_named_uint("  bound C7: 1% of the largest book, and 1% a day (micro-USDC)", bound);
        assertLe(tradedAway, bound, "C7");
        assertLe(bound * 9 / 10, tradedAway, "and the bound is what it got");
        assertLe(largestBook, vault.venueOf(address(venue)).cap, "C1");
        assertLe(spentBefore - _spotAndPerp(), tradedAway + tradingFees + 100, "lost is what was traded away, and fees");
    }

    function _spotAndPerp() internal view returns (uint256) {
        (int64 value,) = venue.equity();
        return uint256(int256(value));
    }

    /// @dev C7 debits only what is not reduce-only: opened at the oracle's price and closed at the edge of the band, a
    /// position loses past the bucket. What bounds that is what lies at the venue (C1).
    function test_C1_ReduceOnlyOrdersByAStolenKeeper() public {
        _sendAll(0);
        uint256 before = _spotAndPerp();
        for (uint256 round; round < 56; ++round) {
            uint64 lots = uint64(core.transferable(address(venue)) * 19 / 2_000e4);
            core.setPrice(ETH, ETH_PRICE, 0, type(uint64).max); // The accomplice sells at the oracle's price,
            CoreOrder memory open = CoreOrder(ETH, true, 2_000e8, lots * 1e6, false, 3, ++cloid);
            if (lots == 0 || !_attempt(address(venue), abi.encodeCall(venue.placeOrder, (open)))) break;
            pass(4);
            core.setPrice(ETH, ETH_PRICE, EDGE, type(uint64).max); // and buys 5% below it.
            CoreOrder memory close = CoreOrder(ETH, false, 1_900e8, lots * 1e6, true, 3, ++cloid);
            _attempt(address(venue), abi.encodeCall(venue.placeOrder, (close)));
            pass(6 hours);
        }
        uint256 lost = before - _spotAndPerp();
        emit log_named_uint("a stolen keeper key, closing at the edge of the band (micro-USDC)", lost);
        emit log_named_uint("  of what was at the venue (micro-USDC)", before);
        assertLe(lost, before, "no more than what was there");
        assertLe(_book(), vault.venueOf(address(venue)).cap, "C1: which the cap bounds");
        CoreOrder memory beyond = CoreOrder(ETH, true, 2_101e8, 1e6, false, 3, ++cloid);
        vm.prank(THIEF);
        vm.expectRevert(VenueErrorsLib.OutOfBand.selector);
        venue.placeOrder(beyond);
    }
}
