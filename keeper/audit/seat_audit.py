"""One seat from mark to mark: its sheet, its cut, and what each sub-account earned there (design §5, rule H5)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from keeper.audit.chain_replay import MarkFact
from keeper.audit.funding import FundingAudit
from keeper.audit.holdings import Holdings
from keeper.audit.report import Findings
from keeper.audit.results import MarkResult
from keeper.audit.seat_records import ROUNDING, Prefix, Record, SeatHistory, cash_of, notional
from keeper.audit.sources import SeatRecords
from keeper.audit.statement_file import FundingPart, MarkPart
from keeper.errors import IntegrityError
from keeper.model.marks import MarkSheet, SheetLine
from keeper.model.venue_records import Fill, FundingPayment

INSURANCE = 0
"""Whose part of a quarantine is no sub-account's."""

GRACE_S = 60
"""How far the venue's clock and the chain's may differ."""


class Owners(Protocol):
    """Whose a fill is, and what the broker may take of it."""

    def owner_id(self, fill: Fill) -> int | None: ...

    def routing_fee(self, fill: Fill) -> int: ...


class SeatAudit:
    """Walks a seat through its marks in order, once; `orders` says whose a fill is."""

    def __init__(self, records: SeatRecords, tier: int, orders: Owners, findings: Findings) -> None:
        self.venue = records.venue
        self.tier = tier
        self._findings = findings
        self._history = SeatHistory(records)
        self._orders = orders
        self._instruments = {instrument.asset: instrument for instrument in records.instruments}
        self._holdings = Holdings()
        self._funding = FundingAudit(records, self._holdings, findings)
        self._references = {row.reference for row in records.rows}
        self._cut = Prefix(0, 0, {}, 0)
        self._equity = 0
        self._prices: dict[str, Decimal] = {}
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
        if cut.time_ms > (sheet.as_of + GRACE_S) * 1000:
            what = "the mark holds what happened after its instant"
            self._findings.add("mark_backdated", where, what, sheet.as_of * 1000, cut.time_ms)
        span = self._history.take(cut.count)
        owned = [(fill, self._orders.owner_id(fill)) for fill in span if isinstance(fill, Fill)]
        before = self.positions()
        for fill, owner in owned:
            if owner is not None:
                self._holdings.add(fill.coin, owner, fill.signed_size, fill.time_ms)
        prices = self._prices_at(sheet, span, where)
        self._revalue(result, before, prices)
        self._trade(result, owned, prices)
        payments = [record for record in span if isinstance(record, FundingPayment)]
        shares = self._funding.share_out(result, funding, payments, sheet.as_of, where)
        self._findings.now_ms = mark.time_s * 1000
        change = mark.delta + mark.held - sum(self._withheld.values())
        self._check_insurance(result, change, sheet, span, shares, where)
        self._withhold(result, mark.held)
        self._cut, self._equity, self._prices = cut, sheet.equity, prices
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
        return self._holdings.all()

    def check_funding_complete(self) -> None:
        """Every instant up to the last mark at which somebody held the coin must have been shared out."""
        self._funding.check_complete()

    def _prices_at(self, sheet: MarkSheet, span: Sequence[Record], where: str) -> dict[str, Decimal]:
        """The sheet's mark prices. Where everyone ended flat in a coin its price cancels out: the one before, or
        the last fill's, stands in; where somebody holds it, the sheet must have it."""
        traded = {record.coin: record.price for record in span if isinstance(record, Fill)}
        marks = sheet.marks()
        for coin in self._holdings.coins():
            if coin not in marks:
                self._findings.add(
                    "mark_price_missing", f"{where} {coin}", "sub-accounts hold it, but it was not marked"
                )
        return traded | self._prices | marks

    def _revalue(self, result: MarkResult, before: dict[tuple[int, str], Decimal], prices: dict[str, Decimal]) -> None:
        for (owner, coin), size in before.items():
            result.results[owner].revaluation += notional(size, prices[coin]) - notional(size, self._prices[coin])

    def _trade(self, result: MarkResult, owned: Sequence[tuple[Fill, int | None]], prices: dict[str, Decimal]) -> None:
        for fill, owner in owned:
            if owner is None:
                continue
            mine = result.results[owner]
            mine.trading += notional(fill.signed_size, prices[fill.coin]) - notional(fill.signed_size, fill.price)
            mine.fees += fill.fee
            mine.routing += self._orders.routing_fee(fill)
            mine.fills += 1

    # insurance

    @property
    def references(self) -> set[str]:
        """What the venue's ledger rows are called."""
        return self._references

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
