"""Everything an account can do, thought up by hypothesis, while prices jump: the venue conserves money, tokens and
positions after every step, and every open order is where it belongs."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.errors import VenueError
from keeper.venues.simulated.orders import Grouping
from keeper.venues.simulated.state import INSURANCE
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import MICRO, nearest_tick
from tests.unit.venues_simulated.helpers import BTC, ETH, HYPE, TSLA, A, B, C, Scene

ACCOUNTS = (A, B, C)
COINS = (BTC, ETH, TSLA, HYPE)
accounts, coins = st.sampled_from(ACCOUNTS), st.sampled_from(COINS)
steps = st.one_of(
    st.tuples(st.just("order"), accounts, coins, st.booleans(), st.integers(-80, 80), st.integers(10, 60_000)),
    st.tuples(st.just("order"), accounts, coins, st.booleans(), st.integers(-80, 80), st.integers(10, 60_000)),
    st.tuples(st.just("bet"), accounts, st.sampled_from((BTC, ETH)), st.booleans()),
    st.tuples(st.just("trigger"), accounts, coins, st.booleans(), st.integers(-200, 200), st.booleans()),
    st.tuples(st.just("group"), accounts, st.sampled_from((BTC, ETH)), st.booleans(), st.integers(1, 200)),
    st.tuples(st.just("modify"), accounts, st.integers(-80, 80)),
    st.tuples(st.just("leverage"), accounts, coins, st.integers(1, 40), st.booleans()),
    st.tuples(st.just("margin"), accounts, coins, st.integers(-500, 500)),
    st.tuples(st.just("twap"), accounts, st.sampled_from((BTC, ETH)), st.booleans(), st.integers(100, 20_000)),
    st.tuples(st.just("cancel"), accounts),
    st.tuples(st.just("jump"), coins, st.integers(-1_500, 1_500)),
    st.tuples(st.just("jump"), st.sampled_from((BTC, ETH)), st.integers(-600, 600)),
    st.tuples(st.just("jump"), st.sampled_from((BTC, ETH)), st.integers(-40, 40)),
    st.tuples(st.just("move"), accounts, accounts, st.sampled_from((-1, 0, 1)), st.sampled_from((-1, 0, 1))),
    st.tuples(st.just("unify"), accounts),
    st.tuples(st.just("vault"), accounts, st.booleans(), st.integers(1, 3_000)),
    st.tuples(st.just("adl"), accounts, st.sampled_from((BTC, ETH, TSLA))),
    st.tuples(st.just("time"), st.integers(200, 40_000)),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=st.lists(steps, min_size=8, max_size=50))
def test_whatever_happens_nothing_is_lost(recording: Recording, done: list[tuple]) -> None:  # type: ignore[type-arg]
    scene = Scene(recording, usdc=5_000)
    venue = scene.venue
    for account in ACCOUNTS:
        venue.usd_class_transfer(account, 1_000 * MICRO, to_perp=False)
        venue.treasury.send_asset(account, account, (0, 1), ("", "xyz"), venue.state.token(0), "1000")
        venue.treasury.grant(account, venue.state.token(150), 20 * 10**8)
    for step in done:
        try:
            perform(scene, step)
        except VenueError:
            assert step[0] in ("leverage", "margin", "twap", "move", "vault")
        venue.state.check()
        open_orders_are_where_they_belong(scene)
    for account in ACCOUNTS:
        found = venue.state.accounts[account]
        for position in found.positions.values():
            assert position.szi or position.isolated_usd is None
        assert found.spot_wei >= found.spot_hold(0)
        assert all(holding.wei >= 0 for holding in found.holdings.values())


def perform(scene: Scene, step: tuple) -> None:  # type: ignore[type-arg]
    venue = scene.venue
    match step:
        case ("order", account, coin, is_buy, away, usd):
            price, lots = priced(scene, coin, away, usd)
            scene.order(account, coin, 1 if is_buy else -1, lots, price)
        case ("bet", account, coin, is_buy):  # all it may, so that a small jump liquidates it
            free = venue.withdrawable(account) // MICRO
            if free > 20:
                price, lots = priced(scene, coin, 80 if is_buy else -80, free * 19)
                scene.order(account, coin, 1 if is_buy else -1, lots, price, tif="Ioc")
        case ("trigger", account, coin, is_buy, away, take_profit) if coin != HYPE:
            lots = max(1, abs(scene.size(account, coin)))
            at = 1 + away / 1e4
            venue.place(account, scene.trigger(coin, 1 if is_buy else -1, lots, at, take_profit=take_profit))
        case ("group", account, coin, is_buy, away):
            side, lots = (1 if is_buy else -1), priced(scene, coin, 0, 200)[1]
            exits = [
                scene.trigger(coin, -side, lots, 1 + sign * side * away / 1e4, take_profit=sign > 0) for sign in (1, -1)
            ]
            venue.place_group(account, [scene.request(coin, side, lots), *exits], Grouping.NORMAL_TPSL)
            venue.place_group(account, exits, Grouping.POSITION_TPSL)
        case ("modify", account, away):
            for order in list(venue.state.accounts[account].open_orders.values())[:1]:
                coin = order.spec.index
                price, _ = priced(scene, coin, away, 1)
                venue.modify(account, order.oid, scene.request(coin, 1 if order.is_buy else -1, order.lots or 1, price))
        case ("leverage", account, coin, leverage, cross) if coin != HYPE:
            venue.update_leverage(account, coin, leverage, cross=cross)
        case ("margin", account, coin, usd) if coin != HYPE:
            venue.update_isolated_margin(account, coin, usd * MICRO)
        case ("twap", account, coin, is_buy, usd):
            lots = priced(scene, coin, 0, usd)[1]
            venue.start_twap(
                account, coin, is_buy=is_buy, lots=lots, reduce_only=False, minutes=5, randomize=bool(usd % 2)
            )
        case ("cancel", account):
            venue.cancel_everything(account)
            assert not venue.state.accounts[account].open_orders
        case ("jump", coin, away):
            spec = venue.market(coin).spec
            scene.price(coin, nearest_tick(venue.mark_px(coin) * (1 + away / 1e4), spec.unit))
        case ("move", account, other, source, target):
            venue.treasury.send_asset(account, other, (source, target), ("", ""), venue.state.token(0), "250")
        case ("unify", account):
            venue.set_abstraction(account, 0 if venue.state.accounts[account].abstraction else 2)
        case ("vault", account, deposit, usd):
            found = venue.state.accounts[account]
            if deposit:
                venue.vaults.deposit(found, INSURANCE, usd * MICRO, venue.transferable(account))
            else:
                venue.vaults.withdraw(found, INSURANCE, usd * MICRO)
        case ("adl", account, coin):
            venue.deleverage(account, coin, abs(scene.size(account, coin)) // 2)
        case ("time", span):
            scene.step(span)


def priced(scene: Scene, coin: int, away: int, usd: int) -> tuple[int, int]:
    """A valid price so many basis points from the mark, and the lots that so many dollars buy there."""
    spec = scene.venue.market(coin).spec
    price = nearest_tick(scene.venue.mark_px(coin) * (1 + away / 1e4), spec.unit)
    dollar = MICRO * 100 if spec.is_spot else MICRO
    return price, max(1, usd * dollar // price)


def open_orders_are_where_they_belong(scene: Scene) -> None:
    state = scene.venue.state
    listed = {
        order.oid: order for market in state.all_markets for order in (*market.bids, *market.asks, *market.triggers)
    }
    held = {oid for account in state.accounts.values() for oid in account.open_orders}
    assert listed.keys() == held
    for order in listed.values():
        assert order.lots > 0
        assert order.waits == (order in state.market(order.spec.index).triggers)
    for market in state.all_markets:
        bids, asks = [order.price for order in market.bids], [order.price for order in market.asks]
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert not (bids and asks) or bids[0] < asks[0] or market.bids[0].account == market.asks[0].account
