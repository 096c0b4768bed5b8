"""C-47 to C-66: lost, late, doubled and bent answers. A command may be Unknown, never wrongly Refused or Confirmed; a
read is repeated, or fails whole."""

import pytest

from keeper.errors import UnknownOutcome, VenueError
from keeper.venues.base import Confirmed, Refused, Unknown
from tests.conformance.cases import case
from tests.conformance.harness import World
from tests.conformance.proxy import HttpFault


async def _unknown(w: World, fault: HttpFault, *, done: bool, seconds: float = 0.0) -> None:
    """The outcome is Unknown; the venue's own record then tells which it was, and shows one order at most."""
    leg = await w.leg("buy")
    w.proxy.order(fault, seconds=seconds)
    sent = w.proxy.commands
    outcome = await w.execution.submit(leg)
    assert isinstance(outcome, Unknown), outcome
    assert w.proxy.commands == sent + 1, "a command is sent once"
    report = await w.execution.status(leg.cloid)
    assert (report is not None) == done
    assert await w.filled(leg.cloid) == (leg.size if done else 0)


@case(47, "a lost answer is Unknown, and the order is found")
async def lost_answer(w: World) -> None:
    await _unknown(w, "lost_answer", done=True)


@case(48, "a lost request is Unknown, and no order is found")
async def lost_request(w: World) -> None:
    await _unknown(w, "lost_request", done=False)


@case(49, "an answer after the timeout is Unknown, and the order is found")
async def late_answer(w: World) -> None:
    await _unknown(w, "late_answer", done=True, seconds=w.adapter.timeout_s + 0.5)


@case(50, "a 429 is Unknown")
async def too_many(w: World) -> None:
    await _unknown(w, "429", done=False)


@case(51, "a 503 with a JSON body is Unknown")
async def unavailable(w: World) -> None:
    await _unknown(w, "500_before", done=False)


@case(52, "a 500 after acceptance is Unknown, and the order is found")
async def error_after(w: World) -> None:
    await _unknown(w, "500_after", done=True)


@case(53, "a gateway's page after acceptance is Unknown")
async def page_after(w: World) -> None:
    await _unknown(w, "html_after", done=True)


@case(54, "half an answer is Unknown")
async def half_answer(w: World) -> None:
    await _unknown(w, "truncated", done=True)


@case(55, "an answer that is no text is Unknown")
async def noise(w: World) -> None:
    await _unknown(w, "garbage", done=True)


@case(56, "an empty answer is Unknown")
async def empty(w: World) -> None:
    await _unknown(w, "empty", done=True)


@case(57, "an answer with renamed fields is Unknown")
async def renamed_answer(w: World) -> None:
    await _unknown(w, "renamed", done=True)


@case(58, "an answer whose numbers are none is Unknown")
async def not_a_number(w: World) -> None:
    await _unknown(w, "not_a_number", done=True)


@case(59, "a request that arrives twice is one order", "nonces")
async def twice(w: World) -> None:
    leg = await w.leg("buy")
    w.proxy.order("twice")
    outcome = await w.execution.submit(leg)
    assert not isinstance(outcome, Refused), "the first copy was executed"
    assert await w.filled(leg.cloid) == leg.size


@case(60, "a request that arrives twice is confirmed by the first answer", "nonces")
async def twice_first(w: World) -> None:
    leg = await w.leg("buy")
    w.proxy.order("twice_first")
    assert isinstance(await w.execution.submit(leg), Confirmed)
    assert await w.filled(leg.cloid) == leg.size


@case(61, "a delayed request is an ordinary one")
async def delayed(w: World) -> None:
    leg = await w.leg("buy")
    w.proxy.order("delay", seconds=0.3)
    outcome = await w.execution.submit(leg)
    assert isinstance(outcome, Confirmed)
    assert outcome.filled == leg.size


@case(62, "a read is repeated over 429, 500 and broken connections")
async def read_repeated(w: World) -> None:
    for fault in ("429", "lost_request", "500_before"):
        w.proxy.order(fault, commands=False)
        assert (await w.account.state()).equity == w.seat.funded


@case(63, "a read that cannot be understood fails whole")
async def read_unreadable(w: World) -> None:
    await w.execution.submit(await w.leg("buy"))
    for fault in ("truncated", "garbage", "renamed", "not_a_number", "empty"):
        w.proxy.order(fault, commands=False)
        with pytest.raises((UnknownOutcome, VenueError)):
            await w.account.fills(0)
        assert len(await w.account.fills(0)) == len(await w.truth.account.fills(0))


@case(64, "a book that cannot be understood is no book")
async def book_unreadable(w: World) -> None:
    for fault in ("truncated", "garbage", "renamed", "not_a_number", "empty"):
        w.proxy.order(fault, commands=False)
        with pytest.raises((UnknownOutcome, VenueError)):
            await w.market.book(w.coin)


@case(65, "a lost cancel is Unknown, and the order is still there", "resting")
async def lost_cancel(w: World) -> None:
    ticket = await w.ticket("buy", "gtc", "-0.02")
    await w.resting.place(ticket)
    w.proxy.order("lost_request")
    assert isinstance(await w.resting.cancel(w.coin, cloid=ticket.cloid), Unknown)
    assert len(await w.resting.open_orders()) == 1
    w.proxy.order("lost_answer")
    assert isinstance(await w.resting.cancel(w.coin, cloid=ticket.cloid), Unknown)
    assert await w.resting.open_orders() == []


@case(66, "an acknowledgement that the venue itself loses is Unknown", "server_faults")
async def venue_loses(w: World) -> None:
    leg = await w.leg("buy")
    await w.do(w.server.fault, "drop_ack")
    assert isinstance(await w.execution.submit(leg), Unknown)
    assert await w.filled(leg.cloid) == leg.size
