"""Golden vectors of every version of every venue's funding formula: hand-computed unless a source is named."""

import json
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import InputError
from keeper.funding import FORMULAS, FundingInputs, by_id, formula
from keeper.funding.pool_formulas import borrowing_rate, gmx_adaptive_step, smaller_side_rate, virtual_amm_cost
from keeper.funding.premium import impact_premium, middle_premium, minute_median, ramp_average

DATA = Path(__file__).parents[2] / "data" / "funding"
D = Decimal


def inputs(*premiums: str, **fields: str) -> FundingInputs:
    given: dict[str, Any] = {name: D(value) for name, value in fields.items()}
    return FundingInputs(premiums=tuple(map(D, premiums)), **given)


GOLDEN: list[tuple[str, FundingInputs, str]] = [
    # recorded BTC, 2023-05-12 00:00
    ("hyperliquid/1", inputs("-0.00091334"), "-0.00061334"),
    ("hyperliquid/1", inputs("-0.00004426"), "0.0001"),
    ("hyperliquid/2", inputs("0.0004"), "0.0000125"),
    ("hyperliquid/3", inputs("0.00026996"), "0.000033745"),
    ("hyperliquid/4", inputs("0.0004"), "0.0000125"),
    ("hyperliquid/5", inputs("0.00032"), "0.000015"),
    # the venue's own example, which forgets the /8: 1% makes 0.95% per 8 hours, 0.11875% per hour
    ("hyperliquid/6", inputs("0.01"), "0.0011875"),
    ("hyperliquid/6", inputs("0.0005", "0.0007"), "0.0000125"),
    ("hyperliquid/6", inputs("-0.5"), "-0.04"),
    ("hyperliquid/6", inputs("0.5"), "0.04"),
    # xyz: neutral 0.00000625 an hour
    ("hyperliquid-builder/1", inputs("0", interest="0.00005"), "0.00000625"),
    ("hyperliquid-builder/1", inputs("0.01", interest="0.0001", coefficient="0.5"), "0.00059375"),
    ("binance/1", inputs("0", interval_hours="4"), "0.00005"),
    ("binance/1", inputs("0.002", interval_hours="4"), "0.0015"),
    ("binance/1", inputs("0.002"), "0.0015"),
    ("binance/2", inputs("0.002"), "0.0015"),
    ("binance/2", inputs("0.002", interval_hours="4"), "0.00075"),
    ("binance/2", inputs("0.002", interval_hours="1"), "0.0001875"),
    ("binance/2", inputs("0.1", cap="0.003"), "0.003"),
    ("binance/2", inputs("-0.1", cap="0.02", floor="-0.0075"), "-0.0075"),
    # BNB: no interest
    ("aster/1", inputs("0.0001", "0.0003", interest="0"), "0"),
    ("aster/1", inputs("-0.003", interval_hours="4", cap="0.02"), "-0.00125"),
    ("htx/1", inputs("0.0011", interval_hours="4"), "0.0006"),
    ("htx/2", inputs("0.0011", interval_hours="4"), "0.0006"),
    ("htx/3", inputs("0.0011", interval_hours="4", cap="0.0002"), "0.0002"),
    ("htx/3", inputs("0.0011", interval_hours="4"), "0.0003"),
    # (1·0.0012 + 2·0.0018 + 3·0.0024) / 6 = 0.002
    ("bybit/1", inputs("0.0012", "0.0018", "0.0024"), "0.0015"),
    ("bybit/1", inputs("0", "0", interval_hours="1"), "0.0000125"),
    ("okx/1", inputs("0.0002", "0.0006", cap="0.00375"), "0.0004"),
    ("okx/1", inputs("0.01", cap="0.00375"), "0.00375"),
    ("okx/1", inputs("-0.01", cap="0.015", floor="-0.0075"), "-0.0075"),
    ("dydx/4", inputs("0.000019", initial_margin="0.02", maintenance_margin="0.012"), "0.000002375"),
    ("dydx/4", inputs("0.2", initial_margin="0.02", maintenance_margin="0.012"), "0.006"),
    # neutral: 0.0000125 is printed as 0.0012%
    ("lighter/1", inputs("0"), "0.000012"),
    ("lighter/1", inputs("0.01"), "0.001187"),
    ("lighter/1", inputs("-0.09"), "-0.005"),
    ("kraken/1", inputs("0.0012", "0.0036", coefficient="24"), "0.0001"),
    ("kraken/1", inputs("0.12", coefficient="24", cap="0.0025"), "0.0025"),
    ("coinbase/1", inputs("0.0024", previous_rate="0.0002"), "0.000125"),
    # perpetual contracts guide: (1.00% − 0.25%) / 3 = 0.25% when the premium is as much
    ("bitmex/1", inputs("0.0025", interest="0.0025"), "0.0025"),
    ("bitmex/1", inputs("0.0045", interest="0.0025"), "0.004"),
    ("bitfinex/1", inputs("0.002", interest="0.0001", clamp="0.0005"), "0.0015"),
    ("bitfinex/1", inputs("0.002", interest="0.0001", clamp="0.0025"), "0.0001"),
    ("pacifica/1", inputs("0.01"), "0.0011875"),
    ("extended/1", inputs("0.0012", "0.0018", "0.0024"), "0.00025"),
    ("extended/1", inputs("0.1", cap="0.0025"), "0.0025"),
    # (0.002 − 0.0005) / 8; recorded neutral: 0.000013 with six decimals
    ("extended/2", inputs("0.0012", "0.0018", "0.0024"), "0.0001875"),
    ("extended/2", inputs("0.0002"), "0.0000125"),
    ("paradex/1", inputs("0.0003"), "0.0001"),
    ("paradex/1", inputs("0.0021", coefficient="0.5"), "0.0008"),
    ("paradex/1", inputs("0.3"), "0.05"),
    # 16 hours to converge, at most 0.017123% an hour
    ("derive/1", inputs("0.0016", convergence_hours="16", cap="0.00017123"), "0.0001125"),
    ("derive/1", inputs("0.0032", convergence_hours="16", cap="0.00017123"), "0.00017123"),
    # factor 1e-8, |600k − 400k| / 1m = 0.2 a second, × 3600
    ("gmx/2", inputs(long_interest="600000", short_interest="400000", factor="0.00000001", exponent="1"), "0.0000072"),
    ("gmx/2", inputs(long_interest="400000", short_interest="600000", factor="0.00000001", exponent="1"), "-0.0000072"),
    ("gmx/2", inputs(long_interest="5", short_interest="5", factor="1", exponent="1"), "0"),
    ("virtual-amm/1", inputs(mark_average="101.2", index_average="100"), "0.0005"),
    ("virtual-amm/1", inputs(mark_average="130", index_average="100"), "0.05 / 24"),
]


