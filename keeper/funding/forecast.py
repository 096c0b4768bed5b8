"""The next rate before it is settled, and the rates expected after it."""

from dataclasses import replace
from decimal import Decimal

from keeper.errors import InputError
from keeper.funding.inputs import FundingInputs
from keeper.funding.registry import Formula
from keeper.funding.schedule import Schedule
from keeper.model.amounts import WIDE
from keeper.model.funding import FundingQuote

HALF = Decimal("0.5")


class Forecast:
    """One symbol's predicted rate: the venue's formula on the premiums seen so far in the running interval.

    A formula of the previous interval (Kraken, HTX before 2024) knows its next rate exactly: `quote` then uses the
    samples of the interval that has ended. A moving mean (OKX) looks back one whole interval at any time. `terms`
    carries everything but the premiums.
    """

    def __init__(self, coin: str, formula: Formula, schedule: Schedule, terms: FundingInputs) -> None:
        self._coin, self._formula, self._schedule, self._terms = coin, formula, schedule, terms
        self._running: list[Decimal] = []
        self._ended: list[Decimal] = []
        self._next_ms: int | None = None

    def sample(self, premium: Decimal, at_ms: int) -> None:
        """A premium seen at `at_ms`; times must not run backwards."""
        self._roll(at_ms)
        self._running.append(premium)

    def quote(self, now_ms: int) -> FundingQuote | None:
        """What the next settlement would be on what is known now; None before the first sample that counts."""
        self._roll(now_ms)
        known = self._known()
        if not known:
            return None
        next_ms = self._schedule.next_after(now_ms)
        hours = Decimal(self._schedule.interval_hours(next_ms))
        rate = self._formula.rate(replace(self._terms, premiums=known, interval_hours=hours))
        return FundingQuote(
            venue=self._formula.venue,
            coin=self._coin,
            rate=rate,
            interval_hours=hours,
            next_ms=next_ms,
            price_kind=self._formula.price_kind,
            method=self._formula.method,
            formula=self._formula.id,
        )

    def _known(self) -> list[Decimal]:
        """The samples that the formula averages now."""
        if self._formula.method.startswith("previous"):
            return self._ended
        if self._formula.method.startswith("moving"):
            return [*self._ended, *self._running][-max(len(self._ended), len(self._running)) :]
        return self._running

    def _roll(self, now_ms: int) -> None:
        """Starts a new interval when a settlement has passed; one that nobody sampled is forgotten, not repeated."""
        if self._next_ms is not None and now_ms >= self._next_ms:
            one_later = now_ms < self._schedule.next_after(self._next_ms)
            self._ended = self._running if one_later else []
            self._running = []
        self._next_ms = self._schedule.next_after(now_ms)


def expected_rate(mean: Decimal, current: Decimal, hours_ahead: Decimal, half_life_hours: Decimal) -> Decimal:
    """The rate expected that far ahead: mean + (current − mean) × 2^(−ahead / half-life)."""
    if half_life_hours <= 0:
        raise InputError("half_life_hours", f"must be positive, not {half_life_hours}", "bad_half_life")
    kept = WIDE.power(HALF, WIDE.divide(hours_ahead, half_life_hours))
    return WIDE.add(mean, WIDE.multiply(current - mean, kept))
