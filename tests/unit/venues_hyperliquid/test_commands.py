"""Signatures, nonces, and what every kind of answer to a command means."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web
from eth_account import Account
from eth_account.messages import encode_typed_data
from hyperliquid.utils.signing import action_hash, construct_phantom_agent, l1_payload

from keeper.clock import TestClock
from keeper.errors import ConfigError
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument
from keeper.venues.base import Confirmed, Refused, Unknown
from keeper.venues.hyperliquid.execution import HyperliquidClient, outcome_of
from keeper.venues.hyperliquid.signing import ActionSigner, ioc_order
from tests.unit.venues_hyperliquid.conftest import recorded

KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
LOCAL = "http://127.0.0.1:3001"
SEAT = "0x" + "aa" * 20
LEG = LegIntent(
    digest="0x" + "01" * 32,
    leg=0,
    attempt=0,
    cloid="0x" + "0c" * 16,
    venue="0x" + "11" * 20,
    coin="ETH",
    side="buy",
    size=Decimal("0.0100"),
    limit_price=Decimal("1E+3"),
    expires_ms=2_000,
    nonce=1_500,
    at_ms=1_000,
)
ETH = Instrument("0x" + "11" * 20, "ETH", 4, 4, 25)


def recovered(body: dict[str, Any], *, mainnet: bool) -> str:
    """Who signed it, as the venue finds out."""
    digest = action_hash(body["action"], None, body["nonce"], body["expiresAfter"])
    message = encode_typed_data(full_message=l1_payload(construct_phantom_agent(digest, mainnet)))
    signature = body["signature"]
    vrs = (signature["v"], int(signature["r"], 16), int(signature["s"], 16))
    return str(Account.recover_message(message, vrs=vrs)).lower()


@pytest.mark.parametrize(("url", "mainnet"), [(LOCAL, False), ("https://api.hyperliquid.xyz", True)])
def test_the_venue_recovers_the_agent(url: str, mainnet: bool) -> None:
    signer = ActionSigner(KEY, TestClock(1_000), url)
    body = signer.signed(ioc_order(LEG, ETH), 1_500, 2_000)
    assert recovered(body, mainnet=mainnet) == signer.address
    assert body["vaultAddress"] is None


def test_an_order_on_the_wire_is_plain_ioc_and_never_reduce_only() -> None:
    (wire,) = ioc_order(LEG, ETH)["orders"]
    assert wire == {
        "a": 4, "b": True, "p": "1000", "s": "0.01", "r": False, "t": {"limit": {"tif": "Ioc"}}, "c": LEG.cloid
    }  # fmt: skip


def test_nonces_rise_even_when_the_clock_does_not() -> None:
    clock = TestClock(1_000)
    signer = ActionSigner(KEY, clock, LOCAL)
    assert [signer.next_nonce() for _ in range(3)] == [1_000, 1_001, 1_002]
    clock.advance(1)
    assert signer.next_nonce() == 1_003
    clock.advance(100)
    assert signer.next_nonce() == 1_101


def test_a_malformed_key_is_named_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="trader key") as caught:
        ActionSigner("0x1234secret", TestClock(0), LOCAL)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("order.go.CancelByCloid_Success", Confirmed),
        ("order.go.Orders_Below10", Refused),
        ("order.go.Orders_Cloid", Refused),
        ("cancel.go.Cancel_DoubleCancel", Confirmed),
        ("cancel.go.Cancel_DoubleCancel_2", Refused),
        ("perpDeploy.go.PerpDeployHaltTrading_Error", Refused),
    ],
)
def test_recorded_answers(name: str, expected: type) -> None:
    assert isinstance(outcome_of(json.dumps(recorded(name)).encode()), expected)


def test_a_fill_and_an_order_that_matched_nothing() -> None:
    item = b'{"filled":{"totalSz":"0.02","avgPx":"1.5","oid":7}}'
    filled = b'{"status":"ok","response":{"type":"order","data":{"statuses":[' + item + b"]}}}"
    assert outcome_of(filled) == Confirmed(filled=Decimal("0.02"), average_price=Decimal("1.5"), oid=7)
    text = "Order could not immediately match against any resting orders. asset=4"
    nothing = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"' + text.encode() + b'"}]}}}'
    assert outcome_of(nothing) == Confirmed(filled=Decimal(0), text=text)


@pytest.mark.parametrize(
    "body",
    [b"null", b"", b"<html>", b'{"status":"ok"}', b'{"status":"ok","response":{"type":"order","data":{"statuses":[]}}}',
     b'{"status":"ok","response":{"type":"order","data":{"statuses":[{}]}}}'],
)  # fmt: skip
def test_an_unreadable_answer_is_unknown(body: bytes) -> None:
    assert isinstance(outcome_of(body), Unknown)


META = {"universe": [{"name": f"C{n}", "szDecimals": 4, "maxLeverage": 25} for n in range(4)]}
META["universe"].append({"name": "ETH", "szDecimals": 4, "maxLeverage": 25})


async def info(_: web.Request) -> web.Response:
    return web.json_response(META)


@pytest.mark.parametrize(
    ("status", "text"), [(429, "null"), (500, "null"), (502, "bad gateway"), (403, "forbidden"), (422, "x")]
)
async def test_every_error_status_is_unknown_and_sent_once(serve: Any, status: int, text: str) -> None:
    calls: list[int] = []

    async def exchange(_: web.Request) -> web.Response:
        calls.append(1)
        return web.Response(status=status, text=text)

    url = await serve({"/info": info, "/exchange": exchange})
    async with HyperliquidClient(url, SEAT, LEG.venue, KEY, TestClock(1_000)) as client:
        assert isinstance(await client.submit(LEG), Unknown)
    assert len(calls) == 1


async def test_a_broken_connection_and_a_timeout_are_unknown(serve: Any) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    async def abort(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    for handler in (hang, abort):
        url = await serve({"/info": info, "/exchange": handler})
        async with HyperliquidClient(url, SEAT, LEG.venue, KEY, TestClock(1_000), command_timeout_s=0.2) as client:
            assert isinstance(await client.submit(LEG), Unknown)


async def test_who_does_not_lead_any_more_sends_nothing(serve: Any) -> None:
    """Asked last, once the message is signed: the order, the cancel and the setting are refused here."""
    calls: list[int] = []

    async def exchange(_: web.Request) -> web.Response:
        calls.append(1)
        return web.json_response({"status": "ok", "response": {"type": "default"}})

    url = await serve({"/info": info, "/exchange": exchange})
    leads = iter([True, False, False, False])
    clock = TestClock(1_000)
    async with HyperliquidClient(url, SEAT, LEG.venue, KEY, clock, may_send=lambda: next(leads)) as client:
        assert isinstance(await client.set_leverage("ETH", 5), Confirmed)
        for outcome in (
            await client.submit(LEG),
            await client.cancel("ETH", cloid=LEG.cloid),
            await client.set_leverage("ETH", 5),
        ):
            assert isinstance(outcome, Refused)
            assert "does not lead any more; nothing was sent" in outcome.text
    assert len(calls) == 1


async def test_a_coin_the_venue_does_not_list_is_refused_unsent(serve: Any) -> None:
    url = await serve({"/info": info})
    async with HyperliquidClient(url, SEAT, LEG.venue, KEY, TestClock(1_000)) as client:
        outcome = await client.submit(msgspec.structs.replace(LEG, coin="DOGE"))
    assert isinstance(outcome, Refused)
    assert "nothing was sent" in outcome.text


@pytest.mark.parametrize(
    ("expires", "digest"),
    [
        (None, "25367e0dba84351148288c2233cd6130ed6cec5967ded0c0b7334f36f957cc90"),
        (1234567890, "c30b002ba3775e4c31c43c1dfd3291dfc85c6ae06c6b9f393991de86cad5fac7"),
    ],
)
def test_actions_hash_as_an_independent_implementation_does(expires: int | None, digest: str) -> None:
    """Vectors of github.com/nktkas/hyperliquid @db80d59, tests/signing."""
    order = {"a": 0, "b": True, "p": "30000", "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}}
    action = {"type": "order", "orders": [order], "grouping": "na"}
    assert action_hash(action, None, 1234567890, expires).hex() == digest
