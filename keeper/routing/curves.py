"""Venues without a book: what an AMM's or an oracle's pool charges for a quantity, and the ladder a router takes it as.

A pool's cost is a convex function of the quantity. Its ladder cuts the quantity into levels of whole lots, each at the
average price that the curve charges for it, on a tick away from us. Where a level is one lot the ladder is exact at
every quantity that can be ordered; a wider one overstates a part of it, by no more than `Ladder.overstated_bps`.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Literal, Protocol

from keeper.routing.errors import RoutingError

MATH = Context(prec=40, rounding=ROUND_HALF_EVEN)
BPS = Decimal(10_000)
LEVELS = 400
"""Levels of a ladder: the first half of them one lot each, the others wider and wider."""

Side = Literal["buy", "sell"]


class Curve(Protocol):
    """`total(side, q)`: USD paid for buying q base units, or received for selling them. `depth(side)`: the most there
    is, None = no end."""

    def total(self, side: Side, quantity: Decimal) -> Decimal: ...
    def depth(self, side: Side) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class ConstantProduct:
    """A (virtual) pool of `base` units and `quote` USD whose product stays: a buy of x costs k/(base − x) − quote."""

    base: Decimal
    quote: Decimal

    def total(self, side: Side, quantity: Decimal) -> Decimal:
        product = MATH.multiply(self.base, self.quote)
        if side == "buy":
            return MATH.divide(product, self.base - quantity) - self.quote
        return self.quote - MATH.divide(product, self.base + quantity)

    def depth(self, side: Side) -> Decimal | None:
        return self.base if side == "buy" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OraclePool:
    """Trades at the oracle price ± `spread_bps`, and pays or charges for what a trade does to the imbalance between
    longs and shorts, as GMX v2 does: impact = factor · before^exponent − factor · after^exponent in USD, with
    `positive_factor` while the imbalance shrinks and `negative_factor` while it grows. `imbalance_usd` = open interest
    of longs − shorts; `open_usd` what may still be opened on a side. RoutingError when the cost would not be convex."""

    oracle: Decimal
    imbalance_usd: Decimal
    exponent: Decimal
    positive_factor: Decimal
    negative_factor: Decimal
    spread_bps: Decimal = Decimal(0)
    open_usd: Decimal | None = None

    def __post_init__(self) -> None:
        if self.exponent < 1:
            raise RoutingError("contradictory_limits", "exponent", f"must be at least 1, not {self.exponent}")
        if not 0 <= self.positive_factor <= self.negative_factor:
            raise RoutingError("contradictory_limits", "positive_factor", "must lie between 0 and negative_factor")

    def total(self, side: Side, quantity: Decimal) -> Decimal:
        sign = 1 if side == "buy" else -1
        usd = MATH.multiply(quantity, self.oracle)
        plain = MATH.multiply(usd, 1 + sign * self.spread_bps / BPS)
        return plain - sign * self._impact(sign * usd)

    def depth(self, side: Side) -> Decimal | None:
        return None if self.open_usd is None else MATH.divide(self.open_usd, self.oracle)

    def _impact(self, change: Decimal) -> Decimal:
        """USD to us (positive) or from us."""
        before, after = self.imbalance_usd, self.imbalance_usd + change
        if before * after < 0:  # through balance: the way there is paid, the way on charged
            return self._priced(self.positive_factor, before) - self._priced(self.negative_factor, after)
        factor = self.positive_factor if abs(after) < abs(before) else self.negative_factor
        return self._priced(factor, before) - self._priced(factor, after)

    def _priced(self, factor: Decimal, imbalance: Decimal) -> Decimal:
        return MATH.multiply(factor, MATH.power(abs(imbalance), self.exponent)) if imbalance else Decimal(0)


@dataclass(frozen=True, slots=True)
class Ladder:
    """(price, size) best first; `overstated_bps`: how far the price of a part of a level may lie above the curve's."""

    levels: tuple[tuple[Decimal, Decimal], ...]
    overstated_bps: Decimal


def ladder(curve: Curve, side: Side, quantity: Decimal, lot: Decimal, tick: Decimal, levels: int = LEVELS) -> Ladder:
    """The curve up to `quantity` (or its depth) in at most about `levels` levels. RoutingError for a lot, tick or
    quantity that is not positive, or a pool with nothing in it."""
    for name, amount in (("quantity", quantity), ("lot_size", lot), ("tick_size", tick)):
        if not amount.is_finite() or amount <= 0:
            raise RoutingError("not_positive", name, f"must be above 0, not {amount}")
    depth = curve.depth(side)
    room = quantity if depth is None else min(quantity, depth)
    lots = int(MATH.divide(room, lot))
    if depth is not None and lots * lot >= depth:
        lots -= 1  # the last unit of a pool has no price
    found: list[tuple[Decimal, Decimal]] = []
    worst = Decimal(0)
    taken, paid = 0, Decimal(0)
    for width in _widths(lots, levels):
        total = curve.total(side, (taken + width) * lot)
        price = _on_tick(MATH.divide(abs(total - paid), width * lot), tick, side)
        if price <= 0:
            break
        if width > 1:
            first = MATH.divide(abs(curve.total(side, (taken + 1) * lot) - paid), lot)
            worst = max(worst, abs(MATH.divide(price - first, first)) * BPS)
        found.append((price, width * lot))
        taken, paid = taken + width, total
    return Ladder(tuple(found), worst)


def _widths(lots: int, levels: int) -> list[int]:
    """Widths of the levels in lots: ones, and when they are too many, ever wider ones after half of them."""
    if lots <= levels:
        return [1] * max(lots, 0)
    widths = [1] * (levels // 2)
    left = lots - len(widths)
    while left > 0:
        parts = max(levels - len(widths), 1)
        widths.append(min(left, max(widths[-1], 2 * left // (parts * (parts + 1)) + 1)))
        left -= widths[-1]
    return widths


def _on_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    rounding = ROUND_CEILING if side == "buy" else ROUND_FLOOR
    return MATH.divide(price, tick).to_integral_value(rounding) * tick
