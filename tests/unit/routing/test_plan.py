"""Hand-worked routes: every figure here can be checked on paper."""

import doctest
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

import keeper.routing
from keeper.errors import PrimeError
from keeper.routing import RouteRequest, RoutingError, VenueQuote, plan

D = Decimal


def quote(venue: str, *levels: tuple[str, str], fee: str = "0", **terms: Decimal) -> VenueQuote:
    book = [(D(price), D(size)) for price, size in levels]
    return VenueQuote(venue, book, D(fee), **{"lot_size": D("0.1"), "tick_size": D("0.5"), **terms})


def buy(quantity: str, **limits: Decimal | int) -> RouteRequest:
    return RouteRequest("buy", D(quantity), D(100), **limits)  # type: ignore[arg-type]


def sell(quantity: str, **limits: Decimal | int) -> RouteRequest:
    return RouteRequest("sell", D(quantity), D(100), **limits)  # type: ignore[arg-type]


def split(request: RouteRequest, *quotes: VenueQuote) -> dict[str, Decimal]:
    """Quantity per venue; every plan of this file must also verify."""
    route = plan(request, quotes)
    assert route.certificate.verify(request, quotes)
    assert route.verify(request, quotes)
    assert route.filled + route.unfilled == request.quantity
    return {leg.venue: leg.quantity for leg in route.legs}


def test_the_cost_is_the_formula_and_the_certificate_is_tight() -> None:
    a = quote("a", ("100", "3"), ("101", "9"), fee="4")
    b = quote("b", ("100.5", "5"), fee="2", holding_cost_bps=D(3), risk_bps=D(1))
    request = buy("6")
    route = plan(request, [a, b])
    # a: 3·0 + 3·100·4 bps = 0.12; b: 3·0.5 + 3·100.5·2 bps + 3·100·4 bps = 1.6803
    assert [(leg.venue, leg.quantity, leg.limit_price, leg.expected_cost) for leg in route.legs] == [
        ("a", D(3), D(100), D("0.12")),
        ("b", D(3), D("100.5"), D("1.6803")),
    ]
    assert (route.filled, route.unfilled, route.cost) == (D(6), D(0), D("1.8003"))
    assert [(leaf.used, leaf.absent, leaf.dual_price) for leaf in route.certificate.leaves] == [((), (), D("0.5601"))]
    assert (route.certificate.lower_bound, route.certificate.gap) == (D("1.8003"), D(0))
    # alone, a costs 0.12 + 3·1 + 3·101·4 bps = 3.2412; b holds only 5
    assert route.best_single == ("a", D("3.2412"))
    assert route.price_improvement_bps == D("24.015")  # 1.4409 of 600 USD
    assert route.verify(request, [a, b])


def test_a_sell_takes_the_highest_bids() -> None:
    a = quote("a", ("100", "2"), ("98", "9"))
    b = quote("b", ("99", "2"), fee="10")
    request = sell("3")
    route = plan(request, [a, b])
    assert [(leg.venue, leg.quantity, leg.limit_price) for leg in route.legs] == [
        ("a", D(2), D(100)),
        ("b", D(1), D(99)),
    ]
    assert route.cost == D("1.099")
    assert route.verify(request, [a, b])


def test_income_from_holding_beats_a_better_price() -> None:
    worse = quote("worse", ("100.5", "5"), holding_cost_bps=D(-60))
    route = plan(buy("5"), [quote("better", ("100", "5")), worse])
    assert [(leg.venue, leg.expected_cost) for leg in route.legs] == [("worse", D("-0.5"))]
    assert route.best_single == ("worse", D("-0.5"))
    assert route.price_improvement_bps == 0


