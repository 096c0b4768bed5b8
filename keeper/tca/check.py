"""A stored decision read back: re-run bit for bit, and its certificate re-checked without the solver."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from keeper.errors import InputError
from keeper.execution import decision_record
from keeper.routing import Certificate, Leaf, Leg, RoutePlan, RouteRequest, RoutingError, VenueQuote, plan
from keeper.routing.costs import CostedQuote, CostTerms
from keeper.routing.types import BestSingle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """`identical`: the router gives the same decision, every digit of it; `verified`: the certificate proves the stored
    plan; `difference`: the first place where the two decisions differ, empty when they do not."""

    identical: bool
    verified: bool
    difference: str

    @property
    def ok(self) -> bool:
        return self.identical and self.verified


def read(decision: Mapping[str, Any]) -> tuple[RouteRequest, list[VenueQuote], RoutePlan]:
    """The router's input and plan out of a decision record. InputError names the field that is missing or wrong."""
    try:
        request = _made(RouteRequest, decision["request"])
        quotes = [_quote(item) for item in decision["quotes"]]
        return request, quotes, _plan(decision["plan"])
    except KeyError as error:
        raise InputError("decision", f"field {error} is missing; give a whole decision record", "malformed") from error
    except (TypeError, ValueError, InvalidOperation) as error:
        raise InputError("decision", f"not a decision record: {error}", "malformed") from error


def recheck(decision: Mapping[str, Any]) -> bool:
    """Whether the certificate proves the plan, from the stored numbers alone: no search is run."""
    request, quotes, route = read(decision)
    return route.verify(request, quotes)


def check(decision: Mapping[str, Any]) -> Checked:
    """Re-runs the router on what it saw and compares all of it, and re-checks the certificate."""
    request, quotes, route = read(decision)
    try:
        again = decision_record(request, quotes, plan(request, quotes))
    except RoutingError as error:
        return Checked(identical=False, verified=False, difference=f"the router refuses it: {error}")
    difference = _difference(dict(decision), again)
    return Checked(identical=not difference, verified=route.verify(request, quotes), difference=difference)


def _quote(item: Mapping[str, Any]) -> VenueQuote:
    levels = [(Decimal(price), Decimal(size)) for price, size in item["levels"]]
    terms = item.get("terms")
    named = _named(VenueQuote, {**item, "levels": levels})
    if "terms" not in item:
        return VenueQuote(**named)
    return CostedQuote(**named, terms=None if terms is None else _made(CostTerms, terms))


def _plan(item: Mapping[str, Any]) -> RoutePlan:
    proof = item["certificate"]
    certificate = Certificate(
        legs=_legs(proof["legs"]),
        filled=Decimal(proof["filled"]),
        cost=Decimal(proof["cost"]),
        leaves=tuple(
            Leaf(tuple(leaf["used"]), tuple(leaf["absent"]), _number(leaf["dual_price"]), _number(leaf["lower_bound"]))
            for leaf in proof["leaves"]
        ),
        lower_bound=Decimal(proof["lower_bound"]),
        gap=Decimal(proof["gap"]),
    )
    single = item["best_single"]
    return RoutePlan(
        legs=_legs(item["legs"]),
        filled=Decimal(item["filled"]),
        unfilled=Decimal(item["unfilled"]),
        cost=Decimal(item["cost"]),
        best_single=None if single is None else BestSingle(single[0], Decimal(single[1])),
        price_improvement_bps=_number(item["price_improvement_bps"]),
        certificate=certificate,
    )


def _legs(items: list[Mapping[str, Any]]) -> tuple[Leg, ...]:
    return tuple(_made(Leg, item) for item in items)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _made(kind: type[T], item: Mapping[str, Any]) -> T:
    return kind(**_named(kind, item))


def _named(kind: type, item: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass out of plain JSON: text becomes Decimal where that is the field's type."""
    hints = get_type_hints(kind)
    named = {}
    for part in fields(kind):
        value = item[part.name]
        decimal = hints[part.name] is Decimal or Decimal in get_args(hints[part.name])
        is_plain = get_origin(hints[part.name]) is None or value is None or isinstance(value, str)
        named[part.name] = Decimal(value) if decimal and is_plain and value is not None else value
    return named


def _difference(stored: Any, again: Any, path: str = "") -> str:
    """The first place where two JSON values differ; empty when they are equal."""
    if isinstance(stored, dict) and isinstance(again, dict):
        for key in sorted(stored.keys() | again.keys()):
            if found := _difference(stored.get(key), again.get(key), f"{path}.{key}".removeprefix(".")):
                return found
        return ""
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        for index, (one, other) in enumerate(zip(stored, again, strict=True)):
            if found := _difference(one, other, f"{path}[{index}]"):
                return found
        return ""
    return "" if stored == again else f"{path}: stored {stored!r}, now {again!r}"
