"""What Hyperliquid takes as a price and a size, said before anything is sent: 5 significant figures, at most
6 − szDecimals decimals, whole lots (docs, tick and lot size); and the asset ids of builder-deployed exchanges."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from keeper.model.amounts import plain
from keeper.model.instruments import Instrument
from keeper.venues.hyperliquid.wire.market import Meta

DEX_BASE, DEX_STEP = 100_000, 10_000


def instruments(venue: str, meta: Meta, dex_index: int = 0) -> list[Instrument]:
    """What can be traded; an asset id is the index in the whole universe, delisted entries included, and for the n-th
    builder-deployed exchange (HIP-3) 100000 + n × 10000 + index."""
    first = DEX_BASE + dex_index * DEX_STEP if dex_index else 0
    return [
        Instrument(venue, asset.name, first + index, asset.sz_decimals, asset.max_leverage)
        for index, asset in enumerate(meta.universe)
        if asset.is_delisted is not True
    ]


def order_fault(instrument: Instrument, size: Decimal, price: Decimal) -> str | None:
    """Why the venue would not take it, with the nearest that it would; None when it would."""
    if not (size.is_finite() and price.is_finite()):
        return f"size {size}, price {price}: not numbers"
    if size <= 0:
        return f"size: {plain(size)} must be positive"
    lots = size / instrument.lot_size
    if lots != lots.to_integral_value():
        fits = plain(instrument.round_size(size))
        return f"size: {plain(size)} is no multiple of {plain(instrument.lot_size)}; {fits} is"
    if price <= 0:
        return f"price: {plain(price)} must be positive"
    if not instrument.is_valid_price(price):
        tick = instrument.tick_size(price)
        low = (price / tick).to_integral_value(ROUND_FLOOR) * tick
        high = (price / tick).to_integral_value(ROUND_CEILING) * tick
        return f"price: {plain(price)} is off the tick of {plain(tick)}; {plain(low)} and {plain(high)} are on it"
    return None
