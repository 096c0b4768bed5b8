"""The engine by example: priority, self-trade, taken depth, margin, closed PnL, funding, transfers, agents."""

from decimal import Decimal
from fractions import Fraction

import pytest

from keeper.clock import TestClock
from keeper.errors import VenueError
from keeper.venues.simulated.accounts import Position
from keeper.venues.simulated.authority import Nonces
from keeper.venues.simulated.engine import EngineOptions, Venue
from keeper.venues.simulated.funding import payment, rate_from_premium
from keeper.venues.simulated.orders import Filled, OrderRequest, OrderStatus, Refused, Resting, TimeInForce
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording
from keeper.venues.simulated.units import MICRO, ceil_to_tick, decimal_text, floor_to_tick, tick_of

A, B, C = ("0x" + digit * 40 for digit in "abc")
NOON = 1_770_379_200_000 + 1_000  # a second after a full hour
ETH = 1


@pytest.fixture
def clock() -> TestClock:
    return TestClock(NOON)


@pytest.fixture
def venue(recording: Recording, clock: TestClock) -> Venue:
    made = Venue(recording, clock)
    for account in (A, B, C):
        made.deposit(account, 50_000 * MICRO, to_spot=False, hash="0x0")
    return made


def order(venue: Venue, account: str, side: int, lots: int, price: int, tif: str = "Gtc", **rest: bool) -> object:
    request = OrderRequest(venue.assets[ETH], side > 0, price, lots, TimeInForce(tif), rest.get("reduce_only", False))
    return venue.place(account, request)


def pass_time(venue: Venue, clock: TestClock, span_ms: int) -> None:
    """In venue blocks of 5 s at most."""
    end = clock.now_ms() + span_ms
    while clock.now_ms() < end:
        clock.advance(min(5_000, end - clock.now_ms()))
        venue.step(clock.now_ms())


def inside(venue: Venue) -> tuple[int, int]:
    """A price a tick above the best bid and one a tick below the best ask (ETH's book here is two ticks wide)."""
    bid, ask = venue.market(ETH).best()
    tick = tick_of(bid, venue.assets[ETH].unit)
    assert ask - bid >= 2 * tick
    return bid + tick, ask - tick


