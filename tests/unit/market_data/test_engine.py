"""Quotes come from live books with fresh marks only; what a venue says after a break is fetched again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from decimal import Decimal

import msgspec
import pytest

from keeper.clock import TestClock
from keeper.errors import ConfigError, UnknownOutcome
from keeper.market_data import BookState, MarketDataEngine, inspect
from keeper.market_data.mark_replica import IndexMark
from keeper.market_data.quotes import HOUR_MS, holding_cost_bps, settlements_crossed
from keeper.model.instruments import Instrument
from keeper.model.market_prices import IndexPrice, LastPrice, MarkPrice, Prices
from keeper.model.venue_records import Fill, FundingRate
from keeper.monitoring import metrics
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
    StreamEvent,
    Unreadable,
)

D = Decimal


def book(venue: str, time_ms: int = 1, ask: str = "100.5", size: str = "2") -> Book:
    return Book(venue=venue, coin="BTC", time_ms=time_ms, bids=((D("100"), D(2)),), asks=((D(ask), D(size)),))


def context(mark: str = "100.2", funding: str = "0.0001", oracle: str = "100.3") -> MarketContext:
    return MarketContext(coin="BTC", mark=D(mark), oracle=D(oracle), funding=D(funding))


class FakeVenue:
    """A venue whose stream a test feeds."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.events: asyncio.Queue[StreamEvent] = asyncio.Queue()
        self.down = False
        self.resyncs = 0
        self.sequence: int | None = None
        self.listed = ["BTC", "DOGE"]

    async def now_ms(self) -> int:
        return 0

    async def instruments(self) -> list[Instrument]:
        return [Instrument(self.venue, coin, index, 5, 40) for index, coin in enumerate(self.listed)]

    async def contexts(self) -> dict[str, MarketContext]:
        self.resyncs += 1
        if self.down:
            raise UnknownOutcome("down")
        return {"BTC": context()}

    async def book(self, coin: str) -> Book:
        if self.down:
            raise UnknownOutcome("down")
        return msgspec.structs.replace(book(self.venue), sequence=self.sequence)

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        return []

    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        while True:
            yield await self.events.get()


