from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.simulation.attest.seat_world import SeatWorld, seat_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[SeatWorld]:
    async with seat_world(tmp_path) as world:
        yield world
