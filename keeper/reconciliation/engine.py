"""Reconciliation, fail closed: looks at every seat and at the chain on a cadence of its own, and freezes for new risk
what does not agree.

A difference counts when two looks at least `CONFIRM_S` apart find the very same one: the books are a moment behind the
venue by nature. A seat that cannot be read is not flat: after `UNREAD_S` it is frozen, too, until it is read again. A
frozen seat is a case; it is closed by an entry that explains it, after which the same differences are known.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import structlog
from eth_utils.crypto import keccak

from keeper.chain.vault import VaultState
from keeper.clock import Clock
from keeper.errors import ChainError, InputError, IntegrityError, UnknownOutcome, VenueError
from keeper.ledger import Books
from keeper.model.events import SeatFrozen, SeatReleased
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.reconciliation.compare import (
    Break,
    VenueRecords,
    compare_chain,
    compare_orders,
    compare_payments,
    compare_records,
    compare_state,
)
from keeper.venues.resting import RestingOrder

log = structlog.get_logger(__name__)

CADENCE_S = 10
"""Between two rounds: positions, cash and open orders of every seat."""

RECORDS_S = 60
"""Fills, payments and rows of the last two hours, and the chain."""

WINDOW_MS = 7_200_000
CONFIRM_S = 10
UNREAD_S = 60

PAYMENT_LATE_MS = 30_000
"""After a funding instant; a venue that has not paid the seat by then has skipped it."""

CLOCKS_APART_MS = 30_000
"""A venue whose clock is so far from ours knows what we cannot know yet, or the other way round: its account is taken
for unread."""


class Reader(Protocol):
    """What is asked of a seat's account."""

    async def state(self) -> SeatState: ...

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]: ...

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]: ...

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]: ...


@runtime_checkable
class OrderReader(Protocol):
    """A venue that lists the seat's resting orders."""

    async def open_orders(self) -> list[RestingOrder]: ...


class ChainReader(Protocol):
    """The vault's storage."""

    async def state(self, block: int | None = None) -> VaultState: ...

    async def account_count(self, block: int | None = None) -> int: ...

    async def lane_of(self, id: int, block: int | None = None) -> int: ...


@dataclass(slots=True)
class SeatLook:
    """What the last looks at a seat saw; times are business milliseconds, 0 = never. `unread_ms`: of the last look that
    could not read it."""

    venue: str
    read_ms: int = 0
    records_ms: int = 0
    unread_since_ms: int = 0
    unread_ms: int = 0
    contradiction: tuple[Break, ...] = ()
    state_breaks: tuple[Break, ...] = ()
    record_breaks: tuple[Break, ...] = ()
    since_ms: dict[str, int] = field(default_factory=dict)

    @property
    def breaks(self) -> tuple[Break, ...]:
        return (*self.contradiction, *self.state_breaks, *self.record_breaks)


def case_of(venue: str, reason: str) -> str:
    """The name of a case: the same reason at the same seat is the same case."""
    return keccak(text=f"{venue} {reason}")[:4].hex()


