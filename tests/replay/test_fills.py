"""1,000 recorded mainnet blocks of fills through our own formulas: what agrees to 1e-6, and why the rest cannot."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.risk.fills import Holding, after_fill, closed_pnl, implied_entry, printed_entry
from tools.replay_fills import main, rates_of

D = Decimal

COUNTS = {
    # every trade: one price, opposite sizes, one maker and one taker
    "trade of two legs: agree": 3641,
    # every link of a chain; the node prints some positions as binary floats, such as 3135809.4000000001
    "start position (perp): agree": 4919,
    "start position (perp): of which printed as a binary float": 41,
    "start position (spot): agree": 371,
    "start position (spot): of which printed as a binary float": 13,
    # every fee
    "fee (perp): agree": 6393,
    "fee (perp): takers charged nothing (two accounts; no tier does that)": 215,
    "fee (builder): agree": 158,
    "fee (spot): agree": 516,
    # every closedPnl whose entry the recording tells, but two: 2.6567 cut to 2.65669 and 365.92 to 365.9199
    "closedPnl (learnt from the close before): agree": 2109,
    "closedPnl (opened in sight): agree": 219,
    "closedPnl (opened in sight): differ": 2,
    "closedPnl (opened in sight): of which a binary float cut one step lower": 2,
    # positions opened before the recording begins, or added to where only the cut average is known
    "closedPnl: entry not in sight (first close of an older position)": 1117,
}


def test_recorded_fills_replay(capsys: pytest.CaptureFixture[str]) -> None:
    result = main([])
    assert result["fills"] == 7282
    assert result["counts"] == COUNTS
    assert result["misses"] == COUNTS["closedPnl (opened in sight): differ"]
    printed = capsys.readouterr().out
    assert "  4919 start position (perp): agree" in printed
    assert "1.577000 expected" in printed


def test_the_schedule_is_the_card_s() -> None:
    takers, makers, builders = (rates_of("perp", True), rates_of("perp", False), rates_of("builder", True))
    assert {D("4.5"), D("4.32"), D("1.44"), D("2.4")} <= takers
    assert {D("-0.3"), D("1.5"), D(0)} <= makers
    assert D("4.4") not in takers
    assert D("8.64") in builders
    assert D("0.48") in builders


def test_a_position_s_life() -> None:
    holding = after_fill(Holding(), D("0.3"), D("100"))
    holding = after_fill(holding, D("0.6"), D("101"))
    assert printed_entry(holding.entry or D(0), 5) == D("100.6")
    assert closed_pnl(holding, D("0.1"), D(102), 5) == 0
    assert closed_pnl(holding, D("-0.5"), D(102), 5) == D("0.5") * (D(102) - D("100.6"))
    flipped = after_fill(holding, D(-1), D(102))
    assert (flipped.size, flipped.entry) == (D("-0.1"), D(102))
    assert closed_pnl(flipped, D("0.1"), D(103), 5) == D("-0.1")
    assert after_fill(flipped, D("0.1"), D(103)) == Holding()


def test_an_entry_out_of_sight_is_not_made_up() -> None:
    old = Holding(D(5))
    assert closed_pnl(old, D(-1), D(10), 2) is None
    assert after_fill(old, D(1), D(10)) == Holding(D(6))
    assert after_fill(old, D(-1), D(10)) == Holding(D(4))
    assert implied_entry(old, D(-2), D("9.5"), D("1.4"), 2) == D("8.8")


@given(
    size=st.decimals(D("0.01"), 1000, places=2),
    entry=st.decimals(1, 1000, places=4),
    price=st.decimals(1, 1000, places=4),
    short=st.booleans(),
)
def test_a_close_tells_the_entry_of_the_next(size: Decimal, entry: Decimal, price: Decimal, short: bool) -> None:
    signed = -size if short else size
    holding = Holding(signed, entry)
    pnl = closed_pnl(holding, -signed, price, 2)
    assert pnl is not None
    assert implied_entry(holding, -signed, price, round(pnl, 6), 2) == entry
