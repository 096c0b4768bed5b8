"""A small world for tests of the books: a vault and venues kept by arithmetic of their own, which tell the books what
happened in the order in which a keeper would learn it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from eth_utils.crypto import keccak

from keeper.ledger import Books, unpack
from keeper.model.amounts import micro_floor
from keeper.model.events import (
    ChainLogSeen,
    CommitPrepared,
    Event,
    FillSeen,
    FundingSeen,
    LedgerRowSeen,
    LegClosed,
    LegIntent,
    MarkTaken,
    OrderAccepted,
    RouteDecided,
)
from keeper.model.funding import exact_cost
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Side
from keeper.model.marks import MarkSheet, SheetLine, VenueMark
from keeper.model.signed_orders import Order, SignedOrder
from keeper.model.statements import LogHead
from keeper.model.venue_records import Fill, LedgerRow
from keeper.settlement import CommitPlan, build

VAULT = "0x" + "aa" * 20
SEAT = "0x" + "01" * 20
OTHER = "0x" + "02" * 20
START_S = 1_770_336_000


def owner_of(id_: int) -> str:
    return "0x" + f"{0xC0 + id_:02x}" * 20


@dataclass
class Venue:
    """A venue's own idea of the seat."""

    cash: int = 0
    uncollected: int = 0
    sizes: dict[str, Decimal] = field(default_factory=dict)
    tids: int = 0


