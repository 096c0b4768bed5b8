"""C-25 to C-38: orders without faults: filled, partly, not at all, refused, late, repeated, by a stranger."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import msgspec
from eth_account import Account

from keeper.errors import VenueError
from keeper.model.events import LegIntent
from keeper.venues.base import Confirmed, OrderReport, Refused, Unknown
from tests.conformance.cases import case
from tests.conformance.harness import World, new_cloid


@case(25, "a buy that crosses the book is filled, at its limit or better")
async def buy(w: World) -> None:
    leg = await w.leg("buy")
    outcome = await w.execution.submit(leg)
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == leg.size
    fills = [fill for fill in await w.account.fills(0) if fill.cloid == leg.cloid]
    assert sum(fill.size for fill in fills) == leg.size
    assert all(fill.price <= leg.limit_price and fill.side == "buy" for fill in fills)


@case(26, "a sell that crosses the book is filled, at its limit or better")
async def sell(w: World) -> None:
    leg = await w.leg("sell")
    outcome = await w.execution.submit(leg)
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == leg.size
    fills = [fill for fill in await w.account.fills(0) if fill.cloid == leg.cloid]
    assert all(fill.price >= leg.limit_price and fill.side == "sell" for fill in fills)


@case(27, "an order that nothing matches is confirmed with nothing filled")
async def unmatched(w: World) -> None:
    outcome = await w.execution.submit(await w.leg("buy", away="-0.02"))
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == 0
    assert await w.account.fills(0) == []


@case(28, "an order is found by its client id, with what was filled")
async def status(w: World) -> None:
    leg = await w.leg("buy")
    await w.execution.submit(leg)
    report = await _report(w, leg.cloid)
    assert (report.state, report.filled, report.size, report.side) == ("filled", leg.size, leg.size, "buy")
    assert report.is_final


@case(29, "an order that matched nothing is final too")
async def status_unmatched(w: World) -> None:
    leg = await w.leg("sell", away="-0.02")
    await w.execution.submit(leg)
    report = await w.execution.status(leg.cloid)
    assert report is None or (report.is_final and report.filled == 0)


@case(30, "an order never sent is unknown to the venue")
async def status_unknown(w: World) -> None:
    assert await w.execution.status(new_cloid()) is None


@case(31, "a size off the lot is refused and nothing happens")
async def off_lot(w: World) -> None:
    leg = await w.leg("buy")
    instrument = await w.instrument()
    await _refused(w, msgspec.structs.replace(leg, size=leg.size + instrument.lot_size / 2))


@case(32, "a price off the tick is refused and nothing happens")
async def off_tick(w: World) -> None:
    leg = await w.leg("buy")
    tick = (await w.instrument()).tick_size(leg.limit_price)
    await _refused(w, msgspec.structs.replace(leg, limit_price=leg.limit_price + tick / 2))


@case(33, "an order below the least notional is refused")
async def too_small(w: World) -> None:
    instrument = await w.instrument()
    await _refused(w, await w.leg("buy", size=instrument.lot_size))


@case(34, "an order beyond the margin is refused")
async def no_margin(w: World) -> None:
    instrument, best = await w.instrument(), (await w.book()).asks[0][0]
    beyond = Decimal(w.seat.funded) / 1_000_000 / best * 200
    await _refused(w, await w.leg("buy", size=instrument.round_size(beyond)))


@case(35, "an unlisted coin is refused and nothing is sent")
async def unlisted(w: World) -> None:
    sent = w.proxy.commands
    leg = msgspec.structs.replace(await w.leg("buy"), coin="NOSUCHCOIN")
    assert isinstance(await w.execution.submit(leg), Refused)
    assert w.proxy.commands == sent


@case(36, "an order that comes after its expiry is never executed", "expiry")
async def expired(w: World) -> None:
    leg = await w.leg("buy", life_ms=-1_000)
    assert isinstance(await w.execution.submit(leg), Refused)
    assert await w.filled(leg.cloid) == 0


@case(37, "a key that the seat did not approve trades nothing")
async def stranger(w: World) -> None:
    seat = replace(w.seat, key="0x" + bytes(Account.create().key).hex())
    try:
        clients = await w.adapter.connect(w.server.url, seat)
    except VenueError:
        return  # not even let in
    try:
        leg = await w.leg("buy")
        assert isinstance(await clients.execution.submit(leg), Refused)
        assert await w.filled(leg.cloid) == 0
    finally:
        await clients.close()


@case(38, "twenty orders at once: each filled once, no number used twice")
async def concurrent(w: World) -> None:
    legs = [await w.leg("buy" if n % 2 else "sell") for n in range(20)]
    assert len({leg.nonce for leg in legs}) == len(legs)
    outcomes = await asyncio.gather(*(w.execution.submit(leg) for leg in legs))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Unknown)]
    fills = await w.account.fills(0)
    for leg, outcome in zip(legs, outcomes, strict=True):
        assert isinstance(outcome, Confirmed), outcome
        assert sum((fill.size for fill in fills if fill.cloid == leg.cloid), Decimal(0)) == outcome.filled


async def _report(w: World, cloid: str) -> OrderReport:
    report = await w.execution.status(cloid)
    assert report is not None
    return report


async def _refused(w: World, leg: LegIntent) -> None:
    outcome = await w.execution.submit(leg)
    assert isinstance(outcome, Refused), outcome
    assert outcome.text
    assert await w.account.fills(0) == []
    assert (await w.account.state()).equity + (await w.account.state()).spot == w.seat.funded
