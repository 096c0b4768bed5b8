"""The exact route with a fixed cost and a minimum per venue: the compiled search and its pure twin, on a grid that is
ready, against HiGHS' integer solver on matrices that are ready.

The order takes 30% of all depth of 2, 5, 10 or 20 books of 20 levels; the optimum is compared first. The peer is asked
for a relative gap of 1e-9 (its default 1e-4 is a whole basis point). Calls of the three take turns.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from keeper.routing import RouteRequest, VenueQuote
from keeper.routing.books import exact, prepare
from keeper.routing.grid import Grid, to_grid
from keeper.routing.search import compiled_problem
from keeper.routing.solver import solve
from tools.bench.figures import Figure, against
from tools.bench.routing import LEVELS, REFERENCE, at, case, interleaved

TOLERANCE = 1e-9  # of the notional


def run() -> list[Figure]:
    figures: list[Figure] = []
    for venues in (2, 5, 10, 20):
        request, quotes = with_fixed_costs(venues)
        with exact():
            grid = to_grid(prepare(request, quotes), request.quantity, None)
        problem, peer = compiled_problem(grid), integer_program(grid)
        if problem is None:
            raise SystemExit(
                "bench routing_fixed: the compiled core is missing; install a C compiler and run ./dev again"
            )
        notional = float(request.quantity * REFERENCE)
        assert abs(float(grid.cost(solve(grid).cost)) - peer()) <= TOLERANCE * notional, "the two optima differ"
        split = problem.solve()
        assert split is not None
        assert split[2] == solve(grid).cost, "the twins differ"
        calls = 400 if venues < 20 else 40
        ours, theirs = interleaved(problem.solve, peer, calls, burst=10)
        twin, _ = interleaved(lambda g=grid: solve(g), problem.solve, calls)  # type: ignore[misc]
        name = f"exact route with fixed costs {venues}x{LEVELS}"
        for share, label in ((0.50, "p50"), (0.99, "p99")):
            figures.append(against(f"{name} {label}", at(ours, share), "µs", "HiGHS MILP", at(theirs, share)))
        figures.append(against(f"{name} pure twin p50", at(twin, 0.5), "µs", "HiGHS MILP", at(theirs, 0.5)))
    return figures


def with_fixed_costs(venues: int) -> tuple[RouteRequest, list[VenueQuote]]:
    """`routing.case` with 2 to 30 USD for using a venue, deterministic."""
    rng = random.Random(1_000 + venues)  # noqa: S311 - made-up books, no secret
    request, quotes = case(venues)
    return request, [replace(quote, fixed_cost=Decimal(rng.randint(20, 300)) / 10) for quote in quotes]


def integer_program(grid: Grid) -> Callable[[], float]:
    """Lots per segment (continuous: with one lot the optimum is whole) and venues used (0 or 1)."""
    owners = [index for index, row in enumerate(grid.rows) for _ in row.segments]
    sizes = [float(lots) for row in grid.rows for _, lots in row.segments]
    scale = float(grid.quantity // grid.rows[0].step)
    count, venues = len(owners), len(grid.rows)
    usd = 10.0**-grid.cost_digits
    costs = [cost * usd * scale for row in grid.rows for cost, _ in row.segments]
    costs += [row.fixed * usd for row in grid.rows]
    taken, used = np.zeros((venues, count + venues)), np.zeros((venues, count + venues))
    for column, owner in enumerate(owners):
        taken[owner, column] = 1.0
    caps = np.array([row.capacity / scale for row in grid.rows])
    least = np.array([row.minimum / scale for row in grid.rows])
    used[:, count:] = np.eye(venues)
    total = np.array([[1.0] * count + [0.0] * venues])
    rules = [
        LinearConstraint(taken - used * caps[:, None], -np.inf, 0),
        LinearConstraint(taken - used * least[:, None], 0, np.inf),
        LinearConstraint(total, 1, 1),
    ]
    bounds = Bounds(0, [*(size / scale for size in sizes), *([1.0] * venues)])
    integrality = [0] * count + [1] * venues
    options = {"mip_rel_gap": 1e-9}

    def call() -> float:
        return float(milp(costs, constraints=rules, bounds=bounds, integrality=integrality, options=options).fun)

    return call
