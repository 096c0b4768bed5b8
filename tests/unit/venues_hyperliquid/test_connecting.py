"""A connect that is given up half-way leaves no open connection behind, in whatever step it was given up."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from keeper.venues.hyperliquid.order_entry import OrderEntry
from keeper.venues.limits import IpLimit
from keeper.venues.websocket import WebSocketPlan, supervise

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""
STEPS = range(24)


class Server:
    """A WebSocket server that only shakes hands, if `answers`, and knows what is still connected."""

    def __init__(self) -> None:
        self.answers = True
        self.open: set[asyncio.StreamWriter] = set()
        self.accepted = asyncio.Event()
        self.shaken = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        self.accepted.set()
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if self.answers:
                key = next(line[19:] for line in head.splitlines() if line.lower().startswith("sec-websocket-key: "))
                accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()  # noqa: S324 - RFC
                lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
                writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
            self.shaken.set()
            while await reader.read(1_000):
                pass
        self.open.discard(writer)
        writer.close()

    async def all_gone(self) -> bool:
        """Within a second; picows by itself gives up a handshake after five."""
        for _ in range(100):
            if not self.open:
                return True
            await asyncio.sleep(0.01)
        return False


@pytest_asyncio.fixture
async def listening() -> AsyncIterator[tuple[Server, str]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as socket:
        yield server, f"http://127.0.0.1:{socket.sockets[0].getsockname()[1]}"


async def watch(url: str) -> None:
    plan = WebSocketPlan(
        url="ws" + url.removeprefix("http"), greeting=(), ping="", read=lambda text: (None, text), silence_limits={}
    )
    frames = supervise(plan)
    try:
        async for _ in frames:
            pass
    finally:
        await frames.aclose()


async def enter_orders(url: str) -> None:
    entry = OrderEntry(url, IpLimit("hyperliquid", 1_200))
    try:
        await entry.start()
        await asyncio.Event().wait()
    finally:
        await entry.close()


async def give_up(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


Use = Callable[[str], Coroutine[Any, Any, None]]


@pytest.mark.parametrize("use", [watch, enter_orders])
async def test_given_up_while_the_venue_is_silent(listening: tuple[Server, str], use: Use) -> None:
    server, url = listening
    server.answers = False
    task = asyncio.create_task(use(url))
    await server.shaken.wait()
    assert len(server.open) == 1
    await give_up(task)
    assert await server.all_gone()


@pytest.mark.parametrize("use", [watch, enter_orders])
@pytest.mark.parametrize("connected", [False, True])
async def test_given_up_in_whatever_step(listening: tuple[Server, str], use: Use, connected: bool) -> None:
    """So many steps of the loop after the start, or after the server has the connection."""
    server, url = listening
    for steps in STEPS:
        server.accepted.clear()
        task = asyncio.create_task(use(url))
        if connected:
            await server.accepted.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        await give_up(task)
        assert await server.all_gone(), f"given up after {steps} steps"
