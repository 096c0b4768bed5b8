"""Venues' JSON as typed records, for every adapter: what has another shape fails, and so does a number that is none.

Numbers of value are `Decimal` fields and keep the digits they came with. A field that is missing or of another type
fails; one that we do not know is ignored, because a venue may add one any day and that must not stop the keeper.
"""

from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec.structs import astuple

T = TypeVar("T")

MOST_DIGITS = 40
LARGEST_EXPONENT = 30
LARGEST_INTEGER = 2**63


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a venue. Its numbers are finite and of a size that means something: `NaN`, `Infinity` or `1E+999999`
    fail like any other wrong type."""

    def __post_init__(self) -> None:
        for name, value in zip(self.__struct_fields__, astuple(self), strict=True):
            kind = type(value)
            if kind is Decimal:
                check_number(value, name)
            elif kind is int and not -LARGEST_INTEGER < value < LARGEST_INTEGER:
                raise ValueError(f"{name} does not fit into 64 bits")


def check_number(value: Decimal, name: str) -> None:
    """ValueError for a number that is not finite or absurdly large, small or long."""
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT or len(str(value)) > MOST_DIGITS:
        raise ValueError(f"{name} is no number of value: {str(value)[:MOST_DIGITS]}")


def decode(body: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    """Typed record(s). msgspec.DecodeError when the JSON or its shape is not what `kind` says; nothing else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (RecursionError, UnicodeError) as error:
        raise msgspec.DecodeError(f"not readable as JSON: {type(error).__name__}") from error


def convert(value: object, kind: type[T]) -> T:
    """The same from JSON that is already parsed. msgspec.ValidationError when its shape is wrong."""
    return msgspec.convert(value, type=kind)
