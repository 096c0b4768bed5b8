"""JSON as the venue writes it, to typed structs and back.

Every number of value is a JSON string and becomes a Decimal with the digits it came with, so that encoding gives the
same text again. A field that is missing or of another type fails; a field we do not know is ignored, because a venue
may add one any day and that must not stop the keeper.
"""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A record of the venue: snake_case here, camelCase there."""


def decode(body: bytes | str, kind: type[T]) -> T:
    """Typed record(s). msgspec.DecodeError when the JSON or its shape is not what `kind` says."""
    return msgspec.json.decode(body, type=kind)


def convert(value: object, kind: type[T]) -> T:
    """The same from JSON that is already parsed. msgspec.ValidationError when its shape is wrong."""
    return msgspec.convert(value, type=kind)


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
