"""The event log: what it costs to store an event, and to rebuild the books from a million of them.

Ours stores hash-chained events with their postings, and books them. Beside it, taking turns on the same disk: the usual
way (SQLModel objects; no chain, nothing booked) and the limit (bare `sqlite3` tuples). Every commit is synced to disk.
"""

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from functools import partial
from itertools import count, islice
from pathlib import Path

import msgspec
from sqlmodel import Session, col, select

from keeper.ledger import Books
from keeper.model.events import (
    SCHEMA,
    ChainLogSeen,
    Event,
    FillSeen,
    LegClosed,
    LegIntent,
    OrderAccepted,
    OrderClosed,
    RouteDecided,
    encode,
    kind_of,
    time_of,
)
from keeper.model.signed_orders import Order, SignedOrder
from keeper.model.venue_records import Fill
from keeper.persistence import Database, EventLog, schema
from keeper.persistence.event_log import GENESIS, row_hash
from keeper.persistence.tables import EventRow
from tests.databases import postgresql_server
from tools.bench.figures import Figure, against

VENUE = "0x" + "11" * 20
TX = "0x" + "22" * 32
HASH = "f" * 64
SINGLE, MANY, BATCH, ROUNDS = 300, 4_000, 1_000, 3
REBUILT = 24_000
MILLION = 1_000_000

Fresh = Callable[[], str]
"""A new, empty database; its URL."""


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="prime-bench-") as name, postgresql_server(durable=True) as server:
        numbers = count(1)
        files: Fresh = lambda: f"sqlite:///{Path(name) / f'{next(numbers)}.db'}"  # noqa: E731
        servers: Fresh = lambda: server.empty(next(numbers))  # noqa: E731
        one = _in_turns(files, 1, SINGLE, (ours, usual, limit))
        many = _in_turns(files, BATCH, MANY, (ours, usual, limit))
        single, batched = _in_turns(servers, 1, SINGLE, (ours, usual)), _in_turns(servers, BATCH, MANY, (ours, usual))
        rebuilt = _rebuilt(files())
        again, _, _ = _rebuilt(servers())
    return [
        against("log: append, one event a commit, SQLite", one[0], "µs", "SQLModel", one[1], _limit(one)),
        against("log: append, 1,000 events a commit, SQLite", many[0], "µs", "SQLModel", many[1], _limit(many)),
        against("log: append, one event a commit, PostgreSQL", single[0], "µs", "SQLModel", single[1], _rate(single)),
        against("log: append, 1,000 a commit, PostgreSQL", batched[0], "µs", "SQLModel", batched[1], _rate(batched)),
        against(
            "log: books rebuilt and checked, SQLite",
            rebuilt[0],
            "s/million",
            "SQLModel rows and json alone",
            rebuilt[1],
            f"{REBUILT:,} events measured; limit, sqlite3, sha256 and msgspec alone: {rebuilt[2]:,.1f}",
        ),
        Figure("log: books rebuilt and checked, PostgreSQL", again, "s/million", note="the same events"),
    ]


def _limit(values: Sequence[float]) -> str:
    return f"{_rate(values)}; bare sqlite3 {values[2]:,.1f} µs"


def _rate(values: Sequence[float]) -> str:
    return f"{MILLION / values[0]:,.0f} events/s"


Way = Callable[[str, Sequence[Event], int], float]
"""(URL, events, events per commit) → seconds."""


def _in_turns(fresh: Fresh, batch: int, events: int, ways: Sequence[Way]) -> list[float]:
    """µs per event of each way, the median of its rounds."""
    story = list(islice(day(), events))
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, seconds in zip(ways, taken, strict=True):
            seconds.append(way(fresh(), story, batch))
    return [statistics.median(seconds) / events * MILLION for seconds in taken]


def _commits(events: Sequence[Event], batch: int, store: Callable[[Sequence[Event]], object]) -> float:
    started = time.perf_counter()
    for at in range(0, len(events), batch):
        store(events[at : at + batch])
    return time.perf_counter() - started


def ours(url: str, events: Sequence[Event], batch: int) -> float:
    with EventLog(url, Books().apply) as log:
        seconds = _commits(events, batch, lambda part: log.append(*part))
        assert log.seq == len(events)
        return seconds


def usual(url: str, events: Sequence[Event], batch: int) -> float:
    with closing(Database(url)) as database:
        schema.upgrade(database)
        numbers = count(1)

        def store(part: Sequence[Event]) -> None:
            with Session(database.engine) as session:
                session.add_all([event_row(next(numbers), event) for event in part])
                session.commit()

        return _commits(events, batch, store)


