"""One client's order from its acceptance to its end. Everything it needs to go on after a crash is in the books, so a
restart enters the same life at the same place.

    wait (replaced order gone, other order's end, trigger)  ->  take at once, in slices, or rest  ->  close
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog

from keeper.clock import Clock
from keeper.errors import InputError
from keeper.execution import schedule
from keeper.execution.children import Children
from keeper.execution.own_orders import Committed, OwnOrders
from keeper.execution.ports import Append, Market, Risk
from keeper.execution.pricing import lots_within, median, padded, reached, worst_price
from keeper.execution.ready import ReadyRoutes
from keeper.execution.rounds import Round, Rounds
from keeper.execution.settings import ExecutionSettings
from keeper.ledger import Books, OrderView
from keeper.model.amounts import plain
from keeper.model.events import (
    CancelAsked,
    LegIntent,
    OrderClosed,
    OrderOutcome,
    OrderStarted,
    RouteDecided,
    TimeInForce,
)
from keeper.model.instruments import coin_of
from keeper.model.orders import OrderStatus
from keeper.model.signed_orders import ALO, IOC, Order
from keeper.model.terms import NO_TRIGGER, NOBODY, Terms
from keeper.routing import RoutePlan

log = structlog.get_logger()

ZERO = Decimal(0)
EXPIRED = "its deadline has passed"
LOOKS = 5
"""How often a round is planned anew because own orders were in its way."""


@dataclass(frozen=True, slots=True)
class End:
    """Why an order's work is over. `status` when it is not what the fills say."""

    text: str = ""
    status: OrderOutcome | None = None


