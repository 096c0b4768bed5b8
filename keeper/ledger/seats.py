"""One seat: what its venue reported, whose each position is, and what has happened since the last settlement."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from keeper.errors import IntegrityError
from keeper.ledger.chart import UNOWNED, Posting, fill_cash, fill_postings, funding_postings, notional, row_postings
from keeper.ledger.errors import unowned_text
from keeper.ledger.withholding import INSURANCE
from keeper.model.events import Cut, FundingSeen
from keeper.model.funding import FundingInstant, funding_shares
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import Fill, LedgerRow

FLAT = Decimal(0)

Key = TypeVar("Key")


class Seat:
    """Records in the order in which they were booked; everything else follows from them."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.fills: list[Fill] = []
        self.owners: list[int] = []
        self.routing: list[int] = []
        self.fundings: list[FundingSeen] = []
        self.rows: list[LedgerRow] = []
        self.shares: list[dict[int, int]] = []
        self.positions: dict[tuple[int, str], Decimal] = {}
        self.sizes: dict[str, Decimal] = {}
        self.cut = Cut()
        self.sheet: MarkSheet | None = None
        self.cut_positions: dict[tuple[int, str], Decimal] = {}
        self.cash: dict[int, int] = {}
        self.withheld: dict[int, int] = {}
        self.frozen: str | None = None
        self.explained: set[str] = set()
        self._by_coin: dict[str, list[int]] = {}
        self._holders: dict[str, dict[int, Decimal]] = {}
        self._tids: set[tuple[int, int]] = set()
        self._instants: set[tuple[str, int]] = set()
        self._references: set[tuple[str, str, int, int]] = set()

    # booking

    def book_fill(self, fill: Fill, owner: int | None, routing: int = 0) -> tuple[Posting, ...]:
        """Fills come in the venue's order, each once, each starting where the coin's last one ended. One of nobody's
        freezes the seat (H1). `routing`: the broker's fee on it."""
        self._check_fill(fill)
        cash = fill_cash(fill)
        id_ = UNOWNED if owner is None else owner
        self._by_coin.setdefault(fill.coin, []).append(len(self.fills))
        self.fills.append(fill)
        self.owners.append(id_)
        self.routing.append(routing)
        self._tids.add((fill.oid, fill.tid))
        self.sizes[fill.coin] = self.sizes.get(fill.coin, FLAT) + fill.signed_size
        _shift(self.positions, (id_, fill.coin), fill.signed_size)
        _shift(self._holders.setdefault(fill.coin, {}), id_, fill.signed_size)
        self._earn(id_, cash - routing)
        if owner is None and self.frozen is None:
            self.frozen = unowned_text(fill)
        return fill_postings(fill, id_, cash, routing) + self._reshare(fill)

    def book_funding(self, event: FundingSeen) -> tuple[Posting, ...]:
        if self.has_funding(event.coin, event.time_ms):
            raise IntegrityError(f"{self.venue} {event.coin} funding at {event.time_ms}: booked twice")
        shares = funding_shares(self._owned_before(event.coin, event.time_ms), event.oracle, event.rate)
        self._instants.add((event.coin, event.time_ms))
        self.fundings.append(event)
        self.shares.append(shares)
        for id_, share in shares.items():
            self._earn(id_, share)
        return funding_postings(self.venue, event.paid or 0, shares)

    def book_row(self, row: LedgerRow) -> tuple[Posting, ...]:
        if self.has_row(row):
            raise IntegrityError(f"{self.venue} row {row.kind} {row.reference}: booked twice")
        self._references.add(_row_key(row))
        self.rows.append(row)
        return row_postings(row)

    def check_settlement(self, cut: Cut, sheet: MarkSheet) -> None:
        """IntegrityError unless a commit could settle this seat at `cut` with the sheet's mark prices."""
        marks = sheet.marks()
        unpriced = sorted({coin for _, coin in self.positions_at(cut.fill_count) if coin not in marks})
        if unpriced:
            raise IntegrityError(f"{self.venue}: sub-accounts hold {unpriced}, which the mark sheet does not price")

    def settle(self, cut: Cut, sheet: MarkSheet, withheld: Mapping[int, int]) -> None:
        """A commit took effect: from here the sub-accounts' results count from `cut` at the sheet's mark prices."""
        marks = sheet.marks()
        self.withheld = dict(withheld)
        self.cut_positions = self.positions_at(cut.fill_count)
        self.cut, self.sheet, self.cash = cut, sheet, {}
        for (id_, coin), size in self.cut_positions.items():
            self._earn(id_, -notional(size, marks[coin]))
        for at in range(cut.fill_count, len(self.fills)):
            self._earn(self.owners[at], fill_cash(self.fills[at]) - self.routing[at])
        for shares in self.shares[cut.funding_count :]:
            for id_, share in shares.items():
                self._earn(id_, share)

    def forfeit(self, id_: int) -> None:
        """A sub-account closed: nothing can be released to it any more, so insurance takes its place."""
        if amount := self.withheld.pop(id_, 0):
            self.withheld[INSURANCE] = self.withheld.get(INSURANCE, 0) + amount

    # questions

    def routing_due(self, cut: Cut) -> dict[int, int]:
        """The broker's fees on fills between the last settlement and `cut`, by sub-account."""
        due: dict[int, int] = {}
        for at in range(self.cut.fill_count, cut.fill_count):
            if self.routing[at]:
                due[self.owners[at]] = due.get(self.owners[at], 0) + self.routing[at]
        return due

    @property
    def last_fill_ms(self) -> int:
        return self.fills[-1].time_ms if self.fills else 0

    def has_fill(self, fill: Fill) -> bool:
        return (fill.oid, fill.tid) in self._tids

    def has_funding(self, coin: str, time_ms: int) -> bool:
        return (coin, time_ms) in self._instants

    def has_row(self, row: LedgerRow) -> bool:
        return _row_key(row) in self._references

    def positions_at(self, fill_count: int) -> dict[tuple[int, str], Decimal]:
        """Open positions after the first `fill_count` fills."""
        positions = dict(self.positions)
        for fill, owner in zip(self.fills[fill_count:], self.owners[fill_count:], strict=True):
            _shift(positions, (owner, fill.coin), -fill.signed_size)
        return positions

    def coins_to_mark(self) -> tuple[str, ...]:
        """Coins whose mark price the next settlement needs: those that anyone holds or held since the last one."""
        coins = {coin for _, coin in self.positions} | {coin for _, coin in self.cut_positions}
        return tuple(sorted(coins | {fill.coin for fill in self.fills[self.cut.fill_count :]}))

    def instants(self, cut: Cut) -> tuple[FundingInstant, ...]:
        """The funding instants between the last settlement and `cut`."""
        span = range(self.cut.funding_count, cut.funding_count)
        return tuple(self._instant(self.fundings[index], self.shares[index]) for index in span)

    # internals

    def _instant(self, event: FundingSeen, shares: Mapping[int, int]) -> FundingInstant:
        return FundingInstant(
            venue=event.venue,
            coin=event.coin,
            time_ms=event.time_ms,
            rate=event.rate,
            oracle=event.oracle,
            paid=event.paid,
            seat_size=event.seat_size,
            positions=self._owned_before(event.coin, event.time_ms),
            shares=shares,
        )

    def _owned_before(self, coin: str, time_ms: int) -> dict[int, Decimal]:
        """Positions from the fills stamped strictly before `time_ms`: walks back from now, as that is near."""
        positions = dict(self._holders.get(coin, {}))
        for index in reversed(self._by_coin.get(coin, ())):
            if self.fills[index].time_ms < time_ms:
                break
            _shift(positions, self.owners[index], -self.fills[index].signed_size)
        positions.pop(UNOWNED, None)
        return positions

    def _reshare(self, fill: Fill) -> tuple[Posting, ...]:
        """A fill learned after a later funding payment changes who held what at that payment."""
        postings: tuple[Posting, ...] = ()
        for index in range(self.cut.funding_count, len(self.fundings)):
            event = self.fundings[index]
            if event.coin != fill.coin or event.time_ms <= fill.time_ms:
                continue
            fresh = funding_shares(self._owned_before(event.coin, event.time_ms), event.oracle, event.rate)
            old = self.shares[index]
            changes = {id_: fresh.get(id_, 0) - old.get(id_, 0) for id_ in sorted({*fresh, *old})}
            self.shares[index] = fresh
            for id_, change in changes.items():
                self._earn(id_, change)
            postings += funding_postings(self.venue, 0, changes)
        return postings

    def _check_fill(self, fill: Fill) -> None:
        if self.has_fill(fill):
            raise IntegrityError(f"{self._name(fill)}: booked twice")
        if fill.time_ms < self.last_fill_ms:
            raise IntegrityError(
                f"{self._name(fill)}: at {fill.time_ms}, after one at {self.last_fill_ms}; "
                "fetch the fills again, in order"
            )
        held = self.sizes.get(fill.coin, FLAT)
        if fill.start_position != held:
            raise IntegrityError(
                f"{self._name(fill)}: starts at position {fill.start_position}, the books hold {held}; "
                "a fill is missing: fetch them again from the last one booked"
            )

    def _name(self, fill: Fill) -> str:
        return f"{self.venue} {fill.coin} fill {fill.tid}"

    def _earn(self, id_: int, amount: int) -> None:
        self.cash[id_] = self.cash.get(id_, 0) + amount


def _shift(positions: dict[Key, Decimal], key: Key, size: Decimal) -> None:
    """Adds to a position; a flat one is not kept."""
    after = positions.get(key, FLAT) + size
    if after:
        positions[key] = after
    else:
        positions.pop(key, None)


def _row_key(row: LedgerRow) -> tuple[str, str, int, int]:
    return row.kind, row.reference, row.time_ms, row.amount
