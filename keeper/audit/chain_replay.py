"""The vault's books rebuilt from its logs alone: lanes, venue books, insurance, tickets, owners and rights."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from keeper.audit.report import Findings
from keeper.chain.log_follower import ChainLog
from keeper.chain.vault import TRADE

LANES_PER_WORD = 4
LANE_BITS = 64

COMMIT_INTERVAL_S = 600
MAX_MARK_AGE_S = 900
DAY_S = 86_400
FEE_DAYS = 3
"""Rules A1, A5, A8 (`ConstantsLib.sol`)."""


@dataclass(slots=True)
class MarkFact:
    """One mark. `assets`: asset number → (size × 10^szDecimals, price × 10^(6 − szDecimals)); T1 only. `held`: gains
    left in quarantine (T2 only), once a commit has used the mark."""

    venue: str
    delta: int
    value: int
    as_of: int
    l1_block: int
    sheet_hash: str
    block: int
    time_s: int
    tx: str
    held: int = 0
    assets: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class CommitFact:
    """One commit. `equity` (Σ lanes) and `insurance`: after it, before its approvals."""

    epoch: int
    block: int
    time_s: int
    as_of: int
    fence: int
    root: str
    pnl: int
    fees: int
    insurance_delta: int
    new_deficit: int
    marks: dict[str, MarkFact]
    deltas: dict[int, int]
    equity: int
    insurance: int
    approved: list[tuple[int, int]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TicketFact:
    id: int
    remaining: int
    receiver: str
    after_epoch: int
    payable: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class _Opened:
    time_s: int
    generation: int
    owner: str


@dataclass(frozen=True, slots=True)
class _Right:
    time_s: int
    generation: int
    who: str
    rights: int
    until: int


def lane_deltas(words: str, pnl4: Iterable[int]) -> dict[int, int]:
    """Non-zero deltas by sub-account from the commit's call data words (rule A4)."""
    found: dict[int, int] = {}
    for word, packed in zip(bytes.fromhex(words.removeprefix("0x")), pnl4, strict=True):
        for lane in range(LANES_PER_WORD):
            raw = (packed >> (LANE_BITS * lane)) & (2**LANE_BITS - 1)
            delta = raw - 2**LANE_BITS if raw >= 2 ** (LANE_BITS - 1) else raw
            if delta:
                found[word * LANES_PER_WORD + lane + 1] = delta
    return found


