"""A book from snapshots and changes: in step, or not LIVE."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.market_data import BookState, LiveBook
from keeper.venues.base import Book, BookDelta, Level

D = Decimal


def level(price: str | int, size: str | int = 1) -> Level:
    return D(price), D(size)


def snapshot(sequence: int | None = 10, time_ms: int = 1_000, bids: tuple[Level, ...] = ()) -> Book:
    return Book(
        venue="v",
        coin="BTC",
        time_ms=time_ms,
        bids=bids or (level(99), level(98)),
        asks=(level(100), level(101)),
        sequence=sequence,
    )


def delta(first: int, last: int | None = None, previous: int | None = None, **sides: tuple[Level, ...]) -> BookDelta:
    return BookDelta(
        venue="v", coin="BTC", time_ms=1_000 + first, first=first, last=last or first, previous=previous, **sides
    )


def synced(sequence: int = 10) -> LiveBook:
    live = LiveBook()
    live.apply(snapshot(sequence), 1)
    return live


def test_changes_insert_replace_and_remove_levels_in_order() -> None:
    live = synced()
    assert live.apply_delta(delta(11, bids=(level("98.5", 3), level(98, 0)), asks=(level(100, 0), level("100.5"))), 2)
    book = live.book
    assert book is not None
    assert book.bids == (level(99), level("98.5", 3))
    assert book.asks == (level("100.5"), level(101))
    assert (book.sequence, book.time_ms, live.state(2)) == (11, 1_011, BookState.LIVE)
    live.apply_delta(delta(12, bids=(level(99, 7), level(50, 0))), 3)
    assert live.book is not None
    assert live.book.bids == (level(99, 7), level("98.5", 3))


def test_a_missing_change_is_found_and_only_a_snapshot_mends_it() -> None:
    live = synced()
    assert live.apply_delta(delta(11), 2)
    assert not live.apply_delta(delta(13, asks=(level(102),)), 3)
    assert (live.state(3), live.needs_snapshot, live.why(3)) == (BookState.SYNCING, True, "a change is missing")
    assert not live.apply_delta(delta(14, asks=(level(103),)), 3)
    live.apply(snapshot(12, 2_000), 4)
    assert (live.state(4), live.needs_snapshot) == (BookState.LIVE, False)
    assert live.book is not None
    assert (live.book.sequence, live.book.asks[-1]) == (14, level(103))  # those that came meanwhile are in it


def test_a_snapshot_older_than_what_waits_does_not_make_it_live() -> None:
    live = synced()
    assert not live.apply_delta(delta(20), 2)
    live.apply(snapshot(15, 2_000), 3)
    assert (live.state(3), live.needs_snapshot) == (BookState.SYNCING, True)


def test_the_first_change_after_a_snapshot_may_begin_before_it() -> None:
    """The rule of Binance futures: first ≤ snapshot ≤ last, then each names the one before."""
    live = synced()
    assert live.apply_delta(delta(3, 9, previous=2, asks=(level(100, 0),)), 2)  # all of it is in the snapshot
    assert live.book is not None
    assert live.book.asks[0] == level(100)
    assert live.apply_delta(delta(8, 12, previous=7), 2)
    assert live.apply_delta(delta(15, 18, previous=12), 2)
    assert not live.apply_delta(delta(20, 21, previous=19), 2)


def test_a_repeated_change_changes_nothing() -> None:
    live = synced()
    live.apply_delta(delta(11, bids=(level(99, 5),)), 2)
    assert live.apply_delta(delta(11, bids=(level(99, 9),)), 3)
    assert live.book is not None
    assert live.book.bids[0] == level(99, 5)


def test_changes_that_cross_the_book_ask_for_a_snapshot() -> None:
    live = synced()
    live.apply_delta(delta(11, bids=(level(100, 5),)), 2)
    assert (live.state(2), live.why(2), live.needs_snapshot) == (BookState.STALE, "crossed", True)
    live.apply(snapshot(11, 500), 3)  # taken although its stamp is older: what we have is wrong
    assert live.state(3) is BookState.LIVE


def test_the_same_old_book_sent_again_and_again_is_silence() -> None:
    live = LiveBook(max_age_s=10)
    for second in range(11):
        live.apply(snapshot(None), second)
    assert live.state(10) is BookState.LIVE
    live.apply(snapshot(None), 11)
    assert (live.state(11), live.why(11)) == (BookState.STALE, "no newer book for 11.0 s")


def test_a_stream_that_falls_behind_is_stale_although_it_never_stops() -> None:
    live = LiveBook(max_age_s=10)
    for step in range(8):
        live.apply(snapshot(None, 1_000 + 500 * step, bids=(level(99, step + 1),)), step * 2)  # 2 s here, 0.5 s there
    assert (live.state(14), live.why(14)) == (BookState.STALE, "10.5 s late")


def test_a_connection_that_begins_late_is_not_young() -> None:
    """What waited for a slow resync is read only then, and nothing on this connection was faster."""
    live = LiveBook(max_age_s=10)
    live.apply(snapshot(None, 1_000), 1)
    live.resync()
    live.apply(snapshot(None, 20_000), 39)
    assert (live.state(39), live.why(39)) == (BookState.STALE, "19.0 s late")


@pytest.mark.parametrize(
    ("asked_s", "answered_s", "late_s"),
    [(30, 30, 19), (19, 39, 19), (20.5, 39, 0), (38, 39, 0)],
    ids=["no news", "the offset may still be true", "the clock was set back", "the clock was set back by much"],
)
def test_the_time_that_a_venue_tells_counts(asked_s: float, answered_s: float, late_s: float) -> None:
    """At first its clock was one with ours. It says 20 s, or 30 s when it is asked at 30 s."""
    live = LiveBook(max_age_s=10)
    live.apply(snapshot(None, 1_000), 1)
    live.resync()
    live.told(30_000 if answered_s == 30 else 20_000, asked_s, answered_s)
    live.apply(snapshot(None, 20_000), 39)
    assert live.why(39) == (f"{late_s:.1f} s late" if late_s else "")


def test_a_book_that_is_not_believed_waits_for_a_good_message() -> None:
    live = synced()
    live.distrust("unreadable")
    assert (live.state(1), live.why(1)) == (BookState.STALE, "unreadable")
    live.apply_delta(delta(11), 2)
    assert live.state(2) is BookState.LIVE


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(0, 5)), max_size=60))
def test_changes_make_the_book_that_a_map_of_prices_would(changes: list[tuple[bool, int, int]]) -> None:
    live = LiveBook()
    live.apply(Book(venue="v", coin="BTC", time_ms=1, bids=(), asks=(), sequence=0), 0)
    sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    for number, (is_bid, price, size) in enumerate(changes, 1):
        changed = (level(price, size),)
        live.apply_delta(delta(number, bids=changed) if is_bid else delta(number, asks=changed), number)
        sides[not is_bid][D(price)] = D(size)
    book = live.book
    assert book is not None
    assert book.bids == tuple(sorted(((p, s) for p, s in sides[0].items() if s), reverse=True))
    assert book.asks == tuple(sorted((p, s) for p, s in sides[1].items() if s))


@given(missing=st.integers(11, 29), order=st.permutations(range(11, 31)))
def test_no_order_of_changes_with_one_missing_is_ever_live_beyond_it(missing: int, order: list[int]) -> None:
    live = synced()
    for number in order:
        if number != missing:
            live.apply_delta(delta(number), 2)
    assert live.book is not None
    assert live.state(2) is not BookState.LIVE or (live.book.sequence or 0) < missing