class World:
    """Every method tells the books; `events` keeps what was told."""

    def __init__(self, *venues: str, vault: bool = True) -> None:
        """`vault=False`: the vault is somewhere else, and its logs are told by whoever knows it."""
        self.books = Books()
        self.events: list[Event] = []
        self.now_ms = START_S * 1000
        self.block = 0
        self.venues = {venue: Venue() for venue in venues or (SEAT,)}
        self._orders = 0
        self.routing_ppm = self.fee_allowance = 0
        if not vault:
            return
        self.log("InsuranceFunded", **{"from": owner_of(9)}, amount=1_000_000_000)
        for index, venue in enumerate(self.venues):
            self.log("VenueAdded", venue=venue, tier=1 + index % 2)

    def tell(self, event: Event) -> None:
        self.books.apply(len(self.events) + 1, event)
        self.events.append(event)

    def wait(self, seconds: int = 1) -> None:
        self.now_ms += seconds * 1000

    # chain

    def log(self, name: str, **args: Any) -> str:
        self.block += 1
        tx = "0x" + f"{self.block:064x}"
        self.tell(ChainLogSeen(name=name, block=self.block, log_index=0, tx=tx, time_s=self.now_ms // 1000, args=args))
        return tx

    def open(self, id_: int, amount: int) -> None:
        self.log("AccountOpened", id=id_, owner=owner_of(id_), generation=1)
        self.log("Deposited", **{"from": owner_of(id_)}, id=id_, amount=amount)

    def send(self, amount: int, venue: str = SEAT, fee: int = 0) -> None:
        self.log("Sent", venue=venue, amount=amount)
        self.row("deposit", amount - fee, fee, venue)

    def row(self, kind: str, amount: int, fee: int = 0, venue: str = SEAT, reference: str | None = None) -> None:
        self.wait()
        self.venues[venue].cash += amount
        reference = reference or f"0x{len(self.events):x}"
        row = LedgerRow(venue=venue, kind=kind, time_ms=self.now_ms, amount=amount, fee=fee, reference=reference)
        self.tell(LedgerRowSeen(row=row))

    def withdraw_home(self, amount: int, fee: int, venue: str = SEAT) -> None:
        """Leaves the seat and lies in its contract, until collected."""
        self.row("withdraw", -amount, fee, venue)
        self.venues[venue].uncollected += amount - fee

    def collect(self, venue: str = SEAT) -> None:
        amount, self.venues[venue].uncollected = self.venues[venue].uncollected, 0
        self.log("Collected", venue=venue, amount=amount)

    # trading

    def order(self, id_: int, coin: str, side: Side, size: Decimal, venue: str = SEAT) -> str:
        """Accepts and routes a signed order, and writes its one leg; the client order id."""
        self._orders += 1
        digest = keccak(self._orders.to_bytes(8, "big"))
        order = Order(
            subAccount=id_,
            instrument=f"{coin}-PERP",
            side=0 if side == "buy" else 1,
            quantity=int(size * 10**8),
            nonce=self._orders,
            deadline=START_S * 2,
        )
        name, cloid = "0x" + digest.hex(), client_order_id(VAULT, digest, 0, 0)
        signed = SignedOrder(order=order, signature="0x")
        self.tell(
            OrderAccepted(
                digest=name,
                signer=owner_of(id_),
                signed=signed,
                at_ms=self.now_ms,
                routing_ppm=self.routing_ppm,
            )
        )
        self.tell(RouteDecided(digest=name, at_ms=self.now_ms, decision={"legs": 1}))
        self.tell(
            LegIntent(
                digest=name,
                leg=0,
                attempt=0,
                cloid=cloid,
                venue=venue,
                coin=coin,
                side=side,
                size=size,
                limit_price=Decimal(1),
                expires_ms=self.now_ms + 1000,
                nonce=self.now_ms,
                at_ms=self.now_ms,
            )
        )
        return cloid

    def make_fill(
        self,
        cloid: str | None,
        coin: str,
        side: Side,
        size: Decimal,
        price: Decimal,
        fee: int = 0,
        venue: str = SEAT,
        *,
        crossed: bool = True,
    ) -> Fill:
        """Happens at the venue; the books are not told yet."""
        state = self.venues[venue]
        state.tids += 1
        fill = Fill(
            venue=venue,
            coin=coin,
            side=side,
            price=price,
            size=size,
            time_ms=self.now_ms,
            start_position=state.sizes.get(coin, Decimal(0)),
            fee=fee,
            closed_pnl=0,
            oid=state.tids,
            tid=state.tids,
            cloid=cloid,
            crossed=crossed,
        )
        state.sizes[coin] = state.sizes.get(coin, Decimal(0)) + fill.signed_size
        state.cash -= exact_cost(fill.signed_size, price) + fee
        return fill

    def trade(
        self,
        id_: int,
        coin: str,
        side: Side,
        size: Decimal,
        price: Decimal,
        fee: int = 0,
        venue: str = SEAT,
        *,
        crossed: bool = True,
    ) -> Fill:
        """An order of one leg, filled whole and booked."""
        cloid = self.order(id_, coin, side, size, venue)
        self.wait()
        fill = self.make_fill(cloid, coin, side, size, price, fee, venue, crossed=crossed)
        self.tell(FillSeen(fill=fill))
        self.tell(LegClosed(cloid=cloid, outcome="filled", filled=size, text="", at_ms=self.now_ms))
        return fill

    def make_funding(self, coin: str, rate: Decimal, oracle: Decimal, venue: str = SEAT) -> FundingSeen:
        """The venue pays on the net; no row when that is flat. The books are not told yet."""
        state = self.venues[venue]
        size = state.sizes.get(coin, Decimal(0))
        paid = micro_floor(-size * oracle * rate) if size else None
        state.cash += paid or 0
        return FundingSeen(
            venue=venue, coin=coin, time_ms=self.now_ms, rate=rate, oracle=oracle, paid=paid, seat_size=size
        )

    def fund(self, coin: str, rate: Decimal, oracle: Decimal, venue: str = SEAT) -> FundingSeen:
        self.wait()
        event = self.make_funding(coin, rate, oracle, venue)
        self.tell(event)
        return event

    # settlement

    def sheet(self, prices: dict[str, Decimal], venue: str = SEAT) -> MarkSheet:
        state = self.venues[venue]
        coins = sorted({coin for coin, size in state.sizes.items() if size} | set(self.books.coins_to_mark(venue)))
        lines = tuple(SheetLine(coin=c, size=state.sizes.get(c, Decimal(0)), mark=prices[c]) for c in coins)
        return MarkSheet(venue=venue, as_of=self.now_ms // 1000, cash=state.cash, lines=lines)

    def record_mark(self, sheet: MarkSheet, held: int = 0) -> VenueMark:
        """The vault records a sheet, but for what it holds in quarantine."""
        venue = sheet.venue
        value = sheet.equity + self.venues[venue].uncollected - held
        mark = VenueMark(
            venue=venue,
            tier=1,
            as_of=sheet.as_of,
            l1_block=self.block,
            delta=value - self.books.book(venue),
            value=value,
            sheet=sheet,
            held=held,
        )
        tx = self.log(
            "Marked",
            venue=venue,
            delta=mark.delta,
            value=value,
            asOf=mark.as_of,
            l1Block=mark.l1_block,
            sheet="0x" + sheet.hash().hex(),
        )
        self.tell(MarkTaken(mark=mark, block=self.block, tx=tx))
        return mark

    def mark(self, prices: dict[str, Decimal], venue: str = SEAT, held: int = 0) -> VenueMark:
        self.wait()
        return self.record_mark(self.sheet(prices, venue), held)

    def plan(self, *marks: VenueMark, required: dict[int, int] | None = None) -> tuple[CommitPlan, dict[str, Any]]:
        vault = self.books.vault
        return build(
            self.books,
            marks,
            chain_id=31337,
            vault=VAULT,
            epoch=self.books.epoch + 1,
            as_of=min((mark.as_of for mark in marks), default=self.now_ms // 1000),
            fence=1,
            snapshot_block=self.block,
            idle=vault.idle,
            payables=vault.payables,
            insurance=vault.insurance,
            deficit=vault.deficit,
            requirement=lambda id_: (required or {}).get(id_, 0),
            log=LogHead(seq=self.books.seq, hash=f"{self.books.seq:064x}"),
            fee_allowance=self.fee_allowance,
        )

    def commit(self, plan: CommitPlan) -> None:
        """As the contract does it: conservation checked, lanes moved, tickets approved."""
        self.tell(prepared(plan, self.now_ms))
        self.wait()
        deltas = unpack(plan.words, plan.pnl4)
        pnl = sum(deltas.values())
        pending = sum(self.books.vault.pending_marks[venue] for venue in plan.marked)
        assert pnl + plan.fees + plan.insurance_delta - plan.new_deficit == pending
        assert 0 <= plan.fees <= self.fee_allowance
        self.fee_allowance -= plan.fees
        self.log("LanesChanged", epoch=plan.epoch, words="0x" + plan.words.hex(), pnl4=list(plan.pnl4))
        self.log(
            "Committed",
            epoch=plan.epoch,
            asOf=plan.as_of,
            fence=plan.fence,
            statementRoot=plan.statement_root,
            pnl=pnl,
            fees=plan.fees,
            insuranceDelta=plan.insurance_delta,
            newDeficit=plan.new_deficit,
            marked=list(plan.marked),
        )
        for ticket, amount in plan.approvals:
            id_ = self.books.vault.tickets[ticket].account
            self.log("WithdrawApproved", ticket=ticket, id=id_, epoch=plan.epoch, amount=amount)

    def settle(self, *marks: VenueMark, required: dict[int, int] | None = None) -> dict[str, Any]:
        plan, statement = self.plan(*marks, required=required)
        self.commit(plan)
        return statement

    # checks

    def lanes(self) -> dict[int, int]:
        return {account.id: account.lane for account in self.books.accounts()}

    def check_balance(self) -> None:
        """The vault's identity (A2), and that every ledger account says what the chain's storage says."""
        books, vault = self.books, self.books.vault
        book = sum(books.book(venue) for venue in self.venues)
        left = vault.sum_equity + vault.payables + vault.insurance + vault.fees
        assert left == vault.idle + book + vault.deficit
        assert sum(books.balances().values()) == 0
        assert books.balance("settlement") == 0
        for id_, lane in self.lanes().items():
            assert books.balance(f"client:{id_}") == -lane


def prepared(plan: CommitPlan, at_ms: int) -> CommitPrepared:
    """What the log holds before the commit is sent."""
    return CommitPrepared(
        epoch=plan.epoch,
        as_of=plan.as_of,
        fence=plan.fence,
        root=plan.statement_root,
        statement_file=f"{plan.epoch}.json",
        statement_sha256="00",
        pnl=plan.pnl,
        insurance_delta=plan.insurance_delta,
        fees=plan.fees,
        new_deficit=plan.new_deficit,
        marks=plan.marked,
        approvals=plan.approvals,
        cuts=plan.cuts,
        snapshot_block=plan.snapshot_block,
        withheld=plan.withheld,
        routing=plan.routing,
        at_ms=at_ms,
    )


def two_clients() -> World:
    """Sub-accounts 1 and 2 with 1,000 USDC each, 500 of it on the seat."""
    world = World()
    world.open(1, 1_000_000_000)
    world.open(2, 1_000_000_000)
    world.send(500_000_000)
    return world
