"""A depth chart in text: how much each venue offers by distance from the reference price, and what a route takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table
from rich.text import Text

ROWS = 12
WIDTH = 60
LEAST_BPS = Decimal(12)
BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Venue:
    """`levels` (price, size), best first; `taken` from their front."""

    name: str
    colour: str
    levels: Sequence[tuple[Decimal, Decimal]]
    taken: Decimal


def depth_chart(venues: Sequence[Venue], reference: Decimal, sign: int) -> Table:
    """One row per band of distance, up to twice as far as the route reaches: a bar per venue, solid what is taken and
    light what stays."""
    worst = max((_reach(venue, reference, sign) for venue in venues), default=Decimal(0))
    low = min((_distance(venue.levels[0][0], reference, sign) for venue in venues if venue.levels), default=Decimal(0))
    band = max(2 * (worst - low), LEAST_BPS) / ROWS
    bands = [[_in_band(venue, reference, sign, low + row * band, band) for venue in venues] for row in range(ROWS)]
    widest = max((sum(taken + left for taken, left in row) for row in bands), default=Decimal(0)) or Decimal(1)
    table = Table("bps from mark", "depth, █ taken ░ left", box=None, pad_edge=False)
    table.add_column("coins", justify="right")
    for row, parts in enumerate(bands):
        bar = Text()
        for venue, (taken, left) in zip(venues, parts, strict=True):
            bar.append("█" * _cells(taken, widest), venue.colour)
            bar.append("░" * _cells(left, widest), venue.colour)
        amount = sum((taken + left for taken, left in parts), Decimal(0))
        table.add_row(f"{low + row * band:7.1f} to {low + (row + 1) * band:7.1f}", bar, f"{amount:,.4f}")
    return table


def _distance(price: Decimal, reference: Decimal, sign: int) -> Decimal:
    return sign * (price - reference) / reference * BPS


def _reach(venue: Venue, reference: Decimal, sign: int) -> Decimal:
    """How far the taken part reaches, in bps; where nothing is taken, the best level."""
    left, at = venue.taken, Decimal(0)
    for price, size in venue.levels:
        at = _distance(price, reference, sign)
        left -= size
        if left <= 0:
            break
    return at


def _in_band(venue: Venue, reference: Decimal, sign: int, low: Decimal, width: Decimal) -> tuple[Decimal, Decimal]:
    """(taken, left) of the levels in [low, low + width)."""
    taken = left = Decimal(0)
    before = Decimal(0)
    for price, size in venue.levels:
        if low <= _distance(price, reference, sign) < low + width:
            used = min(max(venue.taken - before, Decimal(0)), size)
            taken, left = taken + used, left + size - used
        before += size
    return taken, left


def _cells(amount: Decimal, widest: Decimal) -> int:
    """Whole cells of the bar; something is never nothing."""
    cells = round(WIDTH * amount / widest)
    return max(cells, 1) if amount else 0
