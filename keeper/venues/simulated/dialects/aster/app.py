"""The application: /fapi REST, an empty /api (spot lists nothing), the public and the private socket.

The socket's path keeps `fstream`: ccxt tells futures from spot by that word in the URL.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import WSMsgType, web

from keeper.clock import LiveClock
from keeper.venues.simulated.dialects.aster.errors import AsterError
from keeper.venues.simulated.dialects.aster.private import Private
from keeper.venues.simulated.dialects.aster.public import Public
from keeper.venues.simulated.dialects.aster.publisher import AsterPublisher
from keeper.venues.simulated.dialects.aster.signing import Authority
from keeper.venues.simulated.dialects.aster.symbols import hours_of
from keeper.venues.simulated.dialects.interval_funding import settle_every
from keeper.venues.simulated.server.faults import middleware
from keeper.venues.simulated.server.hub import Connection
from keeper.venues.simulated.server.world import World

MAX_STREAMS = 200
ORDER_PATHS = ("/fapi/v3/order", "/fapi/v3/batchOrders", "/fapi/v1/order", "/fapi/v1/batchOrders")


def aster(world: World) -> web.Application:
    """Turns a fresh world into this venue: its publisher, its funding intervals, its routes."""
    settle_every(world.venue, hours_of)
    publisher = AsterPublisher(world)
    world.hub = publisher
    public = Public(publisher)
    rest = Rest(world, public, Private(publisher, public))
    socket = Socket(publisher, rest.private)
    app = web.Application(middlewares=[middleware(world.faults, *ORDER_PATHS)])
    app.router.add_route("*", "/fapi/{version}/{path:.+}", rest.futures)
    app.router.add_get("/api/{version}/{path:.+}", rest.spot)
    app.router.add_get("/fstream/stream", socket.public)
    app.router.add_get("/fstream/ws/{key}", socket.user)
    return app


def reply(payload: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(payload), status=status, content_type="application/json")


class Rest:
    def __init__(self, world: World, public: Public, private: Private) -> None:
        self._world, self._public, self.private = world, public, private
        self._authority = Authority(world.venue, LiveClock())

    async def futures(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        query = request.raw_path.partition("?")[2]
        try:
            if request.method == "GET" and self._public.knows(path):
                return reply(self._public.answer(path, dict(parse_qsl(query, keep_blank_values=True))))
            if not self.private.knows(request.method, path):
                return reply({"code": -5000, "msg": f"Path /fapi/{path}, Method {request.method} is invalid"}, 404)
            return await self._signed(request, path, query)
        except AsterError as error:
            return reply({"code": error.code, "msg": error.text}, error.status)

    async def _signed(self, request: web.Request, path: str, query: str) -> web.Response:
        raw = query if request.method == "GET" else (await request.text()) or query
        command = request.method != "GET"
        signed = self._authority.check(raw, command=command, approves_builder=path == "approveBuilder")
        return reply(self.private.answer(request.method, path, signed))

    async def spot(self, request: web.Request) -> web.Response:
        """Spot exists but lists nothing here."""
        answers: dict[str, Any] = {
            "ping": {},
            "time": {"serverTime": self._world.venue.now_ms()},
            "exchangeInfo": {
                "timezone": "UTC",
                "assets": self._public.answer("exchangeInfo", {})["assets"],
                "symbols": [],
            },
        }
        path = request.match_info["path"]
        if path not in answers:
            return reply({"code": -5000, "msg": f"Path /api/{path} is not served"}, 404)
        return reply(answers[path])


class Socket:
    def __init__(self, publisher: AsterPublisher, private: Private) -> None:
        self._publisher, self._private = publisher, private

    async def public(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, None)

    async def user(self, request: web.Request) -> web.WebSocketResponse:
        user = self._private.listen_keys.get(request.match_info["key"])
        if user is None:
            raise web.HTTPUnauthorized(text="unknown listen key")
        return await self._serve(request, user)

    async def _serve(self, request: web.Request, user: str | None) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, self._publisher.world.faults, silence_s=None)
        if user is not None:
            connection.topics["user", user] = {}
        self._publisher.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(connection, message.data)
        finally:
            self._publisher.connections.discard(connection)
            self._publisher.world.faults.forget(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    def _receive(self, connection: Connection, text: str) -> None:
        try:
            message = json.loads(text)
            method, streams, number = message["method"], list(message.get("params", ())), message.get("id")
        except (ValueError, TypeError, KeyError):
            connection.send('{"code":2,"msg":"Invalid request: malformed JSON"}')
            return
        unknown = [stream for stream in streams if not isinstance(stream, str) or not self._publisher.knows(stream)]
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or unknown:
            connection.send(json.dumps({"code": 2, "msg": f"Invalid request: {method} {unknown}", "id": number}))
            return
        if len(connection.topics) + len(streams) > MAX_STREAMS:
            connection.send(json.dumps({"code": 3, "msg": f"At most {MAX_STREAMS} streams", "id": number}))
            return
        for stream in streams:
            if method == "SUBSCRIBE":
                connection.topics[stream, ""] = {}
            else:
                connection.topics.pop((stream, ""), None)
        connection.send(json.dumps({"result": None, "id": number}))
