"""The margin formula against hand-computed cases, and its properties."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import InputError
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import SeatPosition, SeatState
from keeper.risk import RiskEngine, RiskSettings, free_margin, requirement, seat_capacity
from keeper.risk.seats import leverage_of

D = Decimal
Place = tuple[str, str]
MARKS = {("a", "BTC"): D(60_000), ("b", "BTC"): D(60_010), ("a", "ALT"): D(2), ("b", "ALT"): D(2)}
LEVERAGE = {("a", "BTC"): 40, ("b", "BTC"): 40, ("a", "ALT"): 5, ("b", "ALT"): 5}


def needed(positions: Mapping[Place, Decimal], stale: frozenset[Place] = frozenset()) -> int:
    return requirement(positions, MARKS, LEVERAGE, RiskSettings(), stale)


@pytest.mark.parametrize(
    ("positions", "usdc"),
    [
        ({}, "0"),
        ({("a", "BTC"): D(1)}, "7500"),  # 60000 × 10% + 60000 / 40
        ({("a", "BTC"): D(-1)}, "7500"),
        ({("a", "ALT"): D(100)}, "90"),  # 200 × 1.25 / 5 + 200 / 5
        ({("a", "BTC"): D(1), ("b", "BTC"): D(-1)}, "1500.25"),  # no net; the dearer venue: 60010 / 40
        ({("a", "BTC"): D(2), ("b", "BTC"): D(-1)}, "9001"),  # 60010 × 10% + 120000 / 40
        ({("a", "BTC"): D(1), ("b", "ALT"): D(100)}, "7550"),  # 6000 + 50 + max(1500, 40)
    ],
)
def test_hand_computed_requirements(positions: dict[Place, Decimal], usdc: str) -> None:
    assert needed(positions) == int(D(usdc) * 10**6)


def test_a_stale_mark_widens_the_haircut_and_is_never_flat() -> None:
    assert needed({("a", "BTC"): D(1)}, frozenset({("a", "BTC")})) == 13_500_000_000


def test_a_position_without_any_mark_is_refused_not_ignored() -> None:
    with pytest.raises(InputError, match="no mark price of ETH at a"):
        needed({("a", "ETH"): D(1)})


sizes = st.decimals("-10", "10", places=4)


@given(a=sizes, b=sizes, more=st.decimals("0", "5", places=4))
def test_a_larger_position_never_needs_less(a: Decimal, b: Decimal, more: Decimal) -> None:
    before = needed({("a", "BTC"): a, ("b", "BTC"): b})
    grown = {("a", "BTC"): a + more, ("b", "BTC"): b} if a >= 0 and a + b >= 0 else {("a", "BTC"): a, ("b", "BTC"): b}
    assert needed(grown) >= before
    assert before == needed({("a", "BTC"): -a, ("b", "BTC"): -b})


class FakeBooks:
    def __init__(self, equity: str, positions: dict[Place, Decimal] | None = None) -> None:
        self._equity = int(D(equity) * 10**6)
        self._positions = positions or {}

    def positions(self, id: int, /) -> Mapping[Place, Decimal]:
        return self._positions

    def equity(self, id: int, marks: Mapping[Place, Decimal], /) -> int:
        return self._equity


class FakePrices:
    def __init__(self, stale: frozenset[Place] = frozenset(), marks: Mapping[Place, Decimal] = MARKS) -> None:
        self._stale, self._marks = stale, marks

    def instruments(self) -> dict[str, dict[str, Instrument]]:
        return {
            venue: {"BTC": Instrument(venue, "BTC", 0, 5, 40), "ALT": Instrument(venue, "ALT", 1, 0, 5)}
            for venue in "ab"
        }

    def marks(self) -> Mapping[Place, Decimal]:
        return self._marks

    def stale(self) -> frozenset[Place]:
        return self._stale


def try_order(books: FakeBooks, side: Side, size: str, prices: FakePrices | None = None) -> None:
    RiskEngine(prices or FakePrices()).check_order(books, 1, "BTC", side, D(size), ("a", "b"))


def test_equity_must_cover_the_requirement_after_the_order_at_the_dearest_venue() -> None:
    try_order(FakeBooks("7501.25"), "buy", "1")
    with pytest.raises(InputError, match=r"needs 7501\.25 USDC of margin, sub-account 1 has 7501\.24 USDC") as caught:
        try_order(FakeBooks("7501.24"), "buy", "1")
    assert (caught.value.field, caught.value.code) == ("quantity", "insufficient_margin")


def test_an_order_that_lowers_the_requirement_is_taken_even_when_short_of_margin() -> None:
    long = {("a", "BTC"): D(2)}
    try_order(FakeBooks("1", long), "sell", "1")
    with pytest.raises(InputError):
        try_order(FakeBooks("1", long), "buy", "1")


def test_no_new_risk_on_stale_marks_but_a_close_goes_through() -> None:
    stale = FakePrices(frozenset({("a", "BTC"), ("b", "BTC")}))
    with pytest.raises(InputError, match="stale"):
        try_order(FakeBooks("1000000"), "buy", "1", stale)
    try_order(FakeBooks("1000000", {("a", "BTC"): D(1)}), "sell", "0.5", stale)
    try_order(FakeBooks("1000000"), "buy", "1", FakePrices(frozenset({("a", "BTC")})))


def test_without_any_mark_nothing_is_taken() -> None:
    with pytest.raises(InputError, match="no mark price"):
        try_order(FakeBooks("1000000"), "buy", "1", FakePrices(marks={}))


def test_free_collateral_is_equity_less_requirement() -> None:
    books = FakeBooks("10000", {("a", "BTC"): D(1)})
    assert RiskEngine(FakePrices()).free_collateral(books, 1) == 2_500_000_000


def seat(equity: int, used: int, size: str = "0") -> SeatState:
    positions = (
        () if size == "0" else (SeatPosition(coin="BTC", size=D(size), entry_price=D(1), margin_used=0, leverage=10),)
    )
    return SeatState(
        venue="a", time_ms=0, equity=equity, cash=0, spot=0, margin_used=used, withdrawable=0, positions=positions
    )


def test_what_a_seat_can_carry() -> None:
    assert free_margin(seat(100, 150)) == 0
    assert seat_capacity(seat(1_000_000_000, 0), "BTC", "buy", D(50_000), 10) == D("0.19")  # 0.95 × 1000 × 10 / 50000
    short = seat(1_000_000_000, 1_000_000_000, "-0.2")
    assert seat_capacity(short, "BTC", "buy", D(50_000), 10) == D("0.4")  # close 0.2, then as much again
    assert seat_capacity(short, "BTC", "sell", D(50_000), 10) == 0
    assert (leverage_of(short, "BTC", 20), leverage_of(short, "ETH", 20)) == (10, 20)
