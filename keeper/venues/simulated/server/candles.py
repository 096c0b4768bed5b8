"""candleSnapshot: bars of the tape's mid, evaluated at a few points per bar (synthetic inside recorded hours)."""

from typing import Any

from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.replies import WRONG_SHAPE, BadRequest

MINUTE_MS = 60_000
INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "8h": 480,
    "12h": 720,
    "1d": 1440,
    "3d": 4320,
    "1w": 10_080,
    "1M": 43_200,
}
POINTS = 24
FINE_BARS = 500
CAP = 5_000


def candles(venue: Venue, market: Market, interval: str, start_ms: int, end_ms: int | None) -> list[dict[str, Any]]:
    """Bars that begin in [start, end] and have begun by now, oldest first; of many, each is seen at fewer points.
    Volume is nought: the tape has none."""
    if interval not in INTERVALS:
        raise BadRequest(422, WRONG_SHAPE)
    span = INTERVALS[interval] * MINUTE_MS
    now = venue.now_ms()
    last = min(now, end_ms if end_ms is not None else now)
    first = max(-(-start_ms // span) * span, last - CAP * span)
    rows = []
    points = POINTS if last - first <= FINE_BARS * span else POINTS // 6
    for opened in range(-(-first // span) * span, last + 1, span):
        closed = min(now, opened + span - 1)
        times = [opened + (closed - opened) * point // points for point in range(points + 1)]
        prices = [venue.tape_mid(market.spec.index, time) for time in times]
        text = market.spec.price_text
        rows.append(
            {
                "t": opened,
                "T": opened + span - 1,
                "s": market.spec.coin,
                "i": interval,
                "o": text(prices[0]),
                "c": text(prices[-1]),
                "h": text(max(prices)),
                "l": text(min(prices)),
                "v": "0.0",
                "n": 0,
            }
        )
    return rows
