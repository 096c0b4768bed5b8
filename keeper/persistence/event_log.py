"""Append-only, hash-chained log of events, with the double-entry postings that follow from them.

What is committed here has happened; what is not has not. Opening the log reads all of it, re-derives every posting and
refuses to start on the first row that is not what was written.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import DatabaseError, OperationalError

from keeper.errors import ConfigError, IntegrityError, NotLeader
from keeper.model.events import SCHEMA, Event, decode, encode, kind_of, time_of
from keeper.persistence import schema
from keeper.persistence.database import Database
from keeper.persistence.lease import Lease
from keeper.persistence.tables import ENTRY, EVENT, HEAD

Projector: TypeAlias = Callable[[int, Event], Sequence[tuple[str, int]]]
"""Takes (seq, event), updates its own state, returns the event's postings (account, amount)."""

GENESIS = "0" * 64
FIX = "restore it from a backup (prime restore), or start anew from the chain's and the venues' records"


ALL_EVENTS = select(EVENT).order_by(EVENT.c.seq)
ALL_ENTRIES = select(ENTRY).order_by(ENTRY.c.event_seq, ENTRY.c.line)


def row_hash(previous: str, seq: int, at_ms: int, kind: str, version: int, body: str) -> str:
    """sha256 over the previous hash, seq, time, kind, version and body, newline between; hex."""
    return hashlib.sha256(f"{previous}\n{seq}\n{at_ms}\n{kind}\n{version}\n{body}".encode()).hexdigest()


def no_postings(_seq: int, _event: Event) -> Sequence[tuple[str, int]]:
    """The projector of a log that keeps no ledger."""
    return ()


class EventLog:
    """The log in `database` (a URL, or one that is open), written by this process alone.

    `projector` (for the keeper: `Books().apply`) is called for every stored event in order while the log opens, and
    for every appended one: nobody else applies events to it. It refuses an event by raising before it changes
    anything; such an event is not stored. After a failed write memory and database differ, so the log refuses
    everything until it is opened again.

    `lease` is one that its owner holds and keeps alive; without it the log takes one, which another process can have
    only after this one is closed or dead.

    Raises ConfigError (held by another process, no such database), NotLeader (the lease was lost: every append checks)
    and IntegrityError (a row is not what was written).
    """

    def __init__(
        self, database: str | Database, projector: Projector = no_postings, *, lease: Lease | None = None
    ) -> None:
        self._projector = projector
        self._broken: IntegrityError | NotLeader | None = None
        self._seq, self._hash = 0, GENESIS
        self._owned: Database | None = None
        self._lease: Lease | None = None
        if isinstance(database, str):
            database = self._owned = Database(database)
        self._database = database
        try:
            with readable(database):
                schema.upgrade(database)
                self._lease = lease or _taken(database)
                self._borrowed = lease is not None
                with database.read() as connection:
                    self._seq, self._hash = _Check(database.name, connection, projector).run()
        except BaseException:
            self.close()
            raise

    @property
    def seq(self) -> int:
        """Number of the last event; 0 when empty."""
        return self._seq

    @property
    def head(self) -> str:
        """Hash of the last event: it stands for all of them."""
        return self._hash

    def append(self, *events: Event) -> int:
        """Stores the events and their postings in one transaction, on disk when this returns; the last one's seq.

        When the projector refuses one, those before it are stored and its error is raised.
        """
        if self._broken:
            raise self._broken
        bodies = [encode(item) for item in events]  # first: what cannot be stored is not applied either
        rows: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        try:
            for item, body in zip(events, bodies, strict=True):
                seq = self._seq + len(rows) + 1
                entries.extend(entry_rows(seq, self._projector(seq, item)))
                rows.append(_event_row(seq, item, body, rows[-1]["hash"] if rows else self._hash))
        finally:
            if rows:
                self._write(rows, entries)
        return self._seq

    def replay(self) -> Iterator[tuple[int, Event]]:
        """All events with their numbers, in order."""
        yield from replay(self._database)

    def verify(self, projector: Projector | None = None) -> None:
        """`verify` of this log's database."""
        verify(self._database, projector)

    def close(self) -> None:
        """Gives the lease up if the log took it itself."""
        if self._lease is not None and not self._borrowed:
            self._lease.release()
        self._lease = None
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, rows: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        assert self._lease is not None, "the log is open"
        name = self._database.name
        self._broken = IntegrityError(
            f"event log {name}: a write failed after its events had been applied; open it again"
        )
        try:
            with self._database.write() as connection:
                self._lease.assert_held(connection)
                store(connection, rows, entries, self._seq, self._hash)
        except NotLeader as error:
            self._broken = error
            raise
        self._broken = None
        self._seq, self._hash = rows[-1]["seq"], rows[-1]["hash"]


