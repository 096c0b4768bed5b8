"""A running venue: its clock, its blocks, its subscribers, its chain link, and time travel."""

import asyncio
from typing import TYPE_CHECKING

from keeper.clock import Clock
from keeper.errors import ConfigError, InputError
from keeper.venues.simulated.engine import EngineOptions, Venue
from keeper.venues.simulated.funding import SAMPLE_MS
from keeper.venues.simulated.limits import IpLimits, SocketLimits
from keeper.venues.simulated.server.clock import VenueClock
from keeper.venues.simulated.server.exchange import Exchange
from keeper.venues.simulated.server.faults import Faults
from keeper.venues.simulated.server.hub import Hub
from keeper.venues.simulated.server.info import Info
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording

if TYPE_CHECKING:
    from keeper.venues.simulated.bridge import ChainLink

BLOCK_S = 0.2
BREATHER_SAMPLES = 24


class World:
    """Owns the venue's blocks: nothing else steps it."""

    def __init__(
        self, recording: Recording, base: Clock, options: EngineOptions, *, tape_start_ms: int | None = None
    ) -> None:
        self.clock = VenueClock(base)
        self.venue = Venue(recording, self.clock, options, tape_start_ms=tape_start_ms)
        self.info = Info(self.venue)
        self.exchange = Exchange(self.venue)
        self.hub = Hub(self.venue, self.info)
        self.faults = Faults()
        self.ip_limits = IpLimits()
        self.socket_limits = SocketLimits()
        self.link: ChainLink | None = None  # what joins the venue to a chain
        self._stepping = asyncio.Lock()
        self.venue.before_funding = self._publish_instant

    def fund(self, account: str, micro: int) -> None:
        """Credits exactly this much to the perpetual balance, out of nowhere, as a deposit."""
        number = len(self.venue.state.accounts)
        tx_hash = self.venue.state.hash_of("fund", account, number, self.venue.now_ms())
        self.venue.deposit(account, micro, to_spot=False, hash=tx_hash)
        self.publish()

    def add_deposit(self, sender: str, account: str) -> None:
        """Transfers from this EVM address are this account's from now on."""
        if self.link is None or self.link.custody is None:
            raise ConfigError(
                "deposits: the venue has no custody account on a chain; start it with --rpc and --custody"
            )
        self.link.custody.map_deposits(((sender, account),))

    def publish(self) -> None:
        self.hub.publish_events(self.venue.drain())

    async def run(self) -> None:
        """A block every BLOCK_S by the monotonic clock; one that took too long delays the next, none is skipped."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            async with self._stepping:
                self.block()
                if self.link is not None:
                    await self.link.tick()
                    self.publish()
            due = max(due + BLOCK_S, loop.time())
            await asyncio.sleep(due - loop.time())

    def block(self) -> None:
        self.venue.step(self.venue.now_ms())
        self.publish()
        self.hub.publish_markets(self.venue.now_ms())

    async def advance(self, span_ms: int | None, to_ms: int | None) -> int:
        """Lets a span pass, through every premium sample in it; returns the business time it ends at.

        Everything published on the way carries the instant it belongs to. Requests that arrive meanwhile see the
        instant reached.
        """
        async with self._stepping:
            start = self.venue.now_ms()
            span = span_ms if span_ms is not None else (to_ms or 0) - start
            if span < 0:
                raise InputError("ms" if span_ms is not None else "to_ms", f"time does not run backwards: {span} ms")
            moved = 0
            try:
                await self._step_through(start, start + span)
                moved = span
            finally:
                self.clock.release(moved)
            return start + span

    async def _step_through(self, start_ms: int, end_ms: int) -> None:
        instant = (start_ms // SAMPLE_MS + 1) * SAMPLE_MS
        number = 0
        while instant < end_ms:
            self._step_at(instant)
            instant += SAMPLE_MS
            number += 1
            if number % BREATHER_SAMPLES == 0 or instant % HOUR_MS == SAMPLE_MS:
                await asyncio.sleep(0)
        self._step_at(end_ms)
        self.hub.publish_markets(end_ms, force=True)

    def _step_at(self, instant_ms: int) -> None:
        self.clock.hold(instant_ms)
        self.venue.step(instant_ms)
        self.publish()

    def _publish_instant(self, instant_ms: int) -> None:
        self.publish()
        self.hub.publish_markets(instant_ms, force=True)