def event_row(seq: int, event: Event) -> EventRow:
    return EventRow(
        seq=seq,
        at_ms=time_of(event),
        kind=kind_of(event),
        schema_version=SCHEMA,
        body=encode(event),
        previous_hash=HASH,
        hash=HASH,
    )


def limit(url: str, events: Sequence[Event], batch: int) -> float:
    with closing(Database(url)) as database:
        schema.upgrade(database)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        numbers = count(1)
        rows = [(next(numbers), time_of(e), kind_of(e), SCHEMA, encode(e), HASH, HASH) for e in events]
        insert = partial(connection.executemany, "INSERT INTO event VALUES (?,?,?,?,?,?,?)")
        started = time.perf_counter()
        for at in range(0, len(rows), batch):
            connection.execute("BEGIN")
            insert(rows[at : at + batch])
            connection.execute("COMMIT")
        return time.perf_counter() - started


def _rebuilt(url: str) -> tuple[float, float, float]:
    """Seconds per million events to open a log: all rows read, hashes and postings checked, books built. Beside it: the
    rows read and parsed the usual way, and the least that a check of the chain takes (SQLite)."""
    with EventLog(url, Books().apply) as log:
        events = day()
        for _ in range(0, REBUILT, BATCH):
            log.append(*islice(events, BATCH))
        head = log.head

    def opened() -> str:
        with EventLog(url, Books().apply) as log:
            assert log.seq == REBUILT
            return log.head

    def parsed() -> str:
        with closing(Database(url)) as database, Session(database.engine) as session:
            rows = session.exec(select(EventRow).order_by(col(EventRow.seq))).all()
            found = [json.loads(row.body) for row in rows]
            assert len(found) == REBUILT
            return rows[-1].hash

    def hashed() -> str:
        previous = GENESIS
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            for seq, at_ms, kind, version, body, _, _ in connection.execute("SELECT * FROM event ORDER BY seq"):
                previous = row_hash(previous, seq, at_ms, kind, version, body)
                msgspec.json.decode(body)
        return previous

    ways = (opened, parsed, hashed) if url.startswith("sqlite") else (opened, parsed)
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, taken in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            assert way() == head
            taken.append(time.perf_counter() - started)
    found = [statistics.median(taken) / REBUILT * MILLION for taken in seconds]
    return found[0], found[1], found[-1]


def day() -> Iterator[Event]:
    """A funded sub-account, then one order after another: accepted, routed, sent, filled, closed. Deterministic."""
    time_ms = 1_770_336_000_000
    for index, (name, args) in enumerate(
        (
            ("AccountOpened", {"id": 1, "owner": VENUE, "generation": 0}),
            ("Deposited", {"from": VENUE, "id": 1, "amount": 10**15}),
        )
    ):
        yield ChainLogSeen(name=name, block=1, log_index=index, tx=TX, time_s=time_ms // 1000, args=dict(args))
    for number in count(1):
        yield from order(number, time_ms + number)


def order(number: int, at_ms: int) -> Iterator[Event]:
    digest, cloid = f"0x{number:064x}", f"0x{number:032x}"
    size, price = Decimal("0.015"), Decimal("70123.5")
    signed = SignedOrder(
        order=Order(
            subAccount=1, instrument="BTC-PERP", side=number % 2, quantity=1_500_000, nonce=number, deadline=2**31
        ),
        signature="0x" + "33" * 65,
    )
    side = signed.order.direction
    yield OrderAccepted(digest=digest, signer=VENUE, signed=signed, at_ms=at_ms)
    levels = [[f"{70_123 + level}.5", "0.25"] for level in range(20)]
    quotes = [{"venue": f"0x{venue:040x}", "levels": levels, "taker_fee_bps": "4.5"} for venue in range(2)]
    yield RouteDecided(digest=digest, at_ms=at_ms, decision={"quotes": quotes})
    yield LegIntent(
        digest=digest,
        leg=0,
        attempt=0,
        cloid=cloid,
        venue=VENUE,
        coin="BTC",
        side=side,
        size=size,
        limit_price=price,
        expires_ms=at_ms + 5_000,
        nonce=number,
        at_ms=at_ms,
    )
    yield FillSeen(
        fill=Fill(
            venue=VENUE,
            coin="BTC",
            side=side,
            price=price,
            size=size,
            time_ms=at_ms,
            start_position=Decimal(0) if number % 2 else -size,  # sold, then bought back
            fee=473_333,
            closed_pnl=0,
            oid=number,
            tid=number,
            cloid=cloid,
        )
    )
    yield LegClosed(cloid=cloid, outcome="filled", filled=size, text="", at_ms=at_ms)
    yield OrderClosed(digest=digest, status="filled", filled=size, text="", at_ms=at_ms)
