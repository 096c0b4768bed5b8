"""Each kind of order in the world of the machine, with nothing going wrong but what the test says."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from keeper.ledger import OrderView
from keeper.model.amounts import to_e8
from keeper.model.events import LegCancelAsked, LegIntent, OrderStarted, RouteDecided
from keeper.model.signed_orders import ALO, GTC
from keeper.model.terms import AT_OR_ABOVE, AT_OR_BELOW
from tests.property.execution.venue import COIN
from tests.property.execution.world import VENUES, World

D = Decimal
A, B = VENUES
BUY, SELL = 0, 1


@pytest.fixture
def world() -> Iterator[World]:
    """Marks of 1,000 at A and 1,001 at B; asks one above, bids one below."""
    made = World()
    yield made
    made.check()
    made.close()


def give(world: World, client: int = 1, *, size: str = "1", limit: int = 0, **fields: Any) -> str:
    digest = world.order(client, quantity=to_e8(D(size)), limitPrice=to_e8(D(limit)), **fields)
    assert digest is not None, "refused"
    return digest


def view(world: World, digest: str) -> OrderView:
    found = world.books.order(digest)
    assert found is not None
    return found


def resting(world: World, venue: str) -> list[tuple[str, Decimal, Decimal]]:
    """(side, size left, price) of what rests at a venue, by its own record."""
    orders = [order for order in world.venues[venue].orders.values() if order.state == "open"]
    return [(order.ticket.side, order.left, order.ticket.limit_price) for order in orders]


def children(world: World, digest: str) -> list[LegIntent]:
    return [event for event in world.events if isinstance(event, LegIntent) and event.digest == digest]


def test_a_limit_away_from_the_market_rests_where_it_is_cheapest_and_fills_when_the_price_comes(world: World) -> None:
    digest = give(world, side=BUY, limit=995, timeInForce=GTC)
    world.pass_time(1)
    assert resting(world, A) == [("buy", D(1), D(995))]
    assert view(world, digest).status == "working"
    world.venues[A].move(994)
    world.pass_time(1)
    assert (view(world, digest).status, view(world, digest).filled) == ("filled", D(1))


def test_a_limit_beyond_the_market_takes_what_it_reaches_and_rests_with_what_is_left(world: World) -> None:
    digest = give(world, side=BUY, size="5", limit=1001, timeInForce=GTC)
    world.pass_time(1)
    assert world.books.order_filled(digest) == 3
    assert resting(world, A) == [("buy", D(2), D(1001))]
    assert view(world, digest).filled == 3


def test_what_rests_is_taken_elsewhere_when_another_venue_offers_its_price(world: World) -> None:
    digest = give(world, side=BUY, limit=995, timeInForce=GTC)
    world.pass_time(1)
    assert resting(world, A)
    world.venues[B].move(993)
    world.pass_time(10)
    assert view(world, digest).status == "filled"
    assert [leg.venue for leg in children(world, digest)] == [A, B]
    assert not resting(world, A)


def test_post_only_rests_and_never_takes(world: World) -> None:
    digest = give(world, side=SELL, limit=1005, timeInForce=ALO)
    taking = give(world, side=BUY, limit=1010, timeInForce=ALO)
    world.pass_time(1)
    assert resting(world, A) == [("sell", D(1), D(1005))]
    assert (view(world, taking).status, children(world, taking)) == ("refused", [])
    assert "post-only" in view(world, taking).text
    assert view(world, digest).status == "working"


def test_a_client_takes_back_what_rests_and_keeps_what_was_filled(world: World) -> None:
    digest = give(world, side=BUY, size="3", limit=995, timeInForce=GTC)
    world.pass_time(1)
    world.venues[A].move(995)  # touches: half of it is filled
    world.pass_time(1)
    world.cancel(1, digest)
    world.pass_time(1)
    assert (view(world, digest).status, view(world, digest).filled) == ("partial", D("1.5"))
    assert view(world, digest).text == "cancelled by the client"
    assert not resting(world, A)


def test_a_deadline_ends_what_rests(world: World) -> None:
    digest = give(world, side=BUY, limit=995, timeInForce=GTC, deadline=world.clock.now_ms() // 1000 + 10)
    world.pass_time(5)
    assert view(world, digest).status == "working"
    world.pass_time(7)
    assert (view(world, digest).status, resting(world, A)) == ("expired", [])


def test_own_orders_never_meet_the_resting_one_is_withdrawn_and_comes_back(world: World) -> None:
    """H3: client 2's ask is the best of the market; client 1 buys through it from strangers behind it."""
    ask = give(world, 2, side=SELL, size="2", limit=1000, timeInForce=ALO, venues=(A,))
    world.pass_time(1)
    buy = give(world, 1, side=BUY, size="1", venues=(A,))
    world.pass_time(1)
    assert view(world, buy).status == "filled"
    assert [fill.price for fill in world.books.leg_fills(view(world, buy).legs[0])] == [D(1001)]
    reasons = [event.text for event in world.events if isinstance(event, LegCancelAsked)]
    assert reasons == [f"in the way of order {buy}"]
    assert resting(world, A) == [("sell", D(2), D(1000))]
    assert view(world, ask).legs[0] != view(world, ask).legs[1]


