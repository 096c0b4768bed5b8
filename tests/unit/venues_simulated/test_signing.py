"""Signatures and hashes of the real SDK pass through the venue's decoder: the vectors are its own.

Vectors: hyperliquid-python-sdk 0.24.0 (`tests/signing_test.py` of its repository, and runs of it with the keys named
here) and github.com/nktkas/hyperliquid `tests/signing`.
"""

import json
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_agent, sign_l1_action, sign_usd_transfer_action

from keeper.errors import InputError
from keeper.venues.simulated.wire import signing
from keeper.venues.simulated.wire.actions import Envelope, SignatureWire, UserSignedAction, decode, number

KEY = "0x" + "0123456789" * 6 + "0123"
ADDRESS = "0x14791697260e4c9a71f18484c9f997b308e59325"
OTHER = "0x5e9ee1089755c3435139848e47e6635505d5a13a"
N = 1_700_000_000_000
VAULT = "0x1234567890123456789012345678901234567890"
GTC = {"a": 0, "b": True, "p": "30000", "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}}
ORDER = {"type": "order", "orders": [GTC], "grouping": "na"}
CLOID = "0x00000000000000000000000000000001"
ALO = {**GTC, "t": {"limit": {"tif": "Alo"}}, "c": CLOID}
BUILDER = {"b": "0x1719884eb866cb12b2287399b15f7db5e7d775ea", "f": 10}
STOP = {
    "a": 0,
    "b": False,
    "p": "29000",
    "s": "0.1",
    "r": True,
    "t": {"trigger": {"isMarket": True, "triggerPx": "29500", "tpsl": "sl"}},
}


def envelope(action: dict[str, Any], nonce: int, **rest: Any) -> Envelope:
    body = {"action": action, "nonce": nonce, "signature": {"r": "0x1", "s": "0x1", "v": 27}, **rest}
    return decode(json.dumps(body).encode())


def connection_id(action: dict[str, Any], nonce: int, **rest: Any) -> str:
    made = envelope(action, nonce, **rest)
    assert not isinstance(made.action, UserSignedAction)
    return "0x" + signing.action_hash(made.action, nonce, made.vaultAddress, made.expiresAfter).hex()


@pytest.mark.parametrize(
    ("action", "nonce", "rest", "expected"),
    [
        (ORDER, 1234567890, {}, "0x25367e0dba84351148288c2233cd6130ed6cec5967ded0c0b7334f36f957cc90"),
        (
            ORDER,
            1234567890,
            {"vaultAddress": VAULT[2:]},
            "0x214e2ea3270981b6fd18174216691e69f56872663139d396b10ded319cb4bb1e",
        ),
        (
            ORDER,
            1234567890,
            {"expiresAfter": 1234567890},
            "0xc30b002ba3775e4c31c43c1dfd3291dfc85c6ae06c6b9f393991de86cad5fac7",
        ),
        (
            ORDER,
            1234567890,
            {"vaultAddress": VAULT, "expiresAfter": 1234567890},
            "0x2d62412aa0fc57441b5189841d81554a6a9680bf07204e1454983a9ca44f0744",
        ),
        (
            {"type": "order", "orders": [ALO], "grouping": "na", "builder": BUILDER},
            N,
            {},
            "0x1a16dd920484a86d7f3fcdf23c0c8c50935e430d6d0c1435affdc4a75809396d",
        ),
        (
            {"type": "order", "orders": [STOP], "grouping": "positionTpsl"},
            N,
            {},
            "0x2c8e3d4469df6fac03367c0062d2f5f36361f62946f17dd6132e67224723f193",
        ),
        (
            {"type": "cancel", "cancels": [{"a": 0, "o": 123}]},
            N,
            {},
            "0xe98dd18456c80d6b913946acb297d411a59a675716721df2abb7a8b85f0044e9",
        ),
        (
            {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]},
            N,
            {},
            "0x1d854324d277d0ec7ab94e7d490f930b8cabb29049f2563b612afb8d0394cd50",
        ),
        ({"type": "noop"}, N, {}, "0xef5dcef9775ebb2c5a6553314e66a6a57bd7e9b2319a869a8b17f08fa48bdcaf"),
        (
            {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
            N,
            {},
            "0x4a2f0def3cccafc69efda4409db55f1144941a44fb0deecd2687ecd80db99c2e",
        ),
    ],
)
def test_recorded_hashes_come_out_of_the_decoder(
    action: dict[str, Any], nonce: int, rest: dict[str, Any], expected: str
) -> None:
    assert connection_id(action, nonce, **rest) == expected


def test_the_canonical_form_is_hashed_whatever_was_sent() -> None:
    untidy = {"t": {"limit": {"tif": "Alo"}}, "s": "0.100", "r": False, "p": "30000.00", "b": True, "a": 0}
    sent = {"builder": BUILDER, "grouping": "na", "orders": [untidy | {"c": CLOID.upper().replace("X", "x")}]}
    tidy = {"type": "order", "orders": [ALO], "grouping": "na", "builder": BUILDER}
    assert connection_id(sent | {"type": "order"}, N) == connection_id(tidy, N)


@pytest.mark.parametrize(
    ("action", "r", "s", "v"),
    [
        (
            {"type": "usdSend", "destination": OTHER, "amount": "1", "time": N},
            "0x1ca9bb1fbf6bb9cab124c3492a18136662ac18fb3b23b0a44adde4070ba6d573",
            "0x10329679a0151bb92ea5827f99c75199a88cb6c052add6fb0068d982538e654e",
            27,
        ),
        (
            {"type": "withdraw3", "destination": OTHER, "amount": "1", "time": N},
            "0x7c752ee3b15229aaaa538df4d296113220c67dd5884f7590ba7c9113c536a28d",
            "0x3d0060f7e638534eb372af14cc761224ab1251419dab19b6e6d9793864ef3a48",
            27,
        ),
        (
            {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": N},
            "0xc2faa52ae4e59ce98a6e51e94798f01970f45fd177d4a61f55d88d04e1e84ebd",
            "0x2cc583a3f4144282c6c35f1a4c294270dd5df1b7270bd479b4dfbe95d7992e70",
            27,
        ),
        (
            {"type": "approveAgent", "agentAddress": OTHER, "agentName": "keeper", "nonce": N},
            "0xaa0f75189b162db98543e3a66d4bd50878172c85f1b79764052226e3fdece0a0",
            "0x7a73eb1913176b4a91379f6a72d3022640e67f0357037522d4e6b29085ee0649",
            27,
        ),
        (
            {"type": "approveAgent", "agentAddress": OTHER, "nonce": N},
            "0x524862e2b34223c4eb528fc24097be7cfc62eae3341856ee0eb2146948511ad6",
            "0x5fe72cee4d895e2632e457f9b42ee7688b3737950e188cd6a936713b992cf109",
            28,
        ),
    ],
)
def test_recorded_user_signatures_name_their_signer(action: dict[str, Any], r: str, s: str, v: int) -> None:
    signed = action | {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
    made = envelope(signed, N).action
    assert isinstance(made, UserSignedAction)
    assert signing.recover(signing.user_digest(made), SignatureWire(r, s, v)) == ADDRESS


@pytest.mark.parametrize("mainnet", [True, False])
def test_l1_signer_is_recovered_under_its_source(mainnet: bool) -> None:
    signature = sign_l1_action(Account.from_key(KEY), ORDER, None, 0, None, mainnet)
    made = envelope(ORDER, 0)
    assert not isinstance(made.action, UserSignedAction)
    digest = signing.l1_digest(signing.action_hash(made.action, 0, None, None), "a" if mainnet else "b")
    assert signing.recover(digest, SignatureWire(**signature)) == ADDRESS


@pytest.mark.parametrize("mainnet", [True, False])
def test_user_signatures_of_both_chains_are_recovered(mainnet: bool) -> None:
    wallet = Account.from_key(KEY)
    send = {"type": "usdSend", "destination": OTHER, "amount": "2.5", "time": N}
    signature = sign_usd_transfer_action(wallet, send, mainnet)
    made = envelope(send, N).action
    assert isinstance(made, UserSignedAction)
    assert signing.recover(signing.user_digest(made), SignatureWire(**signature)) == ADDRESS
    agent = {"type": "approveAgent", "agentAddress": OTHER, "agentName": "", "nonce": N}
    signature = sign_agent(wallet, agent, mainnet)
    made = envelope(agent, N).action
    assert isinstance(made, UserSignedAction)
    assert signing.recover(signing.user_digest(made), SignatureWire(**signature)) == ADDRESS


@pytest.mark.parametrize("text", ["1e-5", "-1", "", "1.", "0.000000001", "NaN"])
def test_numbers_the_venue_does_not_read(text: str) -> None:
    with pytest.raises(InputError):
        number(text, "p")


@pytest.mark.parametrize(
    ("text", "plain"), [("1.0", "1"), ("0010.500", "10.5"), ("0", "0"), ("0.00000001", "0.00000001")]
)
def test_numbers_become_canonical(text: str, plain: str) -> None:
    assert number(text, "p") == plain
