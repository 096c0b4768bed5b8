"""Integers of the engine as the decimal strings these venues print, and back."""

from decimal import Decimal, InvalidOperation


def fixed(value: int, decimals: int, shown: int | None = None) -> str:
    """`value` × 10^-decimals with `shown` decimals (default: all of them); the venues keep the zeros."""
    shown = decimals if shown is None else shown
    scaled = value * 10 ** (shown - decimals) if shown >= decimals else value // 10 ** (decimals - shown)
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).zfill(shown + 1)
    return f"{sign}{digits[:-shown]}.{digits[-shown:]}" if shown else sign + digits


def parse(text: object) -> Decimal | None:
    """A finite decimal number, or None for anything else."""
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def on_grid(number: Decimal, decimals: int) -> int | None:
    """`number` × 10^decimals as an integer, None when it has more decimals than that."""
    scaled = number.scaleb(decimals)
    return int(scaled) if scaled == scaled.to_integral_value() else None
