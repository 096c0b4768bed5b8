"""The suite finds what it is there to find: adapters with one known defect each fail the case that is about it."""

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keeper.clock import LiveClock
from keeper.errors import UnknownOutcome
from keeper.model.events import LegIntent
from keeper.model.venue_records import Fill
from keeper.venues.base import (
    Book,
    BookUpdate,
    Confirmed,
    ContextUpdate,
    Disconnected,
    Outcome,
    Refused,
    StreamEvent,
    Unknown,
    Unreadable,
)
from keeper.venues.hyperliquid.execution import HyperliquidClient
from tests.conformance import hyperliquid
from tests.conformance.cases import all_cases
from tests.conformance.harness import Clients, Seat, Server, open_world


class TakesSilenceForNo(HyperliquidClient):
    async def submit(self, leg: LegIntent) -> Outcome:
        outcome = await super().submit(leg)
        return Refused(outcome.text) if isinstance(outcome, Unknown) else outcome


class SendsAgain(HyperliquidClient):
    async def submit(self, leg: LegIntent) -> Outcome:
        outcome = await super().submit(leg)
        return await super().submit(leg) if isinstance(outcome, Unknown) else outcome


class ClaimsTheWholeOrder(HyperliquidClient):
    async def submit(self, leg: LegIntent) -> Outcome:
        outcome = await super().submit(leg)
        return Confirmed(filled=leg.size) if isinstance(outcome, Confirmed) else outcome


class ForgetsTheFirstFill(HyperliquidClient):
    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        return (await super().fills(since_ms, until_ms))[1:]


class HidesBadFrames(HyperliquidClient):
    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        async for event in super().stream(coins):
            if not isinstance(event, Unreadable):
                yield event


class HidesBreaks(HyperliquidClient):
    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        async for event in super().stream(coins):
            if not isinstance(event, Disconnected):
                yield event


class StampsBooksItself(HyperliquidClient):
    """With our own time in place of the venue's, an old book sent again looks new."""

    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        async for event in super().stream(coins):
            if isinstance(event, BookUpdate):
                yield BookUpdate(msgspec.structs.replace(event.book, time_ms=LiveClock().now_ms()))
            else:
                yield event


class LosesContexts(HyperliquidClient):
    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        async for event in super().stream(coins):
            yield event if not isinstance(event, ContextUpdate) else Unreadable("activeAssetCtx", "lost")


class MakesUpABook(HyperliquidClient):
    async def book(self, coin: str) -> Book:
        try:
            return await super().book(coin)
        except UnknownOutcome:
            one = Decimal(1)
            return Book(venue=self.venue, coin=coin, time_ms=1, bids=((one, one),), asks=((one * 2, one),))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with hyperliquid.serve() as running:
        yield running


def connecting(kind: type[HyperliquidClient]) -> Callable[[str, Seat], Any]:
    async def connect(url: str, seat: Seat) -> Clients:
        client = kind(url, seat.account, hyperliquid.VENUE_ID, seat.key, LiveClock(), weight_per_minute=10_000_000)
        await client.start()
        return Clients(client, client, client, client.close, client)

    return connect


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (TakesSilenceForNo, "C-47"),
        (TakesSilenceForNo, "C-50"),
        (TakesSilenceForNo, "C-59"),
        (SendsAgain, "C-48"),
        (ClaimsTheWholeOrder, "C-27"),
        (ForgetsTheFirstFill, "C-17"),
        (ForgetsTheFirstFill, "C-21"),
        (HidesBadFrames, "C-76"),
        (HidesBreaks, "C-71"),
        (StampsBooksItself, "C-81"),
        (LosesContexts, "C-68"),
        (MakesUpABook, "C-64"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
async def test_a_defect_fails_the_case_that_is_about_it(
    server: Server, kind: type[HyperliquidClient], number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.conformance.harness.PATIENCE_S", 4.0)
    broken = replace(hyperliquid.ADAPTER, connect=connecting(kind))
    (item,) = (item for item in all_cases() if item.number == number)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        async with open_world(broken, server) as world:
            await item.check(world)


def test_the_toy_venue_is_its_folder_and_the_line_that_the_docs_show() -> None:
    """What docs/add-a-venue.md shows as the whole change elsewhere is what stands there, and there is no other."""
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs" / "add-a-venue.md").read_text()
    diff = page.split("```diff\n")[1].split("```")[0]
    added = [line[1:].strip() for line in diff.splitlines() if line.startswith("+")]
    registry = (root / "tests" / "conformance" / "adapters.py").read_text()
    assert any("toy_venue.ADAPTER" in line for line in added)
    for shown in added:
        assert all(word in registry for word in re.findall(r"[\w.]+", shown)), shown
    here = {Path(__file__), root / "tests" / "conformance" / "adapters.py"}
    others = [
        path
        for folder in ("keeper", "tests", "tools")
        for path in (root / folder).rglob("*.py")
        if "toy_venue" not in path.parts and path not in here and "toy_venue" in path.read_text()
    ]
    assert others == []
