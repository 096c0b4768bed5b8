"""A proxy between an adapter and its venue that does to messages what networks and venues do to them.

Faults of commands and reads are ordered one by one and used up by the next request of their kind, commands that are
posted over a WebSocket included; the other frames of a WebSocket pass through `bend`, a function from one text to the
texts that arrive instead.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, Self

import aiohttp
from aiohttp import WSMsgType, web

HttpFault = Literal[
    "lost_request",  # never reaches the venue
    "lost_answer",  # done, then the connection breaks
    "late_answer",  # done, answered after the client's patience
    "delay",  # reaches the venue later
    "429",
    "500_before",  # refused by something in front of the venue
    "500_after",  # done, then a server error
    "html_after",  # done, then a gateway's page
    "truncated",  # done, half of the answer arrives
    "garbage",
    "empty",
    "renamed",  # every field of the answer has another name
    "not_a_number",  # every number in a text of the answer is NaN
    "twice",  # reaches the venue twice, the second answer arrives
    "twice_first",  # the same, the first answer arrives
]
HTTP_FAULTS: tuple[HttpFault, ...] = HttpFault.__args__  # type: ignore[attr-defined]

Bend = Callable[[str], Sequence[str]]


PostOf = Callable[[str], int | None]
"""The number of a command posted over a WebSocket, from its frame or from its answer's; None for other frames."""


def unbent(text: str) -> Sequence[str]:
    return (text,)


@dataclass
class _Ordered:
    kind: HttpFault
    commands: bool
    seconds: float


