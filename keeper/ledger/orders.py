"""Orders, their children and spent nonces: what execution may do next, and whose a fill is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from keeper.errors import IntegrityError
from keeper.ledger.chart import notional
from keeper.model.events import (
    CancelAsked,
    LegCancelAsked,
    LegClosed,
    LegIntent,
    LegRested,
    OrderAccepted,
    OrderClosed,
    OrderStarted,
    RouteDecided,
)
from keeper.model.fees import routing_fee
from keeper.model.orders import (
    CHILD_TRANSITIONS,
    TRANSITIONS,
    ChildEvent,
    ChildStatus,
    OrderEvent,
    OrderStatus,
    step,
)
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import NOBODY, Terms
from keeper.model.venue_records import Fill


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as of the last event. `legs` are the children's client order ids in the order in which they were sent;
    `filled` counts closed children only (see `Books.order_filled`). `route` is the first decision, whose reference
    price bounds the slippage of the whole order; `rounds` how many there were. `started_ms`: when it stopped waiting.
    `cancel_text`: why it is to be taken back, empty if it is not. `routing_ppm`: the broker's fee on its fills."""

    digest: str
    signer: str
    signed: SignedOrder
    status: OrderStatus
    accepted_ms: int
    filled: Decimal = Decimal(0)
    text: str = ""
    route: dict[str, Any] | None = None
    rounds: int = 0
    legs: tuple[str, ...] = ()
    started_ms: int | None = None
    cancel_text: str = ""
    routing_ppm: int = 0

    @property
    def sub_account(self) -> int:
        return self.signed.order.subAccount

    @property
    def terms(self) -> Terms | None:
        return self.signed.terms

    @property
    def reference_price(self) -> Decimal | None:
        """What slippage is measured against for its whole life; None before it was routed."""
        return None if self.route is None else Decimal(self.route["request"]["reference_price"])


