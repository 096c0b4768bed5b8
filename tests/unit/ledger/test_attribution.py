"""Attribution: hand-computed results, what insurance wins and pays, and every way a seat can fail to add up."""

from decimal import Decimal

import pytest

from keeper.ledger import InsuranceItem, Movement, SeatBrokenError, SeatResult, attribute, transfer_items
from keeper.model.events import FillSeen
from keeper.model.marks import MarkSheet, SheetLine, VenueMark
from keeper.model.venue_records import LedgerRow
from keeper.settlement.build import seat_attribution, seat_cut
from tests.unit.ledger.world import OTHER, SEAT, World, two_clients


def test_the_formula_by_hand() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.02"), Decimal(60_000), fee=540_000)
    world.settle(world.mark({"BTC": Decimal(60_100)}))
    world.trade(1, "BTC", "sell", Decimal("0.01"), Decimal(60_300), fee=270_000)
    world.trade(2, "BTC", "sell", Decimal("0.03"), Decimal(60_200), fee=810_000)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    mark = world.mark({"BTC": Decimal(60_000)})
    result = seat_attribution(world.books, mark, seat_cut(world.books, mark))
    assert result.results == {
        # −0.01 × (60,000 − 60,300) = +3; 0.02 × (60,000 − 60,100) = −2; 0.01 pays 0.06
        1: SeatResult(trading=3_000_000, revaluation=-2_000_000, fees=270_000, funding=-60_000),
        # −0.03 × (60,000 − 60,200) = +6; −0.03 receives 0.18
        2: SeatResult(trading=6_000_000, revaluation=0, fees=810_000, funding=180_000),
    }
    assert result.insurance == ()
    assert result.pnl == mark.delta


def test_two_facing_each_other_on_a_flat_seat_settle_at_the_marked_price() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.trade(2, "BTC", "sell", Decimal("0.01"), Decimal(60_010))
    world.fund("BTC", Decimal("0.0001"), Decimal("60000.01"))
    statement = world.settle(world.mark({"BTC": Decimal(61_000)}))
    assert statement["marks"][0]["sheet"]["lines"] == [{"coin": "BTC", "size": "0", "mark": "61000"}]
    assert world.lanes() == {1: 1_000_000_000 + 10_000_000 - 60_001, 2: 1_000_000_000 - 9_900_000 + 60_000}
    assert statement["insurance"] == [
        {
            "venue": SEAT,
            "kind": "funding remainder",
            "amount": 1,
            "reference": f"BTC@{world.books.fundings(SEAT)[0].time_ms}",
        }
    ]
    assert statement["funding"][0]["paid"] is None


