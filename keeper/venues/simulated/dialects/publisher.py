"""What the dialects' publishers share: the fills of each order, and who listens to which topic."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import msgspec

from keeper.venues.simulated.events import Event, Filled
from keeper.venues.simulated.orders import Fill, Order, OrderStatus, TimeInForce
from keeper.venues.simulated.server.hub import Hub
from keeper.venues.simulated.server.topics import Topic
from keeper.venues.simulated.server.world import World


class Publisher(Hub, ABC):
    """A dialect's own `Hub`: `on_event` renders one event, `finish` what follows from all of a batch."""

    def __init__(self, world: World) -> None:
        super().__init__(world.venue, world.info)
        self.world = world
        self.fills_of: dict[int, list[Fill]] = {}

    def publish_events(self, events: Iterable[Event]) -> None:
        batch = list(events)
        for event in batch:
            if isinstance(event, Filled):
                self._give_an_order(event.fill)
                self.fills_of.setdefault(event.fill.oid, []).append(event.fill)
            self.on_event(event)
        if batch:
            self.finish(batch)

    def _give_an_order(self, fill: Fill) -> None:
        """What the venue itself closes (backstop, auto-deleveraging) is, in these dialects, an order of its making."""
        orders = self.world.venue.state.accounts[fill.account].orders
        if fill.oid not in orders:
            orders[fill.oid] = Order(
                oid=fill.oid,
                account=fill.account,
                spec=fill.spec,
                is_buy=fill.is_buy,
                price=fill.price,
                lots=0,
                original=fill.lots,
                tif=TimeInForce.FRONTEND_MARKET,
                reduce_only=True,
                cloid=self.forced_id(fill),
                time_ms=fill.time_ms,
                status=OrderStatus.FILLED,
                status_ms=fill.time_ms,
                liquidated=True,
            )

    def forced_id(self, fill: Fill) -> str | None:
        """The client id of an order of the venue's own making; None unless a dialect gives it one."""
        return None

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Tells whoever listens of one event, in the dialect's own words."""

    def finish(self, batch: list[Event]) -> None:
        """After the last event of a batch; nothing unless a dialect says so."""

    def filled(self, oid: int) -> tuple[int, int]:
        """Lots filled of an order so far, and what they cost in micro-USDC."""
        fills = self.fills_of.get(oid, ())
        return sum(fill.lots for fill in fills), sum(fill.lots * fill.price for fill in fills)

    def topics(self) -> set[Topic]:
        """Everything anybody listens to."""
        return {topic for connection in self.connections for topic in connection.topics}

    def due(self, topic: Topic, time_ms: int, every_ms: int, *, force: bool) -> bool:
        """Whether a topic's usual interval has passed since it was last due."""
        if not force and time_ms - self._sent_ms.get(topic, 0) < every_ms:
            return False
        self._sent_ms[topic] = time_ms
        return True

    def to(self, topic: Topic, message: Any) -> None:
        """One message, as it is, to all who listen to a topic."""
        listeners = [connection for connection in self.connections if topic in connection.topics]
        if listeners:
            text = msgspec.json.encode(message).decode()
            for connection in listeners:
                connection.send(text)
