"""Signing one order: ours, the curve alone (libsecp256k1 through coincurve, over a digest that is ready), and the
venue's SDK with coincurve and as it installs itself (eth-keys in Python).

All four sign the same action; the signatures are compared first, then the calls take turns.
"""

from collections.abc import Callable
from typing import Any

from coincurve import PrivateKey
from eth_account import Account
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.backends.native.main import NativeECCBackend

from keeper.clock import TestClock
from keeper.venues.hyperliquid.signing import ActionSigner
from tools.bench.figures import Figure, against
from tools.bench.peers import order_body
from tools.bench.routing import at, interleaved
from tools.bench.tick_world import KEY, NONCE

WIRE = {
    "a": 4, "b": True, "p": "2500.5", "s": "0.5", "r": False, "t": {"limit": {"tif": "Ioc"}}, "c": "0x" + "0c" * 16
}  # fmt: skip


def run() -> list[Figure]:
    signer = ActionSigner(KEY, TestClock(NONCE), "http://127.0.0.1")
    action = {"type": "order", "orders": [WIRE], "grouping": "na"}
    bare, digest = PrivateKey(bytes.fromhex(KEY[2:])).sign_recoverable, b"\x22" * 32

    def ours() -> dict[str, Any]:
        return signer.signed(action, NONCE, NONCE + 5_000)

    with_curve, native = _sdk(CoinCurveECCBackend()), _sdk(NativeECCBackend())
    assert ours() == with_curve() == native(), "the signatures differ"
    mine, floor = interleaved(ours, lambda: bare(digest, None), 2_000)
    mine_beside_sdk, sdk = interleaved(ours, with_curve, 400, burst=5)
    mine_beside_native, slow = interleaved(ours, native, 60, burst=5)
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


def _sdk(backend: Any) -> Callable[[], dict[str, Any]]:
    account = Account()
    account.set_key_backend(backend)
    wallet = account.from_key(KEY)
    return lambda: order_body(wallet, WIRE, NONCE, NONCE + 5_000)
