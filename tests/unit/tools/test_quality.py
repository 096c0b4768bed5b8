"""The recorded books are what was recorded; the comparison on them counts as it says."""

import json
from decimal import Decimal
from itertools import islice, pairwise

import pytest

from keeper.model.funding import HOUR_MS
from tools.quality import page
from tools.quality.books import looks
from tools.quality.bootstrap import block_bootstrap
from tools.quality.carry import HORIZONS, Known, Series, choices, recorded
from tools.quality.carry import table as carry_table
from tools.quality.picture import picture
from tools.quality.routes import FEES_BPS, PEERS, Walk, replay, table

D = Decimal


def test_recorded_books_are_whole_and_not_crossed() -> None:
    first = list(islice(looks(), 30))
    assert {b.at_ns - a.at_ns for a, b in pairwise(first)} == {300_000_000}
    for look in first:
        for venue, bids in look.bids.items():
            asks = look.asks[venue]
            assert bids[0][0] < asks[0][0], venue
            assert all(a[0] > b[0] for a, b in pairwise(bids))
            assert all(a[0] < b[0] for a, b in pairwise(asks))
            assert min(sum(size for _, size in side) for side in (bids, asks)) > 119, "an order of 100 BTC fits"
            assert abs(look.mid(venue) / look.mid("usdm") - 1) < D("0.002"), "the same coin at the same time"


def test_a_walk_costs_what_its_levels_say() -> None:
    walk = Walk.of([(D(101), D(1)), (D(103), D(2))], "buy", D(100), D(100))
    assert walk.cost(0) == 0
    assert walk.cost(1) == pytest.approx(1 + 1.01)
    assert walk.cost(2.5) == pytest.approx(1 + 1.01 + 1.5 * (3 + 1.03))
    assert walk.cost(3.1) is None
    sell = Walk.of([(D(99), D(1))], "sell", D(100), D(100))
    assert sell.cost(1) == pytest.approx(1 + 0.99)


def test_an_interval_widens_when_neighbours_are_alike() -> None:
    values = [float(number // 10) for number in range(100)]
    alone = block_bootstrap(values, range(100))
    together = block_bootstrap(values, [number // 10 for number in range(100)])
    assert alone.mean == together.mean == 4.5
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert block_bootstrap([3.0, 3.0], [1, 2]).plain() == [3.0, 3.0, 3.0]
    with pytest.raises(ValueError, match="no values"):
        block_bootstrap([], [])


def test_the_plan_is_never_beaten_on_the_books_it_saw() -> None:
    """`replay` asserts it order by order; here on a few looks."""
    recorded = list(islice(looks(), 260))
    samples = replay(recorded, FEES_BPS["base tier"], without_basis=True, every=20, sizes=(D("0.5"), D(25)))
    rows = table(samples)
    assert rows.keys() == {"0.5", "25"}
    for row in rows.values():
        assert row["orders"] == 4
        for peer in PEERS:
            low = row[peer]["at_once"][1]
            assert low >= -1e-6
            assert row[peer]["not_filled"] == 0
    assert rows["25"]["best single venue"]["at_once"][0] > rows["0.5"]["best single venue"]["at_once"][0]


def made(rates: str, hours: int, first_ms: int = 0) -> Series:
    count = len(rates.split())
    packed = {
        "first_ms": first_ms,
        "hours": [[hours, count]],
        "step": [[0, 1], [hours, count - 1]],
        "rate": [int(rate) * 10**6 for rate in rates.split()],  # basis points
    }
    return Series.of(packed)


def test_a_holding_pays_the_settlements_it_crosses() -> None:
    series = made("1 2 4 8", 8)
    assert series.times == [0, 8 * HOUR_MS, 16 * HOUR_MS, 24 * HOUR_MS]
    assert series.cost_bps("buy", 0, 16 * HOUR_MS) == pytest.approx(6)
    assert series.cost_bps("sell", 1, 8 * HOUR_MS - 1) == 0
    assert series.settled[1].per_hour == D("0.000025")


def test_a_choice_knows_nothing_that_comes_after_it() -> None:
    calm, wild = made("1 " * 60 + "1 " * 60, 1), made("1 " * 60 + "99 " * 60, 1)
    now = 59 * HOUR_MS + HOUR_MS // 2
    one, other = Known.at(calm, now), Known.at(wild, now)
    assert one == other
    assert one.next_ms == 60 * HOUR_MS
    assert one.interval_hours == 1


def test_choosing_with_hindsight_is_never_worse_and_fee_alone_saves_nothing_on_itself() -> None:
    found = list(choices(recorded("SOL"), 80))
    assert found
    for one in found:
        assert one.saved["hindsight"] >= max(one.saved.values()) - 1e-9
        assert one.saved["hindsight"] >= 0
        if not one.moved:
            assert one.saved["all-in"] == 0
    rows = carry_table(found)
    assert rows.keys() == HORIZONS.keys()
    assert rows["30 d"]["saved"]["hindsight"][0] >= rows["30 d"]["saved"]["all-in"][0]


def test_the_page_says_what_the_results_say() -> None:
    results = json.loads(page.RESULTS.read_text())
    assert page.PAGE.read_text() == page.page(results), "run: python -m tools.quality.page"
    assert page.PICTURE.read_text() == picture(results), "run: python -m tools.quality.page"
    for case in page.CASES:
        assert results["routes"][case]["orders"] >= 10_000


def test_an_interval_is_printed_with_its_sign() -> None:
    assert page.interval([0.123, -0.001, 0.2]) == "0.12 [0.00, 0.20]"
    assert page.interval([-1.5, -2, -1], 1) == "-1.5 [-2.0, -1.0]"
