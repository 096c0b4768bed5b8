"""The vocabulary of the suite: an adapter under test, its venue's server, and the world that a case acts in."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

from keeper.clock import LiveClock
from keeper.market_data import BookState, MarketDataEngine
from keeper.model.events import LegIntent, TimeInForce
from keeper.model.instruments import Instrument, Side
from keeper.venues.base import (
    AccountClient,
    AccountReader,
    Book,
    BookDeltaUpdate,
    BookUpdate,
    ExecutionClient,
    MarketDataClient,
    StreamEvent,
)
from keeper.venues.resting import OrderTicket, RestingClient
from tests.conformance.proxy import FaultProxy, PostOf

Capability = Literal[
    "resting",  # places GTC and ALO orders and cancels them (RestingClient)
    "stream_fills",  # pushes the seat's fills on its stream
    "stream_contexts",  # pushes prices and funding on its stream
    "expiry",  # the venue refuses an order that arrives after its expiry
    "nonces",  # the venue refuses a message it has seen before
    "leverage",  # the seat's leverage can be set
    "advance",  # the server's time can be advanced over funding instants
    "exact_pnl",  # a fill's closed profit counts from the exact average entry, so that profits add up to the equity
    "server_faults",  # the server itself loses messages on command (admin port)
]
ALL_CAPABILITIES: frozenset[Capability] = frozenset(Capability.__args__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Seat:
    """A funded account at the venue and the key that may trade for it. `funded` in micro-USDC."""

    account: str
    key: str
    funded: int


class Server(Protocol):
    """A running venue and its admin port. Methods block; they are called in a thread."""

    @property
    def url(self) -> str: ...

    def new_seat(self) -> Seat:
        """A new account with exactly `funded` on it, whose key is ready to trade."""
        ...

    def freeze(self, on: bool) -> None:
        """Holds the prices; time goes on."""
        ...

    def advance(self, ms: int) -> None: ...

    def fault(self, kind: str, count: int = 1, ms: int = 0) -> None:
        """The next `count` orders (or, for kinds that begin with `ws_`, frames) fail in that way."""
        ...

    def admin(self, name: str, **body: object) -> None:
        """Any command of the simulated venue's admin port; with `fault` what the capability `server_faults` needs."""
        ...


@dataclass
class Clients:
    """One adapter's three clients (often one object), and how to close them. `resting` where it has one."""

    market: MarketDataClient
    account: AccountClient
    execution: ExecutionClient
    close: Callable[[], Awaitable[None]]
    resting: RestingClient | None = None


@dataclass(frozen=True)
class AdapterUnderTest:
    """`serve` starts the venue for as long as the context lasts; `connect(url, seat)` makes started clients whose
    commands give up after `timeout_s`. `is_command(method, path)` tells requests that change something from reads,
    `post_of` knows commands among the frames of a WebSocket. `bend` has frames of this dialect made untrue: by name
    (`crossed`, `rate_is_open_interest`), text to text or None when the frame is of another kind."""

    name: str
    dialect: str
    serve: Callable[[], AbstractContextManager[Server]]
    connect: Callable[[str, Seat], Awaitable[Clients]]
    is_command: Callable[[str, str], bool]
    coins: tuple[str, str]
    size: Mapping[str, str]
    capabilities: frozenset[Capability]
    bend: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    post_of: PostOf = lambda _: None
    timeout_s: float = 3.0
    share: float = 1.0
    """Of a campaign's faulted orders, beside the other adapters': less for one that takes long for each."""

    @property
    def label(self) -> str:
        return f"{self.name} × {self.dialect}"


_cloids = itertools.count(time.time_ns())


