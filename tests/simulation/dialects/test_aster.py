"""Aster's dialect, driven by ccxt's own class (REST and WebSocket), and what it refuses."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from keeper.venues.simulated.dialects.aster.signing import message
from tests.simulation.dialects.conftest import OTHER_KEY, SEAT_KEY, Served, library

BTC, DOGE, SOL = "BTC/USDT:USDT", "DOGE/USDT:USDT", "SOL/USDT:USDT"
CLOID = "0x" + "ab" * 16
HOUR_MS = 3_600_000
WAIT_S = 15


pytestmark = pytest.mark.xdist_group("dialect_aster")


@pytest.fixture(scope="module")
def served(serve: Callable[..., Served]) -> Served:
    return serve("aster")


@pytest.fixture
async def exchange(served: Served) -> AsyncIterator[Any]:
    """ccxt's own class without its builder."""

    found = library("ccxt.pro").aster(served.config(builderFee=False))
    yield found
    await found.close()


def signed(served: Served, method: str, path: str, query: str, key: str, *, user: str | None = None) -> tuple[int, Any]:
    """A request signed with `key` for `user`, by hand. Returns status and body."""
    account = Account.from_key(key)
    text = f"{query}{'&' if query else ''}nonce={time.time_ns() // 1000}&user={user or account.address}"
    text += f"&signer={account.address}"
    signature = account.sign_message(encode_typed_data(full_message=message(text))).signature.hex()
    return send(served, method, path, f"{text}&signature=0x{signature}")


def send(served: Served, method: str, path: str, query: str) -> tuple[int, Any]:
    url = f"{served.url}/fapi/v3/{path}"
    data = None if method == "GET" else query.encode()
    request = urllib.request.Request(f"{url}?{query}" if method == "GET" else url, data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


async def test_markets_prices_and_book(exchange: Any) -> None:
    markets = await exchange.load_markets()
    assert markets[BTC]["swap"]
    assert markets[BTC]["precision"]["price"] == 1.0
    assert markets["1000PEPE/USDT:USDT"]["active"]
    assert not markets["FTM/USDT:USDT"]["active"]
    ticker, book = await exchange.fetch_ticker(BTC), await exchange.fetch_order_book(BTC, 20)
    best_bid, best_ask = book["bids"][0][0], book["asks"][0][0]
    assert best_bid < best_ask
    assert abs(ticker["last"] / best_ask - 1) < 0.02
    assert len(book["bids"]) == 20
    assert len(await exchange.fetch_tickers()) == 23
    candles = await exchange.fetch_ohlcv(BTC, "1h", limit=5)
    assert len(candles) == 5
    assert abs(await exchange.fetch_time() - exchange.milliseconds()) < 5_000 + 24 * HOUR_MS


async def test_an_order_from_placement_to_the_records(exchange: Any) -> None:
    await exchange.load_markets()
    before = (await exchange.fetch_balance())["USDT"]["total"]
    ask = (await exchange.fetch_order_book(BTC))["asks"][0][0]
    params = {"timeInForce": "IOC", "clientOrderId": CLOID, "newOrderRespType": "RESULT"}
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, round(ask * 1.01), params)
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.01, CLOID)
    assert (await exchange.fetch_order(None, BTC, {"clientOrderId": CLOID}))["id"] == order["id"]
    trades = [one for one in await exchange.fetch_my_trades(BTC) if one["order"] == order["id"]]
    assert sum(one["amount"] for one in trades) == 0.01
    assert trades[0]["takerOrMaker"] == "taker"
    [position] = await exchange.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (BTC, "long", 0.01)
    closed = await exchange.create_order(BTC, "market", "sell", 0.01, None, {"newOrderRespType": "RESULT"})
    assert closed["status"] == "closed"
    assert await exchange.fetch_positions() == []
    trades = [one for one in await exchange.fetch_my_trades(BTC) if one["order"] in (order["id"], closed["id"])]
    profit = sum(float(one["info"]["realizedPnl"]) for one in trades) - sum(one["fee"]["cost"] for one in trades)
    after = (await exchange.fetch_balance())["USDT"]["total"]
    assert after - before == pytest.approx(profit, abs=1e-8)


