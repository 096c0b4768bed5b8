"""GET /ws: subscribe, unsubscribe, ping, and requests posted over the socket."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from keeper.errors import InputError
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.limits import TOPICS, USERS, SocketLimits
from keeper.venues.simulated.server import topics
from keeper.venues.simulated.server.exchange import Exchange
from keeper.venues.simulated.server.faults import Fault, Faults, PostError
from keeper.venues.simulated.server.hub import Connection, Hub
from keeper.venues.simulated.server.info import Info
from keeper.venues.simulated.server.replies import BadRequest, too_many


class Message(msgspec.Struct):
    method: str
    subscription: dict[str, Any] | None = None
    id: int | None = None
    request: dict[str, Any] | None = None


class SocketHandler:
    """Serves one venue's sockets."""

    def __init__(
        self,
        venue: Venue,
        hub: Hub,
        info: Info,
        exchange: Exchange,
        faults: Faults | None = None,
        limits: SocketLimits | None = None,
    ) -> None:
        self._venue, self._hub, self._info, self._exchange = venue, hub, info, exchange
        self._faults, self._limits = faults, limits or SocketLimits()
        self._failing: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ip = request.remote or ""
        if not self._limits.connect(ip, time.monotonic()):
            return too_many()
        try:
            return await self._serve(request, ip)
        finally:
            self._limits.close(ip)

    async def _serve(self, request: web.Request, ip: str) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, self._faults, ip)
        self._hub.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                if not self._limits.message(ip, time.monotonic()):
                    await socket.close()  # the venue hangs up on who talks too much
                    break
                self._receive(connection, message.data)
        finally:
            self._hub.connections.discard(connection)
            if self._faults is not None:
                self._faults.forget(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    def _receive(self, connection: Connection, text: str) -> None:
        try:
            message = msgspec.json.decode(text, type=Message)
        except msgspec.DecodeError:
            connection.send_message("error", f"Error parsing JSON into valid websocket request: {text}")
            return
        if message.method == "ping":
            connection.send('{"channel":"pong"}')
        elif message.method == "post" and message.request is not None and message.id is not None:
            self._post(connection, message.id, message.request)
        elif message.method in ("subscribe", "unsubscribe") and message.subscription is not None:
            self._subscription(connection, message.method, message.subscription)
        else:
            connection.send_message("error", f"Error parsing JSON into valid websocket request: {text}")

    def _subscription(self, connection: Connection, method: str, wanted: dict[str, Any]) -> None:
        try:
            topic, normal = topics.read(self._venue, wanted)
        except InputError:
            connection.send_message("error", f"Invalid subscription {topics.shown(wanted)}")
            return
        shown = topics.shown(normal)
        if method == "unsubscribe":
            if connection.topics.pop(topic, None) is None:
                connection.send_message("error", f"Already unsubscribed: {shown}")
                return
        elif topic in connection.topics:
            connection.send_message("error", f"Already subscribed: {shown}")
            return
        elif (refusal := self._limit(connection, topic)) is not None:
            connection.send_message("error", refusal)
            return
        connection.send_message("subscriptionResponse", {"method": method, "subscription": normal})
        if method == "subscribe":
            connection.topics[topic] = normal
            self._hub.snapshot(connection, topic)

    def _post(self, connection: Connection, number: int, request: dict[str, Any]) -> None:
        fault = self._faults.next() if self._faults is not None and request.get("type") == "action" else None
        if fault is not None:
            task = asyncio.create_task(self._fail(connection, number, request, fault))
            self._failing.add(task)
            task.add_done_callback(self._failing.discard)
        else:
            connection.send_message("post", {"id": number, "response": self._answer(request)})

    async def _fail(self, connection: Connection, number: int, request: dict[str, Any], fault: Fault) -> None:
        assert self._faults is not None
        given = await self._faults.of_post(fault, lambda: self._answer(request))
        if isinstance(given, PostError):
            given = {"type": "error", "payload": given.text}
        if given is not None:
            connection.send_message("post", {"id": number, "response": given})
        elif fault.kind != "half_open":
            connection.close_soon()
        await self._faults.passed()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        kind, payload = request.get("type"), request.get("payload")
        try:
            if kind == "action":
                answer: Any = self._exchange.answer(payload)
                self._hub.publish_events(self._venue.drain())
            elif kind == "info" and isinstance(payload, dict):
                answer = {"type": payload.get("type"), "data": self._info.answer(payload)}
            else:
                raise BadRequest(422, "Error parsing JSON into valid websocket request")
            return {"type": kind, "payload": answer}
        except BadRequest as bad:
            return {"type": "error", "payload": bad.text}

    def _limit(self, connection: Connection, topic: topics.Topic) -> str | None:
        """Counted over all sockets of the address where the limits are on, else for each socket by itself."""
        same = [other for other in self._hub.connections if other.ip == connection.ip] if self._limits.on else []
        wanted = [other for one in same or [connection] for other in one.topics]
        if len(wanted) >= TOPICS:
            return f"Cannot subscribe to more than {TOPICS} channels."
        users = {topics.user_of(other) for other in wanted} - {None}
        user = topics.user_of(topic)
        if user is not None and user not in users and len(users) >= USERS:
            return f"Cannot track more than {USERS} total users."
        return None
