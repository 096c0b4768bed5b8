"""`plan`: check, solve, certify."""

from collections.abc import Sequence
from decimal import Decimal

from keeper.routing.books import exact, prepare
from keeper.routing.certificate import RoutePlan, best_single, certify, improvement
from keeper.routing.grid import to_grid
from keeper.routing.search import solve
from keeper.routing.types import Leg, RouteRequest, VenueQuote


def plan(request: RouteRequest, quotes: Sequence[VenueQuote]) -> RoutePlan:
    """The split of `request` over `quotes` that fills the most and, among those, costs least all-in.

    Deterministic: equal input gives an equal plan. What depth, caps and limits leave is `unfilled`, not an error.
    Raises RoutingError (its codes are listed there).
    """
    with exact():
        books = prepare(request, quotes)
        quantity = Decimal(request.quantity)
        grid = to_grid(books, quantity, request.max_legs)
        split = solve(grid)
        legs = []
        for book, row, lots in zip(books, grid.rows, split.lots, strict=True):
            if lots:
                size = plain(grid.size(lots * row.step))
                cost, limit = book.fill(size)
                legs.append(Leg(book.venue, size, limit, cost))
        certificate = certify(books, grid, tuple(legs), split.leaves)
        single = best_single(books, certificate.filled)
        return RoutePlan(
            legs=certificate.legs,
            filled=certificate.filled,
            unfilled=quantity - certificate.filled,
            cost=certificate.cost,
            best_single=single,
            price_improvement_bps=improvement(request, certificate.filled, certificate.cost, single),
            certificate=certificate,
        )


def plain(size: Decimal) -> Decimal:
    """Without trailing zeros, and without an exponent."""
    return size.to_integral_value() if size == size.to_integral_value() else size.normalize()
