"""The chain's fixtures, and a venue that answers `/info` with what a test puts into it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from tests.simulation.chain.conftest import anvil_url, deployed, w3

__all__ = ["anvil_url", "deployed", "w3"]


class Venue:
    """Answers by kind of request; records whom it was asked about."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "meta": {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]},
            "userFillsByTime": [],
            "userFunding": [],
            "userNonFundingLedgerUpdates": [],
            "fundingHistory": [],
        }
        self.users: set[str] = set()
        self.url = ""

    async def info(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.users |= {body["user"]} if "user" in body else set()
        return web.json_response(self.answers[body["type"]])


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    venue = Venue()
    app = web.Application()
    app.router.add_post("/info", venue.info)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    venue.url = f"http://{host}:{port}"
    yield venue
    await runner.cleanup()
