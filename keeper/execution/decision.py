"""A routing decision as plain JSON: everything needed to check it again, numbers as text."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from keeper.model.amounts import plain
from keeper.model.depth import Depth
from keeper.routing import RoutePlan, RouteRequest, VenueQuote


def decision_record(request: RouteRequest, quotes: Sequence[VenueQuote], route: RoutePlan) -> dict[str, Any]:
    """`request`, `quotes` and `plan` (its certificate inside), as the router saw and made them."""
    return {"request": _plain(request), "quotes": [_plain(quote) for quote in quotes], "plan": _plain(route)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.name[0] != "_"}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | Depth):
        return [_plain(item) for item in value]
    return value
