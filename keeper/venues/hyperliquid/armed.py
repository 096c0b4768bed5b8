"""A small pool of orders that are signed already, for the moment when a position must be closed at once.

The life of one: `arm` takes a reduce-only order with an expiry, gives it a nonce of its own and signs it. It is ready
until it is taken (`take` hands it out once and forgets it, so that it is never sent twice), disarmed, or of no use any
more: its `expires_ms` has passed, or its nonce is about to fall below the 100 highest that the venue remembers of a
signer (docs, nonces), after which it would be refused. What the pool let go unsent has never left this process, and its
nonce is not used again. Whoever arms has written down the order's client id before, as for any order.
"""

from typing import Any

import msgspec

from keeper.errors import InputError
from keeper.model.instruments import Instrument
from keeper.venues.hyperliquid.signing import SignerActor, order_action
from keeper.venues.resting import OrderTicket

MOST_ARMED = 64
NEWER_NONCES = 90
"""Of the 100 nonces that the venue remembers, ten are left for what is on its way."""


class _Armed(msgspec.Struct, frozen=True):
    body: dict[str, Any]
    issued: int
    expires_ms: int


class ArmedOrders:
    """Of one signer. `now_ms` is business time."""

    def __init__(self, signer: SignerActor) -> None:
        self._signer = signer
        self._armed: dict[str, _Armed] = {}
        self._used: set[str] = set()

    def arm(self, ticket: OrderTicket, instrument: Instrument, now_ms: int) -> None:
        """InputError unless it is reduce-only, expires later than now, is armed for the first time, and fits in."""
        if not ticket.reduce_only:
            raise InputError("reduce_only", "only an order that reduces a position may lie about signed")
        if ticket.expires_ms is None or ticket.expires_ms <= now_ms:
            raise InputError("expires_ms", "an armed order needs an expiry that has not passed")
        if ticket.cloid in self._used:
            raise InputError("cloid", f"{ticket.cloid} was armed before; a client id names one order for ever")
        self._drop_useless(now_ms)
        if len(self._armed) >= MOST_ARMED:
            raise InputError("cloid", f"{MOST_ARMED} orders are armed; disarm one first")
        body = self._signer.sign(order_action(ticket, instrument), None, ticket.expires_ms)
        self._used.add(ticket.cloid)
        self._armed[ticket.cloid] = _Armed(body, self._signer.issued, ticket.expires_ms)

    def take(self, cloid: str, now_ms: int) -> dict[str, Any] | None:
        """The signed body, once; None when it is not ready (any more)."""
        self._drop_useless(now_ms)
        found = self._armed.pop(cloid, None)
        return None if found is None else found.body

    def disarm(self, cloid: str) -> bool:
        """False when it was not ready any more."""
        return self._armed.pop(cloid, None) is not None

    def ready(self, now_ms: int) -> list[str]:
        """Client ids, oldest first."""
        self._drop_useless(now_ms)
        return list(self._armed)

    def _drop_useless(self, now_ms: int) -> None:
        issued = self._signer.issued
        for cloid, order in list(self._armed.items()):
            if order.expires_ms <= now_ms or issued - order.issued >= NEWER_NONCES:
                del self._armed[cloid]