async def test_without_the_result_wanted_an_order_is_only_acknowledged(exchange: Any) -> None:
    await exchange.load_markets()
    order = await exchange.create_order(BTC, "market", "buy", 0.001)
    assert (order["status"], order["filled"]) == ("open", 0)
    assert (await exchange.fetch_order(order["id"], BTC))["status"] == "closed"
    await exchange.create_order(BTC, "market", "sell", 0.001)


async def test_a_resting_order_is_cancelled(exchange: Any) -> None:
    await exchange.load_markets()
    bid = (await exchange.fetch_order_book(BTC))["bids"][0][0]
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.9), {"postOnly": True})
    assert [one["id"] for one in await exchange.fetch_open_orders(BTC)] == [order["id"]]
    assert (await exchange.cancel_order(order["id"], BTC))["status"] == "canceled"
    assert await exchange.fetch_open_orders(BTC) == []
    ccxt = library()

    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(order["id"], BTC)


async def test_refusals_in_the_venues_words(exchange: Any) -> None:
    ccxt = library()

    await exchange.load_markets()
    price = round((await exchange.fetch_order_book(BTC))["bids"][0][0])
    with pytest.raises(ccxt.InsufficientFunds, match="Margin is insufficient"):
        await exchange.create_order(BTC, "limit", "buy", 1_000, price)
    with pytest.raises(ccxt.InvalidOrder, match="-4164"):
        await exchange.create_order(BTC, "limit", "buy", 0.0001, price)
    with pytest.raises(ccxt.BaseError, match="-2022"):
        await exchange.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    with pytest.raises(ccxt.BaseError, match="-5022"):
        await exchange.create_order(BTC, "limit", "buy", 0.01, round(price * 1.01), {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("12345", BTC)


async def test_nothing_matched_is_an_expired_order(exchange: Any) -> None:
    await exchange.load_markets()
    price = round((await exchange.fetch_order_book(BTC))["bids"][0][0] * 0.95)
    params = {"timeInForce": "IOC", "newOrderRespType": "RESULT"}
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, price, params)
    assert (order["info"]["status"], order["status"], order["filled"]) == ("EXPIRED", "canceled", 0)


def test_only_the_owner_or_its_agent_is_heard(served: Served) -> None:
    seat = Account.from_key(SEAT_KEY).address
    assert signed(served, "GET", "balance", "", SEAT_KEY)[0] == 200
    status, answer = signed(served, "GET", "balance", "", OTHER_KEY, user=seat)
    assert (status, answer["code"]) == (401, -2015)
    good = f"nonce={time.time_ns() // 1000}&user={seat}&signer={seat}"
    status, answer = send(served, "GET", "balance", f"{good}&signature=0x{'11' * 65}")
    assert (status, answer["code"], answer["msg"]) == (401, -1022, "Signature for this request is not valid.")
    assert send(served, "GET", "balance", good)[1]["code"] == -1102


def test_a_changed_parameter_or_a_replayed_command_is_refused(served: Served) -> None:
    account = Account.from_key(SEAT_KEY)
    text = f"symbol=BTCUSDT&leverage=5&nonce={time.time_ns() // 1000}&user={account.address}&signer={account.address}"
    signature = "0x" + account.sign_message(encode_typed_data(full_message=message(text))).signature.hex()
    assert send(served, "POST", "leverage", f"{text}&signature={signature}")[0] == 200
    assert send(served, "POST", "leverage", f"{text}&signature={signature}")[1]["code"] == -1021
    changed = text.replace("leverage=5", "leverage=6")
    assert send(served, "POST", "leverage", f"{changed}&signature={signature}")[1]["code"] == -1022
    old = f"nonce={time.time_ns() // 1000 - 3_600_000_000}&user={account.address}&signer={account.address}"
    signature = "0x" + account.sign_message(encode_typed_data(full_message=message(old))).signature.hex()
    assert send(served, "GET", "balance", f"{old}&signature={signature}")[1]["code"] == -1021


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", -1102),
        ("symbol=NOPE&side=BUY&type=LIMIT&quantity=1&price=1&timeInForce=GTC", -1121),
        ("symbol=BTCUSDT&side=UP&type=LIMIT&quantity=1&price=1&timeInForce=GTC", -1117),
        ("symbol=BTCUSDT&side=BUY&type=STOP&quantity=1&price=1&timeInForce=GTC", -1116),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=1&timeInForce=FOK", -1115),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.000001&price=1&timeInForce=GTC", -1111),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=NaN&price=1&timeInForce=GTC", -1111),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0&price=1&timeInForce=GTC", -4003),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=66000.5&timeInForce=GTC", -4014),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=1&timeInForce=GTC&newClientOrderId=" + "x" * 37, -4015),
        ("symbol=FTMUSDT&side=BUY&type=MARKET&quantity=1", -4108),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&builder=0x01&feeRate=0.001", -2017),
    ],
)
def test_bad_orders(served: Served, query: str, code: int) -> None:
    status, answer = signed(served, "POST", "order", query, SEAT_KEY)
    assert (status, answer["code"]) == (400, code)


