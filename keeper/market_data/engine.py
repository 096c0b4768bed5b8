"""Keeps books, prices and oracles of every venue current from its stream; after each connect, resyncs by REST.

Whatever arrives is checked first (`checks`). What could not be read, or cannot be true, is counted and alerted, becomes
no price, and makes STALE what it was about; the next message that can be believed ends that.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import partial

import msgspec
import structlog

from keeper.clock import Clock
from keeper.errors import ConfigError, UnknownOutcome, VenueError
from keeper.market_data.books import MAX_AGE_S, BookState, is_crossed
from keeper.market_data.checks import book_fault, context_fault, delta_fault
from keeper.market_data.composite import CompositeIndex, IndexSource, composite_index
from keeper.market_data.mark_replica import MarkReplica
from keeper.market_data.mark_watch import MarkWatch
from keeper.market_data.quotes import venue_quote
from keeper.market_data.registry import InstrumentRegistry
from keeper.market_data.venue_state import NEVER, VenueState
from keeper.model.coins import base_of, our_name
from keeper.model.instruments import Instrument, Side
from keeper.model.market_prices import FundingQuote, IndexPrice, LastPrice, MarkPrice, Prices, next_instant
from keeper.model.venue_records import Fill
from keeper.monitoring import metrics
from keeper.monitoring.alerts import Alerts
from keeper.routing import VenueQuote
from keeper.venues.base import (
    Book,
    BookDelta,
    BookDeltaUpdate,
    BookUpdate,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    MarketContext,
    MarketDataClient,
    StreamEvent,
    Tapped,
    Unreadable,
)

log = structlog.get_logger()

OnConnect = Callable[[str], Awaitable[None]]
OnBook = Callable[[Book], None]
OnFills = Callable[[str, tuple[Fill, ...], bool], Awaitable[None]]

MAX_MARK_AGE_S = 30.0
REFETCH_EVERY_S = 1.0


class MarketDataEngine:
    """`start()` learns the instruments (and fails clearly when a venue is down), `run()` streams until cancelled.

    `mark_rules` by venue: what its mark price ought to be. A mark that leaves its own rule, or an oracle price that the
    composite index of three venues or more holds back, is alerted and not quoted until it is back.
    `on_book(book)` is told of every book that can be believed, where the adapter can do it before the book is kept;
    `on_connect(venue)` is awaited after every connect, `on_fills(venue, fills, snapshot)` for pushed fills; all
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
        alerts: Alerts | None = None,
        mark_rules: Mapping[str, Callable[[], MarkReplica]] | None = None,
    ) -> None:
        self._venues = {client.venue: VenueState(client, coins, max_book_age_s) for client in clients}
        self.coins = tuple(coins)
        self.registry = InstrumentRegistry()
        self._clock = clock
        self._max_mark_age_s = max_mark_age_s
        self._monotonic = monotonic
        self.alerts = alerts or Alerts(monotonic)
        self._watch = MarkWatch(mark_rules or {}, self.alerts)
        for venue in self._venues.values():
            if isinstance(venue.client, Tapped):
                venue.client.tap = partial(self._offer, venue)
        self.on_book: OnBook | None = None
        self.on_connect: OnConnect | None = None
        self.on_fills: OnFills | None = None

    @property
    def venues(self) -> tuple[str, ...]:
        return tuple(self._venues)

    async def start(self) -> None:
        """Instruments and first prices of every venue. Raises what a read raises; ConfigError for a coin that is not
        asked for by our name, or that a venue lists so that it could be taken for another."""
        for coin in self.coins:
            if coin != our_name(coin):
                raise ConfigError(f"coins: {coin} is {our_name(coin)} here; name it so")
        for venue in self._venues.values():
            venue.instruments = self._listed(venue.client.venue, await venue.client.instruments())
            await self._resync(venue)

    def _listed(self, venue: str, instruments: Iterable[Instrument]) -> dict[str, Instrument]:
        """The wanted ones, by coin; registers them and whatever else is of the same base coins."""
        bases = {base_of(coin)[0] for coin in self.coins}
        for item in instruments:
            if base_of(item.coin)[0] in bases:
                self.registry.add(item)
        found = {coin: self.registry.named(venue, coin) for coin in self.coins}
        return {coin: listing.instrument for coin, listing in found.items() if listing is not None}

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

    def prices(self, venue: str, coin: str) -> Prices | None:
        """The three prices last seen, each as its own type, however old."""
        known = self._venues[venue]
        context = known.contexts.get(coin)
        if context is None:
            return None
        seen_ms = known.context_seen_ms[coin]
        last = None if context.last is None else LastPrice(context.last, seen_ms)
        return Prices(MarkPrice(context.mark, seen_ms), IndexPrice(context.oracle, seen_ms), last)

    def funding(self, venue: str, coin: str) -> FundingQuote | None:
        """The rate as it stands, with all that makes it one; None where its venue never told it."""
        context = self._venues[venue].contexts.get(coin)
        if context is None:
            return None
        interval = context.funding_interval_ms
        return FundingQuote(
            rate=context.funding,
            interval_ms=interval,
            next_ms=context.next_funding_ms or next_instant(self._clock.now_ms(), interval),
            method=context.funding_method or "not stated by the adapter",
            formula=context.funding_formula or "unstated/0",
        )

    def composite(self, coin: str) -> CompositeIndex | None:
        """The index of all venues that list the coin in any multiple, each once, weighed by open interest (or equally,
        where one of them does not tell it); None without a fresh one."""
        now, unit = self._monotonic(), base_of(coin)[1]
        sources: dict[str, IndexSource] = {}
        for listing in self.registry.listings(coin):
            venue = self._venues[listing.venue]
            context = venue.contexts.get(listing.instrument.coin)
            if context is None or (listing.venue in sources and listing.multiplier != unit):
                continue
            price, weight = listing.base_price(context.oracle) * unit, listing.base_size(context.open_interest)
            age_s = now - venue.context_seen_s[context.coin]
            sources[listing.venue] = IndexSource(listing.venue, price, weight, age_s)
        found = list(sources.values())
        if not all(source.weight > 0 for source in found):
            found = [msgspec.structs.replace(source, weight=Decimal(1)) for source in found]
        return composite_index(found, self._clock.now_ms())

    def doubt(self, venue: str, coin: str) -> str:
        """Why the venue's fresh prices of the coin are not relied on for new risk; empty when they are."""
        return self._doubt(venue, coin, self.composite(coin))

    def _doubt(self, venue: str, coin: str, index: CompositeIndex | None) -> str:
        apart = self._watch.apart(venue, coin)
        if apart:
            return apart
        context = self._venues[venue].contexts.get(coin)
        if context is not None and index is not None and not index.degraded and venue in index.beyond:
            return f"index: {context.oracle} is far from that of {index.sources} venues ({index.price.value:.8g})"
        return ""

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

    def why_not_live(self, venue: str, coin: str) -> str:
        """Why the book may not be quoted from; empty when it may."""
        known = self._venues[venue].books.get(coin)
        return "no such book" if known is None else known.why(self._monotonic())

    def why_not_quoted(self, venue: str, coin: str) -> str:
        """Why a venue that lists the coin gives no quote of it now; empty when it gives one."""
        if self.context(venue, coin) is None or (venue, coin) in self.stale():
            return "no fresh mark price"
        return self.why_not_live(venue, coin) or self.doubt(venue, coin)

    def not_ready(self) -> dict[tuple[str, str], str]:
        """By (venue, coin): why it is not quoted yet, or will not stay so. Books that were asked for before the stream
        is connected count for nothing, since they begin anew with it."""
        return {
            (name, coin): why
            for name, venue in self._venues.items()
            for coin in venue.instruments
            if (why := self.why_not_quoted(name, coin) if venue.connected else venue.reason)
        }

    def oracle_at(self, venue: str, coin: str, time_ms: int) -> Decimal | None:
        """The last oracle price seen at or before that venue time + 100 ms, else the first one after it."""
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
        """Quotes of the venues (all when none are named) that list the coin, have a LIVE book and fresh prices that
        nothing speaks against.

        `taker_bps` by venue (a venue without it is left out); `max_quantity` caps a leg, None or absent = no cap.
        """
        now_ms, stale, index, found = self._clock.now_ms(), self.stale(), self.composite(coin), []
        for name in venues or self._venues:
            known = self._venues.get(name)
            if known is None or name not in taker_bps or (name, coin) in stale or self._doubt(name, coin, index):
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

    async def _follow(self, venue: VenueState) -> None:
        async with aclosing(venue.client.stream(tuple(venue.instruments))) as events:
            async for event in events:
                await self._apply(venue, event)

    async def _apply(self, venue: VenueState, event: StreamEvent) -> None:
        name = venue.client.venue
        match event:
            case Connected():
                venue.connected = True
                self._out_of_step(venue)
                await self._resynced(venue)
            case Disconnected():
                venue.connected, venue.reason = False, event.reason
                self._out_of_step(venue)
                metrics.stream_breaks.labels(name).inc()
                self.alerts.raise_alert("stream_down", name, event.reason)
            case BookUpdate():
                if not isinstance(venue.client, Tapped):
                    self._offer(venue, event.book)
                self._take_book(venue, event.book)
            case BookDeltaUpdate():
                await self._take_delta(venue, event.delta)
            case ContextUpdate():
                if self._take_context(venue, event.context):
                    venue.untimed.append(event.context)
            case Unreadable():
                self._unreadable(venue, event)
            case FillsUpdate():
                await self._take_fills(name, event)
        if venue.fills_doubtful and venue.connected:
            await self._ask_for_fills(venue)

    async def _take_fills(self, venue: str, event: FillsUpdate) -> None:
        """What cannot be booked now is fetched by whoever waits for the fill, or after the next connect."""
        try:
            if self.on_fills is not None:
                await self.on_fills(venue, event.fills, event.snapshot)
        except (UnknownOutcome, VenueError) as error:
            log.warning("venue_fills_unread", venue=venue, error=str(error))

    async def _ask_for_fills(self, venue: VenueState) -> None:
        """Private data are fetched again, as after a connect; at most once a second."""
        now = self._monotonic()
        if now - venue.fills_asked_s < REFETCH_EVERY_S:
            return
        venue.fills_asked_s = now
        try:
            if self.on_connect is not None:
                await self.on_connect(venue.client.venue)
            venue.fills_doubtful = False
        except (UnknownOutcome, VenueError) as error:
            self.alerts.raise_alert("resync_failed", venue.client.venue, str(error))

    async def _resynced(self, venue: VenueState) -> None:
        """A resync that fails leaves the books SYNCING until the stream fills them."""
        try:
            await self._resync(venue)
            if self.on_connect is not None:
                await self.on_connect(venue.client.venue)
        except (UnknownOutcome, VenueError) as error:
            venue.fills_doubtful = True
            self.alerts.raise_alert("resync_failed", venue.client.venue, str(error))

    async def _resync(self, venue: VenueState) -> None:
        asked_s = self._monotonic()
        venue_ms = await venue.client.now_ms()
        for live in venue.books.values():
            live.told(venue_ms, asked_s, self._monotonic())
        contexts = await venue.client.contexts()
        for coin in venue.instruments:
            if coin in contexts:
                self._take_context(venue, contexts[coin])
            self._take_book(venue, await venue.client.book(coin))

    def _out_of_step(self, venue: VenueState) -> None:
        for book in venue.books.values():
            book.resync()
        venue.untimed.clear()

    def _offer(self, venue: VenueState, book: Book) -> None:
        if self.on_book is None or not venue.connected or book.coin not in venue.books:
            return
        if not is_crossed(book) and book_fault(book, self._fresh_mark(venue, book.coin)) is None:
            self.on_book(book)

    def _take_book(self, venue: VenueState, book: Book) -> None:
        """A book's time is also that of the contexts sent just before it: contexts come without one."""
        live = venue.books.get(book.coin)
        if live is None:
            return
        fault = book_fault(book, self._fresh_mark(venue, book.coin))
        if fault:
            self._implausible(venue, book.coin, "book", fault)
            return
        live.apply(book, self._monotonic())
        for context in venue.untimed:
            venue.oracles[context.coin].add(book.time_ms, context.oracle)
        venue.untimed.clear()

    async def _take_delta(self, venue: VenueState, delta: BookDelta) -> None:
        live = venue.books.get(delta.coin)
        if live is None:
            return
        fault = delta_fault(delta)
        if fault:
            self._implausible(venue, delta.coin, "delta", fault)
            live.resync()  # the changes after it do not fit any more
            return
        live.apply_delta(delta, self._monotonic())
        if live.needs_snapshot:
            await self._refetch(venue, delta.coin)

    async def _refetch(self, venue: VenueState, coin: str) -> None:
        """The whole book by REST, at most once a second: until then it is not LIVE."""
        now = self._monotonic()
        if now - venue.refetched_s.get(coin, NEVER) < REFETCH_EVERY_S:
            return
        venue.refetched_s[coin] = now
        metrics.book_resyncs.labels(venue.client.venue).inc()
        try:
            self._take_book(venue, await venue.client.book(coin))
        except (UnknownOutcome, VenueError) as error:
            self.alerts.raise_alert("resync_failed", f"{venue.client.venue} {coin}", str(error))

    def _take_context(self, venue: VenueState, context: MarketContext) -> bool:
        """False = of no coin of ours, or not believed."""
        coin, now = context.coin, self._monotonic()
        if coin not in venue.oracles:
            return False
        is_young = now - venue.believed_s.get(coin, NEVER) <= self._max_mark_age_s
        fault = context_fault(context, venue.contexts.get(coin) if is_young else None)
        if fault:
            self._implausible(venue, coin, "context", fault)
            return False
        venue.contexts[coin], venue.context_seen_s[coin], venue.believed_s[coin] = context, now, now
        venue.context_seen_ms[coin] = self._clock.now_ms()
        book = self.book(venue.client.venue, coin)
        if book is not None:
            self._watch.observe(venue.client.venue, context, book, venue.context_seen_ms[coin])
        return True

    def _fresh_mark(self, venue: VenueState, coin: str) -> Decimal | None:
        is_fresh = self._monotonic() - venue.context_seen_s.get(coin, NEVER) <= self._max_mark_age_s
        return venue.contexts[coin].mark if is_fresh else None

    def _implausible(self, venue: VenueState, coin: str, channel: str, fault: str) -> None:
        name = venue.client.venue
        metrics.unreadable.labels(name, channel).inc()
        self.alerts.raise_alert("implausible", f"{name} {coin}", f"{channel}: {fault}")
        self._distrust(venue, coin, fault)

    def _unreadable(self, venue: VenueState, event: Unreadable) -> None:
        """What it was about is STALE; when it does not say, everything of the venue is, and it may have held fills."""
        name = venue.client.venue
        metrics.unreadable.labels(name, event.channel).inc()
        self.alerts.raise_alert("unreadable", f"{name} {event.channel}", event.reason)
        coins = venue.books if event.coin is None else [event.coin] if event.coin in venue.books else []
        venue.fills_doubtful = venue.fills_doubtful or event.coin is None
        for coin in coins:
            self._distrust(venue, coin, f"unreadable {event.channel}: {event.reason}")

    def _distrust(self, venue: VenueState, coin: str, reason: str) -> None:
        """Neither its book nor its mark is current until the next good message of each."""
        venue.books[coin].distrust(reason[:200])
        if coin in venue.context_seen_s:
            venue.context_seen_s[coin] = NEVER
