"""A venue with three rich accounts, and orders in a line."""

from typing import Any

from keeper.clock import TestClock
from keeper.venues.simulated.engine import EngineOptions, Venue
from keeper.venues.simulated.orders import Grouping, OrderRequest, Outcome, TimeInForce, Trigger
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import MICRO, ceil_to_tick, floor_to_tick

A, B, C = ("0x" + digit * 40 for digit in "abc")
NOON = 1_770_379_200_000 + 1_000  # a second after a full hour
BTC, ETH = 0, 1
HYPE, PURR = 10_107, 10_000
TSLA = 110_001
RICH = 50_000


class Scene:
    """Prices stand still until `price` sets them, so that examples are exact."""

    def __init__(
        self, recording: Recording, options: EngineOptions | None = None, usdc: int = RICH, start: int = NOON
    ) -> None:
        self.clock = TestClock(start)
        self.venue = Venue(recording, self.clock, options)
        self.venue.freeze(True)
        for account in (A, B, C):
            self.venue.deposit(account, usdc * MICRO, to_spot=False, hash="0x0")

    def step(self, ms: int = 200) -> None:
        self.clock.advance(ms)
        self.venue.step(self.clock.now_ms())

    def price(self, asset: int, mark: int, *, step: bool = True) -> None:
        """Book, oracle and mark at this price (price units)."""
        market = self.venue.market(asset)
        market.previous_mark = market.mark
        market.mid, market.oracle, market.mark = float(mark), mark, mark
        market.hold(self.clock.now_ms() + 200)
        if step:
            self.step()

    def request(self, asset: int, side: int, lots: int, price: int | None = None, **rest: Any) -> OrderRequest:
        """Without a price: immediate-or-cancel, half as bad again as the mark."""
        spec = self.venue.market(asset).spec
        tif = TimeInForce(rest.pop("tif", "Gtc" if price else "Ioc"))
        mark = self.venue.mark_px(asset)
        worst = floor_to_tick(mark * 1.5, spec.unit) if side > 0 else ceil_to_tick(mark * 0.5, spec.unit)
        reduce_only = rest.pop("reduce_only", False)
        return OrderRequest(spec, side > 0, price or worst, lots, tif, reduce_only, **rest)

    def order(self, account: str, asset: int, side: int, lots: int, price: int | None = None, **rest: Any) -> Outcome:
        return self.venue.place(account, self.request(asset, side, lots, price, **rest))

    def group(self, account: str, requests: list[OrderRequest], grouping: str) -> list[Outcome]:
        return self.venue.place_group(account, requests, Grouping(grouping))

    def trigger(self, asset: int, side: int, lots: int, at: float, *, take_profit: bool, **rest: Any) -> OrderRequest:
        """A market trigger, reduce-only, at so many times the mark."""
        spec = self.venue.market(asset).spec
        price = floor_to_tick(self.venue.mark_px(asset) * at, spec.unit)
        return self.request(
            asset, side, lots, price, reduce_only=True, trigger=Trigger(price, True, take_profit), **rest
        )

    def size(self, account: str, asset: int) -> int:
        return self.venue.state.accounts[account].size(asset)

    def statuses(self, account: str) -> list[str]:
        """Of every order in the order of their ids."""
        orders = self.venue.state.accounts[account].orders
        return [orders[oid].status.value for oid in sorted(orders)]