async def test_streams_that_ccxt_reads(exchange: Any) -> None:
    await exchange.load_markets()
    book = await asyncio.wait_for(exchange.watch_order_book(BTC), WAIT_S)
    assert book["bids"][0][0] < book["asks"][0][0]
    first = book["timestamp"]  # ccxt changes the same book object in place
    assert (await asyncio.wait_for(exchange.watch_order_book(BTC), WAIT_S))["timestamp"] > first
    ticker = await asyncio.wait_for(exchange.watch_mark_price(BTC), WAIT_S)
    assert ticker["markPrice"] > 0
    best = (await asyncio.wait_for(exchange.watch_bids_asks([BTC]), WAIT_S))[BTC]
    assert best["bid"] < best["ask"]
    watching = asyncio.ensure_future(exchange.watch_trades(BTC))
    await asyncio.sleep(0.3)
    await exchange.create_order(BTC, "market", "buy", 0.001)
    [trade] = await asyncio.wait_for(watching, WAIT_S)
    assert (trade["side"], trade["amount"]) == ("buy", 0.001)
    await exchange.create_order(BTC, "market", "sell", 0.001)


async def test_the_private_streams_of_this_ccxt_are_broken_but_its_parsers_are_not(exchange: Any) -> None:
    """4.5.90 asks for a market type that it never sets; with the cache it forgets, its own handlers do the rest."""
    ccxt = library()

    await exchange.load_markets()
    for watch in (exchange.watch_my_trades, exchange.watch_orders):
        with pytest.raises(ccxt.ArgumentsRequired, match="requires a market type"):
            await watch(BTC)
    assert await asyncio.wait_for(exchange.watch_positions(), WAIT_S) is not None
    exchange.balance = {"swap": {}}
    watching = asyncio.ensure_future(exchange.watch_positions())
    await asyncio.sleep(0.3)
    order = await exchange.create_order(BTC, "market", "buy", 0.002, None, {"newOrderRespType": "RESULT"})
    [position] = await asyncio.wait_for(watching, WAIT_S)
    assert (position["symbol"], position["side"], position["contracts"]) == (BTC, "long", 0.002)
    assert sum(trade["amount"] for trade in exchange.myTrades if trade["order"] == order["id"]) == 0.002
    assert [one["status"] for one in exchange.orders if one["id"] == order["id"]] == ["closed"]
    assert exchange.balance["swap"]["USDT"]["total"] > 0
    await exchange.create_order(BTC, "market", "sell", 0.002)


