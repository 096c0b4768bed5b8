"""Event log: what was appended comes back; what was altered is named; one writer; a kill loses nothing committed."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from keeper.errors import ConfigError, IntegrityError
from keeper.ledger import Books
from keeper.model.amounts import MICRO
from keeper.model.events import ChainLogSeen, Event, SeatFrozen, encode
from keeper.persistence import Database, EventLog, database, replay
from tests.databases import MakeUrl, query
from tests.unit.ledger.world import World, two_clients

SEAT = "0x" + "01" * 20


def frozen(number: int) -> SeatFrozen:
    return SeatFrozen(venue=SEAT, reason=f"event {number}", at_ms=number)


@pytest.fixture
def written(url: str) -> str:
    """A log with every kind of posting in it."""
    with EventLog(url, Books().apply) as log:
        log.append(*story().events)
    return url


def story() -> World:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=270_000)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    world.settle(world.mark({"BTC": Decimal(60_100)}))
    return world


def test_what_was_appended_comes_back_and_the_books_with_it(written: str) -> None:
    books = Books()
    with EventLog(written, books.apply) as log:
        assert [event for _, event in log.replay()] == story().events
        assert log.seq == len(story().events)
        log.verify(Books().apply)
        assert log.append(frozen(1)) == len(story().events) + 1
        assert log.append() == log.seq
    assert books.frozen(SEAT) == "event 1"


@pytest.mark.parametrize("column", ["seq", "at_ms", "kind", "schema", "body", "previous_hash", "hash"])
@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_one_changed_byte_of_an_event_is_named(written: str, column: str, which: str) -> None:
    last = len(story().events)
    seq = {"first": 1, "middle": last // 2, "last": last}[which]
    flip(written, "event", column, f"seq = {seq}")
    with pytest.raises(IntegrityError, match=rf"table event, row {seq}: .*restore it from a backup"):
        EventLog(written, Books().apply)


@pytest.mark.parametrize("column", ["event_seq", "line", "account", "amount"])
def test_one_changed_byte_of_a_posting_is_named(written: str, column: str) -> None:
    flip(written, "ledger_entry", column, "event_seq = 4 AND line = 1")
    with pytest.raises(IntegrityError, match=r"table ledger_entry, row 4\.[12]: .*restore"):
        EventLog(written, Books().apply)


@pytest.mark.parametrize("column", ["id", "seq", "hash"])
def test_one_changed_byte_of_the_head_is_named(written: str, column: str) -> None:
    flip(written, "head", column, "1 = 1")
    with pytest.raises(IntegrityError, match="table head"):
        EventLog(written, Books().apply)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", "table (head|ledger_entry)"),
        ("DELETE FROM event WHERE seq = 4", "table event, row 4: it is missing"),
        ("DELETE FROM event", "table (head|ledger_entry)"),
        ("DELETE FROM head", "table head"),
        ("DELETE FROM ledger_entry WHERE event_seq = (SELECT max(event_seq) FROM ledger_entry)", "table ledger_entry"),
        ("INSERT INTO ledger_entry VALUES (1, 9, 'client:1', -5)", "table ledger_entry"),
        ("DROP TABLE ledger_entry", "not readable .*ledger_entry"),
    ],
)
def test_a_missing_or_added_row_is_named(written: str, statement: str, named: str) -> None:
    query(written, statement)
    with pytest.raises(IntegrityError, match=named):
        EventLog(written, Books().apply)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keeper.db"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(IntegrityError, match="not readable"):
        EventLog(f"sqlite:///{path}")


def test_a_second_writer_is_refused_until_the_first_is_gone(url: str) -> None:
    with EventLog(url), pytest.raises(ConfigError, match="written by another process"):
        EventLog(url)
    EventLog(url).close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://localhost/x", "mysql is not supported; use sqlite:///"),
        ("nonsense://", "use sqlite:///"),
        ("sqlite://", "lost with the process"),
        ("sqlite:////nowhere/keeper.db", "directory /nowhere does not exist"),
        ("/nowhere/keeper.db", "directory /nowhere does not exist"),
        ("postgresql://me:secret@127.0.0.1:1/x", r"postgresql://me:\*\*\*@127.0.0.1:1/x does not answer"),
    ],
)
def test_a_wrong_address_says_what_to_do(address: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        EventLog(address)


def test_a_refused_event_is_not_stored_and_those_before_it_are(url: str) -> None:
    class Picky:
        def apply(self, _seq: int, event: Event) -> Sequence[tuple[str, int]]:
            if event == frozen(2):
                raise IntegrityError("not this one")
            return ()

    with EventLog(url, Picky().apply) as log:
        with pytest.raises(IntegrityError, match="not this one"):
            log.append(frozen(1), frozen(2), frozen(3))
        assert log.append(frozen(4)) == 2
        assert [event for _, event in log.replay()] == [frozen(1), frozen(4)]
        log.verify()


def test_postings_that_do_not_sum_to_zero_are_never_stored(url: str) -> None:
    with EventLog(url, lambda _seq, _event: (("insurance", 1),)) as log:
        with pytest.raises(IntegrityError, match="do not sum to zero"):
            log.append(frozen(1))
        assert log.seq == 0


def test_a_failed_write_stops_the_log(url: str) -> None:
    with EventLog(url) as log:
        log.append(frozen(1))
        query(url, "ALTER TABLE head RENAME TO hidden")
        with pytest.raises(Exception, match=r"no such table|does not exist"):
            log.append(frozen(2))
        query(url, "ALTER TABLE hidden RENAME TO head")
        with pytest.raises(IntegrityError, match="open it again"):
            log.append(frozen(2))
    with EventLog(url) as log:
        assert [event for _, event in log.replay()] == [frozen(1)]


WRITER = """
import os, sys
from keeper.model.events import SeatFrozen
from keeper.persistence import Database, EventLog, database, replay

