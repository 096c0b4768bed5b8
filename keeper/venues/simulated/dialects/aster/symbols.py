"""Coins of the tape as this venue lists them: USDT-margined perpetuals, thousands spelled out."""

from collections.abc import Mapping
from typing import Final

from keeper.venues.simulated.market import Market
from keeper.venues.simulated.units import tick_of

ASSET = "USDT"
FUNDING_HOURS: Final[Mapping[str, int]] = {"SOL": 4, "SUI": 4, "INJ": 4, "DOGE": 1, "kPEPE": 1}
USUAL_HOURS = 8


def base_of(coin: str) -> str:
    """kPEPE → 1000PEPE: the same thousand under its other name."""
    return "1000" + coin[1:] if coin[:1] == "k" and coin[1:].isupper() else coin


def symbol_of(coin: str) -> str:
    return base_of(coin) + ASSET


def hours_of(coin: str) -> int:
    """Hours between two funding settlements."""
    return FUNDING_HOURS.get(coin, USUAL_HOURS)


def tick_size(market: Market) -> int:
    """One fixed step per symbol, in price units: the engine's step at the snapshot's price."""
    return tick_of(round(market.snapshot.mark * market.spec.unit), market.spec.unit)
