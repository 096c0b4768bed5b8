"""The plan, and the proof of it that anyone can check without the solver.

Leaves. Each names venues that must be used and venues that must not be. Every set of venues belongs to a leaf, and no
leaf holds a plan that fills more, or as much for less.

Weak duality, per leaf. Let C(x) be the cost of x at a venue, its fixed cost included. For any price λ, every plan of
the leaf that fills Q costs at least

    λ·Q + Σ over used venues of min (C(x) − λ·x) + Σ over undecided venues of min(0, min (C(x) − λ·x))

x running over the lots from the venue's minimum to its capacity, since Σ C(x) = λ·Q + Σ (C(x) − λ·x). Where `max_legs`
leaves room for only k more venues, only the k lowest of the last terms count. The bound is highest near the price at
which the cheapest Q units end, each undecided venue's price averaged up to the point where that average is least. Lots
that differ are left out of it: how they combine can only raise a plan's cost, so the bound holds and the gap tells how
much that could matter at most. With one common lot the gap is 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import ClassVar

from keeper.routing.books import Book, exact, prepare
from keeper.routing.errors import RoutingError
from keeper.routing.grid import Grid, Row, after, to_grid
from keeper.routing.types import ZERO, BestSingle, Leg, RouteRequest, VenueQuote

RATIO = Context(prec=28, rounding=ROUND_HALF_EVEN)
DUAL = Context(prec=40, rounding=ROUND_FLOOR)
SORT_BITS = 64  # prices of grains that differ by less than 2^-64 of a unit of cost may change places

Claim = tuple[tuple[Leg, ...], Decimal, Decimal, Decimal, BestSingle | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Leaf:
    """All plans that use every venue of `used` and none of `absent`: none fills more, none fills as much for less than
    `lower_bound` (USD; None: none fills as much). `dual_price`: the price λ that proves it, per unit, in USD relative
    to the reference price (None where no proof by price is needed)."""

    used: tuple[str, ...]
    absent: tuple[str, ...]
    dual_price: Decimal | None
    lower_bound: Decimal | None


@dataclass(frozen=True)
class Certificate:
    """What was decided (legs, filled, cost) and why nothing cheaper exists.

    `leaves`: the proof. `lower_bound`: the lowest of theirs, so that no plan that fills as much costs less.
    `gap` = cost − lower_bound ≥ 0.
    """

    _claim: ClassVar[Claim | None] = None
    """What the plan that holds this certificate says of itself, so that an altered plan does not verify. No field: each
    plan hands it over when it is made, and a certificate on its own answers for itself alone."""

    legs: tuple[Leg, ...]
    filled: Decimal
    cost: Decimal
    leaves: tuple[Leaf, ...]
    lower_bound: Decimal
    gap: Decimal

    def verify(self, request: RouteRequest, quotes: Sequence[VenueQuote]) -> bool:
        """True only if every statement of the certificate, and of the plan that holds it, follows from the input.

        Re-derived from scratch: legs against lots, caps, levels, limits and minimums; every cost; that the leaves hold
        every set of venues, and each one's dual price and bound; the gap; the best single venue and the improvement.
        Input that the router would refuse verifies nothing.
        """
        try:
            with exact():
                books = prepare(request, quotes)
                grid = to_grid(books, Decimal(request.quantity), request.max_legs)
                return (
                    self._numbers_are_finite()
                    and self._legs_hold(request, books)
                    and self._bound_holds(books, grid)
                    and (self._claim is None or self._claim == self._derived(request, books))
                )
        except RoutingError:
            return False

    def _numbers_are_finite(self) -> bool:
        amounts: list[object] = [self.filled, self.cost, self.lower_bound, self.gap]
        for leg in self.legs:
            amounts += [leg.quantity, leg.limit_price, leg.expected_cost]
        return all(isinstance(amount, Decimal) and amount.is_finite() for amount in amounts)

    def _legs_hold(self, request: RouteRequest, books: Sequence[Book]) -> bool:
        by_name = {book.venue: book for book in books}
        if len({leg.venue for leg in self.legs}) != len(self.legs) or not {leg.venue for leg in self.legs} <= set(
            by_name
        ):
            return False
        if request.max_legs is not None and len(self.legs) > request.max_legs:
            return False
        for leg in self.legs:
            book = by_name[leg.venue]
            if not book.minimum <= leg.quantity <= book.capacity or leg.quantity % book.step:
                return False
            if book.fill(leg.quantity) != (leg.expected_cost, leg.limit_price):
                return False
        total = sum((leg.quantity for leg in self.legs), ZERO)
        return (self.filled, self.cost) == (total, sum((leg.expected_cost for leg in self.legs), ZERO))

    def _bound_holds(self, books: Sequence[Book], grid: Grid) -> bool:
        bits = {book.venue: 1 << index for index, book in enumerate(books)}
        nodes = []
        for leaf in self.leaves:
            if not {*leaf.used, *leaf.absent} <= bits.keys():
                return False
            used, absent = (sum(bits[venue] for venue in set(names)) for names in (leaf.used, leaf.absent))
            nodes.append((used, absent))
        if not covers(nodes):
            return False
        if fills_more(grid, nodes, self.filled):
            return False
        bounds = [bound(grid, node, self.filled) for node in nodes]
        if bounds != [(leaf.dual_price, leaf.lower_bound) for leaf in self.leaves]:
            return False
        lowest = min((low for _, low in bounds if low is not None), default=None)
        return lowest is not None and self.lower_bound == lowest and self.gap == self.cost - lowest and self.gap >= 0

    def _derived(self, request: RouteRequest, books: Sequence[Book]) -> Claim:
        single = best_single(books, self.filled)
        gain = improvement(request, self.filled, self.cost, single)
        return self.legs, self.filled, request.quantity - self.filled, self.cost, single, gain


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The split. `cost` in USD against filling at the reference price, smaller is better; filled + unfilled = quantity.

    `price_improvement_bps` compares with `best_single`; both None when no single venue can fill what the plan fills.
    """

    legs: tuple[Leg, ...]
    filled: Decimal
    unfilled: Decimal
    cost: Decimal
    best_single: BestSingle | None
    price_improvement_bps: Decimal | None
    certificate: Certificate

    def __post_init__(self) -> None:
        claim = (self.legs, self.filled, self.unfilled, self.cost, self.best_single, self.price_improvement_bps)
        certificate = replace(self.certificate)
        object.__setattr__(certificate, "_claim", claim)
        object.__setattr__(self, "certificate", certificate)

    def verify(self, request: RouteRequest, quotes: Sequence[VenueQuote]) -> bool:
        """The certificate's verdict on this plan."""
        return self.certificate.verify(request, quotes)


