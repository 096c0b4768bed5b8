"""Execution quality of real orders in the local world: measured by the keeper, stored, replayed by `prime recheck`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio

from keeper.api.views import TcaView
from keeper.demo.local_world import CLIENT_INDEXES
from keeper.model.events import TopsSeen
from tests.e2e.world import FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_tca"),
    pytest.mark.timeout(240),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    async with funded_world(
        tmp_path_factory.mktemp("tca"), deposits=(20_000, 20_000, 1_000), attestors=(), settles=False
    ) as it:
        yield it


async def prime(world: FundedWorld, *words: str) -> tuple[int, str]:
    """Exit code and output of the command, asked of this world's keeper."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "keeper", *words, "--api", world.local.api, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_orders_are_measured_and_their_decisions_replay(world: FundedWorld) -> None:
    for index, (size, side) in enumerate([("0.05", 0), ("3", 1)]):
        order = world.order(world.clients[index], size=Decimal(size), side=side, holdingHours=8)
        done = await world.submit(world.sign(order, CLIENT_INDEXES[index]))
        assert done.status == "filled", done

    async def is_measured() -> bool:
        return len([look for look in world.events(TopsSeen) if look.moment == "after"]) >= 2

    await world.until("looks at the market after the fills are stored", is_measured)
    code, output = await prime(world, "tca", "--json")
    assert code == 0
    view = msgspec.json.decode(output, type=TcaView, strict=False)
    assert view.summary.measured["shortfall_bps"] == view.summary.filled_orders == 2
    for report in view.orders:
        parts = (report.delay_bps, report.trading_bps, report.opportunity_bps, report.fees_bps)
        known = [part for part in parts if part is not None]
        assert len(known) == 4
        assert sum(known, Decimal(0)) == report.shortfall_bps
        assert report.effective_spread_bps is not None
        assert report.cost_bps is not None
        if report.best_single_cost_bps is not None:
            assert report.improvement_ex_post_bps is not None
            expected = report.best_single_cost_bps - report.cost_bps
            assert abs(report.improvement_ex_post_bps - expected) <= Decimal("0.0001")
    code, output = await prime(world, "recheck", "--json")
    verdicts = json.loads(output)
    assert (code, len(verdicts)) == (0, 2), output
    assert all(verdict["identical"] and verdict["verified"] for verdict in verdicts)


async def test_an_unknown_order_has_no_measures(world: FundedWorld) -> None:
    assert (await prime(world, "tca", "--order", "0x00"))[0] == 1
    assert (await prime(world, "recheck", "0x00"))[0] == 1
