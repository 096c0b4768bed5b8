"""Event log: what was appended comes back; what was altered is named; one writer; a kill loses nothing committed."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from keeper.errors import ConfigError, IntegrityError
from keeper.ledger import Books
from keeper.model.events import Event, SeatFrozen
from keeper.persistence import EventLog
from tests.unit.ledger.world import World, two_clients

SEAT = "0x" + "01" * 20


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def frozen(number: int) -> SeatFrozen:
    return SeatFrozen(venue=SEAT, reason=f"event {number}", at_ms=number)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A log with every kind of posting in it."""
    path = tmp_path / "keeper.db"
    with EventLog(url(path), Books().apply) as log:
        log.append(*story().events)
    return path


def story() -> World:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=270_000)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    world.settle(world.mark({"BTC": Decimal(60_100)}))
    return world


def test_what_was_appended_comes_back_and_the_books_with_it(written: Path) -> None:
    books = Books()
    with EventLog(url(written), books.apply) as log:
        assert [event for _, event in log.replay()] == story().events
        assert log.seq == len(story().events)
        log.verify(Books().apply)
        assert log.append(frozen(1)) == len(story().events) + 1
        assert log.append() == log.seq
    assert books.frozen(SEAT) == "event 1"


@pytest.mark.parametrize("column", ["seq", "at_ms", "kind", "body", "previous_hash", "hash"])
@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_one_changed_byte_of_an_event_is_named(written: Path, column: str, which: str) -> None:
    last = len(story().events)
    seq = {"first": 1, "middle": last // 2, "last": last}[which]
    flip(written, "event", column, f"seq = {seq}")
    with pytest.raises(IntegrityError, match=rf"table event, row {seq}: .*restore the file from a backup"):
        EventLog(url(written), Books().apply)


@pytest.mark.parametrize("column", ["event_seq", "line", "account", "amount"])
def test_one_changed_byte_of_a_posting_is_named(written: Path, column: str) -> None:
    flip(written, "ledger_entry", column, "event_seq = 4 AND line = 1")
    with pytest.raises(IntegrityError, match=r"table ledger_entry, row 4\.[12]: .*restore"):
        EventLog(url(written), Books().apply)


@pytest.mark.parametrize("column", ["id", "seq", "hash"])
def test_one_changed_byte_of_the_head_is_named(written: Path, column: str) -> None:
    flip(written, "head", column, "1 = 1")
    with pytest.raises(IntegrityError, match="table head"):
        EventLog(url(written), Books().apply)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", "table (head|ledger_entry)"),
        ("DELETE FROM event WHERE seq = 4", "table event, row 4: it is missing"),
        ("DELETE FROM event", "table (head|ledger_entry)"),
        ("DELETE FROM head", "table head"),
        ("DELETE FROM ledger_entry WHERE event_seq = (SELECT max(event_seq) FROM ledger_entry)", "table ledger_entry"),
        ("INSERT INTO ledger_entry VALUES (1, 9, 'client:1', -5)", "table ledger_entry"),
        ("DROP TABLE ledger_entry", "table ledger_entry"),
    ],
)
def test_a_missing_or_added_row_is_named(written: Path, statement: str, named: str) -> None:
    execute(written, statement)
    with pytest.raises(IntegrityError, match=named):
        EventLog(url(written), Books().apply)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keeper.db"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(IntegrityError, match="not readable"):
        EventLog(url(path))


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "keeper.db"
    with EventLog(url(path)), pytest.raises(ConfigError, match="written by another process"):
        EventLog(url(path))
    EventLog(url(path)).close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://localhost/x", "use sqlite:///"),
        ("sqlite:////nowhere/keeper.db", "directory /nowhere does not exist"),
    ],
)
def test_a_wrong_address_says_what_to_do(address: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EventLog(address)


def test_a_refused_event_is_not_stored_and_those_before_it_are(tmp_path: Path) -> None:
    class Picky:
        def apply(self, _seq: int, event: Event) -> Sequence[tuple[str, int]]:
            if event == frozen(2):
                raise IntegrityError("not this one")
            return ()

    with EventLog(url(tmp_path / "keeper.db"), Picky().apply) as log:
        with pytest.raises(IntegrityError, match="not this one"):
            log.append(frozen(1), frozen(2), frozen(3))
        assert log.append(frozen(4)) == 2
        assert [event for _, event in log.replay()] == [frozen(1), frozen(4)]
        log.verify()


def test_postings_that_do_not_sum_to_zero_are_never_stored(tmp_path: Path) -> None:
    with EventLog(url(tmp_path / "keeper.db"), lambda _seq, _event: (("insurance", 1),)) as log:
        with pytest.raises(IntegrityError, match="do not sum to zero"):
            log.append(frozen(1))
        assert log.seq == 0


def test_a_failed_write_stops_the_log(tmp_path: Path) -> None:
    path = tmp_path / "keeper.db"
    with EventLog(url(path)) as log:
        log.append(frozen(1))
        execute(path, "ALTER TABLE head RENAME TO hidden")
        with pytest.raises(Exception, match="no such table"):
            log.append(frozen(2))
        execute(path, "ALTER TABLE hidden RENAME TO head")
        with pytest.raises(IntegrityError, match="open it again"):
            log.append(frozen(2))
    with EventLog(url(path)) as log:
        assert [event for _, event in log.replay()] == [frozen(1)]


WRITER = """
import sys
from keeper.model.events import SeatFrozen
from keeper.persistence import EventLog

log = EventLog(sys.argv[1])
while True:
    seq = log.append(*(SeatFrozen(venue="v", reason="x" * 500, at_ms=n) for n in range(3)))
    print(seq, flush=True)
"""


def test_a_kill_at_any_time_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    path = tmp_path / "keeper.db"
    for reports in range(1, 11):
        before = last_seq(path)
        process = subprocess.Popen([sys.executable, "-c", WRITER, url(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(reports)]
        process.send_signal(signal.SIGKILL)
        reported += [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        process.wait()
        after = last_seq(path)
        assert reported[0] == before + 3
        assert after >= reported[-1]
        assert after % 3 == 0  # an append is whole or not there


def last_seq(path: Path) -> int:
    with EventLog(url(path)) as log:
        log.verify()
        return log.seq


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def flip(path: Path, table: str, column: str, where: str) -> None:
    """Changes one byte of one value: the last digit or letter of it."""
    connection = sqlite3.connect(path)
    with connection:
        (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()  # noqa: S608
        if isinstance(value, int):
            changed: int | str = value + 1000 if column in ("seq", "line", "event_seq", "id") else value ^ 1
        else:
            at = len(value) // 2
            changed = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        assert changed != value
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (changed,))  # noqa: S608
    connection.close()
