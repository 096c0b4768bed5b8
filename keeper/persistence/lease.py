"""Who may write: a lease in the database, with a number (`epoch`) that only rises and fences off earlier holders.

The holder shows signs of life (`beat`). Whoever waits takes over when the holder's process is gone (`liveness`), or
when by its own monotonic clock the beat has stood still for the lease's whole length: no two clocks are compared.
Three things keep a deposed holder harmless, however long it was frozen and whenever it wakes:

- every append reads the epoch in its own transaction, on a row that a takeover must write;
- what leaves for a venue or the chain asks `valid` first: true only within the lease's length of a beat that was begun
  by then, so that nobody can have taken over meanwhile;
- a commit carries the epoch as its fence, and the contract refuses a smaller one (rule A5).
"""

import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import DBAPIError

from keeper.errors import ConfigError, NotLeader
from keeper.persistence.database import Database
from keeper.persistence.liveness import Token, token_for
from keeper.persistence.tables import LEASE

DEFAULT_TTL_S = 10.0
SAFETY = 0.8
"""The part of its length for which a holder trusts its lease: clocks may differ in speed, and messages take a while."""


@dataclass(slots=True)
class _Sighting:
    """The last sign of life seen of a holder, and when by our own clock."""

    epoch: int
    beat: int
    at: float


class Lease:
    """The lease of one database, held or wanted by this process. `ttl_s` is its length while we hold it.

    The tables must be there (`schema.upgrade`). Thread-safe in that `beat` may run beside everything else.
    """

    def __init__(self, database: Database, *, ttl_s: float = DEFAULT_TTL_S, holder: str = "") -> None:
        if ttl_s <= 0:
            raise ConfigError(f"lease_s: {ttl_s} s is no length of a lease; 10 is usual")
        self._database = database
        self._ttl_s = ttl_s
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self._token: Token = token_for(database)
        self._seen: _Sighting | None = None
        self._epoch = 0
        self._valid_until = 0.0
        self._turn = threading.Lock()  # a beat, from its thread, and a change of epoch take turns

    @property
    def epoch(self) -> int:
        """The fencing number of our lease; 0 before we held one."""
        return self._epoch

    @property
    def ttl_s(self) -> float:
        return self._ttl_s

    def valid(self) -> bool:
        """Whether nobody can have taken over by now."""
        return self.remaining_s() > 0

    def remaining_s(self) -> float:
        """How long `valid` stays true without another beat; negative when it is not."""
        return self._valid_until - _now()

    def try_take(self) -> bool:
        """Takes the lease if it is free, its holder is dead, or has shown no sign of life for as long as it may."""
        with self._database.read() as connection:
            row = _row(connection)
        if not self._may_take(row):
            return False
        begun = _now()
        if not self._token.hold(row.epoch + 1):
            return False
        ours = {"epoch": row.epoch + 1, "holder": self._holder, "beat": row.beat + 1, "ttl_ms": self._ttl_ms()}
        with self._database.write() as connection:
            taken = connection.execute(update(LEASE).where(LEASE.c.epoch == row.epoch).values(ours)).rowcount == 1
        if not taken:
            self._token.drop()
            return False
        self._token.forget(row.epoch)
        self._epoch = row.epoch + 1
        self._extend(begun)
        return True

    def take(self) -> None:
        """Takes it now or raises ConfigError naming the holder."""
        if not self.try_take():
            with self._database.read() as connection:
                holder = _row(connection).holder
            raise ConfigError(
                f"database: {self._database.name} is being written by another process; stop that one ({holder}), name "
                "another database, or wait for it on standby (--standby)"
            )

    def beat(self) -> None:
        """Shows a sign of life, which extends the lease. NotLeader when another has taken it."""
        begun = _now()
        with self._turn, self._database.write() as connection:
            statement = (
                update(LEASE).where(LEASE.c.epoch == self._epoch).values(beat=LEASE.c.beat + 1, ttl_ms=self._ttl_ms())
            )
            if connection.execute(statement).rowcount != 1:
                raise self._deposed(_row(connection))
        self._extend(begun)

    def assert_held(self, connection: Connection) -> None:
        """NotLeader unless the lease is ours, and stays so until the transaction of `connection` ends."""
        epoch = connection.exec_driver_sql(HELD[connection.dialect.name]).scalar_one()  # runs with every append
        if epoch != self._epoch:
            raise self._deposed(_row(connection))

    def raise_epoch(self, at_least: int) -> None:
        """Makes our epoch this large, for a chain that has seen larger ones (of a database that is lost)."""
        if self._epoch >= at_least:
            return
        fresh = token_for(self._database)
        if not fresh.hold(at_least):
            raise NotLeader(f"database: {self._database.name}: another keeper holds epoch {at_least}")
        with self._turn:
            with self._database.write() as connection:
                statement = update(LEASE).where(LEASE.c.epoch == self._epoch).values(epoch=at_least)
                if connection.execute(statement).rowcount != 1:
                    fresh.drop()
                    raise self._deposed(_row(connection))
            self._token.drop()
            self._token, self._epoch = fresh, at_least

    def release(self) -> None:
        """Gives it up at once: the next one need not wait. Nothing happens if it is not ours any more."""
        epoch = self._epoch
        self._valid_until = 0.0
        with suppress(DBAPIError), self._database.write() as connection:  # else it runs out by itself
            connection.execute(update(LEASE).where(LEASE.c.epoch == epoch).values(holder="", ttl_ms=0))
        self.drop()

    def drop(self) -> None:
        """Forgets the lease without a word to the database, as a death would."""
        self._valid_until = 0.0
        self._epoch = 0
        self._token.drop()

    def _may_take(self, row: Row[Any]) -> bool:
        if row.ttl_ms == 0 or not self._token.is_held(row.epoch):
            return True
        if self._seen is None or (self._seen.epoch, self._seen.beat) != (row.epoch, row.beat):
            self._seen = _Sighting(row.epoch, row.beat, _now())
        return bool(_now() - self._seen.at > row.ttl_ms / 1000)

    def _extend(self, begun: float) -> None:
        self._valid_until = begun + self._ttl_s * SAFETY

    def _ttl_ms(self) -> int:
        return max(1, round(self._ttl_s * 1000))

    def _deposed(self, row: Row[Any]) -> NotLeader:
        self._valid_until = 0.0
        return NotLeader(
            f"database: {self._database.name}: {row.holder or 'another keeper'} has taken over (epoch {row.epoch}, "
            f"ours was {self._epoch}); this keeper stops"
        )


HELD = {"sqlite": "SELECT epoch FROM lease", "postgresql": "SELECT epoch FROM lease FOR SHARE"}
"""SQLite's writers have the whole file to themselves already."""


def _row(connection: Connection) -> Row[Any]:
    return connection.execute(select(LEASE)).one()


def _now() -> float:
    """Seconds that also pass while the machine sleeps, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
