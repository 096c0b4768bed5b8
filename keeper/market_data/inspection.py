"""Whether a venue's prices hold beside its own rule and beside the other venues, and what is not current: looked at
once a second, measured and alerted, so that nothing goes stale without a word."""

from typing import TYPE_CHECKING

from keeper.market_data.books import BookState
from keeper.monitoring import metrics

if TYPE_CHECKING:
    from keeper.market_data.engine import MarketDataEngine


def inspect(market: "MarketDataEngine") -> None:
    """Gauges of every book, mark, rate and index; an alert for each not to be relied on though its venue is up."""
    stale, health = market.stale(), market.health()
    for coin in market.coins:
        index = market.composite(coin)
        metrics.index_sources.labels(coin).set(0 if index is None else index.sources)
        for venue, listed in market.instruments().items():
            if coin not in listed:
                continue
            is_live = market.state(venue, coin) is BookState.LIVE
            metrics.book_live.labels(venue, coin).set(is_live)
            metrics.mark_fresh.labels(venue, coin).set((venue, coin) not in stale)
            funding = market.funding(venue, coin)
            if funding is not None:
                metrics.funding_per_hour.labels(venue, coin).set(float(funding.per_hour))
            if health[venue] == "up":
                _tell(market, venue, coin, is_live=is_live, is_fresh=(venue, coin) not in stale)


def _tell(market: "MarketDataEngine", venue: str, coin: str, *, is_live: bool, is_fresh: bool) -> None:
    subject = f"{venue} {coin}"
    if not is_live:
        market.alerts.raise_alert("stale", subject, f"book: {market.why_not_live(venue, coin)}")
    if not is_fresh:
        market.alerts.raise_alert("stale", subject, "mark: none that can be believed lately; no new risk")
    doubt = market.doubt(venue, coin)
    if doubt:
        market.alerts.raise_alert("doubted", subject, doubt)
