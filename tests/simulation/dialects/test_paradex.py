"""Paradex's dialect, driven by ccxt's own class (REST and WebSocket), and what it refuses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.simulation.dialects.conftest import OTHER_KEY, Served, library

BTC, ETH = "BTC/USD:USDC", "ETH/USD:USDC"
CLOID = "0x" + "ab" * 16
HOUR_MS = 3_600_000
WAIT_S = 15


pytestmark = pytest.mark.xdist_group("dialect_paradex")


@pytest.fixture(scope="module")
def served(serve: Callable[..., Served]) -> Served:
    return serve("paradex")


@pytest.fixture
async def exchange(served: Served) -> AsyncIterator[Any]:
    """ccxt's own class with an account that is open."""

    found = library("ccxt.pro").paradex(served.config())
    await found.onboarding()
    await found.load_markets()
    yield found
    await found.close()


async def test_markets_prices_and_book(exchange: Any) -> None:
    assert exchange.markets[BTC]["swap"]
    assert exchange.markets[BTC]["precision"]["price"] == 1.0
    assert "FTM/USD:USDC" not in exchange.markets
    ticker, book = await exchange.fetch_ticker(BTC), await exchange.fetch_order_book(BTC)
    assert ticker["bid"] < ticker["ask"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(await exchange.fetch_tickers()) == 23
    fee = await exchange.fetch_trading_fee(BTC)
    assert (fee["taker"], fee["maker"]) == (0.00045, 0.00015)


async def test_an_order_is_new_first_and_closed_in_its_record(exchange: Any) -> None:
    ask = (await exchange.fetch_order_book(BTC))["asks"][0][0]
    params = {"timeInForce": "IOC", "clientOrderId": CLOID}
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, round(ask * 1.01), params)
    assert (order["status"], order["filled"], order["info"]["status"]) == ("open", 0, "NEW")
    found = await exchange.fetch_order(None, BTC, {"clientOrderId": CLOID})
    assert (found["id"], found["status"], found["filled"]) == (order["id"], "closed", 0.01)
    trades = [one for one in await exchange.fetch_my_trades(BTC) if one["order"] == order["id"]]
    assert sum(one["amount"] for one in trades) == 0.01
    [position] = await exchange.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (BTC, "long", 0.01)
    await exchange.create_order(BTC, "market", "sell", 0.01)
    assert await exchange.fetch_positions() == []


async def test_the_balance_moves_by_realised_profit_fees_and_funding(exchange: Any) -> None:
    before = (await exchange.fetch_balance())["USDC"]["total"]
    known = {one["id"] for one in await exchange.fetch_my_trades(ETH)}
    for side in ("buy", "sell"):
        await exchange.create_order(ETH, "market", side, 0.5)
    trades = [one for one in await exchange.fetch_my_trades(ETH) if one["id"] not in known]
    earned = sum(float(one["info"][name]) for one in trades for name in ("realized_pnl", "realized_funding"))
    after = (await exchange.fetch_balance())["USDC"]["total"]
    assert after - before == pytest.approx(earned - sum(one["fee"]["cost"] for one in trades), abs=1e-8)


async def test_a_resting_order_is_cancelled(exchange: Any) -> None:
    bid = (await exchange.fetch_order_book(BTC))["bids"][0][0]
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.9), {"postOnly": True})
    assert [one["id"] for one in await exchange.fetch_open_orders(BTC)] == [order["id"]]
    await exchange.cancel_order(order["id"], BTC)
    found = await exchange.fetch_order(order["id"], BTC)
    assert (found["status"], found["info"]["cancel_reason"]) == ("canceled", "USER_CANCELED")
    ccxt = library()

    with pytest.raises(ccxt.InvalidOrder, match="ORDER_IS_CLOSED"):
        await exchange.cancel_order(order["id"], BTC)


