"""PrimeVault's accounting in plain Python, written from the rules: what the contract is compared with.

Amounts micro-USDC, times seconds. Each operation either does what the contract does or raises Refused with the name of
the contract's error, having changed nothing.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NoReturn

DAY = 86_400
MIN_TICKET = 10_000_000
MIN_OPENING = 100_000_000
READ, ATTESTED = 1, 2
MAX_LANE = 2**64 - 1


class Refused(Exception):  # noqa: N818 - the word of the rules
    """The contract reverts with the error of this name."""


def refuse(name: str) -> NoReturn:
    raise Refused(name)


@dataclass
class Account:
    owner: str
    opened_at: int
    generation: int = 1
    open: bool = True
    closing: bool = False
    lane: int = 0
    ticket: int = 0


@dataclass
class Ticket:
    account: int
    receiver: str
    requested_at: int
    remaining: int
    payable: int = 0
    paid: int = 0


@dataclass
class Band:
    bps: int = 500
    window_start: int = 0
    limit: int = 0
    used: int = 0
    quarantine: int = 0
    low: int = 0
    since: int = 0
    rise: int = 0
    release: int = 0


@dataclass
class Venue:
    """`worth` and `home` are the test venue's: what lies far away, and what has arrived in its contract."""

    tier: int
    cap: int
    relative_bps: int = 10_000
    book: int = 0
    recalling: int = 0
    marked_at: int = 0
    window_start: int = 0
    window_net: int = 0
    worth: int = 0
    home: int = 0
    delta: int = 0
    as_of: int = 0
    band: Band = field(default_factory=Band)


@dataclass(frozen=True)
class Settlement:
    """A commit. `marked` are indexes of venues, `approvals` (ticket, amount)."""

    as_of: int
    fence: int
    pnl: dict[int, int]
    insurance_delta: int
    fees: int
    new_deficit: int
    marked: tuple[int, ...]
    approvals: tuple[tuple[int, int], ...]


