"""One seat from mark to mark: its sheet, its cut, and what each sub-account earned there (design §5, rule H5)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from keeper.audit.chain_replay import MarkFact
from keeper.audit.report import Findings
from keeper.audit.seat_records import ROUNDING, ZERO, Prefix, Record, SeatHistory, cash_of, notional
from keeper.audit.sources import SeatRecords
from keeper.audit.statement_file import FundingPart, MarkPart
from keeper.errors import IntegrityError
from keeper.model.amounts import WIDE, micro_floor
from keeper.model.instruments import Instrument
from keeper.model.marks import MarkSheet, SheetLine
from keeper.model.venue_records import Fill, FundingPayment

SAME_INSTANT_MS = 60_000
"""A venue stamps a payment a little after the rate it was settled at: one instant."""

INSURANCE = 0
"""Whose part of a quarantine is no sub-account's."""

ORACLE_ROUNDING = 1
"""Micro-dollars by which the venue's row may differ from size × oracle × rate."""


@dataclass(slots=True)
class SeatResult:
    """What a sub-account earned at a seat between two marks, micro-USDC; `fees` positive = paid."""

    trading: int = 0
    revaluation: int = 0
    fees: int = 0
    funding: int = 0
    fills: int = 0
    withheld_before: int = 0
    withheld: int = 0

    @property
    def pnl(self) -> int:
        return self.trading + self.revaluation - self.fees + self.funding

    @property
    def for_lane(self) -> int:
        """The result, less what is newly withheld of it (rule D3)."""
        return self.pnl + self.withheld_before - self.withheld


@dataclass(slots=True)
class MarkResult:
    """A seat between two marks: each sub-account's result, and what is left for insurance."""

    results: dict[int, SeatResult] = field(default_factory=lambda: defaultdict(SeatResult))
    insurance: int = 0