@pytest.mark.parametrize(
    ("size", "factor", "params", "reason"),
    [
        (1_000, 1.0, {}, "NOT_ENOUGH_MARGIN"),
        (0.01, 0.95, {"timeInForce": "IOC"}, "REMAINING_IOC_CANCEL"),
        (0.01, 1.01, {"postOnly": True}, "POST_ONLY_WOULD_CROSS"),
        (0.01, 1.0, {"reduceOnly": True}, "REDUCE_ONLY_WILL_INCREASE"),
    ],
)
async def test_what_cannot_be_done_is_accepted_and_closed_with_its_reason(
    exchange: Any, size: float, factor: float, params: dict[str, Any], reason: str
) -> None:
    bid = (await exchange.fetch_order_book(BTC))["bids"][0][0]
    order = await exchange.create_order(BTC, "limit", "buy", size, round(bid * factor), params)
    found = await exchange.fetch_order(order["id"], BTC)
    assert (found["info"]["status"], found["info"]["cancel_reason"]) == ("CLOSED", reason)
    assert found["filled"] == 0


async def test_refusals_in_the_venues_words(exchange: Any) -> None:
    ccxt = library()

    bid = round((await exchange.fetch_order_book(BTC))["bids"][0][0])
    with pytest.raises(ccxt.BaseError, match="min_notional"):
        await exchange.create_order(BTC, "limit", "buy", 0.0001, bid)
    with pytest.raises(ccxt.InvalidOrder, match="CLIENT_ORDER_ID_NOT_FOUND"):
        await exchange.fetch_order(None, BTC, {"clientOrderId": "none"})
    resting = {"clientOrderId": "twice", "postOnly": True}
    order = await exchange.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.9), resting)
    with pytest.raises(ccxt.InvalidOrder, match="DUPLICATED_CLIENT_ID"):
        await exchange.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.9), resting)
    await exchange.cancel_order(order["id"], BTC)


async def test_an_account_must_be_opened_first(served: Served) -> None:

    ccxt = library()
    stranger = library("ccxt.pro").paradex(served.config(OTHER_KEY))
    try:
        with pytest.raises(ccxt.BadRequest, match="NOT_ONBOARDED"):
            await stranger.fetch_balance()
    finally:
        await stranger.close()


async def test_an_account_that_is_open_is_nobody_elses(served: Served, exchange: Any) -> None:
    ccxt = library()
    thief = library("ccxt.pro").paradex(served.config(OTHER_KEY) | {"walletAddress": exchange.walletAddress})
    try:
        with pytest.raises(ccxt.BadRequest, match="ALREADY_ONBOARDED"):
            await thief.onboarding()
    finally:
        await thief.close()


