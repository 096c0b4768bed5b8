"""C-67 to C-88: the stream, and what the market data engine makes of it when it breaks, lies or falls silent."""

import asyncio
import random
from collections.abc import Callable, Sequence

from keeper.market_data import BookState, MarketDataEngine
from keeper.venues.base import (
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    Unreadable,
)
from tests.conformance.cases import case
from tests.conformance.harness import BOOKS, World, eventually
from tests.conformance.proxy import by_chance, in_pairs_swapped, not_numbers, renamed, truncated, unbent


@case(67, "the stream says that it is connected, then brings books of every coin")
async def books(w: World) -> None:
    async with w.streaming(w.adapter.coins) as tap:
        await eventually(lambda: {coin for coin, _ in tap.books()} == set(w.adapter.coins))
        assert isinstance(tap.events[0], Connected)


@case(68, "the stream brings prices and rates of every coin", "stream_contexts")
async def stream_contexts(w: World) -> None:
    async with w.streaming(w.adapter.coins) as tap:
        await eventually(
            lambda: (
                {e.context.coin for e in tap.of(ContextUpdate) if isinstance(e, ContextUpdate)} == set(w.adapter.coins)
            )
        )


@case(69, "times of streamed books never go back")
async def book_times(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS, 3)
        times = [time_ms for _, time_ms in tap.books()]
        assert times == sorted(times)


