"""Orders against a venue that loses messages: every fill booked once, no order sent twice, no leg left behind."""

import asyncio
from decimal import Decimal
from functools import cached_property

import pytest

from keeper.errors import InputError
from keeper.ledger import Books
from keeper.model.events import FillSeen, LegIntent, OrderClosed
from keeper.venues.base import Confirmed, Outcome, Refused
from keeper.venues.hyperliquid.execution import HyperliquidClient
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import Desk, Journal, open_desk, opening, signed

pytestmark = pytest.mark.usefixtures("still_prices")


def seat_size(venue: SimVenue, coin: str = "BTC") -> Decimal:
    state = venue.info("clearinghouseState", user=venue.seat)
    held = (item["position"] for item in state["assetPositions"])
    return sum((Decimal(position["szi"]) for position in held if position["coin"] == coin), Decimal(0))


def own_fills(journal: Journal) -> list[tuple[str, int]]:
    cloids = {leg.cloid for leg in journal.legs()}
    return [(event.fill.venue, event.fill.tid) for event in journal.fills() if event.fill.cloid in cloids]


async def test_an_order_is_filled_and_booked_as_the_venue_says(desk: Desk, sim_venue: SimVenue) -> None:
    before = seat_size(sim_venue)
    view = await desk.engine.submit(signed(size="0.02"))
    assert (view.status, view.filled) == ("filled", Decimal("0.02"))
    assert seat_size(sim_venue) - before == Decimal("0.02")
    books: Books = desk.journal.books
    assert books.position(1, sim_venue.venue_id, "BTC") == Decimal("0.02")
    assert [end.outcome for end in desk.journal.leg_ends()] == ["filled"]
    assert view.route is not None
    assert view.route["plan"]["certificate"]["gap"] == "0"


async def test_a_lost_acknowledgement_books_one_fill_and_sends_no_second_order(desk: Desk, sim_venue: SimVenue) -> None:
    before = seat_size(sim_venue)
    sim_venue.fault("drop_ack")
    view = await desk.engine.submit(signed(size="0.03"))
    assert (view.status, view.filled) == ("filled", Decimal("0.03"))
    assert seat_size(sim_venue) - before == Decimal("0.03")
    assert [leg.attempt for leg in desk.journal.legs()] == [0]
    assert len(set(own_fills(desk.journal))) == len(own_fills(desk.journal))


async def test_a_lost_request_is_proven_absent_and_sent_once_more(desk: Desk, sim_venue: SimVenue) -> None:
    before = seat_size(sim_venue)
    sim_venue.fault("drop_request")
    view = await desk.engine.submit(signed(size="0.01"))
    assert (view.status, view.filled) == ("filled", Decimal("0.01"))
    assert seat_size(sim_venue) - before == Decimal("0.01")
    first, second = desk.journal.legs()
    assert (first.attempt, second.attempt) == (0, 1)
    assert (first.size, first.limit_price, first.leg) == (second.size, second.limit_price, second.leg)
    assert first.cloid != second.cloid
    assert [end.outcome for end in desk.journal.leg_ends()] == ["absent", "filled"]


async def test_an_answer_after_the_timeout_is_no_refusal(patient_desk: Desk, sim_venue: SimVenue) -> None:
    """The request is processed, but after our patience and within its expiry."""
    sim_venue.fault("delay", ms=550)
    view = await patient_desk.engine.submit(signed(size="0.01"))
    assert view.filled == Decimal("0.01")
    assert [leg.attempt for leg in patient_desk.journal.legs()] == [0]


async def test_after_two_lost_requests_the_order_is_routed_again(desk: Desk, sim_venue: SimVenue) -> None:
    before = seat_size(sim_venue)
    sim_venue.fault("drop_request", count=2)
    view = await desk.engine.submit(signed(size="0.01"))
    assert (view.status, view.filled, view.rounds) == ("filled", Decimal("0.01"), 2)
    assert seat_size(sim_venue) - before == Decimal("0.01")
    assert [(leg.leg, leg.attempt) for leg in desk.journal.legs()] == [(0, 0), (0, 1), (1, 0)]
    assert [end.outcome for end in desk.journal.leg_ends()] == ["absent", "absent", "filled"]


@pytest.mark.parametrize("reached", [True, False])
async def test_killed_between_sending_and_booking(sim_venue: SimVenue, reached: bool) -> None:
    """Whether or not the order reached the venue: after the restart the books are those of an undisturbed run."""
    before = seat_size(sim_venue)
    first = await open_desk(sim_venue, Journal(opening()), client=DyingClient)
    dying = first.client
    assert isinstance(dying, DyingClient)
    dying.sends = reached
    life = asyncio.create_task(first.engine.submit(signed(size="0.04")))
    await asyncio.wait_for(dying.died.wait(), 10)
    await first.close()
    life.cancel()
    await asyncio.wait({life})
    left = tuple(event for event in first.journal.events if not isinstance(event, FillSeen))
    assert len(first.journal.books.open_legs()) == 1

    again = await open_desk(sim_venue, Journal(left))
    await again.engine.recover()
    await again.close()
    books = again.journal.books
    assert books.open_legs() == ()
    assert [(order.status, order.filled) for order in books.orders()] == [("filled", Decimal("0.04"))]
    assert books.position(1, sim_venue.venue_id, "BTC") == Decimal("0.04")
    assert len(set(own_fills(again.journal))) == len(own_fills(again.journal))
    assert [leg.attempt for leg in again.journal.legs()] == ([0] if reached else [0, 1])
    assert seat_size(sim_venue) - before == Decimal("0.04")


class DyingClient(HyperliquidClient):
    """Hangs at the first order, before or after sending it, until its process is gone."""

    sends = False

    @cached_property
    def died(self) -> asyncio.Event:
        return asyncio.Event()

    async def submit(self, leg: LegIntent) -> Outcome:
        if self.sends:
            await super().submit(leg)
        self.died.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


async def test_reduce_only_never_passes_the_own_position(desk: Desk, sim_venue: SimVenue) -> None:
    with pytest.raises(InputError, match="reduceOnly"):
        await desk.engine.submit(signed(side=1, reduce_only=True))
    await desk.engine.submit(signed(side=0, size="0.02", coin="ETH"))
    view = await desk.engine.submit(signed(side=1, size="0.05", coin="ETH", reduce_only=True))
    assert (view.status, view.filled) == ("partial", Decimal("0.02"))
    assert desk.journal.books.position(1, sim_venue.venue_id, "ETH") == 0


async def test_a_second_order_with_the_same_nonce_is_refused(desk: Desk) -> None:
    order = signed(size="0.01")
    await desk.engine.submit(order)
    with pytest.raises(InputError, match="nonce"):
        await desk.engine.submit(order)
    assert len(desk.journal.of(OrderClosed)) == 1


async def test_the_agent_sets_the_seats_leverage(desk: Desk, sim_venue: SimVenue) -> None:
    assert isinstance(await desk.client.set_leverage("ETH", 7), Confirmed)
    assert isinstance(await desk.client.set_leverage("ETH", 1000), Refused)
    await desk.engine.submit(signed(size="0.02", coin="ETH"))
    (held,) = [position for position in (await desk.client.state()).positions if position.coin == "ETH"]
    assert held.leverage == 7