def certify(books: Sequence[Book], grid: Grid, legs: tuple[Leg, ...], nodes: Sequence[tuple[int, int]]) -> Certificate:
    """The certificate of the plan with these legs, proved by these nodes (bits of used and of absent venues)."""
    filled = sum((leg.quantity for leg in legs), ZERO)
    cost = sum((leg.expected_cost for leg in legs), ZERO)
    leaves = []
    for used, absent in nodes:
        dual, low = bound(grid, (used, absent), filled)
        leaves.append(Leaf(_names(books, used), _names(books, absent), dual, low))
    lowest = min(leaf.lower_bound for leaf in leaves if leaf.lower_bound is not None)
    return Certificate(legs, filled, cost, tuple(leaves), lowest, cost - lowest)


def _names(books: Sequence[Book], bits: int) -> tuple[str, ...]:
    return tuple(book.venue for index, book in enumerate(books) if bits >> index & 1)


def covers(nodes: Sequence[tuple[int, int]]) -> bool:
    """Whether every set of venues belongs to a node: split on one venue until a node asks for nothing more."""
    if any(used == absent == 0 for used, absent in nodes):
        return True
    if not nodes:
        return False
    asked = nodes[0][0] | nodes[0][1]
    bit = asked & -asked
    return all(
        covers([(used & ~bit, absent & ~bit) for used, absent in nodes if not excluded(used, absent, bit)])
        for excluded in (lambda _, absent, bit: absent & bit, lambda used, _, bit: used & bit)
    )


def fills_more(grid: Grid, nodes: Sequence[tuple[int, int]], filled: Decimal) -> bool:
    """Whether a node leaves room for more than `filled`."""
    return any(most(grid, node) > filled for node in nodes)


def most(grid: Grid, node: tuple[int, int]) -> Decimal:
    """The most that plans of a node fill, the minimums of undecided venues apart; −1 when it holds no plan."""
    used, undecided = _members(grid, node)
    if any(not row.capacity for row in used) or len(used) > grid.max_legs:
        return Decimal(-1)
    left = grid.quantity - sum(row.minimum * row.step for row in used)
    if left < 0:
        return Decimal(-1)
    room: dict[int, int] = {}
    for row in used:
        room[row.step] = room.get(row.step, 0) + (row.capacity - row.minimum) * row.step
    for row in undecided:
        room[row.step] = room.get(row.step, 0) + row.capacity * row.step
    for step in sorted(room, reverse=True):  # coarse lots first: finer ones, which divide them, fit into the gap left
        left -= min(left - left % step, room[step])
    return grid.size(grid.quantity - left)