def replay(database: Database) -> Iterator[tuple[int, Event]]:
    """All events with their numbers, in order; a keeper may be writing meanwhile."""
    with readable(database), database.read() as connection, connection.execute(ALL_EVENTS) as rows:
        for row in rows:
            yield row.seq, decode(row.body, row.schema)


def walk(database: Database) -> Iterator[tuple[int, str, Event]]:
    """All events with number and hash, in order, checked against the chain. IntegrityError at the first bad one."""
    previous = GENESIS
    with readable(database), database.read() as connection, connection.execute(ALL_EVENTS) as rows:
        for seq, row in enumerate(rows, 1):
            item = verified_event(database.name, row, seq, previous)
            previous = row.hash
            yield seq, previous, item


def verify(database: Database, projector: Projector | None = None) -> tuple[int, str]:
    """Checks every row of every table against the hash chain; the last seq and hash. With a fresh projector, the
    postings against it too. A keeper may be writing meanwhile.

    IntegrityError names the table, the row and what to do.
    """
    with readable(database), database.read() as connection:
        return _Check(database.name, connection, projector).run()


def store(
    connection: Connection, rows: list[dict[str, Any]], entries: list[dict[str, Any]], seq: int, head: str
) -> None:
    """Appends rows after event `seq` with hash `head`. IntegrityError when that is not the last one stored."""
    sql = STATEMENTS[connection.dialect.name]
    connection.exec_driver_sql(sql.event, rows)
    if entries:
        connection.exec_driver_sql(sql.entry, entries)
    fresh = {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"]}
    if seq == 0:
        connection.execute(insert(HEAD), [{"id": 1, **fresh}])
        return
    moved = connection.exec_driver_sql(sql.head, {**fresh, "old_seq": seq, "old_hash": head})
    if moved.rowcount != 1:
        raise IntegrityError(f"event log: event {seq} is not the last one stored any more; {FIX}")


@dataclass(frozen=True, slots=True)
class Statements:
    """What every append runs, in the words of the driver: SQLAlchemy would take longer to build it than to run it."""

    event: str
    entry: str
    head: str


def _statements(parameter: str) -> Statements:
    """`parameter`: how the driver spells a named one."""

    def insert_into(table: Table) -> str:
        names = [column.name for column in table.columns]
        values = ", ".join(parameter.format(name) for name in names)
        return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 - our own names

    seq, digest, old_seq, old_hash = map(parameter.format, ("seq", "hash", "old_seq", "old_hash"))
    return Statements(
        event=insert_into(EVENT),
        entry=insert_into(ENTRY),
        head=f"UPDATE {HEAD.name} SET seq = {seq}, hash = {digest} WHERE seq = {old_seq} AND hash = {old_hash}",  # noqa: S608
    )


STATEMENTS = {"sqlite": _statements(":{}"), "postgresql": _statements("%({})s")}


class _Check:
    """One pass over all rows, in one snapshot."""

    def __init__(self, name: str, connection: Connection, projector: Projector | None) -> None:
        self._name = name
        self._connection = connection
        self._projector = projector

    def run(self) -> tuple[int, str]:
        with self._connection.execute(ALL_EVENTS) as events, self._connection.execute(ALL_ENTRIES) as entries:
            seq, head = self._walk(events, iter(entries))
        heads = [tuple(row) for row in self._connection.execute(select(HEAD)).all()]
        if heads != ([(1, seq, head)] if seq else []):
            what = f"it says {heads}, the last event is {seq}: rows are missing or altered"
            raise altered(self._name, "head", "1", what)
        return seq, head

    def _walk(self, events: Iterable[Any], entries: Iterator[Any]) -> tuple[int, str]:
        seq, previous = 0, GENESIS
        for row in events:
            seq += 1
            item = verified_event(self._name, row, seq, previous)
            previous = row.hash
            if self._projector is not None:
                for wanted in entry_rows(seq, self._projector(seq, item)):
                    self._compare_entry(next(entries, None), wanted)
        if self._projector is not None and (spare := next(entries, None)) is not None:
            line = f"{spare.event_seq}.{spare.line}"
            raise altered(self._name, "ledger_entry", line, "no event gives this posting")
        return seq, previous

    def _compare_entry(self, row: Any, wanted: dict[str, Any]) -> None:
        name = f"{wanted['event_seq']}.{wanted['line']}"
        if row is None:
            raise altered(self._name, "ledger_entry", name, "it is missing")
        if row._asdict() != wanted:
            raise altered(self._name, "ledger_entry", name, f"it says {row._asdict()}, the event gives {wanted}")


def verified_event(name: str, row: Any, seq: int, previous: str) -> Event:
    """The event of a row, which must be number `seq` and follow the hash `previous`. IntegrityError otherwise; `name`
    is what it calls the log."""
    if row.seq != seq:
        raise altered(name, "event", str(seq), f"it is missing; the next one is {row.seq}")
    if row.previous_hash != previous:
        raise altered(name, "event", str(seq), "previous_hash is not the hash of the row before")
    if row.hash != row_hash(previous, seq, row.at_ms, row.kind, row.schema, row.body):
        raise altered(name, "event", str(seq), "its hash does not match its content")
    try:
        return decode(row.body, row.schema)
    except msgspec.DecodeError as error:
        raise IntegrityError(
            f"event log {name}: table event, row {seq}: this version cannot read it ({error}); "
            "run the version that wrote it"
        ) from error


def altered(name: str, table: str, row: str, what: str) -> IntegrityError:
    return IntegrityError(f"event log {name}: table {table}, row {row}: {what}. Nothing was started; {FIX}")


def entry_rows(seq: int, postings: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """An event's postings as rows. IntegrityError unless they sum to zero."""
    if sum(amount for _, amount in postings):
        raise IntegrityError(f"event {seq}: its postings do not sum to zero: {list(postings)}")
    return [
        {"event_seq": seq, "line": line, "account": account, "amount": amount}
        for line, (account, amount) in enumerate(postings, 1)
    ]


def _event_row(seq: int, item: Event, body: str, previous: str) -> dict[str, Any]:
    at_ms, kind = time_of(item), kind_of(item)
    digest = row_hash(previous, seq, at_ms, kind, SCHEMA, body)
    return {
        "seq": seq,
        "at_ms": at_ms,
        "kind": kind,
        "schema": SCHEMA,
        "body": body,
        "previous_hash": previous,
        "hash": digest,
    }


def _taken(database: Database) -> Lease:
    lease = Lease(database)
    lease.take()
    return lease


class readable:  # noqa: N801 - reads as a word after `with`
    """Turns what the database says of damaged tables into an IntegrityError."""

    def __init__(self, database: Database) -> None:
        self._name = database.name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OperationalError) and "database is locked" in str(error.orig):
            raise ConfigError(
                f"database: {self._name} is locked by another process, which may be frozen; end that one"
            ) from error
        if isinstance(error, DatabaseError):
            raise IntegrityError(f"event log {self._name}: not readable ({error.orig}); {FIX}") from error
