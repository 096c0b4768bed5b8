"""What a venue says is refused when it cannot be true, and nothing real is."""

from decimal import Decimal

import msgspec
import pytest

from keeper.market_data.checks import book_fault, context_fault, delta_fault
from keeper.venues.base import Book, BookDelta, MarketContext
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.wire import INFO, convert
from tests.unit.venues_hyperliquid.conftest import recorded

D = Decimal
GOOD = MarketContext(
    coin="BTC", mark=D(100), oracle=D("100.1"), funding=D("0.0000125"), mid=D(100), premium=D("-0.001"),
    open_interest=D(25_877),
)  # fmt: skip
BOOK = Book(venue="v", coin="BTC", time_ms=5, bids=((D(99), D(1)), (D(98), D(1))), asks=((D(100), D(1)),))


@pytest.mark.parametrize("number", ["", "_2", "_3"])
def test_every_recorded_context_is_believed(number: str) -> None:
    meta, ctxs = convert(recorded(f"metaAndAssetCtxs.go.MetaAndAssetCtxs{number}"), INFO["metaAndAssetCtxs"])
    listed = [records.context(a.name, c) for a, c in zip(meta.universe, ctxs, strict=True) if a.is_delisted is not True]
    assert len(listed) >= 5
    assert [(item.coin, fault) for item in listed if (fault := context_fault(item))] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"mark": D(0)}, "mark"),
        ({"mark": D(-1)}, "mark"),
        ({"oracle": D(0)}, "oracle"),
        ({"mark": D(160)}, "mark"),
        ({"oracle": D(1000)}, "mark"),
        ({"mid": D(10)}, "mid"),
        ({"last": D(-5)}, "last"),
        ({"funding": D("25877")}, "funding"),
        ({"funding": D("0.041")}, "funding"),
        ({"funding": D("-0.041")}, "funding"),
        ({"funding": D("0.02"), "open_interest": D("0.02")}, "funding"),
        ({"premium": D("25877")}, "premium"),
        ({"open_interest": D(-1)}, "open_interest"),
        ({"funding_interval_ms": 0}, "funding_interval_ms"),
        ({"funding_interval_ms": 8}, "funding"),
        ({"funding_interval_ms": 10**12}, "funding_interval_ms"),
    ],
)
def test_a_context_that_cannot_be_true_names_the_field(changed: dict[str, object], field: str) -> None:
    assert context_fault(GOOD) is None
    fault = context_fault(msgspec.structs.replace(GOOD, **changed))
    assert fault is not None
    assert fault.startswith(field + ":")


def test_an_eight_hour_rate_may_be_eight_times_as_large() -> None:
    rate = msgspec.structs.replace(GOOD, funding=D("0.3"), funding_interval_ms=8 * 3_600_000)
    assert context_fault(rate) is None


def test_a_price_does_not_double_between_two_messages() -> None:
    doubled = msgspec.structs.replace(GOOD, mark=D(201), oracle=D(201), mid=D(201))
    assert context_fault(doubled) is None
    assert "at once" in (context_fault(doubled, GOOD) or "")
    assert "at once" in (context_fault(GOOD, doubled) or "")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"time_ms": 0}, "time_ms"),
        ({"time_ms": 10**18}, "time_ms"),
        ({"bids": ((D(98), D(1)), (D(99), D(1)))}, "bids"),
        ({"bids": ((D(98), D(1)), (D(98), D(1)))}, "bids"),
        ({"asks": ((D(100), D(1)), (D("99.9"), D(1)))}, "asks"),
        ({"asks": ((D(100), D(0)),)}, "asks"),
        ({"asks": ((D(-100), D(1)),)}, "asks"),
        ({"asks": tuple((D(n), D(1)) for n in range(1, 5_003))}, "asks"),
        ({"bids": ((D("0.001"), D(1)),)}, "bids"),
    ],
)
def test_a_book_that_cannot_be_true_names_the_side(changed: dict[str, object], field: str) -> None:
    assert book_fault(BOOK, D(100)) is None
    fault = book_fault(msgspec.structs.replace(BOOK, **changed), D(100))
    assert fault is not None
    assert fault.startswith(field + ":")


def test_a_change_that_cannot_be_true() -> None:
    good = BookDelta(venue="v", coin="BTC", time_ms=5, first=1, last=2, bids=((D(99), D(0)),))
    assert delta_fault(good) is None
    wrong: list[dict[str, object]] = [{"time_ms": -1}, {"first": 3}, {"first": -1}]
    wrong += [{"bids": ((D(0), D(1)),)}, {"asks": ((D(1), D(-1)),)}]
    for changed in wrong:
        assert delta_fault(msgspec.structs.replace(good, **changed)) is not None
    assert delta_fault(msgspec.structs.replace(good, asks=((D(1), D(1)),) * 5_001)) is not None