for _ in sys.stdin:
    if writer := os.fork():
        os.waitpid(writer, 0)
        print("dead", flush=True)
        continue
    print(os.getpid(), flush=True)
    log = EventLog(sys.argv[1])
    while True:
        seq = log.append(*(SeatFrozen(venue="v", reason="x" * 500, at_ms=n) for n in range(3)))
        os.write(1, b"%d\\n" % seq)  # in one piece, whenever it is killed
"""


def test_a_kill_at_any_time_loses_nothing_that_was_reported(url: str) -> None:
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for reports in range(1, 11):
            before = last_seq(url)
            process.stdin.write("go\n")
            writer = int(process.stdout.readline())
            reported = [int(process.stdout.readline()) for _ in range(reports)]
            os.kill(writer, signal.SIGKILL)
            reported += [int(line) for line in iter(process.stdout.readline, "dead\n")]
            after = last_seq(url)
            assert reported[0] == before + 3
            assert after >= reported[-1]
            assert after % 3 == 0  # an append is whole or not there


def last_seq(url: str) -> int:
    with EventLog(url) as log:
        log.verify()
        return log.seq


BIGGEST = 2**63 - 1


def test_numbers_come_back_to_the_last_digit(url: str) -> None:
    """64 bits in a posting, any number of them in an event, eighteen decimals: more than a float could carry."""
    wide = ChainLogSeen(
        name="Wide",
        block=BIGGEST,
        log_index=0,
        tx="0x00",
        time_s=BIGGEST // MICRO,
        args={"uint256": 2**256 - 1, "int256": -(2**255), "text": str(Decimal("0.000000000000000001"))},
    )
    postings = (("client:1", BIGGEST), ("client:2", -BIGGEST))
    with EventLog(url, lambda _seq, _event: postings) as log:
        log.append(wide)
    with EventLog(url, lambda _seq, _event: postings) as log:
        assert [event for _, event in log.replay()] == [wide]
    assert query(url, "SELECT account, amount FROM ledger_entry ORDER BY line") == list(postings)
    assert query(url, "SELECT body FROM event") == [(encode(wide),)]


def test_the_same_events_give_the_same_bytes_on_either_kind(make_url: MakeUrl) -> None:
    """The chain's last hash and every projection, by canonical spelling, twice over."""
    first, again, found = Books(), Books(), make_url()
    with EventLog(found, first.apply) as log:
        log.append(*story().events)
        head = log.head
    with EventLog(found, again.apply) as log:
        assert log.head == head
    assert fingerprint(first) == fingerprint(again)
    with EventLog(make_url(), Books().apply) as log:
        for event in story().events:
            log.append(event)
        assert log.head == head


def fingerprint(books: Books) -> str:
    return hashlib.sha256(msgspec.json.encode(books.dump(), order="sorted")).hexdigest()


def flip(url: str, table: str, column: str, where: str) -> None:
    """Changes one byte of one value: the last digit or letter of it."""
    ((value,),) = query(url, f"SELECT {column} FROM {table} WHERE {where}")  # noqa: S608
    if isinstance(value, int):
        changed: int | str = value + 1000 if column in ("seq", "line", "event_seq", "id") else value ^ 1
    else:
        at = len(value) // 2
        changed = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    assert changed != value
    query(url, f"UPDATE {table} SET {column} = ? WHERE {where}", (changed,))  # noqa: S608


def test_whoever_reads_may_take_longer_than_whoever_writes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log takes minutes to rebuild, a frozen writer must let go within seconds."""
    with EventLog(url) as log:
        log.append(*(frozen(number) for number in range(database.BATCH + 1)))
    monkeypatch.setattr(database, "IDLE_IN_TRANSACTION_MS", 100)
    with closing(Database(url)) as reader:
        events = replay(reader)
        next(events)
        time.sleep(0.5)
        assert sum(1 for _ in events) == database.BATCH
