"""The application: /v1 REST and the socket at the same path.

ccxt asks for binary SBE frames by default and reads JSON text just as well; this server speaks JSON only.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import WSMsgType, web

from keeper.clock import LiveClock
from keeper.venues.simulated.dialects.continuous_funding import accrue_continuously
from keeper.venues.simulated.dialects.paradex.errors import ParadexError, invalid
from keeper.venues.simulated.dialects.paradex.publisher import PRIVATE, ParadexPublisher
from keeper.venues.simulated.dialects.paradex.rest import Rest
from keeper.venues.simulated.dialects.paradex.signing import Authority, Owner
from keeper.venues.simulated.server.faults import middleware
from keeper.venues.simulated.server.hub import Connection
from keeper.venues.simulated.server.world import World


def paradex(world: World) -> web.Application:
    """Turns a fresh world into this venue: its publisher, its funding index, its routes."""
    publisher = ParadexPublisher(world, accrue_continuously(world.venue))
    world.hub = publisher
    authority = Authority(LiveClock())
    server = Server(world, publisher, authority)
    app = web.Application(middlewares=[middleware(world.faults, "/v1/orders", "/v1/orders/batch")])
    app.router.add_get("/v1", server.socket)
    app.router.add_route("*", "/v1/{path:.+}", server.rest)
    return app


def reply(payload: Any, status: int = 200) -> web.Response:
    if payload is None:
        return web.Response(status=204)
    return web.Response(body=msgspec.json.encode(payload), status=status, content_type="application/json")


class Server:
    def __init__(self, world: World, publisher: ParadexPublisher, authority: Authority) -> None:
        self._world, self._publisher, self._authority = world, publisher, authority
        self._rest = Rest(publisher, authority)

    async def rest(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        params = dict(parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True))
        try:
            if request.method == "POST" and path == "auth":
                return reply({"jwt_token": self._authority.authenticate(request.headers)})
            if request.method == "POST" and path == "onboarding":
                owner = self._authority.onboard(request.headers, (await _json(request)).get("public_key"))
                self._publisher.accounts[owner.ethereum] = owner.account
                return reply({})
            if request.method == "GET":
                with suppress(KeyError):
                    return reply(self._rest.public(path, params))
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            owner = self._authority.bearer(token if scheme == "Bearer" else None)
            if request.method == "GET":
                with suppress(KeyError):
                    return reply(self._rest.private(owner, path, params))
                raise ParadexError("NOT_FOUND", f"no such path: {path}", 404)
            return await self._command(request, owner, path, params)
        except ParadexError as error:
            return reply({"error": error.code, "message": error.text, "data": None}, error.status)

    async def _command(self, request: web.Request, owner: Owner, path: str, params: dict[str, str]) -> web.Response:
        body = await _json(request) if request.method == "POST" else None
        match request.method, path:
            case "POST", "orders":
                answer = reply(self._rest.place(owner, body), 201)
            case "POST", "orders/batch":
                answer = reply(self._rest.place_batch(owner, body), 201)
            case "DELETE", "orders":
                self._rest.cancel_all(owner, params)
                answer = reply(None)
            case "DELETE", _ if path.startswith("orders/"):
                self._rest.cancel(owner, path)
                answer = reply(None)
            case "POST", _ if path.startswith("account/margin/"):
                answer = reply(self._rest.set_margin(owner, path.removeprefix("account/margin/"), body))
            case _:
                raise ParadexError("NOT_FOUND", f"no such command: {request.method} {path}", 404)
        return answer

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, self._world.faults, silence_s=None)
        owner: Owner | None = None
        self._publisher.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    owner = self._receive(connection, message.data, owner)
        finally:
            self._publisher.connections.discard(connection)
            self._publisher.world.faults.forget(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    def _receive(self, connection: Connection, text: str, owner: Owner | None) -> Owner | None:
        """Handles one message; returns who the connection speaks for from now on."""
        number = None
        try:
            message = json.loads(text)
            number, method, params = message.get("id"), message["method"], message.get("params") or {}
            if method == "auth":
                owner = self._authority.bearer(params.get("bearer"))
                result: dict[str, Any] = {"node_id": "simulated"}
            elif method in ("subscribe", "unsubscribe"):
                channel = str(params.get("channel"))
                self._subscribe(connection, channel, owner, wanted=method == "subscribe")
                result = {"channel": channel}
            else:
                raise LookupError(method)
        except ParadexError as error:
            _fail(connection, number, 40111, error.text)
        except LookupError as error:
            _fail(connection, number, -32600, f"invalid request: {error}")
        except (ValueError, AttributeError, TypeError):
            _fail(connection, number, -32700, "parse error")
        else:
            connection.send(json.dumps({"jsonrpc": "2.0", "result": result, "id": number}))
        return owner

    def _subscribe(self, connection: Connection, channel: str, owner: Owner | None, *, wanted: bool) -> None:
        if not self._publisher.knows(channel):
            raise LookupError(f"no channel {channel}")
        private = channel.partition(".")[0] in PRIVATE
        if private and owner is None:
            raise ParadexError("INVALID_TOKEN", "authenticate first")
        topic = channel, owner.ethereum if private and owner is not None else ""
        if wanted:
            connection.topics[topic] = {}
        else:
            connection.topics.pop(topic, None)


def _fail(connection: Connection, number: object, code: int, text: str) -> None:
    error = {"code": code, "message": text}
    connection.send(json.dumps({"jsonrpc": "2.0", "id": number, "error": error}))


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.text() or "null")
    except ValueError as error:
        raise invalid("body: not JSON") from error
