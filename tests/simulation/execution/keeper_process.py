"""A keeper's order path as a process with its log on disk, for a test that kills it.

Arguments URL SEAT VENUE LOG MODE ORDER; LOG is a database's URL. MODE `kill-unsent` or `kill-sent`: takes the order
(JSON) and dies by SIGKILL at its first leg, before or after sending it; `recover`: settles what is left and prints the
books as JSON. The agent's key comes from the environment.
"""

import asyncio
import json
import os
import signal
import sys

import msgspec

from keeper.ledger import Books
from keeper.model.events import LegIntent
from keeper.model.signed_orders import SignedOrder
from keeper.persistence.event_log import EventLog
from keeper.venues.base import Outcome
from keeper.venues.hyperliquid.execution import HyperliquidClient
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import Journal, open_desk, opening


class KilledClient(HyperliquidClient):
    """Ends its process at the first order."""

    async def submit(self, leg: LegIntent) -> Outcome:
        if sys.argv[5] == "kill-sent":
            await super().submit(leg)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


class StoredJournal(Journal):
    """The journal over the real event log."""

    def __init__(self, url: str) -> None:
        self.books = Books()
        self.log = EventLog(url, self.books.apply)
        self.events = [event for _, event in self.log.replay()]
        if not self.events:
            self.append(*opening())

    def append(self, *events: object) -> None:
        self.log.append(*events)  # type: ignore[arg-type]
        self.events += events  # type: ignore[arg-type]


async def main() -> None:
    url, seat, venue_id, path, mode, order = sys.argv[1:]
    journal = StoredJournal(path)
    venue = SimVenue(url, "", seat=seat, venue_id=venue_id, agent_key=os.environ["PRIME_TRADER_KEY"])
    desk = await open_desk(venue, journal, HyperliquidClient if mode == "recover" else KilledClient)
    await desk.engine.recover()
    if mode != "recover":
        await desk.engine.submit(msgspec.json.decode(order, type=SignedOrder))
    await desk.close()
    books = journal.books
    outcome = {
        "orders": [[str(view.status), str(view.filled.normalize())] for view in books.orders()],
        "open": len(books.open_legs()),
        "positions": {coin: str(size.normalize()) for (_, coin), size in books.positions(1).items()},
        "outcomes": [end.outcome for end in journal.leg_ends()],
    }
    sys.stdout.write(json.dumps(outcome) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
