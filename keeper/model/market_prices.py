"""The three prices of a perpetual, each a type of its own, and a funding rate that always says what it is a rate of.

A mark price drives margin and liquidation, an index (oracle) price funding, a last price nothing of ours: a function
that wants one of them cannot be given another.
"""

from decimal import Decimal

import msgspec

HOUR_MS = 3_600_000


class _Price(msgspec.Struct, frozen=True):
    """`time_ms` is the business time at which it was seen."""

    value: Decimal
    time_ms: int


class MarkPrice(_Price, frozen=True, tag=True):
    """The venue's mark price."""


class IndexPrice(_Price, frozen=True, tag=True):
    """The venue's index, which some call oracle, or our composite of several."""


class LastPrice(_Price, frozen=True, tag=True):
    """Of the last trade."""


class Prices(msgspec.Struct, frozen=True):
    """What one venue says of one coin; `last` is None where it does not tell."""

    mark: MarkPrice
    index: IndexPrice
    last: LastPrice | None


class FundingQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The rate as it stands: a fraction of notional per `interval_ms`, positive = longs pay, next settled at `next_ms`.

    `method` says in words how the venue comes to it, `formula` names the formula and its version (`hyperliquid/1`).
    """

    rate: Decimal
    interval_ms: int
    next_ms: int
    method: str
    formula: str

    @property
    def per_hour(self) -> Decimal:
        return self.rate * HOUR_MS / self.interval_ms


def next_instant(now_ms: int, interval_ms: int) -> int:
    """The first multiple of the interval after now."""
    return (now_ms // interval_ms + 1) * interval_ms
