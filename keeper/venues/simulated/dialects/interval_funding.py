"""Funding settled every N hours, N by symbol: the Binance family's convention, which the engine has as an option."""

import dataclasses
from collections.abc import Callable

from keeper.venues.simulated.engine import Venue


def settle_every(venue: Venue, hours_of: Callable[[str], int]) -> None:
    """Makes a fresh venue settle each coin's funding at its own interval, in hours."""
    hours = {market.spec.coin: hours_of(market.spec.coin) for market in venue.markets_of(0)}
    venue.state.options = dataclasses.replace(venue.state.options, funding_hours=hours)
