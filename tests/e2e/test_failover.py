"""The leader is frozen (SIGSTOP) in the middle of a commit, and goes on (SIGCONT) once the standby leads: one commit of
each epoch, one writer of the books, and the old leader ends by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from keeper.demo.local_world import ATTESTOR_INDEXES
from keeper.ledger import Books
from keeper.persistence import Database, verify
from keeper.world.processes import Process
from tests.databases import MakeUrl, query
from tests.e2e.test_kill import (
    DEPOSIT,
    a_commit_waits_for_a_block,
    commits_on_chain,
    must_agree,
    next_commit_is_due,
    prepared,
    reaches,
)
from tests.e2e.world import CORE, FundedWorld, funded_world, pause, resume

pytestmark = [pytest.mark.xdist_group("e2e_failover"), pytest.mark.timeout(580)]


@pytest.fixture
async def world(tmp_path: Path, make_url: MakeUrl) -> AsyncIterator[FundedWorld]:
    attestors = ATTESTOR_INDEXES[:2]
    async with funded_world(
        tmp_path, deposits=(DEPOSIT,) * 3, attestors=attestors, settles=False, database=make_url()
    ) as world:
        world.kill_keeper()
        world.local.settle_by_itself = True
        await world.restart_keeper()
        await reaches(world, 1)
        yield world


@pytest.mark.parametrize("make_url", [pytest.param("sqlite", marks=pytest.mark.deep), "postgresql"], indirect=True)
async def test_one_commit_and_one_writer(world: FundedWorld) -> None:
    """Twice: with the commit sent and waiting for its block, and just as it has been written down."""
    old, fresh = world.local.keeper, world.local.start_standby
    standby = fresh()
    epoch = await sent_but_in_no_block(world, old)
    await takes_over(world, old, standby, epoch)

    leader, standby = standby, fresh()
    count, epoch = await due_of(world, leader)
    await prepared(world, count)
    pause(leader)
    await takes_over(world, leader, standby, epoch)

    await must_agree(world, epoch)
    fences = [fence for _, fence in await commits_on_chain(world)]
    assert fences == sorted(fences)
    assert fences[-1] > fences[0]
    with closing(Database(world.local.database)) as database:
        verify(database, Books().apply)


async def sent_but_in_no_block(world: FundedWorld, leader: Process) -> int:
    """Freezes the leader while its commit is in the node's pool; the epoch."""
    standby_api = world.local.api
    world.local.api = api_of(leader)
    try:
        epoch = await a_commit_waits_for_a_block(world)
        pause(leader)
    finally:
        resume(world.local.venues[CORE])
        world.local.api = standby_api
    return epoch


async def due_of(world: FundedWorld, leader: Process) -> tuple[int, int]:
    standby_api = world.local.api
    world.local.api = api_of(leader)
    try:
        return await next_commit_is_due(world)
    finally:
        world.local.api = standby_api


def api_of(keeper: Process) -> str:
    return f"http://127.0.0.1:{keeper.port}"


async def takes_over(world: FundedWorld, old: Process, standby: Process, epoch: int) -> None:
    """The standby leads and has this epoch's commit; then the old leader goes on, writes nothing, and ends."""
    local = world.local
    local.processes.forget(old)
    try:
        await world.ready()
        await reaches(world, epoch)
        local.keeper = standby
        resume(old)
        assert await asyncio.to_thread(old.popen.wait, 60) == 1
    finally:
        old.kill()
    assert "has taken over" in old.log.read_text().splitlines()[-1]
    ((leader,),) = query(local.database, "SELECT holder FROM lease")
    assert leader.endswith(f":{standby.popen.pid}")
