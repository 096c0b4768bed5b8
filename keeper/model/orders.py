"""The life of a client's order (the parent) and of each message sent for it (a child): states, events, and the only
steps between them. Two tables, nothing else: what is not in a table is refused.

    parent   WAITING ──started──> ACCEPTED ──routed──> ROUTING ──child sent──> WORKING ──> an end
             any of them ──cancel asked──> CANCELLING ──> an end            (no child may be sent from there)

    child    SENT ──> an end                                  (immediate or cancel)
             SENT ──rested──> RESTING ──cancel asked──> CANCELLING ──> an end

SENT means written down, and perhaps on its way: a fill may be seen before the venue's answer, so a fill is no step.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from keeper.errors import IntegrityError


class OrderStatus(StrEnum):
    WAITING = "waiting"
    """For its trigger, its start, or another order's end."""
    ACCEPTED = "accepted"
    ROUTING = "routing"
    WORKING = "working"
    CANCELLING = "cancelling"
    FILLED = "filled"
    PARTIALLY_FILLED = "partial"
    UNFILLED = "unfilled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def closed(self) -> bool:
        return not TRANSITIONS[self]


class OrderEvent(StrEnum):
    STARTED = "started"
    ROUTED = "routed"
    CHILD_SENT = "child sent"
    CANCEL_ASKED = "cancel asked"
    FILLED = "filled"
    PARTIALLY_FILLED = "partial"
    UNFILLED = "unfilled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ChildStatus(StrEnum):
    SENT = "sent"
    RESTING = "resting"
    CANCELLING = "cancelling"
    FILLED = "filled"
    PARTIALLY_FILLED = "partial"
    UNFILLED = "unfilled"
    REFUSED = "refused"
    ABSENT = "absent"

    @property
    def closed(self) -> bool:
        return not CHILD_TRANSITIONS[self]


class ChildEvent(StrEnum):
    RESTED = "rested"
    FILL = "fill"
    CANCEL_ASKED = "cancel asked"
    FILLED = "filled"
    PARTIALLY_FILLED = "partial"
    UNFILLED = "unfilled"
    REFUSED = "refused"
    ABSENT = "absent"


_WITHOUT_FILL: Final = {
    OrderEvent.UNFILLED: OrderStatus.UNFILLED,
    OrderEvent.REFUSED: OrderStatus.REFUSED,
    OrderEvent.CANCELLED: OrderStatus.CANCELLED,
    OrderEvent.EXPIRED: OrderStatus.EXPIRED,
}
_ENDS: Final = _WITHOUT_FILL | {
    OrderEvent.FILLED: OrderStatus.FILLED,
    OrderEvent.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
}
_STOP: Final = {OrderEvent.CANCEL_ASKED: OrderStatus.CANCELLING}

TRANSITIONS: Final[Mapping[OrderStatus, Mapping[OrderEvent, OrderStatus]]] = MappingProxyType(
    {
        OrderStatus.WAITING: {OrderEvent.STARTED: OrderStatus.ACCEPTED} | _STOP | _WITHOUT_FILL,
        OrderStatus.ACCEPTED: {
            OrderEvent.ROUTED: OrderStatus.ROUTING,
            OrderEvent.CHILD_SENT: OrderStatus.WORKING,  # a post-only order is not routed: it takes nothing
        }
        | _STOP
        | _WITHOUT_FILL,
        # A plan may be thrown away and made again.
        OrderStatus.ROUTING: {
            OrderEvent.ROUTED: OrderStatus.ROUTING,
            OrderEvent.CHILD_SENT: OrderStatus.WORKING,
        }
        | _STOP
        | _WITHOUT_FILL,
        OrderStatus.WORKING: {
            OrderEvent.ROUTED: OrderStatus.WORKING,
            OrderEvent.CHILD_SENT: OrderStatus.WORKING,
        }
        | _STOP
        | _ENDS,
        OrderStatus.CANCELLING: _STOP | _ENDS,
        OrderStatus.FILLED: {},
        OrderStatus.PARTIALLY_FILLED: {},
        OrderStatus.UNFILLED: {},
        OrderStatus.REFUSED: {},
        OrderStatus.CANCELLED: {},
        OrderStatus.EXPIRED: {},
    }
)

_DONE: Final = {
    ChildEvent.FILLED: ChildStatus.FILLED,
    ChildEvent.PARTIALLY_FILLED: ChildStatus.PARTIALLY_FILLED,
    ChildEvent.UNFILLED: ChildStatus.UNFILLED,
}

CHILD_TRANSITIONS: Final[Mapping[ChildStatus, Mapping[ChildEvent, ChildStatus]]] = MappingProxyType(
    {
        ChildStatus.SENT: {
            ChildEvent.FILL: ChildStatus.SENT,
            ChildEvent.RESTED: ChildStatus.RESTING,
            ChildEvent.REFUSED: ChildStatus.REFUSED,
            ChildEvent.ABSENT: ChildStatus.ABSENT,
        }
        | _DONE,
        # What a venue has acknowledged it can neither refuse nor never have seen.
        ChildStatus.RESTING: {
            ChildEvent.FILL: ChildStatus.RESTING,
            ChildEvent.CANCEL_ASKED: ChildStatus.CANCELLING,
        }
        | _DONE,
        ChildStatus.CANCELLING: {
            ChildEvent.FILL: ChildStatus.CANCELLING,
            ChildEvent.CANCEL_ASKED: ChildStatus.CANCELLING,  # the first one's fate is not known: asked once more
        }
        | _DONE,
        ChildStatus.FILLED: {},
        ChildStatus.PARTIALLY_FILLED: {},
        ChildStatus.UNFILLED: {},
        ChildStatus.REFUSED: {},
        ChildStatus.ABSENT: {},
    }
)

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


def step(table: Mapping[StateT, Mapping[EventT, StateT]], name: str, state: StateT, event: EventT) -> StateT:
    """The state after `event`, by the table; IntegrityError naming order or child when it is not a step from there."""
    after = table[state].get(event)
    if after is None:
        raise IntegrityError(f"{name}: {state} -> {event} is not a step of its life")
    return after
