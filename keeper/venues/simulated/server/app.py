"""The venue's HTTP application, and serving it with its admin port until cancelled."""

import asyncio
import errno
import time
from contextlib import AsyncExitStack, suppress
from typing import Any

from aiohttp import web

from keeper.errors import ConfigError
from keeper.venues.simulated.server import admin, weights
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
    """Serves until cancelled. ConfigError when a port is taken; whatever stops the venue's blocks stops the server."""
    async with AsyncExitStack() as stack:
        await _listen(stack, application(world), host, port, "--port")
        if admin_port is not None:
            await _listen(stack, admin.routes(world), "127.0.0.1", admin_port, "--admin-port")
        blocks = asyncio.create_task(world.run())
        stack.push_async_callback(_stop, blocks)
        if ready is not None:
            ready.set()
        await blocks


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int, option: str) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ConfigError(f"{option} {port}: cannot listen on {host}: {error.strerror}") from error
        raise ConfigError(f"{option} {port} is in use: stop what listens there or choose another {option}") from error


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
