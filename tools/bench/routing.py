"""Routing latency: one call of `keeper.routing.plan`, checks and certificate included, against scipy's HiGHS.

The order takes 30% of all depth of 2, 5 or 10 books of 20 levels. The peer gets its matrices ready made and is asked
for the optimum alone. Both answers are compared first; then the two are timed in turn, call by call.
"""

import random
import time
from collections.abc import Callable
from decimal import Decimal

from scipy.optimize import linprog

from keeper.routing import RouteRequest, VenueQuote, plan
from tools.bench.figures import Figure, against

REFERENCE = Decimal(10_000)
LEVELS, CALLS, WARM_UP = 20, 400, 20
TOLERANCE = 1e-9  # of the notional


def run() -> list[Figure]:
    figures: list[Figure] = []
    for venues in (2, 5, 10):
        request, quotes = case(venues)
        solve = peer(request, quotes)
        notional = float(request.quantity * REFERENCE)
        assert abs(float(plan(request, quotes).cost) - solve()) <= TOLERANCE * notional, "the two optima differ"
        ours, theirs = interleaved(lambda r=request, q=quotes: plan(r, q), solve)  # type: ignore[misc]
        for share, label in ((0.50, "p50"), (0.99, "p99")):
            name = f"routing.plan {venues}x{LEVELS} {label}"
            figures.append(against(name, at(ours, share), "µs", "scipy linprog HiGHS", at(theirs, share)))
    return figures


def case(venues: int) -> tuple[RouteRequest, list[VenueQuote]]:
    """Books around 10,000 in whole lots of 0.001; the same ones every run."""
    rng = random.Random(venues)  # noqa: S311 - made-up books, no secret
    quotes = []
    for index in range(venues):
        price, levels = 100_000 + rng.randint(-30, 30), []
        for _ in range(LEVELS):
            levels.append((price * Decimal("0.1"), rng.randint(1, 5_000) * Decimal("0.001")))
            price += rng.randint(1, 8)
        quotes.append(
            VenueQuote(
                f"venue{index}",
                levels,
                taker_fee_bps=Decimal(rng.randint(20, 60)) / 10,
                holding_cost_bps=Decimal(rng.randint(-20, 20)) / 10,
                risk_bps=Decimal(1),
                lot_size=Decimal("0.001"),
                tick_size=Decimal("0.1"),
                min_notional=Decimal(10),
            )
        )
    lots = sum(size for quote in quotes for _, size in quote.levels) * 300 // 1
    return RouteRequest("buy", lots * Decimal("0.001"), REFERENCE, max_slippage_bps=Decimal(500)), quotes


def peer(request: RouteRequest, quotes: list[VenueQuote]) -> Callable[[], float]:
    """The same problem as a linear programme: cost per level relative to notional, one equality."""
    units, bounds = [], []
    for quote in quotes:
        carry = REFERENCE * (quote.holding_cost_bps + quote.risk_bps) / 10_000
        for price, size in quote.levels:
            units.append(
                float((price - REFERENCE + price * quote.taker_fee_bps / 10_000 + carry) / REFERENCE * 1_000_000)
            )
            bounds.append((0.0, float(size / request.quantity)))
    row = [[1.0] * len(units)]
    scale = float(request.quantity * REFERENCE) / 1_000_000
    options = {"dual_feasibility_tolerance": 1e-10}

    def solve() -> float:
        answer = linprog(units, A_eq=row, b_eq=[1.0], bounds=bounds, method="highs", options=options)
        return float(answer.fun) * scale

    return solve


def interleaved(
    first: Callable[[], object], second: Callable[[], object], calls: int = CALLS, burst: int = 1
) -> tuple[list[float], list[float]]:
    """Microseconds per call of each, sorted. `burst`: calls of the first per turn, for one so short that the cold
    caches its peer leaves behind would be what is measured."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(WARM_UP + calls):
        for call, kept in [(first, times[0])] * burst + [(second, times[1])]:
            start = time.perf_counter_ns()
            call()
            if turn >= WARM_UP:
                kept.append((time.perf_counter_ns() - start) / 1000)
    return sorted(times[0]), sorted(times[1])


def at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
