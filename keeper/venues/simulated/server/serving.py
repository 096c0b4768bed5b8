"""Serving an application of the venue, whatever its dialect, with the admin port until cancelled."""

import asyncio
import errno
from contextlib import AsyncExitStack, suppress

from aiohttp import web

from keeper.errors import ConfigError
from keeper.venues.simulated.server import admin
from keeper.venues.simulated.server.world import World


async def serve(
    app: web.Application,
    world: World,
    host: str,
    port: int,
    admin_port: int | None,
    ready: asyncio.Event | None = None,
) -> None:
    """Serves until cancelled. ConfigError when a port is taken; whatever stops the venue's blocks stops the server."""
    async with AsyncExitStack() as stack:
        await _listen(stack, app, host, port, "--port")
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
