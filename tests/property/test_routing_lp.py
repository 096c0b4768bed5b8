"""The router against HiGHS, a linear and mixed-integer solver that shares nothing with it."""

import random
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from keeper.routing import RoutePlan, RouteRequest, VenueQuote, plan

D = Decimal
ZERO = D(0)
TOLERANCE = D("1e-9")  # of the notional
SCALE = 1_000_000  # objectives are in millionths of the notional, so that absolute tolerances of HiGHS are small


def random_quote(
    rng: random.Random,
    name: str,
    buy: bool,
    lot: D,
    *,
    whole: bool,
    deepest: int,
    min_notional: D,
    fixed_cost: D = ZERO,
) -> VenueQuote:
    """A book around 1,000 whose levels are whole lots, or (whole=False) tenths of a lot."""
    tick, price = D("0.1"), 10_000 + rng.randint(-30, 30)
    levels = []
    for _ in range(rng.randint(1, deepest)):
        size = rng.randint(1, 400) * (lot if whole else lot / 10)
        levels.append((price * tick, size))
        price += rng.randint(1, 12) if buy else -rng.randint(1, 12)
    return VenueQuote(
        venue=name,
        levels=levels,
        taker_fee_bps=D(rng.randint(-10, 60)) / 10,
        holding_cost_bps=D(rng.randint(-80, 80)) / 10,
        risk_bps=D(rng.randint(0, 20)) / 10,
        lot_size=lot,
        tick_size=tick,
        min_notional=min_notional,
        fixed_cost=fixed_cost,
        max_quantity=rng.choice([None, None, rng.randint(1, 3000) * lot]),
    )


def random_request(
    rng: random.Random, buy: bool, quotes: Sequence[VenueQuote], lot: D, max_legs: int | None = None
) -> RouteRequest:
    depth = sum((size for quote in quotes for _, size in quote.levels), D(0))
    lots = max(1, int(depth / lot * D(rng.random()) * D("1.1")))
    sign = 1 if buy else -1
    return RouteRequest(
        side="buy" if buy else "sell",
        quantity=lots * lot,
        reference_price=D(1000),
        limit_price=rng.choice([None, None, D(1000) + sign * D(rng.randint(0, 60)) / 10]),
        max_slippage_bps=rng.choice([None, None, D(rng.randint(0, 80))]),
        max_legs=max_legs,
    )


def usable(request: RouteRequest, quote: VenueQuote) -> list[tuple[D, D]]:
    """(all-in unit cost, size) of the levels within the limits: the cost formula, written out again."""
    sign = 1 if request.side == "buy" else -1
    reference = request.reference_price
    found = []
    for price, size in quote.levels:
        slippage = sign * (price - reference) / reference * 10_000
        if request.limit_price is not None and sign * (price - request.limit_price) > 0:
            continue
        if request.max_slippage_bps is not None and slippage > request.max_slippage_bps:
            continue
        carry = reference * (quote.holding_cost_bps + quote.risk_bps) / 10_000
        found.append((sign * (price - reference) + price * quote.taker_fee_bps / 10_000 + carry, size))
    return found


def cost_of(request: RouteRequest, quote: VenueQuote, quantity: D) -> D:
    cost = D(0)
    for unit, size in usable(request, quote):
        take = min(size, quantity)
        cost, quantity = cost + take * unit, quantity - take
    assert quantity == 0
    return cost


def check_shape(route: RoutePlan, request: RouteRequest, quotes: Sequence[VenueQuote]) -> None:
    """What must hold for every plan, whatever the solver says."""
    by_name = {quote.venue: quote for quote in quotes}
    assert sum((leg.quantity for leg in route.legs), D(0)) == route.filled == request.quantity - route.unfilled
    costs = [cost_of(request, by_name[leg.venue], leg.quantity) + by_name[leg.venue].fixed_cost for leg in route.legs]
    assert sum(costs, D(0)) == route.cost
    assert all(leg.quantity % by_name[leg.venue].lot_size == 0 for leg in route.legs)
    assert route.certificate.verify(request, quotes)
    assert 0 <= route.certificate.gap == route.cost - route.certificate.lower_bound
    assert route.price_improvement_bps is None or route.price_improvement_bps >= 0


def linear_optimum(request: RouteRequest, quotes: Sequence[VenueQuote]) -> tuple[D, D]:
    """(filled, cost) by HiGHS. With one lot the constraints are totally unimodular: its optimum is in whole lots."""
    books = [usable(request, quote) for quote in quotes]
    depths = [sum((size for _, size in book), D(0)) for book in books]
    caps = [
        depth if quote.max_quantity is None else min(depth, quote.max_quantity)
        for quote, depth in zip(quotes, depths, strict=True)
    ]
    filled = min(request.quantity, sum(caps, D(0)))
    units = [float(unit / request.reference_price * SCALE) for book in books for unit, _ in book]
    if not filled:
        return D(0), D(0)
    sizes = [float(size / filled) for book in books for _, size in book]
    owner = [index for index, book in enumerate(books) for _ in book]
    answer = linprog(
        units,
        A_ub=[[float(who == index) for who in owner] for index in range(len(quotes))],
        b_ub=[float(cap / filled) for cap in caps],
        A_eq=[[1.0] * len(units)],
        b_eq=[1.0],
        bounds=[(0, size) for size in sizes],
        method="highs",
        options={"dual_feasibility_tolerance": 1e-10},
    )
    assert answer.success
    return filled, D(answer.fun) / SCALE * filled * request.reference_price