class Reconciler:
    """`run` is called every `CADENCE_S`. `collect` books what a seat's venue has by now, `follow` the chain's logs;
    `unpaid` are the funding rates for which a seat has no payment, as of the last `collect`."""

    def __init__(
        self,
        *,
        readers: dict[str, Reader],
        chain: ChainReader,
        books: Books,
        append: Callable[..., int],
        collect: Callable[[str], Awaitable[None]],
        unpaid: Callable[[str], Sequence[FundingRate]],
        follow: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._readers = readers
        self._chain = chain
        self._books = books
        self._append = append
        self._collect = collect
        self._unpaid = unpaid
        self._follow = follow
        self._clock = clock
        self.looks = {venue: SeatLook(venue) for venue in readers}
        self.chain_breaks: tuple[Break, ...] = ()
        self.chain_ms = 0
        self._chain_since: dict[str, int] = {}

    async def run(self) -> None:
        """One round: everything that is due."""
        for look in self.looks.values():
            await self._look(look)
        if self._clock.now_ms() >= self.chain_ms + RECORDS_S * 1000:
            await self._look_at_chain()
        for look in self.looks.values():
            self._judge(look)

    async def explain(self, case: str, why: str, who: str) -> str:
        """Closes a case by an entry that explains it; the seat's venue. InputError for an unknown case or no words."""
        if not why.strip():
            raise InputError("why", "say what explains the difference: it is the entry that closes the case")
        for venue in self.looks:
            reason = self._books.frozen(venue)
            if reason is not None and case_of(venue, reason) == case:
                known = tuple(one.text for one in (*self.looks[venue].breaks, *self.chain_breaks))
                text = f"{who}: {why.strip()}"
                self._append(SeatReleased(venue=venue, reason=text, at_ms=self._clock.now_ms(), explains=known))
                return venue
        raise InputError("case", f"there is no open case {case}: `prime reconcile` lists them", "unknown")

    # looks

    async def _look(self, look: SeatLook) -> None:
        reader, now = self._readers[look.venue], self._clock.now_ms()
        try:
            await self._catch_up(look)
            state = await reader.state()
            if abs(state.time_ms - self._clock.now_ms()) > CLOCKS_APART_MS:
                raise UnknownOutcome(f"its clock says {state.time_ms}, ours {self._clock.now_ms()}")
            found = compare_state(self._books, state)
            found += compare_payments(self._unpaid(look.venue), state.time_ms - PAYMENT_LATE_MS)
            if isinstance(reader, OrderReader):
                found += compare_orders(self._books, await reader.open_orders())
            look.state_breaks = tuple(found)
            if now >= look.records_ms + RECORDS_S * 1000:
                look.record_breaks = await self._records(reader, look, now - WINDOW_MS)
                look.records_ms = now
        except (VenueError, UnknownOutcome) as error:
            look.unread_since_ms, look.unread_ms = look.unread_since_ms or now, now
            log.warning("seat not read", venue=look.venue, reason=str(error))
            return
        look.read_ms, look.unread_since_ms = now, 0

    async def _catch_up(self, look: SeatLook) -> None:
        try:
            await self._collect(look.venue)
        except IntegrityError as error:
            look.contradiction = (Break("record", "in order", "books that cannot follow", str(error)),)
        else:
            look.contradiction = ()

    async def _records(self, reader: Reader, look: SeatLook, since: int) -> tuple[Break, ...]:
        """What two listings, one after the other, both show: books and venue move on meanwhile."""
        first = await self._compare_listing(reader, look, since)
        again = await self._compare_listing(reader, look, since) if first else ()
        return tuple(one for one in first if one in again)

    async def _compare_listing(self, reader: Reader, look: SeatLook, since: int) -> tuple[Break, ...]:
        listed = VenueRecords(
            since_ms=since,
            fills=await reader.fills(since),
            payments=await reader.funding(since),
            rows=await reader.ledger(since),
        )
        await self._catch_up(look)  # what happened while we asked
        return tuple(compare_records(self._books, look.venue, listed))

    async def _look_at_chain(self) -> None:
        try:
            first = await self._compare_chain()
            again = await self._compare_chain() if first else ()
        except ChainError as error:
            log.warning("chain not read", reason=str(error))
            return
        self.chain_ms = self._clock.now_ms()
        self.chain_breaks = tuple(one for one in first if one in again)

    async def _compare_chain(self) -> tuple[Break, ...]:
        state = await self._chain.state()
        ids = range(1, await self._chain.account_count(state.block) + 1)
        lanes = await asyncio.gather(*(self._chain.lane_of(id_, state.block) for id_ in ids))
        await self._follow()
        return tuple(compare_chain(self._books, state, dict(zip(ids, lanes, strict=True))))

    # judgement

    def _judge(self, look: SeatLook) -> None:
        now, venue = self._clock.now_ms(), look.venue
        reason = self._books.frozen(venue)
        if look.unread_since_ms:  # what was seen before says nothing of now
            look.since_ms = {}
            if look.unread_ms - look.unread_since_ms >= UNREAD_S * 1000 and reason is None:
                self._freeze(venue, [Break("unread", "the account", "books", f"nothing readable for {UNREAD_S} s")])
            return
        if reason is not None and reason.startswith("unread"):
            self._append(SeatReleased(venue=venue, reason="it is read again", at_ms=now, explains=()))
        known = self._books.explained(venue)
        fresh = [one for one in (*look.breaks, *self.chain_breaks) if one.text not in known]
        look.since_ms = {one.text: look.since_ms.get(one.text, now) for one in fresh}
        confirmed = [one for one in fresh if now - look.since_ms[one.text] >= CONFIRM_S * 1000]
        if confirmed and self._books.frozen(venue) is None:
            self._freeze(venue, confirmed)

    def _freeze(self, venue: str, breaks: Sequence[Break]) -> None:
        reason = "; ".join(one.text for one in breaks)
        self._append(SeatFrozen(venue=venue, reason=reason, at_ms=self._clock.now_ms()))
        log.error("seat frozen", venue=venue, reason=reason, case=case_of(venue, reason))
