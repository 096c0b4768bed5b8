"""Margin tiers, liquidation prices, deleveraging ranks: golden vectors, identities, bisection on the full equity."""

import json
import lzma
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keeper.errors import InputError
from keeper.risk.adl import Candidate, hyperliquid_score, lights, profit_leverage_score, ranking
from keeper.risk.liquidation import (
    bankruptcy_price,
    bracket_liquidation_price,
    liquidation_price,
    liquidation_price_from_equity,
    liquidation_price_from_mark,
)
from keeper.risk.position import unrealized_pnl
from keeper.risk.tiers import MarginTable, MarginTier

D = Decimal

BINANCE_BTC = MarginTable(
    MarginTier(D(floor), D(rate), D(leverage))
    for floor, rate, leverage in ((0, "0.004", 125), (50_000, "0.005", 100), (600_000, "0.0065", 75))
)
"""BTCUSDT's first three brackets of 2024-10."""

HYPERLIQUID_BTC = MarginTable.of_leverages([(D(0), D(40)), (D(150_000_000), D(20))])


def test_the_deduction_is_the_venue_s_own_and_the_margin_is_continuous() -> None:
    assert [BINANCE_BTC.deduction(D(n)) for n in (0, 49_999, 50_000, 600_000)] == [0, 0, 50, 950]
    for table in (BINANCE_BTC, HYPERLIQUID_BTC):
        for before, tier in zip(table.tiers, table.tiers[1:], strict=False):
            at = table.maintenance(tier.floor)
            assert at == tier.floor * before.rate - table.deduction(before.floor)


def test_hyperliquid_s_maintenance_is_half_of_the_smallest_initial_margin() -> None:
    # recorded on mainnet: 377,667 USD of BTC at 40x maximum need 4,720.84
    assert round(HYPERLIQUID_BTC.maintenance(D(377_667)), 2) == D("4720.84")
    assert HYPERLIQUID_BTC.maintenance(D(150_000_000)) == 1_875_000
    assert HYPERLIQUID_BTC.maintenance(D(250_000_000)) == 1_875_000 + 2_500_000


def test_every_bracket_that_binance_published_has_our_deduction() -> None:
    path = Path(__file__).parents[2] / "data" / "margin" / "binance.json.xz"
    symbols = json.loads(lzma.decompress(path.read_bytes()))["symbols"]
    checked = 0
    for symbol, tiers in symbols.items():
        table = MarginTable(MarginTier(D(floor), D(rate), D(leverage)) for floor, rate, leverage, _ in tiers)
        for floor, _, _, cum in tiers:
            assert table.deduction(D(floor)) == D(cum), (symbol, floor)
            checked += 1
    assert (len(symbols), checked) == (349, 2805)


@given(a=st.decimals(0, 10**7, places=2), b=st.decimals(0, 10**7, places=2))
def test_more_notional_never_needs_less(a: Decimal, b: Decimal) -> None:
    low, high = sorted((a, b))
    assert BINANCE_BTC.maintenance(low) <= BINANCE_BTC.maintenance(high)
    assert BINANCE_BTC.max_leverage(low) >= BINANCE_BTC.max_leverage(high)


def test_twenty_times_leverage_is_five_per_cent() -> None:
    assert BINANCE_BTC.initial(D(10_000), D(20)) == 500
    with pytest.raises(InputError, match="125 is not within 0 and 100"):
        BINANCE_BTC.initial(D(50_000), D(125))
    with pytest.raises(InputError, match="start at a notional of 0"):
        MarginTable([MarginTier(D(1), D(1), D(1))])
    with pytest.raises(InputError, match="does not rise above"):
        MarginTable([MarginTier(D(0), D(1), D(1)), MarginTier(D(5), D("0.5"), D(1))])
    with pytest.raises(InputError, match="notional: must not be negative"):
        BINANCE_BTC.maintenance(D(-1))


@pytest.mark.parametrize(
    ("maintenance", "pnl", "cum", "size", "entry", "rate", "price"),
    [
        ("71200.81144", "-56354.57", "135365", "3683.979", "1456.84", "0.1", "1153.26"),
        ("356512.508", "-448192.89", "16300", "109.488", "32481.98", "0.025", "26316.89"),
    ],
)
def test_binance_s_two_worked_examples(
    maintenance: str, pnl: str, cum: str, size: str, entry: str, rate: str, price: str
) -> None:
    """Two positions of one cross account with a wallet of 1,535,443.01 USDT."""
    collateral = D("1535443.01") - D(maintenance) + D(pnl)
    assert round(bracket_liquidation_price(D(size), D(entry), collateral, D(rate), D(cum)), 2) == D(price)


def test_the_isolated_position_that_hyperliquid_recorded() -> None:
    """2 HYPE at 37.829 with 10x: raw −68.126246, maximum leverage 10, liquidation at 35.8559189474."""
    rate = D(1) / 20
    margin = D("-68.126246") + D("75.652")
    available = margin - D("75.652") * rate
    price = liquidation_price_from_mark(D(2), D("37.826"), available, rate)
    assert round(price, 10) == D("35.8559189474")


SIZES = st.decimals(D("-500"), D("500"), places=3).filter(lambda size: abs(size) > D("0.01"))
PRICES = st.decimals(1, 100_000, places=2)