class ChainReplay:
    """`apply` every log in order; then the fields are what the chain must show."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.lanes: dict[int, int] = defaultdict(int)
        self.deposits: dict[int, int] = defaultdict(int)
        self.withdrawn: dict[int, int] = defaultdict(int)
        self.exit_paid: dict[int, int] = defaultdict(int)
        self.books: dict[str, int] = {}
        self.tiers: dict[str, int] = {}
        self.quarantine: dict[str, int] = defaultdict(int)
        self.insurance = 0
        self.deficit = 0
        self.fees_accrued = 0
        self.idle = 0
        self.tickets: dict[int, TicketFact] = {}
        self.commits: list[CommitFact] = []
        self.opened: dict[int, list[_Opened]] = defaultdict(list)
        self._rights: dict[int, list[_Right]] = defaultdict(list)
        self._moves: dict[int, list[tuple[int, int]]] = defaultdict(list)  # by id: (block, its lane after)
        self._pending: dict[str, MarkFact] = {}
        self._last_mark: MarkFact | None = None
        self._deltas: dict[int, dict[int, int]] = {}
        self._marked_as_of: dict[str, int] = {}
        self._fee_ppm = 0
        self._fee_allowance = 0
        self._fee_equity = 0
        self._fees_counted_s = 0

    def apply(self, log: ChainLog) -> None:
        handler = getattr(self, f"_on_{log.name}", None)
        self._findings.now_ms = log.time_s * 1000
        if handler is None:
            return
        try:
            handler(log, log.args)
        except KeyError as missing:
            what = f"{log.name} names {missing}, which no earlier log made"
            self._findings.add("log_astray", f"block {log.block} log {log.log_index}", what)

    # what others ask

    @property
    def payables(self) -> int:
        return sum(ticket.payable for ticket in self.tickets.values())

    def owner_of(self, id: int) -> str:
        return self.opened[id][-1].owner if self.opened[id] else ""

    def lane_at(self, id: int, block: int) -> int:
        """The lane at the end of a block."""
        moves = self._moves.get(id, [])
        after = bisect_right(moves, block, key=lambda move: move[0])
        return moves[after - 1][1] if after else 0

    def generation_at(self, id: int, time_s: int) -> _Opened | None:
        held = [opened for opened in self.opened.get(id, []) if opened.time_s <= time_s]
        return held[-1] if held else None

    def may_trade(self, id: int, signer: str, time_s: int) -> bool:
        """Whether `signer` was the owner, or a delegate whose TRADE right had not ended, at that time."""
        opened = self.generation_at(id, time_s)
        if opened is None:
            return False
        if opened.owner == signer:
            return True
        granted = [
            right
            for right in self._rights.get(id, [])
            if right.who == signer and right.generation == opened.generation and right.time_s <= time_s
        ]
        return bool(granted) and bool(granted[-1].rights & TRADE) and granted[-1].until >= time_s

    # one method for each event that moves something

    def _move(self, log: ChainLog, id: int, change: int) -> None:
        self.lanes[id] += change
        self._moves[id].append((log.block, self.lanes[id]))

    def _on_AccountOpened(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802 - named as the events
        self.opened[args["id"]].append(_Opened(log.time_s, args["generation"], args["owner"]))

    def _on_AccountClosed(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        id = args["id"]
        self._findings.equal(
            "closed_with_money", f"sub-account {id}", "closed with money in its lane", 0, self.lanes[id]
        )
        if self.commits:
            self.commits[-1].closed.append(id)

    def _on_AccountTransferred(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self._findings.equal(
            "transfer_owner",
            f"sub-account {args['id']}",
            "taken over from somebody else",
            self.owner_of(args["id"]),
            args["from"],
        )
        self.opened[args["id"]].append(_Opened(log.time_s, args["generation"], args["to"]))

    def _on_RightsSet(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        right = _Right(log.time_s, args["generation"], args["who"], args["rights"], args["until"])
        self._rights[args["id"]].append(right)

    def _on_Deposited(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self._move(log, args["id"], args["amount"])
        self.deposits[args["id"]] += args["amount"]
        self.idle += args["amount"]

    def _on_WithdrawRequested(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.tickets[args["ticket"]] = TicketFact(args["id"], args["amount"], args["receiver"], len(self.commits))

    def _on_WithdrawCancelled(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.tickets[args["ticket"]].remaining -= args["amount"]

    def _on_Redirected(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.tickets[args["ticket"]].receiver = args["receiver"]

    def _on_WithdrawApproved(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        ticket, amount = self.tickets[args["ticket"]], args["amount"]
        where = f"ticket {args['ticket']}"
        self._findings.equal("ticket_owner", where, "approved for another sub-account", ticket.id, args["id"])
        if amount > ticket.remaining:
            self._findings.add("ticket_overpaid", where, "approved for more than was asked", ticket.remaining, amount)
        if args["epoch"] < ticket.after_epoch + 2:
            what = "approved without a commit between request and approval (A7)"
            self._findings.add("approved_at_once", where, what, ticket.after_epoch + 2, args["epoch"])
        ticket.remaining -= amount
        ticket.payable += amount
        self._move(log, args["id"], -amount)
        self.withdrawn[args["id"]] += amount
        if self.commits and self.commits[-1].epoch == args["epoch"]:
            self.commits[-1].approved.append((args["ticket"], amount))
        else:
            self._findings.add(
                "approval_outside_commit", where, f"approved in epoch {args['epoch']}, not in its commit"
            )

    def _on_Claimed(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        ticket, amount = self.tickets[args["ticket"]], args["amount"]
        where = f"ticket {args['ticket']}"
        self._findings.equal("claim_amount", where, "claimed something else than was payable", ticket.payable, amount)
        self._findings.equal("claim_receiver", where, "paid to somebody else", ticket.receiver, args["receiver"])
        ticket.payable -= amount
        ticket.paid += amount
        self.idle -= amount

    def _on_FeesPaid(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        if args["amount"] > self.fees_accrued:
            self._findings.add(
                "fees_overpaid", f"block {log.block}", "more fees paid than accrued", self.fees_accrued, args["amount"]
            )
        self.fees_accrued -= args["amount"]
        self.idle -= args["amount"]

    def _on_ExitClaimed(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.exit_paid[args["id"]] += args["amount"]
        self.idle -= args["amount"]

    def _on_VenueAdded(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.books[args["venue"]] = 0
        self.tiers[args["venue"]] = args["tier"]

    def _on_VenueRemoved(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self._settle_insurance(-self.books.pop(args["venue"]), 0)
        self._pending.pop(args["venue"], None)

    def _on_Sent(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.books[args["venue"]] += args["amount"]
        self.idle -= args["amount"]

    def _on_Collected(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.books[args["venue"]] -= args["amount"]
        self.idle += args["amount"]

    def _on_InsuranceFunded(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.idle += args["amount"]
        self._settle_insurance(args["amount"], 0)

    def _on_Marked(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        venue = args["venue"]
        where = f"{venue} block {log.block}"
        expected = args["value"] - self.books[venue]
        self._findings.equal("mark_delta", where, "marked delta is not value − book", expected, args["delta"])
        self._check_mark_time(venue, args["asOf"], log.time_s, where)
        self._last_mark = self._pending[venue] = MarkFact(
            venue=venue,
            delta=args["delta"],
            value=args["value"],
            as_of=args["asOf"],
            l1_block=args["l1Block"],
            sheet_hash=args["sheet"],
            block=log.block,
            time_s=log.time_s,
            tx=log.tx,
            held=self.quarantine[venue],
        )

    def _check_mark_time(self, venue: str, as_of: int, time_s: int, where: str) -> None:
        last = self._marked_as_of.get(venue, 0)
        if as_of < last or time_s - as_of > MAX_MARK_AGE_S:
            what = "the mark's instant lies before the last mark's, or more than 15 minutes back (A1, C8)"
            self._findings.add("mark_backdated", where, what, max(last, time_s - MAX_MARK_AGE_S), as_of)
        self._marked_as_of[venue] = as_of

    def _on_Quarantined(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self.quarantine[args["venue"]] = args["amount"]

    def _on_QuarantineReleased(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        """By the commit that uses the mark: the part is in that mark's value."""
        venue, amount = args["venue"], args["amount"]
        mark = self._pending.get(venue)
        if mark is None or amount > mark.held:
            where = f"{venue} block {log.block}"
            self._findings.add(
                "released_astray", where, "more was released than a mark held", mark and mark.held, amount
            )
            return
        mark.held -= amount
        self.quarantine[venue] -= amount

    def _on_QuarantineRefused(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self._pending.pop(args["venue"], None)

    def _on_AssetMarked(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        mark = self._last_mark
        if mark is None or (mark.tx, mark.venue) != (log.tx, args["venue"]):
            self._findings.add(
                "asset_mark_astray", f"{args['venue']} block {log.block}", "an asset's mark without a mark"
            )
            return
        mark.assets[args["asset"]] = (args["size"], args["markPrice"])

    def _on_LanesChanged(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        deltas = lane_deltas(args["words"], args["pnl4"])
        for id, delta in deltas.items():
            self._move(log, id, delta)
        self._deltas[args["epoch"]] = deltas

    def _on_Committed(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        epoch = args["epoch"]
        where = f"epoch {epoch}"
        deltas = self._deltas.pop(epoch, {})
        marks: dict[str, MarkFact] = {}
        for venue in args["marked"]:
            mark = self._pending.pop(venue, None)
            if mark is None:
                self._findings.add("mark_missing", where, f"committed {venue} without a mark")
                continue
            marks[venue] = mark
            self.books[venue] += mark.delta
        self._findings.equal("epoch_order", where, "epochs must follow each other", len(self.commits) + 1, epoch)
        self._findings.equal(
            "lanes_sum", where, "Σ of the lanes' deltas is not the commit's pnl", args["pnl"], sum(deltas.values())
        )
        delta = sum(mark.delta for mark in marks.values())
        spread = args["pnl"] + args["fees"] + args["insuranceDelta"] - args["newDeficit"]
        self._findings.equal(
            "conservation", where, "pnl + fees + insuranceDelta − newDeficit ≠ Σ delta (A2)", delta, spread
        )
        self._check_times(args, log.time_s, marks, where)
        self._check_fees(args["fees"], args["pnl"], log.time_s, where)
        self.fees_accrued += args["fees"]
        self._settle_insurance(args["insuranceDelta"], args["newDeficit"])
        if args["newDeficit"] > 0 and self.insurance:
            what = "a deficit was booked although insurance is left (A3)"
            self._findings.add("deficit_with_insurance", where, what, 0, self.insurance)
        self.commits.append(
            CommitFact(
                epoch=epoch,
                block=log.block,
                time_s=log.time_s,
                as_of=args["asOf"],
                fence=args["fence"],
                root=args["statementRoot"],
                pnl=args["pnl"],
                fees=args["fees"],
                insurance_delta=args["insuranceDelta"],
                new_deficit=args["newDeficit"],
                marks=marks,
                deltas=deltas,
                equity=sum(self.lanes.values()),
                insurance=self.insurance,
            )
        )

    def _check_times(self, args: dict[str, Any], time_s: int, marks: dict[str, MarkFact], where: str) -> None:
        """Rules A1 and A5."""
        for venue, mark in marks.items():
            if args["asOf"] > mark.as_of or time_s - mark.as_of > MAX_MARK_AGE_S:
                what = f"{venue} was marked more than 15 minutes before the commit, or before the commit's instant"
                self._findings.add("mark_stale", where, what, args["asOf"], mark.as_of)
        if not self.commits:
            return
        last = self.commits[-1]
        if time_s < last.time_s + COMMIT_INTERVAL_S:
            what = "commits are at least 10 minutes apart (A5)"
            self._findings.add("commit_too_soon", where, what, last.time_s + COMMIT_INTERVAL_S, time_s)
        if args["fence"] < last.fence:
            what = "a deposed keeper committed: its fence is older than one already used (A5)"
            self._findings.add("fence_fell", where, what, last.fence, args["fence"])

    def _check_fees(self, fees: int, pnl: int, time_s: int, where: str) -> None:
        """Rule A8: what may accrue at the cap since the last commit, at most three days' worth."""
        self._accrue_fees(time_s)
        if fees > self._fee_allowance:
            what = "more fees than the cap lets accrue (A8)"
            self._findings.add("fee_above_rate", where, what, self._fee_allowance, fees)
        self._fee_allowance = max(0, self._fee_allowance - fees)
        equity = sum(self.lanes.values())
        self._fee_equity = max(equity, equity - pnl)

    def _accrue_fees(self, time_s: int) -> None:
        a_day = self._fee_equity * self._fee_ppm // 1_000_000
        earned = a_day * (time_s - self._fees_counted_s) // DAY_S
        self._fee_allowance = min(self._fee_allowance + earned, FEE_DAYS * a_day)
        self._fees_counted_s = time_s

    def _on_FeeCapChanged(self, log: ChainLog, args: dict[str, Any]) -> None:  # noqa: N802
        self._accrue_fees(log.time_s)
        if not self._fee_ppm:
            self._fee_equity = sum(self.lanes.values())
        self._fee_ppm = args["ppmPerDay"]

    def _settle_insurance(self, change: int, new_deficit: int) -> None:
        """Insurance pays an open deficit first (rule A2)."""
        insurance, owed = self.insurance + change, self.deficit + new_deficit
        repaid = min(insurance, owed)
        self.insurance, self.deficit = insurance - repaid, owed - repaid
