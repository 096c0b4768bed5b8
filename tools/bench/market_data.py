"""Market data: frame to book, changes to book, socket to book, and the memory of 20 venues × 50 symbols.

The peers run in the same process on the same frames, call by call in turn: ccxt.pro's own order book (what a bot on
ccxt does with a frame), the plain `json` and `Decimal` way, and for the socket a bare aiohttp reader of those frames,
which is the floor of anything built on it. Absolute figures move with the machine, ratios hardly.
"""

import asyncio
import json
import random
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt.pro  # type: ignore[import-untyped]
from aiohttp import web

from keeper.clock import LiveClock
from keeper.market_data import BookState, LiveBook, MarketDataEngine
from keeper.model.instruments import Instrument
from keeper.model.venue_records import FundingRate
from keeper.venues.base import Book, BookDelta, BookUpdate, MarketContext, StreamEvent
from keeper.venues.hyperliquid.stream import read, stream
from tools.bench.figures import Figure, against
from tools.bench.frames import LEVELS, START_MS, frame
from tools.bench.routing import at, interleaved

VENUES, SYMBOLS = 20, 50
SOCKET_FRAMES, WARM_UP, GAP_S = 600, 50, 0.002
MARKET = {"id": "0", "symbol": "BTC/USDC:USDC"}
ACCOUNT = "0x" + "aa" * 20


def run() -> list[Figure]:
    return [*decoding(), *changes(), *asyncio.run(socket_to_book()), *memory()]


def decoding() -> list[Figure]:
    """Frame to typed event, and frame to a LIVE book that was checked and may be quoted from."""
    rng = random.Random(1)  # noqa: S311 - made-up books, no secret
    frames = [frame(rng, START_MS + 500 * n) for n in range(64)]
    turn = {"ours": 0, "theirs": 0}

    def following(who: str) -> str:
        turn[who] += 1
        return frames[turn[who] % len(frames)]

    def event() -> StreamEvent | None:
        return read(following("ours"), "v", ACCOUNT)[1]

    def plain() -> Any:
        levels = json.loads(following("theirs"))["data"]["levels"]
        return [[(Decimal(level["px"]), Decimal(level["sz"])) for level in side] for side in levels]

    live, exchange = LiveBook(), ccxt.pro.hyperliquid()
    theirs = exchange.order_book({})

    def to_live() -> None:
        update = event()
        assert isinstance(update, BookUpdate)
        now_s = update.book.time_ms / 1000  # each of these frames is read when it was made
        live.resync()
        live.apply(update.book, now_s)
        assert live.state(now_s) is BookState.LIVE

    def to_ccxt() -> None:
        data = json.loads(following("theirs"))["data"]
        sides = {"bids": data["levels"][0], "asks": data["levels"][1]}
        theirs.reset(exchange.parse_order_book(sides, MARKET["symbol"], data["time"], "bids", "asks", "px", "sz"))

    decode, by_json = interleaved(event, plain)
    whole, by_ccxt = interleaved(to_live, to_ccxt)
    mine, other = at(whole, 0.5), at(by_ccxt, 0.5)
    size = f"l2Book push, {LEVELS} levels a side, {len(frames[0])} bytes"
    return [
        against("book.decode p50", at(decode, 0.5), "µs", "json + Decimal, unchecked", at(by_json, 0.5), size),
        against("book.decode p99", at(decode, 0.99), "µs", "json + Decimal, unchecked", at(by_json, 0.99), size),
        against("book.update p50", mine, "µs", "ccxt.pro order book", other, "frame to LIVE book, checks included"),
        Figure(
            "book.updates per second and core", 1e6 / mine, "1/s", "ccxt.pro order book", 1e6 / other, other / mine,
            "ratio: ours / peer's",
        ),
    ]  # fmt: skip


def changes() -> list[Figure]:
    """A change of 3 levels in a book of 200 a side, then the best prices: sorted lists against a sorted dict."""
    rng, side = random.Random(2), range(200)  # noqa: S311 - made-up books, no secret
    bids = tuple((Decimal(60_000 - n), Decimal(1)) for n in side)
    asks = tuple((Decimal(60_001 + n), Decimal(1)) for n in side)
    live = LiveBook()
    live.apply(Book(venue="v", coin="BTC", time_ms=1, bids=bids, asks=asks, sequence=0), 0.0)
    maps = dict(bids), dict(asks)
    number = 0

    def changed() -> list[tuple[Decimal, Decimal]]:
        return [(Decimal(60_000 - rng.randint(0, 199)), Decimal(rng.randint(0, 9))) for _ in range(3)]

    def ours() -> None:
        nonlocal number
        number += 1
        live.apply_delta(
            BookDelta(venue="v", coin="BTC", time_ms=number, first=number, last=number, bids=tuple(changed())), 0.0
        )
        live.state(0.0)

    def by_dict() -> None:
        for price, size in changed():
            if size:
                maps[0][price] = size
            else:
                maps[0].pop(price, None)
        sorted(maps[0].items(), reverse=True)[:LEVELS]
        sorted(maps[1].items())[:LEVELS]

    mine, theirs = interleaved(ours, by_dict)
    note = "3 levels of 200 a side changed, order checked, best prices read"
    return [against("book.change p50", at(mine, 0.5), "µs", "dict + sorted", at(theirs, 0.5), note)]