@pytest.mark.parametrize(
    ("limits", "filled"),
    [
        ({}, "9"),
        ({"limit_price": D(101)}, "6"),
        ({"max_slippage_bps": D(50)}, "3"),
        ({"limit_price": D(101), "max_slippage_bps": D(50)}, "3"),
        ({"limit_price": D("100.4"), "max_slippage_bps": D(200)}, "1"),
        ({"limit_price": D(99)}, "0"),
    ],
)
def test_limit_and_slippage_bound_every_fill(limits: dict[str, Decimal], filled: str) -> None:
    a = quote("a", ("100", "1"), ("101", "3"), ("102", "3"))
    b = quote("b", ("100.5", "2"))
    request = buy("9", **limits)
    route = plan(request, [a, b])
    assert (route.filled, route.unfilled) == (D(filled), D(9) - D(filled))
    assert route.verify(request, [a, b])


def test_nothing_within_the_limit_is_an_empty_plan() -> None:
    request = sell("5", limit_price=D(101))
    route = plan(request, [quote("a", ("100", "9")), quote("dry")])
    assert (route.legs, route.filled, route.unfilled, route.cost) == ((), D(0), D(5), D(0))
    assert (route.best_single, route.price_improvement_bps) == (None, None)
    assert [leaf.dual_price for leaf in route.certificate.leaves] == [None]
    assert (route.certificate.lower_bound, route.certificate.gap) == (D(0), D(0))
    assert route.verify(request, [quote("a", ("100", "9")), quote("dry")])


def test_a_fixed_cost_is_paid_once_and_decides_whether_a_venue_is_worth_it() -> None:
    a = quote("a", ("100", "5"), ("102", "9"))
    b = quote("b", ("101", "9"), fixed_cost=D("1.5"))
    assert split(buy("6"), a, b) == {"a": D(6)}  # one unit dearer by 1 is cheaper than 1.5
    route = plan(buy("7"), [a, b])  # two units dearer by 1 are not
    assert {leg.venue: leg.quantity for leg in route.legs} == {"a": D(5), "b": D(2)}
    alone = plan(buy("7"), [replace(b, fixed_cost=D(0))])
    assert plan(buy("7"), [b]).cost == alone.cost + D("1.5")
    assert route.cost == sum(leg.expected_cost for leg in route.legs)
    assert route.certificate.gap == 0
    assert route.verify(buy("7"), [a, b])


def test_a_sell_with_slippage_of_everything_has_no_bound() -> None:
    assert split(sell("5", max_slippage_bps=D(20_000)), quote("a", ("1", "9"))) == {"a": D(5)}


def test_caps_bound_a_leg_and_may_leave_a_rest() -> None:
    a = quote("a", ("100", "9"), max_quantity=D("2.19"))
    b = quote("b", ("101", "9"), max_quantity=D(3))
    assert split(buy("4"), a, b) == {"a": D("2.1"), "b": D("1.9")}
    route = plan(buy("9"), [a, b])
    assert (route.filled, route.unfilled, route.best_single) == (D("5.1"), D("3.9"), None)
    assert split(buy("9"), replace(a, max_quantity=D(0)), b) == {"b": D(3)}


def test_quantity_and_depth_are_cut_to_whole_lots() -> None:
    a = quote("a", ("100", "0.25"), ("101", "0.19"))
    request = buy("5.07")
    route = plan(request, [a])
    # 0.4 of 0.44: the third lot straddles the levels
    assert (route.filled, route.unfilled, route.cost) == (D("0.4"), D("4.67"), D("0.15"))
    assert abs(route.certificate.gap) < D("1e-30")
    assert split(buy("0.35"), a) == {"a": D("0.3")}


def test_a_level_off_tick_needs_the_next_tick_outward_and_the_limit_to_allow_it() -> None:
    a = quote("a", ("100.2", "1"))
    assert plan(buy("1"), [a]).legs[0].limit_price == D("100.5")
    assert split(buy("1", limit_price=D("100.4")), a) == {}
    assert plan(sell("1"), [a]).legs[0].limit_price == D(100)
    assert split(sell("1", limit_price=D("100.1")), a) == {}


