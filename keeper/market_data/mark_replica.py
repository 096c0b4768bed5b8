"""What a venue's mark price ought to be, by the venue's own published rule, from its index and book.

A replica stands beside the price that the venue prints: the two apart by more than a bound means that one of the
inputs, or the venue, is wrong. It never replaces a mark price. Rules: `product` §4.5, with their sources. Times are
business milliseconds; averages forget by the exponential rule `num ← num·e^(−t/T) + x·t`, den likewise.
"""

import math
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from keeper.market_data.composite import median, weighted_median
from keeper.model.market_prices import IndexPrice, MarkPrice

HYPERLIQUID_T_MS = 150_000
SHORT_T_MS = 30_000
BINANCE_WINDOW_MS = 30_000
ORDERLY_WINDOW_MS = 15 * 60_000
MOST_SAMPLES = 10_000


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one moment. `outside`: mids of other venues with their weights, where a rule uses them;
    `rate` and `interval_ms`: the funding rate as it stands and `to_funding_ms` until it is paid."""

    time_ms: int
    index: IndexPrice
    bid: Decimal
    ask: Decimal
    last: Decimal | None = None
    outside: Sequence[tuple[Decimal, int]] = ()
    rate: Decimal = Decimal(0)
    interval_ms: int = 28_800_000
    to_funding_ms: int = 0

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


class MarkReplica(Protocol):
    def observe(self, sample: Sample) -> MarkPrice:
        """The mark price by the venue's rule after this sample; samples come in order of time."""
        ...


class HyperliquidMark:
    """median{index + EMA150s(mid − index); median(bid, ask, last); weighted median of other venues' mids}. When only
    two of them exist, the 30 s EMA of the second joins them."""

    def __init__(self) -> None:
        self._basis = _Ema(HYPERLIQUID_T_MS)
        self._short = _Ema(SHORT_T_MS)

    def observe(self, sample: Sample) -> MarkPrice:
        index = sample.index.value
        basis = self._basis.add(sample.mid - index, sample.time_ms)
        own = median([price for price in (sample.bid, sample.ask, sample.last) if price is not None])
        short = self._short.add(own, sample.time_ms)
        third = weighted_median(sample.outside) if sample.outside else short
        return MarkPrice(median([index + basis, own, third]), sample.time_ms)


class BinanceMark:
    """median{index × (1 + rate × share of the interval to go); index + mean over 30 s of (mid − index); last}."""

    def __init__(self) -> None:
        self._basis = _Mean(BINANCE_WINDOW_MS)

    def observe(self, sample: Sample) -> MarkPrice:
        index = sample.index.value
        by_rate = index * (1 + sample.rate * sample.to_funding_ms / sample.interval_ms)
        by_basis = index + self._basis.add(sample.mid - index, sample.time_ms)
        prices = [by_rate, by_basis] + ([] if sample.last is None else [sample.last])
        return MarkPrice(median(prices), sample.time_ms)


class OrderlyMark:
    """Binance's rule with a mean over 15 minutes, held within `index × (1 ± most)`."""

    def __init__(self, most: Decimal) -> None:
        self._most = most
        self._basis = _Mean(ORDERLY_WINDOW_MS)

    def observe(self, sample: Sample) -> MarkPrice:
        index = sample.index.value
        by_rate = index * (1 + sample.rate * sample.to_funding_ms / sample.interval_ms)
        by_basis = index + self._basis.add(sample.mid - index, sample.time_ms)
        price = median([by_rate, by_basis] + ([] if sample.last is None else [sample.last]))
        return MarkPrice(min(max(price, index * (1 - self._most)), index * (1 + self._most)), sample.time_ms)


class IndexMark:
    """The index itself, which dYdX margins on."""

    def observe(self, sample: Sample) -> MarkPrice:
        return MarkPrice(sample.index.value, sample.time_ms)


def apart_bps(printed: MarkPrice, replica: MarkPrice) -> Decimal:
    """How far the venue's mark is from the replica, in basis points of the replica; signed."""
    return (printed.value / replica.value - 1) * 10_000


class _Ema:
    """`value` = num / den; the first sample counts as one second's worth."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._time_ms: int | None = None
        self._num = self._den = Decimal(0)

    def add(self, value: Decimal, time_ms: int) -> Decimal:
        passed = 1_000 if self._time_ms is None else max(0, time_ms - self._time_ms)
        kept = Decimal(math.exp(-passed / self._span_ms))
        self._num = self._num * kept + value * passed
        self._den = self._den * kept + passed
        self._time_ms = time_ms
        return self._num / self._den


class _Mean:
    """Of the samples of the last `window_ms`."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._samples: deque[tuple[int, Decimal]] = deque(maxlen=MOST_SAMPLES)

    def add(self, value: Decimal, time_ms: int) -> Decimal:
        self._samples.append((time_ms, value))
        while self._samples[0][0] <= time_ms - self._window_ms:
            self._samples.popleft()
        return sum((sample for _, sample in self._samples), Decimal(0)) / len(self._samples)