@case(70, "a fill is pushed, once, as a request shows it", "stream_fills")
async def pushed_fill(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        leg = await w.leg("buy")
        await w.execution.submit(leg)
        fresh: Callable[[], list[object]] = lambda: [  # noqa: E731
            fill
            for event in tap.of(FillsUpdate)
            if isinstance(event, FillsUpdate) and not event.snapshot
            for fill in event.fills
        ]
        await eventually(lambda: bool(fresh()))
        assert fresh() == await w.truth.account.fills(0)


@case(71, "after a break it says so, connects again and goes on")
async def comes_back(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        since = len(tap.events)
        await w.proxy.hang_up()
        await tap.wait(Disconnected, since=since)
        await tap.wait(Connected, since=since)
        await tap.wait(BOOKS, since=since)


@case(72, "fills missed while it was down are seen after it", "stream_fills")
async def missed_fills(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        w.proxy.refuse_sockets = True
        await w.proxy.hang_up()
        await tap.wait(Disconnected)
        leg = await w.leg("buy")
        await w.execution.submit(leg)
        since = len(tap.events)
        w.proxy.refuse_sockets = False
        await tap.wait(Connected, since=since)
        known = {fill.cloid for fill in await w.account.fills(0)}
        assert leg.cloid in known  # what the engine asks for at each connect


@case(73, "a stream that is closed leaves nothing running")
async def closes(w: World) -> None:
    before = len(asyncio.all_tasks())
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
    await eventually(lambda: len(asyncio.all_tasks()) <= before + 2)  # the proxy's own end of the bridge may linger


async def _survives(w: World, bend: Callable[[str], Sequence[str]]) -> None:
    """Bent frames are Unreadable or a new connection, and good ones count again afterwards."""
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        since = len(tap.events)
        w.proxy.bend = bend
        await eventually(lambda: bool(tap.of(Unreadable, since) or tap.of(Disconnected, since)))
        w.proxy.bend = unbent
        healed = len(tap.events)
        await tap.wait(BOOKS, since=healed)


@case(74, "half a frame is unreadable, and the stream goes on")
async def half_frame(w: World) -> None:
    await _survives(w, truncated)


@case(75, "a frame that is no message is unreadable")
async def noise_frame(w: World) -> None:
    await _survives(w, lambda _: ("\x00{{[", ""))


@case(76, "a frame with renamed fields is unreadable")
async def renamed_frame(w: World) -> None:
    await _survives(w, lambda text: (renamed(text),))


@case(77, "a frame whose numbers are none is unreadable")
async def nan_frame(w: World) -> None:
    await _survives(w, lambda text: (not_numbers(text),))


@case(78, "a frame nested 100,000 deep does no harm")
async def deep_frame(w: World) -> None:
    await _survives(w, lambda _: ("[" * 100_000,))


@case(79, "a frame of 20 MB does no harm")
async def huge_frame(w: World) -> None:
    async with w.streaming() as tap:
        await tap.wait(BOOKS)
        since = len(tap.events)
        await w.proxy.inject('{"channel":"x","data":"' + "9" * 20_000_000 + '"}')
        await eventually(lambda: bool(tap.of(Unreadable, since) or tap.of(Disconnected, since)))
        await tap.wait(BOOKS, since=len(tap.events))


async def _not_live(w: World, engine: MarketDataEngine, within_s: float = 8.0) -> None:
    await eventually(lambda: not w.is_live(engine), within_s)
    assert engine.book(w.market.venue, w.coin) is None


@case(80, "a half-open connection: the book is STALE by its age, though the socket stands")
async def half_open(w: World) -> None:
    async with w.engine(max_age_s=1.5) as engine:
        w.proxy.mute = True
        await _not_live(w, engine)
        assert engine.state(w.market.venue, w.coin) is BookState.STALE
        w.proxy.mute = False
        await eventually(lambda: w.is_live(engine))


KIND = 20
"""So many characters tell the kinds of a venue's frames apart well enough."""


@case(81, "the same old book again and again is STALE")
async def replay(w: World) -> None:
    async with w.engine(max_age_s=1.5) as engine:
        old = {text[:KIND]: text for text in w.proxy.seen}
        newest = w.proxy.seen[-1]
        w.proxy.bend = lambda text: (old.get(text[:KIND], newest),)
        await _not_live(w, engine)


@case(82, "frames that arrive ever later are STALE, though they never stop")
async def late_stream(w: World) -> None:
    async with w.engine(max_age_s=1.5) as engine:
        held: list[str] = []

        def late(text: str) -> Sequence[str]:
            held.append(text)
            return (held[len(held) // 3],)

        w.proxy.bend = late
        await _not_live(w, engine, 20.0)


@case(83, "a crossed book is never LIVE", bend="crossed")
async def crossed(w: World) -> None:
    async with w.engine(max_age_s=5.0) as engine:
        cross = w.adapter.bend["crossed"]
        w.proxy.bend = lambda text: (cross(text) or text,)
        await _not_live(w, engine)
        w.proxy.bend = unbent
        await eventually(lambda: w.is_live(engine))


@case(84, "a rate that is really an open interest is refused", "stream_contexts", bend="rate_is_open_interest")
async def wrong_rate(w: World) -> None:
    async with w.engine(max_age_s=5.0) as engine:
        before = engine.context(w.market.venue, w.coin)
        assert before is not None
        wrong = w.adapter.bend["rate_is_open_interest"]
        w.proxy.bend = lambda text: (wrong(text) or text,)
        await eventually(lambda: (w.market.venue, w.coin) in engine.stale())
        after = engine.context(w.market.venue, w.coin)
        assert after is not None
        assert abs(after.funding) < 1
        assert "implausible" in {alert.kind for alert in engine.alerts.recent}


@case(85, "an unreadable stream makes the book STALE at once, and counts and alerts")
async def unreadable_is_stale(w: World) -> None:
    async with w.engine(max_age_s=30.0) as engine:
        w.proxy.bend = lambda text: (renamed(text),)
        await _not_live(w, engine)
        assert {alert.kind for alert in engine.alerts.recent} & {"unreadable", "implausible"}


@case(86, "frames that arrive twice change nothing")
async def doubled(w: World) -> None:
    async with w.engine() as engine:
        w.proxy.bend = lambda text: (text, text)
        await asyncio.sleep(1.5)
        assert w.is_live(engine)


@case(87, "frames out of order never bring an older book back")
async def reordered(w: World) -> None:
    async with w.engine(max_age_s=10.0) as engine:
        w.proxy.bend = in_pairs_swapped()
        times: list[int] = []
        for _ in range(60):
            book = engine.book(w.market.venue, w.coin)
            times += [book.time_ms] if book else []
            await asyncio.sleep(0.05)
        assert times == sorted(times)


@case(88, "whatever happens to frames, a LIVE book is one that the venue sent lately")
async def no_silent_staleness(w: World) -> None:
    async with w.engine(max_age_s=2.0) as engine:
        w.proxy.bend = by_chance(random.Random(88), 0.5)
        for _ in range(60):
            now_ms, book = await w.truth.market.now_ms(), engine.book(w.market.venue, w.coin)
            if book is not None:
                assert now_ms - book.time_ms < 5_000  # 2 s, and what the fastest frame takes on a busy machine
            await asyncio.sleep(0.05)
        w.proxy.bend = unbent
        await eventually(lambda: w.is_live(engine))
