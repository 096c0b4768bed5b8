"""Backups: one file, gzipped JSON lines, of any database, into any other of either kind.

    {"backup": 1, "seq": 7, "hash": "…", "epoch": 3, "statements": ["epoch-000001.json", …]}
    [1, 1770336000000, "AccountOpened", 1, "{…}", "…"]      per event: seq, at_ms, kind, schema, body, hash
    {"statement": "epoch-000001.json", "text": "…"}         per statement file

Taken in one snapshot while a keeper writes on. Restored only if every row is what its hash says, the last one is the
one that the first line names, and each statement is the one whose digest its commit recorded; else nothing is restored.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from sqlalchemy import func, insert, select, update

from keeper.errors import InputError, IntegrityError
from keeper.model.events import CommitPrepared, decode
from keeper.persistence import schema
from keeper.persistence.database import BATCH, Database
from keeper.persistence.event_log import (
    ALL_EVENTS,
    GENESIS,
    Projector,
    altered,
    entry_rows,
    readable,
    verified_event,
    verify,
)
from keeper.persistence.tables import ENTRY, EVENT, HEAD, LEASE

FORMAT = 1

COMMITS = select(EVENT.c.schema, EVENT.c.body).where(EVENT.c.kind == CommitPrepared.__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What a backup holds, or what was restored from one: the last event's number and hash, and the statement files."""

    seq: int
    hash: str
    statements: int


