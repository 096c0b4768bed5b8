// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {UnwindStep} from "contracts/interfaces/IHyperCoreVenue.sol";
import {Commit, Ticket} from "contracts/interfaces/IPrimeVault.sol";
import {CoreOrder} from "contracts/libraries/CoreWriterLib.sol";
import {ErrorsLib} from "contracts/libraries/ErrorsLib.sol";
import {Base, FuzzSelector} from "../Base.sol";
import {StolenKeyBase} from "../stolen/StolenKeyBase.sol";

/// @notice The real vault, both real venues and a local HyperCore. Clients, keeper, guardian, curator, attestors, strangers
/// and HyperCore itself do what they can in any order, honestly and not. What the rules forbid is tried and must be
/// refused; what they promise must work. HyperCore delays, drops without a trace, and its reads fail.
contract HyperCoreHandler is StolenKeyBase {
    /* Ghosts: cash that may have come to the vault and left it. */
    uint256 internal cameIn;
    uint256 internal wentOut;
    uint256 public feesCharged;
    uint256 internal peakEquity;
    uint256 internal immutable startedAt;
    bool internal wasExiting;
    bool internal readsFail;
    bool internal dropNext;
    /// @dev The position at the last look after the exit, while no order from before it rests; else without bound.
    uint256 internal magnitudeBefore = type(uint256).max;
    mapping(uint256 ticket => uint64) internal asked;
    uint128 internal cloid;
    uint256 internal oracle = ETH_PRICE;
    bytes internal readCode;

    constructor() {
        setUp();
        startedAt = block.timestamp;
        peakEquity = vault.sumEquity();
        readCode = address(0x80f).code;
        (cameIn, wentOut) = (usdc.balanceOf(address(vault)), 0);
    }

    function _do(address who, address to, bytes memory data) internal returns (bool ok, bytes4 reason) {
        if (dropNext) vm.mockCall(address(core), abi.encodeWithSelector(core.sendRawAction.selector), "");
        uint256[4] memory before = [uint256(vault.laneOf(1)), vault.laneOf(2), vault.laneOf(3), vault.laneOf(4)];
        vm.prank(who);
        (ok, reason) = tried(to, data);
        if (dropNext) vm.clearMockedCalls();
        dropNext = false;
        if (bytes4(data) == vault.commit.selector) return (ok, reason);
        for (uint256 i; i < 4; ++i) {
            assertLe(before[i], vault.laneOf(i + 1), "I9: lanes fall only in a commit");
        }
    }

    function _id(uint256 seed) internal pure returns (uint256) {
        return bound(seed, 1, 4);
    }

    function _amount(uint256 seed) internal pure returns (uint64) {
        return uint64(bound(seed, 1, 20_000e6));
    }

    /* CLIENT */

    function deposit(uint256 seed, uint64 amount) external {
        uint256 id = _id(seed);
        address owner = vault.accountOf(id).owner;
        amount = uint64(bound(amount, 1, 10_000e6));
        usdc.mint(owner, amount);
        vm.prank(owner);
        usdc.approve(address(vault), amount);
        (bool ok,) = _do(owner, address(vault), abi.encodeCall(vault.deposit, (id, amount)));
        if (ok) cameIn += amount;
        if (vault.sumEquity() > peakEquity) peakEquity = vault.sumEquity();
    }

    function request(uint256 seed, uint64 amount) external {
        uint256 id = _id(seed);
        uint64 lane = vault.laneOf(id);
        if (lane == 0) return;
        amount = lane < 10e6 ? lane : uint64(bound(amount, 10e6, lane));
        address owner = vault.accountOf(id).owner;
        (bool ok,) = _do(owner, address(vault), abi.encodeCall(vault.requestWithdraw, (id, amount, owner)));
        if (ok) asked[vault.ticketCount()] = amount;
    }

    function cancel(uint256 seed) external {
        uint256 id = _id(seed);
        bytes memory data = abi.encodeCall(vault.cancelWithdraw, (vault.pendingTicketOf(id)));
        _do(vault.accountOf(id).owner, address(vault), data);
    }

    /// @dev I13: whatever flag is up, whatever is broken, an approved ticket is paid, to its receiver and once (I8).
    function claim(uint256 seed) external {
        uint256 ticket = vault.pendingTicketOf(_id(seed));
        Ticket memory t = vault.ticketOf(ticket);
        if (t.payable_ == 0) return;
        uint256 before = usdc.balanceOf(t.receiver);
        uint64 paid = vault.claim(ticket);
        assertEq(paid, t.payable_, "I13: all that was approved");
        assertEq(usdc.balanceOf(t.receiver) - before, paid, "I8: to its receiver");
        (bool again, bytes4 reason) = tried(address(vault), abi.encodeCall(vault.claim, (ticket)));
        assertFalse(again, "I8: once");
        assertEq(bytes32(reason), bytes32(ErrorsLib.NothingPayable.selector), "I8");
        wentOut += paid;
    }

    /* KEEPER */

    function send(bool toSeat, uint256 seed) external {
        address where = toSeat ? address(seat) : address(venue);
        uint64 amount = _amount(seed);
        (bool ok,) = _do(KEEPER, address(vault), abi.encodeCall(vault.send, (where, amount)));
        if (!ok) return;
        wentOut += amount;
        int256 cap = int256(uint256(vault.venueOf(where).cap));
        assertTrue(vault.venueOf(where).book <= cap, "I10: within the cap");
    }

    function recall(uint256 seed) external {
        _do(KEEPER, address(vault), abi.encodeCall(vault.recall, (address(venue), _amount(seed))));
    }

    function move(bool intoPerp, uint256 seed) external {
        uint64 amount = _amount(seed);
        bytes memory data = intoPerp ? abi.encodeCall(venue.toPerp, (amount)) : abi.encodeCall(venue.toSpot, (amount));
        _do(KEEPER, address(venue), data);
    }

    function order(bool isBuy, bool reduceOnly, uint256 lots, uint256 price, uint8 tif) external {
        lots = bound(lots, 1, 2_000);
        price = bound(price, 1_890, 2_110);
        CoreOrder memory o = CoreOrder(
            ETH, isBuy, uint64(price * 1e8), uint64(lots * 1e6), reduceOnly, tif % 5, wasExiting ? 0 : ++cloid
        );
        (bool ok,) = _do(KEEPER, address(venue), abi.encodeCall(venue.placeOrder, (o)));
        if (!ok) return;
        uint256 away = price * 1e4 > oracle ? price * 1e4 - oracle : oracle - price * 1e4;
        assertLe(away * 20, oracle, "C7: 5% of the oracle");
        assertTrue(tif % 5 >= 1 && tif % 5 <= 3, "C7: time in force");
    }

    /// @dev C4: a read venue's mark is what Core says. C6: only while quiet; a failed read is no mark.
    function mark() external {
        bool quiet = !readsFail && venue.quiet();
        bytes memory data = abi.encodeCall(vault.mark, (address(venue), "", new uint32[](0)));
        (bool ok,) = _do(KEEPER, address(vault), data);
        assertTrue(ok == (quiet && !wasExiting), "C6: marked if and only if quiet");
        if (ok) assertEqInt(_accepted(), _onCore(), "C4: the value is Core's");
    }

    function _accepted() internal view returns (int256) {
        return int256(vault.venueOf(address(venue)).book) + vault.pendingMarkOf(address(venue)).delta;
    }

    /// @dev From Core's own books, not through the precompiles.
    function _onCore() internal view returns (int256) {
        int256 perp = core.accountValue(address(venue));
        return (perp > 0 ? perp : int256(0)) + int256(spotOf(address(venue)) / 100);
    }

    /// @dev Results by lane, a loss beyond all lanes to insurance and deficit. C1: a micro-dollar off is refused. C2, C3, I9.
    function commit(uint256 seed, int64 shift, uint64 fees) external {
        if (wasExiting || readsFail) return;
        vm.warp(block.timestamp + 10 minutes);
        core.step();
        if (!venue.quiet()) return;
        _markAll(KEEPER);
        Commit memory c = _next();
        int256 result = int256(vault.pendingMarkOf(address(venue)).delta) + vault.pendingMarkOf(address(seat)).delta;
        int256 left = result;
        int64[4] memory deltas;
        for (uint256 i; i < 4; ++i) {
            int256 lane = int256(uint256(vault.laneOf(i + 1)));
            deltas[i] = int64(boundInt(left + boundInt(shift, -1e9, 1e9), -lane, 1e15));
            left -= deltas[i];
        }
        int256 insurance = int256(uint256(vault.insurance()));
        c.insuranceDelta = int64(left < -insurance ? -insurance : left);
        c.newDeficit = uint64(uint256(c.insuranceDelta - left));
        if (left == 0) {
            c.fees = uint64(bound(fees, 0, vault.feeAllowance()));
            if (int256(uint256(vault.laneOf(1))) + deltas[0] < int256(uint256(c.fees))) c.fees = 0;
            deltas[0] -= int64(c.fees);
        }
        _lanes(c, deltas);
        _approve(c, vault.pendingTicketOf(_id(seed)));
        ++c.insuranceDelta;
        (bool ok, bytes4 reason) = _do(KEEPER, address(vault), abi.encodeCall(vault.commit, (c)));
        assertEq(bytes32(reason), bytes32(ErrorsLib.NotConserved.selector), "C1: one micro-dollar more");
        --c.insuranceDelta;
        _checkOrder(c);
        uint64 before = vault.lastAsOf();
        (ok, reason) = _do(KEEPER, address(vault), abi.encodeCall(vault.commit, (c)));
        assertTrue(ok || reason == ErrorsLib.FeeAboveCap.selector, "a commit can always be built");
        if (!ok) return;
        assertTrue(vault.lastAsOf() > before, "C3: asOf rises");
        feesCharged += c.fees;
        if (vault.sumEquity() > peakEquity) peakEquity = vault.sumEquity();
    }

    /// @dev C7: with its venues the other way round a commit leaves the same sums.
    function _checkOrder(Commit memory c) internal {
        bytes32 one = _probed(c);
        (c.marked[0], c.marked[1]) = (c.marked[1], c.marked[0]);
        assertEq(one, _probed(c), "C7: the order of venues is nothing");
        (c.marked[0], c.marked[1]) = (c.marked[1], c.marked[0]);
    }

    function _probed(Commit memory c) internal returns (bytes32 sums) {
        try this.probe(c) {}
        catch (bytes memory answer) {
            sums = bytes32(answer);
        }
    }

    /// @notice Itself: the sums after a commit, which the revert takes back.
    function probe(Commit memory c) external {
        bytes32 sums = _after(c);
        assembly ("memory-safe") {
            mstore(0, sums)
            revert(0, 32)
        }
    }

    function _after(Commit memory c) internal returns (bytes32) {
        _do(KEEPER, address(vault), abi.encodeCall(vault.commit, (c)));
        (uint64 a, uint64 b, uint64 d, uint64 e) = (vault.laneOf(1), vault.laneOf(2), vault.laneOf(3), vault.laneOf(4));
        bytes32 lanes = keccak256(abi.encode(a, b, d, e, vault.sumEquity(), vault.payables()));
        return keccak256(abi.encode(lanes, _sumOfBooks(), vault.insurance(), vault.deficit(), vault.feesAccrued()));
    }

    /* ATTESTORS */

    /// @dev C5: a gain of the seat comes into the book by the band; what two of five say, not at all.
    function attest(int64 equity, bool many) external {
        if (wasExiting) return;
        uint256[] memory who = new uint256[](many ? 3 : 2);
        for (uint256 i; i < who.length; ++i) {
            who[i] = i;
        }
        equity = int64(boundInt(equity, 0, 60_000e6));
        bytes memory data =
            abi.encodeCall(vault.mark, (address(seat), _signed(_statement(equity), who), new uint32[](0)));
        (bool ok,) = _do(KEEPER, address(vault), data);
        if (!many) return assertFalse(ok, "C8: m - 1 signatures");
        if (!ok) return;
        int256 book = vault.venueOf(address(seat)).book;
        int256 accepted = book + vault.pendingMarkOf(address(seat)).delta;
        int256 most = (book > 0 ? book : int256(0))
            + int256(uint256(vault.bandOf(address(seat)).pendingRise) + vault.bandOf(address(seat)).pendingRelease);
        assertTrue(accepted <= most || accepted <= book, "C5: within band and release");
    }

    /* GUARDIAN, CURATOR, OWNER */

    /// @dev I14: what loosens waits. X5: no role disarms.
    function role(uint8 what) external {
        uint40 armed = vault.exitArmedAt(0);
        what %= 9;
        bytes memory data;
        if (what == 0) data = abi.encodeCall(vault.setSuspended, (address(venue), true));
        if (what == 1) data = abi.encodeCall(vault.stopDeposits, (true));
        if (what == 2) data = abi.encodeCall(vault.removeKeeper, (keeperKey()));
        if (what == 3) data = abi.encodeCall(vault.decreaseCap, (address(venue), uint64(69_000e6)));
        if (what < 4) _do(GUARDIAN, address(vault), data);
        if (what == 4) _do(GUARDIAN, address(venue), abi.encodeCall(venue.revokeTrader, ()));
        if (what > 4) {
            if (what == 5) data = abi.encodeCall(vault.increaseCap, (address(venue), type(uint64).max));
            if (what == 6) data = abi.encodeCall(vault.setFeeRecipient, (CURATOR));
            if (what == 7) data = _listing(address(this), type(uint64).max);
            if (what == 8) data = abi.encodeCall(vault.setGate, (address(1)));
            (bool ok,) = _do(CURATOR, address(vault), data);
            assertFalse(ok, "I14: not unannounced");
        }
        assertEq(vault.exitArmedAt(0), armed, "X5: no role disarms");
    }

    /* STRANGERS */

    /// @dev I12, I7: whatever is no stranger's, tried by one.
    function steal(uint256 seed, uint8 what) external {
        uint256 id = _id(seed) % 3 + 1;
        what %= 6;
        address to = what < 4 ? address(vault) : address(venue);
        bytes memory data;
        if (what == 0) data = abi.encodeCall(vault.requestWithdraw, (id, 10e6, THIEF));
        if (what == 1) data = abi.encodeCall(vault.redirect, (vault.pendingTicketOf(id), THIEF));
        if (what == 2) data = abi.encodeCall(vault.offerAccount, (id, THIEF));
        if (what == 3) data = abi.encodeCall(vault.send, (address(venue), 1));
        if (what == 4) data = abi.encodeCall(venue.collect, ());
        if (what == 5) data = abi.encodeCall(venue.toSpot, (1));
        (bool ok,) = _do(THIEF, to, data);
        assertFalse(ok, "I12: not a stranger's");
    }

    function poke(uint8 what) external {
        what %= 6;
        bytes memory data;
        if (what == 0) data = abi.encodeCall(vault.advance, (address(venue)));
        if (what == 1) data = abi.encodeCall(vault.lapseRecall, (address(venue)));
        if (what == 2) data = abi.encodeCall(vault.payFees, ());
        if (what == 3) data = abi.encodeCall(venue.confirm, ());
        if (what == 4) data = abi.encodeCall(venue.expireTrader, ());
        if (what == 5) data = abi.encodeCall(venue.revokeTrader, ());
        uint256 paid = usdc.balanceOf(TREASURY);
        _do(address(0xBAD), what < 3 ? address(vault) : address(venue), data);
        wentOut += usdc.balanceOf(TREASURY) - paid;
    }

    function sync(bool ofSeat) external {
        cameIn += vault.sync(ofSeat ? address(seat) : address(venue));
    }

    function donate(uint64 amount, uint8 where) external {
        amount = uint64(bound(amount, 1, 100e6));
        if (where % 4 == 3) return depositFor(address(venue), amount, SPOT_DEX);
        usdc.mint(where % 4 == 0 ? address(vault) : where % 4 == 1 ? address(venue) : address(seat), amount);
        if (where % 4 == 0) cameIn += amount;
    }

    /* HYPERCORE */

    /// @dev Seconds, a block each while there are few; at times hours.
    function time(uint256 span) external {
        span = bound(span, 1, 60);
        for (uint256 i; i < 4; ++i) {
            vm.warp(block.timestamp + span);
            core.step();
        }
        if (span == 60) vm.warp(block.timestamp + 12 hours);
        _watchPosition();
    }

    /// @dev X4: once what was sent before the exit has landed, no step makes the position larger. An order that rests since
    /// before the exit is no step: it may fill until a stranger has it cancelled.
    function _watchPosition() internal {
        if (!wasExiting || block.timestamp < vault.exitAt() + 60) return;
        int256 lots = core.positions(address(venue), ETH);
        uint256 held = uint256(lots < 0 ? -lots : lots);
        assertLe(held, magnitudeBefore, "X4: never larger");
        magnitudeBefore = _rests() ? type(uint256).max : held;
    }

    function _rests() internal view returns (bool) {
        for (uint128 id = 1; id <= cloid; ++id) {
            if (core.openOrder(address(venue), id) > 0) return true;
        }
        return false;
    }

    function market(uint256 price, uint256 half, int256 rate) external {
        oracle = bound(price, 1_900e4, 2_100e4);
        core.setPrice(ETH, uint64(oracle), uint64(bound(half, 0, 20e4)), 100_000);
        core.payFunding(ETH, boundInt(rate, -1e6, 1e6));
    }

    /// @dev The trader's key, over the API.
    function trade(bool isBuy, uint256 lots) external {
        if (wasExiting) return; // Strangers revoke it in their first step.
        lots = bound(lots, 1, 10_000);
        CoreOrder memory o = CoreOrder(ETH, isBuy, isBuy ? 2_200e8 : 1_800e8, uint64(lots * 1e6), false, 3, 0);
        tried(address(core), abi.encodeCall(core.orderByAgent, (TRADER, address(venue), o)));
    }

    function slow(uint40 credit, uint40 action, uint40 payout) external {
        core.setDelays(
            uint40(bound(credit, 2, 15)),
            uint40(bound(action, 1, 20)),
            uint40(bound(action, 1, 20)),
            uint40(bound(payout, 1, 2 hours))
        );
    }

    function drop() external {
        dropNext = true;
    }

    function fail(bool fails) external {
        readsFail = fails;
        vm.etch(address(0x80f), fails ? bytes(hex"fe") : readCode);
        if (fails) vm.etch(address(0x801), hex"fe");
        else vm.etch(address(0x801), readCode);
    }

    /* EXIT */

    /// @dev X1: armed if and only if stale or with an open deficit. Rarely, so that most runs stay open.
    function triggerExit(uint8 dice) external {
        if (dice > 40 || wasExiting) return;
        if (dice > 20) vm.warp(block.timestamp + 3 days);
        bool reached = vault.sumEquity() > 0 && (block.timestamp >= vault.fullAt() + 72 hours || vault.deficit() > 0);
        (bool ok, bytes4 reason) = tried(address(vault), abi.encodeCall(vault.triggerExit, (0)));
        if (!reached) assertFalse(ok, "X1: no reason");
        else assertTrue(ok || reason == ErrorsLib.ExitTooEarly.selector || vault.deficit() > 0, "X1: a reason arms");
        wasExiting = vault.exiting();
        if (wasExiting) _do(address(0xBAD), address(vault), _step(UnwindStep.RevokeTrader, 0));
    }

    function _step(UnwindStep kind, uint128 value) internal view returns (bytes memory) {
        return abi.encodeCall(vault.unwind, (address(venue), abi.encode(kind, ETH, value)));
    }

    function unwind(uint8 kind, uint128 value, bool sensible) external {
        UnwindStep what = UnwindStep(kind % 6);
        if (sensible && what == UnwindStep.CancelByCloid) value = uint128(bound(value, 1, cloid + 1));
        if (sensible && what == UnwindStep.Reduce) value = type(uint128).max;
        if (sensible && what == UnwindStep.ToSpot) value = uint128(core.transferable(address(venue)));
        if (sensible && what == UnwindStep.Recall) value = uint128(spotOf(address(venue)) / 100);
        (bool ok,) = _do(address(0xBAD), address(vault), _step(what, value));
        if (!wasExiting) assertFalse(ok, "E4: only in exit");
    }

    /// @dev I13, X3: an instalment is paid whatever is broken, to the owner.
    function claimExit(uint256 seed) external {
        if (!wasExiting) return;
        wentOut += vault.claimExit(_id(seed));
    }

    /* CHECKS */

    function _sumOfBooks() internal view returns (int256) {
        return int256(vault.venueOf(address(venue)).book) + vault.venueOf(address(seat)).book;
    }

    /// @dev I1 to I6.
    function checkBalance() external view {
        uint256 sum;
        for (uint256 id = 1; id <= vault.accountCount(); ++id) {
            assertLe(vault.laneOf(id), type(uint64).max, "I5");
            sum += vault.laneOf(id);
        }
        assertLe(vault.idle(), usdc.balanceOf(address(vault)), "I1");
        assertLe(vault.payables(), vault.idle(), "I2");
        assertEq(vault.sumEquity(), sum, "I3");
        uint256 owed = uint256(vault.sumEquity()) + vault.payables() + vault.insurance() + vault.feesAccrued();
        int256 owned = _sumOfBooks() + int256(uint256(vault.idle()) + vault.deficit() + vault.totalExitPaid());
        assertEqInt(int256(owed), owned, "I4");
        assertLe(vault.accountCount(), 1024, "I6");
        assertLe(vault.venues().length, 8, "I6");
    }

    /// @dev I7, I8 and C2: every dollar that came to the vault is there, or left by a named way; no ticket pays more than it
    /// asked; fees within 0.60% a day of the most there ever was, and what three days store.
    function checkCash() external view {
        assertEq(usdc.balanceOf(address(vault)) + wentOut, cameIn, "I7");
        for (uint256 ticket = 1; ticket <= vault.ticketCount(); ++ticket) {
            Ticket memory t = vault.ticketOf(ticket);
            assertLe(uint256(t.paid) + t.payable_ + t.remaining, asked[ticket], "I8");
        }
        uint256 span = block.timestamp - startedAt + 3 days;
        assertLe(feesCharged, peakEquity * FEE_PPM / 1e6 * span / 1 days, "C2");
        assertTrue(vault.owner() == BOSS && vault.curator() == CURATOR && vault.isKeeper(KEEPER), "I14");
        assertLe(vault.venueOf(address(venue)).cap, 70_000e6, "I14");
        assertEq(vault.feeRecipient(), TREASURY, "I14");
    }

    /// @dev X2, X3, X5.
    function checkExit() external view {
        assertTrue(vault.exiting() == wasExiting, "X5");
        if (!wasExiting) return;
        uint256 recovered = uint256(vault.idle()) - vault.payables() + vault.totalExitPaid();
        uint256 paid;
        for (uint256 id = 1; id <= 4; ++id) {
            assertLe(vault.exitPaidOf(id), vault.laneOf(id) * recovered / vault.sumEquity(), "X3");
            paid += vault.exitPaidOf(id);
        }
        assertEq(paid, vault.totalExitPaid(), "X2");
        assertLe(paid, recovered, "X2");
    }
}

