"""Checks the input and turns each quote into a book of whole lots, priced all-in. Exact: an inexact operation raises.

All-in price of one unit at a level, in USD relative to the reference price R, s = +1 buy, −1 sell:
    unit = s·(price − R) + price·taker + R·(holding + risk)
Along a book it never falls (a taker fee is below 100%), so the cost of a quantity is a convex function of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from math import gcd, lcm

from keeper.routing.errors import RoutingError
from keeper.routing.types import ZERO, RouteRequest, VenueQuote

EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
BPS = Decimal("0.0001")

Level = tuple[Decimal, Decimal, Decimal]
"""(all-in price per unit, quantity, price)."""


@contextmanager
def exact() -> Iterator[None]:
    """Decimal arithmetic that rounds nothing, or refuses."""
    try:
        with localcontext(EXACT):
            yield
    except (Inexact, InvalidOperation, Overflow) as error:
        raise RoutingError(
            "too_many_digits", "quotes", "amounts are too long to be added exactly; round them to tick and lot"
        ) from error


@dataclass(frozen=True, slots=True)
class Book:
    """One venue, prepared. `step` is its lot, raised where lots do not divide each other (see `nested`).

    A leg here is a multiple of `step` between `minimum` and `capacity`, or absent; `capacity` 0: it must be absent.
    `fixed` (USD) is paid once if it is there. `levels` reach at least to `capacity`.
    """

    venue: str
    buy: bool
    tick: Decimal
    step: Decimal
    minimum: Decimal
    capacity: Decimal
    fixed: Decimal
    levels: tuple[Level, ...]

    def fill(self, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """(cost, limit price) of taking `quantity` > 0, best level first, the fixed cost included. ValueError when the
        levels hold less.

        The limit price is that of the worst level used, put on tick outward so that it takes that level.
        """
        cost, left = self.fixed, quantity
        for unit, size, price in self.levels:
            if size >= left:
                return cost + left * unit, up(price, self.tick) if self.buy else down(price, self.tick)
            cost += size * unit
            left -= size
        raise ValueError(f"{self.venue} cannot fill {quantity}")


def prepare(request: RouteRequest, quotes: Sequence[VenueQuote]) -> list[Book]:
    """The books of all quotes, in their order. Call inside `exact()`. Raises RoutingError."""
    _check_request(request)
    if not quotes:
        raise RoutingError("no_quotes", "quotes", "at least one venue's quote is needed")
    seen: set[str] = set()
    checked: list[list[tuple[Decimal, Decimal]]] = []
    for quote in quotes:
        if quote.venue in seen:
            raise RoutingError("duplicate_venue", "venue", f"{quote.venue} is quoted twice; merge the two books first")
        seen.add(quote.venue)
        checked.append(_checked(quote, request.side))
    if request.quantity < min(quote.lot_size for quote in quotes):
        raise RoutingError("quantity_below_lot", "quantity", f"{request.quantity} is below every venue's lot size")
    steps = nested(quote.lot_size for quote in quotes)
    bound = price_bound(request)
    return [
        _book(request, quote, levels, steps[quote.lot_size], bound)
        for quote, levels in zip(quotes, checked, strict=True)
    ]


def price_bound(request: RouteRequest) -> Decimal | None:
    """The worst price any fill may have: the tighter of limit price and slippage against the reference price."""
    bounds = [] if request.limit_price is None else [request.limit_price]
    sign = 1 if request.side == "buy" else -1
    if request.max_slippage_bps is not None:
        bounds.append(request.reference_price * (1 + sign * request.max_slippage_bps * BPS))
    worst = min(bounds, key=lambda price: sign * price, default=None)
    return worst if worst is None or worst > 0 else None  # a sell bound at or below 0 excludes nothing


def nested(lots: Iterable[Decimal]) -> dict[Decimal, Decimal]:
    """lot → step, each step dividing the next larger one: a lot that does not fit becomes the least common multiple."""
    steps: dict[Decimal, Decimal] = {}
    last: Decimal | None = None
    for lot in sorted({Decimal(lot) for lot in lots}):
        if last is None or not lot % last:
            last = lot
        else:
            (a, b), (c, d) = lot.as_integer_ratio(), last.as_integer_ratio()
            last = Decimal(lcm(a, c)) / Decimal(gcd(b, d))
        steps[lot] = last
    return steps


def down(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` not above `quantity`."""
    return quantity - quantity % step


