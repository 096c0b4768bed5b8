"""The lease: one holder, a number that rises, and a deposed holder that can do nothing, whatever it believes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from keeper.errors import ConfigError, NotLeader
from keeper.model.events import SeatFrozen
from keeper.persistence import Database, EventLog, Lease, schema
from keeper.persistence.event_log import replay, verify
from tests.databases import MakeUrl, PostgresServer

TTL_S = 0.5


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def leases(database: Database) -> Iterator[tuple[Lease, Lease]]:
    """Two that want the same database."""
    pair = Lease(database, ttl_s=TTL_S, holder="one"), Lease(database, ttl_s=TTL_S, holder="two")
    yield pair
    for lease in pair:
        lease.drop()


def frozen(number: int) -> SeatFrozen:
    return SeatFrozen(venue="0x01", reason=f"event {number}", at_ms=number)


def taken_in_time(lease: Lease, patience_s: float = 10) -> float:
    """Asks until the lease is taken; seconds it took."""
    started = time.monotonic()
    while not lease.try_take():
        assert time.monotonic() - started < patience_s
        time.sleep(0.02)
    return time.monotonic() - started


def test_one_holder_at_a_time_and_the_number_rises(leases: tuple[Lease, Lease]) -> None:
    one, two = leases
    assert not one.valid()
    assert one.try_take()
    assert (one.epoch, one.valid()) == (1, True)
    with pytest.raises(ConfigError, match=r"written by another process; stop that one \(one\)"):
        two.take()
    one.release()
    assert not one.valid()
    two.take()
    assert two.epoch == 2


def test_signs_of_life_keep_it_and_silence_loses_it(leases: tuple[Lease, Lease]) -> None:
    one, two = leases
    one.take()
    end = time.monotonic() + 3 * TTL_S
    while time.monotonic() < end:
        one.beat()
        assert not two.try_take()
        time.sleep(TTL_S / 10)
    assert taken_in_time(two) > TTL_S / 2
    assert not one.valid()
    with pytest.raises(NotLeader, match=r"two has taken over \(epoch 2, ours was 1\)"):
        one.beat()


def test_a_holder_trusts_its_lease_for_less_long_than_others_respect_it(leases: tuple[Lease, Lease]) -> None:
    one, two = leases
    one.take()
    while not two.try_take():
        lasting = one.remaining_s()
        time.sleep(0.01)
    assert lasting <= 0, "it was taken while its holder still trusted it"


def test_a_dead_holder_is_followed_at_once(leases: tuple[Lease, Lease], database: Database) -> None:
    one, two = Lease(database, ttl_s=60), leases[1]
    one.take()
    one.drop()
    assert two.try_take()
    assert two.epoch == 2


def test_a_deposed_holder_stores_nothing(leases: tuple[Lease, Lease], database: Database) -> None:
    one, two = leases
    one.take()
    old = EventLog(database, lease=one)
    old.append(frozen(1))
    taken_in_time(two)
    fresh = EventLog(database, lease=two)
    for _ in range(2):
        with pytest.raises(NotLeader, match="taken over"):
            old.append(frozen(2))
    fresh.append(frozen(3))
    assert [event for _, event in replay(database)] == [frozen(1), frozen(3)]
    verify(database)


def test_the_number_follows_a_chain_that_has_seen_more(leases: tuple[Lease, Lease]) -> None:
    one, two = leases
    one.take()
    one.raise_epoch(41)
    one.raise_epoch(7)
    assert one.epoch == 41
    one.beat()
    assert not two.try_take()
    one.release()
    two.take()
    assert two.epoch == 42


def test_a_lease_of_no_length_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match="lease_s: 0 s"):
        Lease(database, ttl_s=0)


LEADER = """
import os, signal, sys
from sqlalchemy.exc import DBAPIError
from keeper.errors import NotLeader
from keeper.model.events import SeatFrozen
from keeper.persistence import Database, EventLog, Lease, schema

database = Database(sys.argv[1])
schema.upgrade(database)
lease = Lease(database, ttl_s=0.5)
lease.take()
log = EventLog(database, lease=lease)
for number in range(20):
    lease.beat()
    print(log.append(SeatFrozen(venue="old", reason="x", at_ms=number)), flush=True)

def freeze(*_):
    os.kill(os.getpid(), signal.SIGSTOP)

if sys.argv[2] == "inside":
    lease.assert_held = lambda connection: (Lease.assert_held(lease, connection), freeze())
else:
    freeze()
for work in (lambda: log.append(SeatFrozen(venue="old", reason="late", at_ms=0)), lease.beat):
    try:
        work()
        print("wrote", flush=True)
    except (DBAPIError, NotLeader) as error:
        print(type(error).__name__, lease.valid(), flush=True)
"""


def freeze_and_revive(url: str, where: str) -> list[str]:
    """A leader stops (SIGSTOP) until another process has taken over and written; then it goes on (SIGCONT). What it
    says after that."""
    with subprocess.Popen([sys.executable, "-c", LEADER, url, where], stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        assert [int(leader.stdout.readline()) for _ in range(20)] == list(range(1, 21))
        _, status = os.waitpid(leader.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        database = Database(url)
        follower = Lease(database, ttl_s=30)
        taken_in_time(follower, 30)
        with EventLog(database, lease=follower) as log:
            assert log.append(frozen(1)) == 21
            os.kill(leader.pid, signal.SIGCONT)
            said = leader.stdout.read().splitlines()
            assert log.append(frozen(2)) == 22
        assert [event for seq, event in replay(database) if seq > 20] == [frozen(1), frozen(2)]
        verify(database)
        follower.release()
        database.close()
        return said


def test_frozen_between_two_events_and_revived_it_finds_that_another_writes(url: str) -> None:
    assert freeze_and_revive(url, "between") == ["NotLeader False", "NotLeader False"]


def test_frozen_inside_a_transaction_it_does_not_keep_postgresql_locked(postgresql: PostgresServer) -> None:
    """The server ends the transaction of a client that does nothing; SQLite has nobody who could."""
    lost, deposed = freeze_and_revive(postgresql.empty(1), "inside")
    assert lost.split()[0] in ("OperationalError", "InternalError")
    assert deposed == "NotLeader False"


def test_each_kind_of_database_has_its_own_lease(make_url: MakeUrl) -> None:
    with EventLog(make_url()), EventLog(make_url()):
        pass