@pytest.mark.parametrize(("id_", "given_", "rate"), GOLDEN, ids=[f"{row[0]}={row[2]}" for row in GOLDEN])
def test_golden_vectors(id_: str, given_: FundingInputs, rate: str) -> None:
    if " / " in rate:
        numerator, divisor = rate.split(" / ")
        assert by_id(id_).rate(given_) * D(divisor) == pytest.approx(D(numerator), abs=D("1e-28"))
    else:
        assert by_id(id_).rate(given_) == D(rate)


def test_every_version_has_a_golden_vector() -> None:
    assert {item.id for item in FORMULAS} == {row[0] for row in GOLDEN}
    assert len({item.venue for item in FORMULAS}) >= 12
    assert len({item.id for item in FORMULAS}) == len(FORMULAS)


def test_each_recorded_rate_of_hyperliquids_first_months_follows_from_its_premium() -> None:
    """Both are printed with 8 decimals, so a rate may differ by the rounding of its premium and its own."""
    rows = json.loads(lzma.decompress((DATA / "hyperliquid_premiums.json.xz").read_bytes()))["rows"]
    used: dict[str, int] = {}
    for time_ms, premium, rate in rows:
        version = formula("hyperliquid", time_ms - 60_000)
        assert abs(version.rate(inputs(premium)) - D(rate)) <= D("1e-8"), (time_ms, premium, rate, version.id)
        used[version.id] = used.get(version.id, 0) + 1
    assert len(rows) == 1038
    assert used == {
        "hyperliquid/1": 82,
        "hyperliquid/2": 212,
        "hyperliquid/3": 677,
        "hyperliquid/4": 22,
        "hyperliquid/5": 45,
    }


