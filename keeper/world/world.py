"""The local world's time: every process agrees on it, and any span of it can pass at once.

Order of an advance: the venues, all at once and each through every premium sample of the span; then the chain; then the
file that all other programs read. Each moves by the same span, so they never drift apart.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from keeper.clock import OffsetClock, write_offset
from keeper.errors import PrimeError
from keeper.world.node import LocalChain

ADVANCE_S = 120
FOLLOW_S = 10.0
POLL_S = 0.05


class WorldError(PrimeError):
    """Time could not pass everywhere. What moved and what did not is in the text; the run is spoilt."""


class World:
    """`venue_admin_urls`: admin ports of the venues. `mined_by_venue`: whether one of them makes the blocks (else the
    chain mines each transaction at once, and an advance mines one block)."""

    def __init__(
        self, *, venue_admin_urls: Sequence[str], rpc: str, clock_file: Path, mined_by_venue: bool = True
    ) -> None:
        self._admins = tuple(url.rstrip("/") for url in venue_admin_urls)
        self._clock_file = clock_file
        self._mined_by_venue = mined_by_venue
        self.chain = LocalChain(rpc)
        self.clock = OffsetClock(clock_file)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.chain.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def advance(self, span_s: int) -> int:
        """Lets `span_s` seconds pass; the business time (ms) afterwards. WorldError when a part does not follow."""
        if span_s < 0:
            raise ValueError(f"time does not run backwards: {span_s} s")
        offset_ms = self.clock.offset_ms() + span_s * 1000
        await asyncio.gather(*(self.post(url, "advance", {"ms": span_s * 1000}) for url in self._admins))
        target_s = self.clock.now_ms() // 1000 + span_s
        if self._mined_by_venue:
            await self._chain_reaches(target_s)
        else:
            stamp = max(target_s, await self.chain.now_s())
            await self.chain.set_next_time(stamp)
            await self.chain.mine(stamp)
        write_offset(self._clock_file, offset_ms)
        return self.clock.now_ms()

    async def post(self, admin_url: str, what: str, body: dict[str, Any]) -> Any:
        """One order to a venue's admin port; its answer. WorldError in the venue's words."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ADVANCE_S))
        url = f"{admin_url}/admin/{what}"
        try:
            async with self._session.post(url, json=body) as response:
                if response.status != 200:
                    raise WorldError(f"{url}: HTTP {response.status} {(await response.text())[:300]}")
                return await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise WorldError(f"{url}: no answer ({type(error).__name__} {error})") from error

    async def _chain_reaches(self, target_s: int) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + FOLLOW_S
        while (now_s := await self.chain.now_s()) < target_s:
            if loop.time() > until:
                raise WorldError(f"the chain stands at {now_s}, not at {target_s}: does a venue run with --mine?")
            await asyncio.sleep(POLL_S)


async def wait_healthy(url: str, deadline_s: float = 20.0) -> None:
    """Returns when GET `url` answers 200. WorldError with the last answer when it does not in time."""
    last = "no answer"
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline_s
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while loop.time() < until:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
                    last = f"HTTP {response.status} {(await response.text())[:300]}"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                last = f"{type(error).__name__} {error}"
            await asyncio.sleep(POLL_S)
    raise WorldError(f"{url}: not healthy after {deadline_s:.0f} s: {last}")
