"""One seat's records: the position chain, and the prefix of them that a mark covers (rule A1)."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from keeper.audit.report import Findings
from keeper.audit.sources import SeatRecords
from keeper.model.amounts import WIDE, micro_floor, signed
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow

ROUNDING = 10
"""Micro-dollars by which a venue's own rounding may make its cash differ from its records, in all."""

CLOCK_SLACK_MS = 900_000
"""How long after a mark's instant a record may be stamped and still be in it: a mark is used within 15 minutes (A1)."""

ZERO = Decimal(0)

Record = Fill | FundingPayment | LedgerRow


def notional(size: Decimal, price: Decimal) -> int:
    """size × price in micro-USDC, floored; exact for a venue's own prices, which have ≤ 6 − size_decimals decimals."""
    return micro_floor(WIDE.multiply(size, price))


def fill_cash(fill: Fill) -> int:
    """What a fill does to a seat's cash."""
    return notional(-fill.signed_size, fill.price) - fill.fee


def cash_of(record: Record) -> int:
    return fill_cash(record) if isinstance(record, Fill) else record.amount


def _rank(record: Record) -> int:
    return 0 if isinstance(record, LedgerRow) else 1 if isinstance(record, Fill) else 2


@dataclass(frozen=True, slots=True)
class Prefix:
    """How many of the records since the last mark this one covers, and what the seat comes to with them."""

    count: int
    cash: int
    sizes: dict[str, Decimal]
    time_ms: int


class SeatHistory:
    """A seat's records in order of time, walked through once. At one instant: money movements, then fills, then
    funding (rule H5)."""

    def __init__(self, records: SeatRecords) -> None:
        parts: tuple[Iterable[Record], ...] = (records.rows, records.fills, records.payments)
        self._coming = heapq.merge(*parts, key=lambda record: (record.time_ms, _rank(record)))
        self._ahead: Record | None = None
        self._window: list[Record] = []

    def find_cut(self, sheet: MarkSheet, start: Prefix, findings: Findings, where: str) -> Prefix:
        """The newest prefix that reproduces the sheet's sizes and cash, among the records up to a while after it.

        When there is none, the one at the sheet's time, with findings of what it lacks; it is returned with the sheet's
        own cash and sizes, so that the next mark is not blamed for the same hole again."""
        self._read_until(sheet.as_of * 1000 + CLOCK_SLACK_MS)
        wanted = {line.coin: line.size for line in sheet.lines if line.size}
        walk = _Walk(start, wanted)
        exact = near = None
        at_mark = walk.prefix(0, start.time_ms)
        for count, record in enumerate([None, *self._window]):
            if record is not None:
                walk.add(record)
            off = abs(walk.cash - sheet.cash)
            if walk.differing or off > ROUNDING:
                pass
            elif off == 0:
                exact = walk.prefix(count, record.time_ms if record else start.time_ms)
            elif near is None or off <= abs(near.cash - sheet.cash):
                near = walk.prefix(count, record.time_ms if record else start.time_ms)
            if record is not None and record.time_ms <= sheet.as_of * 1000:
                at_mark = Prefix(count, walk.cash, {}, record.time_ms)
        if exact is not None:
            return exact
        if near is None:
            sizes = self._sizes(start, at_mark.count)
            _name_what_is_missing(sheet, wanted, Prefix(0, at_mark.cash, sizes, 0), findings, where)
        cut = near or at_mark
        return Prefix(cut.count, sheet.cash, wanted, cut.time_ms)

    def take(self, count: int) -> list[Record]:
        """The next records: they belong to the mark at hand, and are not kept."""
        taken, self._window = self._window[:count], self._window[count:]
        return taken

    def _read_until(self, time_ms: int) -> None:
        while True:
            record = self._ahead or next(self._coming, None)
            self._ahead = None
            if record is None:
                return
            if record.time_ms > time_ms:
                self._ahead = record
                return
            self._window.append(record)

    def _sizes(self, start: Prefix, count: int) -> dict[str, Decimal]:
        walk = _Walk(start, {})
        for record in self._window[:count]:
            walk.add(record)
        return walk.sizes


class _Walk:
    """Cash and sizes record by record, and in how many coins the sizes are not yet the wanted ones."""

    def __init__(self, start: Prefix, wanted: dict[str, Decimal]) -> None:
        self.cash, self.sizes = start.cash, dict(start.sizes)
        self._wanted = wanted
        self._differing = {coin for coin in {*wanted, *self.sizes} if self.sizes.get(coin) != wanted.get(coin)}

    @property
    def differing(self) -> bool:
        return bool(self._differing)

    def add(self, record: Record) -> None:
        self.cash += cash_of(record)
        if not isinstance(record, Fill):
            return
        coin = record.coin
        size = self.sizes.get(coin, ZERO) + record.signed_size
        if size:
            self.sizes[coin] = size
        else:
            self.sizes.pop(coin, None)
        if size == self._wanted.get(coin, ZERO):
            self._differing.discard(coin)
        else:
            self._differing.add(coin)

    def prefix(self, count: int, time_ms: int) -> Prefix:
        return Prefix(count, self.cash, self._wanted, time_ms)


def _name_what_is_missing(
    sheet: MarkSheet, wanted: dict[str, Decimal], cut: Prefix, findings: Findings, where: str
) -> None:
    for coin in sorted(set(wanted) | set(cut.sizes)):
        marked, recorded = wanted.get(coin, ZERO), cut.sizes.get(coin, ZERO)
        if marked != recorded:
            more = signed(marked - recorded)
            what = f"missing size: the mark holds {more} {coin} more than the venue's records come to"
            findings.add("missing_size", f"{where} {coin}", what, marked, recorded)
    if sheet.cash != cut.cash:
        what = f"missing cash: the mark has {sheet.cash - cut.cash:+} micro-USDC more than the venue's records come to"
        findings.add("missing_cash", where, what, sheet.cash, cut.cash)
