"""What dYdX v4, Lighter and Derive really sent, through ccxt's parsers and our records; what follows recomputes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from keeper.errors import UnknownOutcome
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument, instrument
from keeper.venues.ccxt_adapter.quirks import quirks_of

VENUE = "0x" + "5e" * 20
HOUR_MS = 3_600_000
PPM = 1_000_000


@pytest.fixture
def dydx(exchange: Callable[[str], Any], recorded: Callable[[str], Any]) -> tuple[Any, Any]:
    found, raw = exchange("dydx"), recorded("dydx")
    found.set_markets(found.parse_markets(raw["markets"]))
    return found, raw


@pytest.fixture
async def lighter(exchange: Callable[[str], Any], recorded: Callable[[str], Any]) -> tuple[Any, Any]:
    found, raw = exchange("lighter"), recorded("lighter")

    async def details(*_: Any) -> Any:
        return {"code": 200, "order_book_details": raw["markets"]}

    found.publicGetOrderBookDetails = details
    found.set_markets(await found.fetch_markets())
    return found, raw


@pytest.fixture
def derive(exchange: Callable[[str], Any], recorded: Callable[[str], Any]) -> tuple[Any, Any]:
    found, raw = exchange("derive"), recorded("derive")
    found.set_markets([found.parse_market(raw["spot_instrument"])])
    return found, raw


def item_of(found: Any, symbol: str) -> FixedStepInstrument:
    return instrument(VENUE, 0, found.markets[symbol])


async def test_dydx_steps_follow_from_its_quantums(dydx: tuple[Any, Any]) -> None:
    """stepSize = stepBaseQuantums × 10^resolution; tick = subticks × 10^exponent × 10^-6 / 10^resolution."""
    found, raw = dydx
    assert len(raw["markets"]) == 3
    for market in raw["markets"]:
        item = item_of(found, f"{market['ticker'].removesuffix('-USD')}/USDC:USDC")
        resolution = Decimal(10) ** market["atomicResolution"]
        quote = Decimal(10) ** (market["quantumConversionExponent"] - 6)
        assert item.lot_size == market["stepBaseQuantums"] * resolution
        assert item.tick_size(Decimal(1)) == market["subticksPerTick"] * quote / resolution
        initial, kept = (Decimal(market[name]) for name in ("initialMarginFraction", "maintenanceMarginFraction"))
        assert kept == initial * Decimal("0.6")


async def test_dydx_funding_is_an_eighth_of_whole_parts_per_million(dydx: tuple[Any, Any]) -> None:
    found, raw = dydx
    rows = [records.funding_rate(VENUE, "BTC", row) for row in parsed_funding(found, raw["funding"])]
    assert [row.rate * 8 * PPM for row in rows] == [19, 3, 5]
    assert [round(row.time_ms / HOUR_MS) * HOUR_MS - row.time_ms for row in rows] == [-219, -586, -112]


def parsed_funding(found: Any, rows: list[Any]) -> list[Any]:
    """As dydx.fetch_funding_rate_history reads them."""
    return [
        {"fundingRate": found.safe_number(row, "rate"), "timestamp": found.parse8601(row["effectiveAt"])}
        for row in rows
    ]


async def test_dydx_book_orders_and_money(dydx: tuple[Any, Any]) -> None:
    found, raw = dydx
    item, quirks = item_of(found, "BTC/USDC:USDC"), quirks_of("dydx")
    parsed = found.parse_order_book(raw["book"], item.market, None, "bids", "asks", "price", "size")
    book = records.book(VENUE, item, parsed, 1_000)
    assert [(str(price), str(size)) for price, size in book.bids] == [
        (f"{row['price']}.0", row["size"]) for row in raw["book"]["bids"]
    ]
    assert book.time_ms == 1_000
    for order in raw["orders"]:
        report = records.order_report(quirks, item, found.parse_order(order), "0x" + "00" * 16)
        assert (report.state, report.size, report.filled) == ("filled", Decimal("0.0001"), Decimal("0.0001"))
        assert report.side == order["side"].lower()
    account = raw["subaccount"]
    assert Decimal(account["equity"]) == sum(Decimal(one["size"]) for one in account["assetPositions"].values())


async def test_dydx_fills_have_no_fee_in_ccxt_and_are_therefore_not_booked(dydx: tuple[Any, Any]) -> None:
    found, raw = dydx
    item = item_of(found, "BTC/USDC:USDC")
    parsed = found.parse_trade(raw["fills"][0], found.markets[item.market]) | {"order": raw["fills"][0]["orderId"]}
    with pytest.raises(UnknownOutcome, match="names no fee"):
        records.fill(VENUE, quirks_of("dydx"), item, parsed, None)
    assert Decimal(parsed["cost"]) == Decimal(raw["fills"][0]["price"]) * Decimal(raw["fills"][0]["size"])


async def test_lighter_trade_margin_and_steps(lighter: tuple[Any, Any]) -> None:
    """usd_amount = size × price; margin fractions in basis points; the venue's own leverage follows from them."""
    found, raw = lighter
    item = item_of(found, "ETH/USDC:USDC")
    [market], [trade] = raw["markets"], raw["trades"]
    assert item.lot_size == Decimal(1).scaleb(-market["supported_size_decimals"])
    assert item.tick_size(Decimal(1)) == Decimal(1).scaleb(-market["supported_price_decimals"])
    assert item.min_notional == Decimal(market["min_quote_amount"])
    parsed = found.parse_trade(trade, found.markets[item.market])
    assert (
        Decimal(parsed["amount"]) * Decimal(parsed["price"]) == Decimal(trade["usd_amount"]) == Decimal(parsed["cost"])
    )
    assert parsed["side"] == "sell"
    size = Decimal(trade["taker_position_size_before"])
    entry = Decimal(trade["taker_entry_quote_before"]) / size
    assert abs(entry / Decimal(parsed["price"]) - 1) < Decimal("0.01")
    fraction = trade["taker_initial_margin_fraction_before"]
    assert fraction == market["min_initial_margin_fraction"]
    assert Decimal(10_000) / fraction == 50
    assert item.is_valid_size(size)
    assert item.is_valid_price(Decimal(parsed["price"]))


