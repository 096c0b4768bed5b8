"""How numbers are spelled."""

from decimal import Decimal

import pytest

from keeper.model.amounts import plain, signed


@pytest.mark.parametrize(
    ("number", "spelled"),
    [("0.10890", "0.1089"), ("1E+3", "1000"), ("-0", "0"), ("-2.50", "-2.5"), ("7", "7"), ("1E-9", "0.000000001")],
)
def test_a_number_has_one_spelling_with_its_sign_or_without(number: str, spelled: str) -> None:
    assert plain(Decimal(number)) == spelled
    assert signed(Decimal(number)) == (spelled if spelled.startswith("-") else "+" + spelled)
