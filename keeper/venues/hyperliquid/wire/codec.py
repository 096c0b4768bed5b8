"""JSON as the venue writes it, to typed structs and back.

Every number of value is a JSON string and becomes a Decimal with the digits it came with, so that encoding gives the
same text again.
"""

from decimal import Decimal
from typing import Any

import msgspec

from keeper.venues.wire import Record, convert, decode

__all__ = ["Wire", "convert", "decode", "encode"]


class Wire(Record, frozen=True, kw_only=True, rename="camel"):
    """A record of the venue: snake_case here, camelCase there."""


def encode(value: object) -> bytes:
    """The JSON the venue would have sent, less any field we do not know."""
    return msgspec.json.encode(_spelled(msgspec.to_builtins(value, builtin_types=(Decimal,))))


def _spelled(value: Any) -> Any:
    """Decimals as text without exponent; all else as it is."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return value
