"""Instruments: one perpetual at one venue, with the steps its prices and sizes may take."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Literal

Side = Literal["buy", "sell"]

SUFFIX = "-PERP"

STEPS = {exponent: Decimal(1).scaleb(exponent) for exponent in range(-40, 41)}
"""10^exponent."""


def symbol_of(coin: str) -> str:
    """Our name of a coin's perpetual: `BTC` → `BTC-PERP`. Clients sign this name."""
    return coin + SUFFIX


def coin_of(symbol: str) -> str:
    """The coin of a symbol: `BTC-PERP` → `BTC`. ValueError for anything else."""
    if not symbol.endswith(SUFFIX) or symbol == SUFFIX:
        raise ValueError(f"{symbol!r} is not a perpetual's name such as BTC{SUFFIX}")
    return symbol[: -len(SUFFIX)]


def sign(side: Side) -> int:
    """+1 for a buy, −1 for a sell."""
    return 1 if side == "buy" else -1


@dataclass(frozen=True, slots=True)
class Instrument:
    """A perpetual at a venue whose prices follow Hyperliquid's rule: at most 5 significant figures and at most
    6 − size_decimals decimals, whole numbers always allowed (`reference` Hyperliquid docs, tick and lot size)."""

    venue: str
    coin: str
    asset: int
    size_decimals: int
    max_leverage: int
    min_notional: Decimal = Decimal(10)
    quote: str = "USDC"

    @property
    def symbol(self) -> str:
        return symbol_of(self.coin)

    @property
    def lot_size(self) -> Decimal:
        return STEPS[-self.size_decimals]

    def tick_size(self, price: Decimal) -> Decimal:
        """The price step at `price`."""
        by_figures, by_decimals = price.adjusted() - 4, self.size_decimals - 6
        exponent = by_figures if by_figures < 0 else 0
        return STEPS[exponent if exponent > by_decimals else by_decimals]

    def is_valid_price(self, price: Decimal) -> bool:
        return price > 0 and not price % self.tick_size(price)

    def round_size(self, size: Decimal) -> Decimal:
        """Down to a whole lot."""
        return size.quantize(self.lot_size, ROUND_DOWN)

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Onto the tick, never worse for us: down for a buy, up for a sell."""
        tick = self.tick_size(price)
        down = (price / tick).to_integral_value(ROUND_FLOOR) * tick
        return down if side == "buy" or down == price else down + tick