async def test_the_builder_ccxt_brings_along_is_paid_unless_switched_off(served: Served, exchange: Any) -> None:

    await exchange.load_markets()
    plain = await exchange.create_order(BTC, "market", "buy", 0.01)
    [fill] = [one for one in await exchange.fetch_my_trades(BTC) if one["order"] == plain["id"]]
    assert fill["fee"]["cost"] == pytest.approx(fill["cost"] * 0.00045, abs=1e-6)
    trusting = library("ccxt.pro").aster(served.config())
    try:
        order = await trusting.create_order(BTC, "market", "sell", 0.01)
        [paid] = [one for one in await trusting.fetch_my_trades(BTC) if one["order"] == order["id"]]
        assert paid["fee"]["cost"] == pytest.approx(paid["cost"] * 0.00145, abs=2e-6)
    finally:
        await trusting.close()


async def test_funding_at_the_symbols_own_interval(served: Served, exchange: Any) -> None:
    await exchange.load_markets()
    intervals = {one["symbol"]: one["interval"] for one in (await exchange.fetch_funding_intervals()).values()}
    assert (intervals[BTC], intervals[SOL], intervals[DOGE]) == ("8h", "4h", "1h")
    for symbol, size in ((BTC, 0.01), (SOL, 5), (DOGE, 5_000)):
        await exchange.create_order(symbol, "market", "sell", size)
    now = await exchange.fetch_time()
    due = (now // (8 * HOUR_MS) + 1) * 8 * HOUR_MS
    served.admin("advance", to_ms=due + 60_000)
    counts, paid = {}, {}
    for symbol in (BTC, SOL, DOGE):
        rows = await exchange.fetch_funding_history(symbol, since=now)
        rates = {one["timestamp"]: one for one in await exchange.fetch_funding_rate_history(symbol, since=now)}
        counts[symbol], paid[symbol] = len(rows), rows
        assert rates.keys() == {one["timestamp"] for one in rows}
        for one in rows:
            assert one["timestamp"] % HOUR_MS < 1_000
    first = now // HOUR_MS + 1
    hours = range(first, due // HOUR_MS + 1)
    assert counts == {BTC: 1, SOL: sum(hour % 4 == 0 for hour in hours), DOGE: len(hours)}
    current = await exchange.fetch_funding_rate(BTC)
    assert current["nextFundingTimestamp"] == due + 8 * HOUR_MS
    for symbol, size in ((BTC, 0.01), (SOL, 5), (DOGE, 5_000)):
        await exchange.create_order(symbol, "market", "buy", size)
    assert served.admin("state")["conservation"]["difference"] == 0


async def test_the_ledger_adds_up_to_the_balance(exchange: Any) -> None:
    """Every income row since the deposit, summed, is what the wallet holds."""
    await exchange.load_markets()
    for side in ("buy", "sell"):
        await exchange.create_order(BTC, "market", side, 0.001)
    rows = await exchange.fapiPrivateGetV3Income({"limit": 1000})
    held = (await exchange.fapiPrivateGetV3Balance())[0]
    assert sum(round(float(row["income"]) * 1e8) for row in rows) == round(float(held["balance"]) * 1e8)
    assert {row["incomeType"] for row in rows} >= {"TRANSFER", "COMMISSION", "REALIZED_PNL"}


async def test_a_lost_acknowledgement_is_no_lost_order(served: Served, exchange: Any) -> None:
    ccxt = library()

    await exchange.load_markets()
    cloid = "0x" + "cd" * 16
    price = round((await exchange.fetch_order_book(BTC))["asks"][0][0] * 1.01)
    served.admin("fault", kind="drop_ack", count=1)
    with pytest.raises(ccxt.NetworkError):
        await exchange.create_order(BTC, "limit", "buy", 0.001, price, {"timeInForce": "IOC", "clientOrderId": cloid})
    assert (await exchange.fetch_order(None, BTC, {"clientOrderId": cloid}))["filled"] == 0.001
    served.admin("fault", kind="drop_request", count=1)
    other = "0x" + "ce" * 16
    with pytest.raises(ccxt.NetworkError):
        await exchange.create_order(BTC, "market", "sell", 0.001, None, {"clientOrderId": other})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order(None, BTC, {"clientOrderId": other})
    await exchange.create_order(BTC, "market", "sell", 0.001)
