"""HTTP statuses and texts, sockets, faults, time travel and start-up failures of a served venue."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action
from typer.testing import CliRunner

from keeper.cli import sim

HOUR_MS = 3_600_000
WRONG_SHAPE = "Failed to deserialize the JSON body into the target type"


def signed_noop(wallet: Any, nonce: int, expires_after: int | None = None) -> dict[str, Any]:
    action = {"type": "noop"}
    signature = sign_l1_action(wallet, action, None, nonce, expires_after, False)
    body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}
    return body | {"expiresAfter": expires_after}


@pytest.mark.parametrize(
    ("path", "body", "content_type", "answer"),
    [
        ("/info", b"{}", "text/plain", (415, "Expected request with `Content-Type: application/json`")),
        ("/info", b"{", "application/json", (400, "Failed to parse the request body as JSON")),
        ("/info", b'{"type":"nonsense"}', "application/json", (422, WRONG_SHAPE)),
        ("/info", b'{"type":"clearinghouseState"}', "application/json", (422, WRONG_SHAPE)),
        ("/info", b'{"type":"clearinghouseState","user":"0x12"}', "application/json", (422, WRONG_SHAPE)),
        ("/info", b'{"type":"l2Book","coin":"BTC","nSigFigs":7}', "application/json", (500, "null")),
        ("/info", b'{"type":"l2Book","coin":"NOPE"}', "application/json", (200, "null")),
        (
            "/info",
            b'{"type":"userToMultiSigSigners","user":"0x1111111111111111111111111111111111111111"} x',
            "application/json",
            (200, "null"),
        ),
        ("/exchange", b'{"action":{"type":"noop"}}', "application/json", (422, WRONG_SHAPE)),
    ],
)
def test_unreadable_requests_get_the_venue_s_status_and_text(
    served: Any, path: str, body: bytes, content_type: str, answer: tuple[int, str]
) -> None:
    assert served.post(path, body, content_type) == answer


def test_unsupported_action_is_an_unknown_variant(served: Any, keys: Any) -> None:
    body = signed_noop(keys[0], get_timestamp_ms())
    body["action"] = {"type": "perpDeploy"}
    assert served.post("/exchange", body) == (422, WRONG_SHAPE)


def test_nonces_are_used_once_and_expiry_is_honoured(served: Any, keys: Any) -> None:
    nonce = get_timestamp_ms()
    assert json.loads(served.post("/exchange", signed_noop(keys[1], nonce))[1])["status"] == "ok"
    again = json.loads(served.post("/exchange", signed_noop(keys[1], nonce))[1])
    assert again == {"status": "err", "response": f"Invalid nonce: duplicate nonce {nonce}"}
    late = json.loads(served.post("/exchange", signed_noop(keys[1], nonce + 1, expires_after=nonce - 5_000))[1])
    assert late == {"status": "err", "response": "Action already expired"}
    spent = json.loads(served.post("/exchange", signed_noop(keys[1], nonce + 1))[1])
    assert spent["response"] == f"Invalid nonce: duplicate nonce {nonce + 1}"


def test_signature_over_other_bytes_names_a_stranger(served: Any, keys: Any) -> None:
    body = signed_noop(keys[0], get_timestamp_ms())
    body["nonce"] += 1
    text = json.loads(served.post("/exchange", body)[1])["response"]
    assert text.startswith("User or API Wallet 0x")
    assert text.endswith(" does not exist.")
    assert keys[0].address.lower() not in text


def test_invalid_signature_cannot_be_recovered(served: Any, keys: Any) -> None:
    body = signed_noop(keys[0], get_timestamp_ms()) | {"signature": {"r": "0x0", "s": "0x0", "v": 27}}
    assert json.loads(served.post("/exchange", body)[1])["response"] == "Unable to recover signer."


def test_asset_ids_and_tables_are_the_recorded_ones(served: Any) -> None:
    meta, contexts = served.info(type="metaAndAssetCtxs")
    names = [entry["name"] for entry in meta["universe"]]
    assert (names.index("BTC"), names.index("ETH"), names.index("SOL"), names.index("XRP")) == (0, 1, 5, 25)
    assert meta["universe"][0] == {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56}
    assert len(contexts) == len(names)
    assert all(
        (context["midPx"] is None) == entry.get("isDelisted", False)
        for entry, context in zip(meta["universe"], contexts, strict=True)
    )


async def test_socket_errors_pings_and_posts(served: Any) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(served.url + "/ws") as socket:

        async def ask(text: str) -> Any:
            await socket.send_str(text)
            return await socket.receive_json(timeout=5)

        assert await ask('{"method":"ping"}') == {"channel": "pong"}
        bad = await ask('{"method":"subscribe","subscription":{"type":"l2Book","coin":"NOPE"}}')
        assert bad == {"channel": "error", "data": 'Invalid subscription {"type":"l2Book","coin":"NOPE"}'}
        broken = await ask("not json")
        assert broken["data"].startswith("Error parsing JSON into valid websocket request")
        wanted = '{"method":"subscribe","subscription":{"type":"userEvents","user":"0x' + "AB" * 20 + '"}}'
        normal = {"type": "userEvents", "user": "0x" + "ab" * 20}
        ack = {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": normal}}
        assert await ask(wanted) == ack
        twice = await ask(wanted)
        assert twice["data"] == "Already subscribed: " + json.dumps(normal, separators=(",", ":"))
        posted = await ask('{"method":"post","id":4,"request":{"type":"info","payload":{"type":"usdcRouting"}}}')
        assert posted["data"] == {
            "id": 4,
            "response": {
                "type": "info",
                "payload": {"type": "usdcRouting", "data": {"depositRoute": "bridge", "withdrawalRoute": "bridge"}},
            },
        }


def test_dropped_answers_and_dropped_requests(served: Any, keys: Any) -> None:
    first = get_timestamp_ms() + 1_000
    served.admin("fault", kind="drop_ack", count=1)
    with pytest.raises(OSError, match=r"closed connection|reset"):
        served.post("/exchange", signed_noop(keys[1], first))
    assert "duplicate" in served.post("/exchange", signed_noop(keys[1], first))[1]
    served.admin("fault", kind="drop_request", count=1)
    with pytest.raises(OSError, match=r"closed connection|reset"):
        served.post("/exchange", signed_noop(keys[1], first + 1))
    assert json.loads(served.post("/exchange", signed_noop(keys[1], first + 1))[1])["status"] == "ok"
    served.admin("fault", kind="delay", ms=300, count=1)
    asked = time.monotonic()
    assert json.loads(served.post("/exchange", signed_noop(keys[1], first + 2))[1])["status"] == "ok"
    assert time.monotonic() - asked >= 0.3


async def test_an_hour_passes_and_listeners_saw_the_prices_funding_was_paid_on(
    start: Callable[..., Any], keys: Any
) -> None:
    served = start("--fund", f"{keys[0].address}=100000", "--funding-scale", "2", "--depth-scale", "0.5")
    user = keys[0].address.lower()
    assert Exchange(keys[0], served.url).market_open("BTC", True, 0.5)["status"] == "ok"
    async with aiohttp.ClientSession() as session, session.ws_connect(served.url + "/ws") as socket:
        for wanted in (
            {"type": "l2Book", "coin": "BTC"},
            {"type": "activeAssetCtx", "coin": "BTC"},
            {"type": "userFundings", "user": user},
        ):
            await socket.send_json({"method": "subscribe", "subscription": wanted})
        before = served.info(type="exchangeStatus")["time"]
        hour = (before // HOUR_MS + 1) * HOUR_MS
        asked = time.monotonic()
        async with session.post(f"{served.admin_url}/admin/advance", json={"ms": HOUR_MS}) as answer:
            assert before + HOUR_MS <= (await answer.json())["now_ms"] < before + HOUR_MS + 5_000
        assert time.monotonic() - asked < 10
        oracle, book_time = "", 0
        while True:
            message = await socket.receive_json(timeout=5)
            if message["channel"] == "activeAssetCtx":
                oracle = message["data"]["ctx"]["oraclePx"]
            elif message["channel"] == "l2Book":
                book_time = message["data"]["time"]
            elif message["channel"] == "userFundings" and not message["data"]["isSnapshot"]:
                [row] = message["data"]["fundings"]
                break
    assert book_time == hour
    assert hour < row["time"] < hour + 100
    exact = -Decimal(row["szi"]) * Decimal(oracle) * Decimal(row["fundingRate"])
    assert Decimal(row["usdc"]) == exact.quantize(Decimal("0.000001"), "ROUND_DOWN") != 0
    [asked_row] = served.info(type="userFunding", user=user, startTime=hour, endTime=hour + 1_000)
    assert asked_row["delta"] == {"type": "funding"} | {name: row[name] for name in row if name != "time"}
    [rate] = served.info(type="fundingHistory", coin="BTC", startTime=hour, endTime=hour + 1_000)
    assert (rate["fundingRate"], rate["time"]) == (row["fundingRate"], row["time"])
    assert served.admin("state")["conservation"]["difference"] == 0


def test_frozen_tape_stands_still_and_goes_on(served: Any) -> None:
    served.admin("freeze", on=True)
    first = served.info(type="allMids")
    served.admin("advance", ms=60_000)
    assert served.info(type="allMids") == first
    served.admin("freeze", on=False)
    served.admin("advance", ms=60_000)
    assert served.info(type="allMids")["BTC"] != first["BTC"]


def test_candles_follow_the_tape(served: Any) -> None:
    now = served.info(type="exchangeStatus")["time"]
    bars = served.info(
        type="candleSnapshot", req={"coin": "BTC", "interval": "1m", "startTime": now - 240_000, "endTime": now}
    )
    assert 4 <= len(bars) <= 5
    assert all(Decimal(bar["l"]) <= Decimal(bar["o"]) <= Decimal(bar["h"]) for bar in bars)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tape", "/nowhere/tape.json.gz"), "--tape /nowhere/tape.json.gz: not a readable tape"),
        (("--fund", "0x12=5"), "--fund: not an address: 0x12"),
        (("--fund", "0x" + "1" * 40 + "=0.0000001"), "usdc: must be a positive amount with at most 6 decimals"),
        (("--taker-bps", "much"), "--taker-bps: not a number: much"),
        (("--funding-hours", "BTC=7"), "--funding-hours: must be COIN=HOURS with hours that divide the day: BTC=7"),
        (("--mine",), "--rpc: name the node's URL"),
        (("--dialect", "binance"), "--dialect binance: spoken are hyperliquid, aster, paradex"),
    ],
)
def test_wrong_options_are_named(options: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(sim.app, ["serve", "--port", "0", *options])
    assert result.exit_code == 1
    assert said in result.stderr


def test_port_in_use_is_one_clear_line(served: Any) -> None:
    command = [sys.executable, "-m", "keeper.cli.sim", "serve", "--port", str(served.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    line = f"prime sim serve: --port {served.port} is in use: stop what listens there or choose another --port\n"
    assert (done.returncode, done.stderr) == (1, line)
