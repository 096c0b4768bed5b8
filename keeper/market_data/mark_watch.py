"""Compares what venues print as their mark prices with replicas by the venues' own rules, and says when they part."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from keeper.market_data.mark_replica import MarkReplica, Sample, apart_bps
from keeper.model.market_prices import IndexPrice, MarkPrice, next_instant
from keeper.monitoring import metrics
from keeper.monitoring.alerts import Alerts
from keeper.venues.base import Book, MarketContext

FARTHEST_BPS = Decimal(100)
WARM_UP_MS = 60_000
"""A replica's averages mean nothing before."""


class MarkWatch:
    """`makers` by venue; a venue without one is not watched. One replica for each coin."""

    def __init__(
        self, makers: Mapping[str, Callable[[], MarkReplica]], alerts: Alerts, farthest_bps: Decimal = FARTHEST_BPS
    ) -> None:
        self._makers = makers
        self._alerts = alerts
        self._farthest_bps = farthest_bps
        self._replicas: dict[tuple[str, str], tuple[MarkReplica, int]] = {}
        self._apart: dict[tuple[str, str], str] = {}

    def apart(self, venue: str, coin: str) -> str:
        """Why the mark is not what its venue's rule makes of it; empty while it is, or while that is not known."""
        return self._apart.get((venue, coin), "")

    def observe(self, venue: str, context: MarketContext, book: Book, now_ms: int) -> Decimal | None:
        """How far the printed mark is from its replica in basis points; None while it is not known. `book` must be
        LIVE. Alerts beyond the bound."""
        maker = self._makers.get(venue)
        if maker is None or not book.bids or not book.asks:
            return None
        replica, since_ms = self._replicas.setdefault((venue, context.coin), (maker(), now_ms))
        upcoming = context.next_funding_ms or next_instant(now_ms, context.funding_interval_ms)
        made = replica.observe(
            Sample(
                time_ms=now_ms,
                index=IndexPrice(context.oracle, now_ms),
                bid=book.bids[0][0],
                ask=book.asks[0][0],
                last=context.last,
                rate=context.funding,
                interval_ms=context.funding_interval_ms,
                to_funding_ms=max(0, upcoming - now_ms),
            )
        )
        if now_ms - since_ms < WARM_UP_MS:
            return None
        apart = apart_bps(MarkPrice(context.mark, now_ms), made)
        metrics.mark_apart.labels(venue, context.coin).set(float(apart))
        self._apart.pop((venue, context.coin), None)
        if abs(apart) > self._farthest_bps:
            text = f"mark {context.mark} is {apart:.0f} bps from the venue's own rule ({made.value:.8g})"
            self._apart[venue, context.coin] = text
            self._alerts.raise_alert("mark_apart", f"{venue} {context.coin}", text)
        return apart