def test_two_resting_orders_that_would_cross_go_to_different_seats(world: World) -> None:
    give(world, 2, side=SELL, limit=1000, timeInForce=ALO, venues=(A,))
    world.pass_time(1)
    world.venues[A].depth = world.venues[B].depth = D(0)
    give(world, 1, side=BUY, limit=1000, timeInForce=GTC)
    world.pass_time(2)
    assert (resting(world, A), resting(world, B)) == ([("sell", D(1), D(1000))], [("buy", D(1), D(1000))])


def test_reduce_only_is_the_clients_own_whatever_the_seat_holds(world: World) -> None:
    """Client 2 is short as much as client 1 is long: the seat is flat, and each can close its own."""
    give(world, 1, side=BUY, size="2", venues=(A,))
    give(world, 2, side=SELL, size="2", venues=(A,))
    world.pass_time(2)
    assert world.books.seat_positions(A) == {}
    assert world.order(1, side=BUY, quantity=to_e8(D(1)), reduceOnly=True) is None
    close = give(world, 1, side=SELL, size="5", reduceOnly=True)
    world.pass_time(2)
    assert (view(world, close).status, view(world, close).filled) == ("partial", D(2))
    assert world.books.positions(1) == {}
    assert world.books.positions(2) == {(A, COIN): D(-2)}


def test_a_close_withdraws_the_clients_own_profit_taker_so_that_nothing_is_closed_twice(world: World) -> None:
    give(world, side=BUY, size="2", venues=(A,))
    world.pass_time(1)
    target = give(world, side=SELL, size="2", limit=1008, timeInForce=GTC, reduceOnly=True)
    world.pass_time(1)
    assert resting(world, A) == [("sell", D(2), D(1008))]
    part = give(world, side=SELL, size="1.5", reduceOnly=True)
    world.pass_time(1)
    assert view(world, part).status == "filled"
    assert resting(world, A) == [("sell", D("0.5"), D(1008))]
    rest = give(world, side=SELL, size="0.5", reduceOnly=True)
    world.pass_time(1)
    assert view(world, rest).status == "filled"
    assert (view(world, target).status, resting(world, A)) == ("unfilled", [])
    assert "nothing more that it would reduce" in view(world, target).text


def test_a_trigger_waits_for_the_mark_price_and_sends_nothing_before(world: World) -> None:
    terms = {"trigger": AT_OR_BELOW, "triggerPrice": to_e8(D(995))}
    give(world, side=BUY, size="2", venues=(A,))
    world.pass_time(1)
    stop = give(world, side=SELL, size="2", reduceOnly=True, terms=terms, venues=(A,))
    world.venues[A].move(996)
    world.pass_time(2)
    assert (view(world, stop).status, children(world, stop)) == ("waiting", [])
    world.venues[A].move(995)
    world.pass_time(2)
    assert (view(world, stop).status, view(world, stop).filled) == ("filled", D(2))
    assert any(isinstance(event, OrderStarted) and event.digest == stop for event in world.events)


