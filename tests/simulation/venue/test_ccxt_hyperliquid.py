"""ccxt's `hyperliquid`, async and pro, unmodified but for its URLs, against a served venue."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt.async_support as ccxt_async  # type: ignore[import-untyped]
import ccxt.pro as ccxt_pro  # type: ignore[import-untyped]
import pytest

PERP = "ETH/USDC:USDC"
BUILDER = "0x6530512A6c89C7cfCEbC3BA7fcD9aDa5f30827a6"  # ccxt's own


def configured(kind: type, served: Any, key: Any) -> Any:
    venue = kind({"walletAddress": key.address, "privateKey": "0x" + bytes(key.key).hex()})
    socket_url = "ws" + served.url.removeprefix("http") + "/ws"
    venue.urls["api"] = {"public": served.url, "private": served.url, "ws": {"public": socket_url}}
    return venue


@pytest.fixture
async def venue(served: Any, keys: Any) -> AsyncIterator[Any]:
    made = configured(ccxt_async.hyperliquid, served, keys[0])
    yield made
    await made.close()


@pytest.fixture
async def pro(served: Any, keys: Any) -> AsyncIterator[Any]:
    made = configured(ccxt_pro.hyperliquid, served, keys[0])
    yield made
    await made.close()


async def test_markets_of_every_kind_and_their_data(venue: Any) -> None:
    markets = await venue.load_markets()
    assert markets[PERP]["baseId"] == "1"
    assert markets["HYPE/USDC"]["spot"]
    assert markets["XYZ-TSLA/USDC:USDC"]["precision"]["amount"] == 0.001
    book = await venue.fetch_order_book(PERP)
    assert book["bids"][0][0] < book["asks"][0][0]
    ticker = await venue.fetch_ticker(PERP)
    assert ticker["last"] > 0
    candles = await venue.fetch_ohlcv(PERP, "1m", limit=5)
    assert len(candles) == 5
    rates = await venue.fetch_funding_rates([PERP])
    assert rates[PERP]["interval"] == "1h"
    assert isinstance(await venue.fetch_funding_rate_history(PERP, limit=3), list)
    assert isinstance(await venue.fetch_trades(PERP), list)
    assert (await venue.fetch_status())["status"] == "ok"
    assert "HYPE" in await venue.fetch_currencies()


async def test_order_rests_is_changed_and_canceled(venue: Any) -> None:
    await venue.load_markets()
    mid = (await venue.fetch_ticker(PERP))["last"]
    order = await venue.create_order(PERP, "limit", "buy", 0.1, round(mid * 0.8))
    assert [found["id"] for found in await venue.fetch_open_orders(PERP)] == [order["id"]]
    changed = await venue.edit_order(order["id"], PERP, "limit", "buy", 0.2, round(mid * 0.81))
    assert (await venue.fetch_order(changed["id"], PERP))["amount"] == 0.2
    await venue.cancel_order(changed["id"], PERP)
    assert (await venue.fetch_order(changed["id"], PERP))["status"] == "canceled"
    with pytest.raises(ccxt_async.OrderNotFound):
        await venue.cancel_order(changed["id"], PERP)


async def test_market_order_fills_and_shows_in_every_record(venue: Any, keys: Any, served: Any) -> None:
    await venue.load_markets()
    await venue.set_leverage(10, PERP)
    mid = (await venue.fetch_ticker(PERP))["last"]
    opened = await venue.create_order(PERP, "market", "buy", 0.5, mid)
    assert opened["filled"] == 0.5
    [position] = await venue.fetch_positions([PERP])
    assert (position["contracts"], position["side"], position["leverage"]) == (0.5, "long", 10)
    assert position["liquidationPrice"] is None or position["liquidationPrice"] < mid
    fills = await venue.fetch_my_trades(PERP)
    assert fills[-1]["order"] == opened["id"]
    balance = await venue.fetch_balance()
    assert 90_000 < balance["USDC"]["total"] < 100_000
    await venue.create_order(PERP, "market", "sell", 0.5, mid, {"reduceOnly": True})
    assert await venue.fetch_positions([PERP]) == []
    served.admin("advance", ms=1)
    assert isinstance(await venue.fetch_funding_history(PERP), list)
    assert len(await venue.fetch_ledger("USDC")) >= 1


async def test_the_builder_s_fee_that_ccxt_approves_for_itself_is_charged(served: Any, keys: Any) -> None:
    """As at the real venue: whoever lets ccxt sign with the master key pays its builder a basis point."""
    venue = configured(ccxt_async.hyperliquid, served, keys[1])
    try:
        await venue.load_markets()
        mid = (await venue.fetch_ticker(PERP))["last"]
        await venue.create_order(PERP, "market", "buy", 0.1, mid)
    finally:
        await venue.close()
    user = keys[1].address
    assert served.info(type="maxBuilderFee", user=user, builder=BUILDER) == 10
    [fill] = served.info(type="userFills", user=user)[:1]
    notional = float(fill["px"]) * float(fill["sz"])
    assert float(fill["builderFee"]) == pytest.approx(notional * 1e-4, abs=1e-6)
    assert float(fill["fee"]) == pytest.approx(notional * (4.5e-4 * 0.96 + 1e-4), abs=2e-6)
    assert served.info(type="referral", user=user)["referredBy"]["code"] == "CCXT1"


async def test_funding_is_in_ccxt_s_history(start: Any, keys: Any) -> None:
    served = start("--fund", f"{keys[0].address}=100000")
    venue = configured(ccxt_async.hyperliquid, served, keys[0])
    try:
        await venue.load_markets()
        mid = (await venue.fetch_ticker(PERP))["last"]
        await venue.create_order(PERP, "market", "buy", 1, mid)
        served.admin("advance", ms=3_600_000)
        [row] = await venue.fetch_funding_history(PERP)
        assert row["amount"] != 0
        assert len(await venue.fetch_funding_rate_history(PERP)) == 1
    finally:
        await venue.close()


async def test_everything_that_pro_watches_arrives(pro: Any) -> None:
    await pro.load_markets()
    mid = (await pro.fetch_ticker(PERP))["last"]
    book = await asyncio.wait_for(pro.watch_order_book(PERP), 10)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await asyncio.wait_for(pro.watch_ticker(PERP), 10))["symbol"] == PERP
    assert PERP in await asyncio.wait_for(pro.watch_tickers(), 10)
    assert len(await asyncio.wait_for(pro.watch_ohlcv(PERP, "1m"), 10)) >= 1
    waiting = [asyncio.create_task(call()) for call in (pro.watch_orders, pro.watch_my_trades)]
    trades = asyncio.create_task(pro.watch_trades(PERP))
    await asyncio.sleep(0.5)
    order = await pro.create_order_ws(PERP, "market", "buy", 0.1, mid)
    orders, fills, public = await asyncio.wait_for(asyncio.gather(*waiting, trades), 10)
    assert orders[-1]["id"] == order["id"]
    assert fills
    assert public
    assert (await asyncio.wait_for(pro.watch_balance(), 15))["USDC"]["total"] > 0
    positions = await asyncio.wait_for(pro.watch_positions(), 15)
    assert positions[0]["symbol"] == PERP
    resting = await pro.create_order_ws(PERP, "limit", "buy", 0.1, round(mid * 0.8))
    assert await pro.cancel_order_ws(resting["id"], PERP)
    await pro.create_order_ws(PERP, "market", "sell", 0.1, mid, {"reduceOnly": True})
