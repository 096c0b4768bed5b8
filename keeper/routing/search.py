"""Picks who searches: the compiled core when it was built and the numbers fit, else its pure twin. Same answer."""

from typing import TYPE_CHECKING

from keeper.routing.errors import RoutingError
from keeper.routing.grid import Grid
from keeper.routing.solver import MAX_NODES, Split, slope_shift
from keeper.routing.solver import solve as solve_in_python

if TYPE_CHECKING:
    from keeper.routing._core import Live, Problem

try:
    from keeper.routing import _core
except ImportError:  # no compiler where it was installed
    COMPILED = False
else:
    COMPILED = True


def solve(grid: Grid) -> Split:
    """`solver.solve`, by whichever of the two is at hand."""
    problem = compiled_problem(grid)
    if problem is None:
        return solve_in_python(grid)
    answer = problem.solve()
    if answer is None:
        raise RoutingError("search_too_large", "quotes", "too many venue sets; quote fewer venues or lift max_legs")
    lots, filled, cost, leaves = answer
    return Split(lots, filled * grid.rows[0].step, cost, leaves)


def compiled_problem(grid: Grid) -> "Problem | None":
    """The grid as the compiled core holds it; None without the core, with lots that differ, or numbers too large."""
    step = grid.rows[0].step
    if not COMPILED or any(row.step != step for row in grid.rows):
        return None
    rows = [(row.minimum, row.capacity, row.fixed, row.segments) for row in grid.rows]
    try:
        return _core.Problem(rows, grid.quantity // step, grid.max_legs, slope_shift(grid), MAX_NODES)
    except OverflowError:
        return None


def live_rows(names: list[str], quantity: int, buy: bool, max_legs: int, max_nodes: int) -> "Live":
    """The compiled rows of `live.LiveRoute`, not filled yet. OverflowError for numbers too large."""
    return _core.Live(names, quantity, buy, max_legs, max_nodes)
