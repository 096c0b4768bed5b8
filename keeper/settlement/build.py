"""From the books and a set of marks to a commit and its statement. Pure: the same books give the same bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from keeper.errors import IntegrityError
from keeper.ledger import Attribution, Books, InsuranceItem, OrderView, attribute, pack, transfer_items
from keeper.model.events import Cut
from keeper.model.marks import VenueMark
from keeper.model.statements import VERSION, LogHead, statement_root
from keeper.settlement import statement as entries
from keeper.settlement.cut import CutStart, find_cut

MAX_ATTESTED_AGE_S = 24 * 3600
"""Age of a T2 venue's last mark in a full commit, at most (`ConstantsLib.sol`)."""

TIER_READ = 1

EMPTY_LOG = LogHead()


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """The argument of `PrimeVault.commit`, and what the log keeps of it. Amounts micro-USDC; venues lower case;
    `statement_root` `0x` hex; `pnl` by sub-account, as packed in `words` and `pnl4`, net of `routing`, which adds up to
    `fees`; `withheld` by venue and sub-account, after the commit."""

    epoch: int
    as_of: int
    fence: int
    statement_root: str
    insurance_delta: int
    fees: int
    new_deficit: int
    words: bytes
    pnl4: tuple[int, ...]
    marked: tuple[str, ...]
    approvals: tuple[tuple[int, int], ...]
    pnl: dict[int, int]
    cuts: dict[str, Cut]
    snapshot_block: int
    withheld: dict[str, dict[int, int]]
    routing: dict[int, int]

    def to_abi(self) -> tuple[Any, ...]:
        """The struct's fields in Solidity's order, as web3 encodes them."""
        return (
            self.epoch,
            self.as_of,
            self.fence,
            bytes.fromhex(self.statement_root.removeprefix("0x")),
            self.insurance_delta,
            self.fees,
            self.new_deficit,
            self.words,
            list(self.pnl4),
            [to_checksum_address(venue) for venue in self.marked],
            [tuple(approval) for approval in self.approvals],
        )


@dataclass(frozen=True, slots=True)
class Losses:
    """What lanes and insurance can bear (A3, H6)."""

    pnl: Mapping[int, int]
    items: tuple[InsuranceItem, ...]
    insurance_delta: int
    new_deficit: int


