"""`plan`: check, solve, certify."""

from collections.abc import Sequence
from decimal import Decimal

from keeper.routing.books import exact, prepare
from keeper.routing.certificate import Certificate, RoutePlan, best_single, improvement, lower_bound, marginal_price
from keeper.routing.solver import solve
from keeper.routing.types import Leg, RouteRequest, VenueQuote


def plan(request: RouteRequest, quotes: Sequence[VenueQuote]) -> RoutePlan:
    """The split of `request` over `quotes` that fills the most and, among those, costs least all-in.

    Deterministic: equal input gives an equal plan. What depth, caps and limits leave is `unfilled`, not an error.
    Raises RoutingError (its codes are listed there).
    """
    with exact():
        books = prepare(request, quotes)
        quantity = Decimal(request.quantity)
        split = solve(books, quantity, request.max_legs)
        legs = []
        for book, size in zip(books, split.quantities, strict=True):
            if size:
                cost, limit = book.fill(size)
                legs.append(Leg(book.venue, size, limit, cost))
        dual = marginal_price(books, split.filled)
        bound = lower_bound(books, dual, split.filled)
        single = best_single(books, split.filled)
        return RoutePlan(
            legs=tuple(legs),
            filled=split.filled,
            unfilled=quantity - split.filled,
            cost=split.cost,
            best_single=single,
            price_improvement_bps=improvement(request, split.filled, split.cost, single),
            certificate=Certificate(tuple(legs), split.filled, split.cost, dual, bound, split.cost - bound),
        )
