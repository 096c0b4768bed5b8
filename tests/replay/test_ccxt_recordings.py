"""Recorded answers of dYdX v4, Lighter and Derive through ccxt's own parsers: every digit of them comes out again.

Where ccxt does not give what the venue said, the test says so: an adapter must not trust that field.
"""

import json
import lzma
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[1] / "data" / "venues" / "answers.json.xz"

DYDX = {
    "indexerGetTime": "time",
    "indexerGetPerpetualMarkets": "perpetual_markets",
    "indexerGetTradesPerpetualMarketMarket": "trades",
    "indexerGetCandlesPerpetualMarketsMarket": "candles",
    "indexerGetHistoricalFundingMarket": "historical_funding",
    "indexerGetOrders": "orders",
    "indexerGetOrderbooksPerpetualMarketMarket": "orderbook",
    "indexerGetTransfers": "transfers",
    "indexerGetAddressesAddressSubaccountNumberSubaccountNumber": "subaccount",
}
LIGHTER = {
    "publicGetOrderBookDetails": "order_book_details",
    "publicGetOrderBookOrders": "order_book_orders",
    "publicGetRecentTrades": "recent_trades",
}
BTC, ETH = "BTC/USDC:USDC", "ETH/USDC:USDC"


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(lzma.decompress(PATH.read_bytes()))
    return content["answers"]  # type: ignore[no-any-return]


def client(name: str, methods: dict[str, Any]) -> Any:
    """ccxt's class, unmodified but for where its answers come from; numbers as the venue's text."""
    exchange = getattr(import_module("ccxt"), name)()
    exchange.number = str
    for method, content in methods.items():
        setattr(exchange, method, lambda _=None, content=content: content)
    return exchange


@pytest.fixture
def dydx(answers: dict[str, Any]) -> Any:
    return client("dydx", {method: answers[f"dydx_v4/http_get_{name}"] for method, name in DYDX.items()})


@pytest.fixture
def lighter(answers: dict[str, Any]) -> Any:
    exchange = client("lighter", {method: answers[f"lighter/http_{name}"] for method, name in LIGHTER.items()})
    exchange.set_markets(exchange.fetch_markets())
    return exchange