class Parents:
    """Lives of orders; `run` is one of them. Orders run side by side and meet in `own` and the books only."""

    def __init__(
        self,
        *,
        books: Books,
        append: Append,
        market: Market,
        risk: Risk,
        own: OwnOrders,
        rounds: Rounds,
        children: Children,
        clock: Clock,
        berths: Collection[str],
        settings: ExecutionSettings,
    ) -> None:
        self._books, self._append, self._market, self._risk = books, append, market, risk
        self._own, self._rounds, self._children, self._clock = own, rounds, children, clock
        self._berths = berths
        self._settings = settings
        self._wakes: dict[str, asyncio.Event] = {}
        self._look_after: dict[str, float] = {}
        self._watched_until: dict[str, float] = {}
        self.ready = ReadyRoutes(self._offered)

    def wake(self, digest: str) -> None:
        """Something that concerns the order has changed."""
        if (wake := self._wakes.get(digest)) is not None:
            wake.set()

    async def run(self, digest: str) -> OrderView:
        """To its end, from wherever the books say it is."""
        self._wakes[digest] = asyncio.Event()
        try:
            await self._children.finish_open(digest)
            if (resting := self._children.resting(digest)) is not None:
                await self._stay(resting, sent=True)
            end = await self._wait(digest) or await self._work(digest)
            return self._close(digest, end)
        finally:
            del self._wakes[digest]
            self._look_after.pop(digest, None)
            self._watched_until.pop(digest, None)
            self.ready.drop(digest, coin_of(self._view(digest).signed.order.instrument))

    # waiting

    async def _wait(self, digest: str) -> End | None:
        """Until it may start; the end of one that may never. Its margin is checked when it starts."""
        view = self._view(digest)
        if view.status is not OrderStatus.WAITING:
            return None
        assert view.terms is not None, "only terms make an order wait"
        self._replace(view, view.terms.replaces)
        while True:
            if (end := self._stop(digest)) is not None:
                return end
            come = self._come(view, view.terms)
            if isinstance(come, End):
                return come
            if come is not None:
                break
            await self._nap(digest, self._settings.watch_s)
        if (refused := self._unbearable(view)) is not None:
            return End(refused, "refused")
        self._append(OrderStarted(digest=digest, text=come, at_ms=self._clock.now_ms()))
        for other in self._books.group_of(view):
            self.wake(other.digest)
        return None

    def _replace(self, view: OrderView, replaced: str) -> None:
        old = None if replaced == NOBODY else self._books.order(replaced)
        if old is not None and not old.status.closed and not old.cancel_text:
            text, now_ms = f"replaced by order {view.digest}", self._clock.now_ms()
            self._append(CancelAsked(digests=(replaced,), signer=view.signer, signed=None, text=text, at_ms=now_ms))
            self.wake(replaced)

    def _come(self, view: OrderView, terms: Terms) -> str | End | None:
        """What has come that the order waited for; None while something has not, an End when it never will."""
        if terms.replaces != NOBODY and not self._ended(terms.replaces).status.closed:
            return None
        if terms.after != NOBODY:
            other = self._ended(terms.after)
            if not other.status.closed:
                return None
            if not other.filled or (terms.afterWhole and other.status is not OrderStatus.FILLED):
                return End(f"order {other.digest}, which it was to follow, ended {other.status}")
        if terms.trigger == NO_TRIGGER:
            return "what it waited for has ended"
        marks = self._rounds.marks(view.signed.order)
        if not marks or not reached(median(marks), terms.trigger, terms.trigger_price):
            return None
        return f"the mark price {plain(median(marks))} has reached its trigger {plain(terms.trigger_price)}"

    def _ended(self, digest: str) -> OrderView:
        return self._view(digest)

    def _unbearable(self, view: OrderView) -> str | None:
        """Why its margin does not suffice, now that it starts."""
        order = view.signed.order
        if order.reduceOnly:
            return None
        committed = Committed(self._books, self._market.marks(), but={view.digest})
        venues = tuple(self._rounds.allowed(order))
        try:
            coin = coin_of(order.instrument)
            self._risk.check_order(committed, order.subAccount, coin, order.direction, self._left(view), venues)
        except InputError as error:
            return str(error)
        return None

    # stopping

    def _stop(self, digest: str) -> End | None:
        """Why nothing more may be sent for it."""
        view = self._view(digest)
        if self._left(view) <= 0:
            is_own = self._books.order_filled(digest) == view.signed.order.size
            return End("" if is_own else "the rest was filled by the order it replaces or by others of its group")
        if view.cancel_text:
            return End(view.cancel_text, "cancelled")
        if view.signed.order.deadline * 1000 <= self._clock.now_ms():
            return End(EXPIRED, "expired")
        for other in self._books.group_of(view):
            if _fired(other) and not (_fired(view) and _first(view, other)):
                return End(f"order {other.digest} of its group was triggered", "cancelled")
        return None

    def _left(self, view: OrderView) -> Decimal:
        """What may still be filled: less what the order it replaces and the others of its group have filled."""
        left = view.signed.order.size - self._books.order_filled(view.digest)
        if view.terms is not None and view.terms.replaces != NOBODY:
            left -= self._carried(view.terms.replaces)
        return left - sum((self._books.order_filled(other.digest) for other in self._books.group_of(view)), ZERO)

    def _carried(self, digest: str) -> Decimal:
        """What an order and those that it replaced itself have filled."""
        view, filled = self._view(digest), self._books.order_filled(digest)
        replaced = view.terms.replaces if view.terms is not None else NOBODY
        return filled if replaced == NOBODY else filled + self._carried(replaced)

    # working

    async def _work(self, digest: str) -> End:
        view = self._view(digest)
        if not await self._alone(view):
            end = self._stop(digest)
            assert end is not None
            return end
        order, terms = view.signed.order, view.terms
        if order.timeInForce != IOC:
            return await self._rest(digest)
        if terms is not None and terms.slices:
            return await self._slices(digest, terms)
        return await self._take(digest)

    async def _alone(self, view: OrderView) -> bool:
        """Waits until those that its trigger takes back have ended: what they filled is not to be filled again. False
        when it is stopped itself meanwhile."""
        if not _fired(view):
            return True
        while not all(other.status.closed for other in self._books.group_of(view)):
            if self._stop(view.digest) is not None:
                return False
            await self._nap(view.digest, self._settings.watch_s)
        return True

    async def _take(self, digest: str) -> End:
        """Rounds at fresh prices until all is filled. A triggered order that reduces goes on to its deadline, since
        giving up would leave the client's position unprotected."""
        view = self._view(digest)
        persistent = _fired(view) and view.signed.order.reduceOnly
        while True:
            end, text = await self._round(digest, self._left(view))
            if end is not None:
                return end
            view = self._view(digest)
            if not persistent and (text or view.rounds >= self._settings.max_rounds):
                return self._stop(digest) or End(text)
            if persistent and view.signed.order.reduceOnly and not self._closable(view.signed.order):
                return End("the sub-account holds nothing more that it would reduce")
            await self._nap(digest, self._settings.reroute_s)

    async def _slices(self, digest: str, terms: Terms) -> End:
        """Each part when it is due; what a part could not get is caught up by the next ones."""
        while True:
            view, now_ms = self._view(digest), self._clock.now_ms()
            order = view.signed.order
            assert view.started_ms is not None
            lot = min(
                self._rounds.instrument(venue, coin_of(order.instrument)).lot_size
                for venue in self._rounds.allowed(order)
            )
            is_over = schedule.over(terms, view.started_ms, now_ms)
            target = schedule.due(order.size, lot, terms, view.started_ms, now_ms)
            wanted = min(self._left(view), target - self._books.order_filled(digest))
            text = ""
            if wanted > 0:
                end, text = await self._round(digest, wanted, terms.participationBps)
                if end is not None:
                    return end
            elif (end := self._stop(digest)) is not None:
                return end
            if is_over:
                return self._stop(digest) or End(text or "its time is over")
            await self._nap(digest, self._settings.watch_s if wanted <= 0 else self._settings.reroute_s)

    async def _round(self, digest: str, quantity: Decimal, share_bps: int = 0) -> tuple[End | None, str]:
        """Routes `quantity` once and works its legs to their ends. An End when the order is to stop; the text says why
        nothing could be sent."""
        left_out: set[str] = set(self._tired(digest))
        places: list[tuple[str, str]] = []
        try:
            for _ in range(LOOKS):
                view = self._view(digest)
                order, coin = view.signed.order, coin_of(view.signed.order.instrument)
                venues = [venue for venue in self._rounds.allowed(order) if venue not in left_out]
                quotes = await self._rounds.quotes(
                    order, venues, share_bps=share_bps, reducing=self._closable(order) if order.reduceOnly else None
                )
                if (end := self._stop(digest)) is not None:
                    return end, ""
                quantity = min(quantity, self._left(self._view(digest)))
                planned = self._rounds.plan(order, quantity, quotes, view.reference_price)
                legs = self._legs(view, planned)
                obstacles = {other.cloid: other for leg in legs for other in self._own.in_the_way(leg)}
                if not obstacles and self._still_closable(order, legs):
                    return None, await self._send(digest, planned, legs)
                for place in {(leg.venue, coin) for leg in legs} - set(places):
                    self._own.claim(place, digest)
                    places.append(place)
                stuck = await self._children.clear(obstacles.values(), f"in the way of order {digest}")
                left_out |= {other.venue for other in stuck}
            return None, "own orders on the shared seats were in its way"
        finally:
            for place in places:
                self._own.release(place, digest)

    def _tired(self, digest: str) -> Collection[str]:
        """Venues that refused a child of it."""
        ends = [(cloid, self._books.leg_outcome(cloid)) for cloid in self._view(digest).legs]
        refused = [cloid for cloid, end in ends if end is not None and end.outcome == "refused"]
        return {leg.venue for cloid in refused if (leg := self._books.leg(cloid)) is not None}

    def _closable(self, order: Order) -> dict[str, Decimal]:
        return self._own.closable(order, self._rounds.allowed(order), beside=self._own.withdrawable(order))

    def _still_closable(self, order: Order, legs: Sequence[LegIntent]) -> bool:
        """With nothing of the order's own withdrawn: checked in the same breath in which the legs are written."""
        if not order.reduceOnly:
            return True
        firm = self._own.closable(order, self._rounds.allowed(order))
        return all(leg.size <= firm.get(leg.venue, ZERO) for leg in legs)

    def _legs(self, view: OrderView, planned: Round) -> list[LegIntent]:
        route = planned.route
        if route is None or planned.request is None:
            return []
        order, coin = view.signed.order, coin_of(view.signed.order.instrument)
        worst = worst_price(order, planned.request.reference_price)
        first = self._children.next_number(view.digest)
        return [
            self._children.intent(
                view.digest,
                number,
                0,
                leg.venue,
                leg.quantity,
                padded(
                    leg.limit_price, worst, order, self._settings.padding_bps, self._rounds.instrument(leg.venue, coin)
                ),
            )
            for number, leg in enumerate(route.legs, first)
        ]

    async def _send(self, digest: str, planned: Round, legs: list[LegIntent]) -> str:
        """Writes the decision and its legs in one step, then works them. A later round that finds nothing is not worth
        a record."""
        if planned.decision is None:
            return planned.text
        if legs or not self._view(digest).rounds:
            decided = RouteDecided(digest=digest, at_ms=self._clock.now_ms(), decision=planned.decision)
            self._append(decided, *legs)
        await asyncio.gather(*(self._children.finish(leg, sent=False) for leg in legs))
        assert planned.route is not None
        return "" if legs else _why_nothing(planned.route)

    # resting

    async def _rest(self, digest: str) -> End:
        """Takes what its limit reaches (but for post-only), and rests with what is left, one child at a time."""
        while True:
            if (end := self._stop(digest)) is not None:
                return end
            view = self._view(digest)
            order = view.signed.order
            if order.reduceOnly and not self._closable(order):
                return End("the sub-account holds nothing more that it would reduce")
            if order.timeInForce != ALO and self._may_look(digest) and (not view.rounds or self._reaches(view)):
                self._looked(digest)
                end, _ = await self._round(digest, self._left(view))
                if end is not None:
                    return end
            leg = await self._berth(digest)
            if isinstance(leg, End):
                return leg
            if leg is None:
                self._look_out(digest, self._rounds.allowed(order))
                await self._nap(digest, self._settings.watch_s)
                continue
            self._append(leg)
            await self._stay(leg)
            refused = self._books.leg_outcome(leg.cloid)
            if refused is not None and refused.outcome == "refused" and order.timeInForce == ALO:
                return End(refused.text, "refused")

    def _may_look(self, digest: str) -> bool:
        """What is in sight cannot always be had (the seat's margin, own orders): not tried at every turn."""
        return asyncio.get_running_loop().time() >= self._look_after.get(digest, 0.0)

    def _looked(self, digest: str) -> None:
        self._look_after[digest] = asyncio.get_running_loop().time() + self._settings.retake_s

    def _reaches(self, view: OrderView) -> bool:
        tired = self._tired(view.digest)
        venues = [venue for venue in self._rounds.allowed(view.signed.order) if venue not in tired]
        return self._rounds.takeable(view.signed.order, view.reference_price, venues)

    async def _berth(self, digest: str) -> LegIntent | End | None:
        """The child that may rest now; None when there is no place for it yet, an End when there never will be."""
        view = self._view(digest)
        order, coin = view.signed.order, coin_of(view.signed.order.instrument)
        tired = self._tired(digest)
        venues = [venue for venue in self._rounds.allowed(order) if venue in self._berths and venue not in tired]
        if not venues:
            return End("no venue lets it rest: each has refused it")
        if self._below_minimum(order, self._left(view), venues):
            return End(f"{plain(self._left(view))} is left, less than any venue takes")
        while venues:
            berth = await self._rounds.berth(order, self._left(view), view.reference_price, venues)
            if berth is None or self._stop(digest) is not None:
                break
            size = min(berth.size, lots_within(self._left(view), self._rounds.instrument(berth.venue, coin).lot_size))
            tif: TimeInForce = "alo" if order.timeInForce == ALO else "gtc"
            number = self._children.next_number(digest)
            leg = self._children.intent(digest, number, 0, berth.venue, size, berth.price, tif)
            blocked = self._own.claimed((leg.venue, coin), digest) or self._own.in_the_way(leg)
            if size > 0 and not blocked and self._still_closable(order, [leg]):
                return leg
            venues.remove(berth.venue)  # another seat, where none of our own orders is in its way
        if order.timeInForce == ALO and self._stop(digest) is None and self._reaches(view):
            return End("post-only: it would take at its price", "refused")
        return None

    def _below_minimum(self, order: Order, left: Decimal, venues: Sequence[str]) -> bool:
        assert order.limit is not None
        instruments = [self._rounds.instrument(venue, coin_of(order.instrument)) for venue in venues]
        lots = [(lots_within(left, item.lot_size), item.min_notional) for item in instruments]
        return all(size <= 0 or size * order.limit < least for size, least in lots)

    async def _stay(self, leg: LegIntent, *, sent: bool = False) -> None:
        """A resting child to its end, which it is asked for when the order stops, shrinks, or could be filled
        elsewhere."""
        task = asyncio.create_task(self._children.finish(leg, sent=sent))
        try:
            while not task.done():
                if (reason := self._why_withdraw(leg)) is not None:
                    self._children.withdraw(leg, reason)
                else:
                    self._look_out(leg.digest, self._elsewhere(leg))
                await self._nap(leg.digest, self._settings.watch_s, task)
        finally:
            if not task.done():
                task.cancel()
        task.result()

    def _why_withdraw(self, leg: LegIntent) -> str | None:
        view = self._view(leg.digest)
        order = view.signed.order
        if (end := self._stop(leg.digest)) is not None:
            return end.text or "filled elsewhere"
        open_part = self._own.left(leg)
        if open_part > self._left(view):
            return "others of its group have filled a part of it"
        if order.reduceOnly:
            most = self._own.closable(order, [leg.venue], beside={leg.cloid}).get(leg.venue, ZERO)
            if open_part > most:
                return "the sub-account holds less than it would reduce"
        may_look = order.timeInForce != ALO and self._may_look(leg.digest)
        if may_look and self._rounds.takeable(order, view.reference_price, self._elsewhere(leg)):
            return "another venue offers its price"
        return None

    def _elsewhere(self, leg: LegIntent) -> list[str]:
        return [venue for venue in self._rounds.allowed(self._view(leg.digest).signed.order) if venue != leg.venue]

    def _look_out(self, digest: str, venues: Collection[str]) -> None:
        """Lets books wake it, at terms that are renewed every few seconds."""
        view, now_s = self._view(digest), asyncio.get_running_loop().time()
        order, left = view.signed.order, self._left(view)
        if order.timeInForce == ALO or left <= 0 or now_s < self._watched_until.get(digest, 0.0):
            return
        self._watched_until[digest] = now_s + self._settings.retake_s
        route = self._rounds.lookout(order, left, view.reference_price, venues)
        if route is None:
            self.ready.drop(digest, coin_of(order.instrument))
        else:
            self.ready.keep(digest, coin_of(order.instrument), route)

    def _offered(self, digest: str) -> None:
        if self._may_look(digest):
            self.wake(digest)

    # ending

    def _close(self, digest: str, end: End) -> OrderView:
        """Books the order's end from its children's ends."""
        view = self._view(digest)
        legs = [leg for cloid in view.legs if (leg := self._books.leg_outcome(cloid)) is not None]
        refused = [leg.text for leg in legs if leg.outcome == "refused"]
        status: OrderOutcome = end.status or "unfilled"
        if view.filled:
            status = "filled" if view.filled == view.signed.order.size else "partial"
        elif end.status is None and refused and len(refused) == len(legs):
            status = "refused"
        text = "; ".join(dict.fromkeys(refused)) if status == "refused" and refused else end.text
        now_ms = self._clock.now_ms()
        self._append(OrderClosed(digest=digest, status=status, filled=view.filled, text=text, at_ms=now_ms))
        for other in self._books.open_orders():
            if other.sub_account == view.sub_account:
                self.wake(other.digest)
        return self._view(digest)

    def _view(self, digest: str) -> OrderView:
        view = self._books.order(digest)
        assert view is not None, f"order {digest} was accepted"
        return view

    async def _nap(self, digest: str, seconds: float, task: "asyncio.Task[None] | None" = None) -> None:
        """A pause that ends early when the order is woken, or the task ends."""
        wake = self._wakes[digest]
        waiting = asyncio.create_task(wake.wait())
        try:
            await asyncio.wait({waiting, *([task] if task else [])}, timeout=seconds, return_when="FIRST_COMPLETED")
        finally:
            waiting.cancel()
        wake.clear()


def _fired(view: OrderView) -> bool:
    return view.terms is not None and view.terms.trigger != NO_TRIGGER and view.started_ms is not None


def _first(view: OrderView, other: OrderView) -> bool:
    """Whether `view` was triggered before `other`."""
    assert view.started_ms is not None
    assert other.started_ms is not None
    return (view.started_ms, view.accepted_ms, view.digest) < (other.started_ms, other.accepted_ms, other.digest)


def _why_nothing(route: RoutePlan) -> str:
    return f"nothing of {plain(route.unfilled)} can be had within the limit, the slippage and the venues' margin"
