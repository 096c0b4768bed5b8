"""Thousands of orders while requests, answers and frames are lost, doubled, delayed and bent by chance.

The keeper's own resolver (`keeper.execution.legs`) proves each order; afterwards the venue's record, read past the
proxy, is the judge: no order twice, no fill lost or booked twice, no wrong end. Meanwhile a watcher asks whether a book
that says LIVE is as young as it claims.
"""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from keeper.clock import LiveClock
from keeper.execution.legs import Legs, Proof
from keeper.ledger import Books
from keeper.market_data import MarketDataEngine
from keeper.market_data.books import is_crossed
from keeper.model.events import Event, FillSeen, LegIntent
from keeper.model.instruments import Side
from keeper.model.venue_records import Fill
from tests.conformance.harness import AdapterUnderTest, Server, World, eventually, open_world
from tests.conformance.proxy import HttpFault, by_chance, unbent

COMMAND_FAULTS: tuple[HttpFault, ...] = (
    "lost_request", "lost_answer", "late_answer", "delay", "429", "500_before", "500_after", "html_after", "truncated",
    "garbage", "empty", "renamed", "not_a_number", "twice", "twice_first",
)  # fmt: skip
READ_FAULTS: tuple[HttpFault, ...] = (
    "lost_request", "lost_answer", "delay", "429", "500_before", "500_after", "html_after", "truncated", "garbage",
    "empty", "renamed", "not_a_number",
)  # fmt: skip
COMMANDS_FAULTED, READS_FAULTED, FRAMES_FAULTED = 0.8, 0.05, 0.1
WORKERS = 48
LIFE_MS = 5_000
SIDES: tuple[Side, ...] = ("buy", "sell")
MAX_AGE_S = 3.0
OLDEST_S = MAX_AGE_S + 3
"""The rest is what the fastest frame of a connection takes on a busy machine."""
ROUND = 500
"""Orders of one seat: well below the 10,000 fills that a venue keeps."""


@dataclass
class Result:
    """What came of the orders of one or more rounds; `problems` is empty when all is well."""

    orders: int = 0
    faulted: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    fills: int = 0
    looks: int = 0
    live_looks: int = 0
    breaks: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        self.orders += other.orders
        self.faulted += other.faulted
        self.ends += other.ends
        self.fills += other.fills
        self.looks += other.looks
        self.live_looks += other.live_looks
        self.breaks += other.breaks
        self.problems += other.problems


class _FillBook:
    """The part of `Books` that the resolver asks; counts how often each trade was booked."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self._known: set[tuple[str, int]] = set()
        self._by_cloid: dict[str | None, list[Fill]] = {}
        self.open: dict[str, LegIntent] = {}

    def append(self, *events: Event) -> None:
        for event in events:
            assert isinstance(event, FillSeen)
            self.fills.append(event.fill)
            self._known.add((event.fill.venue, event.fill.tid))
            self._by_cloid.setdefault(event.fill.cloid, []).append(event.fill)

    def has_fill(self, fill: Fill) -> bool:
        return (fill.venue, fill.tid) in self._known

    def last_fill_time(self, _: str) -> int:
        return self.fills[-1].time_ms if self.fills else 0

    def leg_filled(self, cloid: str) -> Decimal:
        return sum((fill.size for fill in self._by_cloid.get(cloid, ())), Decimal(0))

    def leg_late(self, _: str) -> bool:
        return False  # nothing is closed in these books

    def seat_positions(self, _: str) -> dict[str, Decimal]:
        sizes: dict[str, Decimal] = {}
        for fill in self.fills:
            sizes[fill.coin] = sizes.get(fill.coin, Decimal(0)) + fill.signed_size
        return sizes

    def open_legs(self) -> tuple[LegIntent, ...]:
        return tuple(self.open.values())


async def campaign(
    adapter: AdapterUnderTest,
    server: Server,
    faulted: int,
    seed: int,
    *,
    done: Sequence[Result] = (),
    keep: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Orders until `faulted` of them have met a fault, in rounds of at most `ROUND`, each with a seat of its own.

    `done`: rounds of an earlier run of the same seed, which are not played again; each new one goes to `keep`.
    """
    result, number = Result(), len(done)
    for earlier in done:
        result.add(earlier)
    while not result.problems and (missing := faulted - result.faulted["command"]) > 0:
        count = min(ROUND, math.ceil(missing / COMMANDS_FAULTED))
        async with open_world(adapter, server) as world:
            played = await _round(world, count, random.Random(f"{seed} {number}"))
        keep(played)
        result.add(played)
        number += 1
    return result


