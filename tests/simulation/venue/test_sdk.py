"""The unmodified hyperliquid-python-sdk against a served venue: what works there must work here."""

import queue
import time
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid


@pytest.fixture(scope="module")
def info(served: Any) -> Any:
    return Info(served.url, skip_ws=True)


@pytest.fixture(scope="module")
def exchange(served: Any, keys: Any) -> Any:
    return Exchange(keys[0], served.url)


def statuses(answer: Any) -> list[Any]:
    assert answer["status"] == "ok", answer
    found: list[Any] = answer["response"]["data"]["statuses"]
    return found


def test_market_open_and_close_leave_fills_and_no_position(info: Any, exchange: Any, keys: Any) -> None:
    user = keys[0].address
    opened = statuses(exchange.market_open("ETH", True, 0.5))[0]["filled"]
    assert opened["totalSz"] == "0.5"
    position = info.user_state(user)["assetPositions"][0]["position"]
    assert (position["coin"], position["szi"], position["entryPx"]) == ("ETH", "0.5", opened["avgPx"])
    assert statuses(exchange.market_close("ETH"))[0]["filled"]["totalSz"] == "0.5"
    assert info.user_state(user)["assetPositions"] == []
    fills = [fill for fill in info.user_fills(user) if fill["coin"] == "ETH"]
    assert {fill["dir"] for fill in fills} == {"Open Long", "Close Long"}
    for fill in fills:
        exact = Decimal(fill["px"]) * Decimal(fill["sz"]) * Decimal("0.00045")
        assert Decimal(fill["fee"]) == exact.quantize(Decimal("0.000001"), "ROUND_DOWN")
    assert sum(Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1) for fill in fills) == 0


def test_limit_order_rests_and_is_canceled_once(info: Any, exchange: Any, keys: Any) -> None:
    resting = statuses(exchange.order("BTC", True, 0.01, 50000, {"limit": {"tif": "Gtc"}}))[0]["resting"]
    [order] = [order for order in info.open_orders(keys[0].address) if order["oid"] == resting["oid"]]
    assert (order["limitPx"], order["sz"], order["side"]) == ("50000.0", "0.01", "B")
    assert statuses(exchange.cancel("BTC", resting["oid"])) == ["success"]
    again = statuses(exchange.cancel("BTC", resting["oid"]))
    assert again == [{"error": "Order was never placed, already canceled, or filled. asset=0"}]
    assert info.query_order_by_oid(keys[0].address, resting["oid"])["order"]["status"] == "canceled"


def test_order_by_client_id_is_found_and_canceled(info: Any, exchange: Any, keys: Any) -> None:
    cloid = Cloid.from_str("0x" + "a7" * 16)
    assert info.query_order_by_cloid(keys[0].address, cloid) == {"status": "unknownOid"}
    resting = statuses(exchange.order("SOL", False, 1, 150, {"limit": {"tif": "Alo"}}, cloid=cloid))[0]["resting"]
    assert resting["cloid"] == cloid.to_raw()
    assert info.query_order_by_cloid(keys[0].address, cloid)["order"]["order"]["oid"] == resting["oid"]
    assert statuses(exchange.cancel_by_cloid("SOL", cloid)) == ["success"]


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (("BTC", True, 0.0001, 60000, "Gtc"), "Order must have minimum value of $10. asset=0"),
        (("ETH", True, 1, 1500.01, "Gtc"), "Price must be divisible by tick size. asset=1"),
        (("BTC", True, 20, 66000, "Gtc"), "Insufficient margin to place order. asset=0"),
        (("BTC", True, 0.01, 50000, "Ioc"), "Order could not immediately match against any resting orders. asset=0"),
    ],
)
def test_refused_orders_get_the_venue_s_words(exchange: Any, order: Any, text: str) -> None:
    exchange.update_leverage(5, "BTC")
    coin, is_buy, size, price, tif = order
    assert statuses(exchange.order(coin, is_buy, size, price, {"limit": {"tif": tif}})) == [{"error": text}]


def test_post_only_order_that_would_match_is_refused(exchange: Any) -> None:
    [status] = statuses(exchange.order("ETH", True, 1, 2500, {"limit": {"tif": "Alo"}}))
    assert status["error"].startswith("Post only order would have immediately matched, bbo was ")
    assert status["error"].endswith(". asset=1")


def test_reduce_only_order_without_a_position_is_refused(exchange: Any) -> None:
    [status] = statuses(exchange.order("LTC", True, 1, 60, {"limit": {"tif": "Ioc"}}, reduce_only=True))
    assert status == {"error": "Reduce only order would increase position. asset=10"}


def test_leverage_is_kept_and_bounded(info: Any, exchange: Any, keys: Any) -> None:
    assert exchange.update_leverage(3, "XRP") == {"status": "ok", "response": {"type": "default"}}
    assert exchange.update_leverage(21, "XRP")["status"] == "err"
    exchange.market_open("XRP", False, 20)
    state = info.user_state(keys[0].address)
    [position] = [entry["position"] for entry in state["assetPositions"] if entry["position"]["coin"] == "XRP"]
    assert position["leverage"] == {"type": "cross", "value": 3}
    assert Decimal(position["marginUsed"]) == (Decimal(position["positionValue"]) / 3).quantize(
        Decimal("0.000001"), "ROUND_DOWN"
    )
    exchange.market_close("XRP")