def bracket(world: World) -> tuple[str, str, str]:
    """A long of 2 from 1,001, to be closed at 1,010 or below 995."""
    entry = give(world, side=BUY, size="2", limit=1002, timeInForce=GTC, venues=(A,))
    ends = {"after": entry, "group": entry}
    profit = give(world, side=SELL, size="2", limit=1010, timeInForce=GTC, reduceOnly=True, venues=(A,), terms=ends)
    stop = {"trigger": AT_OR_BELOW, "triggerPrice": to_e8(D(995))}
    loss = give(world, side=SELL, size="2", reduceOnly=True, venues=(A,), terms=ends | stop)
    return entry, profit, loss


def test_a_bracket_that_takes_its_profit_forgets_its_stop(world: World) -> None:
    entry, profit, loss = bracket(world)
    world.pass_time(2)
    assert view(world, entry).status == "filled"
    assert resting(world, A) == [("sell", D(2), D(1010))]
    world.venues[A].move(1012)
    world.pass_time(2)
    assert (view(world, profit).status, view(world, loss).status) == ("filled", "unfilled")
    assert world.books.positions(1) == {}


def test_a_bracket_that_stops_closes_what_its_profit_taker_has_left(world: World) -> None:
    _, profit, loss = bracket(world)
    world.pass_time(2)
    world.venues[A].move(1010)  # half of the profit is taken
    world.pass_time(1)
    world.venues[A].move(994)
    world.pass_time(3)
    assert (view(world, profit).filled, view(world, loss).filled) == (D(1), D(1))
    assert (view(world, profit).status, view(world, loss).status) == ("partial", "partial")
    assert world.books.positions(1) == {}


def test_a_bracket_whose_entry_never_filled_ends_with_it(world: World) -> None:
    entry = give(world, side=BUY, limit=990, timeInForce=GTC)
    exit_ = give(world, side=SELL, reduceOnly=True, terms={"after": entry})
    world.pass_time(1)
    world.cancel(1, entry)
    world.pass_time(1)
    assert (view(world, entry).status, view(world, exit_).status) == ("cancelled", "unfilled")
    assert "ended cancelled" in view(world, exit_).text


def test_a_reversal_opens_only_when_all_is_closed(world: World) -> None:
    give(world, side=BUY, size="2", venues=(A,))
    world.pass_time(1)
    close = give(world, side=SELL, size="2", reduceOnly=True, venues=(A,))
    turn = give(world, side=SELL, size="3", venues=(A,), terms={"after": close, "afterWhole": True})
    world.pass_time(5)
    assert (view(world, close).status, view(world, turn).status) == ("filled", "filled")
    assert world.books.positions(1) == {(A, COIN): D(-3)}


def test_slices_come_one_by_one_within_their_share_of_the_depth(world: World) -> None:
    terms = {"slices": 4, "duration": 40, "participationBps": 1_000}
    block = give(world, side=BUY, size="4", venues=(A,), terms=terms)
    filled = []
    for _ in range(5):
        world.pass_time(9.9)
        world.venues[A].refill()
        filled.append(world.books.order_filled(block))
    assert filled[:3] == [D(1), D(2), D(3)]
    assert view(world, block).status == "filled"
    most = D("2.1")  # a tenth of 3 + 6 + 12
    assert all(leg.size <= most for leg in children(world, block))
    greedy = give(world, side=BUY, size="9", venues=(A,), terms=terms | {"slices": 1, "duration": 1})
    world.pass_time(0.5)
    assert children(world, greedy)[0].size == most


def test_a_modified_order_counts_what_the_old_one_filled(world: World) -> None:
    old = give(world, side=BUY, size="4", limit=995, timeInForce=GTC, venues=(A,))
    world.pass_time(1)
    world.venues[A].move(995)
    world.pass_time(1)
    assert world.books.order_filled(old) == 2
    new = give(world, side=BUY, size="5", limit=990, timeInForce=GTC, venues=(A,), terms={"replaces": old})
    world.pass_time(2)
    assert (view(world, old).status, view(world, old).text) == ("partial", f"replaced by order {new}")
    assert resting(world, A) == [("buy", D(3), D(990))]


