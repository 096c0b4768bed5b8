"""A printed mark price that leaves its own rule is alerted, once the replica has warmed up."""

from decimal import Decimal

from keeper.market_data.mark_replica import BinanceMark
from keeper.market_data.mark_watch import MarkWatch
from keeper.monitoring.alerts import Alerts
from keeper.venues.base import Book, MarketContext

D = Decimal
BOOK = Book(venue="v", coin="BTC", time_ms=1, bids=((D(99), D(1)),), asks=((D(101), D(1)),))


def context(mark: str) -> MarketContext:
    return MarketContext(coin="BTC", mark=D(mark), oracle=D(100), last=D(100), funding=D(0))


def test_a_mark_off_its_rule_is_alerted_after_the_warm_up() -> None:
    alerts = Alerts(lambda: 0.0)
    watch = MarkWatch({"v": BinanceMark}, alerts)
    assert watch.observe("v", context("150"), BOOK, 0) is None
    assert watch.observe("v", context("100.5"), BOOK, 60_000) == D(50)
    assert list(alerts.recent) == []
    assert watch.observe("v", context("102"), BOOK, 63_000) == D(200)
    (alert,) = alerts.recent
    assert (alert.kind, alert.subject) == ("mark_apart", "v BTC")
    assert "200 bps" in alert.text


def test_a_venue_without_a_rule_and_an_empty_book_are_not_watched() -> None:
    watch = MarkWatch({"v": BinanceMark}, Alerts())
    assert watch.observe("w", context("1"), BOOK, 0) is None
    empty = Book(venue="v", coin="BTC", time_ms=1, bids=(), asks=())
    assert watch.observe("v", context("1"), empty, 0) is None


def test_the_same_alert_is_told_once_a_minute_and_counted_always() -> None:
    now = [0.0]
    alerts = Alerts(lambda: now[0])
    for second in (0, 30, 59, 61):
        now[0] = second
        alerts.raise_alert("unreadable", "v l2Book", "x" * 1_000)
    assert [len(alert.text) for alert in alerts.recent] == [500, 500]
    alerts.raise_alert("unreadable", "w l2Book", "y")
    assert len(alerts.recent) == 3
