"""Lives of one order, each in a keeper process that dies by SIGKILL at a named point, and is started again.

An order's life is the sequence of its appends to the log (each is one transaction) and of its commands to the venue.
So the points are "after append N", "before command N leaves" and "after command N is answered"; an undisturbed life
names them all. This program takes a JSON task on standard input (see `Task`) and prints what became of each order. It
forks a process for each life and each recovery, so that Python starts once.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from keeper.ledger import Books
from keeper.model.events import Event, LegIntent
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel
from keeper.persistence.event_log import EventLog
from keeper.venues.base import Outcome
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.resting import OrderTicket
from tests.databases import url_for
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import Desk, Journal, open_desk, opening

AT_ONCE = 3
"""Processes side by side."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One order's. `point` None = undisturbed; `cancel` is given once the order rests."""

    name: str
    point: str | None
    seat: str
    agent_key: str
    venue_id: str
    log: str
    order: SignedOrder
    cancel: SignedCancel | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    lives: tuple[Life, ...]


class Fate:
    """Dies at its point; `passed` are all points that were reached."""

    def __init__(self, point: str | None) -> None:
        self._point, self._counts, self.passed = point, {"append": 0, "command": 0}, list[str]()

    def number(self, what: str) -> int:
        self._counts[what] += 1
        return self._counts[what]

    def reach(self, point: str) -> None:
        self.passed.append(point)
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


class StoredJournal(Journal):
    """The journal over the real event log."""

    def __init__(self, path: str, fate: Fate) -> None:
        self.books = Books()
        self._fate: Fate | None = None
        self.log = EventLog(url_for(Path(path)), self.books.apply)
        self.events = [event for _, event in self.log.replay()]
        if not self.events:
            self.append(*opening())
        self._fate = fate

    def append(self, *events: Event) -> None:
        self.log.append(*events)
        self.events += events
        if self._fate is not None:
            kinds = "+".join(dict.fromkeys(type(event).__name__ for event in events))
            self._fate.reach(f"after append {self._fate.number('append')} {kinds}")


def doomed(fate: Fate) -> type[HyperliquidClient]:
    """A client whose commands are points."""

    class Client(HyperliquidClient):
        async def _point(self, name: str, command: Any) -> Outcome:
            number = fate.number("command")
            fate.reach(f"before command {number} {name}")
            outcome: Outcome = await command
            fate.reach(f"after command {number} {name}")
            return outcome

        async def submit(self, leg: LegIntent) -> Outcome:
            return await self._point("submit", super().submit(leg))

        async def place(self, ticket: OrderTicket) -> Outcome:
            return await self._point("place", super().place(ticket))

        async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
            return await self._point("cancel", super().cancel(coin, cloid=cloid, oid=oid))

    return Client


async def live(url: str, life: Life, fate: Fate) -> dict[str, Any]:
    """From wherever the log ends to the order's end: gives the order, and the cancel, unless the log has them."""
    journal = StoredJournal(life.log, fate)
    venue = SimVenue(url, "", seat=life.seat, venue_id=life.venue_id, agent_key=life.agent_key)
    desk = await open_desk(venue, journal, doomed(fate))
    await desk.engine.recover()
    if not journal.books.orders():
        desk.engine.take(life.order)
    await follow(desk, life)
    await desk.engine.legs.backfill(life.venue_id)
    (view,) = journal.books.orders()
    known = [cloid for cloid in view.legs if await desk.client.status(cloid) is not None]
    held = {item.coin: str(item.size.normalize()) for item in (await desk.client.state()).positions}
    left = len(await desk.client.open_orders())
    await desk.close()
    fills = journal.books.fills(life.venue_id)
    return {
        "points": fate.passed,
        "status": str(view.status),
        "filled": str(view.filled.normalize()),
        "fills": sorted([str(fill.size.normalize()), str(fill.price.normalize()), fill.fee] for fill in fills),
        "positions": {coin: str(size.normalize()) for (_, coin), size in journal.books.positions(1).items()},
        "held": held,
        "left at the venue": left,
        "known to the venue": len(known),
    }


async def follow(desk: Desk, life: Life) -> None:
    """Until the order has ended; the client cancels when it sees it rest."""
    digest = desk.journal.books.orders()[0].digest
    ended = asyncio.create_task(desk.engine.ended(digest))
    while not ended.done():
        view = desk.journal.books.order(digest)
        assert view is not None
        rests = view.legs and desk.journal.books.leg_status(view.legs[-1]) == "resting"
        if life.cancel is not None and rests and not view.cancel_text:
            desk.engine.cancel(life.cancel)
        await asyncio.wait({ended}, timeout=0.02)
    ended.result()


def in_a_process(url: str, life: Life, point: str | None, out: str) -> int:
    """Its process id; what became of it is written to `out`."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        result = asyncio.run(live(url, life, Fate(point)))
        with open(out, "w") as file:
            json.dump(result, file)
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    waiting, running, ended = list(task.lives), dict[int, tuple[Life, bool]](), dict[str, Any]()

    def begin(life: Life, *, again: bool) -> None:
        point = None if again else life.point
        running[in_a_process(task.url, life, point, life.log + ".json")] = (life, again or life.point is None)

    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            begin(waiting.pop(0), again=False)
        child, status = os.wait()
        life, is_last = running.pop(child)
        if not is_last and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            begin(life, again=True)
        elif is_last and status == 0:
            with open(life.log + ".json") as file:
                ended[life.name] = json.load(file)
        else:
            ended[life.name] = {"broken": f"exit status {status}", "dead": is_last}
    sys.stdout.write(json.dumps(ended) + "\n")


if __name__ == "__main__":
    main()
