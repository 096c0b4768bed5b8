"""The stream over a real socket: it comes back after a break, and does not trust a connection gone silent."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from keeper.venues.base import (
    BookUpdate,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    StreamEvent,
    Unreadable,
)
from keeper.venues.hyperliquid import stream as module
from keeper.venues.hyperliquid.stream import read, stream
from keeper.venues.websocket import Down, Message, Up, WebSocketPlan, supervise
from tests.unit.venues_hyperliquid.conftest import recorded

VENUE = "0x" + "11" * 20
ME = "0x" + "aa" * 20
BOOK = {
    "coin": "BTC",
    "time": 1_000,
    "levels": [[{"px": "99.0", "sz": "1.0", "n": 1}], [{"px": "100.0", "sz": "2.0", "n": 1}]],
}


def text(channel: str, data: Any) -> str:
    return json.dumps({"channel": channel, "data": data})


def parsed(message: str) -> StreamEvent | None:
    return read(message, VENUE, ME)[1]


def test_messages_become_events() -> None:
    book = parsed(text("l2Book", BOOK))
    assert isinstance(book, BookUpdate)
    assert (book.book.asks, book.book.time_ms) == (((Decimal(100), Decimal(2)),), 1_000)
    ctx = recorded("metaAndAssetCtxs.go.MetaAndAssetCtxs")[1][0]
    context = parsed(text("activeAssetCtx", {"coin": "BTC", "ctx": ctx}))
    assert isinstance(context, ContextUpdate)
    assert (context.context.oracle, context.context.mark) == (Decimal(ctx["oraclePx"]), Decimal(ctx["markPx"]))
    fills = recorded("userFillsByTime.go.UserFillsByTime")
    pushed = parsed(text("userFills", {"user": ME, "fills": fills, "isSnapshot": True}))
    assert isinstance(pushed, FillsUpdate)
    assert (len(pushed.fills), pushed.snapshot) == (2, True)
    later = parsed(text("userFills", {"user": ME, "fills": fills}))
    assert isinstance(later, FillsUpdate)
    assert later.snapshot is False


@pytest.mark.parametrize(
    "message",
    [
        "Websocket connection established.",
        '{"channel":"pong"}',
        text("subscriptionResponse", {}),
        text("error", "Already subscribed"),
    ],
)
def test_messages_that_carry_nothing_are_no_events(message: str) -> None:
    assert parsed(message) is None


@pytest.mark.parametrize(
    ("message", "channel", "coin"),
    [
        (text("l2Book", {"coin": "BTC"}), "l2Book", "BTC"),
        (text("l2Book", BOOK | {"levels": [[{"px": "NaN", "sz": "1", "n": 1}], []]}), "l2Book", "BTC"),
        (text("l2Book", BOOK | {"levels": [[{"px": "-1", "sz": "1", "n": 1}], []]}), "l2Book", "BTC"),
        (text("l2Book", BOOK | {"levels": [[{"px": "1e99", "sz": "1", "n": 1}], []]}), "l2Book", "BTC"),
        (text("l2Book", BOOK | {"time": 10**40}), "l2Book", "BTC"),
        (text("activeAssetCtx", {"coin": "ETH", "ctx": {"markPx": "1"}}), "activeAssetCtx", "ETH"),
        (text("activeAssetCtx", [1]), "activeAssetCtx", None),
        (text("userFills", {"user": ME, "fills": [{}]}), "userFills", None),
        (text("userFills", {"user": "0x" + "bb" * 20, "fills": []}), "userFills", None),
        (text("l2Buch", BOOK), "unknown", None),
        (text("error", "Invalid subscription {}"), "error", None),
        ('{"chanel":"l2Book"}', "unknown", None),
        ("[" * 100_000, "unknown", None),
        ("x" * 4_000_001, "unknown", None),
        ('{"channel":"\ud800"}', "unknown", None),
        ("", "unknown", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_says_what_it_was_about(message: str, channel: str, coin: str | None) -> None:
    event = parsed(message)
    assert isinstance(event, Unreadable)
    assert (event.channel, event.coin) == (channel, coin)
    assert len(event.reason) <= 300


def test_channels_are_watched_by_coin() -> None:
    assert read(text("l2Book", BOOK), VENUE, ME)[0] == "l2Book:BTC"
    assert read('{"channel":"pong"}', VENUE, ME)[0] == "pong"
    assert read("hello", VENUE, ME)[0] is None
    assert read(text("l2Book", {"coin": "BTC"}), VENUE, ME)[0] is None  # what cannot be read is silence


async def take(events: AsyncGenerator[Any, None], count: int) -> list[Any]:
    taken = []
    async with asyncio.timeout(5), aclosing(events):
        async for event in events:
            taken.append(event)
            if len(taken) == count:
                break
    return taken


async def test_it_subscribes_and_comes_back_after_a_break(serve: Any) -> None:
    heard: list[Any] = []

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for _ in range(3):
            heard.append(json.loads((await ws.receive()).data)["subscription"])
        await ws.send_str("Websocket connection established.")
        await ws.send_str(text("l2Book", BOOK))
        await ws.close()
        return ws

    url = await serve({"/ws": socket})
    events = await take(stream(url, VENUE, ME, ["BTC"]), 6)
    assert [type(event) for event in events] == [Connected, BookUpdate, Disconnected] * 2
    wanted = [
        {"type": "l2Book", "coin": "BTC"},
        {"type": "activeAssetCtx", "coin": "BTC"},
        {"type": "userFills", "user": ME},
    ]
    assert heard[:3] == wanted


async def test_a_silent_channel_ends_the_connection(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket stays open and other channels go on, but the book says no more."""
    monkeypatch.setattr(module, "CHANNELS", {"l2Book": 0.15, "activeAssetCtx": 60.0})

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str(text("l2Book", BOOK))
        async for _ in ws:
            await ws.send_str('{"channel":"pong"}')
        return ws

    events = await take(stream(await serve({"/ws": socket}), VENUE, ME, ["BTC"]), 3)
    assert isinstance(events[2], Disconnected)
    assert "l2Book:BTC" in events[2].reason


async def test_it_pings(serve: Any) -> None:
    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(f"got {message.data}")
        return ws

    url = (await serve({"/ws": socket})).replace("http", "ws") + "/ws"
    plan = WebSocketPlan(
        url=url, greeting=[], ping="ping", read=lambda line: ("all", line), silence_limits={"all": 1}, ping_every_s=0.05
    )
    assert await take(supervise(plan), 3) == [Up(), Message("got ping"), Message("got ping")]


async def test_a_venue_that_is_down_is_tried_again_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def no_sleep(seconds: float) -> None:
        pauses.append(seconds)

    class Highest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    monkeypatch.setattr("keeper.venues.websocket.asyncio.sleep", no_sleep)
    plan = WebSocketPlan(
        url="ws://127.0.0.1:1/ws", greeting=[], ping="", read=lambda line: (None, line), silence_limits={}
    )
    downs = await take(supervise(plan, jitter=Highest()), 9)
    assert all(isinstance(event, Down) for event in downs)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
