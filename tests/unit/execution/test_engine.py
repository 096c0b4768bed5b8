"""Routing, sending, resolving and recovering, against venues that answer as a test wants."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from keeper.errors import InputError, IntegrityError
from keeper.model.events import LegClosed, LegIntent, RouteDecided, SeatFrozen
from keeper.model.identifiers import client_order_id
from keeper.model.venue_records import Fill
from keeper.venues.base import Confirmed, Outcome, Refused, Unknown
from tests.unit.execution.conftest import VAULT, A, B, Desk, Journal, opening, sign

D = Decimal


@pytest.fixture
async def desk() -> Desk:
    return await Desk().start()


def ends(desk: Desk) -> list[tuple[str, Decimal]]:
    return [(event.outcome, event.filled) for event in desk.journal.events if isinstance(event, LegClosed)]


async def test_an_order_larger_than_one_book_is_split_and_every_step_is_booked_in_order(desk: Desk) -> None:
    view = await desk.engine.submit(sign(quantity=7 * 10**8))
    assert (view.status, view.filled) == ("filled", D(7))
    assert [(leg.venue, leg.size) for leg in desk.a.sent + desk.b.sent] == [(A, D(5)), (B, D(2))]
    kinds = desk.journal.kinds()
    assert kinds[:4] == ["OrderAccepted", "RouteDecided", "LegIntent", "LegIntent"]
    assert kinds[-1] == "OrderClosed"
    assert kinds.index("FillSeen") < kinds.index("LegClosed")
    assert desk.journal.books.positions(1) == {(A, "BTC"): 5, (B, "BTC"): 2}


async def test_ids_are_those_anyone_can_derive_from_the_signed_order(desk: Desk) -> None:
    view = await desk.engine.submit(sign(quantity=7 * 10**8))
    digest = bytes.fromhex(view.digest[2:])
    assert list(view.legs) == [client_order_id(VAULT, digest, leg, 0) for leg in (0, 1)]


async def test_the_decision_is_kept_with_what_the_router_saw(desk: Desk) -> None:
    await desk.engine.submit(sign())
    decided = next(event for event in desk.journal.events if isinstance(event, RouteDecided))
    assert decided.decision["request"]["quantity"] == "1"
    assert [quote["venue"] for quote in decided.decision["quotes"]] == [A, B]
    assert decided.decision["plan"]["legs"][0]["limit_price"] == "1000"
    assert decided.decision["plan"]["certificate"]["gap"] == "0"


async def test_a_legs_limit_gives_way_a_little_but_never_past_the_clients_bounds(desk: Desk) -> None:
    await desk.engine.submit(sign(nonce=1))
    assert desk.a.sent[-1].limit_price == D("1000.2")  # 2 bps
    await desk.engine.submit(sign(nonce=2, limitPrice=10**11 + 10**7))
    assert desk.a.sent[-1].limit_price == D("1000.1")
    await desk.engine.submit(sign(nonce=3, maxSlippageBps=1))
    assert desk.a.sent[-1].limit_price == D("1000.1")
    await desk.engine.submit(sign(nonce=4, side=1, maxSlippageBps=200))
    assert desk.b.sent[-1].limit_price == D("999.8")


@pytest.mark.parametrize(
    ("answer", "status", "end"),
    [
        (Refused("Insufficient margin to place order. asset=0"), "refused", "refused"),
        (Confirmed(filled=D(0), text="nothing matched"), "unfilled", "unfilled"),
    ],
)
async def test_a_venue_that_says_no_or_matches_nothing(desk: Desk, answer: Outcome, status: str, end: str) -> None:
    """One that refused is not asked again; one that matched nothing is, at fresh prices, as often as rounds allow."""
    desk.a.script = [lambda leg: answer] * 3
    view = await desk.engine.submit(sign(venues=(A,)))
    tries = 1 if status == "refused" else 3
    assert (view.status, view.filled, ends(desk)) == (status, D(0), [(end, D(0))] * tries)
    assert "Insufficient margin" in view.text or status == "unfilled"
    assert len(desk.a.sent) == tries


async def test_what_a_partial_fill_leaves_is_routed_again_at_fresh_prices(desk: Desk) -> None:
    desk.a.script = [lambda leg: desk.a.fill(leg, "0.4")]
    view = await desk.engine.submit(sign())
    assert (view.status, view.filled, ends(desk)) == ("filled", D(1), [("partial", D("0.4")), ("filled", D("0.6"))])


async def test_rounds_end_and_what_was_filled_is_a_partial_fill(desk: Desk) -> None:
    desk.a.script = [lambda leg: desk.a.fill(leg, "0.1")] * 9
    view = await desk.engine.submit(sign(venues=(A,)))
    assert (view.status, view.filled, view.rounds) == ("partial", D("0.3"), 3)
    assert [leg.size for leg in desk.a.sent] == [D(1), D("0.9"), D("0.8")]


async def test_the_slippage_of_all_rounds_is_measured_against_the_first_reference(desk: Desk) -> None:
    desk.a.script = [lambda leg: desk.a.fill(leg, "0.1")]
    view = await desk.engine.submit(sign(venues=(A,), maxSlippageBps=1))
    assert view.reference_price == 1000
    assert {leg.limit_price for leg in desk.a.sent} == {D("1000.1")}


async def test_fills_that_are_late_are_waited_for(desk: Desk) -> None:
    desk.a.hidden_reads = 3
    view = await desk.engine.submit(sign())
    assert (view.status, len(desk.journal.books.fills(A))) == ("filled", 1)


async def test_an_unknown_outcome_that_was_filled(desk: Desk) -> None:
    desk.a.script = [desk.a.fill_unseen]
    desk.a.unreachable = 2
    view = await desk.engine.submit(sign())
    assert (view.status, len(desk.a.sent)) == ("filled", 1)


async def test_an_unknown_outcome_that_was_rejected(desk: Desk) -> None:
    def reject(leg: LegIntent) -> Outcome:
        desk.a.fill(leg, "0")
        report = desk.a.known[leg.cloid]
        desk.a.known[leg.cloid] = msgspec.structs.replace(report, state="rejected", text="perpMarginRejected")
        return Unknown("lost")

    desk.a.script = [reject]
    view = await desk.engine.submit(sign(venues=(A,)))
    assert (view.status, view.text) == ("refused", "perpMarginRejected")


async def test_absence_counts_only_after_the_expiry_on_the_venues_clock(desk: Desk) -> None:
    desk.a.script = [lambda leg: Unknown("lost")]
    view = await desk.engine.submit(sign())
    first, second = desk.a.sent
    assert second.at_ms > first.expires_ms + 2_000
    assert (first.leg, first.size, first.limit_price) == (second.leg, second.size, second.limit_price)
    assert (first.attempt, second.attempt, view.status) == (0, 1, "filled")
    kinds = desk.journal.kinds()
    closed = kinds.index("LegClosed")
    assert kinds[closed + 1] == "LegIntent"
    assert [outcome for outcome, _ in ends(desk)] == ["absent", "filled"]


async def test_a_leg_is_sent_twice_at_most_and_never_after_the_deadline(desk: Desk) -> None:
    desk.a.script = [lambda leg: Unknown("lost")] * 2
    assert (await desk.engine.submit(sign(nonce=1, venues=(A,)))).status == "filled"
    assert [(leg.leg, leg.attempt) for leg in desk.a.sent] == [(0, 0), (0, 1), (1, 0)]
    desk.a.script = [lambda leg: Unknown("lost")]
    late = sign(nonce=2, venues=(A,), deadline=desk.clock.now_ms() // 1000 + 3)
    assert (await desk.engine.submit(late)).status == "expired"
    assert len(desk.a.sent) == 4


async def test_more_fills_than_the_venue_reported_are_a_contradiction(desk: Desk) -> None:
    def lie(leg: LegIntent) -> Outcome:
        desk.a.fill(leg)
        return Confirmed(filled=D("0.5"))

    desk.a.script = [lie]
    with pytest.raises(IntegrityError, match=r"booked, the venue says 0\.5"):
        await desk.engine.submit(sign())


async def test_a_fill_is_booked_once_however_often_it_comes(desk: Desk) -> None:
    await desk.engine.submit(sign())
    (fill,) = desk.a.booked
    legs = desk.engine.legs
    await legs.on_connect(A)
    await legs.on_fills(A, (fill, fill), False)
    await legs.on_fills(A, (fill,), True)
    await legs.backfill(A)
    assert len(desk.journal.books.fills(A)) == 1


async def test_pushed_fills_wait_until_the_gap_after_a_connect_is_filled(desk: Desk) -> None:
    """Otherwise the log's order would not be the venue's, and no mark could be cut from it."""
    legs = desk.engine.legs
    early, late = (fill_of(desk, tid, time_ms) for tid, time_ms in ((1, 10), (2, 20)))
    await legs.on_fills(A, (late,), False)  # the venue's own list does not show it yet
    assert desk.journal.books.fills(A) == ()
    desk.a.booked = [early, late]
    await legs.on_fills(A, (late,), False)
    assert [fill.tid for fill in desk.journal.books.fills(A)] == [1, 2]
    third = fill_of(desk, 3, 30)
    await legs.on_fills(A, (third,), False)
    assert [fill.tid for fill in desk.journal.books.fills(A)] == [1, 2, 3]


async def test_lost_pushes_whose_sizes_cancel_out_are_no_gap_that_goes_unseen(desk: Desk) -> None:
    """A push that starts where the books end is taken only if no other child of the coin could have been filled."""
    legs = desk.engine.legs
    await legs.on_connect(A)
    third = fill_of(desk, 3, desk.clock.now_ms())

    def lose(leg: LegIntent) -> Outcome:
        desk.a.fill(leg)
        (bought,) = desk.a.booked
        sold = msgspec.structs.replace(bought, tid=2, cloid=None, side="sell", start_position=bought.size)
        desk.a.booked += [sold, msgspec.structs.replace(third, start_position=D(0))]
        pushes.append(asyncio.create_task(legs.on_fills(A, (desk.a.booked[-1],), False)))
        return Unknown("lost")

    pushes: list[asyncio.Task[None]] = []
    desk.a.script = [lose]
    assert (await desk.engine.submit(sign(venues=(A,)))).status == "filled"
    await asyncio.gather(*pushes)
    assert [fill.tid for fill in desk.journal.books.fills(A)] == [1, 2, 3]


def fill_of(desk: Desk, tid: int, time_ms: int) -> Fill:
    return Fill(
        venue=A,
        coin="BTC",
        side="buy",
        price=D(1000),
        size=D(1),
        time_ms=time_ms,
        start_position=D(tid - 1),
        fee=0,
        closed_pnl=0,
        oid=tid,
        tid=tid,
    )


async def test_reduce_only_is_held_to_the_own_position_at_each_venue(desk: Desk) -> None:
    await desk.engine.submit(sign(nonce=1, quantity=3 * 10**8, venues=(A,)))
    await desk.engine.submit(sign(nonce=2, quantity=10**8, venues=(B,)))
    view = await desk.engine.submit(sign(nonce=3, side=1, quantity=9 * 10**8, reduceOnly=True, maxSlippageBps=500))
    assert (view.status, view.filled) == ("partial", D(4))
    assert desk.journal.books.positions(1) == {}


async def test_a_frozen_seat_takes_no_new_risk_but_can_be_left(desk: Desk) -> None:
    await desk.engine.submit(sign(nonce=1, venues=(A,)))
    desk.journal.append(SeatFrozen(venue=A, reason="a break", at_ms=1))
    assert (await desk.engine.submit(sign(nonce=2, venues=(A,)))).status == "unfilled"
    closed = await desk.engine.submit(sign(nonce=3, venues=(A,), side=1, reduceOnly=True))
    assert closed.status == "filled"


async def test_orders_on_their_way_count_for_margin() -> None:
    """Each may be carried alone, both together may not: the second is refused while the first is open."""
    desk = await Desk(Journal(*opening(1_000))).start()
    first, second = (sign(nonce=number, quantity=5 * 10**8, venues=(A,)) for number in (1, 2))
    desk.engine.check(second)
    desk.engine.take(first)
    with pytest.raises(InputError, match="margin"):
        desk.engine.take(second)
    desk.engine.take(sign(nonce=3, side=1, quantity=5 * 10**8, venues=(A,)))
    await asyncio.gather(*(desk.engine.finished(order.digest) for order in desk.journal.books.orders()))
    assert desk.journal.books.positions(1) == {}


async def test_nothing_within_the_limit_ends_unfilled_with_the_reason(desk: Desk) -> None:
    view = await desk.engine.submit(sign(limitPrice=900 * 10**8))
    assert (view.status, view.legs) == ("unfilled", ())
    assert "nothing of 1" in view.text


@pytest.mark.parametrize("last", ["OrderAccepted", "LegIntent", "FillSeen", "LegClosed"])
@pytest.mark.parametrize("reached", [True, False])
async def test_wherever_it_dies_the_books_end_the_same(last: str, reached: bool) -> None:
    """A log cut after its first event of a kind is picked up; the venue holds what had reached it by then."""
    undisturbed = await Desk().start()
    await undisturbed.engine.submit(sign(venues=(A,)))
    events = undisturbed.journal.events
    cut = next(number for number, event in enumerate(events) if type(event).__name__ == last) + 1
    if not reached and last in ("FillSeen", "LegClosed"):
        reached = True  # what is booked has reached the venue

    again = await Desk(Journal(*events[:cut])).start()
    if reached and last != "OrderAccepted":
        again.a.known, again.a.booked = undisturbed.a.known, undisturbed.a.booked
    await again.engine.recover()
    books = again.journal.books
    assert books.open_legs() == ()
    assert [(order.status, order.filled) for order in books.orders()] == [("filled", D(1))]
    assert books.positions(1) == {(A, "BTC"): 1}
    assert len(again.a.sent) == (0 if reached and last != "OrderAccepted" else 1)
    assert B not in {leg.venue for leg in again.a.sent}


async def test_an_order_whose_deadline_passed_while_the_keeper_was_down_is_closed_unsent() -> None:
    undisturbed = await Desk().start()
    await undisturbed.engine.submit(sign())
    again = await Desk(Journal(*undisturbed.journal.events[:4])).start()
    again.clock.advance(61_000)
    await again.engine.recover()
    (order,) = again.journal.books.orders()
    assert (order.status, again.a.sent) == ("expired", [])
    assert "deadline" in order.text