def test_dydx_prints_whole_millionths_of_eight_hours() -> None:
    """The indexer's historicalFunding of BTC-USD, 2025-12-08 14:00 to 16:00, and its nextFundingRate at 16:12."""
    margins = {"initial_margin": "0.02", "maintenance_margin": "0.012"}
    for recorded, millionths in (("0.000002375", 19), ("0.000000375", 3), ("0.000000625", 5)):
        premium = str(D(millionths).scaleb(-6) + D("0.0000004"))
        assert by_id("dydx/4").rate(inputs(premium, **margins)) == D(recorded)
    # eleven minutes into the hour the shown rate is the unrounded mean of eleven samples
    for shown in ("0.00000254545454545455", "0.00000125", "-0.00000143181818181818"):
        millionths_sum = D(shown) * 8 * 11 * 10**6
        assert abs(millionths_sum - round(millionths_sum)) < D("1e-6")


def test_the_version_in_force_is_the_day_s() -> None:
    day = 86_400_000
    new_binance = by_id("binance/2").since_ms
    assert formula("binance", new_binance - 1).id == "binance/1"
    assert formula("binance", new_binance).id == "binance/2"
    assert [formula("htx", by_id(f"htx/{n}").since_ms + day).id for n in (1, 2, 3)] == ["htx/1", "htx/2", "htx/3"]
    assert formula("hyperliquid", 1_770_336_000_000).id == "hyperliquid/6"
    with pytest.raises(InputError, match="known: aster, binance"):
        formula("nowhere", 0)
    with pytest.raises(InputError, match="no version 'binance/9'"):
        by_id("binance/9")


def test_premiums() -> None:
    # recorded: BTC 2025-08-22, premium -0.0002298729
    assert round(impact_premium(D(113079), D(113080), D(113106)), 10) == D("-0.0002298729")
    assert impact_premium(D(99), D(101), D(100)) == 0
    assert impact_premium(D(102), D(103), D(100)) == D("0.02")
    assert middle_premium(D("100.1"), D("100.3"), D(100)) == D("0.002")
    assert minute_median([D("0.3"), D("0.1"), D("0.2")]) == D("0.2")
    assert ramp_average([D(1), D(2), D(3)]) * 6 == 14
    with pytest.raises(InputError, match="index: must be positive"):
        impact_premium(D(1), D(1), D(0))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="premiums: no sample"):
        by_id("hyperliquid/6").rate(inputs())
    with pytest.raises(InputError, match="coefficient: this venue's funding formula needs it"):
        by_id("kraken/1").rate(inputs("0.1"))
    with pytest.raises(InputError, match="index_average: must be positive"):
        by_id("virtual-amm/1").rate(inputs(mark_average="1", index_average="0"))
    with pytest.raises(InputError, match="long_interest"):
        by_id("gmx/2").rate(inputs(long_interest="0", short_interest="0", factor="1", exponent="1"))


CLOB = [
    item.id
    for item in FORMULAS
    if item.venue not in {"gmx", "virtual-amm", "kraken", "okx", "derive", "coinbase", "dydx", "bitfinex", "bitmex"}
    and item.id not in {"hyperliquid/3", "extended/1"}
]


