"""A route kept ready while books change says what `plan` says of the same books."""

import random
from array import array
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from keeper.model.depth import Depth, Level
from keeper.routing import Decision, LiveRoute, RouteRequest, RoutingError, VenueQuote, plan, search

D = Decimal


def depth(side: str, steps: Sequence[tuple[int, int]], start: int, price_digits: int, size_digits: int) -> Depth:
    """Prices `start` and on, worse by each step."""
    prices, price = array("q"), start
    for step, _ in steps:
        prices.append(price)
        price += step if side == "buy" else -step
    return Depth(prices, array("q", [size for _, size in steps]), price_digits, size_digits)


def side_of(rng: random.Random, side: str) -> Depth:
    """Around 100, with one or two decimals."""
    digits = rng.randint(1, 2)
    steps = [(rng.randint(1, 9), rng.randint(1, 400)) for _ in range(rng.randint(0, 6))]
    return depth(side, steps, 100 * 10**digits + rng.randint(-9, 9), digits, rng.randint(0, 2))


def quote_of(rng: random.Random, name: str, side: str, lot: Decimal) -> VenueQuote:
    return VenueQuote(
        name,
        side_of(rng, side),
        taker_fee_bps=rng.choice([D(0), D("4.5"), D(-1), D(30)]),
        holding_cost_bps=rng.choice([D(0), D("-2.5"), D("1.25")]),
        fixed_cost=rng.choice([D(0), D(0), D("0.5"), D(20)]),
        lot_size=lot,
        tick_size=rng.choice([D("0.1"), D("0.01"), D("0.5")]),
        min_notional=rng.choice([D(0), D(10), D(130)]),
        max_quantity=rng.choice([None, None, D(0), D("1.75"), D(3)]),
    )


def case(rng: random.Random) -> tuple[RouteRequest, list[VenueQuote]]:
    side, lots = rng.choice(["buy", "sell"]), rng.choice([["0.5"], ["0.1"], ["1"], ["0.1", "1"]])
    request = RouteRequest(
        side,  # type: ignore[arg-type]
        rng.randint(4, 60) * D("0.25"),
        D(100),
        rng.choice([None, None, D("99.95"), D("100.12"), D("101.3")]),
        rng.choice([None, None, D(5), D(120)]),
        rng.choice([None, None, 1, 2, 3]),
    )
    return request, [quote_of(rng, f"v{n}", side, D(rng.choice(lots))) for n in range(rng.randint(1, 5))]


def agrees(decision: Decision, request: RouteRequest, quoted: Sequence[VenueQuote]) -> bool:
    """The plan's filled quantity and cost to the last digit; and what the legs cost is the cost."""
    route = plan(request, quoted)
    filled = D(decision.filled).scaleb(-decision.size_digits)
    cost = D(decision.cost).scaleb(-decision.cost_digits)
    total = sum((leg.quantity for leg in decision.legs), D(0))
    by_venue = {quote.venue: quote for quote in quoted}
    spent = sum((leg_cost(request, by_venue[leg.venue], leg.quantity, leg.limit_price) for leg in decision.legs), D(0))
    return (filled, cost) == (route.filled, route.cost) and total == filled and spent == cost


def leg_cost(request: RouteRequest, quote: VenueQuote, quantity: Decimal, limit: Decimal) -> Decimal:
    """Alone at its venue, by the router itself; its limit must be that of the leg."""
    alone = plan(replace(request, quantity=quantity, max_legs=None), [replace(quote, max_quantity=None)])
    (leg,) = alone.legs
    assert (leg.quantity, leg.limit_price) == (quantity, limit)
    return leg.expected_cost


def test_it_decides_as_plan_does_after_every_change() -> None:
    rng, compiled = random.Random(5), 0
    for _ in range(400):
        request, quoted = case(rng)
        live = LiveRoute(request, quoted)
        assert agrees(live.decide(), request, quoted)
        for _ in range(2):
            at = rng.randrange(len(quoted))
            quoted[at] = replace(quoted[at], levels=side_of(rng, request.side))
            live.update(quoted[at].venue, quoted[at].levels)
            assert agrees(live.decide(), request, quoted)
            compiled += live.is_compiled
        assert live.plan() == plan(request, quoted)
    assert compiled > 400


def test_what_plan_refuses_is_refused_at_once() -> None:
    with pytest.raises(RoutingError, match="two books") as caught:
        LiveRoute(RouteRequest("buy", D(3), D(100)), [one_lot(BOOK), one_lot(BOOK)])
    assert caught.value.code == "duplicate_venue"


def one_lot(levels: Sequence[Level], **more: Any) -> VenueQuote:
    return VenueQuote("a", levels, D(4), lot_size=D("0.1"), tick_size=D("0.1"), **more)


BOOK = depth("buy", [(5, 30), (2, 7)], 1_000, 1, 1)


def test_whole_number_books_are_decided_in_the_core_and_others_by_plan() -> None:
    assert search.COMPILED, "install a C compiler and run ./dev again"
    request = RouteRequest("buy", D(3), D(100))
    live = LiveRoute(request, [one_lot(BOOK)])
    assert live.is_compiled
    live.update("a", BOOK.levels)
    assert not live.is_compiled
    assert agrees(live.decide(), request, [one_lot(BOOK.levels)])
    live.update("a", BOOK)
    assert live.is_compiled
    huge = depth("buy", [(1, 1 << 55)], 1_000, 1, 1)
    live.update("a", huge)
    assert not live.is_compiled
    assert agrees(live.decide(), request, [one_lot(huge)])


def test_an_unknown_venue_is_an_error() -> None:
    live = LiveRoute(RouteRequest("buy", D(3), D(100)), [one_lot(BOOK)])
    with pytest.raises(KeyError):
        live.update("b", BOOK)


def test_the_pure_twin_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COMPILED", False)
    request = RouteRequest("buy", D(3), D(100))
    live = LiveRoute(request, [one_lot(BOOK, fixed_cost=D(1))])
    assert not live.is_compiled
    assert agrees(live.decide(), request, [one_lot(BOOK, fixed_cost=D(1))])
