"""A book wakes the resting order that it offers something, and no other."""

import asyncio
from decimal import Decimal

import msgspec

from keeper.clock import TestClock
from keeper.execution import ExecutionEngine, ExecutionSettings
from keeper.execution.ready import ReadyRoutes
from keeper.market_data import MarketDataEngine
from keeper.model.signed_orders import GTC
from keeper.risk import RiskEngine
from keeper.routing import LiveRoute, RouteRequest, VenueQuote
from keeper.venues.base import Book, BookUpdate, Confirmed, OrderReport, Outcome
from keeper.venues.resting import OrderTicket, RestingOrder
from tests.unit.execution.conftest import CHAIN_ID, NOW_S, VAULT, A, B, FakeVenue, Journal, opening, sign

D = Decimal


def book(venue: str, ask: str, size: str = "1", coin: str = "BTC") -> Book:
    return Book(
        venue=venue, coin=coin, time_ms=NOW_S * 1000 + 60_000, bids=((D(ask) - 1, D(1)),), asks=((D(ask), D(size)),)
    )


def lookout(venue: str = A) -> LiveRoute:
    """A buy of one at 1,000 or better; nothing is offered yet."""
    quote = VenueQuote(
        venue, ((D(1_001), D(1)),), D(0), lot_size=D("0.001"), tick_size=D("0.1"), min_notional=D(10)
    )  # fmt: skip
    return LiveRoute(RouteRequest("buy", D(1), D(1_000), limit_price=D(1_000)), [quote])


def test_only_a_book_within_its_bounds_and_minimum_wakes_an_order() -> None:
    woken: list[str] = []
    ready = ReadyRoutes(woken.append)
    ready.keep("0x01", "BTC", lookout())
    ready.take_book(book(A, "1000.5"))
    ready.take_book(book(A, "999", size="0.002"))  # less than the venue's minimum
    ready.take_book(book(B, "999"))
    ready.take_book(book(A, "999", coin="ETH"))
    assert woken == []
    ready.take_book(book(A, "1000"))
    assert woken == ["0x01"]
    ready.drop("0x01", "BTC")
    ready.take_book(book(A, "1000"))
    assert woken == ["0x01"]


def test_each_order_has_its_own_route() -> None:
    woken: list[str] = []
    ready = ReadyRoutes(woken.append)
    ready.keep("0x01", "BTC", lookout(A))
    ready.keep("0x02", "BTC", lookout(B))
    ready.take_book(book(B, "999"))
    assert woken == ["0x02"]
    ready.drop(VAULT, "BTC")  # never watched


def test_a_book_that_cannot_be_routed_ends_the_watch() -> None:
    woken: list[str] = []
    ready = ReadyRoutes(woken.append)
    ready.keep("0x01", "BTC", lookout())
    unsorted = Book(venue=A, coin="BTC", time_ms=1, bids=(), asks=((D(999), D(1)), (D(998), D(1))))
    ready.take_book(unsorted)
    ready.take_book(book(A, "999"))
    assert woken == []


class Harbour(FakeVenue):
    """A venue at which an order may rest; nothing fills it."""

    async def place(self, ticket: OrderTicket) -> Outcome:
        self.known[ticket.cloid] = OrderReport(
            cloid=ticket.cloid, oid=1, coin=ticket.coin, side=ticket.side, size=ticket.size, filled=D(0), state="open",
            text="", time_ms=1,
        )  # fmt: skip
        return Confirmed(oid=1, text="resting")

    async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
        assert cloid is not None
        self.known[cloid] = msgspec.structs.replace(self.known[cloid], state="canceled")
        return Confirmed()

    async def open_orders(self) -> list[RestingOrder]:
        return []


async def test_a_resting_order_takes_what_another_venues_next_book_offers() -> None:
    clock = TestClock(NOW_S * 1000)
    journal, harbour, other = Journal(*opening()), Harbour(A, clock, ask="1002"), FakeVenue(B, clock, ask="1002")
    market = MarketDataEngine([harbour, other], ["BTC"], clock)
    venues: dict[str, FakeVenue] = {A: harbour, B: other}
    engine = ExecutionEngine(
        chain_id=CHAIN_ID,
        vault=VAULT,
        clock=clock,
        books=journal.books,
        append=journal.append,
        market=market,
        risk=RiskEngine(market),
        clients=venues,
        accounts=venues,
        resting={A: harbour},
        settings=ExecutionSettings(poll_s=0, reroute_s=0, watch_s=60, retake_s=0),
    )
    await market.start()
    digest = engine.take(sign(timeInForce=GTC, limitPrice=1_000 * 10**8)).digest
    async with asyncio.timeout(10):
        while not harbour.known:  # noqa: ASYNC110 - until it rests
            await asyncio.sleep(0.01)
        state = market._venues[B]
        state.connected = True
        await asyncio.sleep(0.05)
        await market._apply(state, BookUpdate(book(B, "999", size="5")))
        view = await engine.finished(digest)
    assert view.status == "filled"
    assert [leg.venue for leg in other.sent] == [B]
    await engine.close()
