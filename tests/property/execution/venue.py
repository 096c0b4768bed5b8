"""A venue in memory that matches, rests and cancels as a real one does, and whose every message may go wrong. It notes
by itself whatever a keeper must never do to it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from keeper.errors import UnknownOutcome
from keeper.model.events import LegIntent, TimeInForce
from keeper.model.instruments import Instrument, Side, sign
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.venues.base import (
    Book,
    Confirmed,
    FeeRates,
    MarketContext,
    OrderReport,
    OrderState,
    Outcome,
    Refused,
    Unknown,
)
from keeper.venues.resting import OrderTicket, RestingOrder
from tests.property.execution.virtual_time import VirtualClock

D = Decimal
Fault = Literal["none", "lost", "late", "unanswered", "busy", "refused"]
"""lost: the message never comes; late: it comes after the answer was given up; unanswered: it comes, its answer is
lost; busy: the venue says 429 and does nothing; refused: the venue says no."""

TIMEOUT_S = 1.0
LATE_S = 2.0
COIN = "BTC"
LOT = D("0.001")


@dataclass
class Resting:
    """An order that the venue has taken."""

    ticket: OrderTicket
    oid: int
    arrived_s: float
    filled: Decimal = field(default_factory=Decimal)
    state: OrderState = "open"

    @property
    def left(self) -> Decimal:
        return self.ticket.size - self.filled


class FaultVenue:
    """Market data, account and orders of one seat. `push` hears of every fill, in the venue's order."""

    def __init__(self, venue: str, loop: asyncio.AbstractEventLoop, clock: VirtualClock, price: int) -> None:
        self.venue = venue
        self.price = D(price)
        self.depth = D(3)
        self.taken: dict[Side, Decimal] = {"buy": D(0), "sell": D(0)}
        self.down = False
        self.shy = False
        """Shows an order only a while after it was taken."""
        self.mute = False
        """Pushes no fills."""
        self.faults: deque[Fault] = deque()
        self.orders: dict[str, Resting] = {}
        self.trades: list[Fill] = []
        self.sins: list[str] = []
        self.push: Callable[[str, Fill], None] = lambda _venue, _fill: None
        self.on_trade: Callable[[Fill], None] = lambda _: None
        self._loop, self._clock = loop, clock
        self._nonce = 0

    # what happens there

    @property
    def ask(self) -> Decimal:
        return self.price + 1

    @property
    def bid(self) -> Decimal:
        return self.price - 1

    def levels(self, side: Side) -> tuple[tuple[Decimal, Decimal], ...]:
        """What a taker on `side` finds: the strangers' orders, and the seat's own."""
        away = sign(side)
        strangers = [(self.price + away * n, self.depth * n) for n in (1, 2, 4)]
        gone, left = self.taken[side], []
        for price, size in strangers:
            take = min(gone, size)
            gone -= take
            if size > take:
                left.append((price, size - take))
        own: dict[Decimal, Decimal] = {}
        for order in self.orders.values():
            if order.state == "open" and order.ticket.side != side:
                price = order.ticket.limit_price
                own[price] = own.get(price, D(0)) + order.left
        merged = dict(left)
        for price, size in own.items():
            merged[price] = merged.get(price, D(0)) + size
        return tuple(sorted(merged.items(), reverse=side == "sell"))

    def move(self, price: int) -> None:
        """Strangers trade through everything between here and there, and refill."""
        self.price = D(price)
        self.taken = {"buy": D(0), "sell": D(0)}
        for order in list(self.orders.values()):
            away, limit = sign(order.ticket.side), order.ticket.limit_price
            if order.state == "open" and away * (limit - self.price) >= 0:
                through = abs(limit - self.price) >= 1
                size = order.left if through else (order.left / 2 // LOT) * LOT
                self._trade(order, limit, size)

    def refill(self) -> None:
        self.taken = {"buy": D(0), "sell": D(0)}

    def _arrive(self, ticket: OrderTicket) -> Outcome:
        """Takes a message that has come."""
        if ticket.cloid in self.orders:
            self.sins.append(f"{ticket.cloid} was sent twice")
            return Refused("duplicate client order id")
        if ticket.expires_ms is None:
            self.sins.append(f"{ticket.cloid} has no expiry")
            return Refused("no expiry")
        if self._clock.now_ms() > ticket.expires_ms:
            return Refused("expired")
        own = [
            other
            for other in self.orders.values()
            if other.state == "open"
            and other.ticket.side != ticket.side
            and sign(ticket.side) * (ticket.limit_price - other.ticket.limit_price) >= 0
        ]
        if own:
            self.sins.append(f"{ticket.cloid} met our own {own[0].ticket.cloid}")
            own[0].state = "canceled"
        crossing = [
            (price, size)
            for price, size in self.levels(ticket.side)
            if sign(ticket.side) * (ticket.limit_price - price) >= 0
        ]
        if crossing and ticket.time_in_force == "alo":
            return Refused("post only would take")
        order = self.orders[ticket.cloid] = Resting(ticket, len(self.orders) + 1, self._loop.time())
        for price, size in crossing:
            take = min(size, order.left)
            self.taken[ticket.side] += take
            self._trade(order, price, take)
        if order.state == "open" and ticket.time_in_force == "ioc":
            order.state = "canceled"
        if order.state == "open":
            return Confirmed(filled=order.filled, oid=order.oid, text="resting")
        return Confirmed(filled=order.filled, oid=order.oid)

    def _trade(self, order: Resting, price: Decimal, size: Decimal) -> None:
        if size <= 0:
            return
        order.filled += size
        if order.filled == order.ticket.size:
            order.state = "filled"
        fill = Fill(
            venue=self.venue,
            coin=COIN,
            side=order.ticket.side,
            price=price,
            size=size,
            time_ms=self._clock.now_ms(),
            start_position=sum((fill.signed_size for fill in self.trades), D(0)),
            fee=100,
            closed_pnl=0,
            oid=order.oid,
            tid=len(self.trades) + 1,
            cloid=order.ticket.cloid,
        )
        self.trades.append(fill)
        self.on_trade(fill)
        if not self.mute and not self.down:
            self.push(self.venue, fill)

    async def _message(self, deliver: Callable[[], Outcome]) -> Outcome:
        """A command on its way there and back."""
        fault = self.faults.popleft() if self.faults else "none"
        await asyncio.sleep(0.01)
        if self.down or fault == "lost":
            await asyncio.sleep(TIMEOUT_S)
            return Unknown("timeout")
        if fault == "busy":
            return Unknown("429")
        if fault == "refused":
            return Refused("no margin")
        if fault == "late":
            self._loop.call_later(LATE_S, deliver)
            await asyncio.sleep(TIMEOUT_S)
            return Unknown("timeout")
        answer = deliver()
        if fault == "unanswered":
            await asyncio.sleep(TIMEOUT_S)
            return Unknown("timeout")
        await asyncio.sleep(0.01)
        return answer

    async def _answer(self) -> None:
        await asyncio.sleep(0.01)
        if self.down:
            await asyncio.sleep(TIMEOUT_S)
            raise UnknownOutcome("no answer")

    # ExecutionClient and RestingClient

    def next_nonce(self) -> int:
        self._nonce += 1
        return self._nonce

    async def submit(self, leg: LegIntent) -> Outcome:
        return await self._message(lambda: self._arrive(_ticket(leg, "ioc")))

    async def place(self, ticket: OrderTicket) -> Outcome:
        if ticket.reduce_only:
            self.sins.append(f"{ticket.cloid} is reduce-only at the venue, which knows the net only")
        return await self._message(lambda: self._arrive(ticket))

    async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
        return await self._message(lambda: self._cancel(cloid))

    def _cancel(self, cloid: str | None) -> Outcome:
        order = self.orders.get(cloid or "")
        if order is None or order.state != "open":
            return Refused("never placed, filled or gone")
        order.state = "canceled"
        return Confirmed()

    async def open_orders(self) -> list[RestingOrder]:
        raise AssertionError("nobody asks for them")

    async def now_ms(self) -> int:
        await self._answer()
        return self._clock.now_ms()

    async def status(self, cloid: str) -> OrderReport | None:
        await self._answer()
        order = self.orders.get(cloid)
        if order is None or (self.shy and self._loop.time() - order.arrived_s < 1):
            return None
        ticket = order.ticket
        return OrderReport(
            cloid=cloid,
            oid=order.oid,
            coin=ticket.coin,
            side=ticket.side,
            size=ticket.size,
            filled=order.filled,
            state=order.state,
            text=order.state,
            time_ms=0,
        )

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        await self._answer()
        return [fill for fill in self.trades if fill.time_ms >= since_ms]

    # the rest of an account

    async def state(self) -> SeatState:
        await self._answer()
        rich = 10**15
        return SeatState(
            venue=self.venue,
            time_ms=0,
            equity=rich,
            cash=rich,
            spot=0,
            margin_used=0,
            withdrawable=rich,
            positions=(),
        )

    async def fees(self) -> FeeRates:
        return FeeRates(D("4.5"), D("1.5"))

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        return []

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        return []

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        return []

    # market data, as of now

    def instrument(self) -> Instrument:
        return Instrument(self.venue, COIN, 0, 3, 40)

    def context(self) -> MarketContext:
        return MarketContext(coin=COIN, mark=self.price, oracle=self.price, funding=D(0))

    def book(self) -> Book:
        return Book(venue=self.venue, coin=COIN, time_ms=0, bids=self.levels("sell"), asks=self.levels("buy"))


def _ticket(leg: LegIntent, tif: TimeInForce) -> OrderTicket:
    return OrderTicket(
        cloid=leg.cloid,
        coin=leg.coin,
        side=leg.side,
        size=leg.size,
        limit_price=leg.limit_price,
        time_in_force=tif,
        expires_ms=leg.expires_ms,
    )
