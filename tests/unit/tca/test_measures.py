"""The formulas, against published numbers and by their own laws."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from keeper.tca.measures import Executed, effective_spread, markout, mean, quoted_spread, realised_spread, shortfall

D = Decimal
PRICES = st.decimals(10, 10_000, places=2)


def test_perold_s_example() -> None:
    """1,000 shares decided at 40.00, received at 40.04, 700 filled at 40.05, cancelled at 40.08, fees 17: 0.19%."""
    found = shortfall(1, D(1000), [Executed(D("40.05"), D(700))], D(40), D("40.04"), D("40.08"), D(17))
    parts = (found.delay, found.trading, found.opportunity, found.fees)
    assert parts == (D(7), D("1.75"), D(6), D("4.25"))
    assert found.total == 19


@given(PRICES, PRICES, PRICES, PRICES, st.integers(1, 10), st.integers(0, 10))
def test_a_shortfall_is_paper_less_real_whatever_the_mids_between(
    decided: Decimal, arrived: Decimal, ended: Decimal, paid: Decimal, filled: int, left: int
) -> None:
    """Perold's definition: what the paper portfolio gains from decision to end, less what the real one does."""
    ordered = D(filled + left)
    found = shortfall(1, ordered, [Executed(paid, D(filled))], decided, arrived, ended, D(3))
    paper, real = ordered * (ended - decided), filled * (ended - paid) - 3
    assert abs(found.total - (paper - real) / (ordered * decided) * 10_000) < D("0.001")
    mirrored = shortfall(-1, ordered, [Executed(paid, D(filled))], decided, arrived, ended, D(0))
    assert abs(mirrored.total + found.total - found.fees) < D("0.001")


def test_spreads_are_twice_the_distance_from_the_mid() -> None:
    assert effective_spread(1, D(101), D(100)) == 200
    assert effective_spread(-1, D(101), D(100)) == -200
    assert realised_spread(1, D(101), D(100), D("100.75")) == 50
    assert markout(1, D(100), D(101)) == 100
    assert markout(-1, D(100), D(101)) == -100
    assert quoted_spread(D(99), D(101)) == 200


def test_a_mean_is_weighted_and_none_of_nothing() -> None:
    assert mean([(D(1), D(3)), (D(5), D(1))]) == 2
    assert mean([]) is None
