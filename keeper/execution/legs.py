"""One leg from its message to a proven end. A leg is closed only on proof, and never sent again before it is closed.

Proof is one of: the venue answered and the fills that it named are booked; the venue refused; the venue shows the order
as final; or, after the leg's expiry plus a margin on the venue's own clock, the venue knows neither order nor fill.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import structlog

from keeper.clock import Clock
from keeper.errors import IntegrityError, UnknownOutcome, VenueError
from keeper.ledger import Books
from keeper.model.events import Event, FillSeen, LegClosed, LegIntent, LegOutcome
from keeper.model.venue_records import Fill
from keeper.venues.base import Confirmed, ExecutionClient, Outcome, Refused, Unknown

log = structlog.get_logger()


PUSH_S = 0.05


class Append(Protocol):
    """Stores the events durably and applies them to the books before it returns."""

    def __call__(self, *events: Event) -> object: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """How a leg ended."""

    outcome: LegOutcome
    filled: Decimal
    text: str


class Legs:
    """Sends and resolves legs, and books fills exactly once. `absence_margin_ms` is venue time beyond a leg's expiry
    before silence counts as absence (an order may stay unlisted for a second after its acknowledgement)."""

    def __init__(
        self,
        books: Books,
        append: Append,
        clients: Mapping[str, ExecutionClient],
        clock: Clock,
        *,
        absence_margin_ms: int,
        poll_s: float,
    ) -> None:
        self._books = books
        self._append = append
        self._clients = clients
        self._clock = clock
        self._absence_margin_ms = absence_margin_ms
        self._poll_s = poll_s
        self._in_step: set[str] = set()

    async def send(self, leg: LegIntent) -> Proof:
        """Sends a leg whose intent is stored, and waits for proof."""
        return await self.prove(leg, await self._clients[leg.venue].submit(leg))

    async def prove(self, leg: LegIntent, outcome: Outcome) -> Proof:
        """From an outcome to proof; waits as long as it takes. The fills are booked when this returns."""
        while True:
            match outcome:
                case Refused():
                    return Proof("refused", Decimal(0), outcome.text)
                case Confirmed():
                    await self._book_until(leg, outcome.filled)
                    return _executed(leg, outcome)
                case Unknown():
                    log.warning("leg_unknown", cloid=leg.cloid, venue=leg.venue, text=outcome.text)
                    found = await self._ask(leg)
                    if isinstance(found, Proof):
                        return found
                    outcome = found

    def closed(self, leg: LegIntent, proof: Proof) -> LegClosed:
        return LegClosed(
            cloid=leg.cloid, outcome=proof.outcome, filled=proof.filled, text=proof.text, at_ms=self._clock.now_ms()
        )

    async def backfill(self, venue: str) -> None:
        """Books every fill of the seat that is not booked yet, in the venue's order. Raises what a read raises."""
        self._book(await self._clients[venue].fills(self._books.last_fill_time(venue)))

    async def on_connect(self, venue: str) -> None:
        """After a (re)connect pushed fills count again only once the gap is filled, so that the order stays right."""
        self._in_step.discard(venue)
        await self.backfill(venue)
        self._in_step.add(venue)

    async def on_fills(self, venue: str, fills: tuple[Fill, ...], snapshot: bool) -> None:
        """Pushed fills. A snapshot, or a push while out of step, only says that there may be some we missed: they are
        fetched, because the log's order must be the venue's."""
        if venue in self._in_step and not snapshot:
            self._book(fills)
        elif any(not self._books.has_fill(fill) for fill in fills):
            await self.backfill(venue)
            if all(self._books.has_fill(fill) for fill in fills):
                self._in_step.add(venue)

    def _book(self, fills: tuple[Fill, ...] | list[Fill]) -> None:
        """Each (venue, trade id) once."""
        fresh = {(fill.venue, fill.tid): fill for fill in fills if not self._books.has_fill(fill)}
        if fresh:
            self._append(*(FillSeen(fill=fill) for fill in fresh.values()))

    async def _book_until(self, leg: LegIntent, filled: Decimal) -> None:
        """Waits until the booked fills of the leg add up to what the venue says was filled."""
        if filled and leg.venue in self._in_step:
            await asyncio.sleep(PUSH_S)  # the stream usually brings them now and saves a costly read
        while (booked := self._booked(leg)) != filled:
            if booked > filled:
                raise IntegrityError(f"leg {leg.cloid} at {leg.venue}: {booked} booked, the venue says {filled}")
            try:
                await self.backfill(leg.venue)
            except (UnknownOutcome, VenueError) as error:
                log.warning("fills_unread", venue=leg.venue, error=str(error))
            if self._booked(leg) < filled:
                await asyncio.sleep(self._poll_s)

    async def _ask(self, leg: LegIntent) -> Confirmed | Proof:
        """Asks the venue until it shows the order as final, or proves that there is none."""
        client = self._clients[leg.venue]
        while True:
            try:
                venue_ms = await client.now_ms()  # before the status: the proof needs a "no" given after the expiry
                report = await client.status(leg.cloid)
                if report is not None and report.is_final:
                    if report.state == "rejected":
                        return Proof("refused", Decimal(0), report.text)
                    return Confirmed(filled=report.filled, oid=report.oid, text=report.text)
                if report is None and venue_ms > leg.expires_ms + self._absence_margin_ms:
                    await self.backfill(leg.venue)
                    if not self._booked(leg):
                        return Proof("absent", Decimal(0), "the venue knows no such order after its expiry")
            except (UnknownOutcome, VenueError) as error:
                log.warning("leg_unresolved", cloid=leg.cloid, venue=leg.venue, error=str(error))
            await asyncio.sleep(self._poll_s)

    def _booked(self, leg: LegIntent) -> Decimal:
        return sum((fill.size for fill in self._books.leg_fills(leg.cloid)), Decimal(0))


def _executed(leg: LegIntent, outcome: Confirmed) -> Proof:
    if not outcome.filled:
        return Proof("unfilled", outcome.filled, outcome.text)
    return Proof("filled" if outcome.filled == leg.size else "partial", outcome.filled, outcome.text)
