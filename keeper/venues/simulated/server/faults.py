"""Failures on order, for tests of whoever talks to the venue. Nothing here knows a dialect: any application takes
`middleware`, any connection asks `on_socket`.

Of a request: `delay` processed after `ms`; `drop_request` neither processed nor answered; `drop_ack` processed, not
answered; `error_after` processed, answered 503; `error` not processed, 503; `too_many` not processed, 429; `duplicate`
processed twice; `reorder` processed after the next request (or `ms`); `half_open` neither, the connection stays open.
Of a socket's messages: `ws_drop`, `ws_duplicate`, `ws_reorder` (after the next one), `ws_repeat_old` (an older one of
its channel once more: sequence and time go back), `ws_close`, `ws_half_open` (open, silent from then on).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Literal

import msgspec
from aiohttp import web

RequestKind = Literal[
    "delay", "drop_request", "drop_ack", "error_after", "error", "too_many", "duplicate", "reorder", "half_open"
]
SocketKind = Literal["ws_drop", "ws_duplicate", "ws_reorder", "ws_repeat_old", "ws_close", "ws_half_open"]
ORDER_PATH = "/exchange"
PATIENCE_MS = 2_000
HALF_OPEN_MS = 3_600_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(msgspec.Struct):
    """`count` requests (or messages) fail this way: those whose path is `path` (None: where orders go), those whose
    text contains `channel`."""

    kind: RequestKind | SocketKind
    count: int = 1
    ms: int = 0
    path: str | None = None
    channel: str | None = None


class PostError(msgspec.Struct, frozen=True):
    text: str


class Faults:
    """Counts down what was ordered; a request (or message) uses one of the first fault that fits and is left."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []
        self._passed = asyncio.Condition()
        self._count = 0
        self._held: dict[Hashable, list[str]] = defaultdict(list)
        self._older: dict[tuple[Hashable, str | None], str] = {}
        self._silent: set[Hashable] = set()

    def order(self, fault: Fault) -> None:
        self._ordered.append(fault)

    def clear(self) -> None:
        """What was ordered and did not happen yet does not happen; silent sockets stay silent."""
        self._ordered.clear()

    @property
    def left(self) -> int:
        """Requests and messages that are still to fail."""
        return sum(max(0, fault.count) for fault in self._ordered)

    def next(self, path: str = ORDER_PATH, *, order_paths: tuple[str, ...] = (ORDER_PATH,)) -> Fault | None:
        """The fault of this request, used up by one."""
        for fault in self._ordered:
            wanted = order_paths if fault.path is None else (fault.path,)
            if not fault.kind.startswith("ws_") and fault.count > 0 and path in wanted:
                return self._use(fault)
        return None

    def _use(self, fault: Fault) -> Fault:
        fault.count -= 1
        if fault.count <= 0:
            self._ordered.remove(fault)
        return fault

    # --- requests ---------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request, handler: Handler, order_paths: tuple[str, ...]) -> web.StreamResponse:
        fault = self.next(request.path, order_paths=order_paths)
        try:
            return await handler(request) if fault is None else await self._fail(fault, request, handler)
        finally:
            await self.passed()

    async def _fail(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        kind = fault.kind
        await request.read()  # it has arrived, whatever becomes of its sender meanwhile
        if kind == "too_many":
            return web.Response(status=429, text="null", content_type="application/json")
        if kind == "error":
            return _unavailable()
        if await before(fault):
            return hang_up(request)
        if kind == "reorder":
            await self._let_pass((fault.ms or PATIENCE_MS) / 1000)
        answer = await handler(request)
        if kind == "duplicate":
            await handler(request)
        if kind == "error_after":
            return _unavailable()
        return hang_up(request) if kind == "drop_ack" else answer

    async def of_post(self, fault: Fault, answer: Callable[[], Any]) -> Any:
        """The same failures of a request posted over a socket, which `answer` performs: what is sent back, an error's
        text as `PostError`; None = nothing, and the connection breaks, except for `half_open`."""
        kind = fault.kind
        if kind == "too_many":
            return PostError("429 Too Many Requests")
        if kind == "error":
            return PostError("503 Service Unavailable")
        if await before(fault):
            return None
        if kind == "reorder":
            await self._let_pass((fault.ms or PATIENCE_MS) / 1000)
        given = answer()
        if kind == "duplicate":
            answer()
        if kind == "error_after":
            return PostError("503 Service Unavailable")
        return None if kind == "drop_ack" else given

    async def passed(self) -> None:
        """A request has been answered."""
        async with self._passed:
            self._count += 1
            self._passed.notify_all()

    async def _let_pass(self, seconds: float) -> None:
        """Until another request has been answered."""
        seen = self._count
        async with self._passed:
            try:
                async with asyncio.timeout(seconds):
                    await self._passed.wait_for(lambda: self._count > seen)
            except TimeoutError:
                return

    def is_silent(self, connection: Hashable) -> bool:
        return connection in self._silent

    def forget(self, connection: Hashable) -> None:
        """The connection is gone."""
        self._silent.discard(connection)
        self._held.pop(connection, None)
        for key in [key for key in self._older if key[0] == connection]:
            del self._older[key]

    # --- sockets ----------------------------------------------------------------------------------------------

    def on_socket(self, connection: Any, text: str) -> tuple[str, ...]:
        """What is really sent instead of `text`, in order. `connection` has a `close_soon`, called for `ws_close`."""
        if connection in self._silent:
            return ()
        held = self._held.pop(connection, [])
        for fault in self._ordered:
            if fault.kind.startswith("ws_") and (fault.channel is None or f'"{fault.channel}"' in text):
                return (*self._socket_fault(self._use(fault), connection, text), *held)
        return (text, *held)

    def _socket_fault(self, fault: Fault, connection: Any, text: str) -> tuple[str, ...]:
        key = (connection, fault.channel)
        match fault.kind:
            case "ws_duplicate":
                return text, text
            case "ws_reorder":
                self._held[connection].append(text)
                return ()
            case "ws_repeat_old":
                old = self._older.pop(key, None)
                if old is None:  # there is none yet: this one comes again after the next
                    self._older[key] = text
                    fault.count += 1
                    if fault not in self._ordered:
                        self._ordered.insert(0, fault)
                    return (text,)
                return text, old
            case "ws_half_open":
                self._silent.add(connection)
                return ()
            case "ws_close":
                connection.close_soon()
                return ()
            case _:
                return ()


def middleware(faults: Faults, *order_paths: str) -> Any:
    """For any application: the faults of its requests; `order_paths` are where its orders go."""

    @web.middleware
    async def inject(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        return await faults.answer(request, handler, order_paths or (ORDER_PATH,))

    return inject


async def before(fault: Fault | None) -> bool:
    """Waits for a delay, or as long as a half-open connection lasts; True when the request is to be dropped."""
    if fault is None:
        return False
    if fault.kind == "delay":
        await asyncio.sleep(fault.ms / 1000)
    elif fault.kind == "half_open":
        await asyncio.sleep((fault.ms or HALF_OPEN_MS) / 1000)
    return fault.kind in ("drop_request", "half_open")


def _unavailable() -> web.Response:
    return web.Response(status=503, text="Service Unavailable")


def hang_up(request: web.Request) -> web.Response:
    """Closes the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