class Engine:
    """The engine with two fake venues, a hand-moved monotonic clock, and its task."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.a, self.b = FakeVenue("a"), FakeVenue("b")
        self.clock = TestClock(HOUR_MS * 100)
        self.market = MarketDataEngine([self.a, self.b], ["BTC"], self.clock, monotonic=lambda: self.now_s)

    async def feed(self, venue: FakeVenue, *events: StreamEvent) -> None:
        task = asyncio.create_task(self.market.run())
        for event in events:
            venue.events.put_nowait(event)
        async with asyncio.timeout(5):
            while not venue.events.empty():  # noqa: ASYNC110
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    def quoted(self) -> list[str]:
        fees = {"a": D("4.5"), "b": D(2)}
        quotes = self.market.quotes("BTC", "buy", taker_bps=fees, holding_hours=8, max_quantity={"b": D("1.2345678")})
        quoted = [quote.venue for quote in quotes]
        assert quoted == [venue for venue in fees if not self.market.why_not_quoted(venue, "BTC")]
        return quoted


@pytest.fixture
async def engine() -> Engine:
    made = Engine()
    await made.market.start()
    return made


async def test_every_connect_asks_for_the_venues_time(engine: Engine) -> None:
    """Its clock stands at 0 when ours is at 100 s: set back since the start, so its books are not late."""
    engine.now_s = 100.0
    await engine.feed(engine.a, Disconnected("gone"), Connected(), BookUpdate(book("a", time_ms=2)))
    assert engine.market.state("a", "BTC") is BookState.LIVE


async def test_start_learns_the_wanted_coins_and_first_books(engine: Engine) -> None:
    assert set(engine.market.instruments()["a"]) == {"BTC"}
    assert engine.market.state("a", "BTC") is BookState.LIVE
    assert engine.market.marks() == {("a", "BTC"): D("100.2"), ("b", "BTC"): D("100.2")}


async def test_a_book_is_relied_on_only_once_its_stream_is_connected(engine: Engine) -> None:
    """One that was asked for at the start is LIVE, and gone for a moment when the stream begins: an order that a
    restarted keeper took up in between ended unfilled."""
    assert engine.quoted() == ["a", "b"]
    assert engine.market.not_ready() == dict.fromkeys([("a", "BTC"), ("b", "BTC")], "not connected yet")
    await engine.feed(engine.a, Connected())
    await engine.feed(engine.b, Connected())
    assert engine.market.not_ready() == {}
    engine.b.down = True
    await engine.feed(engine.b, Disconnected("gone"), Connected())
    assert engine.market.not_ready() == {("b", "BTC"): engine.market.why_not_live("b", "BTC")}
    await engine.feed(engine.b, Disconnected("gone again"))
    assert engine.market.not_ready() == {("b", "BTC"): "gone again"}


async def test_a_quote_carries_fees_funding_steps_and_caps(engine: Engine) -> None:
    fees = {"a": D("4.5"), "b": D(2)}
    a, b = engine.market.quotes("BTC", "buy", taker_bps=fees, holding_hours=8, max_quantity={"b": D("1.2345678")})
    assert a.levels == ((D("100.5"), D(2)),)
    assert (a.taker_fee_bps, a.holding_cost_bps, a.lot_size, a.tick_size) == (D("4.5"), D(8), D("0.00001"), D("0.1"))
    assert (a.max_quantity, b.max_quantity) == (None, D("1.23456"))
    (sold,) = engine.market.quotes("BTC", "sell", taker_bps={"a": D(1)}, holding_hours=8, max_quantity={})
    assert sold.holding_cost_bps == -8
    assert sold.levels == ((D(100), D(2)),)


async def test_an_old_book_or_an_old_mark_is_not_quoted(engine: Engine) -> None:
    engine.now_s = 9
    assert engine.quoted() == ["a", "b"]
    await engine.feed(engine.b, BookUpdate(book("b", 9_000)))
    engine.now_s = 12
    assert engine.quoted() == ["b"]
    engine.now_s = 31
    await engine.feed(engine.b, BookUpdate(book("b", 31_000)))
    assert engine.quoted() == []
    assert engine.market.stale() == {("a", "BTC"), ("b", "BTC")}
    await engine.feed(engine.b, ContextUpdate(context()))
    assert engine.quoted() == ["b"]


async def test_after_a_break_books_are_fetched_again(engine: Engine) -> None:
    await engine.feed(engine.a, Disconnected("gone"))
    assert (engine.market.state("a", "BTC"), engine.market.health()["a"]) == (BookState.SYNCING, "gone")
    await engine.feed(engine.a, Connected())
    assert engine.a.resyncs == 2
    assert (engine.market.state("a", "BTC"), engine.market.health()["a"]) == (BookState.LIVE, "up")


async def test_a_resync_that_fails_leaves_the_book_unquoted_until_the_stream_speaks(engine: Engine) -> None:
    engine.a.down = True
    await engine.feed(engine.a, Connected())
    assert engine.quoted() == ["b"]
    await engine.feed(engine.a, BookUpdate(book("a", 2)))
    assert engine.quoted() == ["a", "b"]


async def test_oracle_prices_are_kept_by_venue_time(engine: Engine) -> None:
    """A context carries no time: it is that of the next book."""
    first, second = ContextUpdate(context(oracle="100")), ContextUpdate(context(oracle="101"))
    lost: list[StreamEvent] = [ContextUpdate(context(oracle="7")), Disconnected("gone"), Connected()]
    books = [BookUpdate(book("a", time_ms)) for time_ms in (1_000, 2_000, 3_000)]
    await engine.feed(engine.a, first, books[0], second, books[1], *lost, books[2])
    assert engine.market.oracle_at("a", "BTC", 1_500) == D(100)
    assert engine.market.oracle_at("a", "BTC", 9_000) == D(101)
    assert engine.market.oracle_at("b", "BTC", 2_000) is None


async def test_pushed_fills_reach_whoever_books_them(engine: Engine) -> None:
    seen: list[tuple[str, int, bool]] = []

    async def take(venue: str, fills: tuple[Fill, ...], snapshot: bool) -> None:
        seen.append((venue, len(fills), snapshot))
        raise UnknownOutcome("its own read failed")  # must not end the stream

    engine.market.on_fills = take
    await engine.feed(engine.a, FillsUpdate((), True), FillsUpdate((), False))
    assert seen == [("a", 0, True), ("a", 0, False)]


@pytest.mark.parametrize(("minute", "hours", "instants"), [(0, 0, 0), (0, 1, 1), (59, 1, 1), (30, 8, 8), (0, 24, 24)])
def test_settlements_are_counted_by_instants_crossed(minute: int, hours: int, instants: int) -> None:
    now_ms = HOUR_MS * 100 + minute * 60_000
    assert settlements_crossed(now_ms, hours, HOUR_MS) == instants


def test_an_eight_hour_interval_is_crossed_only_when_it_falls_in_the_holding_period() -> None:
    assert settlements_crossed(HOUR_MS * 7, 1, 8 * HOUR_MS) == 1
    assert settlements_crossed(HOUR_MS * 8, 7, 8 * HOUR_MS) == 0


def test_longs_pay_a_positive_rate_and_shorts_receive_it() -> None:
    rate = context(funding="0.0000125")
    assert holding_cost_bps("buy", rate, 0, 8) == D(1)
    assert holding_cost_bps("sell", rate, 0, 8) == D(-1)


def delta(first: int, ask: str) -> BookDeltaUpdate:
    levels = ((D(ask), D(1)),)
    return BookDeltaUpdate(BookDelta(venue="a", coin="BTC", time_ms=1 + first, first=first, last=first, asks=levels))


async def test_a_missing_change_is_mended_by_a_snapshot_of_its_own(engine: Engine) -> None:
    engine.a.sequence = 10
    await engine.feed(engine.a, Connected(), delta(11, "100.4"))
    found = engine.market.book("a", "BTC")
    assert found is not None
    assert found.asks[0][0] == D("100.4")
    engine.a.sequence = 12
    await engine.feed(engine.a, delta(13, "100.3"))
    found = engine.market.book("a", "BTC")
    assert found is not None
    assert (found.asks[0][0], found.sequence) == (D("100.3"), 13)


async def test_a_snapshot_that_does_not_come_leaves_the_book_unquoted(engine: Engine) -> None:
    engine.a.sequence = 10
    await engine.feed(engine.a, Connected())
    engine.a.down = True
    await engine.feed(engine.a, delta(15, "100.4"))
    assert engine.market.state("a", "BTC") is BookState.SYNCING
    assert engine.quoted() == ["b"]
    assert [alert.kind for alert in engine.market.alerts.recent] == ["resync_failed"]


async def test_what_cannot_be_true_becomes_no_price(engine: Engine) -> None:
    before = engine.market.context("a", "BTC")
    await engine.feed(engine.a, ContextUpdate(context(funding="25877")))
    assert engine.market.context("a", "BTC") == before
    assert engine.market.state("a", "BTC") is BookState.STALE
    assert ("a", "BTC") in engine.market.stale()
    assert "funding: 25877" in engine.market.why_not_live("a", "BTC")
    assert [(alert.kind, alert.subject) for alert in engine.market.alerts.recent] == [("implausible", "a BTC")]
    await engine.feed(engine.a, ContextUpdate(context()), BookUpdate(book("a", 2)))
    assert engine.quoted() == ["a", "b"]


async def test_a_doubled_price_stays_refused_until_the_old_one_has_aged_out(engine: Engine) -> None:
    doubled = ContextUpdate(context(mark="250", oracle="250"))
    await engine.feed(engine.a, doubled, doubled, doubled)
    assert engine.market.marks()["a", "BTC"] == D("100.2")
    assert ("a", "BTC") in engine.market.stale()
    engine.now_s = 31
    await engine.feed(engine.a, doubled)
    assert engine.market.marks()["a", "BTC"] == D(250)


@pytest.mark.parametrize("coin", ["BTC", None])
async def test_an_unreadable_message_makes_stale_what_it_was_about(engine: Engine, coin: str | None) -> None:
    await engine.feed(engine.a, Unreadable("l2Book", "no such field", coin))
    assert engine.market.state("a", "BTC") is BookState.STALE
    assert ("a", "BTC") in engine.market.stale()
    assert engine.quoted() == ["b"]
    await engine.feed(engine.a, BookUpdate(book("a", 2)), ContextUpdate(context()))
    assert engine.quoted() == ["a", "b"]


async def test_an_unreadable_message_about_another_coin_touches_nothing(engine: Engine) -> None:
    await engine.feed(engine.a, Unreadable("l2Book", "no such field", "DOGE"))
    assert engine.quoted() == ["a", "b"]


async def test_fills_that_could_not_be_read_are_fetched(engine: Engine) -> None:
    asked: list[float] = []

    async def fetch(venue: str) -> None:
        asked.append(engine.now_s)
        if len(asked) == 2:
            raise UnknownOutcome("its own read failed")

    engine.market.on_connect = fetch
    await engine.feed(engine.a, Connected())
    await engine.feed(engine.a, Unreadable("userFills", "no such field"))
    assert len(asked) == 2
    await engine.feed(engine.a, BookUpdate(book("a", 2)))
    assert len(asked) == 2  # once a second at most
    engine.now_s = 1
    await engine.feed(engine.a, BookUpdate(book("a", 3)))
    await engine.feed(engine.a, BookUpdate(book("a", 4)))
    assert asked == [0, 0, 1]


async def test_the_composite_index_is_of_all_venues_with_fresh_prices(engine: Engine) -> None:
    await engine.feed(engine.b, ContextUpdate(context(oracle="100.5")))
    index = engine.market.composite("BTC")
    assert index is not None
    assert (index.price.value, index.sources, index.degraded) == (D("100.4"), 2, True)
    engine.now_s = 11
    assert engine.market.composite("BTC") is None
    assert engine.market.composite("DOGE") is None


async def test_a_mark_that_leaves_its_venues_rule_is_alerted() -> None:
    venue, clock = FakeVenue("a"), TestClock(HOUR_MS * 100)
    market = MarketDataEngine([venue], ["BTC"], clock, mark_rules={"a": IndexMark})
    await market.start()
    rig = Engine()
    rig.market = market
    await rig.feed(venue, ContextUpdate(context()))
    clock.advance(60_000)
    await rig.feed(venue, ContextUpdate(context(mark="103")))
    assert [alert.kind for alert in market.alerts.recent] == ["mark_apart"]


async def test_a_mark_off_its_rule_is_not_quoted_until_it_is_back() -> None:
    rig = Engine()
    rig.market = MarketDataEngine([rig.a, rig.b], ["BTC"], rig.clock, mark_rules={"a": IndexMark})
    await rig.market.start()
    await rig.feed(rig.a, ContextUpdate(context()))
    rig.clock.advance(60_000)
    await rig.feed(rig.a, ContextUpdate(context(mark="103")))
    assert rig.quoted() == ["b"]
    assert "269 bps from the venue's own rule" in rig.market.doubt("a", "BTC")
    await rig.feed(rig.a, ContextUpdate(context(mark="100.4")))
    assert rig.quoted() == ["a", "b"]
    assert rig.market.doubt("a", "BTC") == ""


async def test_an_oracle_price_that_the_others_hold_back_is_not_quoted() -> None:
    rig, third = Engine(), FakeVenue("c")
    rig.market = MarketDataEngine([rig.a, rig.b, third], ["BTC"], rig.clock, monotonic=lambda: rig.now_s)
    await rig.market.start()
    assert rig.quoted() == ["a", "b"]
    await rig.feed(rig.b, ContextUpdate(context(mark="109", oracle="109")))
    assert rig.quoted() == ["a"]
    assert rig.market.doubt("b", "BTC") == "index: 109 is far from that of 3 venues (101.97167)"
    await rig.feed(rig.b, ContextUpdate(context()))
    assert rig.quoted() == ["a", "b"]


async def test_two_venues_alone_judge_nobody(engine: Engine) -> None:
    await engine.feed(engine.b, ContextUpdate(context(mark="109", oracle="109")))
    assert engine.quoted() == ["a", "b"]


async def test_the_index_is_also_of_venues_that_list_another_multiple() -> None:
    thousands, single, clock = FakeVenue("a"), FakeVenue("b"), TestClock(HOUR_MS * 100)
    thousands.listed, single.listed = ["BTC", "kPEPE"], ["BTC", "PEPE"]
    market = MarketDataEngine([thousands, single], ["BTC", "kPEPE", "PEPE"], clock)
    await market.start()
    assert {venue: set(listed) for venue, listed in market.instruments().items()} == {
        "a": {"BTC", "kPEPE"},
        "b": {"BTC", "PEPE"},
    }
    rig = Engine()
    rig.market = market
    for venue, coin, price in ((thousands, "kPEPE", "0.01"), (single, "PEPE", "0.000012")):
        told = MarketContext(coin=coin, mark=D(price), oracle=D(price), funding=D(0))
        await rig.feed(venue, ContextUpdate(told))
    by_thousand, by_one = market.composite("kPEPE"), market.composite("PEPE")
    assert by_thousand is not None
    assert by_one is not None
    assert (by_thousand.sources, by_one.sources) == (2, 2)
    assert by_thousand.price.value == by_one.price.value * 1_000
    fees = {"a": D(1), "b": D(1)}
    assert market.quotes("kPEPE", "buy", taker_bps=fees, holding_hours=1, max_quantity={}) == []  # no book of it came


async def test_a_venue_with_two_multiples_counts_once_in_the_index() -> None:
    venue, clock = FakeVenue("a"), TestClock(HOUR_MS * 100)
    venue.listed = ["PEPE", "kPEPE"]
    market = MarketDataEngine([venue], ["PEPE", "kPEPE"], clock)
    await market.start()
    rig = Engine()
    rig.market = market
    for coin, price in (("PEPE", "0.00002"), ("kPEPE", "0.01")):
        told = MarketContext(coin=coin, mark=D(price), oracle=D(price), funding=D(0))
        await rig.feed(venue, ContextUpdate(told))
    for coin, price in (("PEPE", "0.00002"), ("kPEPE", "0.01")):
        index = market.composite(coin)
        assert index is not None
        assert (index.sources, index.price.value) == (1, D(price))


async def test_a_coin_goes_by_one_name() -> None:
    with pytest.raises(ConfigError, match="coins: 1000PEPE is kPEPE here; name it so"):
        await MarketDataEngine([FakeVenue("a")], ["1000PEPE"], TestClock(0)).start()
    venue = FakeVenue("a")
    venue.listed = ["XBT"]
    with pytest.raises(ConfigError, match="a lists BTC as XBT; its adapter must rename it"):
        await MarketDataEngine([venue], ["BTC"], TestClock(0)).start()
    venue.listed = ["BTC", "BTC"]
    with pytest.raises(ConfigError, match="BTC at a is listed twice"):
        await MarketDataEngine([venue], ["BTC"], TestClock(0)).start()


def gauge(name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_what_is_not_current_is_measured_and_told(engine: Engine) -> None:
    await engine.feed(engine.a, Connected())
    inspect(engine.market)
    assert gauge("prime_book_live", venue="a", coin="BTC") == 1
    assert gauge("prime_mark_fresh", venue="a", coin="BTC") == 1
    assert gauge("prime_index_sources", coin="BTC") == 2
    assert gauge("prime_funding_per_hour", venue="a", coin="BTC") == pytest.approx(0.0001)
    assert not engine.market.alerts.recent
    engine.now_s = 40
    inspect(engine.market)
    assert gauge("prime_book_live", venue="a", coin="BTC") == 0
    assert gauge("prime_mark_fresh", venue="a", coin="BTC") == 0
    assert gauge("prime_index_sources", coin="BTC") == 0
    assert [(alert.kind, alert.subject) for alert in engine.market.alerts.recent] == [("stale", "a BTC")]


async def test_prices_are_of_three_types_and_a_rate_says_what_it_is(engine: Engine) -> None:
    told = MarketContext(coin="BTC", mark=D(100), oracle=D(101), last=D(99), funding=D("0.0008"), funding_formula="x/2",
                         funding_method="mean", funding_interval_ms=8 * HOUR_MS)  # fmt: skip
    await engine.feed(engine.a, ContextUpdate(told))
    now = HOUR_MS * 100
    assert engine.market.prices("a", "BTC") == Prices(
        MarkPrice(D(100), now), IndexPrice(D(101), now), LastPrice(D(99), now)
    )
    funding = engine.market.funding("a", "BTC")
    assert funding is not None
    assert (funding.next_ms, funding.per_hour, funding.formula) == (HOUR_MS * 104, D("0.0001"), "x/2")
    assert engine.market.funding("a", "DOGE") is None
    assert engine.market.prices("a", "DOGE") is None


async def test_whoever_waits_for_books_is_told_of_those_that_can_be_believed(engine: Engine) -> None:
    told: list[Book] = []
    engine.market.on_book = told.append
    good = book("a", 2)
    await engine.feed(engine.a, BookUpdate(good))
    assert told == []  # not connected
    await engine.feed(engine.a, Connected(), BookUpdate(good), BookUpdate(book("a", 3, ask="99")))
    await engine.feed(engine.a, BookUpdate(book("a", 4, ask="900")))
    assert told == [good]


class TappedVenue(FakeVenue):
    """One that gives out its books before it streams them."""

    def __init__(self) -> None:
        super().__init__("a")
        self.tap: Callable[[Book], None] | None = None


async def test_an_adapter_that_can_tells_of_a_book_before_it_is_kept() -> None:
    venue, told = TappedVenue(), list[Book]()
    market = MarketDataEngine([venue], ["BTC"], TestClock(HOUR_MS * 100))
    market.on_book = told.append
    await market.start()
    rig = Engine()
    rig.market = market
    await rig.feed(venue, Connected())
    newest = book("a", 2, ask="100.4")
    assert venue.tap is not None
    venue.tap(newest)
    venue.tap(book("a", 3, ask="99"))
    assert told == [newest]
    await rig.feed(venue, BookUpdate(newest))
    assert told == [newest]  # once
    assert market.book("a", "BTC") == newest
