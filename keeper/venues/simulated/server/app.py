"""The venue's HTTP application."""

import asyncio
import time
from typing import Any

from aiohttp import web

from keeper.venues.simulated.server import serving, weights
from keeper.venues.simulated.server.faults import middleware
from keeper.venues.simulated.server.replies import BadRequest, failure, read_json, reply, too_many
from keeper.venues.simulated.server.socket import SocketHandler
from keeper.venues.simulated.server.world import World


def application(world: World) -> web.Application:
    """/info, /exchange and /ws of one venue."""
    app = web.Application(middlewares=[_answer_bad_requests, middleware(world.faults, "/exchange")])
    socket = SocketHandler(world.venue, world.hub, world.info, world.exchange, world.faults, world.socket_limits)

    async def info(request: web.Request) -> web.Response:
        body = await read_json(request)
        caller = request.remote or ""
        if not world.ip_limits.admit(caller, weights.of_info(body), time.monotonic()):
            return too_many()
        answer = world.info.answer(body)
        world.ip_limits.add(caller, weights.of_answer(body, answer), time.monotonic())
        return reply(answer)

    async def exchange(request: web.Request) -> web.Response:
        body = await read_json(request)
        if not world.ip_limits.admit(request.remote or "", weights.of_action(body), time.monotonic()):
            return too_many()
        answer = world.exchange.answer(body)
        world.publish()
        return reply(answer)

    app.router.add_post("/info", info)
    app.router.add_post("/exchange", exchange)
    app.router.add_get("/ws", socket.handle)
    return app


@web.middleware
async def _answer_bad_requests(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequest as bad:
        return failure(bad)
    return response


async def serve(world: World, host: str, port: int, admin_port: int | None, ready: asyncio.Event | None = None) -> None:
    """As `serving.serve`, in Hyperliquid's own dialect."""
    await serving.serve(application(world), world, host, port, admin_port, ready)
