import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from keeper.clock import TestClock
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.tape.recording import load
from tests.simulation.bridge.local_chain import Chain, Contracts, deploy_stand_ins, running_chain


@pytest.fixture
def clock() -> TestClock:
    return TestClock(time.time_ns() // 1_000_000 + 60_000)  # ahead of the node's own clock, which starts at now


@pytest.fixture
def venue(clock: TestClock) -> Venue:
    return Venue(load(), clock)


@pytest_asyncio.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    async for chain in running_chain(tmp_path):
        yield chain


@pytest_asyncio.fixture
async def contracts(chain: Chain) -> Contracts:
    return await deploy_stand_ins(chain)
