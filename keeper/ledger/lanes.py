"""Lanes as the chain packs them (rule A4): id i lies in word (i−1)//4, lane (i−1)%4, lane 0 lowest, int64 each."""

from collections.abc import Mapping, Sequence

from keeper.errors import IntegrityError

LANES = 4
BITS = 64
MAX_WORDS = 256
_MASK = (1 << BITS) - 1
_LOW, _HIGH = -(1 << (BITS - 1)), (1 << (BITS - 1)) - 1


def pack(deltas: Mapping[int, int]) -> tuple[bytes, tuple[int, ...]]:
    """Deltas by id → (`words`, one byte per touched storage word, ascending; `pnl4`, one uint256 each). Zeros are
    left out. IntegrityError for an id outside 1..1024 or an amount outside int64."""
    packed: dict[int, int] = {}
    for id_, delta in deltas.items():
        if not 1 <= id_ <= LANES * MAX_WORDS:
            raise IntegrityError(f"sub-account {id_}: ids go from 1 to {LANES * MAX_WORDS}")
        if not _LOW <= delta <= _HIGH:
            raise IntegrityError(f"sub-account {id_}: {delta} micro-USDC does not fit an int64")
        if delta:
            word, lane = divmod(id_ - 1, LANES)
            packed[word] = packed.get(word, 0) | (delta & _MASK) << (BITS * lane)
    words = sorted(packed)
    return bytes(words), tuple(packed[word] for word in words)


def unpack(words: bytes, pnl4: Sequence[int]) -> dict[int, int]:
    """Inverse of `pack`."""
    if len(words) != len(pnl4):
        raise IntegrityError(f"{len(words)} words, but {len(pnl4)} values")
    deltas: dict[int, int] = {}
    for word, packed in zip(words, pnl4, strict=True):
        for lane in range(LANES):
            raw = packed >> (BITS * lane) & _MASK
            if raw:
                deltas[word * LANES + lane + 1] = raw - (1 << BITS) if raw > _HIGH else raw
    return deltas
