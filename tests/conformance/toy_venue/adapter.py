"""The toy venue's adapter: MarketDataClient, AccountClient and ExecutionClient in one."""

import hashlib
import hmac
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from keeper.clock import Clock
from keeper.errors import UnknownOutcome, VenueError
from keeper.model.amounts import plain
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatPosition, SeatState
from keeper.venues.base import (
    Book,
    BookDelta,
    BookDeltaUpdate,
    BookUpdate,
    Confirmed,
    Connected,
    ContextUpdate,
    Disconnected,
    FeeRates,
    FillsUpdate,
    Level,
    MarketContext,
    OrderReport,
    Outcome,
    Refused,
    StreamEvent,
    Unknown,
    Unreadable,
)
from keeper.venues.transport import HttpTransport, read_with_retries
from keeper.venues.websocket import Down, Up, WebSocketPlan, supervise
from keeper.venues.wire import Record, check_number, decode

VENUE = "0x" + "70" * 20
HOUR_MS = 3_600_000
SILENCE_S = 5.0
T = TypeVar("T")


class Error(Record, frozen=True):
    error: str


class Time(Record, frozen=True):
    time: int


class Market(Record, frozen=True):
    name: str
    decimals: int
    leverage: int


class Markets(Record, frozen=True):
    markets: list[Market]


class Price(Record, frozen=True):
    name: str
    mark: Decimal
    index: Decimal
    last: Decimal
    rate: Decimal
    oi: Decimal


class Prices(Record, frozen=True):
    prices: list[Price]


class BookRow(Record, frozen=True):
    name: str
    time: int
    seq: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]

    def __post_init__(self) -> None:
        super().__post_init__()
        for price, size in (*self.bids, *self.asks):
            check_number(price, "price")
            check_number(size, "size")


class FillRow(Record, frozen=True):
    name: str
    side: Side
    price: Decimal
    size: Decimal
    time: int
    start: Decimal
    fee: int
    order: int
    trade: int
    cloid: str


class FillRows(Record, frozen=True):
    rows: list[FillRow]


class PaymentRow(Record, frozen=True):
    name: str
    time: int
    amount: int
    size: Decimal
    rate: Decimal


class PaymentRows(Record, frozen=True):
    rows: list[PaymentRow]


class RateRow(Record, frozen=True):
    time: int
    rate: Decimal


class RateRows(Record, frozen=True):
    rows: list[RateRow]


class LedgerEntry(Record, frozen=True):
    time: int
    amount: int
    id: str


class LedgerEntries(Record, frozen=True):
    rows: list[LedgerEntry]


class Position(Record, frozen=True):
    name: str
    size: Decimal


class Account(Record, frozen=True):
    time: int
    cash: int
    equity: int
    positions: list[Position]


class Order(Record, frozen=True):
    cloid: str
    id: int
    name: str
    side: Side
    size: Decimal
    filled: Decimal
    time: int


class Status(Record, frozen=True):
    order: Order | None


class Fees(Record, frozen=True):
    taker: Decimal
    maker: Decimal


class Snapshot(BookRow, frozen=True, tag_field="type", tag="snapshot"):
    pass


class Delta(BookRow, frozen=True, tag_field="type", tag="delta"):
    pass


class PricePush(Price, frozen=True, tag_field="type", tag="price"):
    pass


class FillPush(Record, frozen=True, tag_field="type", tag="fills"):
    account: str
    fills: list[FillRow]


class Pong(Record, frozen=True, tag_field="type", tag="pong"):
    pass


Push = Snapshot | Delta | PricePush | FillPush | Pong