@dataclass
class World:
    """What a case gets: clients that go through `proxy`, and `truth`, a client of the same seat that does not."""

    adapter: AdapterUnderTest
    server: Server
    seat: Seat
    proxy: FaultProxy
    clients: Clients
    truth: Clients

    @property
    def coin(self) -> str:
        return self.adapter.coins[0]

    @property
    def market(self) -> MarketDataClient:
        return self.clients.market

    @property
    def account(self) -> AccountReader:
        return self.clients.account

    @property
    def execution(self) -> ExecutionClient:
        return self.clients.execution

    @property
    def resting(self) -> RestingClient:
        assert self.clients.resting is not None, "the capability `resting` needs Clients.resting"
        return self.clients.resting

    async def do(self, action: Callable[..., object], *arguments: object) -> None:
        """One of the server's blocking methods."""
        await asyncio.to_thread(action, *arguments)

    async def instrument(self, coin: str | None = None) -> Instrument:
        wanted = coin or self.coin
        return next(item for item in await self.truth.market.instruments() if item.coin == wanted)

    async def book(self) -> Book:
        return await self.truth.market.book(self.coin)

    def size(self, coin: str | None = None) -> Decimal:
        return Decimal(self.adapter.size[coin or self.coin])

    async def leg(
        self,
        side: Side = "buy",
        *,
        away: str = "0.01",
        size: Decimal | None = None,
        life_ms: int = 20_000,
        price: Decimal | None = None,
    ) -> LegIntent:
        """An order that takes from the book up to `away` (a share) beyond its best price; negative = it takes nothing.
        Its price is on the tick; `price` instead of `away` when it is known."""
        price = price or await self.price(side, away)
        return LegIntent(
            digest="0x" + "01" * 32,
            leg=0,
            attempt=0,
            cloid=new_cloid(),
            venue=self.market.venue,
            coin=self.coin,
            side=side,
            size=self.size() if size is None else size,
            limit_price=price,
            expires_ms=await self.truth.market.now_ms() + life_ms,
            nonce=self.execution.next_nonce(),
            at_ms=LiveClock().now_ms(),
        )

    async def price(self, side: Side, away: str) -> Decimal:
        """A price on the tick, `away` (a share) beyond the best one on the side that an order takes."""
        book, instrument = await self.book(), await self.instrument()
        best = book.asks[0][0] if side == "buy" else book.bids[0][0]
        return instrument.round_price(best * (1 + Decimal(away) * (1 if side == "buy" else -1)), side)

    async def ticket(self, side: Side, tif: TimeInForce, away: str) -> OrderTicket:
        return OrderTicket(
            cloid=new_cloid(),
            coin=self.coin,
            side=side,
            size=self.size(),
            limit_price=await self.price(side, away),
            time_in_force=tif,
        )

    async def filled(self, cloid: str) -> Decimal:
        """What the venue itself has filled of an order."""
        fills = await self.truth.execution.fills(0)
        return sum((fill.size for fill in fills if fill.cloid == cloid), Decimal(0))

    @asynccontextmanager
    async def streaming(self, coins: tuple[str, ...] | None = None) -> AsyncIterator["Tap"]:
        """The adapter's stream, read in the background."""
        async with aclosing(self.market.stream(coins or (self.coin,))) as events:
            tap = Tap()
            task = asyncio.create_task(tap.drink(events))
            try:
                yield tap
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @asynccontextmanager
    async def engine(self, max_age_s: float = 2.0) -> AsyncIterator[MarketDataEngine]:
        """A running market data engine on this adapter, its book LIVE."""
        engine = MarketDataEngine(
            [self.market], [self.coin], LiveClock(), max_book_age_s=max_age_s, max_mark_age_s=max(5.0, max_age_s)
        )
        await engine.start()
        task = asyncio.create_task(engine.run())
        try:
            venue = self.market.venue
            await eventually(lambda: engine.health()[venue] == "up" and self.is_live(engine))
            yield engine
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def is_live(self, engine: MarketDataEngine) -> bool:
        return engine.state(self.market.venue, self.coin) is BookState.LIVE


BOOKS = (BookUpdate, BookDeltaUpdate)
"""A venue tells its book by snapshots, or by changes after one."""
Kinds = type[StreamEvent] | tuple[type[StreamEvent], ...]


class Tap:
    """Everything a stream has said so far."""

    def __init__(self) -> None:
        self.events: list[StreamEvent] = []

    async def drink(self, events: AsyncIterator[StreamEvent]) -> None:
        async for event in events:
            self.events.append(event)

    def of(self, kind: Kinds, since: int = 0) -> list[StreamEvent]:
        return [event for event in self.events[since:] if isinstance(event, kind)]

    def books(self) -> list[tuple[str, int]]:
        """(coin, the venue's time) of every book or change of one."""
        parts = [event.book if isinstance(event, BookUpdate) else event.delta for event in self.of(BOOKS)]  # type: ignore[union-attr]
        return [(part.coin, part.time_ms) for part in parts]

    async def wait(self, kind: Kinds, count: int = 1, *, since: int = 0) -> None:
        await eventually(lambda: len(self.of(kind, since)) >= count)


PATIENCE_S = 20.0


async def eventually(is_so: Callable[[], bool], within_s: float | None = None) -> None:
    """Waits until it is so; AssertionError when it never is."""
    within_s = PATIENCE_S if within_s is None else within_s
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"still not so after {within_s} s"
        await asyncio.sleep(0.02)


def new_cloid() -> str:
    return f"0x{next(_cloids):032x}"


@asynccontextmanager
async def open_world(adapter: AdapterUnderTest, server: Server) -> AsyncIterator[World]:
    """A new seat, a proxy of its own, and clients on either side of it."""
    seat = await asyncio.to_thread(server.new_seat)
    async with FaultProxy.to(server.url, adapter.is_command, adapter.post_of) as proxy:
        clients = await adapter.connect(proxy.url, seat)
        truth = await adapter.connect(server.url, seat)
        try:
            yield World(adapter, server, seat, proxy, clients, truth)
        finally:
            await clients.close()
            await truth.close()
