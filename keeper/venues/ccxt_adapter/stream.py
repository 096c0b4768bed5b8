"""ccxt's watched books, polled contexts and the seat's fills as one stream of events.

ccxt watches per call and never says that a channel has gone silent, so each call has a limit of its own; whatever
fails ends the connection as a whole, and the next begins after a pause with full jitter.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from keeper.errors import IntegrityError, UnknownOutcome, VenueError
from keeper.venues.base import BookUpdate, Connected, ContextUpdate, Disconnected, FillsUpdate, StreamEvent, Unreadable
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.exchange import UNREADABLE

if TYPE_CHECKING:
    from keeper.venues.ccxt_adapter.read_client import CcxtReadClient

log = structlog.get_logger()

BOOK_SILENCE_S = 15.0
CONTEXT_EVERY_S = 5.0
FILLS_EVERY_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
DEPTH = 20
LOOK_EVERY_S = 0.2
"""How often the watchers are looked at while nothing comes."""

Queue = asyncio.Queue[StreamEvent]


async def stream(client: "CcxtReadClient", coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
    """Events for ever: Connected, updates, Disconnected, then again."""
    dice = random.Random()  # noqa: S311 - spreads reconnects, decides nothing
    attempt = 0
    while True:
        queue: Queue = asyncio.Queue()
        tasks = [asyncio.ensure_future(_books(client, coin, queue)) for coin in coins]
        tasks += [asyncio.ensure_future(_contexts(client, coins, queue)), asyncio.ensure_future(_fills(client, queue))]
        spoke = False
        try:
            yield Connected()
            while not any(task.done() for task in tasks) or not queue.empty():
                event = await _next(queue)
                if event is not None:
                    spoke = True
                    yield event
            reasons = [str(task.exception()) for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(client.feed.close_ws_clients(), client.exchange.close_ws_clients())
        yield Disconnected(reasons[0])
        attempt = 0 if spoke else attempt + 1
        await asyncio.sleep(dice.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))


async def _next(queue: Queue) -> StreamEvent | None:
    """The next event; None when there is none for a moment."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_EVERY_S):
            return await queue.get()
    return None


async def _books(client: "CcxtReadClient", coin: str, queue: Queue) -> None:
    """A book that cannot be read is logged and left out: its channel then goes stale."""
    item = client.item(coin)
    while True:
        try:
            async with asyncio.timeout(BOOK_SILENCE_S):
                raw = await client.once(client.feed, "watch_order_book", item.market, DEPTH)
        except TimeoutError as error:
            raise UnknownOutcome(f"{item.market}: no word on its book for {BOOK_SILENCE_S:g} s") from error
        except UnknownOutcome as error:
            if UNREADABLE in str(error):
                queue.put_nowait(Unreadable("book", str(error), coin))
            raise
        try:
            queue.put_nowait(BookUpdate(records.book(client.venue, item, raw, client.clock_ms())))
        except (IntegrityError, UnknownOutcome) as error:
            log.error("venue_stream_unreadable", venue=client.venue, market=item.market, error=str(error))
            queue.put_nowait(Unreadable("book", str(error), coin))


async def _contexts(client: "CcxtReadClient", coins: Sequence[str], queue: Queue) -> None:
    while True:
        known = await client.contexts()
        for coin in coins:
            if coin in known:
                queue.put_nowait(ContextUpdate(known[coin]))
        await asyncio.sleep(CONTEXT_EVERY_S)


async def _fills(client: "CcxtReadClient", queue: Queue) -> None:
    """A push only says that there are fills: they are read anew, whole and in order; so they are without one."""
    if not client.has_key:
        await asyncio.Event().wait()  # nothing to tell; ends with the others
    since = await client.now_ms()
    seen: set[int] = set()
    first = True
    while True:
        if not first:
            await _wait_for_a_push(client)
        first = False
        try:
            fresh = [one for one in await client.fills(since) if one.tid not in seen]
        except VenueError as error:
            raise UnknownOutcome(f"fills: {error}") from error
        if fresh:
            seen |= {one.tid for one in fresh}
            since = max(since, fresh[-1].time_ms)
            queue.put_nowait(FillsUpdate(tuple(fresh), False))


async def _wait_for_a_push(client: "CcxtReadClient") -> None:
    if not client.quirks.watches_fills:
        await asyncio.sleep(FILLS_EVERY_S)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(FILLS_EVERY_S):
            await client.once(client.exchange, "watch_my_trades")