class ToyClient:
    """`account` and `secret` are the seat's. Commands are sent once."""

    venue = VENUE

    def __init__(self, url: str, account: str, secret: str, clock: Clock, timeout_s: float = 3.0) -> None:
        self._http = HttpTransport(url, timeout_s=timeout_s, weight_per_minute=10_000_000)
        self._account, self._secret, self._clock = account, secret, clock
        self._instruments: dict[str, Instrument] = {}
        self._nonce = 0

    async def start(self) -> None:
        self._instruments = {item.coin: item for item in await self.instruments()}

    async def close(self) -> None:
        await self._http.close()

    async def _read(self, path: str, kind: type[T], **asked: Any) -> T:
        """VenueError when the venue says no, UnknownOutcome when it cannot be understood."""
        body = await read_with_retries(lambda: self._http.post(path, asked))
        try:
            return decode(body, kind)
        except msgspec.MsgspecError as error:
            if refusal := _refusal(body):
                raise VenueError(refusal) from error
            raise UnknownOutcome(f"{path}: not the record it should be: {error}") from error

    # market data

    async def now_ms(self) -> int:
        return (await self._read("/time", Time)).time

    async def instruments(self) -> list[Instrument]:
        listed = (await self._read("/markets", Markets)).markets
        return [Instrument(VENUE, m.name, n, m.decimals, m.leverage) for n, m in enumerate(listed)]

    async def contexts(self) -> dict[str, MarketContext]:
        return {price.name: _context(price) for price in (await self._read("/prices", Prices)).prices}

    async def book(self, coin: str) -> Book:
        return _book(await self._read("/book", BookRow, name=coin))

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        found = await self._read("/rates", RateRows, name=coin, **_range(since_ms, until_ms))
        return [FundingRate(venue=VENUE, coin=coin, time_ms=row.time, rate=row.rate) for row in found.rows]

    async def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        plan = WebSocketPlan(
            url="ws" + self._http.base_url.removeprefix("http") + "/ws",
            greeting=[msgspec.json.encode({"names": list(coins), "account": self._account}).decode()],
            ping="ping",
            read=_read_frame,
            silence_limits=dict.fromkeys([f"book:{coin}" for coin in coins], SILENCE_S),
        )
        frames = supervise(plan)
        try:
            async for frame in frames:
                match frame:
                    case Up():
                        yield Connected()
                    case Down(reason=reason):
                        yield Disconnected(reason)
                    case _ if frame.content is not None:
                        yield frame.content
        finally:
            await frames.aclose()

    # the account

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        found = await self._read("/fills", FillRows, account=self._account, **_range(since_ms, until_ms))
        return [_fill(row) for row in found.rows]

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        found = await self._read("/payments", PaymentRows, account=self._account, **_range(since_ms, until_ms))
        return [
            FundingPayment(venue=VENUE, coin=r.name, time_ms=r.time, amount=r.amount, size=r.size, rate=r.rate)
            for r in found.rows
        ]

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        found = await self._read("/ledger", LedgerEntries, account=self._account, **_range(since_ms, until_ms))
        return [
            LedgerRow(venue=VENUE, kind="deposit", time_ms=r.time, amount=r.amount, fee=0, reference=r.id)
            for r in found.rows
        ]

    async def state(self) -> SeatState:
        found = await self._read("/account", Account, account=self._account)
        return SeatState(
            venue=VENUE,
            time_ms=found.time,
            equity=found.equity,
            cash=found.cash,
            spot=0,
            margin_used=0,
            withdrawable=max(0, found.cash),
            positions=tuple(
                SeatPosition(coin=p.name, size=p.size, entry_price=None, margin_used=0, leverage=20)
                for p in found.positions
            ),
        )

    async def fees(self) -> FeeRates:
        found = await self._read("/fees", Fees)
        return FeeRates(taker_bps=found.taker * 10_000, maker_bps=found.maker * 10_000)

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        return Refused(f"{coin}: the venue's leverage is not set by its clients; {leverage} was not sent")

    # orders

    def next_nonce(self) -> int:
        self._nonce = max(self._clock.now_ms(), self._nonce + 1)
        return self._nonce

    async def submit(self, leg: LegIntent) -> Outcome:
        if leg.coin not in self._instruments:
            return Refused(f"no coin {leg.coin}; nothing was sent")
        fields = {"cloid": leg.cloid, "name": leg.coin, "side": leg.side, "size": plain(leg.size)}
        fields |= {"price": plain(leg.limit_price)}
        order = {**fields, "expires": leg.expires_ms, "nonce": leg.nonce, "account": self._account}
        text = msgspec.json.encode(order).decode()
        proof = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        try:
            body = await self._http.post("/order", {"order": text, "proof": proof}, purpose="order")
        except (UnknownOutcome, VenueError) as error:
            return Unknown(str(error))
        return _outcome(body)

    async def status(self, cloid: str) -> OrderReport | None:
        found = (await self._read("/status", Status, account=self._account, cloid=cloid)).order
        if found is None:
            return None
        return OrderReport(
            cloid=found.cloid,
            oid=found.id,
            coin=found.name,
            side=found.side,
            size=found.size,
            filled=found.filled,
            state="filled" if found.filled == found.size else "canceled",
            text="done",
            time_ms=found.time,
        )


