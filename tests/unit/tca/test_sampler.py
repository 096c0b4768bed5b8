"""Looks at the market come when they should, are stored when the order has closed, and are not lost to time's jumps."""

import asyncio
from contextlib import suppress
from decimal import Decimal

from keeper.clock import TestClock
from keeper.model.events import Event, TopsSeen
from keeper.tca import HORIZONS_MS, Sampler, TcaJournal
from keeper.venues.base import Book
from tests.unit.tca.conftest import T0, accepted, closed, fill, leg, story

D = Decimal


class Market:
    """Two venues; b's book is not live."""

    def instruments(self) -> tuple[str, ...]:
        return ("a", "b")

    def book(self, venue: str, coin: str) -> Book | None:
        if venue == "b":
            return None
        return Book(venue=venue, coin=coin, time_ms=1, bids=((D(999), D(1)),), asks=((D(1001), D(1)),))


class Desk:
    def __init__(self) -> None:
        self.clock, self.journal = TestClock(T0), TcaJournal()
        self.stored: list[TopsSeen] = []
        self.more = asyncio.Event()
        self.sampler = Sampler(self.journal, Market(), self.append, self.clock)

    def append(self, *events: Event) -> None:
        for event in events:
            self.journal.apply(event)
            self.sampler.note(event)
            if isinstance(event, TopsSeen):
                self.stored.append(event)
                self.more.set()

    async def stored_are(self, count: int) -> None:
        while len(self.stored) < count:
            self.more.clear()
            await self.more.wait()

    def moments(self) -> list[tuple[str, int]]:
        return [(look.moment, look.at_ms - T0) for look in self.stored]


def test_nothing_is_stored_before_the_order_has_closed() -> None:
    desk = Desk()
    desk.append(*story()[:6])
    desk.sampler.store()
    assert desk.stored == []
    desk.append(closed())
    desk.sampler.store()
    assert [moment for moment, _ in desk.moments()] == ["accepted", "routed", "closed"]
    assert desk.stored[0].tops == {"a": (D(999), D(1001))}


def test_each_fill_is_looked_at_after_every_horizon_once() -> None:
    desk = Desk()
    desk.append(*story()[:7])  # both fills at one instant
    for horizon in HORIZONS_MS:
        desk.clock.advance(T0 + 100 + horizon - desk.clock.now_ms())  # filled at T0 + 100
        desk.sampler.take_due()
    desk.sampler.store()
    assert [at for moment, at in desk.moments() if moment == "after"] == [100 + horizon for horizon in HORIZONS_MS]


def test_a_jump_of_the_clock_is_one_late_look() -> None:
    desk = Desk()
    desk.append(*story()[:7])
    desk.clock.advance(60_100)
    desk.sampler.take_due()
    desk.sampler.store()
    assert [at for moment, at in desk.moments() if moment == "after"] == [60_100]


def test_a_fill_of_nobody_s_order_is_not_looked_at() -> None:
    desk = Desk()
    desk.append(accepted(), fill("a", "1000", "1"), leg("a"), closed("unfilled", "0"))
    desk.clock.advance(300_100)
    desk.sampler.take_due()
    desk.sampler.store()
    assert [moment for moment, _ in desk.moments()] == ["accepted", "closed"]


async def test_it_stores_by_itself() -> None:
    desk = Desk()
    async with asyncio.timeout(5):
        running = asyncio.create_task(desk.sampler.run())
        desk.append(*story()[:7])
        await desk.stored_are(3)
        desk.clock.advance(300_100)
        await desk.stored_are(4)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert desk.moments()[-1] == ("after", 300_100)
