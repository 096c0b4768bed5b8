"""Books every fill, funding payment and money movement of the seats, each exactly once, from the venues' records.

Streams are quick but may lose messages; these reads by cursor may not. A funding instant is booked once the venue has
published its rate, and, where the seat holds the coin, the seat's own payment row.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

import structlog

from keeper.clock import Clock
from keeper.errors import IntegrityError
from keeper.ledger import Books
from keeper.model.events import FillSeen, FundingSeen, LedgerRowSeen
from keeper.model.venue_records import FundingPayment, FundingRate
from keeper.seats import Seat

log = structlog.get_logger(__name__)

HOUR_MS = 3_600_000
SETTLE_MS = 3_000
"""After the hour, before the first look for its funding."""

Append = Callable[..., int]


class Oracles(Protocol):
    """Oracle prices as they were."""

    def oracle_for(self, venue: str, coin: str, time_ms: int, payment: FundingPayment | None) -> Decimal | None:
        """The oracle price a funding payment was made at; None when it was not seen and cannot be implied."""
        ...

    def interval_ms(self, venue: str, coin: str) -> int:
        """Between two of its settlements, which fall on whole multiples of it."""
        ...


class Collector:
    """`append` stores events and applies them to the books before it returns."""

    def __init__(self, *, seats: Sequence[Seat], books: Books, append: Append, oracles: Oracles, clock: Clock) -> None:
        self._seats = seats
        self._books = books
        self._append = append
        self._oracles = oracles
        self._clock = clock
        self._unpaid: dict[str, tuple[FundingRate, ...]] = {}

    async def collect(self) -> None:
        """Everything of every seat: fills, rows, funding."""
        for seat in self._seats:
            await self.collect_seat(seat.venue)

    async def collect_seat(self, venue: str) -> None:
        """Everything of one of them."""
        for seat in self._seats:
            if seat.venue == venue:
                await self.fills(seat)
                await self.rows(seat)
                await self.funding(seat)

    def unpaid(self, venue: str) -> tuple[FundingRate, ...]:
        """Rates that were settled while the seat held the coin, and for which it has no payment yet."""
        return self._unpaid.get(venue, ())

    async def fills(self, seat: Seat) -> None:
        """Fills since the last one booked; a stream may book some while the venue is being asked."""
        since = self._books.last_fill_time(seat.venue)
        found = await seat.account.fills(since)
        fresh = [FillSeen(fill=fill) for fill in found if not self._books.has_fill(fill)]
        if fresh:
            self._append(*fresh)

    async def rows(self, seat: Seat) -> None:
        since = max((row.time_ms for row in self._books.rows(seat.venue)), default=0)
        found = await seat.account.ledger(since)
        fresh = [LedgerRowSeen(row=row) for row in found if not self._books.has_row(row)]
        if fresh:
            self._append(*fresh)

    async def funding(self, seat: Seat) -> None:
        """Books the instants since the last one booked, in order of time."""
        now = self._clock.now_ms()
        coins = self._coins(seat)
        booked = {(payment.coin, payment.time_ms // HOUR_MS) for payment in self._books.fundings(seat.venue)}
        first = min((fill.time_ms for fill in self._books.fills(seat.venue)), default=now)
        last_hour = (now - SETTLE_MS) // HOUR_MS
        missing = {
            coin
            for coin in coins
            if any((coin, hour) not in booked for hour in self._hours(seat, coin, first, last_hour, booked))
        }
        if not missing:
            self._unpaid[seat.venue] = ()
            return
        rates = [rate for coin in sorted(missing) for rate in await seat.account.funding_rates(coin, first)]
        payments = {(p.coin, p.time_ms // HOUR_MS): p for p in await seat.account.funding(first)}
        events, unpaid = [], []
        for rate in sorted(rates, key=lambda rate: (rate.time_ms, rate.coin)):
            if (rate.coin, rate.time_ms // HOUR_MS) in booked:
                continue
            event = self._book_rate(seat, rate, payments.get((rate.coin, rate.time_ms // HOUR_MS)))
            if event is None:
                unpaid.append(rate)
            else:
                events.append(event)
        self._unpaid[seat.venue] = tuple(unpaid)
        if events:
            self._append(*events)

    def _hours(self, seat: Seat, coin: str, first_ms: int, last_hour: int, booked: set[tuple[str, int]]) -> list[int]:
        """Those after the last one booked at which the venue settles the coin."""
        done = max((hour for name, hour in booked if name == coin), default=first_ms // HOUR_MS)
        every = max(1, self._oracles.interval_ms(seat.venue, coin) // HOUR_MS)
        return [hour for hour in range(done + 1, last_hour + 1) if hour % every == 0]

    def _coins(self, seat: Seat) -> set[str]:
        """Coins any sub-account ever traded at the seat: two clients who net to nought still pay each other."""
        return {fill.coin for fill in self._books.fills(seat.venue)}

    def _book_rate(self, seat: Seat, rate: FundingRate, payment: FundingPayment | None) -> FundingSeen | None:
        size = sum(
            (f.signed_size for f in self._books.fills(seat.venue) if f.coin == rate.coin and f.time_ms < rate.time_ms),
            Decimal(0),
        )
        if payment is None and size != 0:
            return None  # the seat's own row is still to come
        oracle = self._oracles.oracle_for(seat.venue, rate.coin, rate.time_ms, payment)
        if oracle is None:
            raise IntegrityError(
                f"{seat.name}: the oracle price of {rate.coin} at {rate.time_ms} was not seen and no payment implies it"
            )
        return FundingSeen(
            venue=seat.venue,
            coin=rate.coin,
            time_ms=rate.time_ms if payment is None else payment.time_ms,
            rate=rate.rate,
            oracle=oracle,
            paid=None if payment is None else payment.amount,
            seat_size=Decimal(0) if payment is None else payment.size,
        )