async def _round(world: World, count: int, dice: random.Random) -> Result:
    result, book = Result(orders=count), _FillBook()
    legs = Legs(
        cast(Books, book),
        book.append,
        {world.market.venue: world.execution},
        LiveClock(),
        absence_margin_ms=1_500,
        poll_s=0.1,
    )
    async with world.engine(MAX_AGE_S) as engine:
        engine.on_connect, engine.on_fills = legs.on_connect, legs.on_fills
        _break_things(world, dice, result)
        sent = world.proxy.commands
        tasks = [asyncio.create_task(_watch(world, engine, result)), asyncio.create_task(_hang_up(world, dice, result))]
        try:
            proofs = await _send(world, legs, book, count, dice)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if world.proxy.commands - sent > count:  # fewer: some were lost on their way to the proxy
            result.problems.append(f"{world.proxy.commands - sent} commands for {count} orders")
        world.proxy.random_fault, world.proxy.bend = (lambda _: None), unbent
        await eventually(lambda: world.is_live(engine))
        await legs.backfill(world.market.venue)
    await _judge(world, book, proofs, result)
    return result


def _break_things(world: World, dice: random.Random, result: Result) -> None:
    def chance(is_command: bool) -> tuple[HttpFault, float] | None:
        if dice.random() >= (COMMANDS_FAULTED if is_command else READS_FAULTED):
            return None
        kind = dice.choice(COMMAND_FAULTS if is_command else READ_FAULTS)
        result.faulted["command" if is_command else "read"] += 1
        return kind, world.adapter.timeout_s + 0.3 if kind == "late_answer" else dice.uniform(0, 0.3)

    world.proxy.random_fault = chance
    world.proxy.bend = by_chance(dice, FRAMES_FAULTED)


async def _send(
    world: World, legs: Legs, book: _FillBook, count: int, dice: random.Random
) -> list[tuple[LegIntent, Proof]]:
    """`count` orders by `WORKERS` at once: most cross the book, some match nothing."""
    prices = {(side, away): await world.price(side, away) for side in ("buy", "sell") for away in ("0.02", "-0.02")}
    left, proofs = iter(range(count)), []

    async def work() -> None:
        for _ in left:
            side: Side = dice.choice(SIDES)
            leg = await world.leg(side, life_ms=LIFE_MS, price=prices[side, dice.choice(("0.02", "0.02", "-0.02"))])
            book.open[leg.cloid] = leg
            proofs.append((leg, await legs.work(leg, sent=False)))
            del book.open[leg.cloid]

    async with asyncio.TaskGroup() as workers:
        for _ in range(WORKERS):
            workers.create_task(work())
    return proofs


async def _watch(world: World, engine: MarketDataEngine, result: Result) -> None:
    """Looks at the book twenty times a second, as a router would."""
    venue_ms, at_s = await world.truth.market.now_ms(), time.monotonic()
    while True:
        book = engine.book(world.market.venue, world.coin)
        result.looks += 1
        if book is not None:
            result.live_looks += 1
            age_s = venue_ms / 1000 + time.monotonic() - at_s - book.time_ms / 1000
            if age_s > OLDEST_S:
                result.problems.append(f"a LIVE book is {age_s:.1f} s old")
            if is_crossed(book):
                result.problems.append("a LIVE book is crossed")
        await asyncio.sleep(0.05)


async def _hang_up(world: World, dice: random.Random, result: Result) -> None:
    """Breaks the sockets now and then; sometimes leaves them half-open first."""
    while True:
        await asyncio.sleep(dice.uniform(2, 6))
        if dice.random() < 0.3:
            world.proxy.mute = True
            try:
                await asyncio.sleep(MAX_AGE_S + 1)
            finally:
                world.proxy.mute = False
        result.breaks += 1
        await world.proxy.hang_up()


async def _judge(world: World, book: _FillBook, proofs: list[tuple[LegIntent, Proof]], result: Result) -> None:
    """Everything against the venue's own record."""
    truth = await world.truth.execution.fills(0)
    result.fills = len(truth)
    booked, there = Counter(fill.tid for fill in book.fills), {fill.tid for fill in truth}
    result.problems += [f"trade {tid} is booked {times} times" for tid, times in booked.items() if times > 1]
    result.problems += [f"trade {tid} was lost" for tid in there - set(booked)]
    result.problems += [f"trade {tid} never was" for tid in set(booked) - there]
    by_cloid: dict[str | None, list[Fill]] = {}
    for fill in truth:
        by_cloid.setdefault(fill.cloid, []).append(fill)
    for leg, proof in proofs:
        result.ends[proof.outcome] += 1
        fills = by_cloid.get(leg.cloid, [])
        filled = sum((fill.size for fill in fills), Decimal(0))
        if filled != proof.filled:
            result.problems.append(f"{leg.cloid} ended {proof.outcome} with {proof.filled}, the venue filled {filled}")
        if len({fill.oid for fill in fills}) > 1:
            result.problems.append(f"{leg.cloid} is more than one order")
    held = {item.coin: item.size for item in (await world.truth.account.state()).positions}
    if held.get(world.coin, Decimal(0)) != sum((fill.signed_size for fill in book.fills), Decimal(0)):
        result.problems.append(f"the venue holds {held}, the booked fills say otherwise")
