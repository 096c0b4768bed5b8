"""What the engines may ask of a venue, and the three outcomes of a command.

An adapter implements these Protocols; no engine names a concrete venue. `venue` is everywhere the adapter contract's
address in lower case: the id of a seat. Every method is a read unless it says otherwise; reads are retried inside the
adapter and raise `VenueError` when the venue says no, `UnknownOutcome` when it cannot be reached or understood.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import msgspec

from keeper.model.depth import Level as Level
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState

if TYPE_CHECKING:
    from keeper.model.events import LegIntent


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """The venue did it. For an order: `filled` in base units (0 = it rested or was cancelled unfilled)."""

    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    oid: int | None = None
    text: str = ""


class Refused(msgspec.Struct, frozen=True):
    """The venue answered no, in its own words, and nothing was changed."""

    text: str


class Unknown(msgspec.Struct, frozen=True):
    """A timeout, 429, 5xx, broken connection or unreadable answer: it may or may not have happened."""

    text: str


Outcome = Confirmed | Refused | Unknown

OrderState = Literal["open", "filled", "canceled", "rejected"]


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its venue shows it. `filled` in base units; `text` is the venue's own status word."""

    cloid: str
    oid: int
    coin: str
    side: Side
    size: Decimal
    filled: Decimal
    state: OrderState
    text: str
    time_ms: int

    @property
    def is_final(self) -> bool:
        return self.state != "open"


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A full snapshot: (price, size), best first, as a tuple or a `Depth` (whole numbers). `time_ms` is the venue's
    own stamp, `sequence` the number of the last change that is in it (None at a venue that numbers none and sends
    snapshots only)."""

    venue: str
    coin: str
    time_ms: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    sequence: int | None = None


class BookDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Changed levels of a book, in any order; size 0 removes one. It holds the changes `first`..`last`.

    The adapter states its venue's rule by what it fills in: with `previous` (the number before, by the venue's own
    word) a delta continues a book whose sequence is `previous`; without, one whose sequence is `first` − 1.
    """

    venue: str
    coin: str
    time_ms: int
    first: int
    last: int
    previous: int | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


class MarketContext(msgspec.Struct, frozen=True, kw_only=True):
    """A coin's prices, each its own thing: `mark` drives margin, `oracle` funding; `funding` is the current rate per
    interval (a fraction, positive = longs pay). `mid` and `premium` are None without a two-sided book, `last` where the
    venue does not tell it. `next_funding_ms` None = the next multiple of the interval. `funding_method` says how the
    venue comes to the rate, `funding_formula` names the formula and its version (`hyperliquid/1`)."""

    coin: str
    mark: Decimal
    oracle: Decimal
    funding: Decimal
    mid: Decimal | None = None
    premium: Decimal | None = None
    open_interest: Decimal = Decimal(0)
    funding_interval_ms: int = 3_600_000
    last: Decimal | None = None
    next_funding_ms: int | None = None
    funding_method: str = ""
    funding_formula: str = ""


class FeeRates(msgspec.Struct, frozen=True):
    """What the seat pays, in basis points of the fill's notional."""

    taker_bps: Decimal
    maker_bps: Decimal


class Connected(msgspec.Struct, frozen=True):
    """A (new) connection is up and subscribed; everything known before it may be stale."""


class Disconnected(msgspec.Struct, frozen=True):
    reason: str


class BookUpdate(msgspec.Struct, frozen=True):
    book: Book


class BookDeltaUpdate(msgspec.Struct, frozen=True):
    delta: BookDelta


class ContextUpdate(msgspec.Struct, frozen=True):
    """Carries no time of its own: the next book of the same connection tells it."""

    context: MarketContext


class FillsUpdate(msgspec.Struct, frozen=True):
    """Fills pushed by the venue; a snapshot repeats fills already seen."""

    fills: tuple[Fill, ...]
    snapshot: bool


class Unreadable(msgspec.Struct, frozen=True):
    """A message that could not be read. `channel` is one of the adapter's own names, `coin` None when it may have been
    about any: what is known of the stream until now can no longer be trusted to be current."""

    channel: str
    reason: str
    coin: str | None = None


StreamEvent = Connected | Disconnected | BookUpdate | BookDeltaUpdate | ContextUpdate | FillsUpdate | Unreadable


class MarketDataClient(Protocol):
    """Public data of one venue."""

    @property
    def venue(self) -> str: ...

    async def now_ms(self) -> int:
        """The venue's own time."""
        ...

    async def instruments(self) -> list[Instrument]:
        """Perpetuals that can be traded; delisted ones are left out."""
        ...

    async def contexts(self) -> Mapping[str, MarketContext]: ...

    async def book(self, coin: str) -> Book: ...

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        """Rates settled in [since, until], oldest first, all pages."""
        ...

    def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        """Books and contexts of `coins` and the seat's fills, for ever: reconnects by itself, saying so."""
        ...


@runtime_checkable
class Tapped(Protocol):
    """Of a market data client: gives out each book of its stream as soon as it is read, before the event that holds it.
    What is set here must not raise."""

    tap: Callable[[Book], None] | None


class AccountReader(Protocol):
    """What a venue says of one seat. Ranges are inclusive, oldest first, all pages fetched."""

    @property
    def venue(self) -> str: ...

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]: ...

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]: ...

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]: ...

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]: ...

    async def state(self) -> SeatState: ...

    async def fees(self) -> FeeRates: ...


class AccountClient(AccountReader, Protocol):
    """The same, with the key that may change the seat's settings."""

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        """Changes the seat's cross leverage for a coin."""
        ...


class ExecutionClient(Protocol):
    """Orders of one seat."""

    @property
    def venue(self) -> str: ...

    async def now_ms(self) -> int:
        """The venue's own time, against which `expires_ms` of a leg is measured."""
        ...

    def next_nonce(self) -> int:
        """A fresh number for one command; written into the leg before it is sent."""
        ...

    async def submit(self, leg: "LegIntent") -> Outcome:
        """Sends the leg as an IOC order under its cloid, void after `leg.expires_ms`. Never raises for what the venue
        or the network does, never retries."""
        ...

    async def status(self, cloid: str) -> OrderReport | None:
        """The order of that client id; None = the venue knows no such order (yet)."""
        ...

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]: ...