def test_max_legs_takes_the_best_set_not_the_best_prices() -> None:
    quotes = [
        quote("top1", ("100", "1"), ("109", "9")),
        quote("top2", ("100", "1"), ("109", "9")),
        quote("deep", ("101", "9")),
    ]
    assert split(buy("6"), *quotes) == {"top1": D(1), "top2": D(1), "deep": D(4)}
    assert split(buy("6", max_legs=2), *quotes) == {"top1": D(1), "deep": D(5)}
    assert split(buy("6", max_legs=1), *quotes) == {"deep": D(6)}


def test_max_legs_fills_the_most_first() -> None:
    quotes = [quote("cheap", ("90", "2")), quote("dear", ("120", "3")), quote("middle", ("100", "1"))]
    assert split(buy("9", max_legs=1), *quotes) == {"dear": D(3)}
    assert split(buy("9", max_legs=2), *quotes) == {"cheap": D(2), "dear": D(3)}


def test_a_leg_below_the_minimum_notional_is_raised_or_dropped() -> None:
    cheap = quote("cheap", ("100", "9"), max_quantity=D("4.9"))
    picky = quote("picky", ("101", "9"), min_notional=D(100))
    # 0.1 is left for picky, which wants 1: 4 + 1 costs 1, all that 5 can cost at least
    assert split(buy("5"), cheap, picky) == {"cheap": D(4), "picky": D(1)}
    # a third venue fills the 0.1 for 0.3
    assert split(buy("5"), cheap, picky, quote("third", ("103", "9"))) == {"cheap": D("4.9"), "third": D("0.1")}
    assert split(buy("0.9"), picky) == {}
    assert split(buy("5"), picky, replace(cheap, min_notional=D(500))) == {"picky": D(5)}


def test_the_minimum_notional_is_rounded_up_to_a_lot_and_reached_exactly() -> None:
    assert split(buy("1"), quote("a", ("120", "9"), min_notional=D(100))) == {"a": D(1)}
    assert split(buy("1"), quote("a", ("120", "9"), min_notional=D("100.01"))) == {}


def test_nested_lots_fill_the_gap_with_the_fine_one() -> None:
    coarse = quote("coarse", ("100", "50"), lot_size=D(10))
    fine = quote("fine", ("99", "8"), ("110", "50"), lot_size=D(1))
    # the cheapest 8 fine units would leave 7, no whole coarse lot: 10 + 5 fills all
    assert split(buy("15"), fine, coarse) == {"fine": D(5), "coarse": D(10)}
    assert split(buy("18"), fine, coarse) == {"fine": D(8), "coarse": D(10)}


def test_lots_that_do_not_nest_give_a_feasible_plan_in_common_multiples() -> None:
    two = quote("two", ("101", "20"), lot_size=D("0.2"))
    three = quote("three", ("100", "20"), lot_size=D("0.3"))
    assert split(buy("2"), two, three) == {"two": D("0.2"), "three": D("1.8")}


def test_equal_input_gives_an_equal_plan_and_ties_go_to_the_first_quote() -> None:
    quotes = [quote(name, ("100", "9")) for name in "cab"]
    assert split(buy("5"), *quotes) == {"c": D(5)}
    assert plan(buy("5"), quotes) == plan(buy("5"), quotes)


def test_whole_numbers_may_be_ints() -> None:
    a = VenueQuote("a", [(100, 3), (101, 4)], 1, lot_size=1, tick_size=1)  # type: ignore[list-item, arg-type]
    request = RouteRequest("buy", 5, 100)  # type: ignore[arg-type]
    route = plan(request, [a])
    assert (route.filled, route.cost) == (D(5), D("2.0502"))
    assert isinstance(route.legs[0].quantity, Decimal)
    assert isinstance(route.legs[0].limit_price, Decimal)
    assert route.verify(request, [a])


def change(**terms: object) -> Callable[[RouteRequest, VenueQuote], tuple[RouteRequest, list[VenueQuote]]]:
    return lambda request, quote: (request, [replace(quote, **terms)])  # type: ignore[arg-type]


