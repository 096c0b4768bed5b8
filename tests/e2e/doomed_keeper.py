"""`prime keeper run`, unchanged, that dies by SIGKILL at named points: `python doomed_keeper.py keeper run ...`.

A point is a moment between two effects that a crash can separate: inside an append to the log (written, not committed)
and after it, before and after a command to a venue, a transaction, a round of signatures, and around the statement
file. It is named by the part of the day, what is done, and its number among those of the part, as in "trades: after
append LegIntent #2". All of them are put around the keeper from outside.

PRIME_DIE_AT are the points of death, one a line; PRIME_FATE is a folder: `part` names the part of the day, `points`
gets the name of every point passed, `deaths` those that were died at.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import keeper.app
import keeper.attest.client as attest
import keeper.persistence.event_log as event_log
import keeper.seat_clients
import keeper.service
import keeper.settlement.engine as settlement
from keeper.chain.rpc import Web3, connection
from keeper.cli.main import main as prime
from keeper.execution import ExecutionEngine
from keeper.model.events import LegIntent
from keeper.persistence import EventLog
from keeper.venues.base import Outcome
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.resting import OrderTicket

MEASURED = {"RiskDecided", "TopsSeen"}
"""Stored along with whatever comes next: they do not name a point."""

MOST_NAMES = 4


class Fate:
    """Counts what happens, and dies at its points."""

    def __init__(self, points: list[str], folder: Path) -> None:
        self._points, self._folder, self._counts = points, folder, Counter[str]()
        self.transaction = ""

    def reach(self, what: str) -> None:
        kind = f"{(self._folder / 'part').read_text()}: {what}"
        self._counts[kind] += 1
        point = f"{kind} #{self._counts[kind]}"
        self._note("points", point)
        if point in self._points:
            self._note("deaths", point)
            os.kill(os.getpid(), signal.SIGKILL)

    def _note(self, name: str, point: str) -> None:
        with (self._folder / name).open("a") as file:
            file.write(point + "\n")

    async def around(self, what: str, work: Awaitable[Any]) -> Any:
        self.reach(f"before {what}")
        result = await work
        self.reach(f"after {what}")
        return result


def named(row: dict[str, Any]) -> str:
    """What a row of the log is about: its kind, a transaction's purpose, a chain log's name."""
    body = json.loads(row["body"])
    match row["kind"]:
        case "TxIntent":
            return f"TxIntent {purpose(body['purpose'])}"
        case "TxLanded":
            return f"TxLanded {purpose(body['key'])}"
        case "ChainLogSeen":
            return f"ChainLogSeen {body['name']}"
    return str(row["kind"])


def purpose(text: str) -> str:
    """Without what makes it a single one: the epoch, the time."""
    return text.partition(":")[0].rstrip("0123456789 ")


def doomed(fate: Fate) -> list[Any]:
    """The patches that put the points around the keeper."""
    store, write = event_log.store, EventLog._write
    write_durably, fsync = settlement.write_durably, os.fsync
    collect, recover = attest.collect, ExecutionEngine.recover

    def names(rows: list[dict[str, Any]]) -> str:
        found = list(dict.fromkeys(named(row) for row in rows if row["kind"] not in MEASURED))
        return "+".join(found if len(found) <= MOST_NAMES else [found[0], "..", found[-1]]) or rows[-1]["kind"]

    def doomed_store(connection: Any, rows: list[dict[str, Any]], *rest: Any) -> None:
        store(connection, rows, *rest)
        for row in rows:
            if row["kind"] == "TxIntent":
                fate.transaction = purpose(json.loads(row["body"])["purpose"])
        fate.reach(f"inside append {names(rows)}")

    def doomed_write(log: EventLog, rows: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        write(log, rows, entries)
        fate.reach(f"after append {names(rows)}")

    def doomed_file(path: Path, body: bytes) -> None:
        fate.reach("before statement")
        write_durably(path, body)
        fate.reach("after statement")

    def doomed_fsync(descriptor: int) -> None:
        fsync(descriptor)
        fate.reach("inside statement")

    async def doomed_collect(*arguments: Any, **named: Any) -> Any:
        return await fate.around("attestation", collect(*arguments, **named))

    async def doomed_recover(engine: ExecutionEngine) -> None:
        await fate.around("recovery", recover(engine))

    class Client(HyperliquidClient):
        async def submit(self, leg: LegIntent) -> Outcome:
            outcome: Outcome = await fate.around("submit", super().submit(leg))
            return outcome

        async def place(self, ticket: OrderTicket) -> Outcome:
            outcome: Outcome = await fate.around("place", super().place(ticket))
            return outcome

        async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
            outcome: Outcome = await fate.around("cancel", super().cancel(coin, cloid=cloid, oid=oid))
            return outcome

    @asynccontextmanager
    async def doomed_connection(url: str) -> AsyncIterator[Web3]:
        async with connection(url) as w3:
            send: Callable[[Any], Awaitable[Any]] = w3.eth.send_raw_transaction

            async def doomed_send(raw: Any) -> Any:
                return await fate.around(f"sending {fate.transaction}", send(raw))

            with mock.patch.object(w3.eth, "send_raw_transaction", doomed_send):
                yield w3

    return [
        mock.patch.object(event_log, "store", doomed_store),
        mock.patch.object(EventLog, "_write", doomed_write),
        mock.patch.object(settlement, "write_durably", doomed_file),
        mock.patch.object(os, "fsync", doomed_fsync),
        mock.patch.object(keeper.app, "collect_attestations", doomed_collect),
        mock.patch.object(ExecutionEngine, "recover", doomed_recover),
        mock.patch.object(keeper.seat_clients, "HyperliquidClient", Client),
        mock.patch.object(keeper.service, "connection", doomed_connection),
    ]


def main() -> None:
    fate = Fate(os.environ["PRIME_DIE_AT"].splitlines(), Path(os.environ["PRIME_FATE"]))
    for patch in doomed(fate):
        patch.start()
    prime()


if __name__ == "__main__":
    main()
