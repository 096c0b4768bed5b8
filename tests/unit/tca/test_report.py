"""Reports say what happened, worse than planned included, and None where nothing was measured."""

from decimal import Decimal

import pytest

from keeper.model.events import Event, RouteDecided
from keeper.model.instruments import Side
from keeper.tca import TcaJournal, impact_samples, order_report, summary
from tests.unit.tca.conftest import DIGEST, T0, accepted, closed, decision, fill, leg, story, trail

D = Decimal


def test_an_order_filled_as_planned_saved_what_was_planned() -> None:
    """2 at 1000.5 and 2 at 1001; b alone: 4 at 1001. Fees of 5 bps are 1.0005 and 1.001 USD."""
    events = story()
    events[4], events[5] = fill("a", "1000.5", "2", fee=1_000_500), fill("b", "1001", "2", fee=1_001_000)
    report = order_report(trail(events))
    assert report.filled == 4
    assert report.improvement_ex_ante_bps == report.improvement_ex_post_bps == D("2.5012")  # 2.50125, to the even digit
    assert report.cost_bps == report.planned_cost_bps == D("12.7538")
    assert report.best_single_cost_bps == D("15.255")


def test_an_order_filled_worse_than_one_venue_would_have_says_so() -> None:
    report = order_report(trail(story(price_a="1003", price_b="1004")))
    assert report.improvement_ex_post_bps is not None
    assert report.improvement_ex_post_bps < -20
    assert report.improvement_ex_ante_bps == D("2.5012")
    assert summary([report]).worse_than_single_venue == 1


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_spreads_and_markouts_are_against_each_fill_s_own_venue(side: Side, sign: int) -> None:
    price = "1001" if side == "buy" else "999"
    report = order_report(trail(story(side, price, price)))
    assert report.effective_spread_bps == 20
    assert report.quoted_spread_bps == 10
    assert report.realised_spread_bps[1_000] == (-20 if side == "buy" else 60)  # the mid rose from 1000 to 1002
    assert report.markout_bps[50] is None
    assert report.markout_bps[60_000] is None
    after = report.markout_bps[10_000]
    assert after is not None
    assert after * sign > 0


def test_the_shortfall_counts_delay_trading_what_was_missed_and_fees() -> None:
    events = story()
    del events[5]  # the fill at b
    report = order_report(trail(events))
    assert report.delay_bps == 0
    assert report.trading_bps == D("2.5")  # 2 × 0.5 over 4 × 1000
    assert report.opportunity_bps == 5  # 2 left, mid 1 higher
    assert report.fees_bps == D("2.5")
    assert report.shortfall_bps == 10


def test_what_no_single_venue_could_fill_has_no_improvement() -> None:
    events = story()
    events[1] = RouteDecided(digest=DIGEST, at_ms=T0 + 10, decision=decision(quantity="6", deep="3"))
    events[4], events[5] = fill("a", "1000.5", "3"), fill("b", "1001", "3")
    report = order_report(trail(events))
    assert report.improvement_ex_ante_bps is None
    assert report.improvement_ex_post_bps is None
    assert report.cost_bps is not None
    total = summary([report, order_report(trail(story()))])
    assert total.without_single_venue == 1
    assert total.measured["improvement_ex_post_bps"] == 1


def test_an_order_without_looks_or_fills_has_no_measures() -> None:
    report = order_report(trail([accepted(), closed("unfilled", "0")]))
    values = (report.shortfall_bps, report.effective_spread_bps, report.cost_bps, report.improvement_ex_post_bps)
    assert values == (None,) * 4
    assert set(report.markout_bps.values()) == {None}
    assert (summary([report]).fill_ratio, summary([]).shortfall_bps) == (None, None)


def test_a_summary_weighs_by_notional() -> None:
    cheap, dear = order_report(trail(story())), order_report(trail(story(price_a="1002", price_b="1002")))
    total = summary([cheap, dear])
    assert total.cost_bps is not None
    assert cheap.cost_bps is not None
    assert dear.cost_bps is not None
    assert cheap.cost_bps < total.cost_bps < dear.cost_bps
    assert total.fill_ratio == 1
    assert total.orders == total.filled_orders == 2


def test_impact_samples_compare_fills_with_the_book_they_were_planned_on() -> None:
    found = impact_samples([trail(story(price_a="1001.5"))])
    assert [(one.venue, one.expected_bps, one.realised_bps) for one in found] == [
        ("a", D(5), D(15)),
        ("b", D(10), D(10)),
    ]
    assert found[0].participation == D("0.4")


def test_a_fill_of_nobody_s_leg_is_passed_over() -> None:
    journal = TcaJournal()
    for event in (accepted(), fill("a", "1000", "1"), leg("a")):
        journal.apply(event)
    assert journal.trails[DIGEST].fills == []


def test_an_order_that_only_rested_is_measured_without_a_decision() -> None:
    events: list[Event] = [event for event in story() if not isinstance(event, RouteDecided)]
    report = order_report(trail(events))
    assert (report.filled, report.decisions) == (D(4), 0)
    assert report.shortfall_bps is not None
    assert report.cost_bps is None
    assert report.improvement_ex_post_bps is None
