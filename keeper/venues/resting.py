"""Orders that may rest, and taking them back: what an adapter offers beyond the IOC legs of `ExecutionClient`."""

from decimal import Decimal
from typing import Protocol

import msgspec

from keeper.model.events import TimeInForce
from keeper.model.instruments import Side
from keeper.venues.base import Outcome


class OrderTicket(msgspec.Struct, frozen=True, kw_only=True):
    """One order. `cloid` names it for ever; after `expires_ms` of the venue's time it is no longer taken. `nonce`: one
    that was handed out and written down before; None = the adapter takes the next."""

    cloid: str
    coin: str
    side: Side
    size: Decimal
    limit_price: Decimal
    time_in_force: TimeInForce
    reduce_only: bool = False
    expires_ms: int | None = None
    nonce: int | None = None


class RestingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order in the book; `left` of its `size` is not filled. `cloid` is None for one that was sent without."""

    oid: int
    cloid: str | None
    coin: str
    side: Side
    size: Decimal
    left: Decimal
    limit_price: Decimal
    time_ms: int


class RestingClient(Protocol):
    """Never raises for what the venue or the network does to a command, never repeats one."""

    @property
    def venue(self) -> str: ...

    async def place(self, ticket: OrderTicket) -> Outcome:
        """Confirmed with what was filled at once (0 = it rests, or an IOC matched nothing)."""
        ...

    async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
        """By exactly one of the two names. Refused = the venue holds no such order (never placed, filled or gone)."""
        ...

    async def open_orders(self) -> list[RestingOrder]: ...
