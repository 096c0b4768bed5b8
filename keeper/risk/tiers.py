"""Maintenance margin in brackets of notional, continuous at their edges: MM(N) = N × rate − deduction.

The deduction of a bracket is the one before plus floor × the step in rate (Binance calls it `cum`, Hyperliquid the
maintenance deduction). Sources: Binance support, leverage and margin tiers; Hyperliquid docs, margin tiers. USD.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE


@dataclass(frozen=True, slots=True)
class MarginTier:
    """From a notional of `floor` on: `rate` of it is maintenance, at most `max_leverage` may be used."""

    floor: Decimal
    rate: Decimal
    max_leverage: Decimal


class MarginTable:
    """The tiers of one symbol, ascending from 0. InputError when they do not start at 0 or do not rise."""

    def __init__(self, tiers: Iterable[MarginTier]) -> None:
        self._tiers = tuple(tiers)
        if not self._tiers or self._tiers[0].floor != 0:
            raise InputError("tiers", "the first margin tier must start at a notional of 0", "bad_tiers")
        self._deductions = [Decimal(0)]
        for before, tier in zip(self._tiers, self._tiers[1:], strict=False):
            if tier.floor <= before.floor or tier.rate < before.rate:
                raise InputError("tiers", f"the tier from {tier.floor} does not rise above {before.floor}", "bad_tiers")
            step = WIDE.multiply(tier.floor, WIDE.subtract(tier.rate, before.rate))
            self._deductions.append(WIDE.add(self._deductions[-1], step))
        self._floors = [tier.floor for tier in self._tiers]

    @classmethod
    def of_leverages(cls, leverages: Iterable[tuple[Decimal, Decimal]]) -> "MarginTable":
        """Hyperliquid's tables, (lower bound, max leverage): the rate is half of that leverage's initial margin."""
        return cls(MarginTier(floor, WIDE.divide(Decimal(1), 2 * most), most) for floor, most in leverages)

    @property
    def tiers(self) -> tuple[MarginTier, ...]:
        return self._tiers

    def tier(self, notional: Decimal) -> MarginTier:
        """The bracket of a notional; its floor belongs to it."""
        return self._tiers[self._index(notional)]

    def deduction(self, notional: Decimal) -> Decimal:
        return self._deductions[self._index(notional)]

    def maintenance(self, notional: Decimal) -> Decimal:
        """What a position of this notional must keep."""
        index = self._index(notional)
        return WIDE.subtract(WIDE.multiply(notional, self._tiers[index].rate), self._deductions[index])

    def max_leverage(self, notional: Decimal) -> Decimal:
        return self.tier(notional).max_leverage

    def initial(self, notional: Decimal, leverage: Decimal) -> Decimal:
        """notional / leverage. InputError when the bracket allows less leverage."""
        most = self.max_leverage(notional)
        if not 0 < leverage <= most:
            raise InputError(
                "leverage", f"{leverage} is not within 0 and {most}, the most at {notional} USD", "leverage"
            )
        return WIDE.divide(notional, leverage)

    def _index(self, notional: Decimal) -> int:
        if notional < 0:
            raise InputError("notional", f"must not be negative, not {notional}", "bad_notional")
        return bisect_right(self._floors, notional) - 1
