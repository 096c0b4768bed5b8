"""Order entry over one WebSocket: the venue's `post` requests (docs, post requests), so that sending an order is one
write on a connection that is open already.

A command is written once and never repeated here. What was written but not answered (the connection broke, or the time
is over) is of unknown outcome; what could not be written at all may go another way.
"""

import asyncio
import random
import time
from urllib.parse import urlsplit

import msgspec
import structlog
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport

from keeper.errors import UnknownOutcome
from keeper.monitoring import metrics
from keeper.venues.limits import IpLimit, Purpose
from keeper.venues.websocket import FIRST_PAUSE_S, LONGEST_PAUSE_S, connect

log = structlog.get_logger()

PING = b'{"method":"ping"}'
PING_EVERY_S = 20.0
SILENCE_S = 45.0
MOST_IN_FLIGHT = 100
"""Requests posted and not answered, of one connection (docs, rate limits)."""
LARGEST_ANSWER = 1 << 20


Answer = asyncio.Future[bytes]
"""Of a request that was written: what `/exchange` would have answered. Fails with UnknownOutcome."""
Written = tuple[int, Answer]
"""A request's number, and its answer to come."""


class _Message(msgspec.Struct):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    type: str
    payload: msgspec.Raw


class _Answer(msgspec.Struct):
    id: int
    response: _Response


_message = msgspec.json.Decoder(_Message)
_answer = msgspec.json.Decoder(_Answer)


class OrderEntry:
    """Keeps the connection to `base_url` open from `start` to `close`, with pings and reconnects.

    `limit`: what this address may ask of the venue, shared with its HTTP requests. A connection on which an answer was
    overdue is not written to again before it has been heard.
    """

    def __init__(self, base_url: str, limit: IpLimit, *, timeout_s: float = 5.0) -> None:
        self.name = urlsplit(base_url).netloc
        self.url = "ws" + base_url.removeprefix("http").rstrip("/") + "/ws"
        self._limit = limit
        self._timeout_s = timeout_s
        self._transport: WSTransport | None = None
        self._loop: asyncio.AbstractEventLoop
        self._waiting: dict[int, Answer] = {}
        self._number = 0
        self._heard_s = 0.0
        self._doubtful = False
        self._gone = asyncio.Event()
        self._first = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        return self._transport is not None and not self._doubtful and len(self._waiting) < MOST_IN_FLIGHT

    async def start(self) -> None:
        """Returns when the first attempt to connect has ended, whether or not it succeeded."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._keep_open())
            await self._first.wait()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def write(self, body: bytes) -> Written | None:
        """Posts a signed body (JSON) now. None = nothing was written, because there is no connection that can be
        trusted."""
        if self._transport is None or not self.is_ready:
            return None
        self._number = number = self._number + 1
        answer: Answer = self._loop.create_future()
        self._waiting[number] = answer
        request = b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (number, body)
        self._transport.send(WSMsgType.TEXT, request)
        return number, answer

    async def post(self, body: bytes, *, purpose: Purpose, call: str, weight: float = 1) -> bytes | None:
        """The answer to a signed body. UnknownOutcome when none came, None when nothing was written."""
        if not self.is_ready:
            return None
        await self._limit.acquire(weight, purpose)
        written = self.write(body)
        return None if written is None else await self.answer(*written, call)

    async def answer(self, number: int, answer: Answer, call: str) -> bytes:
        """Waits for what `write` gave out; UnknownOutcome after the timeout."""
        started, result = time.monotonic(), "unknown"
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await answer
            result = "ok"
        except TimeoutError as error:
            self._doubtful = True
            raise UnknownOutcome(f"{self.url}: no answer within {self._timeout_s:g} s") from error
        finally:
            self._waiting.pop(number, None)
            metrics.venue_latency.labels(self.name, call, result).observe(time.monotonic() - started)
        return body

    # the connection

    async def _keep_open(self) -> None:
        dice, attempt = random.Random(), 0  # noqa: S311 - spreads reconnects, decides nothing
        while True:
            try:
                transport = await connect(_Listener(self), self.url, largest=LARGEST_ANSWER)
            except (OSError, TimeoutError, WSError) as error:
                log.warning("order_entry_down", url=self.url, reason=f"{type(error).__name__} {error}".rstrip())
                attempt += 1
            else:
                attempt = 0
                await self._until_gone(transport)
            finally:
                self._first.set()
            await asyncio.sleep(dice.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))

    async def _until_gone(self, transport: WSTransport) -> None:
        self._first.set()
        try:
            while not self._gone.is_set():
                try:
                    async with asyncio.timeout(PING_EVERY_S):
                        await self._gone.wait()
                except TimeoutError:
                    if time.monotonic() - self._heard_s > SILENCE_S:
                        return
                    transport.send(WSMsgType.TEXT, PING)
        finally:
            transport.disconnect(graceful=False)
            self._down("closed")

    def _up(self, transport: WSTransport) -> None:
        self._gone.clear()
        self._transport, self._doubtful, self._heard_s = transport, False, time.monotonic()

    def _down(self, reason: str) -> None:
        """Whatever waits for an answer will not get one."""
        self._transport = None
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(UnknownOutcome(f"{self.url}: connection {reason} before the answer"))
        self._gone.set()

    def _received(self, frame: bytes) -> None:
        self._heard_s, self._doubtful = time.monotonic(), False
        try:
            message = _message.decode(frame)
            if message.channel != "post":
                return
            found = _answer.decode(message.data)
        except msgspec.MsgspecError as error:
            log.warning("order_entry_unreadable", url=self.url, error=str(error), frame=frame[:80])
            return
        answer = self._waiting.pop(found.id, None)
        if answer is None or answer.done():
            return
        if found.response.type == "action":
            answer.set_result(bytes(found.response.payload))
        else:  # may come from something in front of the venue after the venue has acted
            text = bytes(found.response.payload)[:200].decode(errors="replace")
            answer.set_exception(UnknownOutcome(f"{self.url}: {text}"))


class _Listener(WSListener):
    def __init__(self, entry: OrderEntry) -> None:
        super().__init__()
        self._entry = entry

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._entry._up(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if not frame.fin or frame.msg_type in (WSMsgType.CONTINUATION, WSMsgType.CLOSE):
            transport.disconnect()  # no answer of the venue is so long that it comes in parts
        elif frame.msg_type is WSMsgType.TEXT:
            self._entry._received(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._entry._down("lost")
