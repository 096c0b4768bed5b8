"""The venue and the two clients of `tick_to_order`: `python -m tools.bench.tick_world` serves, with its URL trades."""

import asyncio
import gc
import json
import os
import sys
import time
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import uvloop
from aiohttp import WSMsgType, web
from eth_account import Account
from hyperliquid.utils.signing import float_to_wire

from keeper.clock import TestClock
from keeper.errors import InputError
from keeper.model.events import LegIntent
from keeper.risk import RiskSettings, largest, requirement
from keeper.routing import LiveRoute, RouteRequest, VenueQuote
from keeper.venues.base import Book
from keeper.venues.hyperliquid import stream
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.limits import IpLimit
from tools.bench.frames import REFERENCE, frames, terms
from tools.bench.peers import FloatSide, asks, greedy, order_body

BLOCKS, BLOCK, VENUES = 30, 50, 5
LOT = Decimal("0.00001")
EQUITY = 10**13
KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"  # published by anvil
NONCE = 1_770_336_000_000
NOTHING = {"error": "Order could not immediately match against any resting orders. asset=0"}
META = {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}
SIDES = ("ours", "peer")
Times = dict[str, list[float]]


# --- the venue ------------------------------------------------------------------------------------------------------


class Venue:
    """Sends the pushes and takes the orders; the times from one to the other are its answer."""

    def __init__(self) -> None:
        self.listening: dict[str, web.WebSocketResponse] = {}
        self.orders: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self.ready = asyncio.Event()

    async def info(self, _: web.Request) -> web.Response:
        return web.json_response(META)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Who subscribes listens; who posts orders is answered that nothing matched."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            now = time.perf_counter_ns()
            if message.type is not WSMsgType.TEXT:
                break
            asked = msgspec.json.decode(message.data)
            if asked["method"] == "post":
                self.orders.put_nowait((now, asked["request"]["payload"]))
                body = {"status": "ok", "response": {"type": "order", "data": {"statuses": [NOTHING]}}}
                data = {"id": asked["id"], "response": {"type": "action", "payload": body}}
                await socket.send_str(json.dumps({"channel": "post", "data": data}))
            elif asked["method"] == "ping":
                await socket.send_str('{"channel":"pong"}')
            elif asked["method"] == "subscribe":
                self.listening.setdefault(asked.get("side", "ours"), socket)
                if len(self.listening) == len(SIDES):
                    self.ready.set()
        return socket

    async def drive(self) -> Times:
        await self.ready.wait()
        await asyncio.sleep(0.5)
        texts = [text.decode() for text in frames()]
        taken: Times = {side: [] for side in SIDES}
        orders: dict[str, list[Any]] = {side: [] for side in SIDES}
        for block in range(BLOCKS):
            for side in SIDES if block % 2 else reversed(SIDES):
                for turn in range(block * BLOCK, (block + 1) * BLOCK):
                    sent = time.perf_counter_ns()
                    await self.listening[side].send_str(texts[turn % len(texts)])
                    async with asyncio.timeout(10):
                        read, order = await self.orders.get()
                    taken[side].append((read - sent) / 1e3)
                    orders[side].append(order)
        assert orders["ours"] == orders["peer"], "the orders differ"
        for socket in self.listening.values():
            await socket.close()
        return taken


async def serve() -> None:
    _keep_to(0)
    venue = Venue()
    app = web.Application()
    app.router.add_post("/info", venue.info)
    app.router.add_get("/ws", venue.socket)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    print(json.dumps(await venue.drive()), flush=True)
    await asyncio.sleep(0.5)
    await runner.cleanup()


# --- the two clients, in one process --------------------------------------------------------------------------------


async def trade(url: str) -> None:
    _keep_to(1)
    texts = frames()
    quotes = terms(VENUES, texts, fixed=False)
    quantity = sum((size for quote in quotes for _, size in quote.levels), Decimal(0)) * 3 // 10
    request = RouteRequest("buy", quantity, REFERENCE, max_slippage_bps=Decimal(500))
    inner: Times = {side: [] for side in SIDES}
    async with aiohttp.ClientSession() as session:
        client = HyperliquidClient(
            url, "0x" + "aa" * 20, "v", KEY, TestClock(NONCE), ip_limit=IpLimit("v", 1e12), socket=True
        )
        async with client:
            tasks = [
                asyncio.create_task(_ours(url, client, LiveRoute(request, quotes), inner["ours"])),
                asyncio.create_task(_peer(url, session, request, quotes, inner["peer"])),
            ]
            gc.collect()
            gc.freeze()
            gc.disable()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(inner))


