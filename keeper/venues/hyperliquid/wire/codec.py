"""JSON as the venue writes it, to typed structs and back.

Every number of value is a JSON string and becomes a Decimal with the digits it came with, so that encoding gives the
same text again. A field that is missing or of another type fails; a field we do not know is ignored, because a venue
may add one any day and that must not stop the keeper.
"""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MOST_DIGITS = 40
LARGEST_EXPONENT = 30
LARGEST_INTEGER = 2**63


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A record of the venue: snake_case here, camelCase there. Its numbers are finite and of a size that means
    something: `NaN`, `Infinity` or `1E+999999` fail like any other wrong type."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                check_number(value, name)
            elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
                raise ValueError(f"{name} does not fit into 64 bits")


def check_number(value: Decimal, name: str) -> None:
    """ValueError for a number that is not finite or absurdly large, small or long."""
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT or len(str(value)) > MOST_DIGITS:
        raise ValueError(f"{name} is no number of value: {str(value)[:MOST_DIGITS]}")


def decode(body: bytes | str, kind: type[T]) -> T:
    """Typed record(s). msgspec.DecodeError when the JSON or its shape is not what `kind` says."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (RecursionError, UnicodeError) as error:
        raise msgspec.DecodeError(f"not readable as JSON: {type(error).__name__}") from error


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
