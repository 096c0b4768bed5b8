"""What the event log says of each order, put in the order that measuring needs. A projection: it can be rebuilt."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from keeper.model.events import Event, FillSeen, LegIntent, OrderAccepted, OrderClosed, RouteDecided, TopsSeen
from keeper.model.instruments import coin_of
from keeper.model.signed_orders import SignedOrder
from keeper.model.venue_records import Fill

Tops = dict[str, tuple[Decimal, Decimal]]
"""By venue: best (bid, ask)."""


@dataclass(slots=True)
class Episode:
    """One decision and the legs that it led to. Attempts of one leg are in it together. Legs that no routing decision
    led to (an order that only rests) stand under an empty one."""

    at_ms: int
    decision: dict[str, Any]
    cloids: list[str] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.size for fill in self.fills), Decimal(0))


@dataclass(slots=True)
class Trail:
    """One order from its acceptance to its end, and the looks at the market on the way."""

    digest: str
    signed: SignedOrder
    accepted_ms: int
    closed_ms: int | None = None
    status: str = "open"
    episodes: list[Episode] = field(default_factory=list)
    looks: list[TopsSeen] = field(default_factory=list)

    @property
    def coin(self) -> str:
        return coin_of(self.signed.order.instrument)

    @property
    def sign(self) -> int:
        return 1 if self.signed.order.direction == "buy" else -1

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """What was decided, oldest first."""
        return [episode.decision for episode in self.episodes if episode.decision]

    @property
    def fills(self) -> list[Fill]:
        return [fill for episode in self.episodes for fill in episode.fills]

    def look(self, moment: str) -> TopsSeen | None:
        """The first one at `moment`."""
        return next((look for look in self.looks if look.moment == moment), None)

    def look_at(self, at_ms: int, tolerance_ms: int) -> TopsSeen | None:
        """The one nearest to `at_ms`, if near enough."""
        nearest = min(self.looks, key=lambda look: abs(look.at_ms - at_ms), default=None)
        return nearest if nearest is not None and abs(nearest.at_ms - at_ms) <= tolerance_ms else None


class TcaJournal:
    """All trails, oldest first."""

    def __init__(self) -> None:
        self.trails: dict[str, Trail] = {}
        self._episodes: dict[str, tuple[str, Episode]] = {}

    def apply(self, event: Event) -> None:
        """Takes an event of the log. What is of no order known here is passed over."""
        match event:
            case OrderAccepted():
                self.trails[event.digest] = Trail(event.digest, event.signed, event.at_ms)
            case RouteDecided(digest=digest) if digest in self.trails:
                self.trails[digest].episodes.append(Episode(event.at_ms, event.decision))
            case LegIntent(digest=digest) if digest in self.trails:
                trail = self.trails[digest]
                if not trail.episodes:
                    trail.episodes.append(Episode(event.at_ms, {}))
                episode = trail.episodes[-1]
                episode.cloids.append(event.cloid)
                self._episodes[event.cloid] = (digest, episode)
            case FillSeen(fill=fill) if fill.cloid in self._episodes:
                self._episodes[fill.cloid][1].fills.append(fill)
            case OrderClosed(digest=digest) if digest in self.trails:
                self.trails[digest].closed_ms, self.trails[digest].status = event.at_ms, event.status
            case TopsSeen(digest=digest) if digest in self.trails:
                self.trails[digest].looks.append(event)
            case _:
                pass

    def digest_of(self, cloid: str | None) -> str | None:
        """The order that a leg belongs to."""
        known = self._episodes.get(cloid or "")
        return None if known is None else known[0]
