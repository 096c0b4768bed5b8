"""The life of a client's order: its states and the only steps between them.

    ACCEPTED ──route──> ROUTING ──leg──> WORKING ──> FILLED | PARTIALLY_FILLED | UNFILLED | REFUSED

An order may be closed before any leg was sent (no venue can take it), but never while a leg of it is open.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keeper.errors import IntegrityError


class OrderStatus(StrEnum):
    ACCEPTED = "accepted"
    ROUTING = "routing"
    WORKING = "working"
    FILLED = "filled"
    PARTIALLY_FILLED = "partial"
    UNFILLED = "unfilled"
    REFUSED = "refused"

    @property
    def closed(self) -> bool:
        return not TRANSITIONS[self]


_ENDED_WITHOUT_FILL = frozenset({OrderStatus.UNFILLED, OrderStatus.REFUSED})
_ENDED = frozenset({OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED}) | _ENDED_WITHOUT_FILL

TRANSITIONS: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = MappingProxyType(
    {
        OrderStatus.ACCEPTED: frozenset({OrderStatus.ROUTING}) | _ENDED_WITHOUT_FILL,
        # A plan may be thrown away and made again; so may the rest of an order, once its legs are closed.
        OrderStatus.ROUTING: frozenset({OrderStatus.ROUTING, OrderStatus.WORKING}) | _ENDED_WITHOUT_FILL,
        OrderStatus.WORKING: frozenset({OrderStatus.ROUTING, OrderStatus.WORKING}) | _ENDED,
        OrderStatus.FILLED: frozenset(),
        OrderStatus.PARTIALLY_FILLED: frozenset(),
        OrderStatus.UNFILLED: frozenset(),
        OrderStatus.REFUSED: frozenset(),
    }
)


def transition(digest: str, before: OrderStatus, after: OrderStatus) -> OrderStatus:
    """`after`, if the table allows the step; IntegrityError naming the order otherwise."""
    if after not in TRANSITIONS[before]:
        raise IntegrityError(f"order {digest}: {before} -> {after} is not a step of its life")
    return after
