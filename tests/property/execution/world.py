"""Two clients who share the seats of two venues, a keeper that may die at any moment, and what must hold whatever
happens."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import structlog
from eth_account import Account

from keeper.errors import InputError, UnknownOutcome, VenueError
from keeper.execution import ExecutionEngine, ExecutionSettings
from keeper.ledger import Books
from keeper.market_data.quotes import venue_quote
from keeper.model.events import ChainLogSeen, Event, LegClosed, LegIntent
from keeper.model.instruments import Instrument, Side, sign
from keeper.model.signed_orders import ALO, Order, sign_order
from keeper.model.terms import OBJECTIVE_TERMS, Cancel, SignedCancel, Terms
from keeper.model.terms import sign as sign_terms
from keeper.model.venue_records import Fill
from keeper.risk import RiskEngine
from keeper.routing import VenueQuote
from keeper.venues.base import MarketContext
from tests.property.execution.venue import COIN, FaultVenue
from tests.property.execution.virtual_time import VirtualClock, VirtualLoop

D = Decimal
CHAIN_ID = 31337
VAULT = "0x" + "aa" * 20
VENUES = ("0x" + "0a" * 20, "0x" + "0b" * 20)
KEYS = ("0x" + "1" * 64, "0x" + "2" * 64)
CLIENTS = (1, 2)
START_MS = 1_770_336_000_000
PRICE = 1_000
SETTINGS = ExecutionSettings(leg_ttl_ms=5_000, absence_margin_ms=2_000, heartbeat_s=3.0, resting_poll_s=5.0)
PATIENCE_S = 600
GRACE_MS = 15_000
"""How long after its deadline a resting child may still be at a venue that answers."""


class Market:
    """Books and prices as the venues have them now; none of a venue that is down."""

    def __init__(self, venues: Mapping[str, FaultVenue]) -> None:
        self._venues = venues
        self.on_book: Any = None
        self.on_connect: Any = None
        self.on_fills: Any = None

    def instruments(self) -> dict[str, dict[str, Instrument]]:
        return {name: {COIN: venue.instrument()} for name, venue in self._venues.items()}

    def marks(self) -> dict[tuple[str, str], Decimal]:
        return {(name, COIN): venue.price for name, venue in self._venues.items()}

    def stale(self) -> frozenset[tuple[str, str]]:
        return frozenset((name, COIN) for name, venue in self._venues.items() if venue.down)

    def context(self, venue: str, coin: str) -> MarketContext:
        return self._venues[venue].context()

    def quotes(
        self,
        coin: str,
        side: Side,
        *,
        taker_bps: Mapping[str, Decimal],
        holding_hours: int,
        max_quantity: Mapping[str, Decimal | None],
        venues: Iterable[str] = (),
    ) -> list[VenueQuote]:
        return [
            venue_quote(
                self._venues[name].book(),
                side,
                self._venues[name].instrument(),
                self._venues[name].context(),
                taker_bps=taker_bps[name],
                now_ms=0,
                holding_hours=holding_hours,
                max_quantity=max_quantity.get(name),
            )
            for name in venues
            if not self._venues[name].down
        ]


class World:
    """Everything in one thread and virtual time. `orders` are those that were taken, by digest."""

    def __init__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop, START_MS)
        self.venues = {
            name: FaultVenue(name, self.loop, self.clock, PRICE + number) for number, name in enumerate(VENUES)
        }
        for venue in self.venues.values():
            venue.push, venue.on_trade = self._push, self._judge_trade
        self.events: list[Event] = []
        self.sent: dict[str, LegIntent] = {}
        self.traded: dict[str, Decimal] = {}
        self.books = Books()
        self.orders: dict[str, Order] = {}
        self.positions: dict[int, Decimal] = dict.fromkeys(CLIENTS, D(0))
        self.problems: list[str] = []
        self._nonce = 0
        self._streams: dict[str, asyncio.Queue[Fill | None]] = {name: asyncio.Queue() for name in VENUES}
        self._streaming: list[asyncio.Task[None]] = []
        self.append(*_opening())
        self._start()

    # the keeper

    def _start(self) -> None:
        self.engine = self._new_engine()
        self._recovering = self.loop.create_task(self._recover())
        self.run(asyncio.wait({self._recovering}, timeout=1))
        self.watch()

    @property
    def ready(self) -> bool:
        """Whether the keeper takes orders: it does not before it knows what a crash left."""
        return self._recovering.done()

    def append(self, *events: Event) -> None:
        for event in events:
            self.books.apply(len(self.events) + 1, event)
            self.events.append(event)
            if isinstance(event, LegIntent):
                self.sent[event.cloid] = event

    def _new_engine(self) -> ExecutionEngine:
        market = Market(self.venues)
        self.risk, self.marks = RiskEngine(market), market.marks
        return ExecutionEngine(
            chain_id=CHAIN_ID,
            vault=VAULT,
            clock=self.clock,
            books=self.books,
            append=self.append,
            market=market,
            risk=self.risk,
            clients=self.venues,
            accounts=self.venues,
            resting=self.venues,
            settings=SETTINGS,
        )

    def watch(self) -> None:
        async def begin() -> None:
            self.engine.watch()
            for name in self.venues:
                self.reconnect(name)
                self._streaming.append(asyncio.create_task(self._stream(name)))

        self.run(begin())

    def crash(self) -> None:
        """Every task of the keeper dies where it stands; another one starts from the log."""
        self._kill()
        events, self.events, self.books = self.events, [], Books()
        self.append(*events)
        self._start()

    def _kill(self) -> None:
        self._recovering.cancel()
        for task in self._streaming:
            task.cancel()
        self._streaming.clear()
        for queue in self._streams.values():
            while not queue.empty():
                queue.get_nowait()
        self.run(self.engine.close())

    async def _recover(self) -> None:
        while True:
            try:
                await self.engine.recover()
            except (UnknownOutcome, VenueError):
                await asyncio.sleep(1)
            else:
                return

    def run(self, what: Any) -> Any:
        return self.loop.run_until_complete(what)

    def pass_time(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))
        self.check()

    def _push(self, venue: str, fill: Fill) -> None:
        self._streams[venue].put_nowait(fill)

    def reconnect(self, venue: str) -> None:
        """The stream of fills is up again, after what was pushed meanwhile was lost."""
        self._streams[venue].put_nowait(None)

    async def _stream(self, venue: str) -> None:
        """Pushes in the venue's order, each sooner or later than the answer to the order."""
        while True:
            fill = await self._streams[venue].get()
            await asyncio.sleep(0.0 if fill is None else 0.005 * (fill.tid % 5))
            try:
                if fill is None:
                    await self.engine.legs.on_connect(venue)
                else:
                    await self.engine.legs.on_fills(venue, (fill,), False)
            except (UnknownOutcome, VenueError):
                continue

    def requirement(self, client: int) -> int:
        """Margin of what a client holds, micro-USDC."""
        return self.risk.requirement(self.books, client, self.marks())

    # the clients

    def order(self, client: int, *, terms: dict[str, Any] | None = None, **fields: Any) -> str | None:
        """Signs and gives an order; its digest, None when it was refused."""
        if not self.ready:
            return None
        self._nonce += 1
        values: dict[str, Any] = {
            "subAccount": client,
            "instrument": f"{COIN}-PERP",
            "maxSlippageBps": 200,
            "objective": 0 if terms is None else OBJECTIVE_TERMS,
            "nonce": self._nonce,
            "deadline": self.clock.now_ms() // 1000 + 3_600,
        }
        key = KEYS[client - 1]
        signed = sign_order(Order(**(values | fields)), chain_id=CHAIN_ID, vault=VAULT, key=key)
        if terms is not None:
            from keeper.model.signed_orders import SignedOrder, recover

            digest = "0x" + recover(signed, chain_id=CHAIN_ID, vault=VAULT)[1].hex()
            written = Terms(order=digest, **terms)
            signature = sign_terms(written, chain_id=CHAIN_ID, vault=VAULT, key=key)
            signed = SignedOrder(
                order=signed.order, signature=signed.signature, terms=written, termsSignature=signature
            )

        async def give() -> str | None:
            try:
                return self.engine.take(signed).digest
            except InputError:
                return None

        digest_or_none: str | None = self.run(give())
        if digest_or_none is not None:
            self.orders[digest_or_none] = signed.order
        return digest_or_none

    def cancel(self, client: int, *digests: str) -> None:
        if not self.ready:
            return
        self._nonce += 1
        deadline = self.clock.now_ms() // 1000 + 60
        wish = Cancel(subAccount=client, orders=digests, nonce=self._nonce, deadline=deadline)
        signature = sign_terms(wish, chain_id=CHAIN_ID, vault=VAULT, key=KEYS[client - 1])

        async def give() -> None:
            try:
                self.engine.cancel(SignedCancel(cancel=wish, signature=signature))
            except InputError:
                return

        self.run(give())

    # judgement

    def _judge_trade(self, fill: Fill) -> None:
        """By the venue's own record, at the moment of the trade."""
        leg = self.sent.get(fill.cloid or "")
        if leg is None:
            self.problems.append(f"trade {fill.tid} of {fill.cloid}, which was never written down")
            return
        self.traded[leg.digest] = self.traded.get(leg.digest, D(0)) + fill.size
        order = self.orders[leg.digest]
        held = self.positions[order.subAccount]
        if order.reduceOnly and (held * sign(fill.side) >= 0 or fill.size > abs(held)):
            self.problems.append(f"{leg.digest} is reduce-only: {fill.side} {fill.size} at a position of {held}")
        self.positions[order.subAccount] += fill.signed_size
        away = sign(fill.side)
        if order.limit is not None and away * (fill.price - order.limit) > 0:
            self.problems.append(f"{leg.digest}: filled at {fill.price}, beyond its limit {order.limit}")
        view = self.books.order(leg.digest)
        if view is not None and view.reference_price is not None and order.timeInForce != ALO:
            bound = view.reference_price * (1 + away * D(order.maxSlippageBps) / 10_000)
            if away * (fill.price - bound) > 0:
                self.problems.append(f"{leg.digest}: filled at {fill.price}, beyond its slippage {bound}")

    def filled_at_venues(self, digest: str) -> Decimal:
        """By the venues' own trades."""
        return self.traded.get(digest, D(0))

    def check(self) -> None:
        """What must hold at every moment."""
        problems = self.problems + [sin for venue in self.venues.values() for sin in venue.sins]
        broken = [task for task in self.engine._tasks.values() if task.done() and not task.cancelled()]
        problems += [f"an order broke: {task.exception()!r}" for task in broken if task.exception()]
        for digest, order in self.orders.items():
            view = self.books.order(digest)
            if view is None:
                problems.append(f"{digest} was taken and is not in the books")
            elif (filled := self.filled_at_venues(digest)) > order.size:
                problems.append(f"{digest}: {filled} filled of {order.size}")
        for venue in self.venues.values():
            problems += [f"{cloid} is an orphan" for cloid in venue.orders if cloid not in self.sent]
        assert not problems, problems

    def settle(self) -> None:
        """Everything mended, everything taken back: each order must end, and the books be what the venues show."""
        for name, venue in self.venues.items():
            venue.down = venue.shy = venue.mute = False
            venue.faults.clear()
            self.reconnect(name)
        self.pass_time(20)
        for client in CLIENTS:
            self.cancel(client)
        end = self.loop.now + PATIENCE_S
        while self.books.open_orders() and self.loop.now < end:
            self.pass_time(1)
        left = [(view.digest, view.status, view.text) for view in self.books.open_orders()]
        assert not left, left
        assert not self.books.open_legs()
        for name in self.venues:
            self.run(self.engine.legs.backfill(name))
        self.check()
        self._compare()

    def _compare(self) -> None:
        for name, venue in self.venues.items():
            assert not [cloid for cloid, order in venue.orders.items() if order.state == "open"], "left behind"
            assert [fill.tid for fill in self.books.fills(name)] == [fill.tid for fill in venue.trades]
            assert not self.books.unowned(name)
            assert self.books.frozen(name) is None
        for client in CLIENTS:
            booked = sum(self.books.positions(client).values(), D(0))
            assert booked == self.positions[client]
        for digest in self.orders:
            view = self.books.order(digest)
            assert view is not None
            assert view.filled == self.filled_at_venues(digest)
        ends = [event.cloid for event in self.events if isinstance(event, LegClosed)]
        assert len(ends) == len(set(ends))

    def counted(self) -> Counter[str]:
        """What came of it all."""
        found: Counter[str] = Counter(orders=len(self.orders))
        found.update(f"order {view.status}" for view in self.books.orders())
        found.update(f"child {event.outcome}" for event in self.events if isinstance(event, LegClosed))
        found["fills"] = sum(len(venue.trades) for venue in self.venues.values())
        return found

    def close(self) -> None:
        self._kill()
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.run(asyncio.wait(left) if left else asyncio.sleep(0))
        self.loop.close()
        structlog.reset_defaults()


def _opening() -> list[ChainLogSeen]:
    def log(index: int, name: str, **args: object) -> ChainLogSeen:
        return ChainLogSeen(name=name, block=1, log_index=index, tx="0x" + "00" * 32, time_s=1, args=dict(args))

    logs = []
    for number, (client, key) in enumerate(zip(CLIENTS, KEYS, strict=True)):
        owner = Account.from_key(key).address.lower()
        logs.append(log(2 * number, "AccountOpened", id=client, owner=owner, generation=0))
        logs.append(log(2 * number + 1, "Deposited", id=client, amount=10**11))
    return logs