/// @notice What holds after every call, over the real venues and a HyperCore that does its worst.
contract HyperCoreInvariants is Base {
    HyperCoreHandler internal handler;

    function setUp() public {
        handler = new HyperCoreHandler();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[24] memory all = [
            handler.deposit.selector,
            handler.request.selector,
            handler.cancel.selector,
            handler.claim.selector,
            handler.send.selector,
            handler.recall.selector,
            handler.move.selector,
            handler.order.selector,
            handler.mark.selector,
            handler.attest.selector,
            handler.role.selector,
            handler.steal.selector,
            handler.poke.selector,
            handler.sync.selector,
            handler.donate.selector,
            handler.market.selector,
            handler.trade.selector,
            handler.slow.selector,
            handler.drop.selector,
            handler.fail.selector,
            handler.triggerExit.selector,
            handler.unwind.selector,
            handler.claimExit.selector,
            handler.commit.selector
        ];
        // Commits and time often: without them nothing lands and nothing is approved.
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector({addr: address(handler), selectors: new bytes4[](34)});
        for (uint256 i; i < 34; ++i) {
            list[0].selectors[i] = i < 24 ? all[i] : i < 28 ? handler.commit.selector : handler.time.selector;
        }
    }

    /// @dev I9, I10, I12, I13, C1, C3 to C7, X1 and X4 are asserted in the handler, at the call that could break them.
    function invariant_I01_I02_I03_I04_I05_I06_I07_I08_I09_I10_I12_I13_I14_Balance() public view {
        handler.checkBalance();
        handler.checkCash();
    }

    function invariant_C01_C02_C03_C04_C05_C06_C07_X01_X02_X03_X04_X05_CommitsAndExit() public view {
        handler.checkCash();
        handler.checkExit();
    }
}