def bound(grid: Grid, node: tuple[int, int], filled: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """(dual price, lower bound) of a node; (None, None) when none of its plans fills `filled`."""
    if most(grid, node) < filled:
        return None, None
    if not filled:
        return None, ZERO
    used, undecided = _members(grid, node)
    dual = _dual_price(grid, used, undecided, int(filled.scaleb(grid.grain_digits)))
    price, per = dual.scaleb(grid.cost_digits - grid.grain_digits).as_integer_ratio()
    total = price * int(filled.scaleb(grid.grain_digits)) + sum(_saving(row, price, per) for row in used)
    savings = sorted(min(0, _saving(row, price, per)) for row in undecided)
    total += sum(savings[: grid.max_legs - len(used)])
    return dual, grid.cost(
        -(-total // per)
    )  # every plan costs whole units of the grid, so rounding up is still a bound


def _members(grid: Grid, node: tuple[int, int]) -> tuple[list[Row], list[Row]]:
    """(used, undecided that can be used) rows of a node."""
    used = [row for index, row in enumerate(grid.rows) if node[0] >> index & 1]
    if len(used) >= grid.max_legs:
        return used, []
    free = [row for index, row in enumerate(grid.rows) if row.capacity and not (node[0] | node[1]) >> index & 1]
    return used, free


def _dual_price(grid: Grid, used: Sequence[Row], undecided: Sequence[Row], filled: int) -> Decimal:
    """The price per base unit at which the cheapest `filled` grains end (module docstring), to 40 digits downward."""
    runs: list[tuple[int, int, int, int]] = []  # (price of a grain to sort by, grains, cost, grains it is the cost of)
    left = filled
    for row in used:
        left -= row.minimum * row.step
        runs += [_run(cost, row.step, lots) for cost, lots in after(row.segments, row.minimum)]
    for row in undecided:
        runs += [_run(cost, row.step * of, lots // of) for cost, lots, of in _averaged(row)]
    runs.sort()
    marginal = runs[0] if runs else (0, 0, 0, 1)  # the cheapest one when the minimums alone fill it
    for marginal in runs:
        left -= marginal[1]
        if left <= 0:
            break
    _, _, cost, per = marginal
    return DUAL.divide(Decimal(cost).scaleb(grid.grain_digits - grid.cost_digits), Decimal(per))


def _run(cost: int, grains: int, count: int) -> tuple[int, int, int, int]:
    return (cost << SORT_BITS) // grains, grains * count, cost, grains


def _averaged(row: Row) -> Iterator[tuple[int, int, int]]:
    """(cost, lots, lots it is the cost of) of runs: all lots up to the least average cost as one, then the rest."""
    if not row.fixed and row.minimum == 1:
        yield from ((unit, count, 1) for unit, count in row.segments)
        return
    cost, lots = row.cost(row.minimum), row.minimum
    rest = list(after(row.segments, lots))
    while rest and rest[0][0] * lots < cost:
        unit, count = rest.pop(0)
        cost, lots = cost + unit * count, lots + count
    yield cost, lots, lots
    yield from ((unit, count, 1) for unit, count in rest)


def _saving(row: Row, price: int, per: int) -> int:
    """min (C(x) − λ·x) over minimum ≤ x ≤ capacity, times `per`; λ = price/per for a grain."""
    lot = price * row.step
    value = row.cost(row.minimum) * per - lot * row.minimum
    for cost, lots in after(row.segments, row.minimum):
        if cost * per >= lot:
            break
        value += (cost * per - lot) * lots
    return value


def best_single(books: Sequence[Book], filled: Decimal) -> BestSingle | None:
    """The cheapest venue that can fill `filled` alone within limits, cap, lot and minimum; of equals, the first."""
    able = [book for book in books if filled and book.minimum <= filled <= book.capacity and not filled % book.step]
    return min(
        (BestSingle(book.venue, book.fill(filled)[0]) for book in able), key=lambda single: single.cost, default=None
    )


def improvement(request: RouteRequest, filled: Decimal, cost: Decimal, single: BestSingle | None) -> Decimal | None:
    """(best single cost − cost) / (filled·reference price) · 1e4, to 28 digits."""
    if single is None:
        return None
    return RATIO.divide((single.cost - cost) * 10_000, filled * request.reference_price)
