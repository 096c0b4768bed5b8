"""C-39 to C-46: orders that rest, and taking them back."""

from keeper.venues.base import Confirmed, Refused
from tests.conformance.cases import case
from tests.conformance.harness import World, new_cloid


@case(39, "an order away from the book rests and is shown", "resting")
async def rests(w: World) -> None:
    ticket = await w.ticket("buy", "gtc", "-0.02")
    outcome = await w.resting.place(ticket)
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == 0
    (order,) = await w.resting.open_orders()
    assert (order.cloid, order.side, order.size, order.left) == (ticket.cloid, "buy", ticket.size, ticket.size)
    assert order.limit_price == ticket.limit_price


@case(40, "a resting order is open by its status", "resting")
async def status_open(w: World) -> None:
    ticket = await w.ticket("sell", "gtc", "-0.02")
    await w.resting.place(ticket)
    report = await w.execution.status(ticket.cloid)
    assert report is not None
    assert (report.state, report.is_final) == ("open", False)
    assert report.filled == 0


@case(41, "a cancel by client id takes it back", "resting")
async def cancel_by_cloid(w: World) -> None:
    ticket = await w.ticket("buy", "gtc", "-0.02")
    await w.resting.place(ticket)
    assert isinstance(await w.resting.cancel(w.coin, cloid=ticket.cloid), Confirmed)
    assert await w.resting.open_orders() == []
    report = await w.execution.status(ticket.cloid)
    assert report is not None
    assert report.state == "canceled"
    assert report.filled == 0


@case(42, "a cancel by the venue's number takes it back", "resting")
async def cancel_by_oid(w: World) -> None:
    await w.resting.place(await w.ticket("buy", "gtc", "-0.02"))
    (order,) = await w.resting.open_orders()
    assert isinstance(await w.resting.cancel(w.coin, oid=order.oid), Confirmed)
    assert await w.resting.open_orders() == []


@case(43, "what is not there cannot be cancelled", "resting")
async def cancel_twice(w: World) -> None:
    ticket = await w.ticket("buy", "gtc", "-0.02")
    await w.resting.place(ticket)
    await w.resting.cancel(w.coin, cloid=ticket.cloid)
    assert isinstance(await w.resting.cancel(w.coin, cloid=ticket.cloid), Refused)
    assert isinstance(await w.resting.cancel(w.coin, cloid=new_cloid()), Refused)


@case(44, "a post-only order that would take is refused", "resting")
async def post_only_crossing(w: World) -> None:
    ticket = await w.ticket("buy", "alo", "0.01")
    assert isinstance(await w.resting.place(ticket), Refused)
    assert await w.filled(ticket.cloid) == 0
    assert await w.resting.open_orders() == []


@case(45, "a post-only order away from the book rests", "resting")
async def post_only(w: World) -> None:
    ticket = await w.ticket("sell", "alo", "-0.02")
    assert isinstance(await w.resting.place(ticket), Confirmed)
    assert [order.cloid for order in await w.resting.open_orders()] == [ticket.cloid]


@case(46, "a good-until-cancelled order that crosses is filled at once", "resting")
async def gtc_crossing(w: World) -> None:
    ticket = await w.ticket("buy", "gtc", "0.01")
    outcome = await w.resting.place(ticket)
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == ticket.size
    assert await w.resting.open_orders() == []