def build(
    books: Books,
    marks: Sequence[VenueMark],
    *,
    chain_id: int,
    vault: str,
    epoch: int,
    as_of: int,
    fence: int,
    snapshot_block: int,
    idle: int,
    payables: int,
    insurance: int,
    deficit: int,
    requirement: Callable[[int], int],
    log: LogHead = EMPTY_LOG,
    fee_allowance: int = 0,
) -> tuple[CommitPlan, dict[str, Any]]:
    """The commit that settles `marks` (each its venue's latest), and its statement.

    `as_of` seconds, at most the oldest mark's; `snapshot_block` that of the last mark; `idle`, `payables`, `insurance`,
    `deficit` the vault's, read after the marks; `requirement(id)`: margin that the sub-account's positions need, which
    no approval touches; `log` the head of the log that the books are of; `fee_allowance` what the vault lets a commit
    take in fees. Raises SeatBrokenError naming the seat that does not add up (the others can be settled without it),
    IntegrityError for anything else.
    """
    if epoch != books.epoch + 1:
        raise IntegrityError(f"commit {epoch}: the books are at epoch {books.epoch}; book the chain's logs first")
    cuts = {mark.venue: seat_cut(books, mark) for mark in marks}
    attributions = [seat_attribution(books, mark, cuts[mark.venue]) for mark in marks]
    before = books.vault.lanes_at(snapshot_block)
    losses = bear_losses(attributions, before, insurance)
    routing: dict[int, int] = {}
    if deficit + losses.new_deficit == 0:
        routing = routing_fees(books.routing_due(cuts), before, losses.pnl, fee_allowance)
    pnl = net_of(losses.pnl, routing)
    fees = sum(routing.values())
    delta = sum(mark.delta for mark in marks)
    _check_conservation(losses, pnl, fees, delta)
    approvals: tuple[tuple[int, int], ...] = ()
    if deficit + losses.new_deficit <= insurance + losses.insurance_delta and is_full(books, marks, as_of):
        withheld = _withheld_after(books, attributions)
        # What is withheld bears margin, so that less of the lane has to.
        approvals = approve(books, pnl, lambda id_: max(0, requirement(id_) - withheld.get(id_, 0)), idle - payables)

    statement: dict[str, Any] = {
        "version": VERSION,
        "chainId": chain_id,
        "vault": vault.lower(),
        "epoch": epoch,
        "asOf": as_of,
        "fence": fence,
        "snapshotBlock": snapshot_block,
        "log": {"seq": log.seq, "hash": log.hash},
        "marks": [entries.mark_entry(mark, cuts[mark.venue]) for mark in marks],
        "orders": entries.order_entries(_orders(books, cuts), books.leg_numbers),
        "reasons": [],
        "funding": [entries.funding_entry(instant) for item in attributions for instant in item.instants],
        "insurance": [entries.insurance_entry(item) for item in losses.items],
        "accounts": entries.account_entries(
            (account for account in books.accounts() if account.open), before, pnl, attributions, routing
        ),
        "approvals": [{"ticket": ticket, "amount": amount} for ticket, amount in approvals],
        "totals": {
            "pnl": sum(pnl.values()),
            "fees": fees,
            "insuranceDelta": losses.insurance_delta,
            "newDeficit": losses.new_deficit,
            "delta": delta,
        },
    }
    words, pnl4 = pack(pnl)
    plan = CommitPlan(
        epoch=epoch,
        as_of=as_of,
        fence=fence,
        statement_root="0x" + statement_root(statement).hex(),
        insurance_delta=losses.insurance_delta,
        fees=fees,
        new_deficit=losses.new_deficit,
        words=words,
        pnl4=pnl4,
        marked=tuple(mark.venue for mark in marks),
        approvals=approvals,
        pnl=pnl,
        cuts=cuts,
        snapshot_block=snapshot_block,
        withheld={item.venue: dict(item.withheld) for item in attributions},
        routing=routing,
    )
    return plan, statement


def seat_cut(books: Books, mark: VenueMark) -> Cut:
    """Which of the seat's booked records the mark covers."""
    seat = books.seat(mark.venue)
    return find_cut(mark.sheet, seat.fills, seat.fundings, seat.rows, CutStart(seat.sheet, seat.cut))


def seat_attribution(books: Books, mark: VenueMark, cut: Cut) -> Attribution:
    """The seat's change since its last settled mark, sub-account by sub-account."""
    seat, settled = books.seat(mark.venue), books.settled_mark(mark.venue)
    rows = seat.rows[seat.cut.row_count : cut.row_count]
    transfers = transfer_items(
        mark.venue,
        rows,
        books.movements_before(mark),
        mark.uncollected - (settled.uncollected if settled else 0),
    )
    span = slice(seat.cut.fill_count, cut.fill_count)
    fills = list(zip(seat.fills[span], seat.owners[span], strict=True))
    return attribute(
        mark, seat.sheet, seat.cut_positions, fills, seat.instants(cut), transfers, len(rows), seat.withheld
    )


def bear_losses(attributions: Sequence[Attribution], before: Mapping[int, int], insurance: int) -> Losses:
    """Cuts each loss at its lane; insurance bears the rest and all its own items, and what it cannot is new deficit."""
    raw: dict[int, int] = {}
    for item in attributions:
        for id_, earned in item.for_lanes.items():
            raw[id_] = raw.get(id_, 0) + earned
    if unknown := sorted(set(raw) - set(before)):
        raise IntegrityError(f"commit: results of sub-accounts {unknown}, which the vault never opened")
    pnl = {id_: max(amount, -before[id_]) for id_, amount in sorted(raw.items())}
    debts = tuple(
        InsuranceItem("", "bad debt", raw[id_] - borne, f"sub-account {id_}")
        for id_, borne in pnl.items()
        if borne != raw[id_]
    )
    items = tuple(part for item in attributions for part in item.insurance) + debts
    asked = sum(item.amount for item in items)
    new_deficit = max(0, -(insurance + asked))
    return Losses({id_: amount for id_, amount in pnl.items() if amount}, items, asked + new_deficit, new_deficit)