@pytest.mark.parametrize("id_", CLOB)
@given(premium=st.decimals(min_value=D("-0.00009"), max_value=D("0.00029"), places=9))
def test_inside_the_dead_band_the_rate_is_the_interest(id_: str, premium: Decimal) -> None:
    rate = by_id(id_).rate(FundingInputs(premiums=(premium,), interval_hours=D(8)))
    hourly = id_.startswith(("hyperliquid", "lighter", "pacifica", "extended")) and id_ != "hyperliquid/1"
    assert rate == (D("0.000012") if id_ == "lighter/1" else D("0.0000125") if hourly else D("0.0001"))


@pytest.mark.parametrize("id_", [item.id for item in FORMULAS if item.venue not in {"gmx", "virtual-amm"}])
@given(premium=st.decimals(min_value=D("0.002"), max_value=1, places=8))
def test_longs_pay_a_premium_and_are_paid_a_discount(id_: str, premium: Decimal) -> None:
    terms = {
        "interest": D("0.0001"),
        "clamp": D("0.0005"),
        "cap": D("0.04"),
        "coefficient": D(1),
        "convergence_hours": D(8),
        "previous_rate": D(0),
        "initial_margin": D("0.05"),
        "maintenance_margin": D("0.03"),
    }
    rate = by_id(id_).rate
    assert rate(FundingInputs(premiums=(premium,), **terms)) > 0
    assert rate(FundingInputs(premiums=(-premium,), **terms)) < 0


@given(a=st.integers(0, 10**9), b=st.integers(0, 10**9))
def test_a_virtual_pool_s_funding_grows_with_its_imbalance(a: int, b: int) -> None:
    total = 10**10
    small, large = sorted((a, b))

    def rate(skew: int) -> Decimal:
        sides: dict[str, Any] = {"long_interest": D(total + skew) / 2, "short_interest": D(total - skew) / 2}
        return by_id("gmx/2").rate(FundingInputs(**sides, factor=D("0.00000002"), exponent=D(1)))

    assert rate(small) <= rate(large)
    assert rate(-small) >= rate(-large)


def test_what_the_larger_side_of_a_pool_pays_the_smaller_receives() -> None:
    rate = D("0.00072")
    assert smaller_side_rate(rate, D(600), D(400)) * 400 == rate * 600
    with pytest.raises(InputError, match="smaller"):
        smaller_side_rate(rate, D(600), D(0))


@pytest.mark.parametrize(
    ("saved", "long_interest", "rate"),
    [
        ("0", "700", "0.0000004"),  # 40% skew beyond the 5% threshold: + 0.4 × 1e-8 × 100 s
        ("0.0000001", "510", "0.0000001"),  # 2% skew between the thresholds: holds
        ("0.0000001", "500", "0.00000005"),  # no skew: decays by 5e-10 × 100 s
        ("0.00000001", "500", "0"),  # and stops at nought
        ("0.0000001", "490", "0.00000008"),  # points the other way: moves with the skew
        ("0.0000099", "900", "0.00001"),  # never beyond the maximum
    ],
)
def test_gmx_s_adaptive_rate(saved: str, long_interest: str, rate: str) -> None:
    step = gmx_adaptive_step(
        D(saved),
        long_interest=D(long_interest),
        short_interest=1000 - D(long_interest),
        seconds=100,
        increase_factor=D("0.00000001"),
        decrease_factor=D("0.0000000005"),
        stable_threshold=D("0.05"),
        decrease_threshold=D("0.01"),
        maximum=D("0.00001"),
    )
    assert step == D(rate)


def test_borrowing_has_a_kink_and_a_curve_slips() -> None:
    assert borrowing_rate(D("0.5"), D("0.8"), D("0.1"), D("0.5")) == D("0.05")
    assert borrowing_rate(D("0.9"), D("0.8"), D("0.1"), D("0.5")) == D("0.09") + D("0.2")
    assert virtual_amm_cost(D(10_000), D(100), D(20)) == 25
    assert virtual_amm_cost(D(10_000), D(100), D(-25)) == -20
    with pytest.raises(InputError, match="curve holds only"):
        virtual_amm_cost(D(10_000), D(100), D(100))
    with pytest.raises(InputError, match="optimal"):
        borrowing_rate(D(0), D(1), D(1), D(1))
