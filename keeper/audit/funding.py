"""The funding instants of a seat: whether each was shared out, once, at the venue's own rate, to whoever held the coin
(rule H5)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from keeper.audit.holdings import ZERO, Holdings
from keeper.audit.report import Findings
from keeper.audit.results import MarkResult
from keeper.audit.sources import SeatRecords
from keeper.audit.statement_file import FundingPart
from keeper.model.amounts import WIDE, micro_floor
from keeper.model.venue_records import FundingPayment, FundingRate

SAME_INSTANT_MS = 60_000
"""A venue stamps a payment a little after the rate it was settled at: one instant."""

ORACLE_ROUNDING = 1
"""Micro-dollars by which the venue's row may differ from size × oracle × rate."""


class _Timed(Protocol):
    @property
    def coin(self) -> str: ...

    @property
    def time_ms(self) -> int: ...


Item = TypeVar("Item", bound=_Timed)


class _ByInstant(Generic[Item]):
    """Records by coin and instant, where times less than a minute apart are one."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._minutes: dict[tuple[str, int], Item] = {}
        for item in items:
            self._minutes.setdefault((item.coin, item.time_ms // SAME_INSTANT_MS), item)

    def find(self, coin: str, time_ms: int) -> Item | None:
        minute = time_ms // SAME_INSTANT_MS
        near = (self._minutes.get((coin, at)) for at in (minute, minute - 1, minute + 1))
        return next((item for item in near if item and abs(item.time_ms - time_ms) < SAME_INSTANT_MS), None)


class FundingAudit:
    """`share_out` for each mark in order; in the end `check_complete`."""

    def __init__(self, records: SeatRecords, holdings: Holdings, findings: Findings) -> None:
        self._venue = records.venue
        self._findings = findings
        self._holdings = holdings
        self._rates = sorted(records.rates, key=lambda rate: rate.time_ms)
        self._by_instant = _ByInstant(self._rates)
        self._due = 0  # how many of the rates lie before the last mark
        self._covered: set[tuple[str, int]] = set()
        self._open: dict[tuple[str, int], dict[int, Decimal]] = {}
        self._check_payments(records.payments)

    def share_out(
        self,
        result: MarkResult,
        parts: Sequence[FundingPart],
        payments: Sequence[FundingPayment],
        as_of: int,
        where: str,
    ) -> int:
        """What a statement shares out at this mark, checked one by one; returns Σ shares. `payments`: the venue's rows
        since the last mark."""
        rows = _ByInstant(payments)
        total = sum(self._share(result, part, rows.find(part.coin, part.time), where) for part in parts)
        while self._due < len(self._rates) and self._rates[self._due].time_ms <= as_of * 1000 - SAME_INSTANT_MS:
            self._note_due(self._rates[self._due])
            self._due += 1
        return total

    def check_complete(self) -> None:
        """Every instant up to the last mark at which somebody held the coin must have been shared out by now."""
        for (coin, time_ms), holders in self._open.items():
            self._findings.now_ms = time_ms
            what = f"no statement shares out this instant; sub-accounts {', '.join(map(str, holders))} held the coin"
            self._findings.add("funding_missing", f"{self._venue} {coin} funding at {time_ms}", what)

    def _check_payments(self, payments: Iterable[FundingPayment]) -> None:
        """A row that the venue has twice."""
        seen: set[tuple[str, int]] = set()
        for row in payments:
            key = (row.coin, row.time_ms)
            if key in seen:
                self._findings.now_ms = row.time_ms
                place = f"{self._venue} {row.coin} funding at {row.time_ms}"
                self._findings.add("payment_twice", place, "the venue's record has this payment twice")
            seen.add(key)

    def _note_due(self, rate: FundingRate) -> None:
        if rate.rate == 0 or self._is_covered(rate):
            return
        holders = self._holdings.before(rate.coin, rate.time_ms)
        if holders:
            self._open[rate.coin, rate.time_ms] = holders

    def _is_covered(self, rate: FundingRate) -> bool:
        return any((rate.coin, rate.time_ms // SAME_INSTANT_MS + step) in self._covered for step in (-1, 0, 1))

    def _share(self, result: MarkResult, part: FundingPart, row: FundingPayment | None, where: str) -> int:
        """Shares out one instant; returns Σ shares."""
        self._findings.now_ms = part.time
        place = f"{where} {part.coin} funding at {part.time}"
        rate = self._by_instant.find(part.coin, part.time)
        minute = (rate.time_ms if rate else part.time) // SAME_INSTANT_MS
        if (part.coin, minute) in self._covered:
            self._findings.add("funding_twice", place, "this instant was shared out before")
            return 0
        self._covered.add((part.coin, minute))
        if rate is None:
            self._findings.add("funding_invented", place, "the venue settled no funding then")
        else:
            self._open.pop((rate.coin, rate.time_ms), None)
            self._findings.equal("funding_rate", place, "the rate is not the venue's", rate.rate, part.rate)
        self._check_row(part, row, place)
        price = WIDE.multiply(part.oracle, part.rate)
        expected = {
            owner: (size, micro_floor(WIDE.multiply(-size, price)))
            for owner, size in self._holdings.before(part.coin, part.time).items()
        }
        said = {share.id: (share.position, share.share) for share in part.shares}
        if said != expected:
            self._name_shares(expected, said, part, place)
        for owner, (_, share) in expected.items():
            result.results[owner].funding += share
        total = sum(share for _, share in expected.values())
        remainder = (row.amount if row else 0) - total
        self._findings.equal("funding_remainder", place, "payment − Σ shares", remainder, part.remainder)
        if abs(remainder) > len(expected) + ORACLE_ROUNDING:
            self._findings.add(
                "funding_unshared", place, "more is left over than rounding explains", len(expected), remainder
            )
        return total

    def _name_shares(
        self,
        expected: dict[int, tuple[Decimal, int]],
        said: dict[int, tuple[Decimal, int]],
        part: FundingPart,
        place: str,
    ) -> None:
        for owner in sorted(expected | said):
            position, share = expected.get(owner, (ZERO, 0))
            said_position, said_share = said.get(owner, (ZERO, 0))
            ours = f"{place} sub-account {owner}"
            self._findings.equal("funding_position", ours, "position at the instant", position, said_position)
            self._findings.equal("funding_share", ours, f"share of {position} {part.coin}", share, said_share)

    def _check_row(self, part: FundingPart, row: FundingPayment | None, place: str) -> None:
        self._findings.equal("funding_paid", place, "paid to the seat", row.amount if row else None, part.paid)
        if row is None:
            return
        self._findings.equal("funding_size", place, "the seat's size in the venue's row", row.size, part.seat_size)
        implied = micro_floor(WIDE.multiply(-row.size, WIDE.multiply(part.oracle, part.rate)))
        if abs(implied - row.amount) > ORACLE_ROUNDING:
            what = "−size × oracle × rate with the statement's oracle price is not what the venue paid"
            self._findings.add("funding_oracle", place, what, row.amount, implied)
