"""The venue's account against the books, and the books against the chain: every difference, over the union of both
sides. Pure; what cannot be read is not compared here, and is never taken for nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from keeper.chain.vault import VaultState
from keeper.ledger import Books
from keeper.model.amounts import plain
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.venues.resting import RestingOrder

Kind = Literal["position", "cash", "fill", "funding", "row", "order", "record", "chain", "unread"]

NOTHING = "nothing"
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Break:
    """What differs. The same difference always has the same text, so that it can be explained once."""

    kind: Kind
    subject: str
    ours: str
    theirs: str

    @property
    def text(self) -> str:
        return f"{self.kind} {self.subject}: we have {self.ours}, the other side {self.theirs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecords:
    """What a venue lists of a seat since an instant."""

    since_ms: int
    fills: Sequence[Fill]
    payments: Sequence[FundingPayment]
    rows: Sequence[LedgerRow]


def compare_state(books: Books, state: SeatState) -> list[Break]:
    """Positions and cash. Venues keep spot finer than a micro-dollar: each row may be off by one."""
    venue = state.venue
    held = {position.coin: position.size for position in state.positions if position.size}
    ours = dict(books.seat_positions(venue))
    found = [
        Break("position", coin, plain(ours.get(coin, Decimal(0))), plain(held.get(coin, Decimal(0))))
        for coin in sorted(ours.keys() | held.keys())
        if ours.get(coin, 0) != held.get(coin, 0)
    ]
    booked, theirs = books.balance(f"venue:{venue}"), state.cash + state.spot
    if abs(booked - theirs) > len(books.seat(venue).rows):
        found.append(Break("cash", "micro-USDC", str(booked), str(theirs)))
    return found


def compare_payments(unpaid: Iterable[FundingRate], until_ms: int) -> list[Break]:
    """Funding instants up to `until_ms` at which the seat held the coin and was not paid."""
    return [
        Break("funding", f"{rate.coin} {rate.time_ms // HOUR_MS}", f"a payment due at rate {plain(rate.rate)}", NOTHING)
        for rate in unpaid
        if rate.time_ms <= until_ms
    ]


def compare_orders(books: Books, resting: Iterable[RestingOrder]) -> list[Break]:
    """Orders in the venue's book that no leg of ours stands behind."""
    return [
        Break("order", f"{order.coin} {order.oid}", NOTHING, f"{order.side} {plain(order.left)} as {order.cloid}")
        for order in resting
        if order.cloid is None or books.leg(order.cloid) is None
    ]


def compare_records(books: Books, venue: str, listed: VenueRecords) -> list[Break]:
    """Fills, funding payments and money rows since an instant: missing on either side, or not the same."""
    since = listed.since_ms
    fills = {fill.tid: fill for fill in books.fills(venue) if fill.time_ms >= since}
    rows = {(row.kind, row.reference): row for row in books.rows(venue) if row.time_ms >= since}
    paid = {
        (event.coin, event.time_ms // HOUR_MS): event.paid
        for event in books.fundings(venue)
        if event.paid is not None and event.time_ms >= since
    }
    return [
        *_union("fill", fills, {fill.tid: fill for fill in listed.fills}, _fill_text),
        *_union("row", rows, {(row.kind, row.reference): row for row in listed.rows}, lambda row: str(row.amount)),
        *_union("funding", paid, {(p.coin, p.time_ms // HOUR_MS): p.amount for p in listed.payments}, str),
    ]


def compare_chain(books: Books, state: VaultState, lanes: Mapping[int, int]) -> list[Break]:
    """The vault's storage. `lanes` of every sub-account that either side knows."""
    vault = books.vault
    ours: dict[str, int] = {
        "idle": vault.idle,
        "sumEquity": vault.sum_equity,
        "payables": vault.payables,
        "insurance": vault.insurance,
        "feesAccrued": vault.fees,
        "deficit": vault.deficit,
    }
    theirs = {
        "idle": state.idle,
        "sumEquity": state.sum_equity,
        "payables": state.payables,
        "insurance": state.insurance,
        "feesAccrued": state.fees_accrued,
        "deficit": state.deficit,
    }
    known = {account.id: account.lane for account in books.accounts()}
    ours |= {f"lane {id_}": known.get(id_, 0) for id_ in sorted(known.keys() | lanes.keys())}
    theirs |= {f"lane {id_}": lanes.get(id_, 0) for id_ in sorted(known.keys() | lanes.keys())}
    return [Break("chain", name, str(ours[name]), str(theirs[name])) for name in ours if ours[name] != theirs[name]]


def _fill_text(fill: Fill) -> str:
    return f"{fill.side} {plain(fill.size)} {fill.coin} at {plain(fill.price)}, fee {fill.fee}"


def _union(kind: Kind, ours: Mapping[Any, Any], theirs: Mapping[Any, Any], text: Any) -> list[Break]:
    found = []
    differ = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
    for key in sorted(differ, key=str):
        mine, other = (text(side[key]) if key in side else NOTHING for side in (ours, theirs))
        if mine != other:
            subject = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            found.append(Break(kind, subject, mine, other))
    return found
