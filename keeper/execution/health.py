"""Which venues may be routed to. A venue leaves at its first sign of trouble and comes back only in step.

Two signs: a command whose outcome is not known, and a heartbeat (a read of the venue's own time) that fails or does not
come within its period. What is held there stays in every margin sum; only new children go elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from keeper.errors import UnknownOutcome, VenueError
from keeper.venues.base import ExecutionClient

log = structlog.get_logger()


class VenueHealth:
    """`resync(venue)` books what was missed; it is awaited before a venue comes back. All venues start as usable."""

    def __init__(
        self,
        clients: Mapping[str, ExecutionClient],
        resync: Callable[[str], Awaitable[None]],
        *,
        heartbeat_s: float,
    ) -> None:
        self._clients = clients
        self._resync = resync
        self._heartbeat_s = heartbeat_s
        self._out: dict[str, str] = {}

    def usable(self, venue: str) -> bool:
        return venue not in self._out

    def why_out(self, venue: str) -> str:
        """Empty while it is usable."""
        return self._out.get(venue, "")

    def doubt(self, venue: str, reason: str) -> None:
        """Takes a venue out of routing."""
        if venue not in self._out:
            log.warning("venue_out_of_routing", venue=venue, reason=reason)
        self._out[venue] = reason

    def answered(self, venue: str) -> None:
        """The venue has answered for the command that was in doubt, and its fills are booked: it is in step."""
        if self._out.pop(venue, None) is not None:
            log.info("venue_back_in_routing", venue=venue)

    async def beat(self, venue: str) -> None:
        """One heartbeat: out when it fails, back after a resync when it does not."""
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await self._clients[venue].now_ms()
                if not self.usable(venue):
                    await self._resync(venue)
        except TimeoutError:
            self.doubt(venue, f"no answer within {self._heartbeat_s:g} s")
        except (UnknownOutcome, VenueError) as error:
            self.doubt(venue, str(error))
        else:
            self.answered(venue)

    async def watch(self, venue: str) -> None:
        """Beats for ever, once each period."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.beat(venue)
            await asyncio.sleep(max(0.0, began + self._heartbeat_s - loop.time()))
