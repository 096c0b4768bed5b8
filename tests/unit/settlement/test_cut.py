"""The cut (A1): the newest prefix of a seat's records that gives the mark's sizes and cash, and none that does not."""

from decimal import Decimal

import pytest

from keeper.ledger import SeatBrokenError
from keeper.model.events import Cut, FillSeen
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import LedgerRow
from keeper.settlement import CutStart, find_cut
from keeper.settlement.build import seat_cut
from tests.unit.ledger.world import SEAT, World, two_clients

PRICES = {"BTC": Decimal(60_000), "ETH": Decimal(2_000)}


def cut_of(world: World, sheet: MarkSheet) -> Cut:
    seat = world.books.seat(SEAT)
    return find_cut(sheet, seat.fills, seat.fundings, seat.rows, CutStart(seat.sheet, seat.cut))


def test_records_after_the_mark_are_left_to_the_next_one() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=1)
    world.wait()
    sheet = world.sheet(PRICES)
    world.trade(2, "BTC", "buy", Decimal("0.02"), Decimal(60_000), fee=2)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    mark = world.record_mark(sheet)
    cut = seat_cut(world.books, mark)
    assert cut == Cut(fill_count=1, funding_count=0, row_count=1, time_ms=world.books.fills(SEAT)[0].time_ms)
    world.settle(mark)
    assert world.books.last_cut(SEAT) == cut
    assert world.books.last_marks(SEAT) == sheet
    after = seat_cut(world.books, world.mark(PRICES))
    assert (after.fill_count, after.funding_count) == (2, 1)


def test_a_mark_may_fall_between_two_fills_of_one_millisecond() -> None:
    world = two_clients()
    cloids = [world.order(id_, "BTC", "buy", Decimal("0.01")) for id_ in (1, 2)]
    first = world.make_fill(cloids[0], "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    sheet = world.sheet(PRICES)
    second = world.make_fill(cloids[1], "BTC", "buy", Decimal("0.01"), Decimal(60_001))
    assert first.time_ms == second.time_ms
    world.tell(FillSeen(fill=first))
    world.tell(FillSeen(fill=second))
    assert cut_of(world, sheet).fill_count == 1


def test_nothing_new_is_the_old_cut() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.settle(world.mark(PRICES))
    assert cut_of(world, world.sheet(PRICES)) == world.books.last_cut(SEAT)


def test_a_mark_that_no_prefix_gives_is_refused_with_both_sides() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    cloid = world.order(1, "ETH", "buy", Decimal(1))
    world.make_fill(cloid, "ETH", "buy", Decimal(1), Decimal(2_000))  # the books never hear of it
    with pytest.raises(SeatBrokenError, match=r"ETH 1.*all of them together give -100000000 and \{BTC 0.01\}"):
        world.plan(world.mark(PRICES))


def test_one_micro_dollar_without_a_row_is_refused() -> None:
    world = two_clients()
    world.settle(world.mark(PRICES))
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.venues[SEAT].cash += 1
    with pytest.raises(SeatBrokenError, match="no prefix"):
        world.plan(world.mark(PRICES))


def test_dust_below_a_micro_dollar_in_a_row_is_rounding() -> None:
    world = two_clients()
    world.row("spotTransfer", 0)  # 0.0000004 USDC from a stranger, twice
    world.row("spotTransfer", 0)
    world.venues[SEAT].cash += 1
    statement = world.settle(world.mark(PRICES))
    assert [(item["kind"], item["amount"]) for item in statement["insurance"]] == [("venue rounding", 1)]
    world.check_balance()


def test_an_exact_prefix_is_preferred_to_a_newer_near_one() -> None:
    rows = [
        LedgerRow(venue=SEAT, kind="deposit", time_ms=at, amount=amount, fee=0, reference=str(at))
        for at, amount in ((1, 100), (2, 1))
    ]
    sheet = MarkSheet(venue=SEAT, as_of=1, cash=100, lines=())
    assert find_cut(sheet, [], [], rows, CutStart()).row_count == 1
