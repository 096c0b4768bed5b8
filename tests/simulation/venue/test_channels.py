"""Every channel of the socket: its acknowledgement, its first message, and what follows an action."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action

pytestmark = pytest.mark.usefixtures("served")


class Socket:
    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def subscribe(self, **wanted: Any) -> Any:
        """The acknowledgement, or the error."""
        await self._socket.send_json({"method": "subscribe", "subscription": wanted})
        while (message := await self._socket.receive_json(timeout=10))["channel"] not in (
            "subscriptionResponse",
            "error",
        ):
            pass
        return message["data"]

    async def until(self, channel: str, enough: Any = lambda data: True) -> Any:
        while True:
            message = await self._socket.receive_json(timeout=15)
            if message["channel"] == channel and enough(message["data"]):
                return message["data"]


@pytest.fixture
async def socket(served: Any) -> AsyncIterator[Socket]:
    async with aiohttp.ClientSession() as session, session.ws_connect(served.url + "/ws") as made:
        yield Socket(made)


def post(served: Any, wallet: Any, action: dict[str, Any]) -> Any:
    nonce = get_timestamp_ms()
    signature = sign_l1_action(wallet, action, None, nonce, None, False)
    body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}
    return json.loads(served.post("/exchange", body)[1])


@pytest.mark.parametrize(
    ("wanted", "echo", "channel", "field"),
    [
        ({"type": "allMids", "dex": "xyz"}, {}, "allMids", "mids"),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 3}, {"mantissa": None}, "l2Book", "levels"),
        ({"type": "candle", "coin": "BTC", "interval": "1m"}, {}, "candle", "o"),
        ({"type": "activeAssetCtx", "coin": "xyz:TSLA"}, {}, "activeAssetCtx", "ctx"),
        ({"type": "activeAssetCtx", "coin": "@107"}, {}, "activeSpotAssetCtx", "ctx"),
        ({"type": "activeAssetData", "coin": "BTC", "user": "U"}, {}, "activeAssetData", "maxTradeSzs"),
        ({"type": "assetCtxs"}, {"dex": None}, "assetCtxs", "ctxs"),
        ({"type": "allDexsAssetCtxs"}, {}, "allDexsAssetCtxs", "ctxs"),
        ({"type": "userFills", "user": "U", "aggregateByTime": True}, {}, "userFills", "isSnapshot"),
        ({"type": "userTwapSliceFills", "user": "U"}, {}, "userTwapSliceFills", "twapSliceFills"),
        ({"type": "userTwapHistory", "user": "U"}, {}, "userTwapHistory", "history"),
        ({"type": "userHistoricalOrders", "user": "U"}, {}, "userHistoricalOrders", "orderHistory"),
        ({"type": "webData2", "user": "U"}, {}, "webData2", "clearinghouseState"),
        ({"type": "webData3", "user": "U"}, {}, "webData3", "perpDexStates"),
        ({"type": "clearinghouseState", "user": "U", "dex": "xyz"}, {}, "clearinghouseState", "clearinghouseState"),
        ({"type": "openOrders", "user": "U"}, {"dex": ""}, "openOrders", "orders"),
        ({"type": "twapStates", "user": "U"}, {"dex": ""}, "twapStates", "states"),
        ({"type": "spotState", "user": "U"}, {}, "spotState", "spotState"),
        ({"type": "allDexsClearinghouseState", "user": "U"}, {}, "allDexsClearinghouseState", "clearinghouseStates"),
    ],
)
async def test_channel_is_acknowledged_and_begins(
    socket: Socket, keys: Any, wanted: dict[str, Any], echo: dict[str, Any], channel: str, field: str
) -> None:
    user = keys[0].address.lower()
    wanted = {name: user if value == "U" else value for name, value in wanted.items()}
    answer = await socket.subscribe(**wanted)
    assert answer == {"method": "subscribe", "subscription": wanted | echo}
    assert field in await socket.until(channel)


async def test_spot_contexts_are_a_list(socket: Socket) -> None:
    await socket.subscribe(type="spotAssetCtxs")
    assert [row["coin"] for row in await socket.until("spotAssetCtxs")] == ["PURR/USDC", "@107"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "candle", "coin": "BTC", "interval": "7m"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 4, "mantissa": 2},
        {"type": "allMids", "dex": "nowhere"},
        {"type": "nonsense"},
    ],
)
async def test_unknown_subscriptions_are_quoted(socket: Socket, wanted: dict[str, Any]) -> None:
    assert await socket.subscribe(**wanted) == "Invalid subscription " + json.dumps(wanted, separators=(",", ":"))


async def test_a_twap_is_told_of_on_every_channel(socket: Socket, served: Any, keys: Any) -> None:
    user = keys[0].address.lower()
    kinds = ("userTwapSliceFills", "userTwapHistory", "userHistoricalOrders", "userEvents", "twapStates")
    for kind in kinds:
        await socket.subscribe(type=kind, user=user)
    twap = {"a": 1, "b": True, "s": "1", "r": False, "m": 5, "t": False}
    answer = post(served, keys[0], {"type": "twapOrder", "twap": twap})
    number = answer["response"]["data"]["status"]["running"]["twapId"]
    slices = await socket.until("userTwapSliceFills", lambda data: not data["isSnapshot"])
    assert slices["twapSliceFills"][0]["twapId"] == number
    assert served.info(type="userTwapSliceFills", user=user)[0]["fill"]["twapId"] == number
    states = await socket.until("twapStates", lambda data: data["states"])
    assert states["states"][0][1]["executedSz"] == "0.1"
    stopped = post(served, keys[0], {"type": "twapCancel", "a": 1, "t": number})
    assert stopped["response"]["data"] == {"status": "success"}
    history = await socket.until("userTwapHistory", lambda data: not data["isSnapshot"])
    assert history["history"][0]["status"] == {"status": "terminated"}
    again = post(served, keys[0], {"type": "twapCancel", "a": 1, "t": number})
    error = "TWAP was never placed, already canceled, or filled."
    assert again["response"]["data"] == {"status": {"error": error}}
    short = post(served, keys[0], {"type": "twapOrder", "twap": twap | {"m": 1}})
    assert short["response"]["data"] == {"status": {"error": "Invalid TWAP duration: 1 min(s)"}}
    Exchange(keys[0], served.url).market_close("ETH")


async def test_notifications_reach_their_user(socket: Socket, keys: Any, served: Any) -> None:
    user = keys[1].address.lower()
    await socket.subscribe(type="notification", user=user)
    served.admin("notify", account=user, text="hello")
    assert await socket.until("notification") == {"notification": "hello"}


def test_take_profit_and_stop_loss_of_an_order_over_the_sdk(served: Any, keys: Any) -> None:
    exchange = Exchange(keys[0], served.url)
    user = keys[0].address
    mid = float(exchange.info.all_mids()["SOL"])

    def exit_at(part: float, kind: str) -> dict[str, Any]:
        price = float(f"{mid * part:.4g}")
        order_type = {"trigger": {"isMarket": True, "triggerPx": price, "tpsl": kind}}
        return {
            "coin": "SOL",
            "is_buy": False,
            "sz": 2,
            "limit_px": price,
            "order_type": order_type,
            "reduce_only": True,
        }

    entry = {"coin": "SOL", "is_buy": True, "sz": 2, "limit_px": float(f"{mid * 1.02:.4g}"), "reduce_only": False}
    group = [entry | {"order_type": {"limit": {"tif": "Gtc"}}}, exit_at(1.2, "tp"), exit_at(0.8, "sl")]
    answer = exchange.bulk_orders(group, grouping="normalTpsl")
    filled, *children = answer["response"]["data"]["statuses"]
    assert Decimal(filled["filled"]["totalSz"]) == 2
    assert children == ["waitingForTrigger", "waitingForTrigger"]
    shown = [order for order in exchange.info.frontend_open_orders(user) if order["coin"] == "SOL"]
    assert {order["orderType"] for order in shown} == {"Take Profit Market", "Stop Market"}
    assert shown[0]["triggerCondition"].startswith("Price below ")
    wrong = [group[0], group[1] | {"reduce_only": False}]
    refused = exchange.bulk_orders(wrong, grouping="normalTpsl")
    assert refused["response"]["data"]["statuses"] == [{"error": "TP/SL orders must be reduce-only."}]
    for order in shown:
        assert exchange.cancel("SOL", order["oid"])["response"]["data"]["statuses"] == ["success"]
    exchange.market_close("SOL")


def test_sub_account_and_builder_deployed_dex_trade_over_the_sdk(start: Any, keys: Any) -> None:
    served = start("--fund", f"{keys[0].address}=1000000")
    exchange = Exchange(keys[0], served.url, perp_dexs=["", "xyz"])
    usdc = "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"
    assert exchange.send_asset(keys[0].address, "", "xyz", usdc, 1000)["status"] == "ok"
    exchange.market_open("BTC", True, 2)
    [status] = exchange.market_open("xyz:TSLA", True, 1, px=400)["response"]["data"]["statuses"]
    assert "filled" in status, status
    state = exchange.info.user_state(keys[0].address, "xyz")
    assert state["assetPositions"][0]["position"]["leverage"]["type"] == "isolated"
    assert Decimal(state["marginSummary"]["accountValue"]) < 1000
    sub = exchange.create_sub_account("desk")["response"]["data"]
    assert exchange.sub_account_transfer(sub, True, 5_000_000_000)["status"] == "ok"
    trader = Exchange(keys[0], served.url, vault_address=sub)
    assert "filled" in trader.market_open("ETH", True, 0.5)["response"]["data"]["statuses"][0]
    assert exchange.info.user_state(sub)["assetPositions"][0]["position"]["szi"] == "0.5"
    stranger = Exchange(keys[0], served.url, vault_address=keys[1].address.lower())
    assert stranger.market_open("ETH", True, 0.5) == {
        "status": "err",
        "response": "Vault may not perform this action.",
    }
    spot = exchange.usd_class_transfer(100, False)
    assert spot["status"] == "ok"
    [bought] = exchange.market_open("HYPE/USDC", True, 1)["response"]["data"]["statuses"]
    assert bought["filled"]["totalSz"] == "1.0"
    balances = {row["coin"]: row for row in exchange.info.spot_user_state(keys[0].address)["balances"]}
    assert balances["HYPE"]["total"] == "0.9993"
    assert served.admin("state")["conservation"]["difference"] == 0
