"""Append-only, hash-chained log of events on SQLite, with the double-entry postings that follow from them.

What is committed here has happened; what is not has not. Opening the log reads all of it, re-derives every posting and
refuses to start on the first row that is not what was written.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel

from keeper.errors import ConfigError, IntegrityError
from keeper.model.events import Event, decode, encode, kind_of, time_of
from keeper.persistence.tables import ENTRY, EVENT, HEAD
from keeper.persistence.writer_lock import WriterLock

Projector: TypeAlias = Callable[[int, Event], Sequence[tuple[str, int]]]
"""Takes (seq, event), updates its own state, returns the event's postings (account, amount)."""

GENESIS = "0" * 64
FIX = "restore the file from a backup, or delete it and run again from the chain's and the venues' records"


def row_hash(previous: str, seq: int, at_ms: int, kind: str, body: str) -> str:
    """sha256 over the previous hash, seq, time, kind and body, newline between; hex."""
    return hashlib.sha256(f"{previous}\n{seq}\n{at_ms}\n{kind}\n{body}".encode()).hexdigest()


def no_postings(_seq: int, _event: Event) -> Sequence[tuple[str, int]]:
    """The projector of a log that keeps no ledger."""
    return ()


class EventLog:
    """The log at `url` (`sqlite:///path`), held by this process alone.

    `projector` (for the keeper: `Books().apply`) is called for every stored event in order while the log opens, and
    for every appended one: nobody else applies events to it. It refuses an event by raising before it changes
    anything; such an event is not stored. After a failed write memory and file differ, so the log refuses everything
    until it is opened again.

    Raises ConfigError (file held by another process, not SQLite) and IntegrityError (a row is not what was written).
    """

    def __init__(self, url: str, projector: Projector = no_postings) -> None:
        self._projector = projector
        self._broken = ""
        self._seq, self._hash = 0, GENESIS
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise ConfigError(f"database: {parsed.get_backend_name()} is not supported; use sqlite:///path/to/file.db")
        path = Path(parsed.database) if parsed.database and parsed.database != ":memory:" else None
        if path is not None and not path.parent.is_dir():
            raise ConfigError(f"database: the directory {path.parent} does not exist; create it")
        self._name = str(path or "memory")
        self._lock = WriterLock(path) if path is not None else None
        self._engine = _engine(url)
        try:
            self._open()
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
            raise IntegrityError(f"event log {self._name}: {self._broken}; open it again")
        bodies = [encode(item) for item in events]  # first: what cannot be stored is not applied either
        rows: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        try:
            for item, body in zip(events, bodies, strict=True):
                seq = self._seq + len(rows) + 1
                entries.extend(_entry_rows(seq, self._projector(seq, item)))
                rows.append(_event_row(seq, item, body, rows[-1]["hash"] if rows else self._hash))
        finally:
            if rows:
                self._write(rows, entries)
        return self._seq

    def replay(self) -> Iterator[tuple[int, Event]]:
        """All events with their numbers, in order."""
        with self._engine.connect() as connection:
            for row in connection.execute(select(EVENT).order_by(EVENT.c.seq)):
                yield row.seq, decode(row.body)

    def verify(self, projector: Projector | None = None) -> None:
        """Checks every row of every table against the hash chain. With a fresh projector, the postings against it too.

        IntegrityError names the table, the row and what to do.
        """
        with _readable(self._name), self._engine.connect() as connection:
            self._verify(connection, projector)

    def close(self) -> None:
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        with _readable(self._name):
            with self._engine.begin() as connection:
                self._refuse_foreign_tables(connection)
                SQLModel.metadata.create_all(connection, tables=[EVENT, ENTRY, HEAD])
            with self._engine.connect() as connection:
                self._seq, self._hash = self._verify(connection, self._projector)

    def _refuse_foreign_tables(self, connection: Connection) -> None:
        foreign = set(inspect(connection).get_table_names()) - {EVENT.name, ENTRY.name, HEAD.name}
        if foreign:
            raise ConfigError(
                f"database: {self._name} belongs to another program (tables {', '.join(sorted(foreign))}); "
                "name another file"
            )

    def _write(self, rows: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        head = {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"]}
        self._broken = "a write failed after its events had been applied"
        with self._engine.begin() as connection:
            connection.execute(insert(EVENT), rows)
            if entries:
                connection.execute(insert(ENTRY), entries)
            if self._seq == 0:
                connection.execute(insert(HEAD), [{"id": 1, **head}])
            else:
                connection.execute(update(HEAD).values(head))
        self._broken = ""
        self._seq, self._hash = head["seq"], head["hash"]

    def _verify(self, connection: Connection, projector: Projector | None) -> tuple[int, str]:
        seq, previous = 0, GENESIS
        entries = iter(connection.execute(select(ENTRY).order_by(ENTRY.c.event_seq, ENTRY.c.line)))
        for row in connection.execute(select(EVENT).order_by(EVENT.c.seq)):
            seq += 1
            item = self._verified_event(row, seq, previous)
            previous = row.hash
            if projector is not None:
                for wanted in _entry_rows(seq, projector(seq, item)):
                    self._compare_entry(next(entries, None), wanted)
        if projector is not None and (spare := next(entries, None)) is not None:
            raise self._altered("ledger_entry", f"{spare.event_seq}.{spare.line}", "no event gives this posting")
        heads = [tuple(row) for row in connection.execute(select(HEAD))]
        if heads != ([(1, seq, previous)] if seq else []):
            raise self._altered("head", "1", f"it says {heads}, the last event is {seq}: rows are missing or altered")
        return seq, previous

    def _verified_event(self, row: Any, seq: int, previous: str) -> Event:
        if row.seq != seq:
            raise self._altered("event", str(seq), f"it is missing; the next one is {row.seq}")
        if row.previous_hash != previous:
            raise self._altered("event", str(seq), "previous_hash is not the hash of the row before")
        if row.hash != row_hash(previous, seq, row.at_ms, row.kind, row.body):
            raise self._altered("event", str(seq), "its hash does not match its content")
        try:
            item = decode(row.body)
        except msgspec.DecodeError as error:
            raise IntegrityError(
                f"event log {self._name}: table event, row {seq}: this version cannot read it ({error}); "
                "run the version that wrote it"
            ) from error
        return item

    def _compare_entry(self, row: Any, wanted: dict[str, Any]) -> None:
        name = f"{wanted['event_seq']}.{wanted['line']}"
        if row is None:
            raise self._altered("ledger_entry", name, "it is missing")
        if row._asdict() != wanted:
            raise self._altered("ledger_entry", name, f"it says {row._asdict()}, the event gives {wanted}")

    def _altered(self, table: str, row: str, what: str) -> IntegrityError:
        return IntegrityError(f"event log {self._name}: table {table}, row {row}: {what}. Nothing was started; {FIX}")


def _engine(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    return engine


def _event_row(seq: int, item: Event, body: str, previous: str) -> dict[str, Any]:
    at_ms, kind = time_of(item), kind_of(item)
    digest = row_hash(previous, seq, at_ms, kind, body)
    return {"seq": seq, "at_ms": at_ms, "kind": kind, "body": body, "previous_hash": previous, "hash": digest}


def _entry_rows(seq: int, postings: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    if sum(amount for _, amount in postings):
        raise IntegrityError(f"event {seq}: its postings do not sum to zero: {list(postings)}")
    return [
        {"event_seq": seq, "line": line, "account": account, "amount": amount}
        for line, (account, amount) in enumerate(postings, 1)
    ]


class _readable:  # noqa: N801 - reads as a word after `with`
    """Turns what SQLite says of a damaged file into an IntegrityError."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DatabaseError):
            raise IntegrityError(f"event log {self._name}: not readable ({error.orig}); {FIX}") from error
