"""The cards: strict, sourced, in step with the installed ccxt, the funding formulas and the page made from them."""

import json
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from keeper.cli.main import build
from keeper.errors import ConfigError, InputError
from keeper.funding import FORMULAS, by_id
from keeper.risk.tiers import MarginTable, MarginTier
from keeper.venues.cards import Card, card, cards, decode, fill_fee, formula_of, margin_tiers, rates, tier_of
from keeper.venues.ccxt_adapter.quirks import VENUES
from keeper.venues.hyperliquid.records import FUNDING_FORMULA
from tools import venues_page

D = Decimal

NAMED = [
    *("hyperliquid", "aster", "dydx", "paradex", "lighter", "derive", "extended", "apex", "pacifica", "orderly"),
    *("binance", "bybit", "okx", "kraken", "bitfinex", "htx", "coinbase"),
]


def test_every_venue_has_a_card() -> None:
    assert [item.venue for item in cards()] == sorted(NAMED)
    with pytest.raises(InputError, match="no card for 'ftx'; there are apex, aster"):
        card("ftx")


def test_the_page_is_the_cards() -> None:
    assert venues_page.PAGE.read_text() == venues_page.page(), "run: python -m tools.venues_page"


@pytest.mark.parametrize("item", cards(), ids=lambda item: item.venue)
def test_the_funding_formula_of_a_card_is_the_newest_of_its_venue(item: Card) -> None:
    if item.funding.formula is None:
        assert item.venue not in {version.venue for version in FORMULAS}
        return
    named = by_id(item.funding.formula.value)
    assert named.version == max(version.version for version in FORMULAS if version.venue == named.venue)
    assert named.venue == item.venue


def test_adapters_state_the_formula_of_their_venues_card() -> None:
    stated = {name: formula_of(quirks.exchange) for name, quirks in VENUES.items()}
    assert all(by_id(formula).id == formula for formula in stated.values() if formula)
    assert {name for name, formula in stated.items() if not formula} == {"apex", "orderly", "woofipro"}
    assert (stated["binance"], stated["coinbase"], stated["dydx"]) == ("binance/2", "coinbase/1", "dydx/4")
    assert formula_of("hyperliquid") == FUNDING_FORMULA


FIELDS: dict[str, tuple[str, ...]] = {
    "funding_rate": ("fetchFundingRate", "fetchFundingRates"),
    "funding_history": ("fetchFundingRateHistory",),
    "funding_payments": ("fetchFundingHistory",),
    "fills_stream": ("watchMyTrades",),
    "orders_stream": ("watchOrders",),
    "positions_stream": ("watchPositions",),
    "balance_stream": ("watchBalance",),
    "websocket_orders": ("createOrderWs",),
    "batch_orders": ("createOrders",),
    "batch_cancel": ("cancelOrders",),
    "cancel_all": ("cancelAllOrders",),
    "dead_mans_switch": ("cancelAllOrdersAfter",),
    "amend": ("editOrder",),
    "set_leverage": ("setLeverage",),
    "margin_mode": ("setMarginMode",),
    "add_margin": ("addMargin",),
    "margin_tiers": ("fetchLeverageTiers", "fetchMarketLeverageTiers"),
    "account_fees": ("fetchTradingFee", "fetchTradingFees"),
    "transfer": ("transfer",),
    "withdraw": ("withdraw",),
}


@pytest.mark.parametrize("item", [item for item in cards() if item.adapter == "ccxt"], ids=lambda item: item.venue)
def test_capabilities_are_those_of_the_installed_ccxt(item: Card) -> None:
    has = getattr(import_module("ccxt.pro"), item.ccxt_id)().has
    found = {field: any(has.get(name) is True for name in names) for field, names in FIELDS.items()}
    assert {field: getattr(item.capabilities, field) for field in FIELDS} == found


HYPERLIQUID = [
    ("0", "4.5", "1.5"),
    ("4999999", "4.5", "1.5"),
    ("5000000", "4.0", "1.2"),
    ("25000000", "3.5", "0.8"),
    ("100000000", "3.0", "0.4"),
    ("500000000", "2.8", "0"),
    ("2000000000", "2.6", "0"),
    ("7000000000", "2.4", "0"),
]


@pytest.mark.parametrize(("volume", "taker", "maker"), HYPERLIQUID)
def test_hyperliquid_s_published_tiers(volume: str, taker: str, maker: str) -> None:
    fees = card("hyperliquid").fees
    assert fees is not None
    found = rates(fees, D(volume))
    assert (found.taker_bps, found.maker_bps) == (D(taker), D(maker))


BASE = [
    ("aster", "3.5", "1.0"),
    ("dydx", "5", "1"),
    ("paradex", "2", "0.3"),
    ("lighter", "0", "0"),
    ("apex", "5", "2"),
    ("pacifica", "4", "1.5"),
    ("orderly", "5", "2"),
    ("binance", "5", "2"),
    ("bybit", "5.5", "2"),
    ("okx", "5", "2"),
    ("kraken", "5", "2"),
    ("derive", "3", "0.5"),
]


@pytest.mark.parametrize(("venue", "taker", "maker"), BASE)
def test_the_lowest_tier_of_the_others(venue: str, taker: str, maker: str) -> None:
    fees = card(venue).fees
    assert fees is not None
    found = rates(fees)
    assert (found.taker_bps, found.maker_bps) == (D(taker), D(maker))


