"""Every operation of the books in any order: what hypothesis drives, and what must be true after each step."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from keeper.ledger import Books, TicketView
from keeper.model.events import Cut, FillSeen, LegClosed, decode, encode
from keeper.model.instruments import Side
from tests.unit.ledger.world import OTHER, SEAT, World, owner_of

COINS = ("BTC", "HYPE")
FUNDS = 10_000_000_000
USDC = 1_000_000

clients = st.integers(1, 4)
coins = st.sampled_from(COINS)
venues = st.sampled_from((SEAT, OTHER))
sides = st.sampled_from(("buy", "sell"))
sizes = st.integers(1, 300).map(lambda lots: Decimal(lots).scaleb(-2))
prices = st.integers(1, 99_999).map(lambda ticks: Decimal(ticks).scaleb(-2))
fees = st.integers(-50, 5_000)
rates = st.integers(-9_999, 9_999).map(lambda step: Decimal(step).scaleb(-7))
small = st.integers(1, 50 * USDC)
marks = st.fixed_dictionaries(dict.fromkeys(COINS, prices))


class LedgerMachine(RuleBasedStateMachine):
    """Four clients, two venues. `steps` counts operations over all runs."""

    steps = 0

    @initialize()
    def begin(self) -> None:
        self.world = World(SEAT, OTHER)
        self.tickets = 0
        self.last_id = 4
        self.paid_in = FUNDS * 4 + 1_000 * USDC  # with the world's own insurance
        self.paid_out = 0
        for id_ in range(1, 5):
            self.world.open(id_, FUNDS)
        for venue in (SEAT, OTHER):
            self.world.send(5_000 * USDC, venue)

    # clients

    @rule(id_=clients, amount=small)
    def deposit(self, id_: int, amount: int) -> None:
        self.world.log("Deposited", **{"from": owner_of(id_)}, id=id_, amount=amount)
        self.paid_in += amount

    @rule(id_=clients, part=st.integers(1, 100))
    def request(self, id_: int, part: int) -> None:
        lane = self.world.lanes()[id_]
        if lane < 100 or any(t.account == id_ and (t.remaining or t.payable) for t in self._tickets()):
            return
        self.tickets += 1
        receiver = owner_of(id_)
        self.world.log("WithdrawRequested", ticket=self.tickets, id=id_, receiver=receiver, amount=lane * part // 100)

    @rule(data=st.data(), what=st.sampled_from(("cancel", "redirect", "claim")))
    def ticket(self, data: st.DataObject, what: str) -> None:
        live = [t for t in self._tickets() if (t.payable if what != "cancel" else t.remaining)]
        if not live:
            return
        ticket = data.draw(st.sampled_from(live))
        if what == "cancel":
            self.world.log("WithdrawCancelled", ticket=ticket.id, id=ticket.account, amount=ticket.remaining)
        elif what == "redirect":
            self.world.log("Redirected", ticket=ticket.id, receiver=owner_of(9))
        else:
            self.world.log("Claimed", ticket=ticket.id, receiver=ticket.receiver, amount=ticket.payable)
            self.paid_out += ticket.payable

    @rule(amount=small)
    def come_and_go(self, amount: int) -> None:
        """A client opens a sub-account, asks for everything back, and closes it if it got that."""
        self.last_id += 1
        self.world.open(self.last_id, amount)
        self.paid_in += amount
        self.tickets += 1
        request = {"ticket": self.tickets, "id": self.last_id, "receiver": owner_of(7), "amount": amount}
        self.world.log("WithdrawRequested", **request)
        for _ in range(2):
            self.settle(dict.fromkeys(COINS, Decimal(500)), [SEAT, OTHER], 0)
        if ticket := next((t for t in self._tickets() if t.id == self.tickets and t.payable), None):
            self.world.log("Claimed", ticket=ticket.id, receiver=ticket.receiver, amount=ticket.payable)
            self.paid_out += ticket.payable
        if self.world.lanes()[self.last_id] == 0:
            self.world.log("AccountClosed", id=self.last_id, generation=1)

    @rule(amount=small)
    def give_to_insurance(self, amount: int) -> None:
        self.world.log("InsuranceFunded", **{"from": owner_of(9)}, amount=amount)
        self.paid_in += amount

    # venues

    @rule(id_=clients, coin=coins, side=sides, size=sizes, price=prices, fee=fees, venue=venues)
    def trade(self, id_: int, coin: str, side: Side, size: Decimal, price: Decimal, fee: int, venue: str) -> None:
        self.world.trade(id_, coin, side, size, price, fee, venue)

    @rule(ppm=st.sampled_from((0, 100, 300)))
    def publish_a_fee(self, ppm: int) -> None:
        """Of orders taken from now on."""
        self.world.routing_ppm = ppm

    @rule(coin=coins, size=sizes, price=prices, rate=rates, venue=venues)
    def face_each_other(self, coin: str, size: Decimal, price: Decimal, rate: Decimal, venue: str) -> None:
        """Two clients with opposite positions pay each other funding without a row of the venue's."""
        self.world.trade(1, coin, "buy", size, price, 0, venue)
        self.world.trade(2, coin, "sell", size, price, 0, venue)
        self.world.fund(coin, rate, price, venue)

    @rule(coin=coins, rate=rates, oracle=prices, venue=venues)
    def fund(self, coin: str, rate: Decimal, oracle: Decimal, venue: str) -> None:
        self.world.fund(coin, rate, oracle, venue)

    @rule(id_=clients, coin=coins, side=sides, size=sizes, price=prices, rate=rates, venue=venues)
    def learn_late(
        self, id_: int, coin: str, side: Side, size: Decimal, price: Decimal, rate: Decimal, venue: str
    ) -> None:
        """The fill came before the funding and is heard of after it: the shares are made anew."""
        world = self.world
        cloid = world.order(id_, coin, side, size, venue)
        world.wait()
        fill = world.make_fill(cloid, coin, side, size, price, 7, venue)
        world.fund(coin, rate, price, venue)
        world.tell(FillSeen(fill=fill))
        world.tell(LegClosed(cloid=cloid, outcome="filled", filled=size, text="", at_ms=world.now_ms))

    # money between vault and venues

    @precondition(lambda self: self.world.books.vault.idle > 2_000 * USDC)
    @rule(amount=small, fee=st.integers(0, 9), venue=venues)
    def send(self, amount: int, fee: int, venue: str) -> None:
        self.world.send(amount + fee, venue, fee)

    @rule(amount=small, venue=venues)
    def gift(self, amount: int, venue: str) -> None:
        self.world.row("deposit", amount, 0, venue)

    @rule(amount=small, fee=st.integers(0, 9), venue=venues)
    def bring_home(self, amount: int, fee: int, venue: str) -> None:
        self.world.withdraw_home(amount + fee, fee, venue)

    @rule(venue=venues)
    def collect(self, venue: str) -> None:
        self.world.collect(venue)

    # settlement

    @rule(
        at=marks,
        which=st.lists(venues, min_size=1, max_size=2, unique=True),
        held=st.one_of(st.just(0), st.integers(0, 100 * USDC)),
        allowed=st.one_of(st.just(0), st.integers(0, 10 * USDC)),
    )
    def settle(self, at: dict[str, Decimal], which: list[str], held: int, allowed: int = 0) -> None:
        """`held`: what the vault keeps in quarantine of the attested seat; `allowed`: how much more the vault lets the
        broker take since the last commit."""
        world = self.world
        world.fee_allowance += allowed
        taken = [world.mark(at, venue, held if venue == OTHER else 0) for venue in which]
        lanes = world.lanes()
        statement = world.settle(*taken)
        totals = statement["totals"]
        assert totals["pnl"] + totals["fees"] + totals["insuranceDelta"] - totals["newDeficit"] == totals["delta"]
        assert sum(i["amount"] for i in statement["insurance"]) == totals["insuranceDelta"] - totals["newDeficit"]
        approved = {world.books.vault.tickets[a["ticket"]].account: a["amount"] for a in statement["approvals"]}
        for entry in statement["accounts"]:
            id_ = entry["id"]
            assert entry["after"] == lanes[id_] + entry["pnl"] == world.lanes()[id_] + approved.get(id_, 0)
        for mark in taken:
            assert world.books.book(mark.venue) == mark.value

    # what is always true

    @invariant()
    def nothing_is_lost(self) -> None:
        LedgerMachine.steps += 1
        world = self.world
        world.check_balance()
        for venue, state in world.venues.items():
            assert world.books.balance(f"venue:{venue}") == state.cash
            assert dict(world.books.seat_positions(venue)) == {c: size for c, size in state.sizes.items() if size}
        due = world.books.routing_due({venue: self._all_of(venue) for venue in world.venues})
        assert -world.books.balance("fees:routing") == world.books.vault.fees + sum(due.values())
        # every dollar that came in is idle, at a venue's book, or was paid out; results are in the books' change
        vault = world.books.vault
        moved = {venue: self._moved(venue) for venue in world.venues}
        assert vault.idle == self.paid_in - self.paid_out - sum(moved.values())

    def teardown(self) -> None:
        """The log, read anew, gives the same books."""
        if not hasattr(self, "world"):
            return
        again = Books()
        for seq, event in enumerate(self.world.events, 1):
            again.apply(seq, decode(encode(event)))
        assert again.dump() == self.world.books.dump()

    def _tickets(self) -> list[TicketView]:
        return list(self.world.books.vault.tickets.values())

    def _all_of(self, venue: str) -> Cut:
        return Cut(fill_count=len(self.world.books.fills(venue)))

    def _moved(self, venue: str) -> int:
        """Sent less collected."""
        moves = self.world.books.vault.movements[venue]
        return sum(move.amount if move.kind == "sent" else -move.amount for move in moves)
