"""The composite index and the replicas of venues' mark prices, against their rules."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.market_data.composite import IndexSource, composite_index, median, weighted_median
from keeper.market_data.mark_replica import (
    BinanceMark,
    HyperliquidMark,
    IndexMark,
    MarkReplica,
    OrderlyMark,
    Sample,
    apart_bps,
)
from keeper.model.market_prices import IndexPrice, MarkPrice

D = Decimal
prices = st.decimals("1", "1000", places=2)


def source(price: str, weight: int = 1, age_s: float = 1, venue: str = "v") -> IndexSource:
    return IndexSource(venue, D(price), D(weight), age_s)


def test_the_index_is_the_mean_by_weight() -> None:
    index = composite_index([source("100", 1), source("101", 2), source("102", 1)], 7)
    assert index is not None
    assert (index.price, index.degraded, index.beyond) == (IndexPrice(D(101), 7), False, ())


@given(st.lists(st.tuples(prices, st.integers(1, 50)), min_size=3, max_size=9), st.data())
def test_one_doubled_source_moves_the_index_by_no_more_than_its_weight_times_the_cap(
    found: list[tuple[Decimal, int]], data: st.DataObject
) -> None:
    """With all sources honest at first: within 0.1% of one price."""
    base = found[0][0] * 100
    honest = [IndexSource(f"v{n}", base * (1 + D(n) / 10_000), D(weight), 0) for n, (_, weight) in enumerate(found)]
    wild = data.draw(st.integers(0, len(honest) - 1))
    bent = [IndexSource(s.venue, s.price * (2 if n == wild else 1), s.weight, 0) for n, s in enumerate(honest)]
    before, after = composite_index(honest, 0), composite_index(bent, 0)
    assert before is not None
    assert after is not None
    share = honest[wild].weight / sum(s.weight for s in honest)
    spread = D("0.001")
    assert abs(after.price.value / before.price.value - 1) <= share * D("0.05") + 2 * spread
    assert after.beyond == (honest[wild].venue,)


def test_two_wild_sources_leave_the_median() -> None:
    index = composite_index([source("100"), source("101"), source("102"), source("200", 9), source("300", 9)], 0)
    assert index is not None
    assert index.price.value == D(102)
    assert len(index.beyond) == 2


def test_old_sources_do_not_count_and_two_are_too_few() -> None:
    index = composite_index([source("100"), source("102"), source("900", 5, age_s=10.1), source("0")], 0)
    assert index is not None
    assert (index.price.value, index.sources, index.degraded) == (D(101), 2, True)
    assert composite_index([source("100", age_s=11)], 0) is None


def test_a_weighted_median_is_reached_at_half_of_the_weight() -> None:
    mids = [(D(10), 3), (D(20), 2), (D(30), 2), (D(40), 1), (D(50), 1)]
    assert weighted_median(mids) == D(20)
    with pytest.raises(ValueError, match="nothing"):
        median([])


def sample(time_ms: int, index: str = "100", mid: str = "100", last: str | None = None, **more: object) -> Sample:
    half = D("0.5")
    return Sample(
        time_ms=time_ms,
        index=IndexPrice(D(index), time_ms),
        bid=D(mid) - half,
        ask=D(mid) + half,
        last=None if last is None else D(last),
        **more,  # type: ignore[arg-type]
    )


def test_hyperliquids_average_forgets_by_its_rule() -> None:
    """A basis of 2 for 150 s after one of 0: 1 − e^(−1) of the way, but for the first second's worth."""
    replica = HyperliquidMark()
    replica.observe(sample(0))
    outside = [(D(200), 1)]
    mark = replica.observe(sample(150_000, mid="102", last="102", outside=outside))
    assert mark == MarkPrice(D(102), 150_000)  # the middle of 101.98, 102, 200
    low = replica.observe(sample(150_000, mid="102", last="50", outside=[(D(1), 1)]))
    kept = D("0.36787944117144233")
    assert abs(low.value - D("101.5")) < 1  # the book's median of (101.5, 102.5, 50)
    basis = (0 * 1_000 * kept + 2 * 150_000) / (1_000 * kept + 150_000)
    assert abs(mark.value - (100 + basis)) < D("0.01")


def test_with_two_prices_only_the_short_average_joins() -> None:
    replica = HyperliquidMark()
    replica.observe(sample(0, mid="100"))
    assert replica.observe(sample(3_000, mid="110", last="110")).value < D(110)


def test_binances_mark_is_the_middle_of_three() -> None:
    replica = BinanceMark()
    first = replica.observe(sample(0, mid="101", last="99", rate=D("0.001"), to_funding_ms=14_400_000))
    assert first.value == D("100.05")  # of 100.05 by the rate, 101 by the basis, 99 last
    later = replica.observe(sample(31_000, mid="103", last="104"))
    assert later.value == D(103)  # the first sample is out of the window


def test_orderlys_mark_is_held_near_the_index() -> None:
    mark = OrderlyMark(D("0.01")).observe(sample(0, mid="150", last="150"))
    assert mark.value == D(101)


def test_dydx_margins_on_the_index() -> None:
    assert IndexMark().observe(sample(5, mid="150")) == MarkPrice(D(100), 5)


@pytest.mark.parametrize("make", [HyperliquidMark, BinanceMark, lambda: OrderlyMark(D("0.9")), IndexMark])
@given(steps=st.lists(st.tuples(prices, prices, prices), min_size=1, max_size=20))
def test_a_mark_never_leaves_what_it_is_made_of(make: object, steps: list[tuple[Decimal, ...]]) -> None:
    """Between the least and the greatest of every index, bid, ask and last seen, widened by the basis."""
    replica: MarkReplica = make()  # type: ignore[operator]
    seen: list[Decimal] = []
    for number, (index, mid, last) in enumerate(steps):
        mark = replica.observe(sample(number * 3_000, str(index), str(mid), str(last)))
        seen += [index, mid - D("0.5"), mid + D("0.5"), last]
        width = max(seen) - min(seen)
        assert min(seen) - width <= mark.value <= max(seen) + width


def test_how_far_a_printed_mark_is_from_its_replica() -> None:
    assert apart_bps(MarkPrice(D(101), 0), MarkPrice(D(100), 0)) == D(100)
