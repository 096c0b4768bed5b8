"""Takes signed orders and cancels, lets every order live to its end, and picks up after a crash where the log ends."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog

from keeper.clock import Clock
from keeper.errors import InputError
from keeper.execution.children import Children
from keeper.execution.costing import CostModel
from keeper.execution.decision import decision_record
from keeper.execution.health import VenueHealth
from keeper.execution.intake import CheckedOrder, check, check_notional
from keeper.execution.intake_terms import check_cancel
from keeper.execution.legs import Legs
from keeper.execution.own_orders import Committed, OwnOrders
from keeper.execution.parents import Parents
from keeper.execution.ports import Append, Market, Risk
from keeper.execution.preview import RouteWish
from keeper.execution.rounds import Rounds
from keeper.execution.settings import ExecutionSettings
from keeper.ledger import Books, OrderView
from keeper.model.events import CancelAsked, OrderAccepted
from keeper.model.signed_orders import IOC, SignedOrder
from keeper.model.terms import SignedCancel
from keeper.routing import plan
from keeper.venues.base import AccountReader, ExecutionClient
from keeper.venues.resting import RestingClient

log = structlog.get_logger()


class ExecutionEngine:
    """Orders of all sub-accounts side by side, each a task of its own.

    `append` stores events and applies them to `books`. `resting`: the venues at which an order may rest. `recover()`
    must end before the first order is taken.
    """

    def __init__(
        self,
        *,
        chain_id: int,
        vault: str,
        clock: Clock,
        books: Books,
        append: Append,
        market: Market,
        risk: Risk,
        clients: Mapping[str, ExecutionClient],
        accounts: Mapping[str, AccountReader],
        resting: Mapping[str, RestingClient] | None = None,
        settings: ExecutionSettings | None = None,
        costs: CostModel | None = None,
    ) -> None:
        self._chain_id, self._vault = chain_id, vault.lower()
        self._clock, self._books, self._append = clock, books, append
        self._market, self._risk = market, risk
        self._clients = clients
        self._resting = resting or {}
        settings = settings or ExecutionSettings()
        self._routing_ppm = settings.routing_ppm
        self._tasks: dict[str, asyncio.Task[OrderView]] = {}
        self._beats: list[asyncio.Task[None]] = []
        self.legs = Legs(
            books,
            append,
            clients,
            clock,
            resting=self._resting,
            absence_margin_ms=settings.absence_margin_ms,
            poll_s=settings.poll_s,
            resting_poll_s=settings.resting_poll_s,
            heartbeat_s=settings.heartbeat_s,
        )
        own = OwnOrders(books)
        self._rounds = Rounds(books, own, market, risk, accounts, self.health, clock, costs or CostModel())
        children = Children(
            vault=self._vault,
            books=books,
            append=append,
            legs=self.legs,
            own=own,
            clients=clients,
            clock=clock,
            settings=settings,
        )
        self._parents = Parents(
            books=books,
            append=append,
            market=market,
            risk=risk,
            own=own,
            rounds=self._rounds,
            children=children,
            clock=clock,
            berths=self._resting,
            settings=settings,
        )
        market.on_book = self._parents.ready.take_book
        market.on_connect = self.legs.on_connect
        market.on_fills = self.legs.on_fills

    @property
    def health(self) -> VenueHealth:
        """Which venues are in routing."""
        return self.legs.health

    def committed(self) -> Committed:
        """The books with open orders counted: what margin must cover."""
        return Committed(self._books, self._market.marks())

    def check(self, signed: SignedOrder) -> CheckedOrder:
        """All checks of an order, margin included, without taking it. InputError names the field."""
        instruments = self._market.instruments()
        checked = check(
            signed,
            self._books,
            instruments,
            self._clock.now_ms(),
            chain_id=self._chain_id,
            vault=self._vault,
            resting=self._resting,
        )
        order, marks = checked.order, self._market.marks()
        price = order.limit or max(marks.get((venue, checked.coin), Decimal(0)) for venue in checked.venues)
        if price:
            check_notional(checked, price, instruments)
        if not order.reduceOnly and not checked.waits:
            self._risk.check_order(
                self.committed(), order.subAccount, checked.coin, order.direction, order.size, checked.venues
            )
        return checked

    def take(self, signed: SignedOrder) -> OrderView:
        """Takes an order: it is in the log when this returns, and works on by itself. InputError when it may not be
        taken: then nothing is booked."""
        checked = self.check(signed)
        self._append(
            OrderAccepted(
                digest=checked.digest,
                signer=checked.signer,
                signed=signed,
                at_ms=self._clock.now_ms(),
                routing_ppm=self._routing_ppm,
            )
        )
        self._start(checked.digest)
        return self._view(checked.digest)

    async def submit(self, signed: SignedOrder) -> OrderView:
        """Takes an order and waits for its end."""
        return await self.finished(self.take(signed).digest)

    async def finished(self, digest: str) -> OrderView:
        """Waits for the end of an order that was taken. Raises what broke it."""
        task = self._tasks.get(digest)
        return self._view(digest) if task is None else await asyncio.shield(task)

    async def ended(self, digest: str) -> OrderView:
        """Waits until an order is not worked on any more. What broke it, if anything did, is in the log."""
        if (task := self._tasks.get(digest)) is not None:
            await asyncio.wait({task})
        return self._view(digest)

    def cancel(self, signed: SignedCancel) -> tuple[OrderView, ...]:
        """Has orders taken back: the wish is in the log when this returns, and their ends follow by themselves.
        InputError when nothing may be taken back by it."""
        signer, digests = check_cancel(
            signed, self._books, self._clock.now_ms(), chain_id=self._chain_id, vault=self._vault
        )
        if not digests:
            raise InputError("orders", "none of them is open", "closed")
        now_ms = self._clock.now_ms()
        self._append(
            CancelAsked(digests=digests, signer=signer, signed=signed, text="cancelled by the client", at_ms=now_ms)
        )
        for digest in digests:
            self._parents.wake(digest)
        return tuple(self._view(digest) for digest in digests)

    async def preview(self, wish: RouteWish) -> dict[str, Any]:
        """The decision record an order with these terms would leave now. InputError when it could not be routed."""
        order, coin = wish.order(), wish.coin
        if not any(coin in listed for listed in self._market.instruments().values()):
            raise InputError("instrument", f"no connected venue lists {wish.instrument}", "unknown")
        quotes = await self._rounds.quotes(order, self._rounds.allowed(order))
        if not quotes:
            raise InputError("venues", "none of them can take it now: no live book, frozen, or no margin", "no_quotes")
        request = self._rounds.request(order, order.size, quotes, None)
        return decision_record(request, quotes, plan(request, quotes))

    async def recover(self) -> None:
        """Settles what a crash left open: every open child is proven first, then its order lives on. Returns when
        orders that are worked at once have ended; those that rest or wait live on behind it."""
        for venue in self._clients:
            await self.legs.backfill(venue)
        for view in self._books.open_orders():
            self._start(view.digest)
        immediate = [
            self._tasks[view.digest]
            for view in self._books.open_orders()
            if view.signed.order.timeInForce == IOC and view.terms is None
        ]
        await asyncio.gather(*immediate)

    def watch(self) -> None:
        """Starts the heartbeats of all venues."""
        self._beats = [asyncio.create_task(self.health.watch(venue)) for venue in self._clients]

    async def close(self) -> None:
        """Stops working: what is open stays open in the books, and at the venues, until the next start."""
        tasks = [*self._beats, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, digest: str) -> None:
        task = self._tasks[digest] = asyncio.create_task(self._parents.run(digest))
        task.add_done_callback(lambda done: self._ended(digest, done))

    def _ended(self, digest: str, task: "asyncio.Task[OrderView]") -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("order_broke", digest=digest, error=repr(error))
        else:
            del self._tasks[digest]  # a broken one stays: whoever asks for its end learns what broke it

    def _view(self, digest: str) -> OrderView:
        view = self._books.order(digest)
        assert view is not None, f"order {digest} was accepted"
        return view
