"""What a position owes between settlements, and what each settlement makes of it.

Amounts in USDC, positive = received. Between settlements the accrual is a receivable, not cash; at the settlement the
holder at that instant pays the whole of it, and the difference to what was accrued is the true-up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.funding.schedule import Schedule
from keeper.model.amounts import WIDE, micro_floor
from keeper.model.funding import HOUR_MS, FundingQuote


def payment(size: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """What a position receives at a settlement: −size × price × rate, exact."""
    return WIDE.multiply(WIDE.multiply(-size, price), rate)


def accrued(size: Decimal, price: Decimal, quote: FundingQuote, since_ms: int, now_ms: int) -> Decimal:
    """The receivable of `size` held from `since_ms` to `now_ms`: −size × price × hourly rate × hours.

    InputError when the span runs backwards.
    """
    if now_ms < since_ms:
        raise InputError("now_ms", f"{now_ms} lies before {since_ms}", "backwards")
    span = WIDE.divide(Decimal(now_ms - since_ms), Decimal(HOUR_MS))
    return WIDE.multiply(payment(size, price, quote.per_hour), span)


@dataclass(frozen=True, slots=True)
class Settled:
    """One settlement of one position. `paid` in micro-USDC, floored; `true_up` = paid − what had been accrued."""

    time_ms: int
    rate: Decimal
    price: Decimal
    size: Decimal
    paid: int
    accrued: int

    @property
    def true_up(self) -> int:
        return self.paid - self.accrued


class Carry:
    """One sub-account's position in one coin: accrues on the quote in force and settles at the schedule's instants.

    `resize` when the position changes, `requote` when the venue says a new rate, `settle` at an instant with the rate
    and price that were paid. Calls come in order of time. A change stamped at the instant itself comes after it is
    settled, so it does not pay.
    """

    def __init__(self, schedule: Schedule, quote: FundingQuote, price: Decimal, at_ms: int) -> None:
        self._schedule, self._quote, self._price = schedule, quote, price
        self._size = self._receivable = Decimal(0)
        self._at_ms = at_ms

    @property
    def next_ms(self) -> int:
        return self._schedule.next_after(self._at_ms)

    def receivable(self, now_ms: int) -> Decimal:
        """Accrued since the last settlement; not cash yet."""
        return self._receivable + accrued(self._size, self._price, self._quote, self._at_ms, now_ms)

    def resize(self, size: Decimal, now_ms: int) -> None:
        self._move(now_ms)
        self._size = size

    def requote(self, quote: FundingQuote, price: Decimal, now_ms: int) -> None:
        self._move(now_ms)
        self._quote, self._price = quote, price

    def settle(self, rate: Decimal, price: Decimal) -> Settled:
        """The next instant of the schedule with what the venue paid then; whoever holds at it pays the whole."""
        instant = self.next_ms
        before = self.receivable(instant)
        done = Settled(
            time_ms=instant,
            rate=rate,
            price=price,
            size=self._size,
            paid=micro_floor(payment(self._size, price, rate)),
            accrued=micro_floor(before),
        )
        self._receivable, self._at_ms = Decimal(0), instant
        return done

    def _move(self, now_ms: int) -> None:
        if now_ms >= self.next_ms:
            raise InputError(
                "now_ms", f"the settlement at {self.next_ms} comes before {now_ms}; settle it", "unsettled"
            )
        self._receivable = self.receivable(now_ms)
        self._at_ms = now_ms


def holding_cost(
    size: Decimal, schedule: Schedule, rates: Mapping[int, Decimal], price: Decimal, opened_ms: int, closed_ms: int
) -> Decimal:
    """What holding `size` over (opened, closed] costs: the settlements crossed, not span / interval; negative = income.

    `rates` by instant; InputError names an instant that has none.
    """
    total = Decimal(0)
    for instant in schedule.instants(opened_ms, closed_ms):
        if instant not in rates:
            raise InputError("rates", f"no rate for the settlement at {instant}", "no_rate")
        total -= payment(size, price, rates[instant])
    return total