def ask(**terms: object) -> Callable[[RouteRequest, VenueQuote], tuple[RouteRequest, list[VenueQuote]]]:
    return lambda request, quote: (replace(request, **terms), [quote])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "field", "spoil"),
    [
        ("no_quotes", "quotes", lambda request, _: (request, [])),
        ("duplicate_venue", "venue", lambda request, quote: (request, [quote, quote])),
        ("bad_side", "side", ask(side="long")),
        ("not_positive", "quantity", ask(quantity=D(0))),
        ("not_positive", "quantity", ask(quantity=D(-1))),
        ("not_finite", "quantity", ask(quantity=D("NaN"))),
        ("not_decimal", "quantity", ask(quantity=0.1)),
        ("not_decimal", "quantity", ask(quantity="1")),
        ("not_decimal", "quantity", ask(quantity=True)),
        ("quantity_below_lot", "quantity", ask(quantity=D("0.09"))),
        ("not_positive", "reference_price", ask(reference_price=D(0))),
        ("contradictory_limits", "limit_price", ask(limit_price=D(0))),
        ("contradictory_limits", "max_slippage_bps", ask(max_slippage_bps=D(-1))),
        ("contradictory_limits", "max_legs", ask(max_legs=0)),
        ("contradictory_limits", "max_legs", ask(max_legs=D("1.5"))),
        ("contradictory_limits", "a.max_quantity", change(max_quantity=D(-1))),
        ("contradictory_limits", "a.min_notional", change(min_notional=D(-1))),
        ("bad_fee", "a.taker_fee_bps", change(taker_fee_bps=D(10_000))),
        ("not_finite", "a.holding_cost_bps", change(holding_cost_bps=D("Infinity"))),
        ("not_finite", "a.risk_bps", change(risk_bps=D("sNaN"))),
        ("contradictory_limits", "a.fixed_cost", change(fixed_cost=D("-0.01"))),
        ("not_positive", "a.lot_size", change(lot_size=D(0))),
        ("not_positive", "a.tick_size", change(tick_size=D(0))),
        ("unsorted_levels", "a.levels", change(levels=[(D(101), D(1)), (D(100), D(1))])),
        ("not_positive", "a.levels", change(levels=[(D(0), D(1))])),
        ("not_positive", "a.levels", change(levels=[(D(100), D(-1))])),
        ("not_finite", "a.levels", change(levels=[(D("NaN"), D(1))])),
        ("not_finite", "a.levels", change(levels=[(D(100), D("Infinity"))])),
        ("not_decimal", "a.levels", change(levels=[(100.0, D(1))])),
        ("too_many_digits", "quotes", change(levels=[(D("1e200"), D("1e-200"))])),
    ],
)
def test_bad_input_is_refused_by_code_and_field(
    code: str, field: str, spoil: Callable[[RouteRequest, VenueQuote], tuple[RouteRequest, list[VenueQuote]]]
) -> None:
    good = buy("1"), quote("a", ("100", "9"))
    route = plan(good[0], [good[1]])
    request, quotes = spoil(*good)
    with pytest.raises(RoutingError) as refused:
        plan(request, quotes)
    assert isinstance(refused.value, PrimeError)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not route.certificate.verify(request, quotes)


def test_falling_prices_are_refused_for_a_buy_and_rising_ones_for_a_sell() -> None:
    rising, falling = quote("a", ("100", "1"), ("101", "1")), quote("a", ("101", "1"), ("100", "1"))
    assert split(buy("2"), rising) == split(sell("2"), falling) == {"a": D(2)}
    with pytest.raises(RoutingError, match="falling"):
        plan(sell("1"), [rising])


def test_a_search_over_too_many_venues_is_refused() -> None:
    quotes = [
        quote(f"v{n}", ("100", "1.05"), ("101", f"{n + 5}"), max_quantity=D(2), fee=f"0.{n:02}") for n in range(24)
    ]
    with pytest.raises(RoutingError) as refused:
        plan(buy("24", max_legs=12), quotes)
    assert refused.value.code == "search_too_large"


def test_the_example_in_the_documentation_runs() -> None:
    outcome = doctest.testmod(keeper.routing)
    assert outcome.attempted > 0
    assert outcome.failed == 0