def routing_fees(
    due: Mapping[int, int], before: Mapping[int, int], pnl: Mapping[int, int], allowance: int
) -> dict[int, int]:
    """What of the fees due is taken, by sub-account: no lane pays what it does not have, and all together no more than
    the vault allows (A8), in the order of ids. The rest is waived."""
    taken: dict[int, int] = {}
    for id_, amount in sorted(due.items()):
        fee = min(amount, before.get(id_, 0) + pnl.get(id_, 0), allowance)
        if fee > 0:
            taken[id_] = fee
            allowance -= fee
    return taken


def net_of(pnl: Mapping[int, int], routing: Mapping[int, int]) -> dict[int, int]:
    """Results less fees; nobody with 0 is named."""
    net = {id_: pnl.get(id_, 0) - routing.get(id_, 0) for id_ in sorted({*pnl, *routing})}
    return {id_: amount for id_, amount in net.items() if amount}


def approve(
    books: Books, pnl: Mapping[int, int], requirement: Callable[[int], int], cash: int
) -> tuple[tuple[int, int], ...]:
    """(ticket, amount) pairs, oldest request first, as far as lanes, margin and `cash` reach (A6).

    Only tickets requested before the last commit: people see a request before its cash leaves (A7). How much of the
    rest the day's outflow limit allows, the contract decides.
    """
    approvals = []
    for ticket in books.pending_tickets():
        if ticket.requested_s >= books.vault.committed_s:
            continue
        account = books.account(ticket.account)
        lane = account.lane if account else 0
        free = lane + pnl.get(ticket.account, 0) - requirement(ticket.account)
        amount = min(ticket.remaining, free, cash)
        if amount > 0:
            approvals.append((ticket.id, amount))
            cash -= amount
    return tuple(approvals)


def _withheld_after(books: Books, attributions: Sequence[Attribution]) -> dict[int, int]:
    """By sub-account, over all seats, those not settled here included."""
    settled = {item.venue: item.withheld for item in attributions}
    total: dict[int, int] = {}
    for view in books.venues():
        for id_, amount in settled.get(view.venue, books.seat(view.venue).withheld).items():
            total[id_] = total.get(id_, 0) + amount
    return total


def is_full(books: Books, marks: Sequence[VenueMark], now: int) -> bool:
    """Whether every T1 venue with a book is marked here, and every T2 one was within a day, its mark being used."""
    marked = {mark.venue: mark for mark in marks}
    for view in books.venues():
        mark = marked.get(view.venue)
        if books.book(view.venue) + (mark.delta if mark else 0) == 0 or (mark and view.tier == TIER_READ):
            continue
        if view.tier == TIER_READ or now - view.marked_s > MAX_ATTESTED_AGE_S:
            return False
        if mark is None and view.venue in books.vault.pending_marks:
            return False
    return True


def _orders(books: Books, cuts: Mapping[str, Cut]) -> list[OrderView]:
    """Orders with a leg since the last commit, and those of the fills settled here, oldest first."""
    digests = {order.digest for order in books.orders_since_commit()}
    for venue, cut in cuts.items():
        seat = books.seat(venue)
        for fill in seat.fills[seat.cut.fill_count : cut.fill_count]:
            leg = books.leg(fill.cloid) if fill.cloid else None
            if leg is not None:
                digests.add(leg.digest)
    return [order for order in books.orders() if order.digest in digests]


def _check_conservation(losses: Losses, pnl: Mapping[int, int], fees: int, delta: int) -> None:
    """A2, before the contract says so."""
    difference = delta - sum(pnl.values()) - fees - losses.insurance_delta + losses.new_deficit
    if difference:
        raise IntegrityError(f"commit: {difference} micro-USDC of {delta} are given to nobody")
