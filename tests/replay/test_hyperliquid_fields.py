"""Fields that Hyperliquid derives recompute exactly from the others in its recorded answers."""

import json
import lzma
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from keeper.funding.premium import impact_premium, middle_premium
from keeper.risk.liquidation import liquidation_price_from_mark
from keeper.risk.position import (
    cross_margin_used,
    isolated_margin_used,
    position_value,
    return_on_equity,
    unrealized_pnl,
)
from keeper.venues.cards import card, fill_fee, rates

D = Decimal
DATA = Path(__file__).parents[1] / "data"


def answer(name: str) -> Any:
    return json.loads((DATA / "hyperliquid" / f"{name}.json").read_text())["response"]


def cut(value: Decimal, places: int) -> Decimal:
    return value.quantize(D(1).scaleb(-places), ROUND_DOWN)


def test_premiums_of_every_recorded_context() -> None:
    rows = json.loads(lzma.decompress((DATA / "funding" / "hyperliquid_contexts.json.xz").read_bytes()))["rows"]
    counts: dict[str, int] = {}
    for dex, coin, oracle, bid, ask, premium in rows:
        formula = (middle_premium if dex else impact_premium)(D(bid), D(ask), D(oracle))
        assert round(formula, 10) == D(premium), (dex, coin)
        counts[dex] = counts.get(dex, 0) + 1
    assert counts == {"": 361, "xyz": 33}


def test_a_cross_account_of_twelve_positions() -> None:
    """2023: maximum leverage 50 everywhere; return on equity over margin at the mark, liquidation price without l."""
    state = answer("clearinghouseState.sdk.get_user_state")
    summary = {name: D(value) for name, value in state["marginSummary"].items()}
    positions = [item["position"] for item in state["assetPositions"]]
    values = {item["coin"]: D(item["positionValue"]) for item in positions}
    sizes = {item["coin"]: D(item["szi"]) for item in positions}
    signed = sum((values[coin].copy_sign(sizes[coin]) for coin in values), D(0))
    assert summary["totalRawUsd"] + signed == summary["accountValue"]
    assert sum(values.values()) == summary["totalNtlPos"]
    assert D(state["withdrawable"]) == summary["accountValue"] - summary["totalMarginUsed"]
    available = summary["accountValue"] - cut(summary["totalNtlPos"] / 100, 6)
    used = D(0)
    for item in positions:
        size, entry, leverage = sizes[item["coin"]], D(item["entryPx"]), D(item["leverage"]["value"])
        mark = values[item["coin"]] / abs(size)
        pnl = unrealized_pnl(size, entry, mark)
        margin = cross_margin_used(size, mark, leverage)
        assert position_value(size, mark) == D(item["positionValue"])
        assert cut(pnl, 6) == D(item["unrealizedPnl"])
        assert cut(margin, 6) == D(item["marginUsed"])
        assert abs(pnl / margin - D(item["returnOnEquity"])) <= D("1e-8")
        price = liquidation_price_from_mark(size, mark, available, D(0))
        assert (D(item["liquidationPx"]) == round(price, 8)) if item["liquidationPx"] else (price <= 0), item["coin"]
        tradable = D(state["withdrawable"]) * leverage / mark
        adding, turning = sorted(D(text) for text in item["maxTradeSzs"])
        places = len(item["szi"].partition(".")[2])
        assert abs(adding - tradable) < D(1).scaleb(1 - places)
        assert abs(turning - tradable - 2 * abs(size)) < D(1).scaleb(1 - places)
        used += margin
    assert len(positions) == 12
    assert cut(used, 6) == summary["totalMarginUsed"]


def test_an_isolated_position() -> None:
    """2025, another account: 2 HYPE with 10x, as its venue printed it (JKorf/HyperLiquid.Net, GetAccountInfo)."""
    size, entry, raw, leverage = D("2.0"), D("37.829"), D("-68.126246"), D(10)
    mark = D("75.652") / 2
    margin = isolated_margin_used(size, mark, raw)
    assert margin == D("7.525754")
    assert D("75.781884") + margin == D("83.307638")
    assert unrealized_pnl(size, entry, mark) == D("-0.006")
    assert round(return_on_equity(size, entry, mark, leverage), 10) == D("-0.0007930424")
    maintenance = 1 / (2 * leverage)
    price = liquidation_price_from_mark(size, mark, margin - D("75.652") * maintenance, maintenance)
    assert round(price, 10) == D("35.8559189474")


def test_tradable_size_is_what_is_available_at_the_leverage() -> None:
    asset = answer("activeAssetData.go.UserActiveAssetData")
    available, leverage = D(asset["availableToTrade"][0]), D(asset["leverage"]["value"])
    assert cut(available * leverage / D(asset["markPx"]), 2) == D(asset["maxTradeSzs"][0])


def test_recorded_testnet_fees_are_the_base_tier_s_cut_to_six_decimals() -> None:
    fees = card("hyperliquid").fees
    assert fees is not None
    taker = rates(fees).taker_bps
    rows = answer("userFillsByTime.go.UserFillsByTime")
    assert [fill_fee(D(row["px"]), D(row["sz"]), taker) for row in rows] == [D(row["fee"]) for row in rows]
    assert len(rows) == 2
