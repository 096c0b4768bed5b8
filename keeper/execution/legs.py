"""One child from its message to a proven end. It is closed only on proof, and never sent again before it is closed.

Proof is one of: the venue answered and the fills that it named are booked; the venue refused; the venue shows the order
as final; its booked fills are all of it; or, after the child's expiry plus a margin on the venue's own clock, the venue
knows neither order nor fill. A child that rests is followed until one of these; `withdraw` asks the venue to end it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import structlog

from keeper.clock import Clock
from keeper.errors import IntegrityError, UnknownOutcome, VenueError
from keeper.execution.health import VenueHealth
from keeper.execution.own_orders import rests
from keeper.execution.ports import Append
from keeper.ledger import Books
from keeper.model.events import FillSeen, LegCancelAsked, LegClosed, LegIntent, LegOutcome, LegRested, SeatFrozen
from keeper.model.orders import ChildStatus
from keeper.model.venue_records import Fill
from keeper.venues.base import Confirmed, ExecutionClient, OrderReport, Outcome, Refused, Unknown
from keeper.venues.resting import OrderTicket, RestingClient

log = structlog.get_logger()


PUSH_S = 0.05


@dataclass(frozen=True, slots=True)
class Proof:
    """How a leg ended."""

    outcome: LegOutcome
    filled: Decimal
    text: str


class Legs:
    """Sends and resolves legs, and books fills exactly once. `absence_margin_ms` is venue time beyond a leg's expiry
    before silence counts as absence (an order may stay unlisted for a second after its acknowledgement);
    `resting_poll_s` how often a resting child is asked after when no fill is pushed."""

    def __init__(
        self,
        books: Books,
        append: Append,
        clients: Mapping[str, ExecutionClient],
        clock: Clock,
        *,
        absence_margin_ms: int,
        poll_s: float,
        resting: Mapping[str, RestingClient] | None = None,
        resting_poll_s: float = 15.0,
        heartbeat_s: float = 5.0,
    ) -> None:
        self._books = books
        self._append = append
        self._clients = clients
        self._resting = resting or {}
        self._clock = clock
        self._absence_margin_ms = absence_margin_ms
        self._poll_s = poll_s
        self._resting_poll_s = resting_poll_s
        self._in_step: set[str] = set()
        self._wakes: dict[str, asyncio.Event] = {}
        self._unwanted: dict[str, str] = {}
        self.health = VenueHealth(clients, self.on_connect, heartbeat_s=heartbeat_s)

    async def work(self, leg: LegIntent, *, sent: bool) -> Proof:
        """From a stored intent to proof. `sent`: before a restart, so that it is only asked after."""
        before = Unknown("sent before a restart")
        if not rests(leg):
            return await self.prove(leg, before if sent else await self._clients[leg.venue].submit(leg))
        self._wakes[leg.cloid] = asyncio.Event()
        try:
            if self._books.leg_status(leg.cloid) is ChildStatus.SENT:
                end = await self._placed(leg, before if sent else await self._resting[leg.venue].place(_ticket(leg)))
                if end is not None:
                    return end
            return await self._follow(leg)
        finally:
            del self._wakes[leg.cloid]
            self._unwanted.pop(leg.cloid, None)

    def withdraw(self, leg: LegIntent, reason: str) -> None:
        """Asks for the end of a resting child; `work` returns when it is proven. One that is not known to rest yet is
        taken back as soon as it is."""
        if leg.cloid not in self._unwanted:
            self._unwanted[leg.cloid] = reason
            self._wake(leg.cloid)

    async def prove(self, leg: LegIntent, outcome: Outcome) -> Proof:
        """From an outcome of an IOC leg to proof; waits as long as it takes. The fills are booked when this returns."""
        while True:
            match outcome:
                case Refused():
                    return Proof("refused", Decimal(0), outcome.text)
                case Confirmed():
                    await self._book_until(leg, outcome.filled)
                    return _executed(leg, outcome)
                case Unknown():
                    found = await self._resolve(leg, outcome)
                    if isinstance(found, Proof):
                        return found
                    outcome = found

    def closed(self, leg: LegIntent, proof: Proof) -> LegClosed:
        return LegClosed(
            cloid=leg.cloid, outcome=proof.outcome, filled=proof.filled, text=proof.text, at_ms=self._clock.now_ms()
        )

    # fills

    async def backfill(self, venue: str) -> None:
        """Books every fill of the seat that is not booked yet, in the venue's order. Raises what a read raises."""
        self._book(await self._clients[venue].fills(self._books.last_fill_time(venue)))

    async def on_connect(self, venue: str) -> None:
        """After a (re)connect pushed fills count again only once the gap is filled, so that the order stays right. What
        rests there is asked after: its end may have been in the gap."""
        self._in_step.discard(venue)
        await self.backfill(venue)
        self._in_step.add(venue)
        for leg in self._books.open_legs():
            if leg.venue == venue:
                self._wake(leg.cloid)

    async def on_fills(self, venue: str, fills: tuple[Fill, ...], snapshot: bool) -> None:
        """Pushed fills. A snapshot, or a push while out of step or after one that was lost, only says that there may be
        some we missed: they are fetched, because the log's order must be the venue's."""
        if venue in self._in_step and not snapshot and self._continue(venue, fills):
            self._book(fills)
        elif any(not self._books.has_fill(fill) for fill in fills):
            await self.backfill(venue)
            if all(self._books.has_fill(fill) for fill in fills):
                self._in_step.add(venue)

    def _continue(self, venue: str, fills: tuple[Fill, ...]) -> bool:
        """Whether the fresh ones start where the booked ones end, and none can be missing between: sizes of lost ones
        may add up to nothing, but each belongs to a child that is still open."""
        coins, told = {fill.coin for fill in fills}, {fill.cloid for fill in fills}
        for leg in self._books.open_legs():
            if leg.venue == venue and leg.coin in coins and leg.cloid not in told:
                return False
        sizes = dict(self._books.seat_positions(venue))
        for fill in fills:
            if self._books.has_fill(fill):
                continue
            if sizes.get(fill.coin, Decimal(0)) != fill.start_position:
                self._in_step.discard(venue)
                return False
            sizes[fill.coin] = fill.start_position + fill.signed_size
        return True

    def _book(self, fills: tuple[Fill, ...] | list[Fill]) -> None:
        """Each (venue, trade id) once. A fill of a child that was proven to have ended is booked too, but our proof was
        wrong then: the seat takes no new risk until a person has looked."""
        fresh = {(fill.venue, fill.tid): fill for fill in fills if not self._books.has_fill(fill)}
        if not fresh:
            return
        self._append(*(FillSeen(fill=fill) for fill in fresh.values()))
        for fill in fresh.values():
            if fill.cloid is None:
                continue
            self._wake(fill.cloid)
            if self._books.leg_late(fill.cloid) and self._books.frozen(fill.venue) is None:
                reason = f"trade {fill.tid} fills order {fill.cloid}, which the venue had shown as ended"
                log.error("fill_after_the_end", venue=fill.venue, cloid=fill.cloid, tid=fill.tid)
                self._append(SeatFrozen(venue=fill.venue, reason=reason, at_ms=self._clock.now_ms()))

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

    # asking

    async def _resolve(self, leg: LegIntent, outcome: Unknown) -> Confirmed | Proof:
        """Takes the venue out of routing until it has answered for the leg."""
        log.warning("leg_unknown", cloid=leg.cloid, venue=leg.venue, text=outcome.text)
        self.health.doubt(leg.venue, f"order {leg.cloid}: {outcome.text}")
        found = await self._ask(leg)
        self.health.answered(leg.venue)
        return found

    async def _ask(self, leg: LegIntent) -> Confirmed | Proof:
        """Asks the venue until it shows the order as final (or resting, if it may), or proves that there is none."""
        client = self._clients[leg.venue]
        while True:
            try:
                venue_ms = await client.now_ms()  # before the status: the proof needs a "no" given after the expiry
                report = await client.status(leg.cloid)
                if report is not None and (report.is_final or rests(leg)):
                    return _told(report)
                if report is None and venue_ms > leg.expires_ms + self._absence_margin_ms:
                    await self.backfill(leg.venue)
                    if not self._booked(leg):
                        return Proof("absent", Decimal(0), "the venue knows no such order after its expiry")
            except (UnknownOutcome, VenueError) as error:
                log.warning("leg_unresolved", cloid=leg.cloid, venue=leg.venue, error=str(error))
            await asyncio.sleep(self._poll_s)

    # resting

    async def _placed(self, leg: LegIntent, outcome: Outcome) -> Proof | None:
        """The end of a child that does not rest; None, and its rest booked, when it does (or did)."""
        if isinstance(outcome, Unknown):
            found = await self._resolve(leg, outcome)
            if isinstance(found, Proof):
                return found
            outcome = found
        if isinstance(outcome, Refused):
            return Proof("refused", Decimal(0), outcome.text)
        self._append(LegRested(cloid=leg.cloid, oid=outcome.oid, at_ms=self._clock.now_ms()))
        return None

    async def _follow(self, leg: LegIntent) -> Proof:
        """A resting child until its end. A cancel is asked for anew until the venue shows the end: it may be lost, and
        one too many does no harm."""
        wake = self._wakes[leg.cloid]
        while True:
            wake.clear()  # before looking: what is booked from here on wakes again
            if self._booked(leg) == leg.size:
                return Proof("filled", leg.size, "")
            reason = self._unwanted.get(leg.cloid)
            if reason is not None:
                self._append(LegCancelAsked(cloid=leg.cloid, text=reason, at_ms=self._clock.now_ms()))
                asked = await self._resting[leg.venue].cancel(leg.coin, cloid=leg.cloid)
                if isinstance(asked, Unknown):
                    self.health.doubt(leg.venue, f"cancel of {leg.cloid}: {asked.text}")
            report = await self._status(leg)
            if report is not None and report.is_final:
                await self._book_until(leg, report.filled)
                self.health.answered(leg.venue)
                return _executed(leg, Confirmed(filled=report.filled, text=reason or report.text))
            await _pause(wake, self._poll_s if leg.cloid in self._unwanted else self._resting_poll_s)

    async def _status(self, leg: LegIntent) -> OrderReport | None:
        try:
            return await self._clients[leg.venue].status(leg.cloid)
        except (UnknownOutcome, VenueError) as error:
            log.warning("leg_unresolved", cloid=leg.cloid, venue=leg.venue, error=str(error))
            return None

    def _wake(self, cloid: str) -> None:
        if (wake := self._wakes.get(cloid)) is not None:
            wake.set()

    def _booked(self, leg: LegIntent) -> Decimal:
        return self._books.leg_filled(leg.cloid)


async def _pause(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


def _ticket(leg: LegIntent) -> OrderTicket:
    """Never reduce-only at the venue: that would act on the seat's net (rule H2)."""
    return OrderTicket(
        cloid=leg.cloid,
        coin=leg.coin,
        side=leg.side,
        size=leg.size,
        limit_price=leg.limit_price,
        time_in_force=leg.time_in_force,
        expires_ms=leg.expires_ms,
        nonce=leg.nonce,
    )


def _told(report: OrderReport) -> Confirmed | Proof:
    if report.state == "rejected":
        return Proof("refused", Decimal(0), report.text)
    return Confirmed(filled=report.filled, oid=report.oid, text=report.text)


def _executed(leg: LegIntent, outcome: Confirmed) -> Proof:
    if not outcome.filled:
        return Proof("unfilled", outcome.filled, outcome.text)
    return Proof("filled" if outcome.filled == leg.size else "partial", outcome.filled, outcome.text)
