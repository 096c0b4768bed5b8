"""The route of an order that waits, kept ready while books change: the same split as `plan`, in microseconds.

`plan` starts from nothing each time. Here an order's terms become whole numbers once, a book's change makes one row
anew, and `decide` searches. Compiled, on `Depth` books whose numbers fit; for all others `plan` gives the answer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from keeper.model.depth import Depth, Level
from keeper.routing import search
from keeper.routing.books import BPS, down, exact, nested, price_bound, up
from keeper.routing.certificate import RoutePlan
from keeper.routing.errors import RoutingError
from keeper.routing.planner import plan
from keeper.routing.solver import MAX_NODES
from keeper.routing.types import RouteRequest, VenueQuote

if TYPE_CHECKING:
    from keeper.routing._core import Live

POWERS = [10**n for n in range(40)]
FARTHEST_PRICE = 1 << 50
"""In price steps: where no price of a book can be."""


class LiveLeg(NamedTuple):
    """One child order: `quantity` at `limit_price` or better."""

    venue: str
    quantity: Decimal
    limit_price: Decimal


class Decision(msgspec.Struct, frozen=True):
    """The split as of the books now, in whole numbers: of (venue, size, limit price) each size is × 10^-size_digits
    base units, each price × 10^-price_digits; `filled` like a size, and `cost` × 10^-cost_digits USD."""

    taken: list[tuple[str, int, int]]
    filled: int
    cost: int
    size_digits: int
    price_digits: int
    cost_digits: int

    @property
    def legs(self) -> list[LiveLeg]:
        return [self.leg(*each) for each in self.taken]

    def leg(self, venue: str, size: int, price: int) -> LiveLeg:
        """One of `taken` in Decimal."""
        digits = self.size_digits
        while digits and not size % 10:
            size, digits = size // 10, digits - 1
        return LiveLeg(venue, Decimal(size).scaleb(-digits), Decimal(price).scaleb(-self.price_digits))


class LiveRoute:
    """`quotes` are the venues' terms; their levels are the first books. Raises RoutingError as `plan` does.

    Not for two threads at once.
    """

    def __init__(self, request: RouteRequest, quotes: Sequence[VenueQuote]) -> None:
        self.request = request
        self._quotes = tuple(quotes)
        self._levels: list[Sequence[Level]] = [quote.levels for quote in quotes]
        self._index = {quote.venue: index for index, quote in enumerate(quotes)}
        self.plan()  # refuses what cannot be routed
        self._build()

    @property
    def venues(self) -> Collection[str]:
        """Those that are quoted."""
        return self._index.keys()

    def update(self, venue: str, levels: Sequence[Level]) -> None:
        """Takes the side of a book that the order would take, best first. KeyError for a venue that is not quoted."""
        index = self._index[venue]
        self._levels[index] = levels
        if self._core is None:
            return
        if isinstance(levels, Depth):
            price_by = self._scales.price_digits - levels.price_digits
            size_by = self._scales.size_digits - levels.size_digits
            if price_by < 0 or size_by < 0:
                self._build()
                return
            try:
                self._core.update(index, levels.prices, levels.sizes, POWERS[price_by], POWERS[size_by])
            except OverflowError:
                self._misfits.add(index)
            else:
                if self._misfits:
                    self._misfits.discard(index)
        else:
            self._misfits.add(index)

    def decide(self) -> Decision:
        """Raises RoutingError as `plan` does."""
        if self._core is None or self._misfits:
            return self._decided(self.plan())
        try:
            found = self._core.solve()
        except OverflowError:
            return self._decided(self.plan())
        if found is None:
            raise RoutingError("search_too_large", "quotes", "too many venue sets; quote fewer venues or lift max_legs")
        taken, filled, cost = found
        scales = self._scales
        return Decision(taken, filled * scales.step, cost, scales.size_digits, scales.price_digits, scales.cost_digits)

    def plan(self) -> RoutePlan:
        """The whole plan of the books now, with its certificate: for the record, when the order is on its way."""
        quotes = [replace(quote, levels=side) for quote, side in zip(self._quotes, self._levels, strict=True)]
        return plan(self.request, quotes)

    @property
    def is_compiled(self) -> bool:
        """Whether `decide` runs in the compiled core now."""
        return self._core is not None and not self._misfits

    def _build(self) -> None:
        """The compiled rows anew, on scales that hold every book as it is now."""
        self._misfits: set[int] = set()
        with exact():
            self._scales = _scales(self.request, self._quotes, self._levels)
            self._core = _core(self.request, self._quotes, self._scales)
        for quote, levels in zip(self._quotes, self._levels, strict=True):
            self.update(quote.venue, levels)

    def _decided(self, route: RoutePlan) -> Decision:
        """The plan in whole numbers."""
        size_digits = max(0, *(_digits(amount) for amount in (route.filled, *(leg.quantity for leg in route.legs))))
        price_digits = max((_digits(leg.limit_price) for leg in route.legs), default=0)
        cost_digits = max(0, _digits(route.cost))
        taken = [
            (leg.venue, _whole(leg.quantity, size_digits), _whole(leg.limit_price, price_digits)) for leg in route.legs
        ]
        filled, cost = _whole(route.filled, size_digits), _whole(route.cost, cost_digits)
        return Decision(taken, filled, cost, size_digits, price_digits, cost_digits)


@dataclass(frozen=True, slots=True)
class _Scales:
    """Decimals of prices, of sizes (a grain is the last one), and of costs; `step` grains a lot, 0 = lots differ."""

    price_digits: int
    size_digits: int
    cost_digits: int
    step: int


def _scales(request: RouteRequest, quotes: Sequence[VenueQuote], levels: Sequence[Sequence[Level]]) -> _Scales:
    sides = [side for side in levels if isinstance(side, Depth)]
    caps = [quote.max_quantity for quote in quotes if quote.max_quantity is not None]
    price = max([side.price_digits for side in sides] + [_digits(quote.tick_size) for quote in quotes])
    size = max(
        [side.size_digits for side in sides]
        + [_digits(amount) for amount in (request.quantity, *caps, *(quote.lot_size for quote in quotes))]
    )
    terms = [_unit(request, quote) for quote in quotes]
    unit = max(max(price + _digits(factor), _digits(offset)) for factor, offset in terms)
    cost = max(size + unit, *(_digits(quote.fixed_cost) for quote in quotes))
    steps = {*nested(quote.lot_size for quote in quotes).values()}
    return _Scales(price, size, cost, _whole(steps.pop(), size) if len(steps) == 1 else 0)


def _unit(request: RouteRequest, quote: VenueQuote) -> tuple[Decimal, Decimal]:
    """(factor, offset): a base unit at price p costs p × factor + offset (see `books`)."""
    reference, fee = Decimal(request.reference_price), quote.taker_fee_bps * BPS
    factor, offset = (1 + fee, -reference) if request.side == "buy" else (fee - 1, reference)
    return factor, offset + reference * (quote.holding_cost_bps + quote.risk_bps) * BPS


def _core(request: RouteRequest, quotes: Sequence[VenueQuote], scales: _Scales) -> "Live | None":
    """None without the compiled core, with lots that differ, or numbers too large."""
    if not search.COMPILED or not scales.step or max(scales.price_digits, scales.size_digits) >= len(POWERS):
        return None
    buy, reference = request.side == "buy", Decimal(request.reference_price)
    price_unit, grain_unit = scales.price_digits, scales.size_digits
    lot = Decimal(scales.step).scaleb(-grain_unit)
    worst = price_bound(request)
    max_legs = len(quotes) if request.max_legs is None else min(request.max_legs, len(quotes))
    try:
        core = search.live_rows(
            [quote.venue for quote in quotes],
            _whole(request.quantity, grain_unit) // scales.step,
            buy,
            max_legs,
            MAX_NODES,
        )
        for index, quote in enumerate(quotes):
            factor, offset = _unit(request, quote)
            tick, cap = Decimal(quote.tick_size), request.quantity if quote.max_quantity is None else quote.max_quantity
            bound = None if worst is None else (down if buy else up)(worst, tick)
            if bound is None and not buy:
                bound = tick
            edge = FARTHEST_PRICE if bound is None else _whole(bound, price_unit, ROUND_FLOOR if buy else ROUND_CEILING)
            core.set_terms(
                index,
                scales.step,
                _lots(quote, reference * lot),
                _whole(min(request.quantity, cap), grain_unit),
                _whole(quote.fixed_cost, scales.cost_digits),
                _whole(factor, scales.cost_digits - grain_unit - price_unit),
                _whole(offset, scales.cost_digits - grain_unit),
                min(edge, FARTHEST_PRICE),
                _whole(tick, price_unit),
            )
    except OverflowError:
        return None
    return core


def _lots(quote: VenueQuote, notional: Decimal) -> int:
    """The fewest lots, of this notional each, that the venue takes."""
    lots, rest = divmod(Decimal(quote.min_notional), notional)
    return max(1, int(lots) + bool(rest))


def _digits(amount: Decimal) -> int:
    """Decimal places that hold it."""
    return max(0, -int(Decimal(amount).normalize().as_tuple().exponent))


def _whole(amount: Decimal, digits: int, rounding: str = ROUND_FLOOR) -> int:
    return int(Decimal(amount).scaleb(digits).to_integral_value(rounding))
