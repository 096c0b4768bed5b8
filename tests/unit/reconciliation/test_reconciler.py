"""Every fault of a venue that changes money is found; what is only late is none; an explanation closes a case."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from eth_account import Account

from keeper.api.views import Explanation
from keeper.errors import InputError, UnknownOutcome
from keeper.model.events import FillSeen, SeatReleased
from keeper.model.venue_records import FundingRate, LedgerRow, SeatState
from keeper.reconciliation.engine import case_of
from keeper.reconciliation.explanations import message_of, signer_of_explanation
from keeper.venues.resting import RestingOrder
from tests.unit.ledger.world import SEAT
from tests.unit.reconciliation.desk import USDC, Desk


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    await desk.settle_down()
    return desk


def hidden_fill(desk: Desk) -> None:
    desk.trade("buy", "0.01")
    desk.venue.listed_fills.pop()


def invented_fill(desk: Desk) -> None:
    """The books were told of one that the venue never had."""
    fill = desk.trade("buy", "0.01")
    desk.venue.listed_fills.pop()
    own = desk.world.venues[SEAT]
    own.sizes["BTC"] -= fill.size
    own.cash += int(fill.size * fill.price * USDC) + fill.fee
    desk.world.tell(FillSeen(fill=fill))


def altered_fill(desk: Desk) -> None:
    desk.venue.listed_fills[0] = msgspec.structs.replace(desk.venue.listed_fills[0], price=Decimal(61_000))


def fill_out_of_place(desk: Desk) -> None:
    desk.trade("buy", "0.01")
    desk.venue.listed_fills[-1] = msgspec.structs.replace(desk.venue.listed_fills[-1], start_position=Decimal(7))


def fill_of_nobody(desk: Desk) -> None:
    desk.trade("sell", "0.01")
    desk.venue.listed_fills[-1] = msgspec.structs.replace(desk.venue.listed_fills[-1], cloid=None)


def deleveraged_in_silence(desk: Desk) -> None:
    desk.venue.extra_size = Decimal("-0.02")


def altered_funding(desk: Desk) -> None:
    desk.fund()
    row = desk.venue.listed_payments[0]
    desk.venue.listed_payments[0] = msgspec.structs.replace(row, amount=row.amount - 1)


def funding_taken_twice(desk: Desk) -> None:
    event = desk.fund()
    desk.venue.extra_cash = event.paid or 0


def funding_not_paid(desk: Desk) -> None:
    settled = FundingRate(venue=SEAT, coin="BTC", time_ms=desk.world.now_ms, rate=Decimal("0.0001"))
    desk.venue.unpaid.append(settled)


def altered_row(desk: Desk) -> None:
    row = desk.venue.listed_rows[0]
    desk.venue.listed_rows[0] = LedgerRow(
        venue=SEAT, kind=row.kind, time_ms=row.time_ms, amount=row.amount - 5, fee=0, reference=row.reference
    )


def cash_taken_without_a_row(desk: Desk) -> None:
    desk.venue.extra_cash = -2


def cash_given_without_a_row(desk: Desk) -> None:
    desk.venue.extra_cash = 50 * USDC


def order_of_nobody(desk: Desk) -> None:
    desk.venue.resting.append(
        RestingOrder(
            oid=9,
            cloid=None,
            coin="BTC",
            side="sell",
            size=Decimal(1),
            left=Decimal(1),
            limit_price=Decimal(1),
            time_ms=0,
        )
    )


def another_lane(desk: Desk) -> None:
    desk.chain.lane_gap = 1


def no_answer(desk: Desk) -> None:
    desk.venue.silent = True


FAULTS: list[tuple[Callable[[Desk], None], str, int]] = [
    (hidden_fill, "position BTC: we have 0.02, the other side 0.03; cash", 20),
    (invented_fill, "position BTC: we have 0.03, the other side 0.02; cash", 20),
    (deleveraged_in_silence, "position BTC: we have 0.02, the other side 0", 20),
    (funding_taken_twice, "cash micro-USDC", 20),
    (funding_not_paid, "funding BTC", 50),
    (cash_taken_without_a_row, "cash micro-USDC", 20),
    (cash_given_without_a_row, "cash micro-USDC", 20),
    (order_of_nobody, "order BTC 9: we have nothing, the other side sell 1 as None", 20),
    (fill_out_of_place, "record in order", 20),
    (fill_of_nobody, "unowned fill: BTC trade 2", 10),
    (altered_fill, "fill 1: we have buy 0.02 BTC at 60000, fee 540, the other side buy 0.02 BTC at 61000", 60),
    (altered_funding, "funding BTC", 60),
    (altered_row, "cash micro-USDC", 20),
    (another_lane, "chain lane 1: we have 1000000000, the other side 1000000001", 60),
    (no_answer, "unread the account", 70),
]
"""Fault, the first words of the seat's case, and how many business seconds later it is frozen: the table."""


