"""The books: a pure projection of the event log. No I/O, no clock; the same events always give the same books."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from keeper.errors import IntegrityError
from keeper.ledger.chart import UNOWNED, Posting, balances, waived_postings
from keeper.ledger.orders import OrderBooks, OrderView
from keeper.ledger.seats import FLAT, Seat
from keeper.ledger.transfers import left_for_home
from keeper.ledger.vault import TRADE, AccountView, MarkLog, Movement, TicketView, VaultBooks, VenueView
from keeper.model import events
from keeper.model.amounts import micro_floor
from keeper.model.events import ChainLogSeen, CommitPrepared, Cut, Event, FundingSeen, LegClosed, LegIntent, MarkTaken
from keeper.model.marks import MarkSheet, VenueMark
from keeper.model.orders import ChildStatus
from keeper.model.venue_records import Fill, LedgerRow


class Books:
    """Give `apply` to `EventLog` as its projector: the log calls it once per event, while opening and on every append.

    `apply` raises IntegrityError, before it changes anything, for an event that cannot follow what is booked.
    Venues and addresses are lower case, money micro-USDC. Views are snapshots or immutable: never write to them.
    """

    def __init__(self) -> None:
        self.vault = VaultBooks()
        self._orders = OrderBooks()
        self._seats: dict[str, Seat] = {}
        self._seq = 0
        self._totals: dict[str, int] = {}
        self._marks: dict[str, MarkTaken] = {}
        self._prepared: dict[str, tuple[int, CommitPrepared, dict[str, MarkTaken]]] = {}
        self._committed: dict[str, MarkTaken] = {}
        self._last_commit_seq = 0
        self._landed: dict[int, events.CommitLanded] = {}
        self._transactions: dict[str, tuple[events.TxIntent, ...]] = {}
        self._results: dict[str, events.TxLanded] = {}

    def apply(self, seq: int, event: Event) -> Sequence[Posting]:
        """Books event number `seq` and returns its postings, which sum to zero."""
        if seq != self._seq + 1:
            raise IntegrityError(f"event {seq} cannot follow event {self._seq}: each is applied once, by the log")
        postings = self._book(seq, event)
        balances(postings, self._totals)
        self._seq = seq
        return postings

    def _book(self, seq: int, event: Event) -> tuple[Posting, ...]:
        match event:
            case ChainLogSeen():
                return self._chain_log(event)
            case events.FillSeen(fill=fill):
                owner = self._orders.owner_of(fill)
                routing = 0 if owner is None else self._orders.routing_fee(fill)
                postings = self._seat(fill.venue).book_fill(fill, owner, routing)
                if owner is not None:
                    self._orders.note_fill(fill)
                return postings
            case FundingSeen(venue=venue):
                return self._seat(venue).book_funding(event)
            case events.LedgerRowSeen(row=row):
                return self._seat(row.venue).book_row(row)
            case events.OrderAccepted():
                self._orders.accept(event)
            case events.OrderStarted():
                self._orders.start(event)
            case events.CancelAsked():
                self._orders.ask_cancel(event)
            case events.RouteDecided():
                self._orders.route(event)
            case LegIntent():
                self._orders.send_leg(seq, event)
            case events.LegRested():
                self._orders.rest_leg(event)
            case events.LegCancelAsked():
                self._orders.ask_leg_cancel(event)
            case LegClosed():
                self._orders.close_leg(event)
            case events.OrderClosed():
                self._orders.close(event)
            case events.TxIntent():
                earlier = () if self._results.pop(event.key, None) else self._transactions.get(event.key, ())
                self._transactions[event.key] = (*earlier, event)
            case events.TxLanded():
                if event.key not in self._transactions:
                    raise IntegrityError(f"transaction {event.key}: landed, but was never sent")
                self._results[event.key] = event
            case MarkTaken(mark=mark):
                self._marks[mark.venue] = event
            case CommitPrepared():
                self._prepare(seq, event)
            case events.CommitLanded():
                self._landed[event.epoch] = event
            case events.SeatFrozen(venue=venue):
                self._seat(venue).frozen = event.reason
            case events.SeatReleased(venue=venue):
                self._seat(venue).frozen = None
                self._seat(venue).explained |= set(event.explains)
        return ()

    # settlement

    def _prepare(self, seq: int, event: CommitPrepared) -> None:
        missing = [venue for venue in event.marks if venue not in self._marks or venue not in event.cuts]
        if missing or event.epoch != self.vault.epoch + 1:
            raise IntegrityError(f"commit {event.epoch} after {self.vault.epoch}: no mark or no cut for {missing}")
        for venue in event.marks:
            self._seat_view(venue).check_settlement(event.cuts[venue], self._marks[venue].mark.sheet)
        self._waived(event)
        self._prepared[event.root.lower()] = (seq, event, {venue: self._marks[venue] for venue in event.marks})

    def _chain_log(self, log: ChainLogSeen) -> tuple[Posting, ...]:
        if log.name == "AccountClosed":
            postings = self.vault.apply(log)
            for seat in self._seats.values():
                seat.forfeit(log.args["id"])
            return postings
        if log.name != "Committed":
            return self.vault.apply(log)
        prepared = self._prepared.get(str(log.args["statementRoot"]).lower())
        if prepared is None:
            raise IntegrityError(
                f"commit {log.args['epoch']} with root {log.args['statementRoot']} was not prepared by these books: "
                "another keeper settled; its statement is needed to go on"
            )
        seq, event, marks = prepared
        postings = self.vault.apply(log) + waived_postings(self._waived(event))
        for venue, mark in marks.items():
            self._seat(venue).settle(event.cuts[venue], mark.mark.sheet, event.withheld.get(venue, {}))
            self._committed[venue] = mark
        self._last_commit_seq = seq
        self._prepared.clear()
        return postings

    def routing_due(self, cuts: Mapping[str, Cut]) -> dict[int, int]:
        """The broker's fees by sub-account on the fills that a commit at these cuts settles."""
        due: dict[int, int] = {}
        for venue, cut in cuts.items():
            for id_, amount in self._seat_view(venue).routing_due(cut).items():
                due[id_] = due.get(id_, 0) + amount
        return due

    def _waived(self, event: CommitPrepared) -> dict[int, int]:
        """Routing fees that are due and that the commit does not take."""
        due = self.routing_due(event.cuts)
        waived = {id_: due.get(id_, 0) - event.routing.get(id_, 0) for id_ in {*due, *event.routing}}
        wrong = any(amount < 0 for amount in (*waived.values(), *event.routing.values()))
        if wrong or sum(event.routing.values()) != event.fees:
            raise IntegrityError(f"commit {event.epoch}: takes fees of {event.fees}, by {event.routing}; due are {due}")
        return waived

    # sub-accounts

    def account(self, id_: int) -> AccountView | None:
        return self.vault.accounts.get(id_)

    def accounts(self) -> tuple[AccountView, ...]:
        """All ever opened, by id."""
        return tuple(self.vault.accounts[id_] for id_ in sorted(self.vault.accounts))

    def may_trade(self, id_: int, signer: str, now_s: int) -> bool:
        """Whether `signer` may sign orders: the owner, or a delegate with an unexpired TRADE right."""
        account = self.account(id_)
        if account is None or not account.open:
            return False
        right = account.rights.get(signer.lower())
        return signer.lower() == account.owner or (
            right is not None and right.rights & TRADE != 0 and now_s <= right.until
        )

    def position(self, id_: int, venue: str, coin: str) -> Decimal:
        seat = self._seats.get(venue)
        return seat.positions.get((id_, coin), FLAT) if seat else FLAT

    def positions(self, id_: int) -> Mapping[tuple[str, str], Decimal]:
        """Open positions by (venue, coin)."""
        return {
            (venue, coin): size
            for venue, seat in self._seats.items()
            for (other, coin), size in seat.positions.items()
            if other == id_
        }

    def withheld(self, id_: int) -> int:
        """Gains in quarantine, at all seats: they count for margin, not for withdrawal (D3)."""
        return sum(seat.withheld.get(id_, 0) for seat in self._seats.values())

    def cash(self, id_: int) -> int:
        """Lane, withheld gains and all that was booked since the last settlement: equity = cash + Σ size × mark."""
        account = self.account(id_)
        earned = sum(seat.cash.get(id_, 0) for seat in self._seats.values())
        return (account.lane if account else 0) + self.withheld(id_) + earned

    def equity(self, id_: int, marks: Mapping[tuple[str, str], Decimal]) -> int:
        """Lane + withheld gains + result since the last settlement at these mark prices, fees and funding included;
        floored once.
        IntegrityError naming the instrument when a price is missing: an unpriced position is not worth nothing."""
        positions = self.positions(id_)
        if missing := [key for key in positions if key not in marks]:
            raise IntegrityError(f"sub-account {id_}: no mark price for {missing}")
        value = sum((size * marks[key] for key, size in positions.items()), Decimal(0))
        return self.cash(id_) + micro_floor(value)

    # orders

    def nonce_used(self, signer: str, nonce: int) -> bool:
        return self._orders.nonce_used(signer, nonce)

    def order(self, digest: str) -> OrderView | None:
        return self._orders.orders.get(digest)

    def orders(self) -> tuple[OrderView, ...]:
        """All orders, oldest first."""
        return tuple(self._orders.orders.values())

    def open_orders(self) -> tuple[OrderView, ...]:
        """Those not closed, oldest first."""
        return tuple(self._orders.unfinished.values())

    def order_filled(self, digest: str) -> Decimal:
        """By every booked fill, those of open children included."""
        return self._orders.filled(digest)

    def group_of(self, order: OrderView) -> list[OrderView]:
        """The other orders of the same group (`Terms.group`)."""
        return self._orders.group_of(order)

    def open_legs(self) -> tuple[LegIntent, ...]:
        """Legs whose fate is not booked: after a restart each is asked of its venue."""
        return self._orders.open_legs()

    def unanswered_legs(self) -> tuple[LegIntent, ...]:
        """Open legs that the venue has not acknowledged: nobody knows whether they are there. One that rests is known,
        and its fills come by the venue's record like all others."""
        return tuple(leg for leg in self.open_legs() if self.leg_status(leg.cloid) is ChildStatus.SENT)

    def leg(self, cloid: str) -> LegIntent | None:
        return self._orders.legs.get(cloid)

    def leg_status(self, cloid: str) -> ChildStatus:
        """Of a leg that was sent."""
        return self._orders.child(cloid)

    def leg_filled(self, cloid: str) -> Decimal:
        """By booked fills."""
        return self._orders.leg_filled(cloid)

    def leg_late(self, cloid: str) -> bool:
        """Whether more is booked of a closed leg than it was closed with: its end was not proven after all."""
        return self._orders.late(cloid)

    def leg_numbers(self, order: OrderView) -> int:
        """How many leg numbers the order has used: its client order ids derive from those below it (H1)."""
        return max((self._orders.legs[cloid].leg for cloid in order.legs), default=-1) + 1

    def leg_outcome(self, cloid: str) -> LegClosed | None:
        return self._orders.closed.get(cloid)

    def sub_account_of(self, cloid: str) -> int | None:
        return self._orders.sub_account_of(cloid)

    def orders_since_commit(self) -> Iterator[OrderView]:
        """Orders with a leg sent since the last commit was prepared."""
        return (self._orders.orders[digest] for digest in self._orders.sent_since(self._last_commit_seq))

    # seats

    def seat_positions(self, venue: str) -> Mapping[str, Decimal]:
        """Net sizes by coin, as the fills add up; flat ones left out."""
        seat = self._seats.get(venue)
        return {coin: size for coin, size in seat.sizes.items() if size} if seat else {}

    def fills(self, venue: str) -> Sequence[Fill]:
        return tuple(self._seat_view(venue).fills)

    def fundings(self, venue: str) -> Sequence[FundingSeen]:
        return tuple(self._seat_view(venue).fundings)

    def rows(self, venue: str) -> Sequence[LedgerRow]:
        return tuple(self._seat_view(venue).rows)

    def has_fill(self, fill: Fill) -> bool:
        return self._seat_view(fill.venue).has_fill(fill)

    def has_funding(self, venue: str, coin: str, time_ms: int) -> bool:
        return self._seat_view(venue).has_funding(coin, time_ms)

    def has_row(self, row: LedgerRow) -> bool:
        return self._seat_view(row.venue).has_row(row)

    def leg_fills(self, cloid: str) -> tuple[Fill, ...]:
        """Booked fills of a leg."""
        return tuple(self._orders.leg_fills.get(cloid, ()))

    def unowned(self, venue: str) -> tuple[Fill, ...]:
        """Fills of no order of ours (H1): each freezes its seat."""
        seat = self._seat_view(venue)
        return tuple(fill for fill, owner in zip(seat.fills, seat.owners, strict=True) if owner == UNOWNED)

    def coins_to_mark(self, venue: str) -> tuple[str, ...]:
        """Coins that the next mark of this seat must name, size 0 included."""
        return self._seat_view(venue).coins_to_mark()

    def seat(self, venue: str) -> Seat:
        """A seat's records and positions, for attribution."""
        return self._seat_view(venue)

    def frozen(self, venue: str) -> str | None:
        """Why the seat takes no new risk; None if it does."""
        return self._seat_view(venue).frozen

    def explained(self, venue: str) -> frozenset[str]:
        """Differences between venue and books that a person explained."""
        return frozenset(self._seat_view(venue).explained)

    def last_marks(self, venue: str) -> MarkSheet | None:
        """The sheet of the last mark that a commit settled."""
        return self._seat_view(venue).sheet

    def last_cut(self, venue: str) -> Cut:
        return self._seat_view(venue).cut

    def last_fill_time(self, venue: str) -> int:
        """Of the last booked fill (ms), 0 without one."""
        return self._seat_view(venue).last_fill_ms

    # vault

    @property
    def seq(self) -> int:
        return self._seq

    @property
    def epoch(self) -> int:
        """Of the last commit on chain."""
        return self.vault.epoch

    @property
    def last_log(self) -> tuple[int, int]:
        """(block, log index) of the last chain log booked; (−1, −1) before the first."""
        return self.vault.last_log

    def pending_tickets(self) -> tuple[TicketView, ...]:
        """Withdrawals waiting for approval, oldest first."""
        waiting = [ticket for ticket in self.vault.tickets.values() if ticket.remaining]
        return tuple(sorted(waiting, key=lambda ticket: (ticket.requested_s, ticket.id)))

    def venues(self) -> tuple[VenueView, ...]:
        """Venues on the balance sheet, in the order in which they were added."""
        return tuple(view for view in self.vault.venues.values() if view.listed)

    def book(self, venue: str) -> int:
        """What the vault counts the venue for now."""
        return self.vault.book(venue)

    def last_mark(self, venue: str) -> MarkTaken | None:
        """The latest mark, settled or not."""
        return self._marks.get(venue)

    def prepared(self) -> CommitPrepared | None:
        """The latest commit prepared since the last one that took effect."""
        return max(self._prepared.values(), key=lambda item: item[0])[1] if self._prepared else None

    def commit_landed(self, epoch: int) -> events.CommitLanded | None:
        return self._landed.get(epoch)

    def transaction(self, key: str) -> tuple[events.TxIntent, events.TxLanded | None] | None:
        """A transaction by its key, as last signed, with its result once known."""
        intents = self._transactions.get(key)
        return (intents[-1], self._results.get(key)) if intents else None

    def unsettled_transactions(self) -> tuple[events.TxIntent, ...]:
        """Transactions sent, or about to be, without a known result. One whose fee was raised stands here once for each
        signing, as any of them may land."""
        return tuple(
            intent for key, intents in self._transactions.items() if key not in self._results for intent in intents
        )

    def mark_log(self, mark: VenueMark) -> MarkLog:
        """The vault's log of a mark. IntegrityError unless it is the venue's latest and the logs are booked so far."""
        taken = self._marks.get(mark.venue)
        if taken is None or taken.mark != mark:
            raise IntegrityError(f"seat {mark.venue}: this is not the mark last recorded; mark it again")
        log = self.vault.marks.get((mark.venue, taken.tx.lower()))
        if log is None:
            raise IntegrityError(f"seat {mark.venue}: the chain's logs are not booked up to its mark in {taken.tx}")
        return log

    def movements_before(self, mark: VenueMark) -> tuple[Movement, ...]:
        """Sends and collections between the last settled mark of the venue and this one, in the logs' order."""
        settled = self._committed.get(mark.venue)
        start = self.vault.marks[mark.venue, settled.tx.lower()].movements if settled else 0
        return tuple(self.vault.movements[mark.venue][start : self.mark_log(mark).movements])

    def under_way_home(self, venue: str, until_ms: int, returned: int) -> int:
        """Micro-USDC that left the seat's account up to then and have not reached its contract, where `returned` have
        arrived in all (T2)."""
        settled = self._committed.get(venue)
        seen, before = 0, 0
        if settled is not None:
            seen = self.vault.marks[venue, settled.tx.lower()].movements
            before = settled.mark.uncollected
        before += sum(item.amount for item in self.vault.movements.get(venue, [])[:seen] if item.kind == "collected")
        seat = self._seat_view(venue)
        rows = [row for row in seat.rows[seat.cut.row_count :] if row.time_ms <= until_ms]
        return max(0, left_for_home(rows) - (returned - before))

    def settled_mark(self, venue: str) -> VenueMark | None:
        """The mark that the last commit of this venue used."""
        taken = self._committed.get(venue)
        return taken.mark if taken else None

    def balance(self, account: str) -> int:
        """Of a ledger account (`chart`), debit positive."""
        return self._totals.get(account, 0)

    def balances(self) -> Mapping[str, int]:
        return dict(sorted(self._totals.items()))

    def dump(self) -> dict[str, Any]:
        """Everything, as plain data in a fixed order: two books are the same if their dumps are."""
        seats = {
            venue: [
                seat.fills,
                seat.owners,
                seat.routing,
                seat.fundings,
                seat.shares,
                seat.rows,
                seat.cut,
                seat.sheet,
                seat.frozen,
                sorted(seat.explained),
                sorted(seat.positions.items()),
                sorted(seat.cut_positions.items()),
                sorted(seat.cash.items()),
                sorted(seat.withheld.items()),
            ]
            for venue, seat in sorted(self._seats.items())
            if seat.fills or seat.fundings or seat.rows or seat.frozen
        }
        vault = [
            self.vault.accounts,
            self.vault.tickets,
            self.vault.venues,
            self.vault.movements,
            self.vault.pending_marks,
            self.vault.lane_moves,
            self.vault.epoch,
            self.vault.last_log,
        ]
        orders = [self.orders(), self.open_legs(), sorted(self._orders.closed.items())]
        chain = [self._marks, self._committed, self._prepared, self._landed, self._transactions, self._results]
        content = {
            "seats": seats,
            "vault": vault,
            "orders": orders,
            "chain": chain,
            "totals": self.balances(),
            "seq": self._seq,
        }
        dumped: dict[str, Any] = msgspec.to_builtins(content, str_keys=True)
        return dumped

    def _seat(self, venue: str) -> Seat:
        if venue not in self._seats:
            self._seats[venue] = Seat(venue)
        return self._seats[venue]

    def _seat_view(self, venue: str) -> Seat:
        return self._seats.get(venue) or Seat(venue)
