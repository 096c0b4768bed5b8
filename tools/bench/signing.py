"""Signing one order: ours, the curve alone (libsecp256k1 through coincurve, over a digest that is ready), and the
venue's SDK with coincurve and as it installs itself (eth-keys in Python).

All four sign the same action; the signatures are compared first, then the calls take turns.
"""

import os
from typing import Any

from coincurve import PrivateKey
from eth_account import Account

from keeper.clock import TestClock
from keeper.venues.hyperliquid.signing import ActionSigner
from tools.bench.figures import Figure, against
from tools.bench.peers import order_body
from tools.bench.routing import at, interleaved
from tools.bench.tick_world import KEY, NONCE

BACKEND = "ECC_BACKEND_CLASS"
WIRE = {
    "a": 4, "b": True, "p": "2500.5", "s": "0.5", "r": False, "t": {"limit": {"tif": "Ioc"}}, "c": "0x" + "0c" * 16
}  # fmt: skip


def run() -> list[Figure]:
    signer = ActionSigner(KEY, TestClock(NONCE), "http://127.0.0.1")
    action = {"type": "order", "orders": [WIRE], "grouping": "na"}
    bare, digest = PrivateKey(bytes.fromhex(KEY[2:])).sign_recoverable, b"\x22" * 32

    def ours() -> dict[str, Any]:
        return signer.signed(action, NONCE, NONCE + 5_000)

    assert ours() == _sdk() == _sdk_as_installed(), "the signatures differ"
    mine, floor = interleaved(ours, lambda: bare(digest, None), 2_000)
    mine_beside_sdk, sdk = interleaved(ours, _sdk, 400, burst=5)
    mine_beside_native, slow = interleaved(ours, _sdk_as_installed, 60, burst=5)
    rows = [
        ("bare libsecp256k1", mine, floor, "the floor: 1 is none above it"),
        ("hyperliquid SDK + coincurve", mine_beside_sdk, sdk, ""),
        ("hyperliquid SDK as installed", mine_beside_native, slow, "eth-keys in Python"),
    ]
    return [
        against(f"sign an order {label}, beside {peer}", at(one, share), "µs", peer, at(other, share), note)
        for peer, one, other, note in rows
        for share, label in ((0.5, "p50"), (0.99, "p99"))
    ]


def _sdk() -> dict[str, Any]:
    return order_body(Account.from_key(KEY), WIRE, NONCE, NONCE + 5_000)


def _sdk_as_installed() -> dict[str, Any]:
    """eth-keys picks its backend for each key by this variable, and takes its own Python where coincurve is missing."""
    os.environ[BACKEND] = "eth_keys.backends.native.main.NativeECCBackend"
    try:
        return _sdk()
    finally:
        del os.environ[BACKEND]
