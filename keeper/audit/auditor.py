"""The audit itself: pure, from the three inputs to a report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from keeper.audit.anchors import check_anchors
from keeper.audit.chain_replay import ChainReplay, CommitFact
from keeper.audit.client_parts import ClientPart, check_client_parts
from keeper.audit.fill_chain import check_fills, client_order_ids
from keeper.audit.orders import AuditedOrder, Orders
from keeper.audit.report import AccountLine, AuditReport, EpochLine, Findings
from keeper.audit.results import MarkResult, SeatResult
from keeper.audit.seat_audit import SeatAudit
from keeper.audit.seat_records import ZERO
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.audit.statement_file import AccountPart, Statement, StatementFile
from keeper.model.amounts import plain
from keeper.model.instruments import sign

UNCOLLECTED = "uncollected"
BAD_DEBT = "bad debt"


def audit(
    facts: ChainFacts,
    seats: Mapping[str, SeatRecords],
    statements: Mapping[int, StatementFile],
    findings: Findings | None = None,
    *,
    settled_only: bool = False,
    clients: Sequence[ClientPart] = (),
) -> AuditReport:
    """Re-derives everything. `seats` by adapter address, lower case; `statements` by epoch; `findings`: what reading
    the inputs already found. `settled_only` leaves out fills after the last mark (no statement has their orders);
    `clients`: what clients show of their statements."""
    work = _Audit(facts, seats, statements, findings or Findings(), settled_only)
    return work.run(clients)


class _Audit:
    def __init__(
        self,
        facts: ChainFacts,
        seats: Mapping[str, SeatRecords],
        statements: Mapping[int, StatementFile],
        findings: Findings,
        settled_only: bool,
    ) -> None:
        self._facts = facts
        self._records = seats
        self._statements = statements
        self._findings = findings
        self._settled_only = settled_only
        self._replay = ChainReplay(findings)
        self._orders = Orders(facts.chain_id, facts.vault, self._replay, findings)
        self._seats: dict[str, SeatAudit] = {}
        self._pnl: dict[int, int] = defaultdict(int)
        self._totals: dict[int, SeatResult] = defaultdict(SeatResult)
        self._known = {log.tx for log in facts.logs} | {UNCOLLECTED}
        self._fills = 0
        self._epochs: list[EpochLine] = []
        self._short: set[tuple[int, str, str]] = set()

    def run(self, clients: Sequence[ClientPart]) -> AuditReport:
        for log in self._facts.logs:
            self._replay.apply(log)
        for file in self._statements.values():
            self._orders.add_statement(file.statement)
        self._orders.tie(client_order_ids(self._records))
        self._fills = check_fills(self._records, self._orders, self._settled_until(), self._findings)
        self._open_seats()
        for commit in self._replay.commits:
            self._epoch(commit)
        for seat in self._seats.values():
            seat.check_funding_complete()
        check_anchors(self._statements, self._findings)
        committed = {commit.epoch for commit in self._replay.commits}
        for epoch in sorted(set(self._statements) - committed):
            file = self._statements[epoch]
            self._findings.now_ms = file.statement.as_of * 1000
            self._findings.add("statement_uncommitted", f"epoch {epoch}", f"{file.name}: no such commit")
        check_client_parts(clients, self._replay.commits, self._findings)
        self._compare_views()
        return self._report()

    def _settled_until(self) -> dict[str, int]:
        """By seat: up to when its fills must have an order in a statement, if not all of them must."""
        if not self._settled_only:
            return {}
        last = {venue: mark.as_of * 1000 for commit in self._replay.commits for venue, mark in commit.marks.items()}
        return {venue: last.get(venue, 0) for venue in self._records}

    def _open_seats(self) -> None:
        for venue, records in self._records.items():
            if venue not in self._replay.tiers:
                self._findings.add("unknown_venue", venue, "the vault never listed this venue")
            tier = self._replay.tiers.get(venue, 2)
            self._seats[venue] = SeatAudit(records, tier, self._orders, self._findings)

    # epochs

    def _epoch(self, commit: CommitFact) -> None:
        where = f"epoch {commit.epoch}"
        self._findings.now_ms = commit.time_s * 1000
        file = self._statements.get(commit.epoch)
        if file is None:
            self._findings.add("statement_missing", where, "there is no statement file of this commit")
        else:
            self._check_statement(file, commit, where)
        statement = file.statement if file else None
        marked = {venue: self._mark(venue, commit, statement) for venue in commit.marks}
        self._findings.now_ms = commit.time_s * 1000
        results: dict[int, dict[str, SeatResult]] = defaultdict(dict)
        for venue, mark_result in marked.items():
            for owner, result in mark_result.results.items():
                results[owner][venue] = result
        if statement is None:
            for owner, delta in commit.deltas.items():
                self._pnl[owner] += delta
            return
        self._compare_openings(commit, statement, where)
        pnl = self._less_routing(self._expected_pnl(results, statement), results, statement, where)
        self._compare_accounts(commit, statement, results, pnl, where)
        self._compare_lanes(commit, pnl, where)
        self._compare_insurance(statement, marked, where)
        for owner, by_seat in results.items():
            for result in by_seat.values():
                total = self._totals[owner]
                total.fees += result.fees
                total.funding += result.funding
                total.fills += result.fills
        self._note_epoch(commit, results, pnl)
        for closed in commit.closed:
            for seat in self._seats.values():
                seat.close(closed)

    def _note_epoch(
        self, commit: CommitFact, results: Mapping[int, Mapping[str, SeatResult]], pnl: Mapping[int, int]
    ) -> None:
        parts = [result for by_seat in results.values() for result in by_seat.values()]
        self._epochs.append(
            EpochLine(
                epoch=commit.epoch,
                as_of=commit.as_of,
                pnl=sum(pnl.values()),
                fees=sum(part.fees for part in parts),
                funding=sum(part.funding for part in parts),
                fills=sum(part.fills for part in parts),
                insurance_delta=commit.insurance_delta,
                equity=commit.equity,
                insurance=commit.insurance,
            )
        )
        for owner, amount in pnl.items():
            self._pnl[owner] += amount

    def _check_statement(self, file: StatementFile, commit: CommitFact, where: str) -> None:
        statement = file.statement
        what = f"{file.name} has been altered: its root is not the one on chain"
        self._findings.equal("statement_root", where, what, commit.root, file.root())
        totals = statement.totals
        for name, chain, said in (
            ("chainId", self._facts.chain_id, statement.chain_id),
            ("vault", self._facts.vault, statement.vault.lower()),
            ("asOf", commit.as_of, statement.as_of),
            ("fence", commit.fence, statement.fence),
            ("pnl", commit.pnl, totals.pnl),
            ("fees", commit.fees, totals.fees),
            ("insuranceDelta", commit.insurance_delta, totals.insurance_delta),
            ("newDeficit", commit.new_deficit, totals.new_deficit),
            ("delta", sum(mark.delta for mark in commit.marks.values()), totals.delta),
            ("marks", sorted(commit.marks), sorted(mark.venue for mark in statement.marks)),
        ):
            self._findings.equal("statement_field", where, f"the statement's {name} is not the chain's", chain, said)
        asked = {approval.ticket: approval.amount for approval in statement.approvals}
        for ticket, amount in commit.approved:
            if amount > asked.get(ticket, 0):
                what = f"ticket {ticket} was approved for more than the statement says"
                self._findings.add("statement_approval", where, what, asked.get(ticket, 0), amount)

    def _mark(self, venue: str, commit: CommitFact, statement: Statement | None) -> MarkResult:
        seat = self._seats.get(venue)
        self._findings.now_ms = commit.marks[venue].time_s * 1000
        if seat is None:
            what = f"its records were not fetched: add --venue {venue}=URL"
            self._findings.add("venue_not_read", venue, what)
            return MarkResult()
        claimed = funding = None
        if statement is not None:
            claimed = next((mark for mark in statement.marks if mark.venue == venue), None)
            funding = [part for part in statement.funding if part.venue == venue]
        return seat.settle(commit.marks[venue], claimed, funding or [], commit.epoch)

    def _expected_pnl(self, results: Mapping[int, Mapping[str, SeatResult]], statement: Statement) -> dict[int, int]:
        """Σ over the seats, but no lane falls below 0: the rest is insurance's bad debt (rule A3)."""
        return {
            owner: max(
                sum(result.for_lane for result in by_seat.values()),
                -self._replay.lane_at(owner, statement.snapshot_block),
            )
            for owner, by_seat in sorted(results.items())
        }

    def _less_routing(
        self,
        pnl: Mapping[int, int],
        results: Mapping[int, Mapping[str, SeatResult]],
        statement: Statement,
        where: str,
    ) -> dict[int, int]:
        """Net of the broker's fees as stated: of each sub-account at most its fills' orders' part, all of them the
        commit's `fees`. Less may be taken, as the vault caps fees and no lane pays what it does not have."""
        net = dict(pnl)
        for part in statement.accounts:
            most = sum(result.routing for result in results.get(part.id, {}).values())
            if not 0 <= part.routing <= most:
                what = "the broker took more, or less than nothing, of its fills than their orders allow"
                self._findings.add("routing_fee", f"{where} sub-account {part.id}", what, most, part.routing)
            if part.routing:
                net[part.id] = net.get(part.id, 0) - part.routing
        what = "Σ of the accounts' routing fees is not the commit's fees"
        total = sum(part.routing for part in statement.accounts)
        self._findings.equal("routing_fee", where, what, total, statement.totals.fees)
        return net

    def _compare_lanes(self, commit: CommitFact, pnl: Mapping[int, int], where: str) -> None:
        differences = {
            owner: commit.deltas.get(owner, 0) - pnl.get(owner, 0)
            for owner in sorted(set(commit.deltas) | set(pnl))
            if commit.deltas.get(owner, 0) != pnl.get(owner, 0)
        }
        for owner, difference in differences.items():
            what = f"its lane was changed by {difference:+} micro-USDC more than it earned"
            place = f"{where} sub-account {owner}"
            self._findings.add("lane_delta", place, what, pnl.get(owner, 0), commit.deltas.get(owner, 0))
        if len(differences) == 2 and sum(differences.values()) == 0:
            giver, taker = sorted(differences, key=lambda owner: differences[owner])
            what = f"{differences[taker]} micro-USDC of sub-account {giver} were given to sub-account {taker}"
            self._findings.add("moved", where, what)

    def _compare_openings(self, commit: CommitFact, statement: Statement, where: str) -> None:
        """Whose the sub-accounts are, and their lanes before this commit."""
        for part in statement.accounts:
            place = f"{where} sub-account {part.id}"
            opened = self._replay.generation_at(part.id, commit.time_s)
            before = self._replay.lane_at(part.id, statement.snapshot_block)
            for name, expected, got in (
                ("generation", opened.generation if opened else 0, part.generation),
                ("before", before, part.before),
            ):
                self._findings.equal("statement_account", place, f"the statement's {name} is not so", expected, got)

    def _compare_accounts(
        self,
        commit: CommitFact,
        statement: Statement,
        results: Mapping[int, Mapping[str, SeatResult]],
        pnl: Mapping[int, int],
        where: str,
    ) -> None:
        said = {part.id: part for part in statement.accounts}
        held = self._positions_by_owner(commit)
        for owner in sorted(set(pnl) - set(said)):
            if pnl[owner]:
                self._findings.add(
                    "statement_account", f"{where} sub-account {owner}", "earned, but is not in the statement"
                )
        for owner, part in said.items():
            place = f"{where} sub-account {owner}"
            self._compare_seats(part, results.get(owner, {}), place)
            self._compare_positions(part, held.get(part.id, {}), place)
            for name, expected, got in (
                ("pnl", pnl.get(owner, 0), part.pnl),
                ("after", part.before + part.pnl, part.after),
            ):
                self._findings.equal("statement_account", place, f"the statement's {name} is not so", expected, got)

    def _compare_seats(self, part: AccountPart, results: Mapping[str, SeatResult], place: str) -> None:
        said = {seat.venue: seat for seat in part.seats}
        for venue in sorted(set(said) | set(results)):
            mine, theirs = results.get(venue, SeatResult()), said.get(venue)
            for name in ("trading", "revaluation", "fees", "funding", "withheld_before", "withheld"):
                got = getattr(theirs, name) if theirs else 0
                self._findings.equal(
                    "statement_result", f"{place} {venue}", f"{name} is not so", getattr(mine, name), got
                )

    def _positions_by_owner(self, commit: CommitFact) -> dict[int, dict[tuple[str, str], Decimal]]:
        held: dict[int, dict[tuple[str, str], Decimal]] = defaultdict(dict)
        for venue in commit.marks:
            seat = self._seats.get(venue)
            for (owner, coin), size in seat.positions().items() if seat else ():
                held[owner][venue, coin] = size
        return held

    def _compare_positions(self, part: AccountPart, mine: Mapping[tuple[str, str], Decimal], place: str) -> None:
        said = {(position.venue, position.coin): position.size for position in part.positions}
        for venue, coin in sorted(set(said) | set(mine)):
            expected, got = mine.get((venue, coin), ZERO), said.get((venue, coin), ZERO)
            if expected == got or (part.id, venue, coin) in self._short:
                continue
            self._short.add((part.id, venue, coin))
            what = f"position in {coin} from its fills is not the statement's"
            self._findings.add("position", f"{place} {venue}", what, expected, got)
            for order in self._left_short(part.id, coin, got - expected):
                asked = f"{order.side} {plain(order.size)}"
                what = f"{order.name} ({asked}) is short by {plain(abs(got - expected))}"
                self._findings.add(
                    "order_short", f"{place} {venue}", what, order.filled + abs(got - expected), order.filled
                )

    def _left_short(self, owner: int, coin: str, missing: Decimal) -> list[AuditedOrder]:
        """Orders of a sub-account that may have had a fill of that signed size which no record shows."""
        return [
            order
            for order in self._orders.all()
            if order.id == owner
            and order.coin == coin
            and sign(order.side) * missing > 0
            and order.size - order.filled >= abs(missing)
        ]

    def _compare_insurance(self, statement: Statement, marked: Mapping[str, MarkResult], where: str) -> None:
        totals = statement.totals
        asked = sum(item.amount for item in statement.insurance)
        what = "Σ of the insurance items is not insuranceDelta − newDeficit"
        self._findings.equal("insurance", where, what, totals.insurance_delta - totals.new_deficit, asked)
        for venue, result in marked.items():
            place = f"{where} {venue}"
            items = [item for item in statement.insurance if item.venue == venue and item.kind != BAD_DEBT]
            total = sum(item.amount for item in items)
            self._findings.equal("insurance", place, "Σ of the seat's insurance items", result.insurance, total)
            references = self._known | (self._seats[venue].references if venue in self._seats else set())
            for item in items:
                if "@" not in item.reference and item.reference not in references:
                    what = f"{item.kind} of {item.amount} names a ledger row that the venue does not have"
                    self._findings.add("insurance_reference", place, what, "", item.reference)
        for venue in sorted({item.venue for item in statement.insurance if item.kind != BAD_DEBT} - set(marked)):
            self._findings.add("insurance", f"{where} {venue}", "insurance items of a seat that was not marked")

    # the chain's own views

    def _compare_views(self) -> None:
        replay, state = self._replay, self._facts.state
        self._findings.now_ms = max((log.time_s * 1000 for log in self._facts.logs), default=0)
        for name, expected, got in (
            ("idle", replay.idle, state.idle),
            ("sumEquity", sum(replay.lanes.values()), state.sum_equity),
            ("payables", replay.payables, state.payables),
            ("insurance", replay.insurance, state.insurance),
            ("feesAccrued", replay.fees_accrued, state.fees_accrued),
            ("deficit", replay.deficit, state.deficit),
            ("epoch", len(replay.commits), state.epoch),
        ):
            self._findings.equal("chain_view", name, f"{name} rebuilt from logs is not the vault's", expected, got)
        liabilities = state.sum_equity + state.payables + state.insurance + state.fees_accrued
        paid_in_exit = sum(replay.exit_paid.values())
        assets = state.idle + sum(self._facts.books.values()) + state.deficit + paid_in_exit
        self._findings.equal(
            "balance", "vault", "liabilities are not idle + Σ book + deficit + exit paid (A2)", assets, liabilities
        )
        for venue in sorted(set(replay.books) | set(self._facts.books)):
            what = "book rebuilt from logs is not the vault's"
            self._findings.equal("chain_view", venue, what, replay.books.get(venue), self._facts.books.get(venue))
        for id, lane in self._facts.lanes.items():
            self._findings.equal(
                "lane", f"sub-account {id}", "lane rebuilt from logs is not the vault's", replay.lanes[id], lane
            )
        for id, account in self._facts.accounts.items():
            self._findings.equal(
                "owner", f"sub-account {id}", "owner by logs is not the vault's", replay.owner_of(id), account.owner
            )
        for number, ticket in self._facts.tickets.items():
            fact = replay.tickets.get(number)
            mine = (fact.id, fact.remaining, fact.payable, fact.paid, fact.receiver) if fact else None
            theirs = (ticket.account, ticket.remaining, ticket.payable, ticket.paid, ticket.receiver)
            self._findings.equal("ticket", f"ticket {number}", "rebuilt from logs is not the vault's", mine, theirs)

    def _report(self) -> AuditReport:
        replay = self._replay
        ids: Sequence[int] = sorted(set(self._facts.lanes) | set(replay.lanes))
        lines = tuple(
            AccountLine(
                id=id,
                owner=replay.owner_of(id),
                equity_chain=self._facts.lanes.get(id, 0),
                equity_audited=replay.deposits[id] + self._pnl[id] - replay.withdrawn[id],
                deposits=replay.deposits[id],
                withdrawn=replay.withdrawn[id],
                fills=self._totals[id].fills,
                fees=self._totals[id].fees,
                funding=self._totals[id].funding,
            )
            for id in ids
        )
        return AuditReport(
            vault=self._facts.vault,
            chain_id=self._facts.chain_id,
            block=self._facts.block,
            epochs=len(replay.commits),
            fills=self._fills,
            by_epoch=tuple(self._epochs),
            accounts=lines,
            findings=tuple(self._findings.found),
        )
