"""Takes signed orders, routes them, sends their legs and closes them; picks up after a crash where the log ends."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import structlog

from keeper.clock import Clock
from keeper.errors import InputError, UnknownOutcome, VenueError
from keeper.execution.costing import CostModel
from keeper.execution.decision import decision_record
from keeper.execution.intake import CheckedOrder, check, check_notional, closable
from keeper.execution.legs import Append, Legs
from keeper.execution.ports import Market, Risk
from keeper.execution.preview import RouteWish
from keeper.ledger import Books, OrderView
from keeper.model.amounts import plain
from keeper.model.events import LegIntent, OrderAccepted, OrderClosed, OrderOutcome, RouteDecided
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Side, coin_of, sign
from keeper.model.signed_orders import Order, SignedOrder
from keeper.model.venue_records import SeatState
from keeper.routing import Leg, RoutePlan, RouteRequest, RoutingError, VenueQuote, plan
from keeper.venues.base import AccountReader, ExecutionClient, FeeRates, Unknown

log = structlog.get_logger()

BPS = Decimal(10_000)
FEES_KEPT_MS = 3_600_000
"""A venue changes a fee tier once a day at most."""


class ExecutionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`leg_ttl_ms`: how long the venue may take a leg; `max_attempts`: sendings of one leg, each after the last one was
    proven absent; `padding_bps`: how far a leg's limit may pass the worst level seen, within the order's own bounds."""

    leg_ttl_ms: int = 5_000
    absence_margin_ms: int = 2_000
    poll_s: float = 0.2
    max_attempts: int = 2
    padding_bps: Decimal = Decimal(2)


