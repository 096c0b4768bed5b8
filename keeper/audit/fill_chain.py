"""Every fill of every seat in order of time: the position chain, and the order behind each."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from keeper.audit.orders import Orders
from keeper.audit.report import Findings
from keeper.audit.seat_records import ZERO
from keeper.audit.sources import SeatRecords
from keeper.model.amounts import plain, signed
from keeper.model.venue_records import Fill


class PositionChain:
    """Each fill of a seat must start where the coin's last one ended; a hole names a missing fill."""

    def __init__(self, venue: str, findings: Findings) -> None:
        self._venue = venue
        self._findings = findings
        self._held: dict[str, Decimal] = {}
        self._last: dict[str, Fill] = {}
        self._first_ms = -1
        self._seen: set[int] = set()

    def add(self, fill: Fill) -> None:
        place = f"{self._venue} {fill.coin} trade {fill.tid}"
        self._first_ms = fill.time_ms if self._first_ms < 0 else self._first_ms
        name = fill.oid << 64 | fill.tid
        if name in self._seen:
            self._findings.add("trade_twice", place, "the venue's record has this trade twice")
        self._seen.add(name)
        expected = self._held.get(fill.coin, ZERO)
        missing = fill.start_position - expected
        if missing:
            last = self._last.get(fill.coin)
            after = f"trade {last.tid}" if last else "the beginning"
            self._findings.now_ms = last.time_ms + 1 if last else self._first_ms  # what is missing came right after
            hole = f"a fill of {signed(missing)} {fill.coin} is missing between {after} and this one"
            what = f"position chain broken: {hole}"
            self._findings.add("position_chain", place, what, expected, fill.start_position)
            self._findings.now_ms = fill.time_ms
        self._held[fill.coin] = fill.start_position + fill.signed_size
        self._last[fill.coin] = fill


def check_fills(
    seats: Mapping[str, SeatRecords], orders: Orders, settled_until_ms: Mapping[str, int], findings: Findings
) -> int:
    """Walks through all of them; how many there are.

    `settled_until_ms` by seat: of the fills after it no statement has to have the orders yet; a seat that is not in it
    is audited to its end.
    """
    chains = {venue: PositionChain(venue, findings) for venue in seats}
    holdings: dict[tuple[int, str], Decimal] = defaultdict(lambda: ZERO)
    count = 0
    for venue, fill in _in_order(seats):
        count += 1
        findings.now_ms = fill.time_ms
        chains[venue].add(fill)
        order = orders.owner_of(fill)
        if order is not None:
            orders.check_fill(fill, order, holdings[order.id, fill.coin])
            holdings[order.id, fill.coin] += fill.signed_size
        elif fill.time_ms <= settled_until_ms.get(venue, fill.time_ms):
            what = f"{fill.side} {plain(fill.size)}: its client order id {fill.cloid} derives from no signed order"
            findings.add("unowned_fill", f"{venue} {fill.coin} trade {fill.tid}", what)
    return count


def client_order_ids(seats: Mapping[str, SeatRecords]) -> Iterator[str]:
    return (fill.cloid for records in seats.values() for fill in records.fills if fill.cloid)


def _in_order(seats: Mapping[str, SeatRecords]) -> Iterator[tuple[str, Fill]]:
    def tagged(venue: str, records: SeatRecords) -> Iterator[tuple[str, Fill]]:
        return ((venue, fill) for fill in records.fills)

    streams = [tagged(venue, records) for venue, records in sorted(seats.items())]
    return heapq.merge(*streams, key=lambda item: item[1].time_ms)
