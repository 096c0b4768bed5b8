"""Orders as they come over the wire: onto the grid, to the venue, and the statuses it answers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.orders import (
    Filled,
    Grouping,
    OrderRequest,
    Outcome,
    Refused,
    Resting,
    TimeInForce,
    Trigger,
    Waiting,
)
from keeper.venues.simulated.units import AssetSpec, scaled, tick_of
from keeper.venues.simulated.wire.actions import LimitType, OrderWire, TriggerType

AWAY_PERCENT = 95
SPOT_AWAY_PERCENT = 80
INVALID_SIZE = "Order has invalid size."


class BatchError(Exception):
    """A refusal of the whole batch with one text."""


class OrderEntry:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def place(self, account: str, wires: Sequence[OrderWire], grouping: str, builder: tuple[str, int] | None) -> Any:
        """The statuses, one per order, or a single one for a batch that is wrong as such."""
        if not wires:
            return [{"error": "Orders are empty."}]
        try:
            requests = [self.request(wire, builder) for wire in wires]
            _check_group(wires, Grouping(grouping))
        except BatchError as error:
            return [{"error": str(error)}]
        good = [request for request in requests if isinstance(request, OrderRequest)]
        if grouping != Grouping.NONE:
            bad = next((request for request in requests if isinstance(request, str)), None)
            if bad is not None:
                return [{"error": bad} for _ in requests]
            outcomes = self._venue.place_group(account, good, Grouping(grouping))
            return [status(request.spec, outcome) for request, outcome in zip(good, outcomes, strict=True)]
        return [
            {"error": request}
            if isinstance(request, str)
            else status(request.spec, self._venue.place(account, request))
            for request in requests
        ]

    def modify(self, account: str, changes: Sequence[tuple[int | str, OrderWire]], *, always: bool) -> list[Any]:
        statuses: list[Any] = []
        for oid, wire in changes:
            try:
                request = self.request(wire, None)
            except BatchError as error:
                request = str(error)
            if isinstance(request, str):
                statuses.append({"error": request})
            else:
                statuses.append(status(request.spec, self._venue.modify(account, oid, request, always=always)))
        return statuses

    def request(self, wire: OrderWire, builder: tuple[str, int] | None) -> OrderRequest | str:
        """The order on the grid, or the text that refuses it alone; BatchError for one that refuses all."""
        try:
            spec = self.spec(wire.a)
        except VenueError as error:
            return str(error)
        lots = scaled(wire.s, spec.size_decimals)
        if lots is None:
            return INVALID_SIZE
        if lots == 0:
            return f"Order has zero size. asset={wire.a}"
        if Decimal(wire.p) == 0:
            return "Order has invalid price."
        price = self._price(spec, wire.p)
        trigger = None
        if isinstance(wire.t.trigger, TriggerType):
            level = self._price(spec, wire.t.trigger.triggerPx)
            if level is not None:
                trigger = Trigger(level, wire.t.trigger.isMarket, wire.t.trigger.tpsl == "tp")
            elif spec.is_spot:
                return f"Invalid TP/SL price. asset={wire.a}"
        if price is None or (trigger is None and isinstance(wire.t.trigger, TriggerType)):
            return f"Price must be divisible by tick size. asset={wire.a}"
        self._check_distance(spec, price)
        tif = TimeInForce(wire.t.limit.tif) if isinstance(wire.t.limit, LimitType) else TimeInForce.GTC
        cloid = wire.c if isinstance(wire.c, str) else None
        return OrderRequest(spec, wire.b, price, lots, tif, wire.r, cloid, trigger, builder)

    def spec(self, asset: int) -> AssetSpec:
        spec = self._venue.spec_of(asset)
        if spec is None or spec.delisted:
            raise VenueError(f"Unknown or delisted asset. asset={asset}")
        return spec

    def _price(self, spec: AssetSpec, text: str) -> int | None:
        price = scaled(text, spec.price_decimals)
        return None if price is None or price % tick_of(price, spec.unit) else price

    def _check_distance(self, spec: AssetSpec, price: int) -> None:
        mark = self._venue.mark_px(spec.index)
        percent = SPOT_AWAY_PERCENT if spec.is_spot and price < mark else AWAY_PERCENT
        if abs(price - mark) * 100 > mark * percent and not (spec.is_spot and mark < price <= 5 * mark):
            raise BatchError(f"Order price cannot be more than {percent}% away from the reference price")


def _check_group(wires: Sequence[OrderWire], grouping: Grouping) -> None:
    """What a group must look like, whoever sends it (the texts are ours: none is recorded)."""
    if grouping is Grouping.NONE:
        return
    children = wires[1:] if grouping is Grouping.NORMAL_TPSL else wires
    if any(not isinstance(wire.t.trigger, TriggerType) for wire in children):
        raise BatchError("TP/SL orders must be trigger orders.")
    if any(not wire.r for wire in children):
        raise BatchError("TP/SL orders must be reduce-only.")
    if grouping is Grouping.NORMAL_TPSL and not isinstance(wires[0].t.limit, LimitType):
        raise BatchError("Main order cannot be trigger order.")


def status(spec: AssetSpec, outcome: Outcome) -> Any:
    if isinstance(outcome, Refused):
        return {"error": outcome.text}
    if isinstance(outcome, Waiting):
        return outcome.text
    named = {} if outcome.cloid is None else {"cloid": outcome.cloid}
    if isinstance(outcome, Resting):
        return {"resting": {"oid": outcome.oid, **named}}
    assert isinstance(outcome, Filled)
    shown = {"totalSz": spec.size_text(outcome.lots), "avgPx": spec.price_text(outcome.average)}
    return {"filled": {**shown, "oid": outcome.oid, **named}}
