"""Venue cards: fees, margin tiers, funding, rules, rate limits and capabilities of each venue, as data with sources.

One JSON file per venue in `data/`. `cards()` and `card(venue)` load them strictly typed (`Card`); `rates` and
`fill_fee` apply a fee schedule, `margin_tiers` gives a symbol's tiers. `prime venues` prints the cards, and
`docs/venues.md` is generated from them.
"""

from keeper.venues.cards.fees import fill_fee, rates, tier_of
from keeper.venues.cards.loader import card, cards, decode, formula_of
from keeper.venues.cards.margin import SymbolTier, margin_tiers
from keeper.venues.cards.types import (
    Capabilities,
    Card,
    Datum,
    Fees,
    FeeTier,
    FundingCard,
    MakerRebate,
    MarginRows,
    RateLimit,
    Rules,
    Source,
    TierRow,
)

__all__ = [
    "Capabilities",
    "Card",
    "Datum",
    "FeeTier",
    "Fees",
    "FundingCard",
    "MakerRebate",
    "MarginRows",
    "RateLimit",
    "Rules",
    "Source",
    "SymbolTier",
    "TierRow",
    "card",
    "cards",
    "decode",
    "fill_fee",
    "formula_of",
    "margin_tiers",
    "rates",
    "tier_of",
]