TIERS = [
    ("dydx", "999999", "5", "1"),
    ("dydx", "1000000", "4.5", "1"),
    ("dydx", "5000000", "4", "0.5"),
    ("dydx", "25000000", "3.5", "0"),
    ("dydx", "125000000", "3", "0"),
    ("kraken", "100000", "4", "1.5"),
    ("kraken", "1000000", "3", "1.25"),
    ("kraken", "5000000", "2.5", "1"),
    ("kraken", "10000000", "2", "0.75"),
    ("kraken", "20000000", "1.5", "0.5"),
    ("kraken", "50000000", "1.25", "0.25"),
    ("kraken", "100000000", "1", "0"),
]


@pytest.mark.parametrize(("venue", "volume", "taker", "maker"), TIERS)
def test_published_tiers_of_dydx_and_kraken(venue: str, volume: str, taker: str, maker: str) -> None:
    fees = card(venue).fees
    assert fees is not None
    found = rates(fees, D(volume))
    assert (found.taker_bps, found.maker_bps) == (D(taker), D(maker))


def test_discounts_touch_what_is_paid_and_never_a_rebate() -> None:
    fees = card("hyperliquid").fees
    assert fees is not None
    discounted = rates(fees, D(0), staking_discount=D("0.4"), referral_discount=D("0.04"), maker_share=D("0.03"))
    assert (discounted.taker_bps, discounted.maker_bps) == (D("2.592"), D("-0.3"))
    assert rates(fees, maker_share=D("0.005")).maker_bps == D("-0.1")
    builder = rates(fees, referral_discount=D("0.04"), builder_market=True)
    assert (builder.taker_bps, builder.maker_bps) == (D("8.64"), D("2.88"))
    dydx = card("dydx").fees
    assert dydx is not None
    assert rates(dydx, D(124_999_999), maker_share=D("0.04")).maker_bps == 0
    assert rates(dydx, D(125_000_000), maker_share=D("0.04")).maker_bps == D("-1.1")
    with pytest.raises(InputError, match="no factor for builder-deployed markets"):
        rates(dydx, builder_market=True)
    with pytest.raises(InputError, match="volume_usd: must not be negative"):
        tier_of(fees, D(-1))


def test_a_gap_between_known_tiers_is_charged_at_the_lower_one() -> None:
    fees = card("aster").fees
    assert fees is not None
    assert not fees.complete
    assert rates(fees, D(999_999_999)).taker_bps == D("3.5")
    assert rates(fees, D(1_000_000_000)).taker_bps == D("2.5")


def test_fees_are_cut_toward_nought_as_recorded() -> None:
    assert fill_fee(D("4307.4"), D("0.0025"), D("4.5")) == D("0.004845")
    assert fill_fee(D("4303.7"), D("0.0025"), D("4.5")) == D("0.004841")
    assert fill_fee(D("4215.9"), D("0.3565"), D("-0.2")) == D("-0.030059")


def test_margin_tiers_of_the_cards_make_tables() -> None:
    made = 0
    for item in cards():
        for rows in item.margin:
            if item.venue == "extended":
                with pytest.raises(InputError, match="maintenance rate of BTC, first step at extended"):
                    margin_tiers(item, rows.symbols[0])
                continue
            for symbol in rows.symbols:
                tiers = margin_tiers(item, symbol)
                table = MarginTable(MarginTier(tier.floor, tier.rate, tier.max_leverage) for tier in tiers)
                assert table.maintenance(D(1_000_000)) * table.max_leverage(D(1_000_000)) < 1_000_000
                made += 1
    assert made == 34
    ether = MarginTable(
        MarginTier(tier.floor, tier.rate, tier.max_leverage) for tier in margin_tiers(card("hyperliquid"), "ETH")
    )
    # 100M at 2%, 50M at a thirtieth
    assert round(ether.maintenance(D(150_000_000)), 6) == D("3666666.666667")
    with pytest.raises(InputError, match="no margin tiers of 'XYZ'"):
        margin_tiers(card("hyperliquid"), "XYZ")


def test_the_intervals_of_a_card_are_those_its_symbols_settle_at() -> None:
    for venue in ("binance", "bybit", "aster"):
        known = card(venue).funding.intervals_hours
        assert known is not None
        assert known.value == (1, 4, 8)


def broken(change: Callable[[dict[str, Any]], None]) -> bytes:
    content = msgspec.to_builtins(card("hyperliquid"), str_keys=True)
    change(content)
    return msgspec.json.encode(content)


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = content
        for name in parents:
            place = place[int(name)] if isinstance(place, list | tuple) else place[name]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("venue", "other", "the file must be called other.json"),
        ("unknown", 1, "contains unknown field `unknown`"),
        ("sources.fees.date", "last week", "sources.fees.date is not YYYY-MM-DD"),
        ("funding.cap.source", "hearsay", "funding.cap names the source 'hearsay'"),
        ("fees.complete", "yes", "Expected `bool`, got `str` - at `$.fees.complete`"),
        ("fees.tiers", [], "fees.tiers must start at 0"),
        ("rules.tick.value", 5, "Expected `str`, got `int`"),
    ],
)
def test_a_bad_card_is_refused_by_name(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=r"card hyperliquid\.json") as refused:
        decode("hyperliquid.json", broken(put(path, value)))
    assert message in str(refused.value)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(["venues"]), ["venues", *words])
    return done.exit_code, done.output


def test_prime_venues_prints_the_matrix_and_the_cards() -> None:
    code, text = run()
    assert code == 0
    for name in ("Hyperliquid", "hyperliquid/6", "1, 4, 8 h", "snapshots", "Bybit linear"):
        assert name in text
    code, text = run("dydx")
    assert code == 0
    assert "2025-12-08" in text
    code, text = run("--json")
    assert code == 0
    assert [item["venue"] for item in json.loads(text)] == sorted(NAMED)
    code, text = run("paradex", "--json")
    assert json.loads(text)[0]["fees"]["tiers"][0]["taker_bps"] == "2"
    assert run("ftx")[0] == 1