class SeatAudit:
    """Walks a seat through its marks in order. `owners[i]` is whose the i-th fill is; None = nobody's."""

    def __init__(self, records: SeatRecords, tier: int, owners: Sequence[int | None], findings: Findings) -> None:
        self.venue = records.venue
        self.tier = tier
        self._records = records
        self._findings = findings
        self._history = SeatHistory(records)
        self._owners = dict(zip(map(id, records.fills), owners, strict=True))
        self._by_coin: dict[str, list[tuple[int, int, Decimal]]] = defaultdict(list)
        for fill, owner in zip(records.fills, owners, strict=True):
            if owner is not None:
                self._by_coin[fill.coin].append((fill.time_ms, owner, fill.signed_size))
        self._instruments: dict[int, Instrument] = {instrument.asset: instrument for instrument in records.instruments}
        self._cut = Prefix(0, 0, {}, 0)
        self._equity = 0
        self._prices: dict[str, Decimal] = {}
        self._last_as_of = 0
        self._covered: set[tuple[str, int]] = set()
        self._withheld: dict[int, int] = {}

    # marks

    def sheet_of(self, mark: MarkFact, claimed: MarkPart | None, where: str) -> MarkSheet | None:
        """T1: from the chain's own events. T2: the statement's, whose hash the attestors signed."""
        if self.tier == 1:
            sheet = self._sheet_from_chain(mark)
            if claimed is not None:
                self._compare_sheets(sheet, claimed, where)
            return sheet
        if claimed is None:
            self._findings.add("sheet_missing", where, "the statement has no mark sheet of this attested seat")
            return None
        sheet = claimed.mark_sheet
        try:
            _ = sheet.equity
        except ValueError as error:
            self._findings.add("sheet_hash", where, f"the sheet is not one that attestors sign: {error}")
            return None
        same = "0x" + sheet.hash().hex()
        self._findings.equal(
            "sheet_hash", where, "the sheet is not the one the attestors signed", mark.sheet_hash, same
        )
        return sheet

    def _sheet_from_chain(self, mark: MarkFact) -> MarkSheet:
        lines = []
        for asset, (size, price) in mark.assets.items():
            instrument = self._instruments.get(asset)
            if instrument is None:
                raise IntegrityError(f"{self.venue}: asset {asset} was marked, the venue's meta has no such asset")
            lines.append(
                SheetLine(
                    coin=instrument.coin,
                    size=Decimal(size).scaleb(-instrument.size_decimals),
                    mark=Decimal(price).scaleb(instrument.size_decimals - 6),
                )
            )
        lines.sort(key=lambda line: line.coin)
        cash = mark.value - sum(line.value for line in lines)
        return MarkSheet(venue=self.venue, as_of=mark.as_of, cash=cash, lines=tuple(lines))

    def _compare_sheets(self, sheet: MarkSheet, claimed: MarkPart, where: str) -> None:
        """The statement may leave out a coin of which the chain marked size 0."""
        self._findings.equal(
            "sheet_cash", where, "the statement's cash is not the chain's", sheet.cash, claimed.sheet.cash
        )
        on_chain = {line.coin: (line.size, line.mark) for line in sheet.lines}
        said = {line.coin: (line.size, line.mark) for line in claimed.sheet.lines}
        for coin in sorted(on_chain | said):
            if coin not in said and on_chain[coin][0] == 0:
                continue
            if on_chain.get(coin) != said.get(coin):
                what = f"the statement's size and mark price of {coin} are not the chain's"
                self._findings.add("sheet_line", where, what, on_chain.get(coin), said.get(coin))

    # one mark

    def settle(
        self, mark: MarkFact, claimed: MarkPart | None, funding: Sequence[FundingPart], epoch: int
    ) -> MarkResult:
        """The results since the last mark. Funding instants come from the statement and are checked one by one."""
        where = f"epoch {epoch} {self.venue}"
        sheet = self.sheet_of(mark, claimed, where)
        result = MarkResult()
        if sheet is None:
            return result
        if claimed is not None:
            for name, chain, said in (
                ("asOf", mark.as_of, claimed.as_of),
                ("delta", mark.delta, claimed.delta),
                ("value", mark.value, claimed.value),
                ("held", mark.held, claimed.held),
            ):
                self._findings.equal("statement_mark", where, f"the statement's {name} is not the chain's", chain, said)
        cut = self._history.find_cut(sheet, self._cut, self._findings, where)
        span = self._history.records[self._cut.count : cut.count]
        prices = self._prices_at(sheet, span, cut, where)
        self._revalue(result, prices)
        self._trade(result, span, prices)
        shares = sum(self._share(result, part, span, where) for part in funding)
        change = mark.delta + mark.held - sum(self._withheld.values())
        self._check_insurance(result, change, sheet, span, shares, where)
        self._withhold(result, mark.held)
        self._cut, self._equity, self._prices, self._last_as_of = cut, sheet.equity, prices, sheet.as_of
        return result

    def close(self, owner: int) -> None:
        """What is withheld from a sub-account falls to insurance when it closes."""
        left = self._withheld.pop(owner, 0)
        self._withheld[INSURANCE] = self._withheld.get(INSURANCE, 0) + left

    def _withhold(self, result: MarkResult, held: int) -> None:
        """Rule D3, from what the chain holds: a rise is taken pro rata from gains, a fall given back pro rata to what
        is withheld; whole micro-dollars, the rest is insurance's."""
        before, owners = self._withheld, set(result.results) | set(self._withheld) - {INSURANCE}
        rise = held - sum(before.values())
        gains = {owner: max(0, result.results[owner].pnl) for owner in owners}
        after = dict(before)
        if rise > 0 and (total := sum(gains.values())):
            taken = min(rise, total)
            after = {owner: before.get(owner, 0) + taken * gains[owner] // total for owner in owners}
        elif rise < 0:
            after = {owner: before.get(owner, 0) * held // sum(before.values()) for owner in owners}
        after[INSURANCE] = held - sum(amount for owner, amount in after.items() if owner != INSURANCE)
        for owner in owners:
            mine = result.results[owner]
            mine.withheld_before, mine.withheld = before.get(owner, 0), after.get(owner, 0)
        result.insurance -= after[INSURANCE] - before.get(INSURANCE, 0)
        self._withheld = after

    def positions(self) -> dict[tuple[int, str], Decimal]:
        """What each sub-account holds at the last cut."""
        return self._positions(self._history.records[: self._cut.count])

    def _positions(self, records: Sequence[Record]) -> dict[tuple[int, str], Decimal]:
        held: dict[tuple[int, str], Decimal] = defaultdict(lambda: ZERO)
        for record in records:
            owner = self._owners.get(id(record))
            if isinstance(record, Fill) and owner is not None:
                held[owner, record.coin] += record.signed_size
        return {key: size for key, size in held.items() if size}

    def _prices_at(self, sheet: MarkSheet, span: Sequence[Record], cut: Prefix, where: str) -> dict[str, Decimal]:
        """The sheet's mark prices. Where everyone ended flat in a coin its price cancels out: the one before, or
        the last fill's, stands in; where somebody holds it, the sheet must have it."""
        traded = {record.coin: record.price for record in span if isinstance(record, Fill)}
        for _, coin in sorted(self._positions(self._history.records[: cut.count])):
            if coin not in sheet.marks():
                self._findings.add(
                    "mark_price_missing", f"{where} {coin}", "sub-accounts hold it, but it was not marked"
                )
        return traded | self._prices | sheet.marks()

    def _revalue(self, result: MarkResult, prices: dict[str, Decimal]) -> None:
        for (owner, coin), size in self.positions().items():
            result.results[owner].revaluation += notional(size, prices[coin]) - notional(size, self._prices[coin])

    def _trade(self, result: MarkResult, span: Sequence[Record], prices: dict[str, Decimal]) -> None:
        for fill in span:
            owner = self._owners.get(id(fill))
            if not isinstance(fill, Fill) or owner is None:
                continue
            mine = result.results[owner]
            mine.trading += notional(fill.signed_size, prices[fill.coin]) - notional(fill.signed_size, fill.price)
            mine.fees += fill.fee
            mine.fills += 1

    # funding

    def _share(self, result: MarkResult, part: FundingPart, span: Sequence[Record], where: str) -> int:
        """Shares out one instant; returns Σ shares."""
        place = f"{where} {part.coin} funding at {part.time}"
        if (part.coin, part.time) in self._covered:
            self._findings.add("funding_twice", place, "this instant was shared out before")
            return 0
        self._covered.add((part.coin, part.time))
        row = next((r for r in span if isinstance(r, FundingPayment) and self._same(r.coin, r.time_ms, part)), None)
        self._check_rate(part, place)
        self._check_row(part, row, place)
        price = WIDE.multiply(part.oracle, part.rate)
        expected = {
            owner: (size, micro_floor(WIDE.multiply(-size, price)))
            for owner, size in self._holders(part.coin, part.time).items()
        }
        said = {share.id: (share.position, share.share) for share in part.shares}
        for owner in sorted(set(expected) | set(said)):
            position, share = expected.get(owner, (ZERO, 0))
            said_position, said_share = said.get(owner, (ZERO, 0))
            ours = f"{place} sub-account {owner}"
            self._findings.equal("funding_position", ours, "position at the instant", position, said_position)
            self._findings.equal("funding_share", ours, f"share of {position} {part.coin}", share, said_share)
            result.results[owner].funding += share
        total = sum(share for _, share in expected.values())
        remainder = (row.amount if row else 0) - total
        self._findings.equal("funding_remainder", place, "payment − Σ shares", remainder, part.remainder)
        if abs(remainder) > len(expected) + ORACLE_ROUNDING:
            self._findings.add(
                "funding_unshared", place, "more is left over than rounding explains", len(expected), remainder
            )
        return total

    def _holders(self, coin: str, before_ms: int) -> dict[int, Decimal]:
        """Open positions in a coin by sub-account, from the fills stamped before an instant."""
        held: dict[int, Decimal] = defaultdict(lambda: ZERO)
        for time_ms, owner, size in self._by_coin[coin]:
            if time_ms >= before_ms:
                break
            held[owner] += size
        return {owner: size for owner, size in sorted(held.items()) if size}

    def _same(self, coin: str, time_ms: int, part: FundingPart) -> bool:
        return coin == part.coin and abs(time_ms - part.time) < SAME_INSTANT_MS

    def _check_rate(self, part: FundingPart, place: str) -> None:
        rate = next((r.rate for r in self._records.rates if self._same(r.coin, r.time_ms, part)), None)
        if rate is None:
            self._findings.add("funding_invented", place, "the venue settled no funding then")
        else:
            self._findings.equal("funding_rate", place, "the rate is not the venue's", rate, part.rate)

    def _check_row(self, part: FundingPart, row: FundingPayment | None, place: str) -> None:
        self._findings.equal("funding_paid", place, "paid to the seat", row.amount if row else None, part.paid)
        if row is None:
            return
        self._findings.equal("funding_size", place, "the seat's size in the venue's row", row.size, part.seat_size)
        implied = micro_floor(WIDE.multiply(-row.size, WIDE.multiply(part.oracle, part.rate)))
        if abs(implied - row.amount) > ORACLE_ROUNDING:
            what = "−size × oracle × rate with the statement's oracle price is not what the venue paid"
            self._findings.add("funding_oracle", place, what, row.amount, implied)

    def check_funding_complete(self) -> None:
        """Every instant up to the last mark at which somebody held the coin must have been shared out."""
        end = (self._last_as_of - SAME_INSTANT_MS // 1000) * 1000
        for rate in self._records.rates:
            if rate.time_ms > end or rate.rate == 0:
                continue
            if any(coin == rate.coin and abs(at - rate.time_ms) < SAME_INSTANT_MS for coin, at in self._covered):
                continue
            holders = self._holders(rate.coin, rate.time_ms)
            if holders:
                what = (
                    f"no statement shares out this instant; sub-accounts {', '.join(map(str, holders))} held the coin"
                )
                self._findings.add("funding_missing", f"{self.venue} {rate.coin} funding at {rate.time_ms}", what)

    # insurance

    @property
    def references(self) -> set[str]:
        """What the venue's ledger rows are called."""
        return {row.reference for row in self._records.rows}

    def _check_insurance(
        self, result: MarkResult, change: int, sheet: MarkSheet, span: Sequence[Record], shares: int, where: str
    ) -> None:
        """The seat's change, quarantine included, − Σ results goes to insurance. Funding remainders, and ledger rows
        without a send of ours (or costs of one), explain it; what else there is must be rounding."""
        result.insurance = change - sum(earned.pnl for earned in result.results.values())
        transfers = change - (sheet.equity - self._equity)
        rows = sum(cash_of(record) for record in span if not isinstance(record, Fill | FundingPayment))
        payments = sum(cash_of(record) for record in span if isinstance(record, FundingPayment))
        rest = result.insurance - (rows + transfers) - (payments - shares)
        if abs(rest) > ROUNDING:
            what = "no ledger row, funding remainder or rounding explains this part of the seat's change"
            self._findings.add("seat_unexplained", where, what, 0, rest)
