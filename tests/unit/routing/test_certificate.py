"""A certificate accepts the plan it was made for and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keeper.routing import BestSingle, Leg, RoutePlan, RouteRequest, VenueQuote, plan

D = Decimal
TENTH = D("0.1")


@st.composite
def cases(draw: st.DrawFn) -> tuple[RouteRequest, list[VenueQuote]]:
    """One to four venues in whole lots, of either side, with whatever limits."""
    buy = draw(st.booleans())
    quotes = []
    for index in range(draw(st.integers(1, 4))):
        price = 1000 + draw(st.integers(-10, 10))
        levels = []
        for _ in range(draw(st.integers(1, 4))):
            levels.append((price * TENTH, draw(st.integers(1, 50)) * TENTH))
            price += draw(st.integers(1, 9)) * (1 if buy else -1)
        quotes.append(
            VenueQuote(
                f"v{index}",
                levels,
                taker_fee_bps=D(draw(st.integers(-2, 6))),
                holding_cost_bps=D(draw(st.integers(-5, 5))),
                lot_size=draw(st.sampled_from([TENTH, TENTH, D(1)])),
                tick_size=TENTH,
                min_notional=D(draw(st.sampled_from([0, 0, 100]))),
                max_quantity=draw(st.sampled_from([None, None, D(3)])),
                fixed_cost=draw(st.sampled_from([D(0), D(0), D("0.7"), D(40)])),
            )
        )
    request = RouteRequest(
        "buy" if buy else "sell",
        draw(st.integers(10, 150)) * TENTH,
        D(100),
        max_slippage_bps=draw(st.sampled_from([None, D(200)])),
        max_legs=draw(st.sampled_from([None, 1, 2])),
    )
    return request, quotes


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_plan_verifies_and_only_with_its_own_input(case: tuple[RouteRequest, list[VenueQuote]]) -> None:
    request, quotes = case
    route = plan(request, quotes)
    assert route.certificate.verify(request, quotes)
    assert route.verify(request, quotes)
    assert route.certificate.gap >= 0
    assert route.price_improvement_bps is None or route.price_improvement_bps >= 0
    assume(route.legs)
    assert not route.verify(replace(request, quantity=request.quantity + TENTH), quotes)
    first = route.legs[0]
    others = [quote for quote in quotes if quote.venue != first.venue]
    used = next(quote for quote in quotes if quote.venue == first.venue)
    assert not route.verify(request, others)
    assert not route.verify(request, [*others, replace(used, max_quantity=first.quantity - TENTH)])
    assert not route.verify(request, [*others, replace(used, taker_fee_bps=used.taker_fee_bps + 1)])
    assert not route.verify(request, [*others, replace(used, min_notional=first.quantity * 100 + 1)])
    assert not route.verify(request, [*others, replace(used, fixed_cost=used.fixed_cost + TENTH)])


def with_leg(route: RoutePlan, **terms: object) -> tuple[Leg, ...]:
    return (replace(route.legs[0], **terms), *route.legs[1:])  # type: ignore[arg-type]


def moved(route: RoutePlan, delta: Decimal) -> dict[str, tuple[Leg, ...]]:
    """Every way to alter the first leg."""
    leg = route.legs[0]
    return {
        "quantity": with_leg(route, quantity=leg.quantity + delta),
        "limit price": with_leg(route, limit_price=leg.limit_price + delta),
        "cost": with_leg(route, expected_cost=leg.expected_cost + delta),
        "venue": with_leg(route, venue="elsewhere"),
        "not a number": with_leg(route, quantity=D("NaN")),
        "dropped": route.legs[1:],
        "doubled": (*route.legs, leg),
    }


LEG_KINDS = ["quantity", "limit price", "cost", "venue", "not a number", "dropped", "doubled"]
deltas = st.sampled_from([D(1), D(-1), TENTH, -TENTH, D("0.000001"), D("-0.000001")])


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(LEG_KINDS), deltas, st.sampled_from(["plan", "certificate", "both"]))
def test_altered_legs_do_not_verify(
    case: tuple[RouteRequest, list[VenueQuote]], kind: str, delta: Decimal, where: str
) -> None:
    request, quotes = case
    route = plan(request, quotes)
    assume(route.legs)
    legs = moved(route, delta)[kind]
    certificate = route.certificate if where == "plan" else replace(route.certificate, legs=legs)
    altered = replace(route, certificate=certificate, legs=route.legs if where == "certificate" else legs)
    assert not altered.certificate.verify(request, quotes)
    assert not altered.verify(request, quotes)
    if where != "plan":
        assert not certificate.verify(request, quotes)


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(["filled", "cost", "lower_bound", "gap"]), deltas)
def test_altered_numbers_of_the_certificate_do_not_verify(
    case: tuple[RouteRequest, list[VenueQuote]], name: str, delta: Decimal
) -> None:
    request, quotes = case
    route = plan(request, quotes)
    number = getattr(route.certificate, name)
    for wrong in (number + delta, D("NaN"), D("Infinity"), float(number)):
        certificate = replace(route.certificate, **{name: wrong})  # type: ignore[arg-type]
        assert not certificate.verify(request, quotes)
        assert not replace(route, certificate=certificate).verify(request, quotes)


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from(["filled", "unfilled", "cost", "best_single", "price_improvement_bps"]), deltas)
def test_altered_numbers_of_the_plan_do_not_verify(
    case: tuple[RouteRequest, list[VenueQuote]], name: str, delta: Decimal
) -> None:
    request, quotes = case
    route = plan(request, quotes)
    wrong: object = BestSingle("elsewhere", delta) if name == "best_single" else (getattr(route, name) or D(0)) + delta
    altered = replace(route, **{name: wrong})  # type: ignore[arg-type]
    assert not altered.certificate.verify(request, quotes)


QUOTES = [
    VenueQuote("a", [(D(100), D(3)), (D(101), D(9))], D(4), lot_size=TENTH, tick_size=TENTH),
    VenueQuote("b", [(D("100.5"), D(5))], D(2), lot_size=TENTH, tick_size=TENTH),
]


def restated(route: RoutePlan, legs: tuple[Leg, ...]) -> RoutePlan:
    """A worse plan whose fill, cost and gap are stated consistently."""
    filled = sum((leg.quantity for leg in legs), D(0))
    cost = sum((leg.expected_cost for leg in legs), D(0))
    bound = route.certificate.lower_bound
    certificate = replace(route.certificate, legs=legs, filled=filled, cost=cost, gap=cost - bound)
    return replace(route, legs=legs, filled=filled, cost=cost, certificate=certificate)


def test_a_dearer_split_cannot_hide_its_gap() -> None:
    request = RouteRequest("buy", D(6), D(100))
    route = plan(request, QUOTES)
    dearer = plan(request, QUOTES[:1]).legs
    worse = restated(route, dearer)
    assert worse.certificate.gap > 0
    assert not replace(worse, certificate=replace(worse.certificate, gap=D(0))).verify(request, QUOTES)


def test_filling_less_than_could_be_filled_does_not_verify() -> None:
    request = RouteRequest("buy", D(6), D(100))
    less = plan(replace(request, quantity=D(5)), QUOTES)
    assert less.verify(replace(request, quantity=D(5)), QUOTES)
    assert not replace(less, unfilled=D(1)).verify(request, QUOTES)


def test_filling_less_is_found_where_minimums_and_legs_decide_it() -> None:
    quotes = [
        replace(QUOTES[0], min_notional=D(400), max_quantity=D(5)),
        replace(QUOTES[1], min_notional=D(300), max_quantity=D(3)),
    ]
    request = RouteRequest("buy", D(6), D(100))
    route = plan(request, quotes)  # 4 + 3 exceeds 6, so one venue: 5 at most
    assert [(leg.venue, leg.quantity) for leg in route.legs] == [("a", D(5))]
    assert route.verify(request, quotes)
    only_b = plan(request, [quotes[1]])
    assert only_b.verify(request, [quotes[1]])
    assert not only_b.verify(request, quotes)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 50), st.sampled_from(["dual_price", "lower_bound", "used", "absent", "dropped"]), deltas)
def test_altered_leaves_do_not_verify(
    case: tuple[RouteRequest, list[VenueQuote]], number: int, kind: str, delta: Decimal
) -> None:
    request, quotes = case
    route = plan(request, quotes)
    leaves = list(route.certificate.leaves)
    number %= len(leaves)
    leaf = leaves.pop(number)
    if kind != "dropped":
        amount = getattr(leaf, kind)
        change = (*amount, "elsewhere") if isinstance(amount, tuple) else (amount or D(0)) + delta
        leaves.insert(number, replace(leaf, **{kind: change}))  # type: ignore[arg-type]
    assert not replace(route.certificate, leaves=tuple(leaves)).verify(request, quotes)


@pytest.mark.parametrize("shift", [D("0.1"), D("-0.1")])
def test_a_dual_price_between_two_levels_is_not_the_marginal_one(shift: Decimal) -> None:
    """At a full level any price up to the next one proves the same bound; only the marginal one is what is stated."""
    request = RouteRequest("buy", D(3), D(100))
    certificate = plan(request, QUOTES).certificate
    leaf = certificate.leaves[0]
    assert leaf.dual_price == D("0.04")
    altered = replace(certificate, leaves=(replace(leaf, dual_price=leaf.dual_price + shift),))
    assert not altered.verify(request, QUOTES)


def test_a_limit_on_legs_is_proved_leaf_by_leaf() -> None:
    request = RouteRequest("buy", D(6), D(100), max_legs=1)
    route = plan(request, QUOTES)
    assert route.certificate.gap == 0
    assert len(route.certificate.leaves) > 1
    free = plan(replace(request, max_legs=None), QUOTES)
    assert free.cost < route.cost
    assert not replace(route, certificate=free.certificate).verify(request, QUOTES)


spoilers: list[Callable[[VenueQuote], VenueQuote]] = [
    lambda quote: replace(quote, lot_size=D(4)),
    lambda quote: replace(quote, levels=[(D(100), D("2.9")), (D(101), D(9))]),
    lambda quote: replace(quote, levels=[]),
    lambda quote: replace(quote, levels=[(D(101), D(1)), (D(100), D(1))]),
]


@pytest.mark.parametrize("spoil", spoilers)
def test_other_books_do_not_verify(spoil: Callable[[VenueQuote], VenueQuote]) -> None:
    request = RouteRequest("buy", D(6), D(100))
    route = plan(request, QUOTES)
    assert not route.verify(request, [spoil(QUOTES[0]), QUOTES[1]])