def up(quantity: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` not below `quantity` ≥ 0."""
    rest = quantity % step
    return quantity - rest + step if rest else quantity


def _book(
    request: RouteRequest, quote: VenueQuote, book: list[tuple[Decimal, Decimal]], step: Decimal, bound: Decimal | None
) -> Book:
    reference, buy = Decimal(request.reference_price), request.side == "buy"
    fee, tick = quote.taker_fee_bps * BPS, Decimal(quote.tick_size)
    factor, shift = (1 + fee, -reference) if buy else (fee - 1, reference)
    shift += reference * (quote.holding_cost_bps + quote.risk_bps) * BPS
    capacity = Decimal(request.quantity if quote.max_quantity is None else min(request.quantity, quote.max_quantity))
    if bound is not None:
        bound = down(bound, tick) if buy else up(bound, tick)
    elif not buy:
        bound = tick
    levels: list[Level] = []
    left = capacity
    for price, size in book:
        if left <= ZERO or (bound is not None and (price > bound if buy else price < bound)):
            break
        levels.append((price * factor + shift, size, price))
        left -= size
    capacity = down(capacity - max(left, ZERO), step)
    minimum = step
    if quote.min_notional > reference * step:
        steps, rest = divmod(quote.min_notional, reference * step)
        minimum = step * (steps + 1 if rest else steps)
    if minimum > capacity:
        capacity = ZERO
    return Book(quote.venue, buy, tick, step, minimum, capacity, Decimal(quote.fixed_cost), tuple(levels))


def _check_request(request: RouteRequest) -> None:
    if request.side not in ("buy", "sell"):
        raise RoutingError("bad_side", "side", f'{request.side!r} is neither "buy" nor "sell"')
    _positive("quantity", request.quantity)
    _positive("reference_price", request.reference_price)
    if request.limit_price is not None:
        _number("limit_price", request.limit_price)
        if request.limit_price <= 0:
            raise RoutingError("contradictory_limits", "limit_price", "must be above 0, or None for no limit")
    if request.max_slippage_bps is not None:
        _not_negative("max_slippage_bps", request.max_slippage_bps)
    if request.max_legs is not None and (not isinstance(request.max_legs, int) or request.max_legs < 1):
        raise RoutingError("contradictory_limits", "max_legs", "must be a whole number from 1, or None for no limit")


def _checked(quote: VenueQuote, side: str) -> list[tuple[Decimal, Decimal]]:
    """The quote's levels, ints made Decimal."""
    name = quote.venue
    _number(f"{name}.taker_fee_bps", quote.taker_fee_bps)
    if abs(quote.taker_fee_bps) >= 10_000:
        raise RoutingError("bad_fee", f"{name}.taker_fee_bps", f"{quote.taker_fee_bps} bps is 100% or more")
    _number(f"{name}.holding_cost_bps", quote.holding_cost_bps)
    _number(f"{name}.risk_bps", quote.risk_bps)
    _not_negative(f"{name}.fixed_cost", quote.fixed_cost)
    _positive(f"{name}.lot_size", quote.lot_size)
    _positive(f"{name}.tick_size", quote.tick_size)
    _not_negative(f"{name}.min_notional", quote.min_notional)
    if quote.max_quantity is not None:
        _not_negative(f"{name}.max_quantity", quote.max_quantity)
    last: Decimal | None = None
    levels: list[tuple[Decimal, Decimal]] = []
    for price, size in quote.levels:
        if type(price) is not Decimal or type(size) is not Decimal or not (price.is_finite() and size.is_finite()):
            _number(f"{name}.levels", price)
            _number(f"{name}.levels", size)
            price, size = Decimal(price), Decimal(size)  # noqa: PLW2901
        if price <= ZERO or size <= ZERO:
            raise RoutingError(
                "not_positive", f"{name}.levels", f"level ({price}, {size}) needs price and size above 0"
            )
        if last is not None and (price < last if side == "buy" else price > last):
            order = "rising" if side == "buy" else "falling"
            raise RoutingError(
                "unsorted_levels", f"{name}.levels", f"{price} after {last}: a {side} needs {order} prices"
            )
        last = price
        levels.append((price, size))
    return levels


def _number(field: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise RoutingError("not_decimal", field, f"{value!r} is a {type(value).__name__}; pass a Decimal")
    if isinstance(value, Decimal) and not value.is_finite():
        raise RoutingError("not_finite", field, f"{value} is no finite number")


def _positive(field: str, value: Decimal) -> None:
    _number(field, value)
    if value <= 0:
        raise RoutingError("not_positive", field, f"{value} must be above 0")


def _not_negative(field: str, value: Decimal) -> None:
    _number(field, value)
    if value < 0:
        raise RoutingError("contradictory_limits", field, f"{value} must not be negative")