/// @notice Moves alone, without trades, prices or gifts: sends, recalls, class transfers, late or dropped without a trace.
contract HyperCoreMovesHandler is StolenKeyBase {
    bool internal dropNext;

    constructor() {
        setUp();
    }

    function _do(address who, address to, bytes memory data) internal {
        // A deposit is not Core's to drop: only actions are.
        if (dropNext) vm.mockCall(address(core), abi.encodeWithSelector(core.sendRawAction.selector), "");
        vm.prank(who);
        tried(to, data);
        if (dropNext) vm.clearMockedCalls();
        dropNext = false;
    }

    function send(uint256 seed) external {
        bytes memory data = abi.encodeCall(vault.send, (address(venue), uint64(bound(seed, 1, 20_000e6))));
        _do(KEEPER, address(vault), data);
    }

    function move(uint256 seed, bool intoPerp) external {
        uint64 amount = uint64(bound(seed, 1, 20_000e6));
        bytes memory data = intoPerp ? abi.encodeCall(venue.toPerp, (amount)) : abi.encodeCall(venue.toSpot, (amount));
        _do(KEEPER, address(venue), data);
    }

    /// @dev The keeper lets its last move land first: on top of one that lands later, a payout that Core has made would
    /// look like one that Core has dropped.
    function recall(uint256 seed) external {
        (uint64 movedAt,) = venue.lastMove();
        if (block.timestamp < movedAt + 60) return;
        bytes memory data = abi.encodeCall(vault.recall, (address(venue), uint64(bound(seed, 1, 20_000e6))));
        _do(KEEPER, address(vault), data);
    }

    function stranger(uint8 what) external {
        what %= 6;
        bytes memory data;
        if (what == 0) data = abi.encodeCall(vault.advance, (address(venue)));
        if (what == 1) data = abi.encodeCall(vault.lapseRecall, (address(venue)));
        if (what == 2) data = abi.encodeCall(vault.sync, (address(venue)));
        if (what == 3) data = abi.encodeCall(venue.confirm, ());
        if (what == 4) data = abi.encodeCall(venue.expireTrader, ());
        if (what == 5) data = abi.encodeCall(venue.revokeTrader, ());
        _do(address(0xBAD), what < 3 ? address(vault) : address(venue), data);
    }

    function slow(uint40 credit, uint40 action, uint40 payout) external {
        core.setDelays(uint40(bound(credit, 2, 15)), uint40(bound(action, 1, 20)), 3, uint40(bound(payout, 1, 2 hours)));
    }

    function drop() external {
        dropNext = true;
    }

    function time(uint256 span) external {
        span = bound(span, 1, 90);
        for (uint256 i; i < 4; ++i) {
            vm.warp(block.timestamp + span);
            core.step();
        }
        if (span > 80) vm.warp(block.timestamp + 15 minutes);
        if (span == 90) vm.warp(block.timestamp + 24 hours);
        core.step();
    }

    /// @dev C4, C6: a quiet venue is worth its book and the dollar that activation left on spot. I7: dollars are with the
    /// vault, its venues or Core. No breaker trips on moves alone.
    function checkQuiet() external view {
        uint256 all = usdc.balanceOf(address(vault)) + usdc.balanceOf(address(venue)) + usdc.balanceOf(SEAT);
        all += usdc.balanceOf(address(core)) + usdc.balanceOf(address(this));
        assertEq(all, usdc.totalSupply(), "I7: elsewhere");
        assertFalse(venue.tripped(), "tripped");
        if (!venue.quiet()) return;
        (int64 value,) = venue.equity();
        assertEqInt(value, int256(vault.venueOf(address(venue)).book), "C6: in flight although quiet");
    }
}

contract HyperCoreMovesInvariants is Base {
    HyperCoreMovesHandler internal handler;

    function setUp() public {
        handler = new HyperCoreMovesHandler();
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[8] memory all = [
            handler.send.selector,
            handler.move.selector,
            handler.recall.selector,
            handler.stranger.selector,
            handler.stranger.selector,
            handler.slow.selector,
            handler.drop.selector,
            handler.time.selector
        ];
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector({addr: address(handler), selectors: new bytes4[](11)});
        for (uint256 i; i < 11; ++i) {
            list[0].selectors[i] = i < 8 ? all[i] : handler.time.selector;
        }
    }

    function invariant_C04_C06_QuietMeansWorthTheBook() public view {
        handler.checkQuiet();
    }
}
