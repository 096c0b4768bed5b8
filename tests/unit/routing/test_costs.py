"""Each cost term reaches the router as it should, and can be read off the decision."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.execution.decision import decision_record
from keeper.routing import RouteRequest, RoutingError, VenueQuote, plan
from keeper.routing.costs import CostedQuote, CostTerms, RiskScale, VenueRisk, charge, margin_cost_bps

D = Decimal
TERMS = CostTerms(
    taker_bps=D("4.5"),
    exit_bps=D("4.5"),
    funding_bps=D("-2.1"),
    margin_bps=D("0.3"),
    risk_bps=D(1),
    impact_bps=D("0.25"),
    gas_usd=D("0.02"),
    bridge_usd=D("0.5"),
    withdrawal_usd=D(1),
    settlements=8,
    funding_method="decay to the mean",
    risk_version="2026-11",
)


def quote(**changes: object) -> VenueQuote:
    fields = {"venue": "a", "levels": [(D(100), D(5))], "taker_fee_bps": D(9), "lot_size": D(1), "tick_size": D(1)}
    return VenueQuote(**(fields | changes))  # type: ignore[arg-type]


def test_a_charged_quote_costs_all_its_terms() -> None:
    charged = charge(quote(), TERMS)
    route = plan(RouteRequest("buy", D(2), D(100)), [charged])
    bps = TERMS.taker_bps + TERMS.exit_bps + TERMS.funding_bps + TERMS.margin_bps + TERMS.risk_bps + TERMS.impact_bps
    assert route.cost == 200 * bps / 10_000 + D("1.52")
    assert route.verify(RouteRequest("buy", D(2), D(100)), [charged])


def test_every_term_is_in_the_decision_record() -> None:
    request, charged = RouteRequest("buy", D(2), D(100)), [charge(quote(), TERMS)]
    record = decision_record(request, charged, plan(request, charged))
    terms = record["quotes"][0]["terms"]
    assert terms["funding_bps"] == "-2.1"
    assert terms["withdrawal_usd"] == "1"
    assert (terms["settlements"], terms["risk_version"]) == (8, "2026-11")


@given(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))
def test_a_cap_is_only_ever_lowered(before: int | None, cap: int | None) -> None:
    charged = charge(quote(max_quantity=before), TERMS, None if cap is None else D(cap))
    known = [value for value in (before, cap) if value is not None]
    assert charged.max_quantity == min(known, default=None)
    assert isinstance(charged, CostedQuote)


def test_a_costly_fee_loses_to_cheap_funding_beyond_the_predicted_horizon() -> None:
    """Venue a: 2 bps fee, 0.5 bps an hour; b: 6 and 0.1 bps. Equal at H* = (6 − 2) / (0.5 − 0.1) = 10 hours."""
    for hours, best in ((9, "a"), (11, "b")):
        quotes = [
            charge(quote(venue="a"), CostTerms(taker_bps=D(2), funding_bps=D("0.5") * hours)),
            charge(quote(venue="b"), CostTerms(taker_bps=D(6), funding_bps=D("0.1") * hours)),
        ]
        assert [leg.venue for leg in plan(RouteRequest("buy", D(1), D(100)), quotes).legs] == [best]


def test_margin_costs_its_rate_over_the_time() -> None:
    assert margin_cost_bps(D("0.05"), D("0.025"), 8_760) == D("12.5")
    assert margin_cost_bps(D("0.05"), D("0.025"), 8) == D("0.0115")  # 0.01142 up to the grain
    assert margin_cost_bps(D("0.05"), D("0.025"), 0) == 0


def test_trust_is_charged_in_proportion_and_ends_in_a_cap() -> None:
    scale = RiskScale(worst_bps=D(8), least_score=D("0.5"))
    middling = VenueRisk(version="1", security=D("0.5"), audits=D(1), reliability=D("0.8"), cap_usd=D(50_000))
    assert middling.score == D("0.7")
    assert scale.charge_bps(middling) == D("2.4")
    assert scale.cap(middling, D(100)) == 500
    distrusted = VenueRisk(version="1", security=D("0.1"), audits=D(1), reliability=D("0.6"))
    assert scale.cap(distrusted, D(100)) == 0
    sound = VenueRisk(version="1", security=D(1), audits=D(1), reliability=D(1))
    assert scale.charge_bps(sound) == 0
    assert scale.cap(sound, D(100)) is None


@pytest.mark.parametrize("field", ["security", "audits", "reliability", "cap_usd"])
def test_a_score_or_cap_out_of_range_is_refused_by_name(field: str) -> None:
    scores = {"security": D(1), "audits": D(1), "reliability": D(1)} | {field: D(-1)}
    with pytest.raises(RoutingError) as refusal:
        VenueRisk(version="1", **scores)
    assert refusal.value.field == field
