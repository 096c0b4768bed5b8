"""Which of a seat's booked records lie before a mark (rule A1): the prefix that reproduces its sizes and its cash."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product

from keeper.ledger import SeatBrokenError
from keeper.model.events import Cut, FundingSeen
from keeper.model.funding import exact_cost
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import Fill, LedgerRow


@dataclass(frozen=True, slots=True)
class CutStart:
    """Where the last settlement left the seat; empty before the first."""

    sheet: MarkSheet | None = None
    cut: Cut = field(default_factory=Cut)


@dataclass(slots=True)
class _Group:
    """Records of one instant: a mark may fall between any of them."""

    time_ms: int
    fills: list[Fill] = field(default_factory=list)
    fundings: list[FundingSeen] = field(default_factory=list)
    rows: list[LedgerRow] = field(default_factory=list)

    def counts(self) -> Iterator[tuple[int, int, int]]:
        """How many of each, all of them first, none of them left out."""
        fills, fundings, rows = (range(len(items), -1, -1) for items in (self.fills, self.fundings, self.rows))
        return (counts for counts in product(fills, fundings, rows) if any(counts))


def find_cut(
    sheet: MarkSheet,
    fills: Sequence[Fill],
    fundings: Sequence[FundingSeen],
    rows: Sequence[LedgerRow],
    start: CutStart,
) -> Cut:
    """The newest prefix of a seat's records, all of them given in log order, that leaves it with the sheet's sizes and
    cash. SeatBrokenError when none does: a record is missing (fetch them again) or the mark is wrong.

    Venues keep spot balances finer than a micro-dollar, so each ledger row may be off by one: a prefix that near counts
    when none is exact.
    """
    groups = _groups(fills, fundings, rows, start.cut)
    cash = start.sheet.cash if start.sheet else 0
    sizes = {coin: size for coin, size in start.sheet.sizes().items() if size} if start.sheet else {}
    wanted = {coin: size for coin, size in sheet.sizes().items() if size}
    states = [(cash, sizes)]
    for group in groups:
        states.append(_after(states[-1], group.fills, group.fundings, group.rows))

    counts = [(start.cut.fill_count, start.cut.funding_count, start.cut.row_count)]
    for group in groups:
        done = counts[-1]
        counts.append((done[0] + len(group.fills), done[1] + len(group.fundings), done[2] + len(group.rows)))

    near: Cut | None = None
    for at in range(len(groups) - 1, -1, -1):
        group, before, done = groups[at], states[at], counts[at]
        for some in group.counts():
            found, held = _after(before, group.fills[: some[0]], group.fundings[: some[1]], group.rows[: some[2]])
            if held != wanted:
                continue
            cut = _cut(done, some, group.time_ms)
            if found == sheet.cash:
                return cut
            if near is None and abs(found - sheet.cash) <= cut.row_count - start.cut.row_count:
                near = cut
    if states[0] == (sheet.cash, wanted):
        return start.cut
    if near is not None:
        return near
    newest_cash, newest_sizes = states[-1]
    raise SeatBrokenError(
        sheet.venue,
        f"no prefix of its records gives the mark's cash {sheet.cash} and sizes {_show(wanted)}; all of them together "
        f"give {newest_cash} and {_show(newest_sizes)}",
    )


def _groups(
    fills: Sequence[Fill], fundings: Sequence[FundingSeen], rows: Sequence[LedgerRow], cut: Cut
) -> list[_Group]:
    """Records after `cut` by time. One booked after a later one counts as late: cuts are prefixes of the log."""
    groups: dict[int, _Group] = {}
    for name, records, skip in (
        ("fills", fills, cut.fill_count),
        ("fundings", fundings, cut.funding_count),
        ("rows", rows, cut.row_count),
    ):
        latest = 0
        for record in records[skip:]:
            latest = max(latest, record.time_ms)
            getattr(groups.setdefault(latest, _Group(latest)), name).append(record)
    return [groups[time_ms] for time_ms in sorted(groups)]


State = tuple[int, dict[str, Decimal]]


def _after(before: State, fills: Sequence[Fill], fundings: Sequence[FundingSeen], rows: Sequence[LedgerRow]) -> State:
    """Cash and open sizes after some more records."""
    cash, sizes = before
    cash += sum(funding.paid or 0 for funding in fundings) + sum(row.amount for row in rows)
    if not fills:
        return cash, sizes
    sizes = dict(sizes)
    for fill in fills:
        cash -= exact_cost(fill.signed_size, fill.price) + fill.fee
        size = sizes.get(fill.coin, Decimal(0)) + fill.signed_size
        if size:
            sizes[fill.coin] = size
        else:
            sizes.pop(fill.coin, None)
    return cash, sizes


def _cut(done: tuple[int, int, int], some: tuple[int, int, int], time_ms: int) -> Cut:
    return Cut(
        fill_count=done[0] + some[0],
        funding_count=done[1] + some[1],
        row_count=done[2] + some[2],
        time_ms=time_ms,
    )


def _show(sizes: dict[str, Decimal]) -> str:
    return "{" + ", ".join(f"{coin} {size}" for coin, size in sorted(sizes.items())) + "}"
