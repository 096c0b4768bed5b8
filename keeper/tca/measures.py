"""The formulas of execution quality. s = +1 for a buy, −1 for a sell. Results in basis points, positive = cost unless
said otherwise, computed to 28 digits and given to four decimals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

BPS = Decimal(10_000)
GRAIN = Decimal("0.0001")
MATH = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Executed:
    """One fill: quantity at a price."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Implementation shortfall in bps of ordered quantity × decision mid; the four parts add up to `total`."""

    delay: Decimal
    trading: Decimal
    opportunity: Decimal
    fees: Decimal

    @property
    def total(self) -> Decimal:
        return self.delay + self.trading + self.opportunity + self.fees


def shortfall(
    sign: int,
    ordered: Decimal,
    fills: Sequence[Executed],
    decision_mid: Decimal,
    arrival_mid: Decimal,
    end_mid: Decimal,
    fees_usd: Decimal,
) -> Shortfall:
    """Perold, "The implementation shortfall" (1988), split as is usual:

    s·q(Ma − M0) delay + s·q(p̄ − Ma) trading + s·(Q − q)(Mc − M0) opportunity + φ fees, over Q·M0
    """
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    trading = sum((sign * fill.quantity * (fill.price - arrival_mid) for fill in fills), Decimal(0))
    basis = ordered * decision_mid
    return Shortfall(
        delay=_bps(sign * filled * (arrival_mid - decision_mid), basis),
        trading=_bps(trading, basis),
        opportunity=_bps(sign * (ordered - filled) * (end_mid - decision_mid), basis),
        fees=_bps(fees_usd, basis),
    )


def effective_spread(sign: int, average: Decimal, mid: Decimal) -> Decimal:
    """2·s·(p̄ − mid)/mid with the mid at receipt of the order (SEC Rule 605)."""
    return _bps(2 * sign * (average - mid), mid)


def realised_spread(sign: int, average: Decimal, mid: Decimal, mid_later: Decimal) -> Decimal:
    """2·s·(p̄ − mid later)/mid: what is left of the effective spread when prices have moved (SEC Rule 605)."""
    return _bps(2 * sign * (average - mid_later), mid)


def markout(sign: int, average: Decimal, mid_later: Decimal) -> Decimal:
    """s·(mid later − p̄)/p̄: positive = the market went our way after the fill."""
    return _bps(sign * (mid_later - average), average)


def quoted_spread(bid: Decimal, ask: Decimal) -> Decimal:
    """(ask − bid)/mid."""
    return _bps(2 * (ask - bid), bid + ask)


def mean(weighted: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    """Of (value, weight); None when there is no weight."""
    weight = sum((part for _, part in weighted), Decimal(0))
    if not weight:
        return None
    return MATH.divide(sum((value * part for value, part in weighted), Decimal(0)), weight)


def _bps(amount: Decimal, basis: Decimal) -> Decimal:
    return (MATH.divide(amount, basis) * BPS).quantize(GRAIN, context=MATH)
