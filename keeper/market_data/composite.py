"""The composite index of several venues' prices: one wild source moves it by no more than its weight times the cap.

Rule (`product` §4.4; Binance's index of 2024 caps alike): m = median of the fresh sources; each price is held within
m × (1 ± cap); the index is their mean by weight. Two or more sources beyond the cap: the median itself. Fewer than
three fresh ones: degraded, on which no new risk is taken.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from keeper.model.market_prices import IndexPrice

MAX_AGE_S = 10.0
CAP = Decimal("0.05")
ENOUGH = 3


class IndexSource(msgspec.Struct, frozen=True):
    """One venue's price; `weight` > 0 by its volume, `age_s` on the monotonic clock."""

    venue: str
    price: Decimal
    weight: Decimal
    age_s: float


class CompositeIndex(msgspec.Struct, frozen=True):
    """`beyond` names the sources that the cap held back."""

    price: IndexPrice
    sources: int
    beyond: tuple[str, ...]
    degraded: bool


def composite_index(
    sources: Sequence[IndexSource], now_ms: int, *, cap: Decimal = CAP, max_age_s: float = MAX_AGE_S
) -> CompositeIndex | None:
    """None without any fresh source. Sources without a positive price or weight are no sources."""
    fresh = [item for item in sources if item.age_s <= max_age_s and item.price > 0 and item.weight > 0]
    if not fresh:
        return None
    middle = median([item.price for item in fresh])
    low, high = middle * (1 - cap), middle * (1 + cap)
    beyond = tuple(item.venue for item in fresh if not low <= item.price <= high)
    if len(beyond) >= 2:
        price = middle
    else:
        total = sum((item.weight for item in fresh), Decimal(0))
        held = (min(max(item.price, low), high) * item.weight for item in fresh)
        price = sum(held, Decimal(0)) / total
    return CompositeIndex(IndexPrice(price, now_ms), len(fresh), beyond, len(fresh) < ENOUGH)


def median(values: Sequence[Decimal]) -> Decimal:
    """The middle one, or the mean of the two in the middle. ValueError for none."""
    if not values:
        raise ValueError("a median of nothing")
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def weighted_median(values: Sequence[tuple[Decimal, int]]) -> Decimal:
    """The value at which half of the weight is reached: the median of the values, each repeated `weight` times."""
    return median([value for value, weight in values for _ in range(weight)])
