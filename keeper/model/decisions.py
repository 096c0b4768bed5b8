"""Routing decisions as they are stored: the same JSON, a third to a fifth of the bytes."""

import json
import zlib
from base64 import b85decode, b85encode
from typing import Any, Final

PACKED: Final = "zlib85"


def pack(decision: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON, compressed into one text field."""
    text = json.dumps(decision, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return {PACKED: b85encode(zlib.compress(text.encode(), 9)).decode()}


def unpack(stored: dict[str, Any]) -> dict[str, Any]:
    """Inverse of `pack`; what was never packed is returned as it is. ValueError when it cannot be read."""
    if stored.keys() != {PACKED}:
        return stored
    try:
        decision = json.loads(zlib.decompress(b85decode(stored[PACKED])))
    except zlib.error as error:
        raise ValueError(f"a packed decision is damaged: {error}") from error
    if not isinstance(decision, dict):
        raise ValueError("a packed decision is not an object")
    return decision
