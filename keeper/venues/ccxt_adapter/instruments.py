"""Instruments with fixed steps: what every venue but Hyperliquid has."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from keeper.errors import UnknownOutcome
from keeper.model.coins import our_name
from keeper.model.instruments import Instrument
from keeper.venues.ccxt_adapter.numbers import exact, exact_or_none
from keeper.venues.ccxt_adapter.symbology import decimals_of

USUAL_LEVERAGE = 1


@dataclass(frozen=True, slots=True)
class FixedStepInstrument(Instrument):
    """Sizes in coins whatever the venue counts in: a contract is `contract_size` coins; `market` is ccxt's symbol."""

    market: str = ""
    step: Decimal = Decimal(1)
    tick: Decimal = Decimal(1)
    contract_size: Decimal = Decimal(1)

    @property
    def lot_size(self) -> Decimal:
        return self.step

    def tick_size(self, price: Decimal) -> Decimal:
        return self.tick

    def round_size(self, size: Decimal) -> Decimal:
        return (size / self.step).to_integral_value(ROUND_FLOOR) * self.step

    def is_valid_size(self, size: Decimal) -> bool:
        return size > 0 and size % self.step == 0

    def contracts(self, size: Decimal) -> Decimal:
        """Coins as contracts; exact for a size that is valid."""
        return size / self.contract_size


def instrument(venue: str, index: int, market: dict[str, Any]) -> FixedStepInstrument:
    """One of ccxt's markets. UnknownOutcome when it does not say its steps or its contract size."""
    symbol, precision, limits = market["symbol"], market["precision"], market["limits"]
    contract = exact(market["contractSize"], f"{symbol} contractSize")
    step = exact(precision["amount"], f"{symbol} amount step") * contract
    tick = exact(precision["price"], f"{symbol} price step")
    if step <= 0 or tick <= 0 or contract <= 0:
        raise UnknownOutcome(f"{symbol}: steps and contract size must be more than nought")
    leverage = exact_or_none((limits.get("leverage") or {}).get("max"), f"{symbol} leverage")
    least = exact_or_none((limits.get("cost") or {}).get("min"), f"{symbol} cost limit")
    return FixedStepInstrument(
        venue=venue,
        coin=our_name(market["base"]),
        asset=index,
        size_decimals=max(0, decimals_of(step)),
        max_leverage=int(leverage) if leverage else USUAL_LEVERAGE,
        min_notional=least or Decimal(0),
        quote=market["quote"],
        market=symbol,
        step=step,
        tick=tick,
        contract_size=contract,
    )
