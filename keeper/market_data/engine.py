"""Keeps books, prices and oracles of every venue current from its stream; after each connect, resyncs by REST."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal

import structlog

from keeper.clock import Clock
from keeper.errors import UnknownOutcome, VenueError
from keeper.market_data.books import MAX_AGE_S, BookState, LiveBook
from keeper.market_data.oracle import OracleHistory
from keeper.market_data.quotes import venue_quote
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import Fill
from keeper.routing import VenueQuote
from keeper.venues.base import (
    Book,
    BookUpdate,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    MarketContext,
    MarketDataClient,
    StreamEvent,
)

log = structlog.get_logger()

OnConnect = Callable[[str], Awaitable[None]]
OnFills = Callable[[str, tuple[Fill, ...], bool], Awaitable[None]]

MAX_MARK_AGE_S = 30.0


class _Venue:
    """What is known of one venue."""

    def __init__(self, client: MarketDataClient, coins: Collection[str], max_age_s: float) -> None:
        self.client = client
        self.connected = False
        self.reason = "not connected yet"
        self.instruments: dict[str, Instrument] = {}
        self.books = {coin: LiveBook(max_age_s) for coin in coins}
        self.contexts: dict[str, MarketContext] = {}
        self.context_seen_s: dict[str, float] = {}
        self.oracles = {coin: OracleHistory() for coin in coins}
        self.untimed: list[MarketContext] = []


class MarketDataEngine:
    """`start()` learns the instruments (and fails clearly when a venue is down), `run()` streams until cancelled.

    `on_connect(venue)` is awaited after every connect, `on_fills(venue, fills, snapshot)` for pushed fills; both
    may be set after construction (execution sets them).
    """

    def __init__(
        self,
        clients: Sequence[MarketDataClient],
        coins: Collection[str],
        clock: Clock,
        *,
        max_book_age_s: float = MAX_AGE_S,
        max_mark_age_s: float = MAX_MARK_AGE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._venues = {client.venue: _Venue(client, coins, max_book_age_s) for client in clients}
        self._coins = tuple(coins)
        self._clock = clock
        self._max_mark_age_s = max_mark_age_s
        self._monotonic = monotonic
        self.on_connect: OnConnect | None = None
        self.on_fills: OnFills | None = None

    @property
    def venues(self) -> tuple[str, ...]:
        return tuple(self._venues)

    async def start(self) -> None:
        """Instruments and first prices of every venue. Raises what a read raises."""
        for venue in self._venues.values():
            found = {item.coin: item for item in await venue.client.instruments()}
            venue.instruments = {coin: found[coin] for coin in self._coins if coin in found}
            await self._resync(venue)

    async def run(self) -> None:
        """Streams from every venue until cancelled; ends with IntegrityError when records contradict each other."""
        async with asyncio.TaskGroup() as tasks:
            for venue in self._venues.values():
                tasks.create_task(self._follow(venue))

    def instruments(self) -> dict[str, dict[str, Instrument]]:
        """By venue, then coin."""
        return {name: dict(venue.instruments) for name, venue in self._venues.items()}

    def instrument(self, venue: str, coin: str) -> Instrument | None:
        return self._venues[venue].instruments.get(coin)

    def context(self, venue: str, coin: str) -> MarketContext | None:
        """The last one seen, however old."""
        return self._venues[venue].contexts.get(coin)

    def marks(self) -> dict[tuple[str, str], Decimal]:
        """The last mark price seen of every (venue, coin), however old: see `stale`."""
        return {
            (name, coin): context.mark
            for name, venue in self._venues.items()
            for coin, context in venue.contexts.items()
        }

    def stale(self) -> frozenset[tuple[str, str]]:
        """Those whose mark price is older than allowed: no new risk on them, wider haircuts."""
        now = self._monotonic()
        return frozenset(
            (name, coin)
            for name, venue in self._venues.items()
            for coin in venue.contexts
            if now - venue.context_seen_s[coin] > self._max_mark_age_s
        )

    def book(self, venue: str, coin: str) -> Book | None:
        """The book, if it is LIVE."""
        return self._venues[venue].books[coin].book if self.state(venue, coin) is BookState.LIVE else None

    def state(self, venue: str, coin: str) -> BookState:
        known = self._venues[venue].books.get(coin)
        return BookState.SYNCING if known is None else known.state(self._monotonic())

    def oracle_at(self, venue: str, coin: str, time_ms: int) -> Decimal | None:
        """The last oracle price seen at or before that venue time + 100 ms."""
        history = self._venues[venue].oracles.get(coin)
        return history.at(time_ms) if history else None

    def quotes(
        self,
        coin: str,
        side: Side,
        *,
        taker_bps: Mapping[str, Decimal],
        holding_hours: int,
        max_quantity: Mapping[str, Decimal | None],
        venues: Iterable[str] = (),
    ) -> list[VenueQuote]:
        """Quotes of the venues (all when none are named) that list the coin, have a LIVE book and a fresh mark.

        `taker_bps` by venue (a venue without it is left out); `max_quantity` caps a leg, None or absent = no cap.
        """
        now_ms, stale, found = self._clock.now_ms(), self.stale(), []
        for name in venues or self._venues:
            known = self._venues.get(name)
            if known is None or name not in taker_bps or (name, coin) in stale:
                continue
            book, instrument, context = self.book(name, coin), known.instruments.get(coin), known.contexts.get(coin)
            if book is None or instrument is None or context is None:
                continue
            quote = venue_quote(
                book,
                side,
                instrument,
                context,
                taker_bps=taker_bps[name],
                now_ms=now_ms,
                holding_hours=holding_hours,
                max_quantity=max_quantity.get(name),
            )
            found.append(quote)
        return found

    def health(self) -> dict[str, str]:
        """By venue: `up`, or why not."""
        return {name: "up" if venue.connected else venue.reason for name, venue in self._venues.items()}

    async def _follow(self, venue: _Venue) -> None:
        async with aclosing(venue.client.stream(tuple(venue.instruments))) as events:
            async for event in events:
                await self._apply(venue, event)

    async def _apply(self, venue: _Venue, event: StreamEvent) -> None:
        name = venue.client.venue
        match event:
            case Connected():
                venue.connected = True
                self._out_of_step(venue)
                await self._resynced(venue)
            case Disconnected():
                venue.connected, venue.reason = False, event.reason
                self._out_of_step(venue)
                log.warning("venue_stream_down", venue=name, reason=event.reason)
            case BookUpdate():
                self._take_book(venue, event.book)
            case ContextUpdate():
                self._take_context(venue, event.context)
                venue.untimed.append(event.context)
            case FillsUpdate():
                await self._take_fills(name, event)

    async def _take_fills(self, venue: str, event: FillsUpdate) -> None:
        """What cannot be booked now is fetched by whoever waits for the fill, or after the next connect."""
        try:
            if self.on_fills is not None:
                await self.on_fills(venue, event.fills, event.snapshot)
        except (UnknownOutcome, VenueError) as error:
            log.warning("venue_fills_unread", venue=venue, error=str(error))

    async def _resynced(self, venue: _Venue) -> None:
        """A resync that fails leaves the books SYNCING until the stream fills them."""
        try:
            await self._resync(venue)
            if self.on_connect is not None:
                await self.on_connect(venue.client.venue)
        except (UnknownOutcome, VenueError) as error:
            log.warning("venue_resync_failed", venue=venue.client.venue, error=str(error))

    async def _resync(self, venue: _Venue) -> None:
        contexts = await venue.client.contexts()
        for coin in venue.instruments:
            book = await venue.client.book(coin)
            venue.books[coin].apply(book, self._monotonic())
            if coin in contexts:
                self._take_context(venue, contexts[coin])

    def _out_of_step(self, venue: _Venue) -> None:
        for book in venue.books.values():
            book.resync()
        venue.untimed.clear()

    def _take_book(self, venue: _Venue, book: Book) -> None:
        """A book's time is also that of the contexts sent just before it: contexts come without one."""
        if book.coin in venue.books:
            venue.books[book.coin].apply(book, self._monotonic())
        for context in venue.untimed:
            if context.coin in venue.oracles:
                venue.oracles[context.coin].add(book.time_ms, context.oracle)
        venue.untimed.clear()

    def _take_context(self, venue: _Venue, context: MarketContext) -> None:
        if context.coin in venue.oracles:
            venue.contexts[context.coin] = context
            venue.context_seen_s[context.coin] = self._monotonic()
