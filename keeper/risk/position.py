"""What venues show beside a position: value, profit, margin used, return on equity. Exact `Decimal`, USD."""

from decimal import Decimal

from keeper.model.amounts import WIDE


def position_value(size: Decimal, mark: Decimal) -> Decimal:
    """|size| × mark."""
    return WIDE.multiply(abs(size), mark)


def unrealized_pnl(size: Decimal, entry: Decimal, mark: Decimal) -> Decimal:
    """size × (mark − entry)."""
    return WIDE.multiply(size, WIDE.subtract(mark, entry))


def cross_margin_used(size: Decimal, mark: Decimal, leverage: Decimal) -> Decimal:
    """Value / the leverage chosen."""
    return WIDE.divide(position_value(size, mark), leverage)


def isolated_margin_used(size: Decimal, mark: Decimal, raw_usd: Decimal) -> Decimal:
    """The position's own cash (negative for a long) + size × mark."""
    return WIDE.add(raw_usd, WIDE.multiply(size, mark))


def return_on_equity(size: Decimal, entry: Decimal, mark: Decimal, leverage: Decimal) -> Decimal:
    """Profit / (|size| × entry / leverage)."""
    return WIDE.divide(unrealized_pnl(size, entry, mark), WIDE.divide(position_value(size, entry), leverage))