class OrderBooks:
    """Projection of the order events. Every method refuses with IntegrityError before it changes anything."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderView] = {}
        self.unfinished: dict[str, OrderView] = {}
        self.legs: dict[str, LegIntent] = {}
        self.closed: dict[str, LegClosed] = {}
        self.leg_seqs: dict[str, int] = {}
        self.leg_fills: dict[str, list[Fill]] = {}
        self._children: dict[str, ChildStatus] = {}
        self._open: dict[str, LegIntent] = {}
        self._nonces: set[tuple[str, int]] = set()
        self._groups: dict[tuple[int, str], list[str]] = {}

    def accept(self, event: OrderAccepted) -> None:
        nonce = (event.signer.lower(), event.signed.order.nonce)
        if event.digest in self.orders:
            raise IntegrityError(f"order {event.digest}: accepted twice")
        if nonce in self._nonces:
            raise IntegrityError(f"order {event.digest}: nonce {nonce[1]} of {event.signer} is spent")
        self._nonces.add(nonce)
        terms = event.signed.terms
        waits = terms is not None and terms.waits
        order = OrderView(
            digest=event.digest,
            signer=event.signer,
            signed=event.signed,
            status=OrderStatus.WAITING if waits else OrderStatus.ACCEPTED,
            accepted_ms=event.at_ms,
            started_ms=None if waits else event.at_ms,
            routing_ppm=event.routing_ppm,
        )
        self._put(order)
        if terms is not None and terms.group != NOBODY:
            self._groups.setdefault((order.sub_account, terms.group), []).append(order.digest)

    def start(self, event: OrderStarted) -> None:
        order = self._step(event.digest, OrderEvent.STARTED)
        self._put(replace(order, started_ms=event.at_ms))

    def ask_cancel(self, event: CancelAsked) -> None:
        nonce = None if event.signed is None else (event.signer.lower(), event.signed.cancel.nonce)
        if nonce in self._nonces:
            raise IntegrityError(f"cancel: nonce {nonce[1]} of {event.signer} is spent")
        stepped = [self._step(digest, OrderEvent.CANCEL_ASKED) for digest in event.digests]
        if nonce is not None:
            self._nonces.add(nonce)
        for order in stepped:
            self._put(replace(order, cancel_text=order.cancel_text or event.text))

    def route(self, event: RouteDecided) -> None:
        order = self._step(event.digest, OrderEvent.ROUTED)
        self._none_open(order)
        self._put(replace(order, route=order.route or event.decision, rounds=order.rounds + 1))

    def send_leg(self, seq: int, event: LegIntent) -> None:
        if event.cloid in self.legs:
            raise IntegrityError(f"order {event.digest}: client order id {event.cloid} was used before")
        order = self._step(event.digest, OrderEvent.CHILD_SENT)
        on_the_way = sum((leg.size for leg in self._open_of(order)), Decimal(0))
        if order.filled + on_the_way + event.size > order.signed.order.size:
            raise IntegrityError(
                f"order {order.digest}: {event.size} more, with {order.filled} filled and {on_the_way} on the way, "
                f"would be more than the {order.signed.order.size} ordered"
            )
        self._put(replace(order, legs=(*order.legs, event.cloid)))
        self.legs[event.cloid] = self._open[event.cloid] = event
        self.leg_seqs[event.cloid] = seq
        self._children[event.cloid] = ChildStatus.SENT

    def rest_leg(self, event: LegRested) -> None:
        self._children[event.cloid] = self._child_step(event.cloid, ChildEvent.RESTED)

    def ask_leg_cancel(self, event: LegCancelAsked) -> None:
        self._children[event.cloid] = self._child_step(event.cloid, ChildEvent.CANCEL_ASKED)

    def note_fill(self, fill: Fill) -> None:
        """A booked fill of one of our children. Money is booked whatever the child's state: see `late`."""
        assert fill.cloid is not None, "an owned fill has a client order id"
        self.leg_fills.setdefault(fill.cloid, []).append(fill)

    def close_leg(self, event: LegClosed) -> None:
        intent = self._open.get(event.cloid)
        if intent is None:
            state = "closed already" if event.cloid in self.legs else "never sent"
            raise IntegrityError(f"leg {event.cloid}: closed as {event.outcome}, but it was {state}")
        has_fill = event.outcome in ("filled", "partial")
        if has_fill != (event.filled > 0) or event.filled > intent.size:
            raise IntegrityError(f"leg {event.cloid}: {event.outcome} with {event.filled} of {intent.size} filled")
        self._children[event.cloid] = self._child_step(event.cloid, ChildEvent(event.outcome))
        order = self.orders[intent.digest]
        self._put(replace(order, filled=order.filled + event.filled))
        self.closed[event.cloid] = event
        del self._open[event.cloid]

    def close(self, event: OrderClosed) -> None:
        order = self._order(event.digest)
        self._none_open(order)
        if event.filled != order.filled:
            raise IntegrityError(
                f"order {order.digest}: closed with {event.filled} filled, its legs say {order.filled}"
            )
        if (event.status in ("filled", "partial")) != (event.filled > 0):
            raise IntegrityError(f"order {order.digest}: {event.status} with {event.filled} filled")
        self._put(replace(self._step(event.digest, OrderEvent(event.status)), text=event.text))

    # questions

    def nonce_used(self, signer: str, nonce: int) -> bool:
        return (signer.lower(), nonce) in self._nonces

    def open_legs(self) -> tuple[LegIntent, ...]:
        return tuple(self._open.values())

    def child(self, cloid: str) -> ChildStatus:
        return self._children[cloid]

    def leg_filled(self, cloid: str) -> Decimal:
        """By booked fills."""
        return sum((fill.size for fill in self.leg_fills.get(cloid, ())), Decimal(0))

    def late(self, cloid: str) -> bool:
        """Whether more is booked of a closed child than it was closed with: its end was not proven after all."""
        end = self.closed.get(cloid)
        return end is not None and self.leg_filled(cloid) > end.filled

    def filled(self, digest: str) -> Decimal:
        """By closed children, and by booked fills of open ones."""
        order = self._order(digest)
        return order.filled + self._filled_in_open(order)

    def group_of(self, order: OrderView) -> list[OrderView]:
        """The other orders of the same group."""
        if order.terms is None or order.terms.group == NOBODY:
            return []
        digests = self._groups[order.sub_account, order.terms.group]
        return [self.orders[digest] for digest in digests if digest != order.digest]

    def sub_account_of(self, cloid: str) -> int | None:
        leg = self.legs.get(cloid)
        return None if leg is None else self.orders[leg.digest].sub_account

    def owner_of(self, fill: Fill) -> int | None:
        """The sub-account whose leg this is a fill of; None for an id of nobody's, or of another seat, coin or side."""
        leg = self.legs.get(fill.cloid) if fill.cloid else None
        if leg is None or (leg.venue, leg.coin, leg.side) != (fill.venue, fill.coin, fill.side):
            return None
        return self.orders[leg.digest].sub_account

    def routing_fee(self, fill: Fill) -> int:
        """The broker's fee on a fill of one of our children, micro-USDC."""
        assert fill.cloid is not None, "an owned fill has a client order id"
        ppm = self.orders[self.legs[fill.cloid].digest].routing_ppm
        return routing_fee(notional(fill.size, fill.price), ppm) if ppm else 0

    def sent_since(self, seq: int) -> Iterable[str]:
        """Digests of the orders with a leg written after event `seq`, in order of acceptance."""
        return (digest for digest, order in self.orders.items() if order.legs and self.leg_seqs[order.legs[-1]] > seq)

    def _open_of(self, order: OrderView) -> list[LegIntent]:
        return [self._open[cloid] for cloid in order.legs if cloid in self._open]

    def _filled_in_open(self, order: OrderView) -> Decimal:
        return sum((self.leg_filled(leg.cloid) for leg in self._open_of(order)), Decimal(0))

    def _put(self, order: OrderView) -> None:
        self.orders[order.digest] = order
        if order.status.closed:
            self.unfinished.pop(order.digest, None)
        else:
            self.unfinished[order.digest] = order

    def _step(self, digest: str, event: OrderEvent) -> OrderView:
        order = self._order(digest)
        return replace(order, status=step(TRANSITIONS, f"order {digest}", order.status, event))

    def _child_step(self, cloid: str, event: ChildEvent) -> ChildStatus:
        if cloid not in self._children:
            raise IntegrityError(f"leg {cloid}: {event}, but it was never sent")
        return step(CHILD_TRANSITIONS, f"leg {cloid}", self._children[cloid], event)

    def _order(self, digest: str) -> OrderView:
        order = self.orders.get(digest)
        if order is None:
            raise IntegrityError(f"order {digest}: never accepted")
        return order

    def _none_open(self, order: OrderView) -> None:
        left = [cloid for cloid in order.legs if cloid in self._open]
        if left:
            raise IntegrityError(f"order {order.digest}: legs {left} are still open")
