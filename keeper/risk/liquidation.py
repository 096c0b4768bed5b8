"""Liquidation and bankruptcy prices, as three venues write them: algebraically the same. Exact `Decimal`, USD.

A long is size > 0. Sources: Binance support b3c689c1 (liquidation price of USD-margined contracts), Hyperliquid docs
trading/liquidations, dYdX docs liquidation price.
"""

from decimal import Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE
from keeper.risk.tiers import MarginTable

ONE = Decimal(1)
ZERO = Decimal(0)


def liquidation_price(
    size: Decimal,
    entry: Decimal,
    wallet: Decimal,
    table: MarginTable,
    *,
    other_maintenance: Decimal = ZERO,
    other_pnl: Decimal = ZERO,
) -> Decimal | None:
    """The mark at which wallet + unrealised profit = maintenance margin, in the bracket of the notional *there*.

    LP = (WB − TMM + UPNL + cum − s·q·EP) / (q·mmr − s·q). Cross: `wallet` the whole balance, `other_*` those of the
    other positions. Isolated: the position's own wallet alone. None when no positive price liquidates it.
    """
    quantity, _ = _parts(size)
    collateral = WIDE.add(WIDE.subtract(wallet, other_maintenance), other_pnl)
    ceilings = [tier.floor for tier in table.tiers[1:]] + [None]
    for tier, ceiling in zip(table.tiers, ceilings, strict=True):
        price = bracket_liquidation_price(size, entry, collateral, tier.rate, table.deduction(tier.floor))
        notional = WIDE.multiply(quantity, price)
        # the margin is continuous and never grows faster than the position, so only one bracket can fit
        if price > 0 and notional >= tier.floor and (ceiling is None or notional < ceiling):
            return price
    return None


def bracket_liquidation_price(
    size: Decimal, entry: Decimal, collateral: Decimal, rate: Decimal, deduction: Decimal = ZERO
) -> Decimal:
    """The same within one bracket: (collateral + cum − s·q·EP) / (q·mmr − s·q). May be negative."""
    quantity, side = _parts(size)
    above = WIDE.subtract(WIDE.add(collateral, deduction), WIDE.multiply(size, entry))
    return WIDE.divide(above, WIDE.multiply(quantity, rate - side))


def liquidation_price_from_mark(size: Decimal, mark: Decimal, available: Decimal, rate: Decimal) -> Decimal:
    """Hyperliquid's: mark − s × available / q / (1 − l·s), l = the maintenance rate.

    `available`: cross account value − maintenance of everything, or isolated margin − maintenance, all at `mark`.
    """
    quantity, side = _parts(size)
    step = WIDE.divide(WIDE.divide(available, quantity), ONE - rate * side)
    return WIDE.subtract(mark, side * step)


def liquidation_price_from_equity(
    size: Decimal, price: Decimal, equity: Decimal, other_maintenance: Decimal, rate: Decimal
) -> Decimal:
    """dYdX's: (e − S·p − MMR_other) / (|S|·MMF − S); `price` is the one `equity` was measured at, not the entry."""
    above = WIDE.subtract(WIDE.subtract(equity, WIDE.multiply(size, price)), other_maintenance)
    return WIDE.divide(above, WIDE.subtract(WIDE.multiply(abs(size), rate), size))


def bankruptcy_price(size: Decimal, entry: Decimal, margin: Decimal) -> Decimal:
    """Where the margin is gone: entry − margin / size. A close at a better price leaves a surplus for insurance."""
    _parts(size)
    return WIDE.subtract(entry, WIDE.divide(margin, size))


def _parts(size: Decimal) -> tuple[Decimal, int]:
    if size == 0:
        raise InputError("size", "a flat position has no liquidation price", "flat")
    return abs(size), 1 if size > 0 else -1
