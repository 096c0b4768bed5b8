"""Small cases against every split there is: exact equality, no solver's tolerance in between."""

import random
from decimal import Decimal
from itertools import product

import pytest

from keeper.routing import RouteRequest, VenueQuote, plan

D = Decimal
REFERENCE = D(100)


def small_quote(rng: random.Random, name: str, sign: int, lot: Decimal) -> VenueQuote:
    """Up to three levels in tenths, so that lots straddle them; equal prices, caps and minimums are common."""
    price, levels = REFERENCE + rng.randint(-3, 3), []
    for _ in range(rng.randint(0, 3)):
        levels.append((price, D(rng.randint(1, 30)) / 10))
        price += sign * rng.randint(0, 4)
    return VenueQuote(
        name,
        levels,
        taker_fee_bps=D(rng.randint(-5, 5)),
        holding_cost_bps=D(rng.randint(-50, 50)),
        lot_size=lot,
        tick_size=D(1),
        min_notional=D(rng.choice([0, 0, 200, 300, 450])),
        max_quantity=rng.choice([None, None, D(rng.randint(0, 60)) / 10]),
        fixed_cost=rng.choice([D(0), D(0), D(rng.randint(0, 40)) / 10]),
    )


def legs_of(quote: VenueQuote, sign: int) -> dict[Decimal, Decimal]:
    """Every quantity the venue could take, with its cost."""
    depth = sum((size for _, size in quote.levels), D(0))
    most = depth if quote.max_quantity is None else min(depth, quote.max_quantity)
    legs, quantity = {D(0): D(0)}, quote.lot_size
    while quantity <= most:
        if quantity * REFERENCE >= quote.min_notional:
            left, cost = quantity, quote.fixed_cost + quantity * REFERENCE * quote.holding_cost_bps / 10_000
            for price, size in quote.levels:
                take = min(left, size)
                left -= take
                cost += sign * take * (price - REFERENCE) + take * price * quote.taker_fee_bps / 10_000
            legs[quantity] = cost
        quantity += quote.lot_size
    return legs


@pytest.mark.parametrize("lots", ["1", "1 2", "1 2 4", "0.5 1.5 3"])
def test_no_split_fills_more_or_costs_less(lots: str) -> None:
    rng = random.Random(lots)
    sizes = [D(lot) for lot in lots.split()]
    for _ in range(300):
        sign = rng.choice([1, -1])
        quotes = [small_quote(rng, f"v{index}", sign, rng.choice(sizes)) for index in range(rng.randint(1, 3))]
        smallest = min(quote.lot_size for quote in quotes)
        request = RouteRequest(
            "buy" if sign > 0 else "sell",
            smallest + D(rng.randint(0, 120)) / 10,
            REFERENCE,
            max_legs=rng.choice([None, None, 1, 2]),
        )
        route = plan(request, quotes)
        assert route.verify(request, quotes)
        allowed = [
            (-sum(quantities, D(0)), sum(costs, D(0)))
            for quantities, costs in (
                zip(*choice, strict=True) for choice in product(*(legs_of(quote, sign).items() for quote in quotes))
            )
            if sum(quantities, D(0)) <= request.quantity
            and sum(map(bool, quantities)) <= (request.max_legs or len(quotes))
        ]
        assert (-route.filled, route.cost) == min(allowed)
        assert route.certificate.gap >= 0
        assert len(sizes) > 1 or route.certificate.gap == 0


def test_lots_that_do_not_nest_still_give_plans_that_verify() -> None:
    rng = random.Random(0)
    for _ in range(300):
        sign = rng.choice([1, -1])
        quotes = [small_quote(rng, f"v{index}", sign, D(rng.choice([2, 3]))) for index in range(rng.randint(1, 3))]
        request = RouteRequest("buy" if sign > 0 else "sell", D(rng.randint(30, 140)) / 10, REFERENCE)
        route = plan(request, quotes)
        assert route.verify(request, quotes)
        assert all(
            leg.quantity % quote.lot_size == 0 for leg in route.legs for quote in quotes if quote.venue == leg.venue
        )
