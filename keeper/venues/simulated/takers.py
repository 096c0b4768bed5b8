"""Strangers who trade now and then: seeded market orders that hit whatever is best, an account's order first.

Off unless the venue's options ask for them. When, which side and how much is a function of seed, coin and time only.
Against the house's depth such a trade is only heard of: both sides are strangers.
"""

from keeper.venues.simulated.booking import Booking
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Trade
from keeper.venues.simulated.state import State
from keeper.venues.simulated.tape.noise import text_key, uniform
from keeper.venues.simulated.trading import OrderDesk
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO

MINUTE_MS = 60_000
LEAST_USDC, SPREAD = 20, 150
STRANGERS = ("0x00000000000000000000000000000000000074e1", "0x00000000000000000000000000000000000074e2")


class Takers:
    def __init__(self, state: State, desk: OrderDesk, booking: Booking) -> None:
        self._state, self._desk, self._booking = state, desk, booking
        self._span_ms = MINUTE_MS // state.options.takers_a_minute if state.options.takers_a_minute else 0
        self._last = 0

    def run_due(self) -> None:
        """At most one trade per coin and call, so that hours can be skipped quickly."""
        if not self._span_ms or self._state.now_ms // self._span_ms == self._last:
            return
        self._last = self._state.now_ms // self._span_ms
        for market in self._state.all_markets:
            if not market.halted and not market.faults.halted:
                self._trade(market)

    def _trade(self, market: Market) -> None:
        key = text_key(market.spec.coin) ^ self._state.options.seed
        buys = uniform(key, self._last, 1) < 0.5
        usdc = LEAST_USDC * SPREAD ** uniform(key, self._last, 2)
        dollar = MICRO * WEI_PER_MICRO if market.spec.is_spot else MICRO
        best = market.levels(asks=buys, limit=1)
        if not best:
            return
        lots = max(1, int(usdc * dollar / best[0].price))
        resting = (market.asks if buys else market.bids)[:1]
        if resting and resting[0].price == best[0].price:
            order = resting[0]
            allowed = self._desk.fillable(order)
            if allowed:
                self._desk.fill(market, order.price, min(lots, allowed), maker=order, taker=None)
            return
        tid = self._state.next_tid()
        sides = STRANGERS if buys else STRANGERS[::-1]
        tx_hash = self._state.hash_of("trade", tid)
        trade = Trade(
            market.spec, best[0].price, min(lots, best[0].lots), buys, self._state.now_ms, tx_hash, tid, *sides
        )
        self._booking.publish(trade)