def stamp(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def test_dydx_markets(dydx: Any, answers: dict[str, Any]) -> None:
    raw = answers["dydx_v4/http_get_perpetual_markets"]["markets"]
    markets = {market["id"]: market for market in dydx.fetch_markets()}
    assert set(markets) == set(raw) == {"BTC-USD", "ETH-USD", "SOL-USD"}
    for id_, market in markets.items():
        assert (market["swap"], market["linear"], market["settle"]) == (True, True, "USDC")
        assert market["precision"] == {"amount": raw[id_]["stepSize"], "price": raw[id_]["tickSize"]}


def test_dydx_trades_candles_and_funding(dydx: Any, answers: dict[str, Any]) -> None:
    trades = {trade["id"]: trade for trade in dydx.fetch_trades(BTC)}
    for raw in answers["dydx_v4/http_get_trades"]["trades"]:
        trade = trades.pop(raw["id"])
        assert (trade["price"], trade["amount"], trade["side"]) == (raw["price"], raw["size"], raw["side"].lower())
        assert trade["timestamp"] == stamp(raw["createdAt"])
    assert not trades
    names = ("open", "high", "low", "close", "baseTokenVolume")
    candles = {row["startedAt"]: row for row in answers["dydx_v4/http_get_candles"]["candles"]}
    assert dydx.fetch_ohlcv(BTC) == sorted([stamp(at), *(row[name] for name in names)] for at, row in candles.items())
    funding = answers["dydx_v4/http_get_historical_funding"]["historicalFunding"]
    rates = {stamp(row["effectiveAt"]): row["rate"] for row in funding}
    assert {row["timestamp"]: row["fundingRate"] for row in dydx.fetch_funding_rate_history(BTC)} == rates
    assert len(rates) == 3


def test_dydx_orders_and_book(dydx: Any, answers: dict[str, Any]) -> None:
    orders = {order["id"]: order for order in dydx.fetch_orders(BTC, params={"address": "x", "subAccountNumber": "0"})}
    for raw in answers["dydx_v4/http_get_orders"]:
        order = orders.pop(raw["id"])
        found = (order["clientOrderId"], order["price"], order["amount"], order["filled"], order["reduceOnly"])
        assert found == (raw["clientId"], raw["price"], raw["size"], raw["totalFilled"], raw["reduceOnly"])
        assert (order["status"], order["side"]) == ("closed", raw["side"].lower())
    assert not orders
    book = dydx.fetch_order_book(BTC)
    raw_book = answers["dydx_v4/http_get_orderbook"]
    for side in ("bids", "asks"):
        # floats, whatever `number` says: only their texts are exact
        assert [(price, size) for price, size in book[side]] == [
            (float(level["price"]), float(level["size"])) for level in raw_book[side]
        ]


def test_what_ccxt_loses_of_dydx(dydx: Any, answers: dict[str, Any]) -> None:
    assert dydx.fetch_time() == 1_765_210_316  # seconds, where ccxt promises milliseconds
    balance = dydx.fetch_balance({"address": "x"})
    assert balance["USDC"]["free"] == answers["dydx_v4/http_get_subaccount"]["subaccount"]["freeCollateral"]
    assert balance["USDC"]["total"] is None
    assert len(answers["dydx_v4/http_get_transfers"]["transfers"]) == 1
    assert dydx.fetch_transfers(params={"address": "x", "subAccountNumber": "0"}) == []


def test_lighter(lighter: Any, answers: dict[str, Any]) -> None:
    (raw,) = answers["lighter/http_order_book_details"]["order_book_details"]
    market = lighter.market(ETH)
    assert market["precision"] == {"amount": "0.0001", "price": "0.01"}
    assert market["limits"]["amount"]["min"] == raw["min_base_amount"]
    assert market["limits"]["cost"]["min"] == raw["min_quote_amount"]
    assert (market["taker"], market["maker"]) == (raw["taker_fee"], raw["maker_fee"])
    book = lighter.fetch_order_book(ETH)
    levels = answers["lighter/http_order_book_orders"]
    for side in ("bids", "asks"):
        assert [tuple(level) for level in book[side]] == [
            (float(level["price"]), float(level["remaining_base_amount"])) for level in levels[side]
        ]
    (trade,) = lighter.fetch_trades(ETH)
    (raw_trade,) = answers["lighter/http_recent_trades"]["trades"]
    assert (trade["id"], trade["price"], trade["amount"]) == ("19211490282", raw_trade["price"], raw_trade["size"])
    assert (trade["timestamp"], trade["side"]) == (raw_trade["timestamp"], "sell")


def test_derive(answers: dict[str, Any]) -> None:
    derive = client("derive", {})
    raw = answers["derive/spot_instrument_eth_mainnet"]
    market = derive.parse_market(raw)
    assert (market["precision"]["amount"], market["precision"]["price"]) == (raw["amount_step"], raw["tick_size"])
    assert (market["taker"], market["limits"]["amount"]["min"]) == (raw["taker_fee_rate"], raw["minimum_amount"])
    derive.set_markets([market])
    for name in ("spot_http_submit_order_response", "spot_http_submit_order_response_mainnet"):
        sent = answers[f"derive/{name}"]["result"]["order"]
        order = derive.parse_order(sent)
        assert (order["id"], order["clientOrderId"], order["status"]) == (sent["order_id"], sent["label"], "open")
        assert (order["price"], order["amount"], order["filled"]) == (sent["limit_price"], sent["amount"], "0")
    fill = answers["derive/spot_ws_trade_eth"]
    trade = derive.parse_trade(fill)
    assert (trade["price"], trade["amount"], trade["takerOrMaker"]) == (
        fill["trade_price"],
        fill["trade_amount"],
        "maker",
    )
    slim = answers["derive/perps_ws_ticker_slim_eth"]["instrument_ticker"]
    ticker = derive.parse_ticker(slim)
    found = [ticker[name] for name in ("bid", "bidVolume", "ask", "askVolume", "indexPrice", "markPrice")]
    assert found == [slim[name] for name in "bBaAIM"]
