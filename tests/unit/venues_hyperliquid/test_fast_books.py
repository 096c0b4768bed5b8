"""The compiled scanner says what the decoder of any JSON says, or leaves the frame to it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from keeper.execution.decision import decision_record
from keeper.market_data.checks import book_fault
from keeper.model.depth import Depth
from keeper.routing import RouteRequest, VenueQuote, plan
from keeper.venues.base import Book, BookUpdate, Unreadable
from keeper.venues.hyperliquid import fast_books, stream
from tests.unit.venues_hyperliquid.conftest import recorded

needs_compiler = pytest.mark.usefixtures("compiled")


@pytest.fixture
def compiled() -> None:
    assert fast_books.COMPILED, "install a C compiler and run ./dev again"


def level(price: str, size: str, orders: Any = 1) -> dict[str, Any]:
    return {"px": price, "sz": size, "n": orders}


def push(bids: Any, asks: Any, coin: Any = "BTC", time: Any = 1_770_336_000_000, **more: Any) -> str:
    data = {"coin": coin, "time": time, "levels": [bids, asks]} | more
    return json.dumps({"channel": "l2Book", "data": data}, separators=(",", ":"), ensure_ascii=False)


def by_alphabet(text: str) -> str:
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def by_decoder(text: str) -> Any:
    """What the stream's reader makes of it without the scanner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "scanned", lambda *_: None)
        return stream.read(text, "v", "0x")


NUMBERS = st.one_of(
    st.decimals(min_value="0.00000001", max_value="999999", places=8).map(lambda n: format(n, "f")),
    st.integers(0, 10**7).map(str),
    st.from_regex(r"\A[0-9]{1,14}(\.[0-9]{0,14})?\Z"),
    st.sampled_from(["1e5", "-1", "+1", ".5", "5.", "NaN", "Infinity", "", " 1", "1 ", "0x1", "١", "1_0", "0.0"]),
)
LEVELS = st.lists(st.builds(level, NUMBERS, NUMBERS, st.integers(-1, 40) | st.just(2**70)), max_size=5)


@st.composite
def honest_sides(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Best first on both sides, decimals mixed."""
    prices = draw(st.lists(st.decimals("0.0001", "99999", places=4), unique=True, max_size=30))
    texts = [str(price) if draw(st.booleans()) else format(price.normalize(), "f") for price in sorted(prices)]
    sizes = [str(draw(st.decimals("0.00001", "9999", places=draw(st.integers(0, 5))).filter(bool))) for _ in texts]
    made = [level(price, size) for price, size in zip(texts, sizes, strict=True)]
    cut = draw(st.integers(0, len(made)))
    return made[:cut][::-1], made[cut:]


@needs_compiler
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(honest_sides())
def test_the_usual_push_is_scanned_and_equals_the_decoded_one(sides: Any) -> None:
    text = push(*sides)
    book = fast_books.scanned(text, "v")
    assert book is not None
    assert ("l2Book:BTC", BookUpdate(book)) == by_decoder(text)
    assert fast_books.scanned(by_alphabet(text), "v") == book
    assert fast_books.scanned(text.encode(), "v") == fast_books.scanned(memoryview(text.encode()), "v") == book
    assert book_fault(book) is None


@needs_compiler
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LEVELS, LEVELS, st.text(max_size=5) | st.just("BTC"), st.integers(-1, 10**20))
@example([level("1", "1")], [level("2", "1" * 19)], "BTC", 1)
@example([level("1." + "0" * 16, "1")], [], "BTC", 1)
@example([level("1", "1"), level("1.0", "1")], [], "BTC", 1)
@example([], [level("999999999999.5", "0.000000000001")], 'B"C', 1)
@example([], [level("1", "1")] * 70, "BTC", 1)
def test_whatever_is_scanned_equals_what_is_decoded(bids: Any, asks: Any, coin: str, time: int) -> None:
    text = push(bids, asks, coin, time)
    book = fast_books.scanned(text, "v")
    if book is not None:
        assert (f"l2Book:{book.coin}", BookUpdate(book)) == by_decoder(text)
    assert stream.read(text, "v", "0x") == by_decoder(text)


@needs_compiler
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_push_is_never_misread(data: st.DataObject) -> None:
    whole = push([level("100.5", "1.25")], [level("101", "3")])
    whole = by_alphabet(whole) if data.draw(st.booleans()) else whole
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 3))
    text = whole[:at] + data.draw(st.text(max_size=3) | st.sampled_from(list('0123456789.,"{}[]'))) + whole[at + cut :]
    assert stream.read(text, "v", "0x") == by_decoder(text)


@needs_compiler
def test_a_recorded_book_is_scanned() -> None:
    data = recorded("l2Book.sdk.get_l2_snapshot")
    bids, asks = data["levels"]
    text = push(bids, asks, data["coin"], data["time"])
    assert fast_books.scanned(text, "v") is not None
    assert by_decoder(text)[1] == stream.read(text, "v", "0x")[1]


def test_without_the_scanner_the_decoder_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_books, "COMPILED", False)
    text = push([level("100.5", "1.25")], [])
    _, event = stream.read(text, "v", "0x")
    assert isinstance(event, BookUpdate)
    assert event.book.bids == ((Decimal("100.5"), Decimal("1.25")),)


@needs_compiler
def test_a_side_is_a_sequence_of_decimals() -> None:
    book = fast_books.scanned(push([level("100.5", "1.25"), level("99", "2")], []), "v")
    assert book is not None
    side = book.bids
    assert isinstance(side, Depth)
    assert side[0] == (Decimal("100.5"), Decimal("1.25"))
    assert side[-1] == side[1] == (Decimal(99), Decimal(2))
    assert (len(side), list(side), side[:1]) == (2, [side[0], side[1]], (side[0],))
    assert side == ((Decimal("100.50"), Decimal("1.25")), (Decimal(99), Decimal(2)))
    assert hash(side) == hash(tuple(side))
    assert side != book.asks
    assert not book.asks
    other = fast_books.scanned(push([level("100.50", "1.250"), level("99", "2")], []), "v")
    assert other is not None
    assert other == book


@needs_compiler
def test_a_far_price_is_no_price_of_the_coin() -> None:
    book = fast_books.scanned(push([level("100", "1")], [level("101", "1")]), "v")
    assert isinstance(book, Book)
    assert "no price of a coin" in (book_fault(book, Decimal(10_000)) or "")


@needs_compiler
def test_a_route_over_scanned_books_and_its_record_are_those_of_decoded_ones() -> None:
    text = push([], [level("100.5", "1.25"), level("101", "4")])
    scanned, (_, decoded) = fast_books.scanned(text, "v"), by_decoder(text)
    assert scanned is not None
    assert not isinstance(decoded, Unreadable)
    request = RouteRequest("buy", Decimal(3), Decimal(100))
    records = [
        decision_record(request, quotes, plan(request, quotes))
        for quotes in (
            [VenueQuote("v", book.asks, Decimal(4), lot_size=Decimal("0.01"), tick_size=Decimal("0.1"))]
            for book in (scanned, decoded.book)
        )
    ]
    assert records[0] == records[1]
