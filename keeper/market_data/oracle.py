"""Which oracle price a funding instant was settled at: what was seen, and what the payment itself proves."""

from bisect import bisect_right
from collections import deque
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from keeper.model.amounts import MICRO, WIDE

SETTLEMENT_SLACK_MS = 100
"""A venue stamps a payment some tens of ms after the hour; the price is the last one up to then."""

KEPT = 20_000
FARTHEST = Decimal("0.25")
"""How far from the price seen, which may be hours old after an outage, a payment is believed."""


class OracleHistory:
    """Oracle prices of one coin at one venue by venue time; the newest 20,000 changes are kept."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=KEPT)
        self._prices: deque[Decimal] = deque(maxlen=KEPT)

    def add(self, time_ms: int, price: Decimal) -> None:
        """A price seen when the venue's time was `time_ms`. Repeats and times that go back are left out."""
        if self._times and (time_ms < self._times[-1] or price == self._prices[-1]):
            return
        self._times.append(time_ms)
        self._prices.append(price)

    def at(self, time_ms: int) -> Decimal | None:
        """The last price seen at or before `time_ms` + 100 ms, else the first one after it: who was not there at an
        instant has none nearer. None when none was seen at all."""
        index = bisect_right(self._times, time_ms + SETTLEMENT_SLACK_MS)
        return self._prices[max(0, index - 1)] if self._times else None


def paid_at(size: Decimal, oracle: Decimal, rate: Decimal) -> int:
    """A payment in micro-USDC, positive = received: −size × oracle × rate, rounded toward zero."""
    exact = WIDE.multiply(WIDE.multiply(-size, oracle), WIDE.multiply(rate, Decimal(MICRO)))
    return int(exact.to_integral_value(ROUND_DOWN, WIDE))


def implied_oracle(payment: int, size: Decimal, rate: Decimal, near: Decimal, tick: Decimal) -> Decimal | None:
    """The price on the tick nearest to `near` that reproduces a seat's payment (micro-USDC) exactly.

    Several neighbouring ticks may: they differ by less than a micro-dollar of that payment. None when no tick within
    25% of `near` does, or the payment says nothing (size or rate 0).
    """
    per_tick = abs(WIDE.multiply(WIDE.multiply(size, rate), WIDE.multiply(tick, Decimal(MICRO))))
    if not per_tick:
        return None
    lowest = WIDE.divide(Decimal(abs(payment)), per_tick).to_integral_value(ROUND_CEILING, WIDE)
    beyond = WIDE.divide(Decimal(abs(payment) + 1), per_tick).to_integral_value(ROUND_CEILING, WIDE)
    seen = (near / tick).to_integral_value(context=WIDE)
    price = WIDE.multiply(max(lowest, min(seen, beyond - 1)), tick)
    reproduces = paid_at(size, price, rate) == payment
    return price if reproduces and abs(price - near) <= near * FARTHEST else None