class ExecutionEngine:
    """One order of a sub-account at a time, different sub-accounts side by side.

    `append` stores events and applies them to `books`. `recover()` must end before the first `submit`.
    """

    def __init__(
        self,
        *,
        chain_id: int,
        vault: str,
        clock: Clock,
        books: Books,
        append: Append,
        market: Market,
        risk: Risk,
        clients: Mapping[str, ExecutionClient],
        accounts: Mapping[str, AccountReader],
        settings: ExecutionSettings | None = None,
        costs: CostModel | None = None,
    ) -> None:
        self._chain_id, self._vault = chain_id, vault.lower()
        self._clock, self._books, self._append = clock, books, append
        self._market, self._risk = market, risk
        self._clients, self._accounts = clients, accounts
        self._settings = settings or ExecutionSettings()
        self._costs = costs or CostModel()
        self._fees: dict[str, tuple[int, FeeRates]] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.legs = Legs(
            books,
            append,
            clients,
            clock,
            absence_margin_ms=self._settings.absence_margin_ms,
            poll_s=self._settings.poll_s,
        )
        market.on_connect = self.legs.on_connect
        market.on_fills = self.legs.on_fills

    def check(self, signed: SignedOrder) -> CheckedOrder:
        """All checks of an order, margin included, without taking it. InputError names the field."""
        instruments = self._market.instruments()
        checked = check(
            signed, self._books, instruments, self._clock.now_ms(), chain_id=self._chain_id, vault=self._vault
        )
        order, marks = checked.order, self._market.marks()
        price = order.limit or max(marks.get((venue, checked.coin), Decimal(0)) for venue in checked.venues)
        if price:
            check_notional(checked, price, instruments)
        if not order.reduceOnly:
            self._risk.check_order(
                self._books, order.subAccount, checked.coin, order.direction, order.size, checked.venues
            )
        return checked

    async def submit(self, signed: SignedOrder) -> OrderView:
        """Takes an order and works it to its end. InputError when it may not be taken: then nothing is booked."""
        async with self._locks[signed.order.subAccount]:
            checked = self.check(signed)
            self._append(
                OrderAccepted(digest=checked.digest, signer=checked.signer, signed=signed, at_ms=self._clock.now_ms())
            )
            return await self._work(checked.digest)

    async def preview(self, wish: RouteWish) -> dict[str, Any]:
        """The decision record an order with these terms would leave now. InputError when it could not be routed."""
        order, coin = wish.order(), wish.coin
        if not any(coin in listed for listed in self._market.instruments().values()):
            raise InputError("instrument", f"no connected venue lists {wish.instrument}", "unknown")
        quotes = await self._quotes(order, coin)
        if not quotes:
            raise InputError("venues", "none of them can take it now: no live book, frozen, or no margin", "no_quotes")
        request = self._request(order, coin, quotes)
        return decision_record(request, quotes, plan(request, quotes))

    async def recover(self) -> None:
        """Settles what a crash left open: every open leg is proven first, then its order goes on to its end."""
        for venue in self._clients:
            await self.legs.backfill(venue)
        unfinished = [order for order in self._books.orders() if not order.status.closed]
        await asyncio.gather(*(self._recover(order) for order in unfinished))

    async def _recover(self, order: OrderView) -> None:
        async with self._locks[order.sub_account]:
            if not order.legs:
                await self._work(order.digest)
                return
            left = [leg for leg in self._books.open_legs() if leg.digest == order.digest]
            log.info("order_recovered", digest=order.digest, open_legs=len(left))
            await asyncio.gather(*(self._finish_leg(leg, sent=True) for leg in left))
            self._close(order.digest)

    async def _work(self, digest: str) -> OrderView:
        """Routes an accepted order, sends its legs and closes it."""
        view = self._view(digest)
        order, coin = view.signed.order, coin_of(view.signed.order.instrument)
        if order.deadline * 1000 <= self._clock.now_ms():
            return self._close(digest, "the deadline passed before it could be routed")
        quotes = await self._quotes(order, coin)
        if not quotes:
            return self._close(digest, "no venue can take it now: no live book, frozen, or no margin at the seat")
        request = self._request(order, coin, quotes)
        try:
            route = plan(request, quotes)
        except RoutingError as error:
            return self._close(digest, f"not routed: {error}")
        now_ms = self._clock.now_ms()
        decided = RouteDecided(digest=digest, at_ms=now_ms, decision=decision_record(request, quotes, route))
        legs = [
            self._intent(
                digest, number, 0, leg.venue, coin, request.side, leg.quantity, self._price(leg, coin, request)
            )
            for number, leg in enumerate(route.legs)
        ]
        self._append(decided, *legs)
        await asyncio.gather(*(self._finish_leg(leg, sent=False) for leg in legs))
        return self._close(digest, "" if legs else _why_nothing(route))

    async def _finish_leg(self, leg: LegIntent, *, sent: bool) -> None:
        """Sends a leg (or, if it was sent before a crash, asks after it) until its end is booked."""
        proof = await (self.legs.prove(leg, Unknown("sent before a restart")) if sent else self.legs.send(leg))
        while proof.outcome == "absent" and self._may_resend(leg):
            again = self._intent(
                leg.digest, leg.leg, leg.attempt + 1, leg.venue, leg.coin, leg.side, leg.size, leg.limit_price
            )
            self._append(self.legs.closed(leg, proof), again)  # together: a crash between them would forget the leg
            leg = again
            proof = await self.legs.send(leg)
        self._append(self.legs.closed(leg, proof))

    def _may_resend(self, leg: LegIntent) -> bool:
        deadline_ms = self._view(leg.digest).signed.order.deadline * 1000
        return leg.attempt + 1 < self._settings.max_attempts and self._clock.now_ms() < deadline_ms

    def _intent(
        self, digest: str, number: int, attempt: int, venue: str, coin: str, side: Side, size: Decimal, price: Decimal
    ) -> LegIntent:
        now_ms = self._clock.now_ms()
        return LegIntent(
            digest=digest,
            leg=number,
            attempt=attempt,
            cloid=client_order_id(self._vault, bytes.fromhex(digest.removeprefix("0x")), number, attempt),
            venue=venue,
            coin=coin,
            side=side,
            size=size,
            limit_price=price,
            expires_ms=now_ms + self._settings.leg_ttl_ms,
            nonce=self._clients[venue].next_nonce(),
            at_ms=now_ms,
        )

    def _close(self, digest: str, text: str = "") -> OrderView:
        """Books the order's end from its legs' ends."""
        view = self._view(digest)
        ends = [end for cloid in view.legs if (end := self._books.leg_outcome(cloid)) is not None]
        refused = [end.text for end in ends if end.outcome == "refused"]
        status: OrderOutcome = "unfilled"
        if view.filled:
            status = "filled" if view.filled == view.signed.order.size else "partial"
        elif refused and len(refused) == len(ends):
            status = "refused"
        self._append(
            OrderClosed(
                digest=digest,
                status=status,
                filled=view.filled,
                text=text or "; ".join(dict.fromkeys(refused)),
                at_ms=self._clock.now_ms(),
            )
        )
        return self._view(digest)

    def _view(self, digest: str) -> OrderView:
        view = self._books.order(digest)
        assert view is not None, f"order {digest} was accepted"
        return view

    async def _quotes(self, order: Order, coin: str) -> list[VenueQuote]:
        """What each allowed venue offers, capped by the seat's margin and, for reduce-only, by the own position."""
        instruments = self._market.instruments()
        allowed = tuple(venue.lower() for venue in order.venues) or tuple(instruments)
        venues = [venue for venue in allowed if coin in instruments.get(venue, {})]
        reducing = closable(self._books, order, coin, tuple(venues)) if order.reduceOnly else None
        if reducing is not None:
            venues = [venue for venue in venues if venue in reducing]
        else:
            venues = [venue for venue in venues if self._books.frozen(venue) is None]
        known = dict(zip(venues, await asyncio.gather(*(self._seat(venue) for venue in venues)), strict=True))
        fees: dict[str, Decimal] = {}
        caps: dict[str, Decimal | None] = {}
        for venue, seat in known.items():
            if seat is None:
                continue
            state, rates = seat
            fees[venue] = rates.taker_bps
            caps[venue] = self._risk.capacity(state, instruments[venue][coin], order.direction)
            if reducing is not None:
                caps[venue] = reducing[venue]  # a close needs no new margin of the client; H4 keeps the seat's ready
        quotes = self._market.quotes(
            coin,
            order.direction,
            taker_bps=fees,
            holding_hours=order.holdingHours,
            max_quantity=caps,
            venues=tuple(fees),
        )
        return self._costs.charged(order, coin, quotes, self._market, self._clock.now_ms())

    async def _seat(self, venue: str) -> tuple[SeatState, FeeRates] | None:
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

    def _request(self, order: Order, coin: str, quotes: Sequence[VenueQuote]) -> RouteRequest:
        """Cost and slippage are measured against the mean of the quoted venues' marks, on a tick."""
        contexts = [context for quote in quotes if (context := self._market.context(quote.venue, coin)) is not None]
        mean = sum((context.mark for context in contexts), Decimal(0)) / len(contexts)
        tick = min(quote.tick_size for quote in quotes)
        return RouteRequest(
            side=order.direction,
            quantity=order.size,
            reference_price=mean.quantize(tick) if tick < 1 else mean.quantize(Decimal(1)),
            limit_price=order.limit,
            max_slippage_bps=Decimal(order.maxSlippageBps),
        )

    def _price(self, leg: Leg, coin: str, request: RouteRequest) -> Decimal:
        """The leg's limit: a little beyond the worst level seen, since books move, but within the order's bounds."""
        away = sign(request.side)
        bounds = [leg.limit_price * (1 + away * self._settings.padding_bps / BPS)]
        if request.max_slippage_bps is not None:
            bounds.append(request.reference_price * (1 + away * request.max_slippage_bps / BPS))
        if request.limit_price is not None:
            bounds.append(request.limit_price)
        price = min(bounds) if away > 0 else max(bounds)
        return self._market.instruments()[leg.venue][coin].round_price(price, request.side)


def _why_nothing(route: RoutePlan) -> str:
    return f"nothing of {plain(route.unfilled)} can be had within the limit, the slippage and the venues' margin"
