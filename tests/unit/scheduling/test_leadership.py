"""Leading: the standby waits for the leader's silence, the leader hears that it was followed."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from keeper.errors import ConfigError, NotLeader
from keeper.monitoring import metrics
from keeper.persistence import Database, Lease, schema
from keeper.scheduling.leadership import Leadership


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as opened:
        schema.upgrade(opened)
        yield opened


def leads() -> float | None:
    return metrics.registry.get_sample_value("prime_leader")


async def test_a_standby_leads_once_the_leader_is_silent(database: Database) -> None:
    first, second = Lease(database, ttl_s=1.0), Lease(database, ttl_s=1.0)
    leader, standby = Leadership(first), Leadership(second)
    await leader.win(standby=False)
    assert leads() == 1
    with pytest.raises(ConfigError, match="written by another process"):
        await standby.win(standby=False)
    waiting = asyncio.create_task(standby.win(standby=True))
    keeping = asyncio.create_task(leader.keep())
    await asyncio.sleep(2.5)
    assert not waiting.done(), "the leader was alive all the time"
    keeping.cancel()
    async with asyncio.timeout(20):
        await waiting
        assert (second.epoch, first.valid()) == (2, False)
        with pytest.raises(NotLeader, match="has taken over"):
            await leader.keep()
    first.drop()
    second.release()