class FaultProxy:
    """Reaches the venue at `target`; `is_command(method, path)` tells commands from reads, `post_of` knows those that
    come over a WebSocket."""

    def __init__(self, target: str, is_command: Callable[[str, str], bool], post_of: PostOf) -> None:
        self._target = target
        self._is_command = is_command
        self._post_of = post_of
        self._ordered: list[_Ordered] = []
        self._sockets: set[web.WebSocketResponse] = set()
        self.bend: Bend = unbent
        self.mute = False
        """Half-open: the sockets stay, nothing passes to the client."""
        self.seen: list[str] = []
        """Frames as the venue sent them, newest last, at most 5,000."""
        self.commands = 0
        """Command requests that came in."""
        self.refuse_sockets = False
        self.random_fault: Callable[[bool], tuple[HttpFault, float] | None] = lambda _: None
        """Asked for each request (True = a command) when nothing was ordered: a fault and its seconds."""
        self.url = ""

    def order(self, kind: HttpFault, *, commands: bool = True, count: int = 1, seconds: float = 0.0) -> None:
        """The next `count` commands (or reads) fail in that way."""
        self._ordered += [_Ordered(kind, commands, seconds)] * count

    async def hang_up(self) -> None:
        """Breaks every open socket."""
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await socket.close()

    async def inject(self, text: str) -> None:
        """A frame that the venue never sent."""
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await socket.send_str(text)

    @classmethod
    @asynccontextmanager
    async def to(
        cls, target: str, is_command: Callable[[str, str], bool], post_of: PostOf = lambda _: None
    ) -> AsyncIterator[Self]:
        proxy = cls(target.rstrip("/"), is_command, post_of)
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", proxy._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        proxy._session = aiohttp.ClientSession()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
        finally:
            await proxy.hang_up()
            await proxy._session.close()
            await runner.cleanup()

    _session: aiohttp.ClientSession

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridge(request)
        is_command = self._is_command(request.method, request.path)
        self.commands += is_command
        fault = self._next(is_command)
        body = await request.read()
        match fault.kind if fault else None:
            case "lost_request":
                return _break(request)
            case "429":
                return web.Response(status=429, text="null")
            case "500_before":
                return web.Response(status=503, text='{"code":503}')
            case "delay":
                assert fault is not None
                await asyncio.sleep(fault.seconds)
            case "twice" | "twice_first":
                answers = [await self._forward(request, body) for _ in range(2)]
                return _respond(*answers[fault is not None and fault.kind == "twice"])
        status, answer = await self._forward(request, body)
        if fault is not None:
            return await _bent_answer(request, fault, status, answer)
        return _respond(status, answer)

    def _next(self, is_command: bool) -> _Ordered | None:
        for ordered in self._ordered:
            if ordered.commands == is_command:
                self._ordered.remove(ordered)
                return ordered
        chance = self.random_fault(is_command)
        return _Ordered(chance[0], is_command, chance[1]) if chance else None

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        kept = ("content-type", "authorization")
        headers = {
            key: value
            for key, value in request.headers.items()
            if key.lower() in kept or key.lower().startswith(("x-", "paradex"))
        }
        url = self._target + request.path_qs
        async with self._session.request(request.method, url, data=body or None, headers=headers) as response:
            return response.status, await response.read()

    async def _bridge(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_sockets:
            return web.Response(status=503)
        client = web.WebSocketResponse()
        await client.prepare(request)
        self._sockets.add(client)
        try:
            async with self._session.ws_connect(self._target + request.path_qs, max_msg_size=0) as venue:
                faults: dict[int, _Ordered] = {}
                up = asyncio.create_task(self._pump_up(client, venue, faults))
                try:
                    await self._pump_down(venue, client, faults)
                finally:
                    up.cancel()
                    with suppress(asyncio.CancelledError, ConnectionError):
                        await up
        finally:
            self._sockets.discard(client)
        return client

    async def _pump_up(
        self, client: web.WebSocketResponse, venue: aiohttp.ClientWebSocketResponse, faults: dict[int, _Ordered]
    ) -> None:
        async for message in client:
            if message.type is not WSMsgType.TEXT:
                continue
            number, copies = self._post_of(message.data), 1
            if number is not None:
                self.commands += 1
                fault = self._next(is_command=True)
                if fault is not None and fault.kind in ("lost_request", "429", "500_before"):
                    break  # whatever refuses it in front of the venue, a socket can only be hung up
                if fault is not None and fault.kind == "delay":
                    await asyncio.sleep(fault.seconds)
                elif fault is not None:
                    faults[number] = fault
                    copies += fault.kind in ("twice", "twice_first")
            for _ in range(copies):
                await venue.send_str(message.data)
        await venue.close()

    async def _pump_down(
        self, venue: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse, faults: dict[int, _Ordered]
    ) -> None:
        async for message in venue:
            if message.type is not WSMsgType.TEXT or self.mute:
                continue
            number = self._post_of(message.data)
            if number is not None:
                with suppress(ConnectionError):
                    await _answer(client, message.data, faults.pop(number, None))
                continue
            self.seen.append(message.data)
            del self.seen[:-5_000]
            for text in self.bend(message.data):
                with suppress(ConnectionError):
                    await client.send_str(text)
        with suppress(ConnectionError):
            await client.close()


def _break(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _respond(status: int, answer: bytes) -> web.Response:
    return web.Response(status=status, body=answer, content_type="application/json")


async def _bent_answer(request: web.Request, fault: _Ordered, status: int, answer: bytes) -> web.Response:
    match fault.kind:
        case "lost_answer":
            return _break(request)
        case "late_answer":
            await asyncio.sleep(fault.seconds)
        case "500_after":
            return web.Response(status=500, text="null")
        case "html_after":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        case "truncated":
            return _respond(status, answer[: len(answer) // 2])
        case "garbage":
            return _respond(status, b"\xff\xfe{{{\x00")
        case "empty":
            return _respond(status, b"")
        case "renamed":
            return _respond(status, renamed(answer.decode()).encode())
        case "not_a_number":
            return _respond(status, not_numbers(answer.decode()).encode())
    return _respond(status, answer)


async def _answer(client: web.WebSocketResponse, text: str, fault: _Ordered | None) -> None:
    """The answer to a posted command. Of the two to one that was posted twice, the client takes the first."""
    match fault.kind if fault else None:
        case "lost_answer" | "500_after" | "html_after":
            await client.close()
            return
        case "late_answer":
            assert fault is not None
            await asyncio.sleep(fault.seconds)
        case "truncated":
            text = text[: len(text) // 2]
        case "garbage":
            text = "{{{"
        case "empty":
            text = ""
        case "renamed":
            text = renamed(text)
        case "not_a_number":
            text = not_numbers(text)
        case "twice":
            return
    await client.send_str(text)


def renamed(text: str) -> str:
    """The same JSON, every field under another name."""
    return json.dumps(_walk(json.loads(text), lambda key: f"{key}New", lambda value: value))


def not_numbers(text: str) -> str:
    """The same JSON, `NaN` in place of every text that is a number."""
    return json.dumps(_walk(json.loads(text), lambda key: key, lambda value: "NaN" if _is_number(value) else value))


def truncated(text: str) -> Sequence[str]:
    return (text[: len(text) // 2],)


def in_pairs_swapped() -> Bend:
    """Every second frame arrives before the one it followed."""
    held: list[str] = []

    def bend(text: str) -> Sequence[str]:
        if not held:
            held.append(text)
            return ()
        return (text, held.pop())

    return bend


def by_chance(dice: random.Random, share: float) -> Bend:
    """Frames are lost, doubled, cut, renamed or filled with NaN, each with a chance of `share` / 5."""
    ways: tuple[Bend, ...] = (
        lambda _: (),
        lambda text: (text, text),
        truncated,
        lambda text: (renamed(text),),
        lambda text: (not_numbers(text),),
    )
    return lambda text: dice.choice(ways)(text) if dice.random() < share else (text,)


def _walk(value: Any, name: Callable[[str], str], leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name(key): _walk(item, name, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, name, leaf) for item in value]
    return leaf(value)


def _is_number(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
