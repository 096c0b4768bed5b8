"""What the venues offer an order now, and the plan that the router makes of it. Sends nothing."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import structlog

from keeper.clock import Clock
from keeper.errors import UnknownOutcome, VenueError
from keeper.execution.costing import CostModel
from keeper.execution.decision import decision_record
from keeper.execution.health import VenueHealth
from keeper.execution.own_orders import OwnOrders
from keeper.execution.ports import Market, Risk
from keeper.execution.pricing import lots_within, on_tick, worst_price
from keeper.ledger import Books
from keeper.model.instruments import Instrument, coin_of, sign
from keeper.model.signed_orders import ALO, Order
from keeper.model.venue_records import SeatState
from keeper.routing import LiveRoute, RoutePlan, RouteRequest, RoutingError, VenueQuote, plan
from keeper.venues.base import AccountReader, FeeRates

log = structlog.get_logger()

BPS = Decimal(10_000)
FEES_KEPT_MS = 3_600_000
"""A venue changes a fee tier once a day at most."""


@dataclass(frozen=True, slots=True)
class Round:
    """One routing of what is left. `request` is None when no venue could be asked; `text` says why nothing is sent."""

    text: str
    request: RouteRequest | None = None
    route: RoutePlan | None = None
    decision: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Berth:
    """Where an order could rest: at most `size` of it, at `price`."""

    venue: str
    size: Decimal
    price: Decimal


class Rounds:
    """Quotes, requests and plans over all venues that may be used now."""

    def __init__(
        self,
        books: Books,
        own: OwnOrders,
        market: Market,
        risk: Risk,
        accounts: Mapping[str, AccountReader],
        health: VenueHealth,
        clock: Clock,
        costs: CostModel,
    ) -> None:
        self._books, self._own, self._market, self._risk = books, own, market, risk
        self._accounts, self._health, self._clock, self._costs = accounts, health, clock, costs
        self._fees: dict[str, tuple[int, FeeRates]] = {}

    def instrument(self, venue: str, coin: str) -> Instrument:
        return self._market.instruments()[venue][coin]

    def allowed(self, order: Order) -> list[str]:
        """Those of the order's venues that list its coin."""
        instruments, coin = self._market.instruments(), coin_of(order.instrument)
        wanted = tuple(venue.lower() for venue in order.venues) or tuple(instruments)
        return [venue for venue in dict.fromkeys(wanted) if coin in instruments.get(venue, {})]

    def marks(self, order: Order) -> list[Decimal]:
        """Fresh mark prices of its coin at its venues."""
        coin, marks, stale = coin_of(order.instrument), self._market.marks(), self._market.stale()
        places = [(venue, coin) for venue in self.allowed(order)]
        return [marks[place] for place in places if place in marks and place not in stale]

    async def quotes(
        self,
        order: Order,
        venues: Collection[str],
        *,
        share_bps: int = 0,
        reducing: Mapping[str, Decimal] | None = None,
    ) -> list[VenueQuote]:
        """What each usable one of the venues offers, less our own orders, capped by the seat's margin, for a
        reduce-only order by the own position (`reducing`), and by `share_bps` of the depth in sight (0 = no cap)."""
        coin = coin_of(order.instrument)
        if not any(self._health.usable(venue) for venue in venues):
            await asyncio.gather(*(self._health.beat(venue) for venue in venues))  # before saying that there is none
        venues = [venue for venue in venues if self._health.usable(venue)]
        if reducing is not None:
            venues = [venue for venue in venues if venue in reducing]
        else:
            venues = [venue for venue in venues if self._books.frozen(venue) is None]
        known = dict(zip(venues, await asyncio.gather(*(self.seat(venue) for venue in venues)), strict=True))
        seats = {venue: seat for venue, seat in known.items() if seat is not None}
        caps: dict[str, Decimal | None] = {
            # a close needs no new margin of the client; H4 keeps the seat's ready
            venue: reducing[venue]
            if reducing is not None
            else self._risk.capacity(state, self.instrument(venue, coin), order.direction)
            for venue, (state, _) in seats.items()
        }
        quotes = (
            self._market.quotes(
                coin,
                order.direction,
                taker_bps={venue: rates.taker_bps for venue, (_, rates) in seats.items()},
                holding_hours=order.holdingHours,
                max_quantity=caps,
                venues=tuple(seats),
            )
            if seats
            else []
        )
        quotes = self._own.without_own(quotes, coin, order.direction)
        quotes = self._costs.charged(order, coin, quotes, self._market, self._clock.now_ms())
        return [_capped(quote, share_bps) for quote in quotes] if share_bps else quotes

    def request(
        self, order: Order, quantity: Decimal, quotes: Sequence[VenueQuote], reference: Decimal | None
    ) -> RouteRequest:
        """Cost and slippage are measured against the order's reference price: in its first round the mean of the quoted
        venues' marks, on a tick; the same ever after."""
        coin = coin_of(order.instrument)
        if reference is None:
            contexts = [context for quote in quotes if (context := self._market.context(quote.venue, coin)) is not None]
            mean = sum((context.mark for context in contexts), Decimal(0)) / len(contexts)
            reference = on_tick(mean, min(quote.tick_size for quote in quotes))
        return RouteRequest(
            side=order.direction,
            quantity=quantity,
            reference_price=reference,
            limit_price=order.limit,
            max_slippage_bps=Decimal(order.maxSlippageBps),
        )

    def plan(self, order: Order, quantity: Decimal, quotes: Sequence[VenueQuote], reference: Decimal | None) -> Round:
        if not quotes:
            return Round("no venue can take it now: no live book, frozen, out of order, or no margin at the seat")
        request = self.request(order, quantity, quotes, reference)
        try:
            route = plan(request, quotes)
        except RoutingError as error:
            return Round(f"not routed: {error}", request)
        return Round("", request, route, decision_record(request, quotes, route))

    async def berth(
        self, order: Order, size: Decimal, reference: Decimal | None, venues: Collection[str]
    ) -> Berth | None:
        """The cheapest place to rest by maker fee and expected funding, where it would not take; None when there is
        none now. What does not fit under the seat's margin there waits for its turn."""
        coin, side = coin_of(order.instrument), order.direction
        assert order.limit is not None, "only orders with a limit rest"
        worst = order.limit if reference is None or order.timeInForce == ALO else worst_price(order, reference)
        reducing = self._own.closable(order, venues) if order.reduceOnly else None
        quotes = await self.quotes(order, venues, reducing=reducing)
        found: list[tuple[Decimal, Berth]] = []
        for quote in quotes:
            instrument = self.instrument(quote.venue, coin)
            price = instrument.round_price(worst, side)
            cap = size if quote.max_quantity is None else min(size, quote.max_quantity)
            most = lots_within(cap, instrument.lot_size)
            best = quote.levels[0][0] if quote.levels else None
            takes = best is not None and sign(side) * (price - best) >= 0
            if most <= 0 or most * price < instrument.min_notional or (takes and order.timeInForce == ALO):
                continue
            cost = self._fees[quote.venue][1].maker_bps + quote.holding_cost_bps + quote.risk_bps
            found.append((cost, Berth(quote.venue, most, price)))
        return min(found, key=lambda pair: (pair[0], pair[1].venue))[1] if found else None

    def takeable(self, order: Order, reference: Decimal | None, venues: Collection[str]) -> bool:
        """Whether one of the venues shows something within the order's bounds now. Asks nobody: for an order that
        rests and looks about."""
        worst = order.limit if reference is None else worst_price(order, reference)
        if worst is None:
            return False
        quotes = self._own.without_own(self._in_sight(order, venues), coin_of(order.instrument), order.direction)
        away = sign(order.direction)
        return any(
            quote.levels
            and away * (worst - quote.levels[0][0]) >= 0
            and quote.levels[0][0] * quote.levels[0][1] >= quote.min_notional
            for quote in quotes
        )

    def lookout(
        self, order: Order, quantity: Decimal, reference: Decimal | None, venues: Collection[str]
    ) -> LiveRoute | None:
        """The route of what is left within the order's bounds, whatever it costs otherwise: that something comes in
        reach is all that is asked of it. None when there is nothing to watch now."""
        worst = order.limit if reference is None else worst_price(order, reference)
        quotes = self._in_sight(order, venues)
        if worst is None or not quotes:
            return None
        request = RouteRequest(order.direction, quantity, reference or worst, limit_price=worst)
        try:
            return LiveRoute(request, quotes)
        except RoutingError:
            return None

    def _in_sight(self, order: Order, venues: Collection[str]) -> list[VenueQuote]:
        """The books of those that are usable, without costs."""
        usable = [venue for venue in venues if self._health.usable(venue) and self._books.frozen(venue) is None]
        if not usable:
            return []
        return self._market.quotes(
            coin_of(order.instrument),
            order.direction,
            taker_bps=dict.fromkeys(usable, Decimal(0)),
            holding_hours=0,
            max_quantity={},
            venues=tuple(usable),
        )

    async def seat(self, venue: str) -> tuple[SeatState, FeeRates] | None:
        """The seat's margin and fees; None when its venue does not answer: nothing is sent there then."""
        try:
            return await self._accounts[venue].state(), await self._fee_rates(venue)
        except (UnknownOutcome, VenueError) as error:
            log.warning("seat_unread", venue=venue, error=str(error))
            return None

    async def _fee_rates(self, venue: str) -> FeeRates:
        now_ms = self._clock.now_ms()
        known = self._fees.get(venue)
        if known is None or now_ms - known[0] > FEES_KEPT_MS:
            known = self._fees[venue] = (now_ms, await self._accounts[venue].fees())
        return known[1]


def _capped(quote: VenueQuote, share_bps: int) -> VenueQuote:
    depth = sum((size for _, size in quote.levels), Decimal(0))
    most = lots_within(depth * share_bps / BPS, quote.lot_size)
    return replace(quote, max_quantity=most if quote.max_quantity is None else min(most, quote.max_quantity))
