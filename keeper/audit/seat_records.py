"""One seat's records: the position chain, and the prefix of them that a mark covers (rule A1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from keeper.audit.report import Findings
from keeper.audit.sources import SeatRecords
from keeper.model.amounts import WIDE, micro_floor
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow

ROUNDING = 10
"""Micro-dollars by which a venue's own rounding may make its cash differ from its records, in all."""

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
    """How many of the records (in order of time) a mark covers, and what they come to."""

    count: int
    cash: int
    sizes: dict[str, Decimal]
    time_ms: int


class SeatHistory:
    """A seat's records in order of time. At one instant: money movements, then fills, then funding (rule H5)."""

    def __init__(self, records: SeatRecords) -> None:
        self.venue = records.venue
        self.fills = list(records.fills)
        self.records: list[Record] = sorted(
            [*records.rows, *records.fills, *records.payments], key=lambda record: (record.time_ms, _rank(record))
        )

    def check_position_chain(self, findings: Findings) -> None:
        """Each fill must start where the coin's last one ended; a hole names a missing fill."""
        held: dict[str, Decimal] = {}
        last: dict[str, str] = {}
        seen: set[tuple[int, int]] = set()
        for fill in self.fills:
            place = f"{self.venue} {fill.coin} trade {fill.tid}"
            if (fill.oid, fill.tid) in seen:
                findings.add("trade_twice", place, "the venue's record has this trade twice")
            seen.add((fill.oid, fill.tid))
            expected = held.get(fill.coin, ZERO)
            missing = fill.start_position - expected
            if missing:
                after = last.get(fill.coin, "the beginning")
                what = (
                    f"position chain broken: a fill of {missing:+} {fill.coin} is missing between {after} and this one"
                )
                findings.add("position_chain", place, what, expected, fill.start_position)
            held[fill.coin] = fill.start_position + fill.signed_size
            last[fill.coin] = f"trade {fill.tid}"

    def prefixes(self, start: Prefix) -> Iterator[Prefix]:
        """Every state of the seat from `start` on."""
        count, cash, sizes = start.count, start.cash, start.sizes
        yield start
        for record in self.records[start.count :]:
            count += 1
            cash += cash_of(record)
            if isinstance(record, Fill):
                size = sizes.get(record.coin, ZERO) + record.signed_size
                sizes = {coin: held for coin, held in {**sizes, record.coin: size}.items() if held}
            yield Prefix(count, cash, sizes, record.time_ms)

    def find_cut(self, sheet: MarkSheet, start: Prefix, findings: Findings, where: str) -> Prefix:
        """The newest prefix that reproduces the sheet's sizes and cash.

        When there is none, the one at the sheet's time, with findings of what it lacks; it is returned with the sheet's
        own cash and sizes, so that the next mark is not blamed for the same hole again."""
        wanted = {line.coin: line.size for line in sheet.lines if line.size}
        states = list(self.prefixes(start))
        same_sizes = [state for state in states if state.sizes == wanted]
        exact = [state for state in same_sizes if state.cash == sheet.cash]
        if exact:
            return exact[-1]
        near = [state for state in same_sizes if abs(state.cash - sheet.cash) <= ROUNDING]
        at_mark = [state for state in states if state.time_ms <= sheet.as_of * 1000] or [start]
        cut = min(reversed(near), key=lambda state: abs(state.cash - sheet.cash)) if near else at_mark[-1]
        if not near:
            _name_what_is_missing(sheet, wanted, cut, findings, where)
        return Prefix(cut.count, sheet.cash, wanted, cut.time_ms)


def _name_what_is_missing(
    sheet: MarkSheet, wanted: dict[str, Decimal], cut: Prefix, findings: Findings, where: str
) -> None:
    for coin in sorted(set(wanted) | set(cut.sizes)):
        marked, recorded = wanted.get(coin, ZERO), cut.sizes.get(coin, ZERO)
        if marked != recorded:
            what = f"missing size: the mark holds {marked - recorded:+} {coin} more than the venue's records come to"
            findings.add("missing_size", f"{where} {coin}", what, marked, recorded)
    if sheet.cash != cut.cash:
        what = f"missing cash: the mark has {sheet.cash - cut.cash:+} micro-USDC more than the venue's records come to"
        findings.add("missing_cash", where, what, sheet.cash, cut.cash)