class Twin:
    """A vault with its venues. `now` is the time of the next operation."""

    def __init__(self, now: int, venues: list[Venue], fee_cap_ppm: int) -> None:
        self.now = now
        self.venues = venues
        self.fee_cap_ppm = fee_cap_ppm
        self.fee_accrued_at = now
        self.fee_allowance = self.equity_at_commit = 0
        self.idle = self.sum_equity = self.payables = self.insurance = self.fees = self.deficit = 0
        self.balance = 0
        self.since_mark = 0
        self.epoch = self.committed_at = self.last_as_of = self.last_fence = 0
        self.accounts: dict[int, Account] = {}
        self.free_ids: list[int] = []
        self.closings: deque[int] = deque()
        self.tickets: list[Ticket] = []
        self.outflow_start = self.outflow_limit = self.outflow_used = 0

    # clients

    def open_account(self, owner: str, amount: int) -> int:
        if amount < MIN_OPENING:
            refuse("AmountTooSmall")
        if not self.accounts and self.insurance < 100_000_000:
            refuse("InsuranceNotSeeded")
        if self.deficit:
            refuse("DeficitOpen")
        if self.free_ids:
            id_ = self.free_ids.pop()
            self.accounts[id_] = Account(owner, self.now, self.accounts[id_].generation + 1)
        else:
            id_ = len(self.accounts) + 1
            self.accounts[id_] = Account(owner, self.now)
        self._credit(id_, amount)
        return id_

    def deposit(self, id_: int, amount: int) -> None:
        if not self.accounts[id_].open:
            refuse("AccountNotOpen")
        if amount == 0:
            refuse("AmountTooSmall")
        if self.deficit:
            refuse("DeficitOpen")
        self._credit(id_, amount)

    def close_account(self, id_: int) -> None:
        account = self._open(id_)
        if account.closing:
            refuse("AlreadyClosing")
        if account.lane:
            refuse("AccountNotEmpty")
        account.closing = True
        self.closings.append(id_)

    def request(self, id_: int, amount: int, receiver: str) -> int:
        account = self._open(id_)
        if amount > account.lane:
            refuse("WithdrawTooLarge")
        if amount == 0 or (amount != account.lane and amount < MIN_TICKET):
            refuse("AmountTooSmall")
        if account.ticket:
            refuse("TicketUnpaid")
        self.tickets.append(Ticket(id_, receiver, self.now, amount))
        account.ticket = len(self.tickets)
        return account.ticket

    def cancel(self, number: int) -> None:
        ticket = self.tickets[number - 1]
        self._open(ticket.account)
        if not ticket.remaining:
            refuse("TicketNotPending")
        self._void(number)

    def claim(self, number: int) -> int:
        ticket = self.tickets[number - 1]
        paid = ticket.payable
        if not paid:
            refuse("NothingPayable")
        ticket.payable = 0
        ticket.paid += paid
        if not ticket.remaining:
            self.accounts[ticket.account].ticket = 0
        self.payables -= paid
        self._pay(paid)
        return paid

    # anyone

    def fund_insurance(self, amount: int) -> None:
        self.balance += amount
        self._insure(amount)

    def donate(self, amount: int) -> None:
        self.balance += amount

    def sync_vault(self) -> int:
        amount = self.balance - self.idle
        self._insure(amount)
        return amount

    def sync(self, index: int) -> int:
        venue = self.venues[index]
        amount, venue.home = venue.home, 0
        self.balance += amount
        self.idle += amount
        self._move(venue, -amount)
        venue.recalling -= min(amount, venue.recalling)
        return amount

    def pay_fees(self) -> int:
        if self.deficit:
            refuse("DeficitOpen")
        paid = min(self.fees, self.idle - self.payables)
        self.fees -= paid
        self._pay(paid)
        return paid

    # keeper

    def send(self, index: int, amount: int) -> None:
        venue = self.venues[index]
        if amount == 0:
            refuse("AmountTooSmall")
        if amount > self.free_cash:
            refuse("CashNotFree")
        total = self.idle + sum(max(0, other.book) for other in self.venues)
        cap = min(total * venue.relative_bps // 10_000, venue.cap)
        fresh = self.now >= venue.window_start + DAY
        if venue.book + amount > cap or (0 if fresh else venue.window_net) + amount > cap:
            refuse("CapExceeded")
        self._move(venue, amount)
        venue.worth += amount
        self._pay(amount)

    def recall(self, index: int, amount: int) -> None:
        if amount == 0:
            refuse("AmountTooSmall")
        self.venues[index].recalling += amount

    def lapse(self, index: int) -> None:
        self.venues[index].recalling = 0

    def mark(self, index: int) -> None:
        venue = self.venues[index]
        value = venue.worth + venue.home
        if venue.tier == ATTESTED:
            value = self._accept(venue, value)
        venue.delta = value - venue.book
        venue.as_of = venue.marked_at = self.now
        self.since_mark = 0

    def commit(self, c: Settlement) -> None:
        """The checks in the contract's order; nothing changes before the last of them."""
        if c.fence < self.last_fence:
            refuse("StaleFence")
        if c.as_of <= self.last_as_of:
            refuse("StaleCommit")
        if c.as_of > self.now:
            refuse("CommitInFuture")
        if self.epoch and self.now < self.committed_at + 600:
            refuse("CommitTooEarly")
        used: set[int] = set()
        for index in c.marked:
            venue = self.venues[index]
            if not venue.as_of or index in used:
                refuse("MarkMissing")
            if venue.as_of < c.as_of:
                refuse("StaleCommit")
            if self.now - venue.as_of > 900:
                refuse("MarkTooOld")
            used.add(index)
        self._lanes_fit(c.pnl)
        delta = sum(self.venues[index].delta for index in used)
        if sum(c.pnl.values()) + c.fees + c.insurance_delta - c.new_deficit != delta:
            refuse("NotConserved")
        settled = self._settled(c.insurance_delta, c.new_deficit)
        before = self.committed_at
        allowance, approvals = self._trial(c, settled, before, used)
        if c.fees > allowance:
            refuse("FeeAboveCap")

        for index in used:
            venue = self.venues[index]
            if venue.tier == ATTESTED:
                self._consume(venue)
            venue.book += venue.delta
            venue.delta = venue.as_of = 0
        for id_, amount in c.pnl.items():
            self.accounts[id_].lane += amount
        self.sum_equity += sum(c.pnl.values())
        self.insurance, self.deficit = settled
        self.epoch += 1
        self.committed_at, self.last_as_of, self.last_fence = self.now, c.as_of, c.fence
        if approvals is not None:
            self._approve(approvals)
        if c.fees or self.fee_cap_ppm:
            self.fee_allowance = allowance - c.fees
            self.fee_accrued_at = self.now
            self.fees += c.fees
            self.equity_at_commit = max(0, self.sum_equity - self.deficit)
        self._close()

    # views

    @property
    def free_cash(self) -> int:
        return max(0, self.idle - self.payables - self.insurance - self.fees)

    def full(self, marked: set[int]) -> bool:
        """Whether a commit that marks these now would be full."""
        for index, venue in enumerate(self.venues):
            book = venue.book + (venue.delta if index in marked else 0)
            if book == 0:
                continue
            if venue.tier == READ and index not in marked:
                return False
            if venue.tier == ATTESTED and (self.now - venue.marked_at > DAY or (venue.as_of and index not in marked)):
                return False
        return True

    def fee_room(self, equity: int) -> int:
        """What a commit may charge that leaves `equity` in the lanes beyond the deficit (A8)."""
        a_day = min(self.equity_at_commit, equity) * self.fee_cap_ppm // 1_000_000
        return min(self.fee_allowance + a_day * (self.now - self.fee_accrued_at) // DAY, 3 * a_day)

    # inside

    def _open(self, id_: int) -> Account:
        account = self.accounts[id_]
        if not account.open:
            refuse("AccountNotOpen")
        return account

    def _credit(self, id_: int, amount: int) -> None:
        account = self.accounts[id_]
        if account.lane + amount > MAX_LANE:
            refuse("LaneOutOfRange")
        if account.ticket and self.tickets[account.ticket - 1].remaining and not account.lane:
            self._void(account.ticket)
        account.lane += amount
        self.sum_equity += amount
        self.idle += amount
        self.balance += amount

    def _pay(self, amount: int) -> None:
        self.idle -= amount
        self.balance -= amount

    def _void(self, number: int) -> None:
        ticket = self.tickets[number - 1]
        ticket.remaining = 0
        if not ticket.payable:
            self.accounts[ticket.account].ticket = 0

    def _insure(self, amount: int) -> None:
        self.idle += amount
        self.since_mark += amount
        self.insurance, self.deficit = self._settled(amount, 0)

    def _settled(self, insurance_delta: int, new_deficit: int) -> tuple[int, int]:
        if not insurance_delta and not new_deficit:
            return self.insurance, self.deficit
        after = self.insurance + insurance_delta
        if after < 0:
            refuse("InsuranceShort")
        owed = self.deficit + new_deficit
        repaid = min(after, owed)
        if new_deficit and after - repaid > self.since_mark:
            refuse("DeficitBeforeInsurance")
        return after - repaid, owed - repaid

    def _move(self, venue: Venue, amount: int) -> None:
        venue.book += amount
        if self.now >= venue.window_start + DAY:
            venue.window_start, venue.window_net = self.now, amount
        else:
            venue.window_net += amount

    def _lanes_fit(self, pnl: dict[int, int]) -> None:
        """Word by word, as the contract looks: closed ids first, then ranges."""
        for word in sorted({(id_ - 1) // 4 for id_ in pnl}):
            inside = [id_ for id_ in pnl if (id_ - 1) // 4 == word and pnl[id_]]
            if any(id_ not in self.accounts or not self.accounts[id_].open for id_ in inside):
                refuse("AccountNotOpen")
            if any(not 0 <= self.accounts[id_].lane + pnl[id_] <= MAX_LANE for id_ in inside):
                refuse("LaneOutOfRange")

    def _trial(
        self, c: Settlement, settled: tuple[int, int], before: int, used: set[int]
    ) -> tuple[int, list[tuple[int, int]] | None]:
        """(fee allowance, approvals that will be paid or None where none are looked at): fees are charged after
        approvals, on the equity that these leave."""
        equity = self.sum_equity + sum(c.pnl.values())
        paid: list[tuple[int, int]] | None = None
        if c.approvals and settled[1] == 0 and self.full(used):
            paid = []
            left = {id_: account.lane + c.pnl.get(id_, 0) for id_, account in self.accounts.items()}
            remaining = [ticket.remaining for ticket in self.tickets]
            cash = self.idle - self.payables
            fresh = self.now >= self.outflow_start + DAY
            young = equity // 10 if fresh else self.outflow_limit - self.outflow_used
            for number, wanted in c.approvals:
                ticket = self.tickets[number - 1]
                if not remaining[number - 1] or ticket.requested_at >= before:
                    continue
                amount = min(wanted, remaining[number - 1], left[ticket.account], cash)
                if limited := self.now < ticket.requested_at + DAY:
                    amount = min(amount, young)
                if not amount:
                    continue
                young -= amount if limited else 0
                cash -= amount
                remaining[number - 1] -= amount
                left[ticket.account] -= amount
                if not left[ticket.account]:
                    remaining[number - 1] = 0
                paid.append((number, amount))
                equity -= amount
        return self.fee_room(max(0, equity - settled[1])), paid

    def _approve(self, paid: list[tuple[int, int]]) -> None:
        if self.now >= self.outflow_start + DAY:
            self.outflow_start, self.outflow_used, self.outflow_limit = self.now, 0, self.sum_equity // 10
        for number, amount in paid:
            ticket = self.tickets[number - 1]
            account = self.accounts[ticket.account]
            if self.now < ticket.requested_at + DAY:
                self.outflow_used += amount
            account.lane -= amount
            self.sum_equity -= amount
            self.payables += amount
            ticket.remaining -= amount
            ticket.payable += amount
            if not account.lane and ticket.remaining:
                self._void(number)

    def _close(self) -> None:
        for _ in range(min(8, len(self.closings))):
            id_ = self.closings.popleft()
            account = self.accounts[id_]
            account.closing = False
            ticket = self.tickets[account.ticket - 1] if account.ticket else None
            if account.lane or (ticket and ticket.payable):
                continue
            if ticket and ticket.remaining:
                self._void(account.ticket)
            account.open = False
            self.free_ids.append(id_)

    # attested gains (D1, D2)

    def _accept(self, venue: Venue, value: int) -> int:
        band, base = venue.band, max(0, venue.book)
        excess = max(0, value - base)
        release = min(excess, band.low) if band.since and self.now >= band.since + DAY else 0
        fresh = self.now >= band.window_start + DAY
        room = base * band.bps // 10_000 if fresh else max(0, band.limit - band.used)
        rise = min(excess - release, room)
        band.rise, band.release = rise, release
        held = excess - rise
        if not held:
            band.low = band.since = 0
        elif not band.since:
            band.low, band.since = held, self.now
        else:
            band.low = min(band.low, held)
        band.quarantine = held
        return base + release + rise if excess else value

    def _consume(self, venue: Venue) -> None:
        band = venue.band
        if band.rise:
            if self.now >= band.window_start + DAY:
                band.window_start, band.used = self.now, 0
                band.limit = max(0, venue.book) * band.bps // 10_000
            band.used += band.rise
            band.rise = 0
        if band.release:
            band.quarantine -= band.release
            band.low = band.quarantine
            band.since = self.now if band.quarantine else 0
            band.release = 0


def picture(twin: Twin) -> list[int]:
    """Every figure that is compared, in the order of `Replay.picture` (Replay.t.sol)."""
    totals = [twin.idle, twin.sum_equity, twin.payables, twin.insurance, twin.fees, twin.deficit, twin.free_cash]
    figures = [*totals, twin.epoch, twin.last_as_of, twin.last_fence, twin.balance]
    for venue in twin.venues:
        figures += [venue.book, venue.recalling, venue.window_net, venue.delta, venue.as_of, venue.band.quarantine]
    figures.append(len(twin.accounts))
    for id_ in range(1, len(twin.accounts) + 1):
        account = twin.accounts[id_]
        figures += [account.lane, account.generation, int(account.open), int(account.closing), account.ticket]
    figures.append(len(twin.tickets))
    for ticket in twin.tickets[-32:]:
        figures += [ticket.account, ticket.remaining, ticket.payable, ticket.paid]
    return figures
