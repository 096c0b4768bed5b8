"""Leads while the lease is ours: waits for it, keeps it alive, and says when it is lost."""

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError

from keeper.errors import ConfigError
from keeper.monitoring import metrics
from keeper.persistence import Lease

log = structlog.get_logger(__name__)

BEATS = 5
"""Signs of life in one length of the lease."""


class Leadership:
    """`win`, then `keep` beside all other work. Beats on the event loop's time: a keeper that hangs stops leading."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._pause_s = lease.ttl_s / BEATS

    async def win(self, *, standby: bool) -> None:
        """Returns with the lease. Unless on standby it must be free now: ConfigError naming its holder otherwise."""
        metrics.leader.set(0)
        if not standby:
            await asyncio.to_thread(self._lease.take)
        else:
            log.info("standby", reason="waiting for the leader's lease")
            while not await self._try():  # noqa: ASYNC110 - the other one is no task of ours
                await asyncio.sleep(self._pause_s)
        metrics.leader.set(1)
        log.info("leader", epoch=self._lease.epoch)

    async def keep(self) -> None:
        """Never returns; raises NotLeader once another has taken over. A database that does not answer is asked again:
        meanwhile the lease runs out, and nothing is sent."""
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                await asyncio.to_thread(self._lease.beat)
            except (DBAPIError, ConfigError) as error:
                log.warning("no beat", reason=str(error), remaining_s=round(self._lease.remaining_s(), 1))
            metrics.leader.set(self._lease.valid())

    async def _try(self) -> bool:
        try:
            return await asyncio.to_thread(self._lease.try_take)
        except (DBAPIError, ConfigError) as error:
            log.warning("lease unread", reason=str(error))
            return False
