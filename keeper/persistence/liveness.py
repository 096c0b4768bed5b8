"""Whether the process that leads is alive: it holds a lock that its death, of whatever kind, sets free at once.

Only a hint, which makes a takeover quick. A process that is frozen, or whose machine is gone, still seems alive: then
the lease's beat decides. That nothing goes wrong when the hint does is the business of the lease's epoch.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from keeper.persistence.database import Database

ADVISORY_CLASS = 0x5052  # "PR": the first of PostgreSQL's two lock numbers, the second is the epoch


class Token(Protocol):
    """One lock per epoch."""

    def hold(self, epoch: int) -> bool:
        """Takes the lock of an epoch until `drop` or death; False when another has it."""
        ...

    def is_held(self, epoch: int) -> bool:
        """Whether anybody has it now."""
        ...

    def drop(self) -> None: ...

    def forget(self, epoch: int) -> None:
        """Clears away what an epoch that is over left behind."""
        ...


class FileToken:
    """A lock (flock) on a file beside the database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._descriptor: int | None = None

    def hold(self, epoch: int) -> bool:
        descriptor = os.open(self._lock_file(epoch), os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def is_held(self, epoch: int) -> bool:
        try:
            descriptor = os.open(self._lock_file(epoch), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _lock(descriptor)
        finally:
            os.close(descriptor)

    def drop(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def forget(self, epoch: int) -> None:
        self._lock_file(epoch).unlink(missing_ok=True)

    def _lock_file(self, epoch: int) -> Path:
        return self._database.with_name(f"{self._database.name}.lock-{epoch}")


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class AdvisoryToken:
    """An advisory lock of PostgreSQL on a connection of its own: the server frees it when that ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    def hold(self, epoch: int) -> bool:
        connection = self._connect()
        if not _advisory_lock(connection, epoch):
            connection.close()
            return False
        self._connection = connection
        return True

    def is_held(self, epoch: int) -> bool:
        connection = self._connect()
        try:
            if not _advisory_lock(connection, epoch):
                return True
            connection.execute(text("SELECT pg_advisory_unlock(:class, :epoch)"), _numbers(epoch))
            return False
        finally:
            connection.close()

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # closed, not pooled: the lock goes with the session
            self._connection.close()
            self._connection = None

    def forget(self, epoch: int) -> None:
        """Nothing: the server keeps no trace of a lock that nobody holds."""

    def _connect(self) -> Connection:
        return self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _advisory_lock(connection: Connection, epoch: int) -> bool:
    statement = text("SELECT pg_try_advisory_lock(:class, :epoch)")
    return bool(connection.execute(statement, _numbers(epoch)).scalar_one())


def _numbers(epoch: int) -> dict[str, int]:
    return {"class": ADVISORY_CLASS, "epoch": epoch % 2**31}


def token_for(database: Database) -> Token:
    return AdvisoryToken(database) if database.path is None else FileToken(database.path)