async def test_a_wrong_signature_is_refused(exchange: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the token, on an order, and on an order whose size was changed after it was signed."""
    ccxt = library()

    bid = round((await exchange.fetch_order_book(BTC))["bids"][0][0] * 0.9)
    await exchange.authenticate_rest()
    request = exchange.create_order_request(BTC, "limit", "buy", 0.01, bid)
    order = await exchange.sign_order_request(request)
    with pytest.raises(ccxt.AuthenticationError, match="INVALID_ORDER_SIGNATURE"):
        await exchange.private_post_orders(order | {"size": "0.02"})
    with pytest.raises(ccxt.AuthenticationError, match="INVALID_ORDER_SIGNATURE"):
        await exchange.private_post_orders(order | {"signature": '["0x1","0x2"]'})
    placed = await exchange.private_post_orders(order)
    await exchange.cancel_order(placed["id"], BTC)
    exchange.options["authToken"] = None
    monkeypatch.setattr(exchange, "starknet_sign", lambda *_: '["0x1","0x2"]')
    with pytest.raises(ccxt.AuthenticationError, match="STARKNET_SIGNATURE_VERIFICATION_FAILED"):
        await exchange.fetch_balance()
    exchange.options |= {"authToken": "made up", "expires": 2**40}
    with pytest.raises(ccxt.BaseError, match="INVALID_TOKEN"):
        await exchange.fetch_balance()


async def test_the_streams(exchange: Any) -> None:
    book = await asyncio.wait_for(exchange.watch_order_book(BTC), WAIT_S)
    assert book["bids"][0][0] < book["asks"][0][0]
    first = book["nonce"]  # ccxt changes the same book object in place
    assert (await asyncio.wait_for(exchange.watch_order_book(BTC), WAIT_S))["nonce"] > first
    assert (await asyncio.wait_for(exchange.watch_ticker(BTC), WAIT_S))["markPrice"] > 0
    assert (await asyncio.wait_for(exchange.watch_funding_rate(BTC), WAIT_S))["interval"] == "8h"
    waiting = [
        asyncio.ensure_future(watch)
        for watch in (
            exchange.watch_my_trades(BTC),
            exchange.watch_orders(BTC),
            exchange.watch_positions([BTC]),
            exchange.watch_balance(),
            exchange.watch_trades(BTC),
        )
    ]
    await asyncio.sleep(1.5)
    order = await exchange.create_order(BTC, "market", "buy", 0.002)
    fills, orders, positions, balance, trades = await asyncio.wait_for(asyncio.gather(*waiting), WAIT_S)
    assert [(one["order"], one["amount"]) for one in fills] == [(order["id"], 0.002)]
    assert (orders[-1]["id"], orders[-1]["status"], orders[-1]["filled"]) == (order["id"], "closed", 0.002)
    assert (positions[-1]["side"], positions[-1]["contracts"]) == ("long", 0.002)
    assert balance["USDC"]["total"] > 0
    assert trades[-1]["amount"] == 0.002
    await exchange.create_order(BTC, "market", "sell", 0.002)


async def test_funding_accrues_all_the_time_and_is_paid_by_the_next_fill(served: Served, exchange: Any) -> None:
    await exchange.create_order(BTC, "market", "buy", 0.1)
    start = (await exchange.public_get_funding_data({"market": "BTC-USD-PERP"}))["results"]
    served.admin("advance", ms=90 * 60_000)
    [position] = await exchange.fetch_positions()
    owed = float(position["info"]["unrealized_funding_pnl"])
    assert owed != 0
    assert await exchange.fetch_funding_history(BTC, since=await exchange.fetch_time() - HOUR_MS) == []
    cash = (await exchange.fetch_balance())["USDC"]["total"]
    order = await exchange.create_order(BTC, "market", "sell", 0.1)
    [row] = (await exchange.fetch_funding_history(BTC))[-1:]
    [fill] = [one for one in await exchange.fetch_my_trades(BTC) if one["order"] == order["id"]]
    assert row["amount"] == pytest.approx(owed, rel=0.01)
    assert float(fill["info"]["realized_funding"]) == row["amount"]
    assert row["info"]["fill_id"] == fill["id"]
    gained = (await exchange.fetch_balance())["USDC"]["total"] - cash
    earned = float(fill["info"]["realized_pnl"]) - fill["fee"]["cost"] + row["amount"]
    assert gained == pytest.approx(earned, abs=1e-8)
    history = (await exchange.public_get_funding_data({"market": "BTC-USD-PERP"}))["results"]
    assert len(history) > len(start)
    assert len({one["funding_index"] for one in history}) == len(history)
    state = served.admin("state")
    assert state["conservation"]["difference"] == 0


async def test_a_lost_acknowledgement_is_no_lost_order(served: Served, exchange: Any) -> None:
    ccxt = library()

    price = round((await exchange.fetch_order_book(BTC))["asks"][0][0] * 1.01)
    params = {"timeInForce": "IOC", "clientOrderId": "0x" + "cd" * 16}
    served.admin("fault", kind="drop_ack", count=1)
    with pytest.raises(ccxt.NetworkError):
        await exchange.create_order(BTC, "limit", "buy", 0.001, price, params)
    assert (await exchange.fetch_order(None, BTC, {"clientOrderId": params["clientOrderId"]}))["filled"] == 0.001
    await exchange.create_order(BTC, "market", "sell", 0.001)
