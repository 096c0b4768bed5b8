"""A book wakes the resting order that it offers something, and no other."""

from decimal import Decimal

from keeper.execution.ready import ReadyRoutes
from keeper.routing import LiveRoute, RouteRequest, VenueQuote
from keeper.venues.base import Book
from tests.unit.execution.conftest import VAULT, A, B

D = Decimal


def book(venue: str, ask: str, size: str = "1", coin: str = "BTC") -> Book:
    return Book(venue=venue, coin=coin, time_ms=1, bids=((D(ask) - 1, D(1)),), asks=((D(ask), D(size)),))


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
