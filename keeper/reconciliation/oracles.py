"""The oracle price of a funding instant: what was seen, unless the payment itself proves another."""

from decimal import Decimal

from keeper.market_data import MarketDataEngine
from keeper.market_data.oracle import implied_oracle, paid_at
from keeper.model.venue_records import FundingPayment

HOUR_MS = 3_600_000


class OraclePrices:
    """Reads the engine's oracle history."""

    def __init__(self, market: MarketDataEngine) -> None:
        self._market = market

    def interval_ms(self, venue: str, coin: str) -> int:
        """An hour where the venue has not told it yet: one look too many does no harm."""
        context = self._market.context(venue, coin)
        return HOUR_MS if context is None else context.funding_interval_ms

    def oracle_for(self, venue: str, coin: str, time_ms: int, payment: FundingPayment | None) -> Decimal | None:
        """The price seen at the instant, if it reproduces the seat's payment; else the nearest tick that does."""
        seen = self._market.oracle_at(venue, coin, time_ms)
        if payment is None or (seen is not None and paid_at(payment.size, seen, payment.rate) == payment.amount):
            return seen
        context, instrument = self._market.context(venue, coin), self._market.instrument(venue, coin)
        if context is None or instrument is None:
            return None
        near = context.oracle if seen is None else seen
        tick = Decimal(1).scaleb(instrument.size_decimals - 6)
        return implied_oracle(payment.amount, payment.size, payment.rate, near, tick)
