"""Which seats give back what withdrawals lack: from those with the most to spare, never more than each can."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.margin.planner import MINIMUM_TRANSFER, SeatCash, plan_recalls
from keeper.model.events import CashMove

USDC = 1_000_000


def cash(venue: str, spare: int, *, safe: int | None = None, movable: int = 10**15) -> SeatCash:
    return SeatCash(venue, movable=movable, spare=spare, safe=spare if safe is None else safe)


def asks(venue: str, amount: int) -> CashMove:
    return CashMove(venue=venue, amount=amount)


def test_the_seat_with_the_most_to_spare_gives_first() -> None:
    seats = [cash("a", 100 * USDC), cash("b", 300 * USDC)]
    assert plan_recalls(seats, 250 * USDC) == (asks("b", 250 * USDC),)
    assert plan_recalls(seats, 350 * USDC) == (asks("a", 50 * USDC), asks("b", 300 * USDC))


def test_targets_are_undercut_only_when_all_the_spare_is_not_enough() -> None:
    seats = [cash("a", 0, safe=500 * USDC), cash("b", 100 * USDC, safe=100 * USDC)]
    assert plan_recalls(seats, 100 * USDC) == (asks("b", 100 * USDC),)
    assert plan_recalls(seats, 180 * USDC) == (asks("a", 80 * USDC), asks("b", 100 * USDC))


def test_what_a_venue_does_not_let_go_stays() -> None:
    assert plan_recalls([cash("a", 500 * USDC, movable=40 * USDC)], 100 * USDC) == (asks("a", 40 * USDC),)


def test_a_little_is_asked_for_as_the_least_transfer() -> None:
    assert plan_recalls([cash("a", 500 * USDC)], 1) == (asks("a", MINIMUM_TRANSFER),)
    assert plan_recalls([cash("a", MINIMUM_TRANSFER - 1)], 1) == ()


AMOUNTS = st.integers(-(10**9), 10**12)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=8), st.integers(-(10**9), 10**13))
def test_never_more_than_a_seat_can_and_all_that_is_there_if_need_be(
    rows: list[tuple[int, int, int]], shortfall: int
) -> None:
    seats = [SeatCash(str(i), movable, min(spare, safe), safe) for i, (movable, spare, safe) in enumerate(rows)]
    found = {recall.venue: recall.amount for recall in plan_recalls(seats, shortfall)}
    rooms = {seat.venue: min(seat.movable, seat.safe) for seat in seats}
    for venue, amount in found.items():
        assert MINIMUM_TRANSFER <= amount <= rooms[venue]
    total = sum(found.values())
    possible = sum(room for room in rooms.values() if room >= MINIMUM_TRANSFER)
    assert total >= min(max(shortfall, 0), possible)
    assert total <= max(0, shortfall) + MINIMUM_TRANSFER * bool(found)
