"""Backups: from either kind of database into either, while it is written to; what was altered or cut is refused."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from keeper.cli.main import build
from keeper.errors import InputError, IntegrityError
from keeper.ledger import Books
from keeper.model.events import CommitPrepared, Event, SeatFrozen
from keeper.persistence import Database, EventLog, replay, schema, verify
from keeper.persistence.backup import back_up, restore
from tests.databases import MakeUrl
from tests.unit.persistence.test_event_log import story

TEXT = '{"statement":"of the first epoch"}'


def events() -> list[Event]:
    """A story whose commit names a statement file that is there."""
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    return [
        msgspec.structs.replace(event, statement_sha256=digest) if isinstance(event, CommitPrepared) else event
        for event in story().events
    ]


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    with EventLog(url, Books().apply) as opened:
        opened.append(*events())
        yield opened


@pytest.fixture
def taken(log: EventLog, url: str, tmp_path: Path) -> Path:
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "1.json").write_text(TEXT)
    (folder / "2.json").write_text("no commit names it")
    with closing(Database(url)) as database:
        report = back_up(database, tmp_path / "books.gz", folder)
    assert (report.seq, report.hash, report.statements) == (log.seq, log.head, 1)
    return tmp_path / "books.gz"


@pytest.fixture
def empty(make_url: MakeUrl) -> Iterator[Database]:
    with closing(Database(make_url())) as database:
        yield database


def test_what_was_backed_up_is_restored(log: EventLog, taken: Path, empty: Database, tmp_path: Path) -> None:
    """The keeper writes on meanwhile; its own log is as it was."""
    log.append(SeatFrozen(venue="0x01", reason="after the backup", at_ms=1))
    restored = restore(taken, empty, Books().apply, tmp_path / "elsewhere")
    assert [event for _, event in replay(empty)] == events()
    assert verify(empty, Books().apply) == (restored.seq, restored.hash)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["1.json"]
    assert (tmp_path / "elsewhere" / "1.json").read_text() == TEXT
    with EventLog(empty, Books().apply) as again:
        assert again.append(SeatFrozen(venue="0x01", reason="life goes on", at_ms=1)) == restored.seq + 1


def test_from_either_kind_into_a_file(taken: Path, tmp_path: Path) -> None:
    with closing(Database(str(tmp_path / "new.db"))) as database:
        restore(taken, database, Books().apply)
        assert [event for _, event in replay(database)] == events()


Change = Callable[[list[str]], list[str]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:3], lines[3].replace("1", "2", 1), *lines[4:]], r"row 3|is no event"),
        (lambda lines: [*lines[:4], *lines[5:]], "row 4: it is missing"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "row 1: it is missing"),
        (lambda lines: lines[:-2], "it was cut"),
        (lambda lines: lines[:-1], r"statements \['1.json'\] are missing or extra"),
        (lambda lines: [*lines[:-1], lines[-1].replace("first", "second")], "is not the one that its commit recorded"),
        (lambda lines: [*lines[:-1], lines[-1].replace("1.json", "../1.json")], "missing or extra"),
    ],
)
def test_an_altered_backup_restores_nothing(taken: Path, empty: Database, change: Change, words: str) -> None:
    lines = gzip.decompress(taken.read_bytes()).decode().splitlines()
    taken.write_bytes(gzip.compress("\n".join(change(lines)).encode()))
    with pytest.raises(IntegrityError, match=words):
        restore(taken, empty, Books().apply)
    assert list(replay(empty)) == []


def test_a_damaged_file_restores_nothing(taken: Path, empty: Database) -> None:
    taken.write_bytes(taken.read_bytes()[:-200])
    with pytest.raises(IntegrityError, match="cut or damaged"):
        restore(taken, empty, Books().apply)
    assert list(replay(empty)) == []


def test_only_an_empty_database_is_filled(taken: Path, url: str) -> None:
    with closing(Database(url)) as database, pytest.raises(InputError, match="is not empty"):
        restore(taken, database, Books().apply)


@pytest.mark.parametrize(
    "content", [b"", b"not a backup", gzip.compress(b"{}", mtime=0), gzip.compress(b"[]", mtime=0)]
)
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "something"
    path.write_bytes(content)
    with closing(Database(str(tmp_path / "new.db"))) as database, pytest.raises(InputError, match="no backup of ours"):
        restore(path, database, Books().apply)


def prime(command: str, *words: str) -> str:
    done = CliRunner().invoke(build([command]), [command, *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_commands(make_url: MakeUrl, tmp_path: Path) -> None:
    first, second, file = make_url(), make_url(), str(tmp_path / "books.gz")
    assert prime("db", "upgrade", "--database", first).strip() == schema.REVISIONS[-1]
    with EventLog(first, Books().apply) as log:
        log.append(*events())
        assert json.loads(prime("backup", file, "--database", first, "--json"))["hash"] == log.head
    prime("restore", file, "--database", second)
    verdicts = [json.loads(prime("db", "verify", "--database", url, "--json")) for url in (first, second)]
    assert verdicts[0] == verdicts[1]
    assert {"orders", "seats", "totals", "vault"} <= set(verdicts[0]["projections"])
    assert prime("db", "downgrade", "--database", second, "0001").strip() == "0001"
    with pytest.raises(InputError, match="base drops every event"):
        prime("db", "downgrade", "--database", second, "base")
    assert prime("db", "downgrade", "--database", second, "base", "--drop").strip() == "base"
