"""Children of orders: their intents, their ends in the books, and getting our own out of each other's way."""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal

import structlog

from keeper.clock import Clock
from keeper.execution.legs import Legs
from keeper.execution.own_orders import OwnOrders, rests
from keeper.execution.ports import Append
from keeper.execution.settings import ExecutionSettings
from keeper.ledger import Books, OrderView
from keeper.model.events import LegIntent, TimeInForce
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import coin_of
from keeper.venues.base import ExecutionClient

log = structlog.get_logger()


class Children:
    """Each child is closed in the books exactly once, by `finish`."""

    def __init__(
        self,
        *,
        vault: str,
        books: Books,
        append: Append,
        legs: Legs,
        own: OwnOrders,
        clients: Mapping[str, ExecutionClient],
        clock: Clock,
        settings: ExecutionSettings,
    ) -> None:
        self._vault = vault
        self._books, self._append, self._legs, self._own = books, append, legs, own
        self._clients, self._clock, self._settings = clients, clock, settings
        self._ends: dict[str, asyncio.Event] = {}

    def next_number(self, digest: str) -> int:
        """The leg number after all that were used."""
        return self._books.leg_numbers(self._view(digest))

    def intent(
        self,
        digest: str,
        number: int,
        attempt: int,
        venue: str,
        size: Decimal,
        price: Decimal,
        time_in_force: TimeInForce = "ioc",
    ) -> LegIntent:
        """What is written before the message leaves: a price bound and an expiry in every one."""
        now_ms, order = self._clock.now_ms(), self._view(digest).signed.order
        return LegIntent(
            digest=digest,
            leg=number,
            attempt=attempt,
            cloid=client_order_id(self._vault, bytes.fromhex(digest.removeprefix("0x")), number, attempt),
            venue=venue,
            coin=coin_of(order.instrument),
            side=order.direction,
            size=size,
            limit_price=price,
            expires_ms=now_ms + self._settings.leg_ttl_ms,
            nonce=self._clients[venue].next_nonce(),
            at_ms=now_ms,
            time_in_force=time_in_force,
        )

    async def finish(self, leg: LegIntent, *, sent: bool) -> None:
        """Sends a child (or, if it was sent before a crash, asks after it) until its end is booked."""
        proof = await self._legs.work(leg, sent=sent)
        while proof.outcome == "absent" and self._may_resend(leg):
            again = self.intent(leg.digest, leg.leg, leg.attempt + 1, leg.venue, leg.size, leg.limit_price)
            if self._own.in_the_way(again):
                break
            self._append(self._legs.closed(leg, proof), again)  # together: a crash between them would forget the leg
            self._ended(leg)
            leg = again
            proof = await self._legs.work(leg, sent=False)
        self._append(self._legs.closed(leg, proof))
        self._ended(leg)

    async def finish_open(self, digest: str) -> None:
        """After a crash: every child that is open by the books is proven first, but for one that may rest."""
        left = [leg for leg in self._books.open_legs() if leg.digest == digest]
        if left:
            log.info("order_recovered", digest=digest, open_legs=len(left))
        await asyncio.gather(*(self.finish(leg, sent=True) for leg in left if not rests(leg)))

    def resting(self, digest: str) -> LegIntent | None:
        """The open child that may rest: there is one at most."""
        return next((leg for leg in self._books.open_legs() if leg.digest == digest and rests(leg)), None)

    def withdraw(self, leg: LegIntent, reason: str) -> None:
        self._legs.withdraw(leg, reason)

    async def clear(self, obstacles: Iterable[LegIntent], reason: str) -> list[LegIntent]:
        """Withdraws those that rest and waits for all of them to end; those that have not within `clear_s`."""
        waits = []
        for leg in obstacles:
            if rests(leg):
                self._legs.withdraw(leg, reason)
            waits.append((leg, asyncio.create_task(self._ends.setdefault(leg.cloid, asyncio.Event()).wait())))
        try:
            if waits:
                await asyncio.wait({task for _, task in waits}, timeout=self._settings.clear_s)
        finally:
            for _, task in waits:
                task.cancel()
        return [leg for leg, task in waits if self._books.leg_outcome(leg.cloid) is None]

    def _ended(self, leg: LegIntent) -> None:
        if (end := self._ends.pop(leg.cloid, None)) is not None:
            end.set()

    def _may_resend(self, leg: LegIntent) -> bool:
        view = self._view(leg.digest)
        order = view.signed.order
        return (
            not rests(leg)
            and not view.cancel_text
            and not order.reduceOnly
            and leg.attempt + 1 < self._settings.max_attempts
            and self._clock.now_ms() < order.deadline * 1000
        )

    def _view(self, digest: str) -> OrderView:
        view = self._books.order(digest)
        assert view is not None, f"order {digest} was accepted"
        return view
