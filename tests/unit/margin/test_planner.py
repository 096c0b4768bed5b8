"""Top-ups: only below target, worst first, never beyond the cash or the caps."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.margin.planner import MINIMUM_TRANSFER, SeatNeed, plan_top_ups, target_of

USDC = 1_000_000


def need(venue: str = "a", *, equity: int, notional: int = 0, base: int = 0, headroom: int = 10**15) -> SeatNeed:
    return SeatNeed(venue=venue, equity=equity, margin_used=0, notional=notional, base=base, headroom=headroom)


def test_seat_at_its_target_gets_nothing() -> None:
    assert plan_top_ups([need(equity=100, base=100)], free_cash=10**12, stress_bps=1000, top_up_bps=12_500) == ()


def test_seat_below_target_is_topped_up_above_it() -> None:
    seat = need(equity=40 * USDC, notional=1_000 * USDC)
    (top_up,) = plan_top_ups([seat], free_cash=10**12, stress_bps=1000, top_up_bps=12_500)
    assert (target_of(seat, 1000), top_up.amount) == (100 * USDC, 85 * USDC)


def test_worst_covered_seat_is_served_first_when_cash_is_short() -> None:
    needs = [need("a", equity=90 * USDC, base=100 * USDC), need("b", equity=10 * USDC, base=100 * USDC)]
    assert [t.venue for t in plan_top_ups(needs, free_cash=50 * USDC, stress_bps=0, top_up_bps=10_000)] == ["b"]


def test_target_rounds_up() -> None:
    assert target_of(need(equity=0, notional=1), 1) == 1


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**13), st.integers(0, 10**12), st.integers(0, 10**12))),
    st.integers(0, 10**13),
)
def test_never_more_than_cash_or_caps(seats: list[tuple[int, int, int, int]], cash: int) -> None:
    needs = [need(str(i), equity=e, notional=n, base=b, headroom=h) for i, (e, n, b, h) in enumerate(seats)]
    plans = plan_top_ups(needs, free_cash=cash, stress_bps=700, top_up_bps=12_500)
    by_venue = {n.venue: n for n in needs}
    assert sum(p.amount for p in plans) <= cash
    for plan in plans:
        seat = by_venue[plan.venue]
        assert MINIMUM_TRANSFER <= plan.amount <= seat.headroom
        assert seat.equity < target_of(seat, 700)
