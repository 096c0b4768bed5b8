"""Signatures of every kind of L1 action are the SDK's, byte for byte."""

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import eth_account
import pytest
from hyperliquid.utils import signing as sdk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.model import hashing
from keeper.venues.hyperliquid import l1

N = 1_700_000_000_000
U64 = st.integers(0, 2**63 - 1)
ASSETS = st.integers(0, 250_000)
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
CLOIDS = st.binary(min_size=16, max_size=16).map(lambda raw: "0x" + raw.hex())
NUMBERS = st.decimals(0, 10**9, places=8).map(lambda number: format(number.normalize(), "f"))
NAMES = st.text(max_size=40)
KEYS = st.integers(1, 2**255).map(lambda number: number.to_bytes(32, "big"))


def limit() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"limit": st.fixed_dictionaries({"tif": st.sampled_from(["Gtc", "Ioc", "Alo", "FrontendMarket"])})}
    )


def trigger() -> st.SearchStrategy[Any]:
    inner = {"isMarket": st.booleans(), "triggerPx": NUMBERS, "tpsl": st.sampled_from(["tp", "sl"])}
    return st.fixed_dictionaries({"trigger": st.fixed_dictionaries(inner)})


def orders() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"a": ASSETS, "b": st.booleans(), "p": NUMBERS, "s": NUMBERS, "r": st.booleans(), "t": limit() | trigger()},
        optional={"c": CLOIDS},
    )


def of(
    kind: str, optional: Mapping[str, st.SearchStrategy[Any]] = MappingProxyType({}), **fields: Any
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields}, optional=dict(optional))


def many(fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.fixed_dictionaries(fields), max_size=20)


BUILDERS = st.fixed_dictionaries({"b": ADDRESSES, "f": st.integers(0, 100)})
GROUPINGS = st.sampled_from(["na", "normalTpsl", "positionTpsl"]) | st.fixed_dictionaries({"p": U64})
MODIFIED: dict[str, Any] = {"oid": U64 | CLOIDS, "order": orders()}
TWAP: dict[str, Any] = {
    "a": ASSETS,
    "b": st.booleans(),
    "s": NUMBERS,
    "r": st.booleans(),
    "m": st.integers(5, 1440),
    "t": st.booleans(),
}
TRANSFER: dict[str, Any] = {
    "destination": ADDRESSES,
    "sourceDex": NAMES,
    "destinationDex": NAMES,
    "token": NAMES,
    "amount": NUMBERS,
}

KINDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "order": of("order", {"builder": BUILDERS}, orders=st.lists(orders(), max_size=25), grouping=GROUPINGS),
    "cancel": of("cancel", {"f": st.just(True)}, cancels=many({"a": ASSETS, "o": U64})),
    "cancelByCloid": of("cancelByCloid", cancels=many({"asset": ASSETS, "cloid": CLOIDS})),
    "modify": of("modify", {"a": st.just(True)}, **MODIFIED),
    "batchModify": of("batchModify", {"a": st.just(True)}, modifies=many(MODIFIED)),
    "scheduleCancel": of("scheduleCancel", {"time": U64}),
    "updateLeverage": of("updateLeverage", asset=ASSETS, isCross=st.booleans(), leverage=st.integers(1, 50)),
    "updateIsolatedMargin": of(
        "updateIsolatedMargin", asset=ASSETS, isBuy=st.booleans(), ntli=st.integers(-(2**53), 2**53)
    ),
    "topUpIsolatedOnlyMargin": of("topUpIsolatedOnlyMargin", asset=ASSETS, leverage=NUMBERS),
    "twapOrder": of("twapOrder", twap=st.fixed_dictionaries(TWAP)),
    "twapCancel": of("twapCancel", a=ASSETS, t=U64),
    "vaultTransfer": of("vaultTransfer", vaultAddress=ADDRESSES, isDeposit=st.booleans(), usd=U64),
    "createSubAccount": of("createSubAccount", name=NAMES),
    "subAccountModify": of("subAccountModify", subAccountUser=ADDRESSES, name=NAMES),
    "subAccountTransfer": of("subAccountTransfer", subAccountUser=ADDRESSES, isDeposit=st.booleans(), usd=U64),
    "subAccountSpotTransfer": of(
        "subAccountSpotTransfer", subAccountUser=ADDRESSES, isDeposit=st.booleans(), token=NAMES, amount=NUMBERS
    ),
    "agentSendAsset": of("agentSendAsset", **TRANSFER, fromSubAccount=NAMES, nonce=U64),
    "agentSetAbstraction": of("agentSetAbstraction", abstraction=st.sampled_from("iup")),
    "setReferrer": of("setReferrer", code=NAMES),
    "claimRewards": of("claimRewards"),
    "reserveRequestWeight": of("reserveRequestWeight", weight=U64),
    "noop": of("noop"),
    "evmUserModify": of("evmUserModify", usingBigBlocks=st.booleans()),
    "spotUser": of("spotUser", toggleSpotDusting=st.fixed_dictionaries({"optOut": st.booleans()})),
    "setDisplayName": of("setDisplayName", displayName=NAMES),
    "createVault": of("createVault", name=NAMES, description=NAMES, initialUsd=U64, nonce=U64),
    "borrowLend": of("borrowLend", operation=NAMES, token=st.integers(0, 2000), amount=NUMBERS),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_kind_of_action_is_signed_as_the_sdk_signs_it(kind: str, data: st.DataObject) -> None:
    secret, action = data.draw(KEYS), data.draw(KINDS[kind])
    nonce, vault, expires = data.draw(U64), data.draw(st.none() | ADDRESSES), data.draw(st.none() | U64)
    is_mainnet = data.draw(st.booleans())
    theirs = sdk.sign_l1_action(eth_account.Account.from_key(secret), action, vault, nonce, expires, is_mainnet)
    assert l1.L1Key(secret, is_mainnet=is_mainnet).sign(action, nonce, vault, expires) == theirs


def test_a_short_r_is_written_as_the_sdk_writes_it() -> None:
    """Of 600 signatures about 37 have an r or s with a leading zero digit."""
    key = l1.L1Key(b"\x11" * 32, is_mainnet=False)
    wallet = eth_account.Account.from_key(b"\x11" * 32)
    short = [n for n in range(600) if len((signed := key.sign({"type": "noop"}, n))["r"] + signed["s"]) < 132]
    assert short
    for nonce in short[:5]:
        assert key.sign({"type": "noop"}, nonce) == sdk.sign_l1_action(
            wallet, {"type": "noop"}, None, nonce, None, False
        )


@pytest.mark.parametrize(
    ("action", "digest"),
    [
        ({"type": "noop"}, "ef5dcef9775ebb2c5a6553314e66a6a57bd7e9b2319a869a8b17f08fa48bdcaf"),
        (
            {"type": "scheduleCancel", "time": N + 10_000},
            "e63169635c2b8dd6d34c54a508975ab9427087a0ccb278f2156f7456c317c594",
        ),
        ({"type": "cancel", "cancels": [{"a": 0, "o": 123}]},
         "e98dd18456c80d6b913946acb297d411a59a675716721df2abb7a8b85f0044e9"),
    ],
)  # fmt: skip
def test_vectors_made_with_the_unmodified_sdk(action: dict[str, Any], digest: str) -> None:
    assert l1.connection_id(action, N).hex() == digest


@pytest.fixture
def without_fast_keccak(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as it is where `sha3` cannot be imported."""
    import importlib

    monkeypatch.setitem(sys.modules, "sha3", None)
    importlib.reload(hashing)
    yield importlib.reload(l1)
    monkeypatch.undo()
    importlib.reload(hashing)
    importlib.reload(l1)


def test_without_the_fast_keccak_signatures_are_the_same(without_fast_keccak: Any) -> None:
    assert not hashing.FAST_KECCAK
    wallet = eth_account.Account.from_key(b"\x11" * 32)
    ours = without_fast_keccak.L1Key(b"\x11" * 32, is_mainnet=True).sign({"type": "noop"}, N, None, 5)
    assert ours == sdk.sign_l1_action(wallet, {"type": "noop"}, None, N, 5, True)
