"""Hypothesis chooses what clients, prices, venues and fate do; after each step and at the end the world is judged."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from keeper.model.amounts import to_e8
from keeper.model.signed_orders import ALO, GTC, IOC
from keeper.model.terms import AT_OR_ABOVE, AT_OR_BELOW
from tests.property.execution.venue import Fault
from tests.property.execution.world import CLIENTS, VENUES, World

clients = st.sampled_from(CLIENTS)
venues = st.sampled_from(VENUES)
sides = st.sampled_from((0, 1))
sizes = st.integers(1, 60).map(lambda tenths: to_e8(Decimal(tenths) / 10))
prices = st.integers(990, 1010)
allowed = st.sampled_from(((), (), VENUES[:1], VENUES[1:]))
faults: st.SearchStrategy[Fault] = st.sampled_from(("none", "lost", "late", "unanswered", "busy", "refused"))


class ExecutionMachine(RuleBasedStateMachine):
    """One run: a world from its first order to its last end. `tally` counts over all runs."""

    tally: Counter[str] = Counter()  # noqa: RUF012 - shared on purpose

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    # clients

    @rule(client=clients, side=sides, size=sizes, reduce_only=st.booleans(), slippage=st.integers(5, 100), at=allowed)
    def take_at_once(
        self, client: int, side: int, size: int, reduce_only: bool, slippage: int, at: tuple[str, ...]
    ) -> None:
        self.world.order(
            client,
            side=side,
            quantity=size,
            reduceOnly=reduce_only,
            maxSlippageBps=slippage,
            venues=at,
            timeInForce=IOC,
        )

    @rule(
        client=clients,
        side=sides,
        size=sizes,
        price=prices,
        tif=st.sampled_from((GTC, GTC, ALO)),
        reduce_only=st.booleans(),
        life=st.sampled_from((10, 3_600)),
        at=allowed,
    )
    def rest(self, client: int, side: int, size: int, price: int, life: int, at: tuple[str, ...], **kind: Any) -> None:
        self.world.order(
            client,
            side=side,
            quantity=size,
            limitPrice=to_e8(Decimal(price)),
            timeInForce=kind["tif"],
            reduceOnly=kind["reduce_only"],
            venues=at,
            deadline=self.world.clock.now_ms() // 1000 + life,
        )

    @rule(client=clients, side=sides, size=sizes, up=st.booleans(), price=prices, reduce_only=st.booleans())
    def wait_for_a_price(self, client: int, side: int, size: int, up: bool, price: int, reduce_only: bool) -> None:
        terms = {"trigger": AT_OR_ABOVE if up else AT_OR_BELOW, "triggerPrice": to_e8(Decimal(price))}
        self.world.order(client, side=side, quantity=size, reduceOnly=reduce_only, terms=terms)

    @rule(client=clients, side=sides, size=sizes, entry=prices, width=st.integers(1, 6))
    def bracket(self, client: int, side: int, size: int, entry: int, width: int) -> None:
        """An entry that rests, then a profit to take and a loss to stop, of which one takes back the other."""
        first = self.world.order(client, side=side, quantity=size, limitPrice=to_e8(Decimal(entry)), timeInForce=GTC)
        if first is None:
            return
        away, group = 1 if side == 0 else -1, first
        self.world.order(
            client,
            side=1 - side,
            quantity=size,
            reduceOnly=True,
            timeInForce=GTC,
            limitPrice=to_e8(Decimal(entry + away * width)),
            terms={"after": first, "group": group},
        )
        self.world.order(
            client,
            side=1 - side,
            quantity=size,
            reduceOnly=True,
            terms={
                "after": first,
                "group": group,
                "trigger": AT_OR_BELOW if side == 0 else AT_OR_ABOVE,
                "triggerPrice": to_e8(Decimal(entry - away * width)),
            },
        )

    @rule(client=clients, side=sides, size=sizes, slices=st.integers(1, 5), share=st.sampled_from((0, 500, 5_000)))
    def slice_it(self, client: int, side: int, size: int, slices: int, share: int) -> None:
        terms = {"slices": slices, "duration": 20, "participationBps": share}
        self.world.order(client, side=side, quantity=size, terms=terms)

    @precondition(lambda self: self.world.books.open_orders())
    @rule(data=st.data(), size=sizes, price=prices)
    def modify(self, data: st.DataObject, size: int, price: int) -> None:
        old = data.draw(st.sampled_from(self.world.books.open_orders()))
        order = old.signed.order
        self.world.order(
            order.subAccount,
            side=order.side,
            quantity=size,
            reduceOnly=order.reduceOnly,
            timeInForce=GTC,
            limitPrice=to_e8(Decimal(price)),
            terms={"replaces": old.digest},
        )

    @precondition(lambda self: self.world.books.open_orders())
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.world.books.open_orders()))
        self.world.cancel(old.sub_account, old.digest)

    # markets

    @rule(venue=venues, price=prices)
    def move(self, venue: str, price: int) -> None:
        self.world.venues[venue].move(price)

    @rule(price=prices)
    def move_all(self, price: int) -> None:
        for venue in self.world.venues.values():
            venue.move(price)

    @rule(venue=venues)
    def refill(self, venue: str) -> None:
        self.world.venues[venue].refill()

    # fate

    @rule(venue=venues, what=st.lists(faults, min_size=1, max_size=4))
    def messages_go_wrong(self, venue: str, what: list[Fault]) -> None:
        self.world.venues[venue].faults.extend(what)
        self.tally["faults"] += sum(fault != "none" for fault in what)

    @rule(venue=venues, down=st.booleans(), shy=st.booleans(), mute=st.booleans())
    def venue_changes(self, venue: str, down: bool, shy: bool, mute: bool) -> None:
        """It goes down or comes back, hides fresh orders, loses its stream of fills."""
        found = self.world.venues[venue]
        found.down, found.shy = down, shy
        if found.mute and not mute:
            self.world.reconnect(venue)
        found.mute = mute

    @rule()
    def crash(self) -> None:
        self.world.crash()
        self.tally["crashes"] += 1

    @rule(seconds=st.sampled_from((0.004, 0.015, 0.3, 1.5, 6.0, 12.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.tally["steps"] += 1
        self.world.pass_time(0.02)

    def teardown(self) -> None:
        try:
            self.world.settle()
            self.tally.update(self.world.counted())
        finally:
            self.world.close()
