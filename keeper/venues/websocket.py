"""A WebSocket that stays up: reconnects with full-jitter backoff, pings, and drops a connection gone silent.

Ages are measured on the monotonic clock. A channel that has been silent for longer than its limit means that the
connection is dead or lost its subscription, so it is closed and opened anew (a half-open socket never errs by itself).
A message is read in the same step in which the socket gives it out, and one wake-up hands over all that have come.
"""

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiohappyeyeballs import start_connection
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from picows.url import WSParsedURL

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
CONNECT_TIMEOUT_S = 5.0
NEXT_ADDRESS_S = 0.25
"""How long one address of a host is tried alone (RFC 8305, section 5)."""
LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes; a venue that sends more in one message is hung up on."""
MOST_WAITING = 1_000
"""Messages read and not yet handed over; the socket is not read on while there are more."""


class Up(msgspec.Struct, frozen=True):
    """Connected; the greeting has been sent."""


class Down(msgspec.Struct, frozen=True):
    reason: str


class Message(msgspec.Struct, frozen=True):
    """`content`: the message as the plan's `read` made it."""

    content: Any


Frame = Up | Down | Message


class WebSocketPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk: `greeting` is sent after every connect, `ping` every `ping_every_s`.

    `read(text)` gives the channel of a message (None = of none) and its content, and never raises; `silence_limits` the
    channels that must speak, each with its longest silence in seconds, counted from the connect on.
    """

    url: str
    greeting: Sequence[str]
    ping: str
    read: Callable[[str], tuple[str | None, Any]]
    silence_limits: Mapping[str, float]
    ping_every_s: float = 20.0


async def connect(listener: WSListener, url: str, *, largest: int) -> WSTransport:
    """A connection whose messages have at most `largest` bytes. OSError, WSError, or TimeoutError after 5 s.

    Given up half-way it leaves nothing open. (picows shields the handshake from a cancellation and forgets its
    transport; the socket is ours, so that it can be shut, which ends the transport.)
    """
    sockets: list[socket.socket] = []

    async def dial(parsed: WSParsedURL) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parsed.host, parsed.port, type=socket.SOCK_STREAM)
        sockets.append(await start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS_S))
        return sockets[-1]

    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            transport, _ = await ws_connect(
                lambda: listener, url, socket_factory=dial, websocket_handshake_timeout=None, max_frame_size=largest
            )
    except BaseException:
        for sock in sockets:
            with suppress(OSError):  # it may be closed already
                sock.shutdown(socket.SHUT_RDWR)
        raise
    return transport


async def supervise(plan: WebSocketPlan, *, jitter: random.Random | None = None) -> AsyncGenerator[Frame, None]:
    """Frames for ever: Up, messages, Down, then again after a pause. Close the generator to stop."""
    dice = jitter or random.Random()  # noqa: S311 - spreads reconnects, decides nothing
    attempt = 0
    while True:
        spoke = False
        connection = _connection(plan)
        try:
            async for frame in connection:
                spoke = spoke or isinstance(frame, Message)
                yield frame
        finally:
            await connection.aclose()
        attempt = 0 if spoke else attempt + 1
        await asyncio.sleep(dice.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))


async def _connection(plan: WebSocketPlan) -> AsyncGenerator[Frame, None]:
    """One connection from Up to Down; only Down when it cannot be made."""
    inbox = _Inbox(plan)
    try:
        transport = await connect(inbox, plan.url, largest=LARGEST_MESSAGE)
    except (OSError, TimeoutError, WSError) as error:
        yield Down(f"{plan.url}: {type(error).__name__} {error}".rstrip())
        return
    try:
        for text in plan.greeting:
            transport.send(WSMsgType.TEXT, text.encode())
        yield Up()
        next_ping = time.monotonic() + plan.ping_every_s
        while True:
            for _ in range(len(inbox.messages)):
                yield Message(inbox.next())
            if inbox.lost and not inbox.messages:
                yield Down(f"{plan.url}: {inbox.lost}")
                return
            if inbox.due:
                now = time.monotonic()
                if now >= next_ping:
                    transport.send(WSMsgType.TEXT, plan.ping.encode())
                    next_ping = now + plan.ping_every_s
                silent_at, quiet = inbox.first_silence()
                if now > silent_at:
                    yield Down(f"{plan.url}: no word on {quiet} for {plan.silence_limits[quiet]:g} s")
                    return
                inbox.look_in(min(next_ping, silent_at) - now)
            await inbox.wait()
    finally:
        inbox.close()
        transport.disconnect(graceful=False)


class _Inbox(WSListener):
    """What one connection has said: messages as they were read, and when each channel was heard last. `lost`: why no
    more will come; `due`: it is time to look at pings and silences."""

    def __init__(self, plan: WebSocketPlan) -> None:
        super().__init__()
        self.messages: deque[Any] = deque()
        self.lost = ""
        self.due = True
        self._plan = plan
        self._heard = dict.fromkeys(plan.silence_limits, time.monotonic())
        self._parts = bytearray()
        self._transport: WSTransport | None = None
        self._is_paused = False
        self._waiting: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def first_silence(self) -> tuple[float, str]:
        """When the first channel will have been silent for too long, if it says nothing until then, and which."""
        limits = self._plan.silence_limits
        return min(((at + limits[name], name) for name, at in self._heard.items()), default=(float("inf"), ""))

    def next(self) -> Any:
        if self._is_paused and len(self.messages) <= MOST_WAITING // 2 and self._transport is not None:
            self._is_paused = False
            self._transport.underlying_transport.resume_reading()
        return self.messages.popleft()

    def look_in(self, seconds: float) -> None:
        """`due` again after so long."""
        self.due = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    async def wait(self) -> None:
        """Until something has come, or is due."""
        if self.messages or self.lost or self.due:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin:
            self._take(frame.get_payload_as_utf8_text())
        elif kind is WSMsgType.TEXT or kind is WSMsgType.CONTINUATION:
            self._parts += frame.get_payload_as_memoryview()
            if len(self._parts) > LARGEST_MESSAGE:
                self._lose("a message of too many parts")
            elif frame.fin:
                text, self._parts = self._parts.decode(), bytearray()
                self._take(text)
        elif kind is WSMsgType.BINARY or kind is WSMsgType.CLOSE:
            self._lose(f"closed by the venue ({kind.name})")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._lose("closed by the venue")

    def _take(self, text: str) -> None:
        channel, content = self._plan.read(text)
        if channel in self._heard:
            self._heard[channel] = time.monotonic()
        self.messages.append(content)
        if len(self.messages) > MOST_WAITING and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.underlying_transport.pause_reading()
        self._wake()

    def _look(self) -> None:
        self.due = True
        self._wake()

    def _lose(self, reason: str) -> None:
        self.lost = self.lost or reason
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
