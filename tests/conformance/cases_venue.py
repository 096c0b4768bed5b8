"""C-89 to C-109: what the venue itself does wrong, each fault of its admin port by name. No silent staleness, no order
twice, no fill lost; and it is over when the fault is."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from keeper.market_data import MarketDataEngine
from keeper.model.amounts import micro_floor
from keeper.model.instruments import Side
from keeper.venues.base import Confirmed, FillsUpdate, Outcome, Refused, Unknown
from tests.conformance.cases import case
from tests.conformance.harness import BOOKS, World, eventually

DAY_MS = 24 * 3_600_000
OLDEST_S = 6.0
"""3 s, and what the fastest frame of a connection takes on a busy machine."""
SIDES: tuple[Side, ...] = ("buy", "sell")


async def _submit(w: World, kind: str, *, ms: int = 0) -> tuple[Outcome, Decimal]:
    """One order that meets the fault, and what the venue has filled of it. It is one order at most, sent once."""
    leg = await w.leg("buy")
    await w.do(w.server.fault, kind, 1, ms)
    sent = w.proxy.commands
    try:
        outcome = await w.execution.submit(leg)
    finally:
        await w.do(w.server.admin, "clear_faults")
    assert w.proxy.commands <= sent + 1
    fills = [fill for fill in await w.truth.execution.fills(0) if fill.cloid == leg.cloid]
    assert len({fill.oid for fill in fills}) <= 1, "one order"
    filled = sum((fill.size for fill in fills), Decimal(0))
    assert filled in (0, leg.size)
    assert await w.account.fills(0) == await w.truth.account.fills(0)
    report = await w.execution.status(leg.cloid) if filled else None
    assert report is None or report.filled == filled
    return outcome, filled


@asynccontextmanager
async def _setting(w: World, name: str, *, off: dict[str, Any], **on: Any) -> AsyncIterator[None]:
    """A setting of the venue for as long as the context lasts."""
    await w.do(lambda: w.server.admin(name, **on))
    try:
        yield
    finally:
        await w.do(lambda: w.server.admin(name, **off))


@case(89, "delay: a request that the venue is slow with is an ordinary one", "server_faults")
async def delay(w: World) -> None:
    outcome, filled = await _submit(w, "delay", ms=300)
    assert isinstance(outcome, Confirmed)
    assert outcome.filled == filled == w.size()


@case(90, "drop: a request that the venue never processes is Unknown and no order", "server_faults")
async def drop(w: World) -> None:
    outcome, filled = await _submit(w, "drop_request")
    assert isinstance(outcome, Unknown)
    assert filled == 0


@case(91, "duplicate: a request that the venue processes twice is one order", "server_faults")
async def duplicate(w: World) -> None:
    outcome, filled = await _submit(w, "duplicate")
    assert not isinstance(outcome, Refused)
    assert filled == w.size()


@case(92, "reorder: requests that overtake each other are both themselves", "server_faults")
async def reorder(w: World) -> None:
    legs = [await w.leg(side) for side in SIDES]
    await w.do(w.server.fault, "reorder", 1, 600)
    try:
        outcomes = await asyncio.gather(*(w.execution.submit(leg) for leg in legs))
    finally:
        await w.do(w.server.admin, "clear_faults")
    for leg, outcome in zip(legs, outcomes, strict=True):
        assert isinstance(outcome, Confirmed), outcome
        assert await w.filled(leg.cloid) == outcome.filled == leg.size
    assert (await w.account.state()).positions == ()


@case(93, "half-open: a request that is never answered is Unknown after the command's patience", "server_faults")
async def half_open(w: World) -> None:
    outcome, filled = await _submit(w, "half_open", ms=round(w.adapter.timeout_s * 1_000) + 500)
    assert isinstance(outcome, Unknown)
    assert filled == 0


@case(94, "429: the venue's own is Unknown and no order", "server_faults")
async def too_many(w: World) -> None:
    outcome, filled = await _submit(w, "too_many")
    assert isinstance(outcome, Unknown)
    assert filled == 0


@case(95, "5xx before acceptance is Unknown and no order", "server_faults")
async def error(w: World) -> None:
    outcome, filled = await _submit(w, "error")
    assert isinstance(outcome, Unknown)
    assert filled == 0


@case(96, "5xx after acceptance is Unknown and one order", "server_faults")
async def error_after(w: World) -> None:
    outcome, filled = await _submit(w, "error_after")
    assert isinstance(outcome, Unknown)
    assert filled == w.size()


async def _frames(w: World, kind: str, count: int) -> None:
    """While frames meet the fault, and after it, a LIVE book is never older than one seen before, and never old."""
    async with w.engine(max_age_s=3.0) as engine:
        venue_ms, at_s = await w.truth.market.now_ms(), time.monotonic()
        await w.do(w.server.fault, kind, count)
        times: list[int] = []
        for _ in range(50):
            book = engine.book(w.market.venue, w.coin)
            if book is not None:
                times.append(book.time_ms)
                age_s = (venue_ms - book.time_ms) / 1000 + time.monotonic() - at_s
                assert age_s < OLDEST_S, f"a LIVE book is {age_s:.1f} s old"
            await asyncio.sleep(0.05)
        await w.do(w.server.admin, "clear_faults")
        await eventually(lambda: w.is_live(engine))
        assert times == sorted(times)


@case(97, "drop: frames that the venue loses leave no old book LIVE", "server_faults")
async def frames_dropped(w: World) -> None:
    await _frames(w, "ws_drop", 6)


@case(98, "duplicate: frames that the venue sends twice change nothing", "server_faults")
async def frames_doubled(w: World) -> None:
    await _frames(w, "ws_duplicate", 6)


@case(99, "reorder: frames that the venue sends out of order bring no older book back", "server_faults")
async def frames_reordered(w: World) -> None:
    await _frames(w, "ws_reorder", 6)


@case(100, "wrong sequence: a frame of earlier number and time brings no older book back", "server_faults")
async def wrong_sequence(w: World) -> None:
    await _frames(w, "ws_repeat_old", 6)


@case(
    101, "half-open socket: silence behind an open socket is STALE, and the next connection heals it", "server_faults"
)
async def socket_half_open(w: World) -> None:
    async with w.engine(max_age_s=1.5) as engine:
        await w.do(w.server.fault, "ws_half_open", 8)
        await eventually(lambda: not w.is_live(engine))
        await w.do(w.server.admin, "clear_faults")
        await w.proxy.hang_up()  # what the silence monitor does by itself after its longer patience
        await eventually(lambda: w.is_live(engine))


@case(102, "stale book: a venue that stops publishing is STALE, told, and LIVE again after it", "server_faults")
async def stale_book(w: World) -> None:
    async with w.engine(max_age_s=1.5) as engine:
        async with _setting(w, "venue", stale=True, off={"stale": False}):
            await eventually(lambda: "no newer book" in engine.why_not_live(w.market.venue, w.coin))
            assert not w.is_live(engine)
        await eventually(lambda: w.is_live(engine))


@case(103, "clock skew: orders keep to the venue's clock, and its books stay usable", "server_faults")
async def clock_skew(w: World) -> None:
    async with w.engine(max_age_s=10.0) as engine:
        right = await w.truth.market.now_ms()
        async with _setting(w, "venue", skew_ms=4_000, off={"skew_ms": 0}):
            ahead = await w.execution.now_ms()
            leg = await w.leg("buy")
            assert ahead > right + 3_000
            outcome = await w.execution.submit(leg)
            assert isinstance(outcome, Confirmed)
            assert outcome.filled == await w.filled(leg.cloid) == leg.size
        assert await w.truth.market.now_ms() >= ahead, "a venue's time stands still rather than going back"
        await asyncio.sleep(4.5)
        await eventually(lambda: w.is_live(engine))


@case(104, "halted market: an order is refused in the venue's words, until trading goes on", "server_faults")
async def halted(w: World) -> None:
    async with _setting(w, "market", coin=w.coin, halted=True, off={"coin": w.coin, "halted": False}):
        leg = await w.leg("buy")
        outcome = await w.execution.submit(leg)
        assert isinstance(outcome, Refused), outcome
        assert outcome.text
        assert await w.filled(leg.cloid) == 0
    assert isinstance(await w.execution.submit(await w.leg("buy")), Confirmed)


@case(105, "frozen withdrawals: the seat trades on, and its equity stays what it is", "server_faults")
async def frozen_withdrawals(w: World) -> None:
    async with _setting(w, "venue", withdrawals_frozen=True, off={"withdrawals_frozen": False}):
        for side in SIDES:
            assert isinstance(await w.execution.submit(await w.leg(side)), Confirmed)
        frozen, fills = await w.account.state(), await w.account.fills(0)
        assert frozen.positions == ()
        assert fills == await w.truth.account.fills(0)
        flows = sum(micro_floor(-fill.signed_size * fill.price) - fill.fee for fill in fills)
        paid = sum(row.amount for row in await w.account.funding(0))
        assert abs(frozen.equity + frozen.spot - w.seat.funded - flows - paid) <= len(fills)
        if "exact_pnl" in w.adapter.capabilities:
            told = sum(fill.closed_pnl - fill.fee for fill in fills)
            assert abs(frozen.equity + frozen.spot - w.seat.funded - told - paid) <= len(fills)
    assert (await w.account.state()).equity == frozen.equity


@case(106, "ADL: a position closed by the venue is a fill, pushed and read, and the position is what is left",
      "server_faults", "stream_fills")  # fmt: skip
async def deleveraged(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        await w.execution.submit(await w.leg("buy"))
        await w.do(lambda: w.server.admin("adl", account=w.seat.account, coin=w.coin))
        known = await w.account.fills(0)
        assert sum(fill.signed_size for fill in known) == 0
        assert [fill for fill in known if fill.cloid is None and fill.side == "sell"]
        assert (await w.account.state()).positions == ()

        def pushed() -> set[int]:
            updates = [event for event in tap.of(FillsUpdate) if isinstance(event, FillsUpdate)]
            return {fill.tid for update in updates for fill in update.fills}

        await eventually(lambda: {fill.tid for fill in known} <= pushed())


@case(107, "funding flip: who received pays, as the rate that the venue settles says", "server_faults", "advance")
async def funding_flip(w: World) -> None:
    await w.execution.submit(await w.leg("buy"))
    since = await w.market.now_ms()
    await w.do(w.server.advance, DAY_MS // 3)
    turned = await w.market.now_ms()
    async with _setting(w, "venue", funding_flip=True, off={"funding_flip": False}):
        await w.do(w.server.advance, DAY_MS // 3)
    rows = await w.account.funding(since)
    before, after = ([row for row in rows if (row.time_ms <= turned) == early] for early in (True, False))
    assert before
    assert after
    assert all(row.amount * row.size * row.rate <= 0 for row in rows), "longs pay a positive rate"
    assert before[-1].rate * after[-1].rate < 0


@case(108, "oracle lag: mark and book stay current, and orders fill by them", "server_faults")
async def oracle_lag(w: World) -> None:
    async with w.engine(max_age_s=5.0) as engine:
        off = {"coin": w.coin, "oracle_lag_ms": 0}
        async with _setting(w, "market", coin=w.coin, oracle_lag_ms=20_000, off=off):
            await w.do(w.server.freeze, False)
            try:
                await asyncio.sleep(2)
            finally:
                await w.do(w.server.freeze, True)
            leg = await w.leg("buy")
            outcome = await w.execution.submit(leg)
            assert isinstance(outcome, Confirmed)
            assert outcome.filled == await w.filled(leg.cloid) == leg.size
            await eventually(lambda: w.is_live(engine))
            assert _fresh(w, engine)


@case(109, "depth collapse: an order beyond what is left is filled as far as it goes, and no more", "server_faults")
async def depth_collapse(w: World) -> None:
    book = await w.book()
    price = (await w.instrument()).round_price(book.asks[0][0] * Decimal("1.01"), "buy")
    most = sum((size for _, size in book.asks), Decimal(0))
    async with w.engine(max_age_s=5.0) as engine:
        async with _setting(w, "market", coin=w.coin, depth=0.0001, off={"coin": w.coin, "depth": 1.0}):
            await eventually(lambda: (_offered(w, engine) or Decimal(0)) < most / 100)
            leg = await w.leg("buy", price=price)
            outcome = await w.execution.submit(leg)
            filled = await w.filled(leg.cloid)
            assert filled <= leg.size
            if isinstance(outcome, Confirmed):
                assert outcome.filled == filled
            else:
                assert isinstance(outcome, Refused)
                assert filled == 0
        await eventually(lambda: (_offered(w, engine) or Decimal(0)) > most / 100)


def _offered(w: World, engine: MarketDataEngine) -> Decimal | None:
    """What a LIVE book offers; None without one."""
    book = engine.book(w.market.venue, w.coin)
    return None if book is None else sum((size for _, size in book.asks), Decimal(0))


def _fresh(w: World, engine: MarketDataEngine) -> bool:
    return (w.market.venue, w.coin) not in engine.stale()
