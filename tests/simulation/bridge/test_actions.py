"""CoreWriter payloads. The byte vectors are mainnet's, as published in superform-xyz/v2-core (August 2026)."""

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from keeper.venues.simulated.bridge.actions import (
    SPOT_DEX,
    AddAgent,
    CancelByCloid,
    CancelByOid,
    LimitOrder,
    SendAsset,
    SetAbstraction,
    UsdClassTransfer,
    decode_action,
)


def payload(action: int, types: list[str], *values: object) -> bytes:
    return b"\x01" + action.to_bytes(3, "big") + encode(types, values)


def word(text: str) -> str:
    return text.rjust(64, "0")


def test_mainnet_vectors() -> None:
    transfer = bytes.fromhex("01000007" + word("11d7df0") + word("0"))
    assert decode_action(transfer) == UsdClassTransfer(18_710_000, to_perp=False)

    agent = "40a5089854165d3d8bc054cf02adffda28ac092c"
    name = b"beat-mobile".hex().ljust(64, "0")
    enrol = bytes.fromhex("01000009" + word(agent) + word("40") + word("b") + name)
    assert decode_action(enrol) == AddAgent("0x" + agent, "beat-mobile")

    system = "20" + "0" * 38
    fields = [system, "0", "ffffffff", "ffffffff", "0", "0b7b90c85c"]
    out = decode_action(bytes.fromhex("0100000d" + "".join(map(word, fields))))
    assert out == SendAsset("0x" + system, "0x" + "0" * 40, SPOT_DEX, SPOT_DEX, 0, 49_317_726_300)
    assert isinstance(out, SendAsset)
    assert out.leaves_core


def test_standard_mode() -> None:
    user = "0x" + "ab" * 20
    assert decode_action(payload(16, ["address", "uint8"], user, 1)) == SetAbstraction(user, 1)


def test_orders_and_cancels() -> None:
    kinds = ["uint32", "bool", "uint64", "uint64", "bool", "uint8", "uint128"]
    order = LimitOrder(3, True, 5 * 10**8, 7 * 10**8, reduce_only=False, tif=3, cloid=9)
    assert decode_action(payload(1, kinds, 3, True, 5 * 10**8, 7 * 10**8, False, 3, 9)) == order
    assert decode_action(payload(10, ["uint32", "uint64"], 3, 8)) == CancelByOid(3, 8)
    assert decode_action(payload(11, ["uint32", "uint128"], 3, 9)) == CancelByCloid(3, 9)


GOOD = payload(7, ["uint64", "bool"], 5_000_000, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00",
        b"\x02" + GOOD[1:],
        GOOD[:-1],
        GOOD + b"\x00",
        GOOD[:-1] + b"\x02",
        payload(7, ["uint256", "bool"], 2**64, True),
        payload(2, ["address", "bool", "uint64"], "0x" + "ab" * 20, True, 5),
        payload(1, ["uint32", "bool"], 1, True),
        bytes.fromhex("01000009" + word("0") + word("60") + word("0") + word("1") + "61".ljust(64, "0")),
        bytes.fromhex("01000009" + word("0") + word("40") + word("1") + "ff".ljust(64, "0")),
    ],
    ids=[
        "empty",
        "no id",
        "version",
        "short",
        "long",
        "bool 2",
        "overflow",
        "unknown",
        "short order",
        "odd offset",
        "not utf-8",
    ],
)
def test_dropped(data: bytes) -> None:
    assert decode_action(data) is None


@given(st.binary(max_size=300))
def test_noise_never_raises(noise: bytes) -> None:
    assert decode_action(b"\x01\x00\x00\x09" + noise) is None or len(noise) >= 96


@given(st.integers(0, 2**64 - 1), st.booleans())
def test_every_transfer_decodes(amount: int, to_perp: bool) -> None:
    assert decode_action(payload(7, ["uint64", "bool"], amount, to_perp)) == UsdClassTransfer(amount, to_perp)
