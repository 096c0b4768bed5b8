"""Orders, their legs and spent nonces: what execution may do next, and whose a fill is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from keeper.errors import IntegrityError
from keeper.model.events import LegClosed, LegIntent, OrderAccepted, OrderClosed, RouteDecided
from keeper.model.orders import OrderStatus, transition
from keeper.model.signed_orders import SignedOrder
from keeper.model.venue_records import Fill


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as of the last event. `legs` are client order ids in the order in which they were sent."""

    digest: str
    signer: str
    signed: SignedOrder
    status: OrderStatus
    accepted_ms: int
    filled: Decimal = Decimal(0)
    text: str = ""
    route: dict[str, Any] | None = None
    legs: tuple[str, ...] = ()

    @property
    def sub_account(self) -> int:
        return self.signed.order.subAccount


class OrderBooks:
    """Projection of the order events. Every method refuses with IntegrityError before it changes anything."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderView] = {}
        self.legs: dict[str, LegIntent] = {}
        self.closed: dict[str, LegClosed] = {}
        self.leg_seqs: dict[str, int] = {}
        self._open: dict[str, LegIntent] = {}
        self._nonces: set[tuple[str, int]] = set()

    def accept(self, event: OrderAccepted) -> None:
        nonce = (event.signer.lower(), event.signed.order.nonce)
        if event.digest in self.orders:
            raise IntegrityError(f"order {event.digest}: accepted twice")
        if nonce in self._nonces:
            raise IntegrityError(f"order {event.digest}: nonce {nonce[1]} of {event.signer} is spent")
        self._nonces.add(nonce)
        self.orders[event.digest] = OrderView(
            digest=event.digest,
            signer=event.signer,
            signed=event.signed,
            status=OrderStatus.ACCEPTED,
            accepted_ms=event.at_ms,
        )

    def route(self, event: RouteDecided) -> None:
        order = self._order(event.digest)
        self._none_open(order)
        status = transition(order.digest, order.status, OrderStatus.ROUTING)
        self.orders[order.digest] = replace(order, status=status, route=event.decision)

    def send_leg(self, seq: int, event: LegIntent) -> None:
        order = self._order(event.digest)
        if event.cloid in self.legs:
            raise IntegrityError(f"order {event.digest}: client order id {event.cloid} was used before")
        status = transition(order.digest, order.status, OrderStatus.WORKING)
        self.orders[order.digest] = replace(order, status=status, legs=(*order.legs, event.cloid))
        self.legs[event.cloid] = self._open[event.cloid] = event
        self.leg_seqs[event.cloid] = seq

    def close_leg(self, event: LegClosed) -> None:
        intent = self._open.get(event.cloid)
        if intent is None:
            state = "closed already" if event.cloid in self.legs else "never sent"
            raise IntegrityError(f"leg {event.cloid}: closed as {event.outcome}, but it was {state}")
        has_fill = event.outcome in ("filled", "partial")
        if has_fill != (event.filled > 0) or event.filled > intent.size:
            raise IntegrityError(f"leg {event.cloid}: {event.outcome} with {event.filled} of {intent.size} filled")
        order = self.orders[intent.digest]
        self.orders[order.digest] = replace(order, filled=order.filled + event.filled)
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
        status = transition(order.digest, order.status, OrderStatus(event.status))
        self.orders[order.digest] = replace(order, status=status, text=event.text)

    def nonce_used(self, signer: str, nonce: int) -> bool:
        return (signer.lower(), nonce) in self._nonces

    def open_legs(self) -> tuple[LegIntent, ...]:
        return tuple(self._open.values())

    def sub_account_of(self, cloid: str) -> int | None:
        leg = self.legs.get(cloid)
        return None if leg is None else self.orders[leg.digest].sub_account

    def owner_of(self, fill: Fill) -> int | None:
        """The sub-account whose leg this is a fill of; None for an id of nobody's, or of another seat, coin or side."""
        leg = self.legs.get(fill.cloid) if fill.cloid else None
        if leg is None or (leg.venue, leg.coin, leg.side) != (fill.venue, fill.coin, fill.side):
            return None
        return self.orders[leg.digest].sub_account

    def sent_since(self, seq: int) -> Iterable[str]:
        """Digests of the orders with a leg written after event `seq`, in order of acceptance."""
        return (digest for digest, order in self.orders.items() if order.legs and self.leg_seqs[order.legs[-1]] > seq)

    def _order(self, digest: str) -> OrderView:
        order = self.orders.get(digest)
        if order is None:
            raise IntegrityError(f"order {digest}: never accepted")
        return order

    def _none_open(self, order: OrderView) -> None:
        left = [cloid for cloid in order.legs if cloid in self._open]
        if left:
            raise IntegrityError(f"order {order.digest}: legs {left} are still open")
