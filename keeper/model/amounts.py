"""Exact amounts. Ledgers and the chain count micro-USDC in `int`; prices and sizes are `Decimal`."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

MICRO = 1_000_000
"""Micro-USDC in one USDC."""

E8 = 100_000_000
"""The scale of quantities and prices in signed orders, and of Hyperliquid's spot USDC."""

WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Room for any product of two prices or sizes without rounding."""


def micro_floor(amount: Decimal) -> int:
    """USDC to micro-USDC, toward minus infinity: what someone receives."""
    return int(WIDE.multiply(amount, Decimal(MICRO)).to_integral_value(ROUND_FLOOR, WIDE))


def micro_ceil(amount: Decimal) -> int:
    """USDC to micro-USDC, toward plus infinity: what someone owes."""
    return int(WIDE.multiply(amount, Decimal(MICRO)).to_integral_value(ROUND_CEILING, WIDE))


def micro_exact(amount: Decimal) -> int:
    """USDC to micro-USDC; ValueError if that would round."""
    scaled = WIDE.multiply(amount, Decimal(MICRO))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} USDC is not a whole number of micro-USDC")
    return int(scaled)


def usdc(micro: int) -> Decimal:
    """Micro-USDC to USDC, exact."""
    return Decimal(micro).scaleb(-6, WIDE)


def plain(number: Decimal) -> str:
    """The one spelling of a number in records that are hashed: no exponent, no trailing zeros, no minus zero."""
    if not number:
        return "0"
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(number: Decimal) -> str:
    """`plain`, with a plus where there is no minus."""
    return plain(number) if number < 0 else "+" + plain(number)


def from_e8(scaled: int) -> Decimal:
    """An integer × 1e8 as a Decimal, exact."""
    return Decimal(scaled).scaleb(-8, WIDE)


def to_e8(number: Decimal) -> int:
    """A Decimal as an integer × 1e8; ValueError if it has more than 8 decimals."""
    scaled = WIDE.multiply(number, Decimal(E8))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{number} has more than 8 decimals")
    return int(scaled)
