"""Prices, sizes and money as integers.

A *price unit* is 10^(size_decimals − 6) USDC and a *lot* is 10^(−size_decimals) coins, so that price × lots is exactly
micro-USDC: nothing an account is charged or paid is ever rounded by representation. Both are the venue's own rules:
at most `size_decimals` decimals of size, at most 6 − `size_decimals` decimals of price and, unless the price is a
whole number, 5 significant figures.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

USDC_DECIMALS = 6
MAX_DECIMALS = 6
SPOT_MAX_DECIMALS = 8
FIRST_SPOT = 10_000
FIRST_DEX = 100_000
DEX_STEP = 10_000
SIGNIFICANT_FIGURES = 5
MICRO = 1_000_000
WEI_PER_MICRO = 100


@dataclass(frozen=True)
class Token:
    """A spot token: `decimals` of its smallest unit (wei), `size_decimals` of what may be traded."""

    index: int
    name: str
    size_decimals: int
    decimals: int
    token_id: str

    @property
    def lot(self) -> int:
        """Wei in one lot."""
        return int(10 ** (self.decimals - self.size_decimals))


@dataclass(frozen=True)
class AssetSpec:
    """A perpetual, or a spot pair when `base` is given: `index` is its asset id, `size_decimals` its szDecimals.

    `tiers` are (notional from which on, micro-USDC; leverage at most), the first from nought; `()` is one tier of
    `max_leverage`. `fee_percent` of the usual fee is charged (a builder-deployed dex's deployer takes as much again,
    its growth mode leaves a tenth). A spot pair's price × lots is in USDC wei (1e-8), a perpetual's in micro-USDC.
    """

    index: int
    coin: str
    size_decimals: int
    max_leverage: int
    margin_table: int = 0
    delisted: bool = False
    tiers: tuple[tuple[int, int], ...] = ()
    isolated_only: bool = False
    strict_isolated: bool = False
    base: Token | None = None
    fee_percent: int = 100

    @cached_property
    def price_decimals(self) -> int:
        return (SPOT_MAX_DECIMALS if self.is_spot else MAX_DECIMALS) - self.size_decimals

    @property
    def is_spot(self) -> bool:
        return self.base is not None

    @cached_property
    def dex(self) -> int:
        """0 for the main one (and spot), else the number of the builder-deployed exchange the coin belongs to."""
        return dex_of(self.index)

    @cached_property
    def unit(self) -> int:
        """Price units in one USDC."""
        return int(10**self.price_decimals)

    def price_text(self, price: int) -> str:
        return decimal_text(price, self.price_decimals)

    def size_text(self, lots: int) -> str:
        return decimal_text(lots, self.size_decimals)


def dex_of(asset: int) -> int:
    return (asset - FIRST_DEX) // DEX_STEP if asset >= FIRST_DEX else 0


def tick_of(price: int, unit: int) -> int:
    """The tick at a price: 5 significant figures, but never coarser than a whole USDC nor finer than a price unit."""
    return max(1, min(int(10 ** (len(str(price)) - SIGNIFICANT_FIGURES)), unit)) if price >= 10**5 else 1


def floor_to_tick(price: float, unit: int) -> int:
    """The highest valid price not above `price`; a hair's breadth of float noise does not cost a tick."""
    tick = tick_of(max(1, int(price)), unit)
    return max(1, int((price + tick * 1e-6) // tick) * tick)


def ceil_to_tick(price: float, unit: int) -> int:
    """The lowest valid price not below `price`."""
    tick = tick_of(max(1, int(price)), unit)
    return max(1, -int((tick * 1e-6 - price) // tick) * tick)


def nearest_tick(price: float, unit: int) -> int:
    tick = tick_of(max(1, int(price)), unit)
    return max(1, int(price / tick + 0.5) * tick)


def decimal_text(value: int, decimals: int) -> str:
    """The venue's way to write an amount: no trailing zeros but one decimal at least ("2.0", "-0.044263")."""
    sign = "-" if value < 0 else ""
    if decimals == 0:
        return f"{sign}{abs(value)}.0"
    whole, part = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{str(part).zfill(decimals).rstrip('0') or '0'}"


def usdc_text(micro: int) -> str:
    return decimal_text(micro, USDC_DECIMALS)


def scaled(text: str, decimals: int) -> int | None:
    """A decimal string as an integer × 10^decimals, or None when it has more decimals than that."""
    number = Decimal(text).scaleb(decimals)
    return int(number) if number == number.to_integral_value() else None
