"""Numbers and ids as ccxt hands them over, made exact.

ccxt is told to keep numbers as text (`exchange.number = str`). Its order books are float all the same: a float that was
read from at most 15 significant digits gives exactly those digits back (IEEE 754 binary64), and no more are taken.
"""

import hashlib
import math
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from keeper.errors import UnknownOutcome
from keeper.model.amounts import micro_ceil, micro_floor
from keeper.venues.wire import check_number

FLOAT_DIGITS = 15
ID_BITS = 63
ID_DIGITS = 40
"""More than any venue counts to."""
SHOWN = 60


def exact(value: Any, name: str) -> Decimal:
    """A number given as text or as an int. UnknownOutcome, naming the field, for anything else, and for a number of a
    size that means nothing: it cannot be read."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        with suppress(InvalidOperation, ValueError):
            number = Decimal(value)
            check_number(number, name)
            return number
    raise UnknownOutcome(f"{name}: not an exact number: {str(value)[:SHOWN]!r}")


def exact_or_none(value: Any, name: str) -> Decimal | None:
    """The same, None for what the venue did not say."""
    return None if value is None or value == "" else exact(value, name)


def level(value: Any, name: str) -> Decimal:
    """A price or size of an order book: text, or a float of at most 15 significant digits."""
    if not isinstance(value, float):
        return exact(value, name)
    if math.isfinite(value):
        number = exact(repr(value), name)
        if len(number.normalize().as_tuple().digits) <= FLOAT_DIGITS:
            return number
    raise UnknownOutcome(f"{name}: not a number that a float can carry exactly: {value!r}")


def paid(amount: Decimal) -> int:
    """What the seat paid, micro-USDC, any rest rounded against the seat."""
    return micro_ceil(amount)


def received(amount: Decimal) -> int:
    """What the seat received or holds, micro-USDC, any rest rounded against the seat."""
    return micro_floor(amount)


def number_of(identifier: Any, name: str) -> int:
    """A venue's id as an int: itself when it is one, else the first 63 bits of its SHA-256 (venues with UUIDs)."""
    text = str(identifier)
    if not identifier:
        raise UnknownOutcome(f"{name}: the venue gave no id")
    if text.isascii() and text.isdigit() and len(text) <= ID_DIGITS:
        return int(text)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> (64 - ID_BITS)
