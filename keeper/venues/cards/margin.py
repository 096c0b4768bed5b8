"""The margin tiers of one symbol, with the maintenance rates that a card states or implies."""

from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE
from keeper.venues.cards.types import Card, MarginRows, TierRow


@dataclass(frozen=True, slots=True)
class SymbolTier:
    """From a notional of `floor` USD on: the maintenance rate and the most leverage."""

    floor: Decimal
    rate: Decimal
    max_leverage: Decimal


def margin_tiers(card: Card, symbol: str) -> tuple[SymbolTier, ...]:
    """The tiers of a symbol as the venue spells it. InputError when the card has none, or not their rates."""
    for rows in card.margin:
        if symbol in rows.symbols:
            return tuple(SymbolTier(tier.floor, _rate(card, rows, tier), tier.max_leverage) for tier in rows.tiers)
    raise InputError("symbol", f"the card of {card.venue} has no margin tiers of {symbol!r}; ask the venue", "unknown")


def _rate(card: Card, rows: MarginRows, tier: TierRow) -> Decimal:
    if tier.rate is not None:
        return tier.rate
    if rows.rule == "half of initial":
        return WIDE.divide(Decimal(1), 2 * tier.max_leverage)
    raise InputError("symbol", f"the maintenance rate of {rows.name} at {card.venue} is not established", "unknown")
