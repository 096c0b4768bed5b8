"""A venue that has forgotten a fill: passes every question on and leaves one trade out of the answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from aiohttp import web

from keeper.world.processes import LOOPBACK

FILL_QUESTIONS = ("userFills", "userFillsByTime")


@asynccontextmanager
async def forgetful_venue(url: str, tid: int) -> AsyncIterator[str]:
    """The address of a venue like the one at `url`, in whose record trade `tid` does not exist."""
    async with aiohttp.ClientSession(url) as session:

        async def answer(request: web.Request) -> web.Response:
            question = await request.read()
            async with session.post("/info", data=question, headers={"Content-Type": "application/json"}) as response:
                body, status = await response.read(), response.status
            if msgspec.json.decode(question).get("type") in FILL_QUESTIONS:
                fills = [fill for fill in msgspec.json.decode(body) if fill["tid"] != tid]
                body = msgspec.json.encode(fills)
            return web.Response(body=body, status=status, content_type="application/json")

        app = web.Application()
        app.router.add_post("/info", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, LOOPBACK, 0)
            await site.start()
            _, port = runner.addresses[0][:2]
            yield f"http://{LOOPBACK}:{port}"
        finally:
            await runner.cleanup()
