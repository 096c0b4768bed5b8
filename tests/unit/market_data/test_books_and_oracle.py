"""When a book may be quoted from, and which oracle price a payment was made at."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.market_data import BookState, LiveBook, OracleHistory, implied_oracle
from keeper.market_data.oracle import paid_at
from keeper.venues.base import Book

D = Decimal


def book(time_ms: int = 1, bid: str = "99", ask: str = "100") -> Book:
    return Book(venue="v", coin="BTC", time_ms=time_ms, bids=((D(bid), D(1)),), asks=((D(ask), D(1)),))


def test_a_book_is_live_only_while_young_and_in_step() -> None:
    live = LiveBook(max_age_s=10)
    assert live.state(0) is BookState.SYNCING
    live.apply(book(), 100)
    assert live.state(110) is BookState.LIVE
    assert live.state(110.1) is BookState.STALE
    live.apply(book(2), 120)
    live.resync()
    assert live.state(120) is BookState.SYNCING
    live.told(1, 120.5, 121)  # after a reconnect the venue's time may be anything, if it says so itself
    live.apply(book(1), 121)
    assert live.state(121) is BookState.LIVE


@pytest.mark.parametrize(("bid", "ask"), [("100", "100"), ("101", "100")])
def test_a_crossed_or_locked_book_is_stale(bid: str, ask: str) -> None:
    live = LiveBook()
    live.apply(book(bid=bid, ask=ask), 0)
    assert live.state(0) is BookState.STALE


def test_an_older_snapshot_does_not_replace_a_newer_one() -> None:
    live = LiveBook()
    assert live.apply(book(5), 0)
    assert not live.apply(book(4, bid="50"), 1)
    assert live.book == book(5)


def test_the_oracle_at_an_instant_is_the_last_one_up_to_a_little_after_it() -> None:
    history = OracleHistory()
    assert history.at(10**6) is None
    for time_ms, price in ((1_000, "100"), (2_000, "100"), (3_000, "101"), (2_500, "7"), (4_000, "102")):
        history.add(time_ms, D(price))
    assert history.at(900) == D(100)
    assert history.at(2_899) == D(100)
    assert history.at(2_900) == D(101)
    assert history.at(10**9) == D(102)


def test_the_oracle_before_the_first_one_seen_is_that_one() -> None:
    """After a start behind the instant nothing nearer is known."""
    history = OracleHistory()
    history.add(1_000, D(100))
    history.add(2_000, D(101))
    assert history.at(500) == D(100)


def test_a_recorded_payment_proves_its_oracle_price() -> None:
    """A real HYPE payment: 30 at 0.0000369155 cost 0.044263 USDC."""
    price = implied_oracle(-44_263, D(30), D("0.0000369155"), near=D("39.9"), tick=D("0.001"))
    assert price is not None
    assert paid_at(D(30), price, D("0.0000369155")) == -44_263


@given(
    size=st.decimals("-50", "50", places=5).filter(bool),
    rate=st.decimals("-0.001", "0.001", places=10).filter(bool),
    ticks=st.integers(600_000, 700_000),
    off=st.integers(-2_000, 2_000),
)
def test_the_implied_price_always_reproduces_the_payment(size: Decimal, rate: Decimal, ticks: int, off: int) -> None:
    tick = D("0.1")
    payment = paid_at(size, ticks * tick, rate)
    found = implied_oracle(payment, size, rate, near=(ticks + off) * tick, tick=tick)
    assert found is not None
    assert paid_at(size, found, rate) == payment
    assert abs(found - (ticks + off) * tick) <= abs(off) * tick


def test_no_price_near_by_explains_a_wrong_payment() -> None:
    assert implied_oracle(-999_999_999, D(1), D("0.0001"), near=D(100), tick=D("0.1")) is None
    assert implied_oracle(0, D(0), D("0.0001"), near=D(100), tick=D("0.1")) is None