def test_a_cancel_and_a_fill_at_once_are_told_apart_by_the_venue(world: World) -> None:
    digest = give(world, side=BUY, size="2", limit=995, timeInForce=GTC, venues=(A,))
    world.pass_time(1)
    world.venues[A].faults.append("late")
    world.cancel(1, digest)
    world.pass_time(0.5)
    world.venues[A].move(990)
    world.pass_time(5)
    assert (view(world, digest).status, view(world, digest).filled) == ("filled", D(2))


def test_a_fill_that_comes_before_the_answer_is_booked_once(world: World) -> None:
    world.venues[A].faults.append("unanswered")
    digest = give(world, side=BUY, venues=(A,))
    world.pass_time(0.5)
    assert world.books.order_filled(digest) == 1
    assert view(world, digest).filled == 0
    world.pass_time(5)
    assert (view(world, digest).status, len(world.books.fills(A))) == ("filled", 1)


def test_a_venue_in_doubt_leaves_routing_and_comes_back_when_it_answers(world: World) -> None:
    """A is cheaper, but what it does is not known: the next order goes to B at once, and A's is not sent again."""
    world.venues[A].faults.append("lost")
    first = give(world, side=BUY)
    world.pass_time(1.5)
    assert not world.engine.health.usable(A)
    second = give(world, 2, side=BUY)
    world.pass_time(1)
    assert [leg.venue for leg in children(world, second)] == [B]
    world.pass_time(10)
    assert world.engine.health.usable(A)
    assert [(leg.venue, leg.attempt) for leg in children(world, first)] == [(A, 0), (A, 1)]
    assert view(world, first).status == "filled"


def test_a_silent_venue_leaves_routing_within_a_heartbeat_and_keeps_its_positions_in_margin(world: World) -> None:
    give(world, side=BUY, size="2", venues=(A,))
    held = give(world, side=BUY, size="1", limit=990, timeInForce=GTC, venues=(A,))
    world.pass_time(2)
    before = world.requirement(1)
    world.venues[A].down = True
    world.pass_time(6.1)  # the beat under way, and one whole period
    assert not world.engine.health.usable(A)
    assert world.books.positions(1) == {(A, COIN): D(2)}
    assert world.requirement(1) > before
    other = give(world, side=BUY)
    world.pass_time(1)
    assert [leg.venue for leg in children(world, other)] == [B]
    world.venues[A].down = False
    world.pass_time(4)
    assert world.engine.health.usable(A)
    assert len(children(world, held)) == 1
    world.venues[A].move(985)
    world.pass_time(2)
    assert view(world, held).status == "filled"


def test_a_crash_leaves_what_rests_where_it_is(world: World) -> None:
    digest = give(world, side=BUY, size="2", limit=995, timeInForce=GTC, venues=(A,))
    world.pass_time(1)
    world.crash()
    world.venues[A].move(990)
    world.pass_time(6)
    assert (view(world, digest).status, len(children(world, digest))) == ("filled", 1)


def test_margin_is_checked_again_when_a_trigger_fires(world: World) -> None:
    terms = {"trigger": AT_OR_ABOVE, "triggerPrice": to_e8(D(1003))}
    late = give(world, side=BUY, size="700", terms=terms)
    assert world.order(1, side=BUY, quantity=to_e8(D(900)), limitPrice=to_e8(D(990)), timeInForce=GTC) is None
    give(world, side=BUY, size="500", limit=990, timeInForce=GTC)
    for name in VENUES:
        world.venues[name].move(1004)
    world.pass_time(2)
    assert (view(world, late).status, children(world, late)) == ("refused", [])
    assert "margin" in view(world, late).text


def test_one_slippage_bound_holds_over_all_rounds(world: World) -> None:
    digest = give(world, side=BUY, size="12", maxSlippageBps=20, venues=(A,))
    world.pass_time(0.1)
    world.venues[A].move(1005)
    world.pass_time(5)
    routes = [event for event in world.events if isinstance(event, RouteDecided) and event.digest == digest]
    assert {event.decision["request"]["reference_price"] for event in routes} == {"1000"}
    assert all(leg.limit_price <= 1002 for leg in children(world, digest))
    assert view(world, digest).status == "partial"
