"""The engine under whatever hypothesis thinks of: money is conserved, positions chain, fees are floors."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.clock import TestClock
from keeper.errors import VenueError
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.orders import OrderRequest, TimeInForce
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import MICRO, nearest_tick

ACCOUNTS = tuple("0x" + digit * 40 for digit in "abc")
NEAR_THE_HOUR = 1_770_382_790_000
COINS = (0, 1, 5, 12)

orders = st.tuples(
    st.just("order"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(COINS),
    st.booleans(),
    st.integers(-60, 60),  # basis points from the mark
    st.integers(1, 4_000),  # USDC
    st.sampled_from(list(TimeInForce)),
    st.booleans(),
)
moves = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.integers(1, 3_000 * MICRO)),
    st.tuples(st.just("class"), st.sampled_from(ACCOUNTS), st.booleans(), st.integers(1, 3_000 * MICRO)),
    st.tuples(st.just("withdraw"), st.sampled_from(ACCOUNTS), st.integers(1, 3_000 * MICRO)),
    st.tuples(st.just("evm"), st.sampled_from(ACCOUNTS), st.integers(1, 3_000 * MICRO * 100)),
    st.tuples(st.just("time"), st.integers(1, 15_000)),
    st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(orders, orders, moves), min_size=5, max_size=40))
def test_money_positions_and_fees_add_up_whatever_is_done(recording: Recording, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    clock = TestClock(NEAR_THE_HOUR)
    venue = Venue(recording, clock)
    for account in ACCOUNTS:
        venue.deposit(account, 5_000 * MICRO, to_spot=False, hash="0x0")
    for step in steps:
        try:
            perform(venue, clock, step)
        except VenueError:
            assert step[0] not in ("order", "time", "cancel")
        venue.state.check()
    check_records(venue)


def perform(venue: Venue, clock: TestClock, step: tuple) -> None:  # type: ignore[type-arg]
    match step:
        case ("order", account, coin, is_buy, away, usd, tif, reduce_only):
            spec, mark = venue.assets[coin], venue.mark_px(coin)
            price = nearest_tick(mark * (1 + away / 1e4), spec.unit)
            venue.place(account, OrderRequest(spec, is_buy, price, max(1, usd * MICRO // price), tif, reduce_only))
        case ("send", account, other, micro):
            venue.usd_send(account, other, micro)
        case ("class", account, to_perp, micro):
            venue.usd_class_transfer(account, micro, to_perp)
        case ("withdraw", account, micro):
            venue.withdraw(account, account, micro, nonce=1)
        case ("evm", account, wei):
            venue.withdraw_spot_to_evm(account, wei)
        case ("cancel", account):
            for oid, order in list(venue.state.accounts[account].open_orders.items()):
                assert venue.cancel(account, order.spec.index, oid) is None
        case ("time", span):
            clock.advance(span)
            venue.step(clock.now_ms())


def check_records(venue: Venue) -> None:
    """Each account's fills chain from nought to its position, and its cash is what its records say."""
    for account in venue.state.accounts.values():
        sizes: dict[int, int] = {}
        for fill in account.fills:
            asset = fill.spec.index
            assert fill.start_position == sizes.get(asset, 0)
            sizes[asset] = fill.start_position + (fill.lots if fill.is_buy else -fill.lots)
            assert fill.fee == fill.price * fill.lots * (45 if fill.crossed else 15) // 100_000
        assert sizes == {asset: position.szi for asset, position in account.positions.items()}
        paid = sum(fill.price * (fill.lots if fill.is_buy else -fill.lots) for fill in account.fills)
        bound = sum(position.cost for position in account.positions.values())
        assert sum(fill.realised for fill in account.fills) == bound - paid
        assert account.open_orders.keys() == {
            order.oid
            for market in venue.state.all_markets
            for order in market.bids + market.asks
            if order.account == account.address
        }
    fees = sum(fill.fee for account in venue.state.accounts.values() for fill in account.fills)
    withdrawals = sum(due.fee_micro for due in venue.take_withdrawals())
    assert venue.state.fees == fees + withdrawals


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resting=st.lists(
        st.tuples(st.sampled_from(ACCOUNTS[:2]), st.integers(1, 6), st.integers(700, 5_000)), min_size=1, max_size=12
    ),
    taken=st.integers(700, 30_000),
)
def test_resting_orders_trade_in_price_time_order(
    recording: Recording, resting: list[tuple[str, int, int]], taken: int
) -> None:
    """Bids above every bid of the house: the best price first, at one price the oldest first, none skipped."""
    venue = Venue(recording, TestClock(NEAR_THE_HOUR))
    venue.freeze(True)
    for account in ACCOUNTS:
        venue.deposit(account, 10**6 * MICRO, to_spot=False, hash="0x0")
    spec = venue.assets[2]  # ATOM: a book more than six ticks wide
    bid, ask = venue.market(2).best()
    placed = []
    for number, (account, ticks, lots) in enumerate(resting):
        price = min(bid + ticks, ask - 1)
        venue.place(account, OrderRequest(spec, True, price, lots, TimeInForce.GTC, False))
        placed.append((-price, number, account, lots))
    venue.place(ACCOUNTS[2], OrderRequest(spec, False, bid + 1, taken, TimeInForce.IOC, False))
    expected = []
    for price, _, account, lots in sorted(placed):
        if taken:
            expected.append((account, -price, min(lots, taken)))
            taken -= expected[-1][2]
    fills = sorted(
        (fill.tid, account, fill.price, fill.lots)
        for account in ACCOUNTS[:2]
        for fill in venue.state.accounts[account].fills
    )
    assert [fill[1:] for fill in fills] == expected
