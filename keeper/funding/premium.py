"""Premiums of a perpetual over its index, and the averages that venues take of them. Fractions, exact `Decimal`."""

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from keeper.errors import InputError
from keeper.model.amounts import WIDE

ZERO = Decimal(0)


def clamp(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """`value`, at least `low` and at most `high`."""
    return max(low, min(high, value))


def impact_premium(impact_bid: Decimal, impact_ask: Decimal, index: Decimal) -> Decimal:
    """[max(0, bid − index) − max(0, index − ask)] / index, with the average prices of the impact notional.

    Hyperliquid, Binance, Aster, Bybit, dYdX; nought while the index lies between the two.
    """
    _positive(index)
    return WIDE.divide(max(ZERO, impact_bid - index) - max(ZERO, index - impact_ask), index)


def middle_premium(bid: Decimal, ask: Decimal, index: Decimal) -> Decimal:
    """(bid + ask) / 2 / index − 1. OKX with the best prices, Hyperliquid's builder dexes with the impact prices."""
    _positive(index)
    return WIDE.subtract(WIDE.divide(WIDE.add(bid, ask), WIDE.multiply(Decimal(2), index)), Decimal(1))


def average(premiums: Sequence[Decimal]) -> Decimal:
    """The plain mean. InputError when there is none."""
    _some(premiums)
    return WIDE.divide(sum(premiums, ZERO), Decimal(len(premiums)))


def ramp_average(premiums: Sequence[Decimal]) -> Decimal:
    """Σ i·P_i / Σ i, oldest first with weight 1: Bybit's, heavier towards the settlement."""
    _some(premiums)
    weighted = sum((i * premium for i, premium in enumerate(premiums, 1)), ZERO)
    return WIDE.divide(weighted, Decimal(len(premiums) * (len(premiums) + 1) // 2))


def minute_median(votes: Sequence[Decimal]) -> Decimal:
    """dYdX's premium of one minute: the median of the block proposers' votes."""
    _some(votes)
    return median(votes)


def _some(premiums: Sequence[Decimal]) -> None:
    if not premiums:
        raise InputError("premiums", "no sample; a rate needs at least one premium", "no_premium")


def _positive(index: Decimal) -> None:
    if index <= 0:
        raise InputError("index", f"must be positive, not {index}", "bad_index")
