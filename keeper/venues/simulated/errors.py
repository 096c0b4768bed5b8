"""The venue's refusals, in its own words (sources: hyperliquid-python-sdk, recorded answers, public notes)."""

from keeper.errors import VenueError

INSUFFICIENT_MARGIN = "Insufficient margin to place order."
NEVER_PLACED = "Order was never placed, already canceled, or filled."
INSUFFICIENT_WITHDRAWAL = "Insufficient balance for withdrawal"
INSUFFICIENT_TRANSFER = "Insufficient balance for token transfer"
EXPIRED = "Action already expired"

__all__ = [
    "EXPIRED",
    "INSUFFICIENT_MARGIN",
    "INSUFFICIENT_TRANSFER",
    "INSUFFICIENT_WITHDRAWAL",
    "NEVER_PLACED",
    "VenueError",
]
