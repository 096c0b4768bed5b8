"""keccak256, in C where `safe-pysha3` is importable: what eth-hash brings takes five times as long."""

import eth_hash.auto

try:
    from sha3 import keccak_256
except ImportError:  # no wheel for this machine and no compiler
    FAST_KECCAK = False
else:
    FAST_KECCAK = True


def keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest() if FAST_KECCAK else eth_hash.auto.keccak(data)
    return digest
