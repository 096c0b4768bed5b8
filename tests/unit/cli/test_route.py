"""`prime route` explains a decision: its terms add up to the plan's cost, its chart to the depth."""

from decimal import Decimal

import pytest
from rich.console import Console

from keeper.api.views import RouteView
from keeper.cli.depth import ROWS, Venue, depth_chart
from keeper.cli.route import BPS, cost_of, explained
from keeper.errors import InputError
from keeper.execution.decision import decision_record
from keeper.execution.preview import RouteWish
from keeper.routing import RouteRequest, VenueQuote, plan
from keeper.routing.costs import CostedQuote, CostTerms, charge

D = Decimal


def quotes(sign: int) -> list[CostedQuote]:
    a = [(D(100) + sign * D("0.1") * step, D(2)) for step in range(6)]
    b = [(D(100) + sign * D("0.25") * step, D(5)) for step in range(4)]
    terms = {
        "a": CostTerms(taker_bps=D("4.5"), exit_bps=D("4.5"), funding_bps=D(-6), margin_bps=D("0.01"), settlements=8),
        "b": CostTerms(taker_bps=D(2), risk_bps=D("0.5"), impact_bps=D("0.2"), gas_usd=D("0.1"), bridge_usd=D("0.2")),
    }
    return [
        charge(VenueQuote(name, levels, D(0), lot_size=D("0.1"), tick_size=D("0.01")), terms[name])
        for name, levels in (("a", a), ("b", b))
    ]


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_the_terms_of_each_leg_add_up_to_its_cost(side: str, sign: int) -> None:
    request = RouteRequest(side, D(14), D(100), max_slippage_bps=D(80))  # type: ignore[arg-type]
    decision = decision_record(request, quotes(sign), plan(request, quotes(sign)))
    by_name = {quote["venue"]: quote for quote in decision["quotes"]}
    assert len(decision["plan"]["legs"]) == 2
    for leg in decision["plan"]["legs"]:
        size = D(leg["quantity"])
        cost = cost_of(by_name[leg["venue"]], size, D(100), sign)
        assert abs(cost.total * size * 100 / BPS - D(leg["expected_cost"])) < D("1e-20")


def test_the_explanation_names_venues_costs_proof_and_what_is_left_over() -> None:
    request = RouteRequest("buy", D(40), D(100), max_slippage_bps=D(80))
    view = RouteView(
        instrument="ETH-PERP",
        names={"a": "alpha", "b": "beta"},
        decision=decision_record(request, quotes(1), plan(request, quotes(1))),
    )
    console = Console(width=132)
    with console.capture() as capture:
        console.print(explained(view))
    text = capture.get()
    for part in (
        "buy 40 ETH-PERP",
        "alpha",
        "beta",
        "8 settlement(s) crossed",
        "No single venue could fill as much.",
        "gap 0",
        "8 cannot be had",
    ):
        assert part in text, part


def test_the_chart_shows_all_depth_once_solid_where_taken() -> None:
    venue = Venue("a", "cyan", [(D(100), D(3)), (D("100.05"), D(3)), (D("100.11"), D(4))], taken=D(5))
    table = depth_chart([venue], D(100), 1)
    bars = [str(cell) for cell in table.columns[1].cells]
    amounts = [D(str(cell)) for cell in table.columns[2].cells]
    assert (len(bars), sum(amounts)) == (ROWS, D(10))
    assert "░" not in bars[0]
    assert "".join(bars).index("░") < len("".join(bars))
    assert "█" not in bars[-1]


def test_the_chart_of_nothing_is_empty() -> None:
    table = depth_chart([Venue("a", "cyan", [], D(0))], D(100), 1)
    assert {str(cell) for cell in table.columns[1].cells} == {""}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"quantity": D(0)}, "quantity"),
        ({"quantity": D("0.123456789")}, "quantity"),
        ({"quantity": D("NaN")}, "quantity"),
        ({"quantity": D("1e30")}, "quantity"),
        ({"limit_price": D(-1)}, "limit_price"),
    ],
)
def test_a_wish_that_fits_no_order_is_refused_by_field(fields: dict[str, Decimal], field: str) -> None:
    wish = RouteWish(**({"instrument": "BTC-PERP", "side": "buy", "quantity": D(1)} | fields))  # type: ignore[arg-type]
    with pytest.raises(InputError) as refusal:
        wish.order()
    assert refusal.value.field == field


def test_a_wish_for_something_else_than_a_perpetual_is_refused() -> None:
    with pytest.raises(InputError, match="not a perpetual's name"):
        _ = RouteWish(instrument="BTC", side="buy", quantity=D(1)).coin
