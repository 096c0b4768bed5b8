"""The largest order, found before it is needed, is the largest that the check itself takes."""

import random
from decimal import Decimal
from typing import Any

import pytest

from keeper.errors import InputError
from keeper.risk import RiskEngine, largest
from tests.unit.risk.test_margin import FakeBooks, FakePrices

D = Decimal
LOT = D("0.01")


def test_every_size_up_to_the_largest_passes_and_the_next_does_not() -> None:
    rng, answers = random.Random(3), set()
    for _ in range(60):
        held: dict[Any, Decimal] = {(venue, "BTC"): rng.randint(-20, 20) * LOT for venue in "ab"}
        books, side = FakeBooks(str(rng.randint(-500, 3_000)), held), rng.choice(["buy", "sell"])

        def check(lots: int, books: FakeBooks = books, side: Any = side) -> None:
            RiskEngine(FakePrices()).check_order(books, 1, "BTC", side, lots * LOT, ("a", "b"))

        def passes(lots: int, check: Any = check) -> bool:
            try:
                check(lots)
            except InputError:
                return False
            return True

        found = largest(check, 60)
        answers.add(found)
        assert all(passes(lots) for lots in range(1, found + 1))
        assert found == 60 or not passes(found + 1)
    assert {0, 60} < answers


def test_nothing_is_asked_of_an_order_of_nothing() -> None:
    assert largest(lambda lots: None, 0) == 0


def test_a_refusal_for_margin_names_the_largest_size_that_passes() -> None:
    engine, books = RiskEngine(FakePrices()), FakeBooks("100")

    def check(size: Decimal) -> None:
        engine.check_order(books, 1, "BTC", "buy", size, ("a", "b"))

    with pytest.raises(InputError, match=r"order less; at most 0\.01333 BTC fits") as caught:
        check(D("2.5"))
    assert (caught.value.field, caught.value.code) == ("quantity", "insufficient_margin")
    check(D("0.01333"))
    with pytest.raises(InputError):
        check(D("0.01334"))
    with pytest.raises(InputError, match=r"order less$"):
        RiskEngine(FakePrices()).check_order(FakeBooks("0"), 1, "BTC", "buy", D(1), ("a",))
