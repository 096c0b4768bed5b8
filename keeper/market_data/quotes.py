"""From a live book to what the router takes."""

from decimal import Decimal

from keeper.model.instruments import Instrument, Side, sign
from keeper.routing import VenueQuote
from keeper.venues.base import Book, MarketContext

HOUR_MS = 3_600_000
BPS = Decimal(10_000)


def settlements_crossed(now_ms: int, holding_hours: int, interval_ms: int) -> int:
    """Funding instants (multiples of the interval) in (now, now + holding]."""
    return (now_ms + holding_hours * HOUR_MS) // interval_ms - now_ms // interval_ms


def holding_cost_bps(side: Side, context: MarketContext, now_ms: int, holding_hours: int) -> Decimal:
    """Expected funding over the holding period in bps of notional: rate × instants crossed, paid by longs when the
    rate is positive; negative = income. The current rate is taken for every instant."""
    instants = settlements_crossed(now_ms, holding_hours, context.funding_interval_ms)
    return sign(side) * context.funding * instants * BPS


def venue_quote(
    book: Book,
    side: Side,
    instrument: Instrument,
    context: MarketContext,
    *,
    taker_bps: Decimal,
    now_ms: int,
    holding_hours: int,
    max_quantity: Decimal | None,
) -> VenueQuote:
    """The side of the book that an order takes, with its costs. The tick is that of the best price."""
    levels = book.asks if side == "buy" else book.bids
    return VenueQuote(
        venue=book.venue,
        levels=levels,
        taker_fee_bps=taker_bps,
        holding_cost_bps=holding_cost_bps(side, context, now_ms, holding_hours),
        lot_size=instrument.lot_size,
        tick_size=instrument.tick_size(levels[0][0]) if levels else instrument.tick_size(context.mark),
        min_notional=instrument.min_notional,
        max_quantity=None if max_quantity is None else instrument.round_size(max_quantity),
    )