async def test_lighter_book(lighter: tuple[Any, Any]) -> None:
    found, raw = lighter
    item = item_of(found, "ETH/USDC:USDC")
    keys = ("bids", "asks", "price", "remaining_base_amount")
    book = records.book(VENUE, item, found.parse_order_book(raw["book"], item.market, None, *keys), 5)
    assert book.bids == ((Decimal("2361.17"), Decimal("3.4125")),)
    assert book.asks == ((Decimal("2361.32"), Decimal("0.0317")),)


async def test_derive_funding_recomputes_from_its_own_prices(derive: tuple[Any, Any]) -> None:
    """Hourly rate = (P + clamp(0.01% − P, ±0.05%)) / 8 with P = mark/index − 1; its price band is the mark ± 2%."""
    found, raw = derive
    slim = raw["perp_ticker"]["instrument_ticker"]
    ticker = found.parse_ticker(slim)
    mark, index = Decimal(ticker["markPrice"]), Decimal(ticker["indexPrice"])
    premium = mark / index - 1
    clamp = max(Decimal("-0.0005"), min(Decimal("0.0005"), Decimal("0.0001") - premium))
    assert round((premium + clamp) / 8, 12) == Decimal(slim["f"])
    assert Decimal(slim["maxp"]) == (mark * Decimal("1.02")).quantize(Decimal("0.01"), "ROUND_DOWN")
    assert Decimal(ticker["bid"]) < Decimal(ticker["ask"])
    named = {"markPrice": ticker["markPrice"], "indexPrice": ticker["indexPrice"], "fundingRate": slim["f"]}
    assert records.context("ETH", named, None) is None, "no interval, not routable"
    assert records.context("ETH", named, "1h") is not None


async def test_derive_order_and_trade(derive: tuple[Any, Any]) -> None:
    found, raw = derive
    order = found.parse_order(raw["spot_order"])
    assert (order["id"], order["clientOrderId"], order["status"]) == (
        raw["spot_order"]["order_id"],
        raw["spot_order"]["label"],
        "open",
    )
    trade = found.parse_trade(raw["spot_trade"])
    assert Decimal(trade["price"]) * Decimal(trade["amount"]) == Decimal(trade["cost"]) == Decimal(205)
    assert (trade["takerOrMaker"], trade["fee"]["cost"]) == ("maker", "0")
    profit, excluding = (Decimal(raw["spot_trade"][name]) for name in ("realized_pnl", "realized_pnl_excl_fees"))
    assert profit == excluding - Decimal(raw["spot_trade"]["trade_fee"])
