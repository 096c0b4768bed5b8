"""A venue that can be made to lie, books that collect from it, and a reconciler between them; time is moved by hand."""

from dataclasses import dataclass, field
from decimal import Decimal

from keeper.chain.vault import VaultState
from keeper.clock import TestClock
from keeper.errors import UnknownOutcome
from keeper.ledger import Books
from keeper.model.events import Event, FillSeen, FundingSeen, LedgerRowSeen
from keeper.model.instruments import Side
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatPosition, SeatState
from keeper.reconciliation.engine import CADENCE_S, Reconciler
from keeper.venues.resting import RestingOrder
from tests.unit.ledger.world import SEAT, World

USDC = 1_000_000


def agreeing(books: Books, block: int) -> VaultState:
    """What a vault says that agrees with the books."""
    vault = books.vault
    return VaultState(
        block=block,
        idle=vault.idle,
        sum_equity=vault.sum_equity,
        payables=vault.payables,
        insurance=vault.insurance,
        fees_accrued=vault.fees,
        deficit=vault.deficit,
        free_cash=0,
        epoch=vault.epoch,
        committed_at=0,
        last_as_of=0,
        last_fence=0,
    )


@dataclass
class LyingVenue:
    """What the venue answers: its records, and an account that follows from them unless it is made to differ."""

    world: World
    listed_fills: list[Fill] = field(default_factory=list)
    listed_payments: list[FundingPayment] = field(default_factory=list)
    listed_rows: list[LedgerRow] = field(default_factory=list)
    resting: list[RestingOrder] = field(default_factory=list)
    extra_cash: int = 0
    extra_size: Decimal = Decimal(0)
    silent: bool = False
    ahead_ms: int = 0
    unpaid: list[FundingRate] = field(default_factory=list)

    async def state(self) -> SeatState:
        if self.silent:
            raise UnknownOutcome("no answer")
        own = self.world.venues[SEAT]
        sizes = dict(own.sizes)
        sizes["BTC"] = sizes.get("BTC", Decimal(0)) + self.extra_size
        return SeatState(
            venue=SEAT,
            time_ms=self.world.now_ms + self.ahead_ms,
            equity=0,
            cash=own.cash + self.extra_cash,
            spot=0,
            margin_used=0,
            withdrawable=0,
            positions=tuple(
                SeatPosition(coin=coin, size=size, entry_price=None, margin_used=0, leverage=1)
                for coin, size in sizes.items()
            ),
        )

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        return [fill for fill in self.listed_fills if fill.time_ms >= since_ms]

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        return [row for row in self.listed_payments if row.time_ms >= since_ms]

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        return [row for row in self.listed_rows if row.time_ms >= since_ms]

    async def open_orders(self) -> list[RestingOrder]:
        return self.resting


@dataclass
class Chain:
    """The vault's storage, as the books have it unless it is made to differ."""

    world: World
    lane_gap: int = 0

    async def state(self, block: int | None = None) -> VaultState:
        return agreeing(self.world.books, self.world.block)

    async def account_count(self, block: int | None = None) -> int:
        return len(self.world.books.accounts())

    async def lane_of(self, id: int, block: int | None = None) -> int:
        return self.world.lanes()[id] + (self.lane_gap if id == 1 else 0)


class Desk:
    """One seat with 500 USDC; two clients; a position of 0.02 BTC of client 1."""

    def __init__(self) -> None:
        self.world = World(SEAT)
        for id_ in (1, 2):
            self.world.open(id_, 1_000 * USDC)
        self.world.send(500 * USDC)
        self.clock = TestClock(self.world.now_ms)
        self.venue = LyingVenue(self.world, listed_rows=list(self.world.books.rows(SEAT)))
        self.chain = Chain(self.world)
        self.reconciler = Reconciler(
            readers={SEAT: self.venue},
            chain=self.chain,
            books=self.world.books,
            append=self._append,
            collect=self.collect,
            unpaid=lambda _: self.venue.unpaid,
            follow=self._follow,
            clock=self.clock,
        )
        self.trade("buy", "0.02")

    def trade(self, side: Side, size: str) -> Fill:
        """At the venue; the books hear of it when they collect."""
        world = self.world
        cloid = world.order(1, "BTC", side, Decimal(size))
        fill = world.make_fill(cloid, "BTC", side, Decimal(size), Decimal(60_000), 540)
        self.venue.listed_fills.append(fill)
        return fill

    def fund(self) -> FundingSeen:
        event = self.world.make_funding("BTC", Decimal("0.0001"), Decimal(60_000))
        row = FundingPayment(
            venue=SEAT, coin="BTC", time_ms=event.time_ms, amount=event.paid or 0, size=event.seat_size, rate=event.rate
        )
        self.venue.listed_payments.append(row)
        self.world.tell(event)
        return event

    async def collect(self, venue: str) -> None:
        """Whatever the venue lists and the books do not have."""
        books = self.world.books
        for fill in self.venue.listed_fills:
            if not books.has_fill(fill):
                self.world.tell(FillSeen(fill=fill))
        for row in self.venue.listed_rows:
            if not books.has_row(row):
                self.world.tell(LedgerRowSeen(row=row))

    async def _follow(self) -> None:
        return

    def _append(self, *events: Event) -> int:
        for event in events:
            self.world.tell(event)
        return len(self.world.events)

    @property
    def frozen(self) -> str | None:
        return self.world.books.frozen(SEAT)

    async def settle_down(self) -> None:
        """Two quiet rounds."""
        for _ in range(2):
            await self.round()
        assert self.frozen is None

    async def round(self) -> None:
        await self.reconciler.run()
        self.clock.advance(CADENCE_S * 1000)
        self.world.now_ms += CADENCE_S * 1000

    async def seconds_until_frozen(self, most: int = 200) -> int:
        """Business seconds from the fault on; it happens between two rounds."""
        began = self.clock.now_ms() - CADENCE_S * 1000  # right after the last round
        while self.frozen is None:
            assert self.clock.now_ms() - began <= most * 1000, "never detected"
            await self.round()
        return (self.clock.now_ms() - CADENCE_S * 1000 - began) // 1000