def test_a_price_is_needed_only_where_someone_still_holds() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.trade(1, "BTC", "sell", Decimal("0.01"), Decimal(60_010))
    sheet = MarkSheet(venue=SEAT, as_of=world.now_ms // 1000, cash=world.venues[SEAT].cash, lines=())
    world.settle(world.record_mark(sheet))
    assert world.lanes()[1] == 1_000_100_000

    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.trade(2, "BTC", "sell", Decimal("0.01"), Decimal(60_000))
    sheet = MarkSheet(venue=SEAT, as_of=world.now_ms // 1000, cash=world.venues[SEAT].cash, lines=())
    with pytest.raises(SeatBrokenError, match="BTC: sub-accounts hold it, but the mark sheet has no price"):
        world.plan(world.record_mark(sheet))


def test_an_unowned_fill_breaks_the_seat_and_is_named() -> None:
    world = two_clients()
    world.tell(FillSeen(fill=world.make_fill("0x" + "77" * 16, "BTC", "buy", Decimal("0.01"), Decimal(60_000))))
    with pytest.raises(SeatBrokenError, match=rf"{SEAT}: unowned fill: BTC trade 1, client order id 0x7777") as caught:
        world.plan(world.mark({"BTC": Decimal(60_000)}))
    assert caught.value.venue == SEAT


def test_a_delta_that_nothing_explains_breaks_the_seat() -> None:
    sheet = MarkSheet(venue=SEAT, as_of=1, cash=5, lines=())
    mark = VenueMark(venue=SEAT, tier=1, as_of=1, l1_block=1, delta=5, value=5, sheet=sheet)
    with pytest.raises(SeatBrokenError, match="5 micro-USDC of its change of 5 are unexplained"):
        attribute(mark, None, {}, [], [], [], rounding=4)
    rounded = attribute(mark, None, {}, [], [], [], rounding=5)
    assert rounded.insurance == (InsuranceItem(SEAT, "venue rounding", 5, "mark@1"),)


def test_sizes_that_are_not_the_sheets_break_the_seat() -> None:
    lines = (SheetLine(coin="BTC", size=Decimal(1), mark=Decimal(5)),)
    sheet = MarkSheet(venue=SEAT, as_of=1, cash=0, lines=lines)
    mark = VenueMark(venue=SEAT, tier=1, as_of=1, l1_block=1, delta=0, value=0, sheet=sheet)
    with pytest.raises(SeatBrokenError, match="BTC: sub-accounts hold 2, the mark says 1"):
        attribute(mark, sheet, {(1, "BTC"): Decimal(2)}, [], [], [])


# money that is nobody's result


def row(amount: int, fee: int = 0, reference: str = "0x1", kind: str = "deposit") -> LedgerRow:
    return LedgerRow(venue=SEAT, kind=kind, time_ms=1, amount=amount, fee=fee, reference=reference)


def moved(kind: str, amount: int) -> Movement:
    return Movement(kind, amount, 1, "0xc0")  # type: ignore[arg-type]


def item(kind: str, amount: int, reference: str = "0x1") -> InsuranceItem:
    return InsuranceItem(SEAT, kind, amount, reference)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "movements", "uncollected", "items"),
    [
        ([row(100)], [moved("sent", 100)], 0, ()),
        ([row(99, 1)], [moved("sent", 100)], 0, (item("transfer cost", -1),)),
        ([row(100), row(7, reference="0x2")], [moved("sent", 100)], 0, (item("gift", 7, "0x2"),)),
        ([row(7), row(100, reference="0x2")], [moved("sent", 100)], 0, (item("gift", 7),)),
        ([row(1, 1)], [], 0, (item("gift", 1),)),
        ([row(-50, 1)], [moved("collected", 49)], 0, (item("transfer cost", -1),)),
        ([row(-50, 1)], [], 49, (item("transfer cost", -1),)),
        ([], [moved("collected", 49)], -49, ()),
        ([row(-1, 1, kind="activation")], [], 0, (item("transfer cost", -1),)),
        ([], [moved("collected", 5)], 0, (item("gift", 5, "0xc0"),)),
        ([], [], 5, (item("gift", 5, "uncollected"),)),
        ([row(0)], [], 0, ()),
    ],
)
def test_each_difference_between_rows_and_sends_has_its_item(
    rows: list[LedgerRow], movements: list[Movement], uncollected: int, items: tuple[InsuranceItem, ...]
) -> None:
    assert transfer_items(SEAT, rows, movements, uncollected) == items
    sent = sum(m.amount for m in movements if m.kind == "sent")
    collected = sum(m.amount for m in movements if m.kind == "collected")
    change = sum(r.amount for r in rows) - sent + collected + uncollected
    assert sum(i.amount for i in items) == change


def test_a_send_that_no_row_credits_breaks_the_seat() -> None:
    with pytest.raises(SeatBrokenError, match="a send of 100 micro-USDC has no row"):
        transfer_items(SEAT, [row(90)], [moved("sent", 100)], 0)


def test_money_still_on_its_way_home_breaks_the_seat() -> None:
    with pytest.raises(SeatBrokenError, match="50 micro-USDC left it, only 20 arrived"):
        transfer_items(SEAT, [row(-50)], [moved("collected", 20)], 0)


def test_a_seat_with_money_lying_in_its_contract_conserves_over_several_marks() -> None:
    world = World(SEAT, OTHER)
    world.open(1, 1_000_000_000)
    world.send(300_000_000, OTHER)
    world.row("deposit", 2_000_000, venue=OTHER)
    world.withdraw_home(100_000_000, 1_000_000, OTHER)
    first = world.settle(world.mark({}, OTHER))
    assert [(i["kind"], i["amount"]) for i in first["insurance"]] == [
        ("gift", 2_000_000),
        ("transfer cost", -1_000_000),
    ]
    world.collect(OTHER)
    world.withdraw_home(50_000_000, 1_000_000, OTHER)
    world.collect(OTHER)
    world.send(20_000_000, OTHER)
    second = world.settle(world.mark({}, OTHER))
    assert second["totals"]["insuranceDelta"] == -1_000_000
    assert world.books.vault.insurance == 1_000_000_000
    world.check_balance()


def test_cash_on_its_way_home_is_known_until_it_arrives() -> None:
    """It is in no equity meanwhile: a mark would take it for a loss."""
    world = World(SEAT, OTHER)
    world.open(1, 1_000_000_000)
    world.send(500_000_000, OTHER)
    world.row("withdraw", -100_000_000, 1_000_000, OTHER)
    left = world.now_ms

    def under_way(returned: int, until_ms: int = left) -> int:
        return world.books.under_way_home(OTHER, until_ms, returned)

    assert under_way(0) == 99_000_000, "less what the venue keeps"
    assert under_way(0, until_ms=left - 1) == 0
    assert (under_way(40_000_000), under_way(99_000_000), under_way(150_000_000)) == (59_000_000, 0, 0)

    world.venues[OTHER].uncollected = 99_000_000
    plan, _ = world.plan(world.mark({}, OTHER))
    world.commit(plan)
    world.collect(OTHER)
    world.row("withdraw", -50_000_000, 1_000_000, OTHER)
    assert (under_way(99_000_000, world.now_ms), under_way(148_000_000, world.now_ms)) == (49_000_000, 0)
