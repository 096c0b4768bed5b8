"""The vault's own books, rebuilt from its logs: sub-accounts, rights, tickets, cash, venues.

At every log the figures are the contract's storage (`PrimeVault.sol`); amounts micro-USDC.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from keeper.errors import IntegrityError
from keeper.ledger import chart
from keeper.ledger.chart import Posting, balances, move
from keeper.ledger.lanes import unpack
from keeper.model.events import ChainLogSeen

TRADE = 1
"""Right of a delegate to sign orders (`ConstantsLib.sol`)."""


@dataclass(frozen=True, slots=True)
class Right:
    rights: int
    until: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """A sub-account. `rights` by delegate in lower case, those of this generation only."""

    id: int
    owner: str
    generation: int
    open: bool
    lane: int
    rights: Mapping[str, Right] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TicketView:
    """A withdrawal. `remaining` waits for approval, `payable` for its claim."""

    id: int
    account: int
    receiver: str
    requested_s: int
    remaining: int
    payable: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class VenueView:
    """A venue on the balance sheet."""

    venue: str
    tier: int
    listed: bool = True
    suspended: bool = False
    cap: int = 0
    relative_cap_bps: int = 0
    marked_s: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """Cash between vault and venue."""

    kind: Literal["sent", "collected"]
    amount: int
    block: int
    tx: str


@dataclass(frozen=True, slots=True)
class MarkLog:
    """A mark as the vault logged it; `movements` = how many sends and collections of its venue came before."""

    delta: int
    value: int
    as_of: int
    block: int
    movements: int


class VaultBooks:
    """Projection of the vault's logs. `apply` refuses with IntegrityError before it changes anything."""

    def __init__(self) -> None:
        self.accounts: dict[int, AccountView] = {}
        self.tickets: dict[int, TicketView] = {}
        self.venues: dict[str, VenueView] = {}
        self.movements: dict[str, list[Movement]] = {}
        self.marks: dict[tuple[str, str], MarkLog] = {}
        self.pending_marks: dict[str, int] = {}
        self.lane_moves: list[tuple[int, int, int]] = []
        self.totals: dict[str, int] = {}
        self.epoch = 0
        self.committed_s = 0
        self.last_as_of = 0
        self.last_fence = 0
        self.last_log = (-1, -1)
        self._handlers: dict[str, Callable[[ChainLogSeen], tuple[Posting, ...]]] = {
            "AccountOpened": self._opened,
            "AccountClosed": self._closed,
            "AccountTransferred": self._transferred,
            "Deposited": self._deposited,
            "RightsSet": self._rights,
            "WithdrawRequested": self._requested,
            "WithdrawCancelled": self._cancelled,
            "WithdrawApproved": self._approved,
            "Redirected": self._redirected,
            "Claimed": self._claimed,
            "FeesPaid": self._fees_paid,
            "ExitClaimed": self._exit_claimed,
            "Sent": self._sent,
            "Collected": self._collected,
            "InsuranceFunded": self._insured,
            "Marked": self._marked,
            "QuarantineRefused": self._refused,
            "LanesChanged": self._lanes,
            "Committed": self._committed,
            "VenueAdded": self._venue_added,
            "VenueRemoved": self._venue_removed,
            "CapChanged": self._cap,
            "RelativeCapChanged": self._relative_cap,
            "SuspensionSet": self._suspension,
        }

    def apply(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        """Books one log; logs without a figure change nothing. They must come in chain order, each once."""
        position = (log.block, log.log_index)
        if position <= self.last_log:
            raise IntegrityError(f"chain log {log.name} at {position}: not after the last one at {self.last_log}")
        handler = self._handlers.get(log.name)
        postings = handler(log) if handler else ()
        balances(postings, self.totals)
        self.last_log = position
        return postings

    # balance

    @property
    def idle(self) -> int:
        return self.totals.get(chart.IDLE, 0)

    @property
    def insurance(self) -> int:
        return -self.totals.get(chart.INSURANCE, 0)

    @property
    def deficit(self) -> int:
        return self.totals.get(chart.DEFICIT, 0)

    @property
    def fees(self) -> int:
        return -self.totals.get(chart.FEES, 0)

    @property
    def payables(self) -> int:
        return sum(ticket.payable for ticket in self.tickets.values())

    @property
    def sum_equity(self) -> int:
        return sum(account.lane for account in self.accounts.values())

    def book(self, venue: str) -> int:
        return self.totals.get(chart.seat(venue), 0)

    def lanes_at(self, block: int) -> dict[int, int]:
        """All lanes at the end of a block since the last commit."""
        lanes = {id_: self.accounts[id_].lane for id_ in sorted(self.accounts)}
        for at, id_, delta in self.lane_moves:
            if at > block:
                lanes[id_] -= delta
        return lanes

    # sub-accounts and tickets

    def _opened(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        id_ = log.args["id"]
        self.accounts[id_] = AccountView(
            id=id_, owner=_address(log, "owner"), generation=log.args["generation"], open=True, lane=0
        )
        return ()

    def _closed(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        account = self._account(log)
        if account.lane:
            raise IntegrityError(f"sub-account {account.id}: closed with {account.lane} micro-USDC in its lane")
        self.accounts[account.id] = replace(account, open=False)
        return ()

    def _transferred(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        account = self._account(log)
        self.accounts[account.id] = replace(
            account, owner=_address(log, "to"), generation=log.args["generation"], rights={}
        )
        return ()

    def _deposited(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        account, amount = self._account(log), log.args["amount"]
        self._shift(log.block, account.id, amount)
        return move(chart.IDLE, chart.client(account.id), amount)

    def _rights(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        account = self._account(log)
        right = Right(log.args["rights"], log.args["until"])
        self.accounts[account.id] = replace(account, rights={**account.rights, _address(log, "who"): right})
        return ()

    def _requested(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        self.tickets[log.args["ticket"]] = TicketView(
            id=log.args["ticket"],
            account=log.args["id"],
            receiver=_address(log, "receiver"),
            requested_s=log.time_s,
            remaining=log.args["amount"],
        )
        return ()

    def _cancelled(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        ticket = self._ticket(log)
        self.tickets[ticket.id] = replace(ticket, remaining=0)
        return ()

    def _approved(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        ticket, amount = self._ticket(log), log.args["amount"]
        if amount > ticket.remaining:
            raise IntegrityError(f"ticket {ticket.id}: {amount} approved of {ticket.remaining} remaining")
        self._shift(log.block, ticket.account, -amount)
        self.tickets[ticket.id] = replace(ticket, remaining=ticket.remaining - amount, payable=ticket.payable + amount)
        return move(chart.client(ticket.account), chart.payable(ticket.id), amount)

    def _redirected(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        ticket = self._ticket(log)
        self.tickets[ticket.id] = replace(ticket, receiver=_address(log, "receiver"))
        return ()

    def _claimed(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        ticket, amount = self._ticket(log), log.args["amount"]
        if amount != ticket.payable:
            raise IntegrityError(f"ticket {ticket.id}: {amount} claimed of {ticket.payable} payable")
        self.tickets[ticket.id] = replace(ticket, payable=0, paid=ticket.paid + amount)
        return move(chart.payable(ticket.id), chart.IDLE, amount)

    def _fees_paid(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        amount = log.args["amount"]
        if amount > self.fees:
            raise IntegrityError(f"{amount} of fees paid of {self.fees} accrued")
        return move(chart.FEES, chart.IDLE, amount)

    def _exit_claimed(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        return move(chart.exit_paid(self._account(log).id), chart.IDLE, log.args["amount"])

    # venues

    def _venue_added(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        venue = _address(log, "venue")
        self.venues[venue] = VenueView(venue=venue, tier=log.args["tier"])
        self.movements.setdefault(venue, [])
        return ()

    def _venue_removed(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view = self._venue(log)
        self.venues[view.venue] = replace(view, listed=False)
        self.pending_marks.pop(view.venue, None)
        book = self.book(view.venue)
        return ((chart.seat(view.venue), -book), *self._insurance_postings(-book, 0))

    def _cap(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view = self._venue(log)
        self.venues[view.venue] = replace(view, cap=log.args["cap"])
        return ()

    def _relative_cap(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view = self._venue(log)
        self.venues[view.venue] = replace(view, relative_cap_bps=log.args["bps"])
        return ()

    def _suspension(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view = self._venue(log)
        self.venues[view.venue] = replace(view, suspended=log.args["suspended"])
        return ()

    def _sent(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view, amount = self._venue(log), log.args["amount"]
        self.movements[view.venue].append(Movement("sent", amount, log.block, log.tx))
        under_way = move(chart.in_flight(view.venue), chart.transfers(view.venue), amount)
        return move(chart.seat(view.venue), chart.IDLE, amount) + under_way

    def _collected(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view, amount = self._venue(log), log.args["amount"]
        self.movements[view.venue].append(Movement("collected", amount, log.block, log.tx))
        arrived = move(chart.transfers(view.venue), chart.in_flight(view.venue), amount)
        return move(chart.IDLE, chart.seat(view.venue), amount) + arrived

    def _marked(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        view, args = self._venue(log), log.args
        book = self.book(view.venue)
        if args["value"] - book != args["delta"]:
            raise IntegrityError(
                f"seat {view.venue}: marked at {args['value']} with delta {args['delta']}, but its book here is {book}"
            )
        self.venues[view.venue] = replace(view, marked_s=log.time_s)
        self.pending_marks[view.venue] = args["delta"]
        self.marks[view.venue, log.tx.lower()] = MarkLog(
            delta=args["delta"],
            value=args["value"],
            as_of=args["asOf"],
            block=log.block,
            movements=len(self.movements[view.venue]),
        )
        return ()

    def _refused(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        """The unused mark, which may count on a release, is void."""
        self.pending_marks.pop(self._venue(log).venue, None)
        return ()

    # settlement

    def _insured(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        amount = log.args["amount"]
        return ((chart.IDLE, amount), *self._insurance_postings(amount, 0))

    def _lanes(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        words = bytes.fromhex(log.args["words"].removeprefix("0x"))
        deltas = unpack(words, [int(value) for value in log.args["pnl4"]])
        for id_, delta in deltas.items():
            account = self.accounts.get(id_)
            if account is None or account.lane + delta < 0:
                raise IntegrityError(
                    f"sub-account {id_}: a commit changes its lane by {delta}, which these books forbid"
                )
        self.lane_moves.clear()
        for id_, delta in deltas.items():
            self._shift(log.block, id_, delta)
        clients = [(chart.client(id_), -delta) for id_, delta in deltas.items()]
        return (*clients, (chart.SETTLEMENT, sum(deltas.values())))

    def _committed(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        args = log.args
        marked = [str(venue).lower() for venue in args["marked"]]
        if missing := [venue for venue in marked if venue not in self.pending_marks]:
            raise IntegrityError(f"commit {args['epoch']}: uses marks of {missing} that these books do not know")
        deltas = {venue: self.pending_marks[venue] for venue in marked}
        postings = (
            *((chart.seat(venue), delta) for venue, delta in deltas.items()),
            *self._insurance_postings(args["insuranceDelta"], args["newDeficit"]),
            (chart.FEES, -args["fees"]),
            (chart.SETTLEMENT, -args["pnl"]),
        )
        if sum(amount for _, amount in postings) or args["pnl"] != self.totals.get(chart.SETTLEMENT, 0):
            raise IntegrityError(f"commit {args['epoch']}: these books do not balance with it: {postings}")
        for venue in marked:
            del self.pending_marks[venue]
        self.epoch, self.committed_s = args["epoch"], log.time_s
        self.last_as_of, self.last_fence = args["asOf"], args["fence"]
        return tuple(line for line in postings if line[1])

    def _insurance_postings(self, delta: int, new_deficit: int) -> tuple[Posting, ...]:
        """Insurance pays an open deficit first (A2); sums to −delta + new_deficit."""
        after, owed = self.insurance + delta, self.deficit + new_deficit
        if after < 0:
            raise IntegrityError(f"insurance: {delta} asked of {self.insurance}")
        repaid = min(after, owed)
        return (
            (chart.INSURANCE, self.insurance - (after - repaid)),
            (chart.DEFICIT, owed - repaid - self.deficit),
        )

    # helpers

    def _account(self, log: ChainLogSeen) -> AccountView:
        account = self.accounts.get(log.args["id"])
        if account is None:
            raise IntegrityError(f"chain log {log.name}: sub-account {log.args['id']} was never opened")
        return account

    def _ticket(self, log: ChainLogSeen) -> TicketView:
        ticket = self.tickets.get(log.args["ticket"])
        if ticket is None:
            raise IntegrityError(f"chain log {log.name}: ticket {log.args['ticket']} was never requested")
        return ticket

    def _venue(self, log: ChainLogSeen) -> VenueView:
        view = self.venues.get(_address(log, "venue"))
        if view is None:
            raise IntegrityError(f"chain log {log.name}: venue {log.args['venue']} was never added")
        return view

    def _shift(self, block: int, id_: int, delta: int) -> None:
        account = self.accounts[id_]
        self.accounts[id_] = replace(account, lane=account.lane + delta)
        self.lane_moves.append((block, id_, delta))


def _address(log: ChainLogSeen, name: str) -> str:
    value: Any = log.args[name]
    return str(value).lower()
