"""A withdrawal larger than the vault's idle cash: the keeper brings the rest home from its seats by itself, in time."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

import pytest
import pytest_asyncio

from keeper.chain.vault import Vault
from keeper.cli.demo import run_audit
from keeper.demo.client import Wish
from keeper.demo.local_world import VENUES, LocalWorld
from keeper.model.amounts import MICRO
from keeper.model.events import ChainLogSeen, RebalanceDecided
from keeper.replay import KINDS
from tests.e2e.world import CORE, SEAT, FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_recall"),
    pytest.mark.timeout(300),
]

DEPOSITS = (60_000, 45_000, 25_000)
WITHDRAWN = 12_000 * MICRO
"""Less than the tenth that may leave in a day, more than twice the idle cash and what one seat can spare."""


class FullyPlaced(LocalWorld):
    """Nearly all cash lies at the venues."""

    specs = (replace(VENUES[0], base_target_bps=5_950), replace(VENUES[1], base_target_bps=3_750))
    limits: ClassVar[dict[str, dict[str, int]]] = {"seatVenue": {"relativeCapBps": 3_800}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    async with funded_world(tmp_path_factory.mktemp("recall"), deposits=DEPOSITS, kind=FullyPlaced) as it:
        await it.freeze_prices()
        yield it


async def test_a_withdrawal_beyond_idle_cash_is_paid_from_both_seats(world: FundedWorld) -> None:
    client, other = world.clients[:2]
    vault = Vault(world.local.w3, world.local.deployment.contracts.vault)
    await world.story.commit()
    held = await other.order(
        world.local.http, Wish("ETH-PERP", "buy", Decimal("1")), world.local.clock.now_ms() // 1000
    )
    assert held.status == "filled", held
    top_ups = len((await world.status()).top_ups)
    idle = (await vault.state()).idle
    assert idle < WITHDRAWN // 3

    ticket = await client.request_withdrawal(WITHDRAWN)

    async def is_home() -> bool:
        await world.advance(5)
        return (await vault.state()).idle >= WITHDRAWN

    await world.until("the cash is home", is_home)
    asked = {log.args["venue"].lower() for log in world.events(ChainLogSeen) if log.name == "RecallAsked"}
    assert asked == {world.local.adapter(CORE), world.local.adapter(SEAT)}
    for venue in asked:
        assert (await vault.venue_of(venue)).recalling == 0

    await world.story.commit()  # a commit must lie between the request and its approval (rule A7)
    await world.story.commit()
    assert (await vault.ticket_of(ticket)).payable == WITHDRAWN
    assert await client.claim() == WITHDRAWN
    status = await world.status()
    assert [seat.frozen for seat in status.seats] == [None, None]
    assert len(status.top_ups) == top_ups, "what came home was sent out again"

    await world.story.commit()
    report = await asyncio.to_thread(run_audit, world.local)
    assert report["findings"] == []
    assert report["agrees"]


async def test_every_decision_of_the_day_comes_out_the_same(world: FundedWorld) -> None:
    """`prime replay` on the database of the running keeper."""
    command = (sys.executable, "-m", "keeper", "replay", "--database", str(world.local.database), "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    verdicts = json.loads(output)
    assert [verdict for verdict in verdicts if not verdict["same"]] == []
    assert {verdict["kind"] for verdict in verdicts} == set(KINDS)
    assert process.returncode == 0
    decided = world.events(RebalanceDecided)
    assert {move.venue for event in decided for move in event.recalls} == {
        world.local.adapter(CORE),
        world.local.adapter(SEAT),
    }
    assert any(event.top_ups for event in decided)
