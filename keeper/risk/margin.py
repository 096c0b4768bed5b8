"""The requirement formula (see the package) as a pure function."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE, micro_ceil

Place = tuple[str, str]
"""(venue, coin)."""


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """`buffer` multiplies the venue's own initial margin, `stress` is the price move to survive, as a fraction."""

    buffer: Decimal = Decimal("1.25")
    stress: Decimal = Decimal("0.10")
    stale_factor: Decimal = Decimal(2)


def requirement(
    positions: Mapping[Place, Decimal],
    marks: Mapping[Place, Decimal],
    max_leverage: Mapping[Place, int],
    settings: RiskSettings,
    stale: Collection[Place] = (),
) -> int:
    """Initial margin of one portfolio, micro-USDC. InputError when a position has no mark price or leverage at all."""
    held = {place: size for place, size in positions.items() if size}
    for place in held:
        if place not in marks or place not in max_leverage:
            raise InputError(
                "marks", f"no mark price of {place[1]} at {place[0]}; wait until the venue is connected", "no_mark"
            )
    coins = {coin for _, coin in held}
    portfolio = sum((_stressed(coin, held, marks, max_leverage, settings, stale) for coin in coins), Decimal(0))
    at_venues: dict[str, Decimal] = {}
    for (venue, coin), size in held.items():
        notional = WIDE.multiply(abs(size), marks[venue, coin])
        at_venues[venue] = at_venues.get(venue, Decimal(0)) + WIDE.divide(notional, Decimal(max_leverage[venue, coin]))
    return micro_ceil(WIDE.add(portfolio, max(at_venues.values(), default=Decimal(0))))


def _stressed(
    coin: str,
    held: Mapping[Place, Decimal],
    marks: Mapping[Place, Decimal],
    max_leverage: Mapping[Place, int],
    settings: RiskSettings,
    stale: Collection[Place],
) -> Decimal:
    """One coin's part of the first line, USDC."""
    places = [place for place in held if place[1] == coin]
    net = abs(sum((held[place] for place in places), Decimal(0)))
    mark = max(marks[place] for place in places)
    lowest = min(max_leverage[place] for place in places)
    share = max(WIDE.divide(settings.buffer, Decimal(lowest)), settings.stress)
    if any(place in stale for place in places):
        share *= settings.stale_factor
    return WIDE.multiply(WIDE.multiply(net, mark), share)
