"""The router against two oracles on random cases: `./dev test-deep routing [--cases N] [--milp N] [--seed N]`.

Every case: `plan` must fill as much and cost the same, to the last digit, as a dynamic program that tries every number
of lots at every venue; the certificate must verify with a gap of at most 1e-9 bps where the lots are one (with nested
lots the largest gap is printed); the compiled core and its pure twin must give the same split and the same leaves; a
corrupted plan must not verify. Some cases also go to HiGHS' integer solver, its split evaluated in Decimal.

Cases are made to be hard: fixed costs near what they save, minimums near the whole order, ties, caps, lots that nest,
levels that straddle lots, `max_legs`.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from rich.progress import track

from keeper.routing import RoutePlan, RouteRequest, VenueQuote, plan
from keeper.routing.books import exact, prepare
from keeper.routing.grid import to_grid
from keeper.routing.search import compiled_problem
from keeper.routing.solver import solve as solve_in_python
from tests.property.test_routing_lp import TOLERANCE, integer_optimum

D = Decimal
REFERENCE = D(100)
GRAIN = D("0.1")
COST_DIGITS = 9  # cost of a case in whole numbers: prices to 0.1, sizes to 0.01, fees to 0.1 bps
NEVER = np.iinfo(np.int64).max // 4


def case(rng: random.Random) -> tuple[RouteRequest, list[VenueQuote]]:
    sign, nested = rng.choice([1, -1]), rng.random() < 0.3
    depth = rng.choice([3, 10, 25])
    quotes = [quote(rng, f"v{index}", sign, depth, nested=nested) for index in range(rng.randint(1, 6))]
    smallest = min(venue.lot_size for venue in quotes)
    total = sum((size for venue in quotes for _, size in venue.levels), D(0))
    quantity = max(smallest, (total * D(rng.random()) * D("1.2")).quantize(GRAIN))
    return (
        RouteRequest(
            "buy" if sign > 0 else "sell",
            quantity,
            REFERENCE,
            limit_price=rng.choice([None, None, REFERENCE + sign * D(rng.randint(0, 40)) / 10]),
            max_slippage_bps=rng.choice([None, None, D(rng.randint(0, 400))]),
            max_legs=rng.choice([None, None, 1, 2, 3]),
        ),
        quotes,
    )


def quote(rng: random.Random, name: str, sign: int, depth: int, *, nested: bool) -> VenueQuote:
    lot = GRAIN * (rng.choice([1, 2, 10]) if nested else 1)
    price, levels = REFERENCE + D(rng.randint(-10, 10)) / 10, []
    for _ in range(rng.randint(0, 5)):
        straddles = D(rng.randint(0, 9)) / 100 if rng.random() < 0.2 else D(0)
        levels.append((price, GRAIN * rng.randint(1, depth) + straddles))
        price += sign * D(rng.choice([0, 1, 1, 2, 5])) / 10
    return VenueQuote(
        name,
        levels,
        taker_fee_bps=D(rng.choice([-10, 0, 20, 45, 45])) / 10,
        holding_cost_bps=D(rng.randint(-80, 80)) / 10,
        risk_bps=D(rng.randint(0, 20)) / 10,
        fixed_cost=D(rng.choice([0, 0, rng.randint(0, 20), rng.randint(0, 400)])) / 100,
        lot_size=lot,
        tick_size=D("0.1"),
        min_notional=D(rng.choice([0, 0, 10, rng.randint(0, 60) * depth // 10])),
        max_quantity=rng.choice([None, None, GRAIN * rng.randint(0, 3 * depth)]),
    )


def usable(request: RouteRequest, venue: VenueQuote) -> list[tuple[Decimal, Decimal]]:
    """(all-in unit cost, size) of the levels within the limits: the cost formula, written out again."""
    sign = 1 if request.side == "buy" else -1
    carry = REFERENCE * (venue.holding_cost_bps + venue.risk_bps) / 10_000
    levels = []
    for price, size in venue.levels:
        slippage = sign * (price - REFERENCE) / REFERENCE * 10_000
        if request.limit_price is not None and sign * (price - request.limit_price) > 0:
            continue
        if request.max_slippage_bps is not None and slippage > request.max_slippage_bps:
            continue
        levels.append((sign * (price - REFERENCE) + price * venue.taker_fee_bps / 10_000 + carry, size))
    return levels


def table(request: RouteRequest, venue: VenueQuote, grains: int) -> np.ndarray:
    """The cost of 0, 1, ... `grains` grains at the venue alone, NEVER where it cannot be."""
    costs = np.full(grains + 1, NEVER, dtype=np.int64)
    costs[0] = 0
    levels, at, spent = usable(request, venue), D(0), D(0)
    most = min(sum((size for _, size in levels), D(0)), request.quantity)
    most = most if venue.max_quantity is None else min(most, venue.max_quantity)
    lot = venue.lot_size
    wanted = lot
    while wanted <= most:
        while levels and at + levels[0][1] <= wanted:
            unit, size = levels.pop(0)
            at, spent = at + size, spent + unit * size
        cost = spent + (levels[0][0] * (wanted - at) if levels else 0) + venue.fixed_cost
        if wanted * REFERENCE >= venue.min_notional:
            costs[int(wanted / GRAIN)] = int(cost.scaleb(COST_DIGITS))
        wanted += lot
    return costs


def best(request: RouteRequest, quotes: Sequence[VenueQuote]) -> tuple[Decimal, Decimal]:
    """(filled, cost) by trying everything: costs of a total with at most k venues, one venue added after the other."""
    grains = int(request.quantity / GRAIN)
    legs = min(request.max_legs or len(quotes), len(quotes))
    cheapest = np.full((legs + 1, grains + 1), NEVER, dtype=np.int64)
    cheapest[:, 0] = 0
    for venue in quotes:
        costs = table(request, venue, grains)
        before = cheapest.copy()
        for count in np.flatnonzero(costs[1:] < NEVER) + 1:
            shifted = before[:-1, : grains + 1 - count] + costs[count]
            shifted[before[:-1, : grains + 1 - count] >= NEVER] = NEVER
            np.minimum(cheapest[1:, count:], shifted, out=cheapest[1:, count:])
    filled = int(np.flatnonzero(cheapest[legs] < NEVER)[-1])
    return filled * GRAIN, D(int(cheapest[legs, filled])).scaleb(-COST_DIGITS)


def check(request: RouteRequest, quotes: Sequence[VenueQuote], rng: random.Random) -> RoutePlan:
    """Raises AssertionError when anything of what the module promises does not hold."""
    route = plan(request, quotes)
    assert (route.filled, route.cost) == best(request, quotes), "not what trying everything finds"
    assert route.verify(request, quotes), "the certificate does not verify"
    if len({venue.lot_size for venue in quotes}) == 1 and route.filled:
        assert route.certificate.gap <= D("1e-13") * route.filled * REFERENCE, "gap above 1e-9 bps"
    with exact():
        grid = to_grid(prepare(request, quotes), request.quantity, request.max_legs)
    if (problem := compiled_problem(grid)) is not None:
        slow = solve_in_python(grid)
        assert problem.solve() == (slow.lots, slow.filled // grid.rows[0].step, slow.cost, slow.leaves), "twins differ"
    if route.legs:
        number = rng.randrange(len(route.legs))
        leg = route.legs[number]
        wrong = rng.choice(
            [replace(leg, quantity=leg.quantity + GRAIN), replace(leg, expected_cost=leg.expected_cost - D("1e-9"))]
        )
        corrupted = replace(route, legs=(*route.legs[:number], wrong, *route.legs[number + 1 :]))
        assert not corrupted.verify(request, quotes), "a corrupted plan verifies"
    return route


def main(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="test-deep routing")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--milp", type=int, default=2_000, help="how many of them also go to HiGHS")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    done = branched = compared = nested = 0
    largest_gap = D(0)
    for number in track(range(options.cases), description="routing"):
        rng = random.Random(f"{options.seed}.{number}")  # noqa: S311 - cases, not keys
        request, quotes = case(rng)
        try:
            route = check(request, quotes, rng)
        except AssertionError as error:
            raise SystemExit(f"case {options.seed}.{number}: {error}\n{request}\n{quotes}") from error
        done += 1
        branched += len(route.certificate.leaves) > 1
        if len({venue.lot_size for venue in quotes}) > 1:
            nested += 1
            if route.filled:
                largest_gap = max(largest_gap, route.certificate.gap / (route.filled * REFERENCE) * 10_000)
        if compared < options.milp and number % max(1, options.cases // max(1, options.milp)) == 0:
            filled, cost = integer_optimum(request, quotes)
            if filled != route.filled or abs(cost - route.cost) > TOLERANCE * request.quantity * REFERENCE:
                raise SystemExit(f"case {options.seed}.{number}: HiGHS says {filled} for {cost}")
            compared += 1
    result = {"cases": done, "branched": branched, "nested": nested, "milp": compared}
    return result | {"largest_gap_bps_with_nested_lots": f"{largest_gap:.4f}"}