@pytest.mark.parametrize(("fault", "words", "seconds"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
async def test_a_fault_that_changes_money_freezes_the_seat(
    desk: Desk, fault: Callable[[Desk], None], words: str, seconds: int
) -> None:
    fault(desk)
    taken = await desk.seconds_until_frozen()
    assert desk.frozen is not None
    assert desk.frozen.startswith(words)
    assert taken == seconds


async def test_what_is_late_is_no_break(desk: Desk) -> None:
    desk.venue.extra_cash = -7
    await desk.round()
    assert [one.kind for one in desk.reconciler.looks[SEAT].breaks] == ["cash"]
    desk.venue.extra_cash = -8  # it goes on moving: not the same difference
    await desk.round()
    desk.venue.extra_cash = 0
    for _ in range(8):
        await desk.round()
    assert desk.frozen is None


async def test_a_case_is_closed_by_its_explanation_and_by_nothing_else(desk: Desk) -> None:
    desk.venue.extra_cash = 50
    await desk.seconds_until_frozen()
    desk.venue.extra_cash = 0  # gone again: a person still has to say what it was
    for _ in range(3):
        await desk.round()
    assert desk.frozen is not None
    case = case_of(SEAT, desk.frozen)
    with pytest.raises(InputError, match="no open case 00000000"):
        await desk.reconciler.explain("00000000", "because", "0xme")
    with pytest.raises(InputError, match="why"):
        await desk.reconciler.explain(case, "  ", "0xme")
    assert await desk.reconciler.explain(case, "a test of the venue's", "0xme") == SEAT
    assert desk.frozen is None
    released = desk.world.events[-1]
    assert isinstance(released, SeatReleased)
    assert released.reason == "0xme: a test of the venue's"


async def test_an_explained_difference_is_known_and_a_larger_one_is_another_case(desk: Desk) -> None:
    desk.venue.extra_cash = 50
    await desk.seconds_until_frozen()
    first = case_of(SEAT, desk.frozen or "")
    await desk.reconciler.explain(first, "the venue's own rounding", "0xme")
    for _ in range(9):
        await desk.round()
    assert desk.frozen is None
    desk.venue.extra_cash = 51
    await desk.seconds_until_frozen()
    assert case_of(SEAT, desk.frozen or "") != first


async def test_a_venue_ahead_of_our_clock_is_not_read_until_the_clocks_agree(desk: Desk) -> None:
    """It has settled an hour that has not passed for us: no difference, but nothing to go by, either."""
    desk.venue.ahead_ms = 3_600_000
    desk.venue.extra_cash = -50
    for _ in range(4):
        await desk.round()
    assert desk.frozen is None
    assert desk.reconciler.looks[SEAT].unread_since_ms
    assert await desk.seconds_until_frozen() <= 70
    assert (desk.frozen or "").startswith("unread")
    desk.venue.ahead_ms = desk.venue.extra_cash = 0
    await desk.round()
    assert desk.frozen is None


async def test_a_seat_that_answers_again_is_released(desk: Desk) -> None:
    desk.venue.silent = True
    await desk.seconds_until_frozen()
    desk.venue.silent = False
    await desk.round()
    assert desk.frozen is None


async def test_time_that_jumps_during_one_failed_look_is_no_minute_unread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def state() -> SeatState:
        desk.clock.advance(600_000)
        raise UnknownOutcome("no answer")

    monkeypatch.setattr(desk.venue, "state", state)
    await desk.reconciler.run()
    assert desk.frozen is None
    await desk.reconciler.run()
    assert desk.frozen is not None


async def test_a_seat_that_does_not_answer_is_not_flat(desk: Desk) -> None:
    desk.venue.silent = True
    desk.venue.extra_size = Decimal("-0.02")
    await desk.round()
    assert desk.reconciler.looks[SEAT].breaks == ()
    assert desk.world.books.seat_positions(SEAT) == {"BTC": Decimal("0.02")}


def test_explanations_are_signed_over_case_and_words() -> None:
    key = "0x" + "11" * 32
    signed = Account.sign_message(message_of(31337, "0x" + "AA" * 20, "1234abcd", "why"), key)
    good = Explanation(case="1234abcd", why="why", signature="0x" + bytes(signed.signature).hex())
    who = Account.from_key(key).address.lower()
    assert signer_of_explanation(good, 31337, "0x" + "aa" * 20) == who
    assert signer_of_explanation(msgspec.structs.replace(good, why="other"), 31337, "0x" + "aa" * 20) != who
    with pytest.raises(InputError, match="signature"):
        signer_of_explanation(msgspec.structs.replace(good, signature="0x12"), 31337, "0x" + "aa" * 20)
