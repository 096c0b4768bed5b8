"""A stand-in venue: an aiohttp server on loopback whose answers a test decides."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RECORDED = Path(__file__).parents[2] / "data" / "hyperliquid"


def recorded(name: str) -> Any:
    """The response in a file of tests/data/hyperliquid."""
    return json.loads((RECORDED / f"{name}.json").read_text())["response"]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[dict[str, Handler]], Awaitable[str]]]:
    """Starts a server with the given handlers by path (`/ws` is a GET); returns its URL."""
    servers: list[TestServer] = []

    async def start(handlers: dict[str, Handler]) -> str:
        app = web.Application()
        for path, handler in handlers.items():
            app.router.add_route("GET" if path == "/ws" else "POST", path, handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()