def test_better_price_goes_first_then_the_earlier_order(venue: Venue) -> None:
    better, _ = inside(venue)
    bid, _ = venue.market(ETH).best()
    worse = order(venue, C, 1, 1_000, bid)
    first = order(venue, A, 1, 1_000, better)
    second = order(venue, B, 1, 1_000, better)
    assert all(isinstance(outcome, Resting) for outcome in (worse, first, second))
    taken = order(venue, C, -1, 1_500, better, "Ioc")
    assert isinstance(taken, Filled)
    assert (taken.lots, taken.average) == (1_500, better)
    sizes = [venue.state.accounts[account].size(ETH) for account in (A, B, C)]
    assert sizes == [1_000, 500, -1_500]
    fills = [fill for account in (A, B) for fill in venue.state.accounts[account].fills]
    assert all(not fill.crossed and fill.fee == fill.price * fill.lots * 15 // 100_000 for fill in fills)


def test_own_resting_order_is_expired_not_traded(venue: Venue) -> None:
    price, _ = inside(venue)
    resting = order(venue, A, 1, 1_000, price)
    assert isinstance(resting, Resting)
    sold = order(venue, A, -1, 1_000, price, "Ioc")
    assert isinstance(sold, Refused)
    assert venue.state.accounts[A].orders[resting.oid].status is OrderStatus.SELF_TRADE_CANCELED
    assert not venue.state.accounts[A].fills
    assert venue.state.fees == 0


def test_taken_depth_comes_back_by_half_in_twenty_seconds(venue: Venue, clock: TestClock) -> None:
    venue.freeze(True)

    def lots() -> int:
        return sum(level.lots for level in venue.market(ETH).house_levels(asks=True))

    full = lots()
    bought = order(venue, A, 1, 100_000, venue.market(ETH).best()[1] * 2, "Ioc")
    assert isinstance(bought, Filled)
    assert lots() == full - 100_000
    pass_time(venue, clock, 20_000)
    assert lots() == full - 50_000


def test_resting_order_is_filled_when_the_tape_reaches_it(venue: Venue, clock: TestClock) -> None:
    price, _ = inside(venue)
    price -= 20 * tick_of(price, venue.assets[ETH].unit)
    resting = order(venue, A, 1, 1_000, price)
    assert isinstance(resting, Resting)
    for _ in range(2 * 720):
        pass_time(venue, clock, 5_000)
        if venue.state.accounts[A].size(ETH):
            break
    [fill] = venue.state.accounts[A].fills
    assert (fill.price, fill.lots, fill.crossed) == (price, 1_000, False)
    assert venue.state.accounts[A].orders[resting.oid].status is OrderStatus.FILLED


def test_margin_counts_resting_orders_and_frees_what_closes(venue: Venue) -> None:
    venue.update_leverage(A, ETH, 10)
    price, _ = inside(venue)
    price -= 100 * tick_of(price, venue.assets[ETH].unit)
    lots = 50_000 * MICRO * 10 // venue.mark_px(ETH)
    assert isinstance(order(venue, A, 1, lots * 6 // 10, price), Resting)
    refused = order(venue, A, 1, lots * 6 // 10, price)
    assert refused == Refused("Insufficient margin to place order. asset=1")
    assert isinstance(order(venue, A, -1, lots * 6 // 10, price, "Ioc"), Filled)
    closing = order(venue, A, 1, lots * 6 // 10, venue.market(ETH).best()[1] * 2, "Ioc", reduce_only=True)
    assert isinstance(closing, Filled)
    assert venue.position(A, ETH) is None


def test_reduce_only_never_trades_more_than_the_position(venue: Venue) -> None:
    ask = venue.market(ETH).best()[1]
    assert isinstance(order(venue, A, 1, 1_000, ask * 2, "Ioc"), Filled)
    closed = order(venue, A, -1, 5_000, ask // 2 // 10 * 10, "Ioc", reduce_only=True)
    assert isinstance(closed, Filled)
    assert closed.lots == 1_000
    assert venue.state.accounts[A].size(ETH) == 0


def test_closed_pnl_uses_the_truncated_average_entry() -> None:
    """Two recorded facts (public Hyperliquid fills of 2025-10-27): the entry is truncated to a price unit when PnL is
    taken, and partial closes leave it as it was."""
    position = Position()
    position.apply(1, 100)
    position.apply(2, 101)
    assert position.entry == Fraction(302, 3)
    assert position.entry_price == 100
    assert position.apply(-1, 110) == 10
    assert position.apply(-1, 110) == 10
    assert position.entry == Fraction(302, 3)
    assert position.apply(-3, 105) == 5
    assert (position.szi, position.entry) == (-2, Fraction(105))


def test_funding_is_paid_at_the_hour_on_the_hour_s_oracle(venue: Venue, clock: TestClock) -> None:
    ask = venue.market(ETH).best()[1]
    order(venue, A, 1, 10_000, ask * 2, "Ioc")
    order(venue, B, -1, 4_000, ask // 2 // 10 * 10, "Ioc")
    struck: list[tuple[int, int]] = []
    venue.before_funding = lambda instant: struck.append((instant, venue.oracle_px(ETH)))
    pass_time(venue, clock, HOUR_MS)
    [(instant, oracle)] = struck
    assert instant % HOUR_MS == 0
    for account, szi in ((A, 10_000), (B, -4_000)):
        [row] = venue.state.accounts[account].fundings
        assert instant < row.time_ms < instant + 100
        assert row.usdc == payment(szi, oracle, row.rate) != 0
    assert venue.conservation().difference == 0


def test_what_is_read_at_a_time_is_complete_and_stays_so(venue: Venue, clock: TestClock) -> None:
    ask = venue.market(ETH).best()[1]
    order(venue, A, 1, 10_000, ask * 2, "Ioc")
    pass_time(venue, clock, HOUR_MS - NOON % HOUR_MS)
    assert venue.state.accounts[A].fundings == []
    clock.advance(100)
    read = venue.read_time()
    assert [row.time_ms <= read for row in venue.state.accounts[A].fundings] == [True]
    order(venue, A, 1, 1_000, ask * 2, "Ioc")
    assert venue.state.accounts[A].fills[-1].time_ms == read + 1


@pytest.mark.parametrize(
    ("premium", "rate"),
    [("0", "0.0000125"), ("0.0006", "0.0000125"), ("0.001", "0.0000625"), ("-0.001", "-0.0000625"), ("1", "0.04")],
)
def test_rate_follows_the_clamped_premium(premium: str, rate: str) -> None:
    assert rate_from_premium(int(Decimal(premium) * 10**10)) == int(Decimal(rate) * 10**10)


def test_payment_is_rounded_toward_nought() -> None:
    assert payment(3, 1_000_000, 125_000) == -37
    assert payment(-3, 1_000_000, 125_000) == 37


def test_recorded_rates_are_paid_scaled(recording: Recording) -> None:
    plain, double = (Venue(recording, TestClock(NOON), EngineOptions(funding_scale=Decimal(scale))) for scale in (1, 2))
    assert plain.funding_rate(0) == recording.funding["BTC"][1]
    assert double.funding_rate(0) == 2 * plain.funding_rate(0)


def test_basis_moves_book_and_mark_but_not_the_oracle(recording: Recording) -> None:
    plain, shifted = (Venue(recording, TestClock(NOON), EngineOptions(basis_bps=Decimal(bps))) for bps in (0, 20))
    assert plain.oracle_px(0) == shifted.oracle_px(0)
    assert shifted.mark_px(0) / plain.mark_px(0) == pytest.approx(1.002, abs=2e-5)
    assert shifted.market(0).mid / plain.market(0).mid == pytest.approx(1.002)


def test_two_venues_of_one_clock_and_seed_are_equal(recording: Recording) -> None:
    """And venues of other seeds share prices, so that only their books' sizes differ."""
    seen = []
    for seed in (1, 1, 2):
        clock = TestClock(NOON)
        venue = Venue(recording, clock, EngineOptions(seed=seed))
        pass_time(venue, clock, 600_000)
        seen.append(([market.mark for market in venue.state.markets], venue.market(0).levels(asks=True)))
    assert seen[0] == seen[1]
    assert seen[0][0] == seen[2][0]
    assert seen[0][1] != seen[2][1]


def test_money_moves_and_refuses_to(venue: Venue, clock: TestClock) -> None:
    fresh = "0x" + "d" * 40
    with pytest.raises(VenueError, match="must exceed the activation fee"):
        venue.deposit(fresh, MICRO, to_spot=True, hash="0x1")
    venue.deposit(fresh, 10 * MICRO, to_spot=True, hash="0x1")
    assert venue.spot_wei(fresh) == 900_000_000
    venue.usd_class_transfer(fresh, 5 * MICRO, to_perp=True)
    assert (venue.account_value(fresh), venue.spot_wei(fresh)) == (5 * MICRO, 400_000_000)
    assert venue.withdraw_spot_to_evm(fresh, 250_000_050) == 2_500_000
    with pytest.raises(VenueError, match="Insufficient balance for token transfer"):
        venue.withdraw_spot_to_evm(fresh, 200_000_000)
    venue.withdraw(fresh, A, 3 * MICRO, nonce=5)
    [due] = venue.take_withdrawals()
    assert (due.account, due.destination, due.net_micro, due.fee_micro, due.nonce) == (fresh, A, 2 * MICRO, MICRO, 5)
    assert venue.take_withdrawals() == []
    assert venue.conservation().difference == 0
    with pytest.raises(VenueError, match="Must deposit before performing actions"):
        venue.usd_send("0x" + "9" * 40, A, MICRO)


def test_tenth_of_the_notional_stays_when_money_leaves(venue: Venue) -> None:
    venue.update_leverage(A, ETH, 25)
    order(venue, A, 1, 100_000, venue.market(ETH).best()[1] * 2, "Ioc")
    shown = venue.withdrawable(A)
    assert shown > venue.account_value(A) - venue.notional(A) // 10
    with pytest.raises(VenueError, match="Insufficient balance for withdrawal"):
        venue.withdraw(A, A, shown, nonce=1)


def test_agents_are_replaced_expire_and_are_limited(venue: Venue, clock: TestClock) -> None:
    agents = ["0x" + f"{number:040x}" for number in range(1, 8)]
    venue.add_agent(A, agents[0], "", None)
    venue.add_agent(A, agents[1], "", None)
    assert venue.agents.find(agents[0], clock.now_ms()) is None
    for agent, name in zip(agents[2:5], ("x", "y", "z"), strict=True):
        venue.add_agent(A, agent, name, clock.now_ms() + 10_000)
    with pytest.raises(VenueError, match="Too many extra agents"):
        venue.add_agent(A, agents[5], "w", None)
    with pytest.raises(VenueError, match="already used"):
        venue.add_agent(B, agents[2], "x", None)
    assert venue.agents.find(agents[2], clock.now_ms()) is not None
    assert venue.agents.find(agents[2], clock.now_ms() + 10_000) is None


def test_nonces_keep_the_hundred_highest(clock: TestClock) -> None:
    nonces, now = Nonces(), clock.now_ms()
    for number in range(101):
        nonces.admit(A, now + number, now)
    with pytest.raises(VenueError, match=f"nonce too low {now} < {now + 1}"):
        nonces.admit(A, now, now)
    with pytest.raises(VenueError, match=f"duplicate nonce {now + 5}"):
        nonces.admit(A, now + 5, now)
    with pytest.raises(VenueError, match="nonce too high"):
        nonces.admit(A, now + 86_400_000, now)
    nonces.admit(B, now, now)


@pytest.mark.parametrize(
    ("value", "decimals", "text"), [(0, 6, "0.0"), (-44_263, 6, "-0.044263"), (20, 1, "2.0"), (7, 0, "7.0")]
)
def test_amounts_are_written_as_the_venue_writes_them(value: int, decimals: int, text: str) -> None:
    assert decimal_text(value, decimals) == text


@pytest.mark.parametrize(("price", "unit", "tick"), [(663_710, 10, 10), (1_055_050, 10, 10), (81_519, 10_000, 1)])
def test_ticks_are_five_figures_but_whole_dollars_always(price: int, unit: int, tick: int) -> None:
    assert tick_of(price, unit) == tick
    assert floor_to_tick(price + tick * 0.4, unit) == price
    assert ceil_to_tick(price + tick * 0.4, unit) == price + tick