def back_up(database: Database, file: Path, statements: Path | None = None) -> Report:
    """Writes all events of `database`, and the statement files that its commits name and `statements` holds.

    The file is whole or not there. IntegrityError when a row is not what was written: such a backup would be worthless.
    """
    draft = file.with_name(file.name + ".part")
    try:
        with draft.open("wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as output:
                report = _write(database, output, statements)
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(file)
    except OSError as error:
        raise InputError("file", f"{file} cannot be written: {error.strerror}", "unwritable") from error
    finally:
        draft.unlink(missing_ok=True)
    return report


def _write(database: Database, output: IO[str], statements: Path | None) -> Report:
    def line(value: Any) -> None:
        output.write(json.dumps(value, separators=(",", ":")) + "\n")

    with readable(database), database.read() as connection:
        found = connection.execute(select(HEAD.c.seq, HEAD.c.hash)).one_or_none()
        head = (0, GENESIS) if found is None else tuple(found)
        epoch = connection.execute(select(LEASE.c.epoch)).scalar_one()
        with connection.execute(COMMITS) as rows:
            named = _named(rows, statements)
        line({"backup": FORMAT, "seq": head[0], "hash": head[1], "epoch": epoch, "statements": sorted(named)})
        last = 0, GENESIS
        with connection.execute(ALL_EVENTS) as events:
            for seq, row in enumerate(events, 1):
                verified_event(database.name, row, seq, last[1])
                last = seq, row.hash
                line([row.seq, row.at_ms, row.kind, row.schema, row.body, row.hash])
        if last != head:
            raise altered(database.name, "head", "1", f"it says {head}, the last event is {last}")
        for name, path in sorted(named.items()):
            line({"statement": name, "text": path.read_text()})
    return Report(*last, len(named))


def restore(file: Path, database: Database, projector: Projector, statements: Path | None = None) -> Report:
    """Fills an empty `database` from a backup, its postings derived anew by `projector` (fresh), and writes the
    statement files that are not in `statements` yet. All of it or nothing, and verified row by row.

    InputError when the file is no backup or the database is not empty; IntegrityError when the backup is not what was
    written.
    """
    schema.upgrade(database)
    with _opened(file) as source:
        header = _header(source, file)
        found = _fill(database, source, header, _Restored(str(file), projector))
    if statements is not None:
        statements.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            if not (statements / name).exists():
                (statements / name).write_text(text)
    return Report(*verify(database), len(found))


def _fill(database: Database, source: IO[str], header: dict[str, Any], restored: "_Restored") -> dict[str, str]:
    """The statements by name, the rows being stored; everything is checked before the transaction ends."""
    try:
        with readable(database), database.write() as connection:
            if connection.execute(select(func.count()).select_from(EVENT)).scalar_one():
                raise InputError("database", f"{database.name} is not empty; name a new one", "not_empty")
            for rows, entries in restored.batches(source, header["seq"]):
                connection.execute(insert(EVENT), rows)
                if entries:
                    connection.execute(insert(ENTRY), entries)
            restored.must_end_at(header)
            if restored.seq:
                connection.execute(insert(HEAD), [{"id": 1, "seq": restored.seq, "hash": restored.hash}])
            connection.execute(update(LEASE).values(epoch=header["epoch"]))  # the chain's fence may raise it further
            return restored.statements(source, header["statements"])
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise IntegrityError(f"backup {restored.name}: it is cut or damaged ({error})") from error


class _Restored:
    """A backup's rows on their way into a database: checked, and with the postings that follow from them."""

    def __init__(self, name: str, projector: Projector) -> None:
        self.name = name
        self._projector = projector
        self._digests: dict[str, set[str]] = {}
        self.seq, self.hash = 0, GENESIS

    def batches(self, source: IO[str], count: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        rows: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        for line in source if count else ():
            row = self._row(line)
            item = verified_event(self.name, SimpleNamespace(**row), self.seq + 1, self.hash)
            self.seq, self.hash = row["seq"], row["hash"]
            rows.append(row)
            entries += entry_rows(self.seq, self._projector(self.seq, item))
            if isinstance(item, CommitPrepared):
                self._digests.setdefault(item.statement_file, set()).add(item.statement_sha256)
            if len(rows) == BATCH:
                yield rows, entries
                rows, entries = [], []
            if self.seq == count:
                break
        if rows:
            yield rows, entries

    def _row(self, line: str) -> dict[str, Any]:
        try:
            seq, at_ms, kind, version, body, digest = json.loads(line)
        except ValueError as error:
            raise IntegrityError(f"backup {self.name}: line {self.seq + 2} is no event: {error}") from error
        names = ("seq", "at_ms", "kind", "schema", "body", "previous_hash", "hash")
        return dict(zip(names, (seq, at_ms, kind, version, body, self.hash, digest), strict=True))

    def must_end_at(self, header: dict[str, Any]) -> None:
        if (self.seq, self.hash) != (header["seq"], header["hash"]):
            raise IntegrityError(
                f"backup {self.name}: it ends with event {self.seq}, its first line says {header['seq']}: it was cut"
            )

    def statements(self, source: IO[str], names: list[str]) -> dict[str, str]:
        found = {item["statement"]: item["text"] for item in map(json.loads, source)}
        if sorted(found) != sorted(names):
            raise IntegrityError(
                f"backup {self.name}: statements {sorted(set(names) ^ set(found))} are missing or extra"
            )
        for name, text in found.items():
            if Path(name).name != name or hashlib.sha256(text.encode()).hexdigest() not in self._digests.get(name, ()):
                raise IntegrityError(f"backup {self.name}: statement {name} is not the one that its commit recorded")
        return found


def _named(rows: Any, statements: Path | None) -> dict[str, Path]:
    """Statement files that commits name and that are what they recorded."""
    if statements is None:
        return {}
    found: dict[str, Path] = {}
    for row in rows:
        commit = decode(row.body, row.schema)
        assert isinstance(commit, CommitPrepared), "its kind says so"
        path = statements / commit.statement_file
        with suppress(FileNotFoundError):
            if hashlib.sha256(path.read_bytes()).hexdigest() == commit.statement_sha256:
                found[commit.statement_file] = path
    return found


def _opened(file: Path) -> IO[str]:
    try:
        return gzip.open(file, "rt", encoding="utf-8")
    except OSError as error:
        raise InputError("file", f"{file} cannot be read: {error.strerror}", "unreadable") from error


def _header(source: IO[str], file: Path) -> dict[str, Any]:
    try:
        header = json.loads(source.readline())
    except (ValueError, EOFError, OSError) as error:
        raise InputError("file", f"{file} is no backup of ours ({error})", "unreadable") from error
    if not isinstance(header, dict) or header.get("backup") != FORMAT:
        raise InputError("file", f"{file} is no backup of ours, or of a later version", "unreadable")
    return header
