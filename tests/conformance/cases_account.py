"""C-13 to C-24: what a seat holds, has done and was paid."""

import asyncio

from keeper.model.amounts import micro_floor
from keeper.venues.base import Confirmed, Refused
from tests.conformance.cases import case
from tests.conformance.harness import Clients, World

HOUR_MS = 3_600_000


@case(13, "a fresh seat holds what was deposited and nothing else")
async def fresh_seat(w: World) -> None:
    state = await w.account.state()
    assert state.equity + state.spot == w.seat.funded
    assert state.positions == ()
    assert state.venue == w.market.venue


@case(14, "a fresh seat has no fills and no payments")
async def no_history(w: World) -> None:
    assert await w.account.fills(0) == []
    assert await w.account.funding(0) == []


@case(15, "the ledger explains the deposit to the micro-dollar")
async def deposit_row(w: World) -> None:
    rows = await w.account.ledger(0)
    assert sum(row.amount for row in rows) == w.seat.funded
    assert all(row.reference for row in rows)


@case(16, "fees are told in basis points")
async def fees(w: World) -> None:
    rates = await w.account.fees()
    assert -10 <= rates.maker_bps <= rates.taker_bps <= 100


@case(17, "a position is the sum of its fills")
async def position(w: World) -> None:
    for side in ("buy", "buy", "sell"):
        await w.execution.submit(await w.leg(side))
    (held,) = (await w.account.state()).positions
    fills = await w.account.fills(0)
    assert (held.coin, held.size) == (w.coin, sum(fill.signed_size for fill in fills))
    assert held.size == w.size()


@case(18, "equity is cash and positions at mark prices")
async def equity(w: World) -> None:
    await w.execution.submit(await w.leg("sell"))
    state, contexts = await w.account.state(), await w.market.contexts()
    worth = sum(micro_floor(item.size * contexts[item.coin].mark) for item in state.positions)
    assert abs(state.equity - state.cash - worth) <= 1 + len(state.positions)


@case(19, "cash changes by price, size and fee of each fill, exactly")
async def cash(w: World) -> None:
    before = (await w.account.state()).cash
    for side in ("buy", "sell"):
        await w.execution.submit(await w.leg(side))
    spent = sum(micro_floor(fill.signed_size * fill.price) + fill.fee for fill in await w.account.fills(0))
    assert abs(before - (await w.account.state()).cash - spent) <= 2


@case(20, "fills come oldest first, each trade once, within an inclusive range")
async def fill_range(w: World) -> None:
    for side in ("buy", "sell", "buy"):
        await w.execution.submit(await w.leg(side))
    fills = await w.account.fills(0)
    times = [fill.time_ms for fill in fills]
    assert times == sorted(times)
    assert len({fill.tid for fill in fills}) == len(fills)
    assert await w.account.fills(times[-1]) == [fill for fill in fills if fill.time_ms == times[-1]]
    assert await w.account.fills(0, times[0]) == [fill for fill in fills if fill.time_ms == times[0]]
    assert await w.account.fills(times[-1] + 1) == []
    assert await w.execution.fills(0) == fills


@case(21, "each fill starts at the position that the one before left")
async def position_chain(w: World) -> None:
    for side in ("buy", "sell", "sell", "buy"):
        await w.execution.submit(await w.leg(side))
    held = w.size() * 0
    for fill in await w.account.fills(0):
        assert fill.start_position == held
        held += fill.signed_size


@case(22, "a funding payment is −size × oracle × rate, on the hour", "advance")
async def funding_payment(w: World) -> None:
    await w.execution.submit(await w.leg("buy"))
    since = await w.market.now_ms()
    await w.do(w.server.advance, HOUR_MS + 60_000)
    (row, *_) = await w.account.funding(since)
    rate = next(item for item in await w.market.funding_rates(w.coin, since) if abs(item.time_ms - row.time_ms) < 2_000)
    oracle = (await w.market.contexts())[w.coin].oracle
    assert (row.coin, row.size, row.rate) == (w.coin, w.size(), rate.rate)
    expected = micro_floor(-row.size * oracle * row.rate)
    assert abs(row.amount - expected) <= max(2, abs(expected) // 100)  # the oracle has moved a little since


@case(23, "leverage is set, and an impossible one refused", "leverage")
async def leverage(w: World) -> None:
    assert isinstance(await w.clients.account.set_leverage(w.coin, 3), Confirmed)
    await w.execution.submit(await w.leg("buy"))
    (held,) = (await w.account.state()).positions
    assert held.leverage == 3
    assert isinstance(await w.clients.account.set_leverage(w.coin, 100_000), Refused)


@case(24, "another seat's records are not this one's")
async def another_seat(w: World) -> None:
    await w.execution.submit(await w.leg("buy"))
    seat = await asyncio.to_thread(w.server.new_seat)
    other: Clients = await w.adapter.connect(w.server.url, seat)
    try:
        assert await other.account.fills(0) == []
        assert (await other.account.state()).positions == ()
    finally:
        await other.close()