@pytest.mark.parametrize("block", range(10))
def test_whole_lots_against_linear_programming(block: int) -> None:
    """10 × 100 random cases with limits, slippage, caps and partial fills: the same fill, the same cost, gap 0."""
    rng = random.Random(block)
    partial = 0
    for _ in range(100):
        buy, lot = rng.random() < 0.5, D(rng.choice(["0.00001", "0.001", "0.1", "1"]))
        quotes = [
            random_quote(rng, f"v{index}", buy, lot, whole=True, deepest=12, min_notional=D(0))
            for index in range(rng.randint(1, 6))
        ]
        request = random_request(rng, buy, quotes, lot)
        route = plan(request, quotes)
        check_shape(route, request, quotes)
        filled, cost = linear_optimum(request, quotes)
        assert route.filled == filled
        assert abs(route.cost - cost) <= TOLERANCE * request.quantity * request.reference_price
        assert route.certificate.gap == 0
        partial += bool(route.unfilled)
    assert 0 < partial < 100, "the cases must include full and partial fills"


def integer_optimum(request: RouteRequest, quotes: Sequence[VenueQuote]) -> tuple[D, D]:
    """(filled, cost) by HiGHS' branch and bound: whole lots per venue, minimum notional, max_legs.

    Variables: quantity taken per level, lots per venue (integer), venue used (0 or 1); quantities in the finest lot.
    """
    finest = min(quote.lot_size for quote in quotes)
    books = [usable(request, quote) for quote in quotes]
    levels = [(index, unit, size / finest) for index, book in enumerate(books) for unit, size in book]
    m, v = len(levels), len(quotes)
    steps = np.array([float(quote.lot_size / finest) for quote in quotes])
    want = float(request.quantity / finest)
    taken, lots, used = np.zeros((v, m + 2 * v)), np.zeros((v, m + 2 * v)), np.zeros((v, m + 2 * v))
    least = []
    for column, (index, _, _) in enumerate(levels):
        taken[index, column] = 1
    for index, quote in enumerate(quotes):
        lots[index, m + index] = steps[index]
        used[index, m + v + index] = 1
        lots_needed, rest = divmod(quote.min_notional, request.reference_price * quote.lot_size)
        least.append(float((lots_needed + bool(rest)) * quote.lot_size / finest))
    caps = [want if quote.max_quantity is None else min(want, float(quote.max_quantity / finest)) for quote in quotes]
    total = lots.sum(axis=0)
    rules = [
        LinearConstraint(taken - lots, 0, 0),
        LinearConstraint(lots - used * np.array(caps)[:, None], -np.inf, 0),
        LinearConstraint(lots - used * np.array(least)[:, None], 0, np.inf),
        LinearConstraint(total, 0, want),
        LinearConstraint(used.sum(axis=0), 0, v if request.max_legs is None else request.max_legs),
    ]
    bounds = Bounds(0, [*(float(size) for _, _, size in levels), *([want] * v), *([1.0] * v)])
    integrality = [0] * m + [1] * (2 * v)
    options = {"mip_rel_gap": 0.0}
    most = milp(-total, constraints=rules, bounds=bounds, integrality=integrality, options=options)
    assert most.success
    filled = round(-most.fun)
    if not filled:
        return D(0), D(0)
    units = [float(unit / request.reference_price * SCALE) / filled for _, unit, _ in levels] + [0.0] * v
    notional = filled * finest * request.reference_price
    units += [float(quote.fixed_cost / notional * SCALE) for quote in quotes]
    rules[3] = LinearConstraint(total, filled, filled)
    best = milp(units, constraints=rules, bounds=bounds, integrality=integrality, options=options)
    assert best.success
    split = [round(count) * quote.lot_size for count, quote in zip(best.x[m : m + v], quotes, strict=True)]
    assert sum(split, D(0)) == filled * finest
    return filled * finest, sum(
        (cost_of(request, quote, q) + quote.fixed_cost * bool(q) for quote, q in zip(quotes, split, strict=True)), D(0)
    )


@pytest.mark.parametrize("block", range(6))
def test_fixed_costs_minimums_legs_and_nested_lots_against_integer_programming(block: int) -> None:
    """6 × 40 random cases where lots straddle levels, lots nest (odd blocks), fixed costs, minimums and legs bind."""
    rng = random.Random(1_000 + block)
    branched = 0
    for _ in range(40):
        buy, finest = rng.random() < 0.5, D(rng.choice(["0.001", "0.1"]))
        lots = [finest] if block % 2 == 0 else [finest, 10 * finest, 50 * finest]
        quotes = [
            random_quote(
                rng,
                f"v{index}",
                buy,
                rng.choice(lots),
                whole=False,
                deepest=4,
                min_notional=D(rng.randint(0, 60)) * finest * 1000 if block else D(0),
                fixed_cost=D(rng.randint(0, 300)) * finest / 10 if block > 1 else D(0),
            )
            for index in range(rng.randint(1, 5))
        ]
        request = random_request(rng, buy, quotes, finest, max_legs=rng.choice([None, 1, 2, 3]))
        if request.quantity < min(quote.lot_size for quote in quotes):
            continue
        route = plan(request, quotes)
        check_shape(route, request, quotes)
        filled, cost = integer_optimum(request, quotes)
        assert route.filled == filled
        assert abs(route.cost - cost) <= TOLERANCE * request.quantity * request.reference_price
        assert block % 2 or route.certificate.gap == 0
        branched += len(route.certificate.leaves) > 1
    assert branched > 0, "some case must make a rule bind"
