"""Looks at the market when an order is accepted, routed and closed, and at set times after each fill.

A look is an event, so that the measures can be taken again from the log alone. It is stored after the order has closed,
never between an order and its messages. Looks that a restart has missed are missing: their measures are None.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, Protocol

from keeper.clock import Clock
from keeper.model.events import Event, FillSeen, OrderAccepted, OrderClosed, RouteDecided, TopsSeen
from keeper.tca.journal import TcaJournal, Tops
from keeper.venues.base import Book

HORIZONS_MS = (50, 1_000, 10_000, 60_000, 300_000)
"""Markouts are taken so long after a fill."""

MERGED_MS = 25
"""Looks due so close together are one."""

MOST_WAIT_S = 0.25
"""Business time may jump; it is asked again at least so often while a look is due."""

Moment = Literal["accepted", "routed", "closed", "after"]


class Books(Protocol):
    """What is looked at."""

    def instruments(self) -> Iterable[str]: ...
    def book(self, venue: str, coin: str) -> Book | None:
        """None when it is not live."""
        ...


class Sampler:
    """`note` every event that was stored; `append` stores a look. `run` until cancelled."""

    def __init__(self, journal: TcaJournal, books: Books, append: Callable[..., object], clock: Clock) -> None:
        self._journal, self._books, self._append, self._clock = journal, books, append, clock
        self._due: list[tuple[int, str]] = []
        self._taken: list[TopsSeen] = []
        self._wake = asyncio.Event()

    def note(self, event: Event) -> None:
        """Looks at once, or remembers to."""
        match event:
            case OrderAccepted():
                self._look(event.digest, "accepted")
            case RouteDecided():
                self._look(event.digest, "routed")
            case OrderClosed():
                self._look(event.digest, "closed")
                self._wake.set()
            case FillSeen(fill=fill):
                digest = self._journal.digest_of(fill.cloid)
                if digest is not None:
                    self._schedule(digest, fill.time_ms)
            case _:
                pass

    async def run(self) -> None:
        """Takes the looks that are due, and stores those of orders that have closed."""
        while True:
            self.take_due()
            self.store()
            self._wake.clear()
            wait_s = min((self._due[0][0] - self._clock.now_ms()) / 1000, MOST_WAIT_S) if self._due else None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    def take_due(self) -> None:
        """Takes every look whose time has come; an order's that are due together are one."""
        now = self._clock.now_ms()
        digests: dict[str, None] = {}
        while self._due and self._due[0][0] <= now:
            digests[heapq.heappop(self._due)[1]] = None
        for digest in digests:
            self._look(digest, "after")

    def store(self) -> None:
        """Appends what was seen of orders that have closed."""
        closed = [look for look in self._taken if self._journal.trails[look.digest].closed_ms is not None]
        if closed:
            self._taken = [look for look in self._taken if self._journal.trails[look.digest].closed_ms is None]
            self._append(*closed)

    def _schedule(self, digest: str, filled_ms: int) -> None:
        """By the venue's time of the fill: one learned late is looked at late, and that look counts for what it is."""
        for horizon in HORIZONS_MS:
            at = filled_ms + horizon
            if not any(known == digest and abs(due - at) <= MERGED_MS for due, known in self._due):
                heapq.heappush(self._due, (at, digest))
        self._wake.set()

    def _look(self, digest: str, moment: Moment) -> None:
        trail = self._journal.trails.get(digest)
        if trail is None:
            return
        coin, tops = trail.coin, Tops()
        for venue in self._books.instruments():
            book = self._books.book(venue, coin)
            if book is not None and book.bids and book.asks:
                tops[venue] = (book.bids[0][0], book.asks[0][0])
        self._taken.append(TopsSeen(digest=digest, moment=moment, tops=tops, at_ms=self._clock.now_ms()))