async def _ours(url: str, client: HyperliquidClient, route: LiveRoute, inner: list[float]) -> None:
    room, started, turn = _room(), 0, 0
    sending: set[asyncio.Future[Any]] = set()
    read, entry = stream.read, client._entry
    assert entry is not None
    write = entry.write

    def stamped_read(*arguments: Any) -> Any:
        nonlocal started
        started = time.perf_counter_ns()
        return read(*arguments)

    def stamped_write(body: bytes) -> Any:
        written = write(body)
        inner.append((time.perf_counter_ns() - started) / 1e3)
        return written

    stream.read, entry.write = stamped_read, stamped_write  # type: ignore[assignment, method-assign]

    def on_book(book: Book) -> None:
        nonlocal turn
        route.update(f"v{turn % VENUES}", book.asks)
        decision = route.decide()
        venue, size, price = max(decision.taken, key=lambda leg: leg[1])
        assert size <= room
        leg = decision.leg(venue, size, price)
        intent = LegIntent(
            digest="", leg=0, attempt=0, cloid=f"0x{turn:032x}", venue="v", coin="BTC", side="buy",
            size=leg.quantity, limit_price=leg.limit_price, expires_ms=NONCE + turn + 5_000, nonce=NONCE + turn,
            at_ms=NONCE,
        )  # fmt: skip
        turn += 1
        task = asyncio.ensure_future(client.begin(intent))
        sending.add(task)
        task.add_done_callback(sending.discard)

    client.tap = on_book
    async with aclosing(client.stream(["BTC"])) as events:
        async for _ in events:
            pass


def _keep_to(core: int) -> None:
    """The venue and its clients each have a core, so that neither is put off it by the other's waking up."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core]})


def _room() -> int:
    """What the margin allows, in lots: found out before the ticks come."""
    place = ("v", "BTC")

    def check(lots: int) -> None:
        if requirement({place: lots * LOT}, {place: REFERENCE}, {place: 40}, RiskSettings()) > EQUITY:
            raise InputError("quantity", "too much")

    return largest(check, 10**12)


async def _peer(
    url: str, session: aiohttp.ClientSession, request: RouteRequest, quotes: list[VenueQuote], inner: list[float]
) -> None:
    books: list[FloatSide] = [[(float(price), float(size)) for price, size in quote.levels] for quote in quotes]
    reference, quantity = float(request.reference_price), float(request.quantity)
    unit = [
        (1 + float(quote.taker_fee_bps) / 1e4, reference * (float(quote.holding_cost_bps) / 1e4 - 1))
        for quote in quotes
    ]
    wallet, positions, turn = Account.from_key(KEY), [(0.1 * n - 0.4, 60_000.0 + n, 58_000.0) for n in range(10)], 0
    async with session.ws_connect(url + "/ws") as orders, session.ws_connect(url + "/ws") as ticks:
        reader = asyncio.create_task(_drain(orders))
        await ticks.send_str(json.dumps({"method": "subscribe", "side": "peer"}))
        async for message in ticks:
            started = time.perf_counter_ns()
            books[turn % VENUES] = asks(message.data)
            _, taken = greedy(books, unit, quantity)
            equity, margin = 1e7, 0.0
            for size, mark, entry in positions:
                equity += size * (mark - entry)
                margin += abs(size) * mark * 0.1
            assert margin < equity
            best = max(range(VENUES), key=taken.__getitem__)
            size, price = round(taken[best], 5), _worst(books[best], taken[best])
            wire = {
                "a": 0, "b": True, "p": float_to_wire(price), "s": float_to_wire(size), "r": False,
                "t": {"limit": {"tif": "Ioc"}}, "c": f"0x{turn:032x}",
            }  # fmt: skip
            body = order_body(wallet, wire, NONCE + turn, NONCE + turn + 5_000)
            posted = {"method": "post", "id": turn, "request": {"type": "action", "payload": body}}
            await orders.send_str(json.dumps(posted))
            inner.append((time.perf_counter_ns() - started) / 1e3)
            turn += 1
        reader.cancel()


def _worst(book: FloatSide, size: float) -> float:
    left = size
    for price, here in book:
        left -= here
        if left <= 1e-9:
            return price
    raise AssertionError("the book holds what was taken from it")


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


if __name__ == "__main__":
    uvloop.run(trade(sys.argv[1]) if len(sys.argv) > 1 else serve())
