"""What execution needs of market data and risk, so that it depends on neither engine."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from keeper.model.events import Event
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import Fill, SeatState
from keeper.routing import VenueQuote
from keeper.venues.base import Book, MarketContext

Place = tuple[str, str]
"""(venue, coin)."""


class Append(Protocol):
    """Stores the events durably and applies them to the books before it returns."""

    def __call__(self, *events: Event) -> object: ...


class Market(Protocol):
    """Live books and prices of every venue. The callbacks are set by execution."""

    on_book: Callable[[Book], None] | None
    on_connect: Callable[[str], Awaitable[None]] | None
    on_fills: Callable[[str, tuple[Fill, ...], bool], Awaitable[None]] | None

    def instruments(self) -> Mapping[str, Mapping[str, Instrument]]: ...
    def marks(self) -> Mapping[Place, Decimal]: ...
    def stale(self) -> frozenset[Place]: ...
    def context(self, venue: str, coin: str) -> MarketContext | None: ...
    def quotes(
        self,
        coin: str,
        side: Side,
        *,
        taker_bps: Mapping[str, Decimal],
        holding_hours: int,
        max_quantity: Mapping[str, Decimal | None],
        venues: Iterable[str] = (),
    ) -> list[VenueQuote]: ...


class Accounts(Protocol):
    """What risk reads of the books."""

    def positions(self, id: int, /) -> Mapping[Place, Decimal]: ...
    def equity(self, id: int, marks: Mapping[Place, Decimal], /) -> int: ...


class Risk(Protocol):
    """Margin of sub-accounts and seats."""

    def check_order(
        self, books: Accounts, id: int, coin: str, side: Side, size: Decimal, venues: tuple[str, ...], /
    ) -> None:
        """InputError when the sub-account cannot carry the order."""
        ...

    def capacity(self, state: SeatState, instrument: Instrument, side: Side) -> Decimal:
        """The largest order that the seat's own margin carries at its venue; 0 without a mark price."""
        ...
