"""Funding shares (H5): floors, signs, remainders that only rounding explains."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from keeper.errors import IntegrityError
from keeper.funding import FundingInstant, funding_shares


def instant(positions: Mapping[int, Decimal], paid: int | None, seat_size: Decimal) -> FundingInstant:
    oracle, rate = Decimal("60000.5"), Decimal("0.0000125")
    return FundingInstant(
        venue="0x01",
        coin="BTC",
        time_ms=1,
        rate=rate,
        oracle=oracle,
        paid=paid,
        seat_size=seat_size,
        positions=positions,
        shares=funding_shares(positions, oracle, rate),
    )


def test_longs_pay_a_positive_rate_and_everything_is_floored() -> None:
    # 0.00001 × 60000.5 × 0.0000125 = 7.5000625e-6 USDC
    assert funding_shares(
        {1: Decimal("0.00001"), 2: Decimal("-0.00001"), 3: Decimal(0)}, Decimal("60000.5"), Decimal("0.0000125")
    ) == {1: -8, 2: 7}


def test_a_negative_rate_pays_longs() -> None:
    assert funding_shares({1: Decimal(2)}, Decimal(100), Decimal("-0.0001")) == {1: 20_000}


def test_the_remainder_is_insurances() -> None:
    flat = instant({1: Decimal("0.00001"), 2: Decimal("-0.00001")}, None, Decimal(0))
    flat.check()
    assert (flat.payment, flat.remainder) == (0, 1)


def test_more_than_rounding_is_refused() -> None:
    positions = {1: Decimal("0.01")}
    instant(positions, -7501, Decimal("0.01")).check()
    with pytest.raises(IntegrityError, match="left over"):
        instant(positions, -7504, Decimal("0.01")).check()


def test_sizes_must_be_the_venues() -> None:
    with pytest.raises(IntegrityError, match=r"hold 0\.01, the venue paid on 0\.02"):
        instant({1: Decimal("0.01")}, -15_002, Decimal("0.02")).check()


def test_no_row_though_the_seat_is_not_flat_is_refused() -> None:
    with pytest.raises(IntegrityError, match="left over"):
        instant({1: Decimal("0.01")}, None, Decimal(0)).check()
