"""Client order ids between us and a venue.

Our id is 16 bytes (rule H1), written `0x` and 32 hex digits. A venue takes it as it is (34 characters), as 32 hex
digits, as a UUID, or only its low bits as a number. The first three can be read back; a number cannot, so a fill that
carries one belongs to an id only as long as the adapter knows which ids it may be.
"""

import uuid
from collections.abc import Iterable
from decimal import Decimal

import msgspec


class ClientIds(msgspec.Struct, frozen=True):
    """`form`: "0x", "hex", "uuid" or "bits"; `bits`: how many of the low ones are kept for the last."""

    form: str = "0x"
    bits: int = 0

    @property
    def reversible(self) -> bool:
        return self.form != "bits"

    def to_venue(self, cloid: str) -> str:
        """Our id as the venue takes it."""
        digits = cloid.removeprefix("0x")
        match self.form:
            case "hex":
                return digits
            case "uuid":
                return str(uuid.UUID(hex=digits))
            case "bits":
                return str(int(digits, 16) % 2**self.bits or 1)
        return cloid

    def from_venue(self, text: str | None, known: Iterable[str] = ()) -> str | None:
        """Our id again, None for an id that is not of our making (or, when it was cut, is none of `known`)."""
        if not text:
            return None
        if not self.reversible:
            return next((cloid for cloid in known if self.to_venue(cloid) == text), None)
        digits = text.replace("-", "").removeprefix("0x").lower()
        if len(digits) != 32 or any(digit not in "0123456789abcdef" for digit in digits):
            return None
        cloid = "0x" + digits
        return cloid if self.to_venue(cloid) == text.lower() else None


def decimals_of(step: Decimal) -> int:
    """How many decimals a step has; negative for steps of tens."""
    exponent = step.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
