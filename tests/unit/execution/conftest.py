"""Books with one sub-account, and a fake venue whose every answer a test decides."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from eth_account import Account

from keeper.clock import TestClock
from keeper.errors import UnknownOutcome
from keeper.execution import ExecutionEngine, ExecutionSettings
from keeper.ledger import Books
from keeper.market_data import MarketDataEngine
from keeper.model.events import ChainLogSeen, Event, LegIntent
from keeper.model.instruments import Instrument
from keeper.model.signed_orders import Order, SignedOrder, sign_order
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.risk import RiskEngine
from keeper.venues.base import Book, Confirmed, FeeRates, MarketContext, OrderReport, Outcome, Unknown

D = Decimal
CHAIN_ID = 31337
VAULT = "0x" + "aa" * 20
A, B = "0x" + "0a" * 20, "0x" + "0b" * 20
OWNER_KEY, DELEGATE_KEY, STRANGER_KEY = ("0x" + digit * 64 for digit in "123")
OWNER = Account.from_key(OWNER_KEY).address.lower()
DELEGATE = Account.from_key(DELEGATE_KEY).address.lower()
NOW_S = 1_770_336_000


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "subAccount": 1,
        "instrument": "BTC-PERP",
        "side": 0,
        "quantity": 10**8,
        "maxSlippageBps": 100,
        "nonce": 1,
        "deadline": NOW_S + 60,
    }
    return Order(**(fields | changes))


def sign(key: str = OWNER_KEY, **changes: Any) -> SignedOrder:
    return sign_order(order(**changes), chain_id=CHAIN_ID, vault=VAULT, key=key)


class Journal:
    """An event log in memory."""

    def __init__(self, *events: Event) -> None:
        self.books = Books()
        self.events: list[Event] = []
        self.append(*events)

    def append(self, *events: Event) -> None:
        for event in events:
            self.books.apply(len(self.events) + 1, event)
            self.events.append(event)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events if not isinstance(event, ChainLogSeen)]


def opening(usdc: int = 100_000) -> tuple[ChainLogSeen, ...]:
    """Sub-account 1 of OWNER with `usdc`, and DELEGATE's TRADE right for a minute."""

    def log(index: int, name: str, **args: object) -> ChainLogSeen:
        return ChainLogSeen(name=name, block=1, log_index=index, tx="0x" + "00" * 32, time_s=1, args=dict(args))

    return (
        log(0, "AccountOpened", id=1, owner=OWNER, generation=0),
        log(1, "Deposited", id=1, amount=usdc * 10**6),
        log(2, "RightsSet", id=1, who=DELEGATE, rights=1, until=NOW_S + 60),
    )


class FakeVenue:
    """Market data, account and execution of one venue. Answers of `submit` come from `script`; by default it fills."""

    def __init__(self, venue: str, clock: TestClock, *, ask: str = "1000", depth: str = "5") -> None:
        self.venue, self.clock = venue, clock
        self.ask, self.depth = D(ask), D(depth)
        self.script: list[Callable[[LegIntent], Outcome]] = []
        self.sent: list[LegIntent] = []
        self.known: dict[str, OrderReport] = {}
        self.booked: list[Fill] = []
        self.hidden_reads = 0
        self.unreachable = 0
        self._nonce = 0

    # market data
    async def now_ms(self) -> int:
        self.clock.advance(500)
        return self.clock.now_ms()

    async def instruments(self) -> list[Instrument]:
        return [Instrument(self.venue, "BTC", 0, 3, 40)]

    async def contexts(self) -> dict[str, MarketContext]:
        return {"BTC": MarketContext(coin="BTC", mark=D(1000), oracle=D(1000), funding=D(0))}

    async def book(self, coin: str) -> Book:
        size = self.depth
        now_ms = self.clock.now_ms()
        return Book(venue=self.venue, coin=coin, time_ms=now_ms, bids=((self.ask - 1, size),), asks=((self.ask, size),))

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        return []

    def stream(self, coins: Any) -> Any:
        raise AssertionError("these tests do not stream")

    # account
    async def state(self) -> SeatState:
        return SeatState(
            venue=self.venue,
            time_ms=0,
            equity=10**12,
            cash=10**12,
            spot=0,
            margin_used=0,
            withdrawable=0,
            positions=(),
        )

    async def fees(self) -> FeeRates:
        return FeeRates(D("4.5"), D("1.5"))

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        if self.hidden_reads:
            self.hidden_reads -= 1
            return []
        return [fill for fill in self.booked if fill.time_ms >= since_ms]

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        return []

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        return []

    # execution
    def next_nonce(self) -> int:
        self._nonce += 1
        return self._nonce

    async def submit(self, leg: LegIntent) -> Outcome:
        self.sent.append(leg)
        return self.script.pop(0)(leg) if self.script else self.fill(leg)

    async def status(self, cloid: str) -> OrderReport | None:
        if self.unreachable:
            self.unreachable -= 1
            raise UnknownOutcome("no answer")
        return self.known.get(cloid)

    def fill(self, leg: LegIntent, size: str | None = None) -> Outcome:
        """Fills the leg (or `size` of it) at its limit, and says so."""
        filled = leg.size if size is None else D(size)
        position = sum((fill.signed_size for fill in self.booked), D(0))
        self.known[leg.cloid] = OrderReport(
            cloid=leg.cloid,
            oid=len(self.known) + 1,
            coin=leg.coin,
            side=leg.side,
            size=leg.size,
            filled=filled,
            state="filled" if filled == leg.size else "canceled",
            text="filled",
            time_ms=leg.at_ms,
        )
        if filled:
            self.booked.append(
                Fill(
                    venue=self.venue,
                    coin=leg.coin,
                    side=leg.side,
                    price=leg.limit_price,
                    size=filled,
                    time_ms=leg.at_ms,
                    start_position=position,
                    fee=100,
                    closed_pnl=0,
                    oid=len(self.known),
                    tid=len(self.booked) + 1,
                    cloid=leg.cloid,
                )
            )
        return Confirmed(filled=filled)

    def fill_unseen(self, leg: LegIntent) -> Outcome:
        """Fills it, but the answer is lost."""
        self.fill(leg)
        return Unknown("lost")


class Desk:
    """An execution engine over two fake venues; B is dearer by default."""

    def __init__(self, journal: Journal | None = None, **settings: Any) -> None:
        self.clock = TestClock(NOW_S * 1000)
        self.journal = journal or Journal(*opening())
        self.a, self.b = FakeVenue(A, self.clock), FakeVenue(B, self.clock, ask="1001")
        self.market = MarketDataEngine([self.a, self.b], ["BTC"], self.clock)
        venues = {A: self.a, B: self.b}
        self.engine = ExecutionEngine(
            chain_id=CHAIN_ID,
            vault=VAULT,
            clock=self.clock,
            books=self.journal.books,
            append=self.journal.append,
            market=self.market,
            risk=RiskEngine(self.market),
            clients=venues,
            accounts=venues,
            settings=ExecutionSettings(**{"poll_s": 0, "reroute_s": 0, "watch_s": 0.01} | settings),
        )

    async def start(self) -> "Desk":
        await self.market.start()
        return self