@given(size=SIZES, entry=PRICES, leverage=st.integers(1, 150), table=st.sampled_from([BINANCE_BTC, HYPERLIQUID_BTC]))
def test_the_closed_form_is_where_the_full_equity_function_crosses(
    size: Decimal, entry: Decimal, leverage: int, table: MarginTable
) -> None:
    wallet = abs(size) * entry / leverage
    assume(wallet > table.maintenance(abs(size) * entry))

    def spare(price: Decimal) -> Decimal:
        return wallet + unrealized_pnl(size, entry, price) - table.maintenance(abs(size) * price)

    price = liquidation_price(size, entry, wallet, table)
    low, high = (D(0), entry) if size > 0 else (entry, entry * 200)
    if price is None:
        assert spare(D(0)) >= 0
        return
    for _ in range(90):
        middle = (low + high) / 2
        if (spare(middle) > 0) == (size > 0):
            high = middle
        else:
            low = middle
    assert abs(price - low) <= D("1e-9") * price


@given(
    size=SIZES,
    entry=PRICES,
    mark=PRICES,
    wallet=st.decimals(1, 10**7, places=2),
    other=st.decimals(0, 1000, places=2),
    leverage=st.integers(2, 100),
)
def test_three_venues_formulas_are_one(
    size: Decimal, entry: Decimal, mark: Decimal, wallet: Decimal, other: Decimal, leverage: int
) -> None:
    rate = D(1) / (2 * leverage)
    equity = wallet + unrealized_pnl(size, entry, mark)
    from_wallet = bracket_liquidation_price(size, entry, wallet - other, rate)
    from_mark = liquidation_price_from_mark(size, mark, equity - other - abs(size) * mark * rate, rate)
    from_equity = liquidation_price_from_equity(size, mark, equity, other, rate)
    assert abs(from_wallet - from_equity) < D("1e-15")
    assert abs(from_wallet - from_mark) < D("1e-15")


def test_dydx_s_price_is_measured_where_the_equity_is_not_at_the_entry() -> None:
    """Long 1 at 100 with 20 of equity at 110 (so 10 of cash over the debt): 90 / 0.97."""
    right = liquidation_price_from_equity(D(1), D(110), D(20), D(0), D("0.03"))
    assert round(right, 6) == D("92.783505")
    assert liquidation_price_from_equity(D(1), D(100), D(20), D(0), D("0.03")) < right


@given(size=SIZES, entry=PRICES, margin=st.decimals(1, 10**6, places=2))
def test_at_the_bankruptcy_price_the_margin_is_gone(size: Decimal, entry: Decimal, margin: Decimal) -> None:
    price = bankruptcy_price(size, entry, margin)
    assert abs(unrealized_pnl(size, entry, price) + margin) < D("1e-20")


def test_flat_positions_are_never_liquidated_and_rich_ones_neither() -> None:
    assert liquidation_price(D(1), D(100), D(200), BINANCE_BTC) is None
    with pytest.raises(InputError, match="flat position"):
        liquidation_price(D(0), D(100), D(200), BINANCE_BTC)


def test_other_positions_move_the_price() -> None:
    alone = liquidation_price(D(1), D(100), D(20), BINANCE_BTC)
    helped = liquidation_price(D(1), D(100), D(20), BINANCE_BTC, other_pnl=D(5))
    burdened = liquidation_price(D(1), D(100), D(20), BINANCE_BTC, other_maintenance=D(5))
    assert helped is not None
    assert alone is not None
    assert burdened is not None
    assert helped < alone < burdened


LONG = Candidate("long", D(2), D(100), D(40))
SHORT = Candidate("short", D(-2), D(100), D(40))


def test_deleveraging_scores() -> None:
    # 120/100 × 240/40; 100/80 × 160/40
    assert hyperliquid_score(LONG, D(120)) == D("7.2")
    assert hyperliquid_score(SHORT, D(80)) == 5
    # profit 20% × 6; loss 20% / 4
    assert profit_leverage_score(LONG, D(120)) == D("1.2")
    assert profit_leverage_score(LONG, D(80)) == D("-0.05")
    assert profit_leverage_score(SHORT, D(80)) == D("0.8")


def test_profit_and_leverage_come_first() -> None:
    winner = Candidate("winner", D(1), D(50), D(100))
    leveraged = Candidate("leveraged", D(1), D(90), D(10))
    careful = Candidate("careful", D(1), D(90), D(1000))
    loser = Candidate("loser", D(1), D(130), D(1000))
    for venue in ("hyperliquid", "binance"):
        assert ranking([loser, careful, winner, leveraged], D(100), venue) == [leveraged, winner, careful, loser]
    assert [lights(own, [x for x in (loser, careful, winner, leveraged) if x is not own], D(100)) for own in
            (leveraged, winner, careful, loser)] == [5, 4, 3, 2]  # fmt: skip
    assert lights(loser, [Candidate(str(i), D(1), D(90), D(10)) for i in range(9)], D(100)) == 1


def test_only_one_side_is_ranked_and_only_with_equity() -> None:
    with pytest.raises(InputError, match="only one side"):
        ranking([LONG, SHORT], D(100))
    with pytest.raises(InputError, match="equity above 0"):
        hyperliquid_score(Candidate("gone", D(1), D(100), D(0)), D(100))