def test_agent_trades_for_its_account_and_cannot_withdraw(served: Any, info: Any, exchange: Any, keys: Any) -> None:
    answer, agent_key = exchange.approve_agent("keeper")
    assert answer["status"] == "ok"
    agent = Account.from_key(agent_key)
    trader = Exchange(agent, served.url, account_address=keys[0].address)
    assert statuses(trader.market_open("BNB", True, 0.1))[0]["filled"]["totalSz"] == "0.1"
    assert info.user_role(agent.address) == {"role": "agent", "data": {"user": keys[0].address.lower()}}
    assert info.extra_agents(keys[0].address)[0]["name"] == "keeper"
    assert statuses(trader.market_close("BNB"))[0]["filled"]["totalSz"] == "0.1"
    refusal = f"Must deposit before performing actions. User: {agent.address.lower()}"
    assert trader.withdraw_from_bridge(10, agent.address) == {"status": "err", "response": refusal}
    assert trader.usd_transfer(10, agent.address) == {"status": "err", "response": refusal}
    exchange.approve_agent("keeper")
    revoked = trader.market_open("BNB", True, 0.1)
    assert revoked == {
        "status": "err",
        "response": f"User or API Wallet {agent.address.lower()} does not exist.",
    }


def test_unnamed_agent_trades(served: Any, exchange: Any, keys: Any) -> None:
    _, agent_key = exchange.approve_agent()
    trader = Exchange(Account.from_key(agent_key), served.url, account_address=keys[0].address)
    resting = statuses(trader.order("DOGE", True, 500, 0.05, {"limit": {"tif": "Gtc"}}))[0]["resting"]
    assert statuses(trader.cancel("DOGE", resting["oid"])) == ["success"]


def test_unknown_signer_is_named(served: Any, keys: Any) -> None:
    stranger = Exchange(keys[2], served.url)
    assert stranger.market_open("BTC", True, 0.01) == {
        "status": "err",
        "response": f"User or API Wallet {keys[2].address.lower()} does not exist.",
    }


def test_transfer_withdrawal_and_class_transfer_are_booked(info: Any, exchange: Any, keys: Any) -> None:
    sender, receiver = keys[0].address, keys[1].address
    before = Decimal(info.user_state(receiver)["marginSummary"]["accountValue"])
    assert exchange.usd_transfer(12.5, receiver)["status"] == "ok"
    assert Decimal(info.user_state(receiver)["marginSummary"]["accountValue"]) == before + Decimal("12.5")
    assert exchange.withdraw_from_bridge(20, sender)["status"] == "ok"
    assert exchange.usd_class_transfer(7, False)["status"] == "ok"
    assert info.spot_user_state(sender)["balances"][0]["total"] == "7.0"
    rows = info.user_non_funding_ledger_updates(sender, 0)
    kinds = [row["delta"]["type"] for row in rows]
    assert kinds == ["deposit", "internalTransfer", "withdraw", "accountClassTransfer"]
    assert (rows[2]["delta"]["usdc"], rows[2]["delta"]["fee"]) == ("19.0", "1.0")
    assert exchange.withdraw_from_bridge(10**7, sender) == {
        "status": "err",
        "response": "Insufficient balance for withdrawal",
    }


def test_websocket_brings_books_fills_and_order_updates(served: Any, exchange: Any, keys: Any) -> None:
    listener = Info(served.url, skip_ws=False)
    heard: queue.Queue[Any] = queue.Queue()
    user = keys[0].address
    try:
        listener.subscribe({"type": "l2Book", "coin": "AVAX"}, heard.put)
        listener.subscribe({"type": "bbo", "coin": "AVAX"}, heard.put)
        listener.subscribe({"type": "allMids"}, heard.put)
        listener.subscribe({"type": "userFills", "user": user}, heard.put)
        listener.subscribe({"type": "orderUpdates", "user": user}, heard.put)
        listener.subscribe({"type": "userEvents", "user": user}, heard.put)
        first = collect(heard, lambda seen: "userFills" in seen and "l2Book" in seen and "allMids" in seen)
        assert first["userFills"][0]["isSnapshot"] is True
        assert len(first["l2Book"][0]["levels"][0]) == 20
        oid = statuses(exchange.market_open("AVAX", True, 5))[0]["filled"]["oid"]
        seen = collect(heard, lambda seen: {"userFills", "orderUpdates", "user"} <= set(seen))
        assert seen["userFills"][-1]["fills"][0]["oid"] == oid
        assert seen["orderUpdates"][0][-1]["status"] == "filled"
        assert seen["user"][0]["fills"][0]["oid"] == oid
        exchange.market_close("AVAX")
    finally:
        listener.disconnect_websocket()


def collect(heard: "queue.Queue[Any]", enough: Any) -> dict[str, list[Any]]:
    """What each channel brought until `enough`, at most 10 s."""
    seen: dict[str, list[Any]] = {}
    deadline = time.monotonic() + 10
    while not enough(seen):
        message = heard.get(timeout=max(0.01, deadline - time.monotonic()))
        seen.setdefault(message["channel"], []).append(message["data"])
    return seen


def test_the_venue_conserves_after_all_that(served: Any) -> None:
    state = served.admin("state")
    assert state["conservation"]["difference"] == 0
    assert state["conservation"]["fees"] > 0