async def socket_to_book() -> list[Figure]:
    """From the moment a server on loopback sends a frame until the engine's book shows it."""
    ours, floor = await _latencies(_engine_reads), await _latencies(_bare_reads)
    note = f"loopback, {SOCKET_FRAMES} frames; the floor decodes nothing"
    return [
        against(f"book.tick to book {label}", at(ours, share), "µs", "bare aiohttp receive", at(floor, share), note)
        for share, label in ((0.5, "p50"), (0.99, "p99"))
    ]


Reader = Callable[[str, dict[int, float], dict[int, float]], Any]


async def _latencies(reader: Reader) -> list[float]:
    """Sorted, in µs. Frames carry their number as the venue's time."""
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    rng = random.Random(3)  # noqa: S311 - made-up books, no secret

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.receive()  # the first subscription
        for n in range(WARM_UP + SOCKET_FRAMES):
            text = frame(rng, START_MS + n, "S0")
            sent[START_MS + n] = time.perf_counter()
            await ws.send_str(text)
            await asyncio.sleep(GAP_S)
        return ws

    app = web.Application()
    app.router.add_get("/ws", socket)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await reader(f"http://127.0.0.1:{runner.addresses[0][1]}", sent, seen)
    finally:
        await runner.cleanup()
    kept = [n for n in sorted(seen) if n >= START_MS + WARM_UP]
    return sorted((seen[n] - sent[n]) * 1e6 for n in kept)


async def _bare_reads(url: str, _: dict[int, float], seen: dict[int, float]) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/ws") as ws:
        await ws.send_str("subscribe")
        for n in range(WARM_UP + SOCKET_FRAMES):
            await ws.receive()
            seen[START_MS + n] = time.perf_counter()


async def _engine_reads(url: str, _: dict[int, float], seen: dict[int, float]) -> None:
    """The keeper's engine on the native adapter's stream; a frame counts once its book is LIVE."""
    venue = _Quiet("v", 1, lambda coins: stream(url, "v", ACCOUNT, coins))
    all_seen = asyncio.Event()

    class Stamped(MarketDataEngine):
        def _take_book(self, venue: Any, book: Book) -> None:
            super()._take_book(venue, book)
            if self.book("v", "S0") is book:
                seen[book.time_ms] = time.perf_counter()
                if START_MS + WARM_UP + SOCKET_FRAMES - 1 in seen:
                    all_seen.set()

    engine = Stamped([venue], ["S0"], LiveClock())
    await engine.start()
    task = asyncio.create_task(engine.run())
    await all_seen.wait()
    task.cancel()
    await asyncio.wait({task})


def memory() -> list[Figure]:
    """Books, prices and oracle histories of all venues and symbols, after a few updates of each."""
    ours = _traced(lambda: asyncio.run(_filled_engine()))
    theirs = _traced(_filled_ccxt)
    count = VENUES * SYMBOLS
    note = f"{ours / count / 1024:.1f} kB a book; {count} books of {LEVELS} levels a side"
    name = f"market data memory, {VENUES} venues × {SYMBOLS} symbols"
    return [against(name, ours / 2**20, "MB", "ccxt.pro order books", theirs / 2**20, note)]


def _traced(fill: Callable[[], object]) -> int:
    """Bytes that are held by what `fill` returns."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    held = fill()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held is not None
    return used


async def _filled_engine() -> MarketDataEngine:
    coins = [f"S{n}" for n in range(SYMBOLS)]
    engine = MarketDataEngine([_Quiet(f"v{n}", SYMBOLS) for n in range(VENUES)], coins, LiveClock())
    await engine.start()
    return engine


def _filled_ccxt() -> list[Any]:
    exchange, rng = ccxt.pro.hyperliquid(), random.Random(4)  # noqa: S311 - made-up books, no secret
    found = []
    for n in range(VENUES * SYMBOLS):
        data = json.loads(frame(rng, START_MS))["data"]
        sides = {"bids": data["levels"][0], "asks": data["levels"][1]}
        snapshot = exchange.parse_order_book(sides, f"S{n}", data["time"], "bids", "asks", "px", "sz")
        found.append(exchange.order_book(snapshot))
    return found


class _Quiet:
    """A venue of `symbols` coins whose books and prices are made up."""

    def __init__(
        self,
        venue: str,
        symbols: int,
        stream: Callable[[Sequence[str]], AsyncGenerator[StreamEvent, None]] | None = None,
    ) -> None:
        self.venue = venue
        self._symbols = symbols
        self._stream = stream
        self._rng = random.Random(venue)  # noqa: S311 - made-up books, no secret

    async def now_ms(self) -> int:
        return START_MS

    async def instruments(self) -> list[Instrument]:
        return [Instrument(self.venue, f"S{n}", n, 5, 40) for n in range(self._symbols)]

    async def contexts(self) -> dict[str, MarketContext]:
        price = Decimal(60_000)
        return {
            f"S{n}": MarketContext(coin=f"S{n}", mark=price, oracle=price, funding=Decimal("0.0000125"))
            for n in range(self._symbols)
        }

    async def book(self, coin: str) -> Book:
        update = read(frame(self._rng, START_MS, coin), self.venue, ACCOUNT)[1]
        assert isinstance(update, BookUpdate)
        return update.book

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        return []

    def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        assert self._stream is not None
        return self._stream(coins)