def _outcome(body: bytes) -> Outcome:
    """A nonce seen before means that a copy of this order was taken: Unknown, not Refused."""
    try:
        order = decode(body, Order)
    except msgspec.MsgspecError as error:
        refusal = _refusal(body)
        if refusal is None or refusal == "nonce used":
            return Unknown(refusal or f"unreadable answer: {error}")
        return Refused(refusal)
    return Confirmed(filled=order.filled, oid=order.id)


def _refusal(body: bytes) -> str | None:
    try:
        return decode(body, Error).error
    except msgspec.MsgspecError:
        return None


def _read_frame(text: str) -> tuple[str | None, StreamEvent | None]:
    """The channel of a frame and its event. What cannot be read may have been anything."""
    try:
        push: Push = decode(text, Push)  # type: ignore[arg-type]
    except msgspec.MsgspecError as error:
        return None, Unreadable("unknown", str(error)[:200])
    match push:
        case Snapshot():
            return f"book:{push.name}", BookUpdate(_book(push))
        case Delta():
            return f"book:{push.name}", BookDeltaUpdate(_delta(push))
        case PricePush():
            return None, ContextUpdate(_context(push))
        case FillPush():
            return None, FillsUpdate(tuple(_fill(row) for row in push.fills), snapshot=False)
    return None, None


def _book(row: BookRow) -> Book:
    bids: tuple[Level, ...] = tuple(row.bids)
    return Book(venue=VENUE, coin=row.name, time_ms=row.time, bids=bids, asks=tuple(row.asks), sequence=row.seq)


def _delta(row: BookRow) -> BookDelta:
    """The venue numbers its changes one by one."""
    return BookDelta(
        venue=VENUE,
        coin=row.name,
        time_ms=row.time,
        first=row.seq,
        last=row.seq,
        bids=tuple(row.bids),
        asks=tuple(row.asks),
    )


def _context(price: Price) -> MarketContext:
    return MarketContext(
        coin=price.name,
        mark=price.mark,
        oracle=price.index,
        last=price.last,
        funding=price.rate,
        open_interest=price.oi,
        funding_interval_ms=HOUR_MS,
        funding_method="a constant, paid on the index",
        funding_formula="toy/1",
    )


def _fill(row: FillRow) -> Fill:
    return Fill(
        venue=VENUE,
        coin=row.name,
        side=row.side,
        price=row.price,
        size=row.size,
        time_ms=row.time,
        start_position=row.start,
        fee=row.fee,
        closed_pnl=0,
        oid=row.order,
        tid=row.trade,
        cloid=row.cloid,
    )


def _range(since_ms: int, until_ms: int | None) -> dict[str, int]:
    return {"from": since_ms} if until_ms is None else {"from": since_ms, "to": until_ms}
