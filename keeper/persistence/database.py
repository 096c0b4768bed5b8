"""A database by its URL: SQLite in a file, or PostgreSQL. What differs between the two is here and in `liveness`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from keeper.errors import ConfigError, IntegrityError

Kind = Literal["sqlite", "postgresql"]

USE = "use sqlite:///path/to/file.db or postgresql://user@host/name"
BUSY_S = 10
"""How long a writer waits for another's transaction on the same SQLite file."""

IDLE_IN_TRANSACTION_MS = 5_000
"""PostgreSQL ends the transaction of a client that does nothing for so long: a frozen keeper keeps no row locked."""

BATCH = 5_000
"""Rows fetched at a time: a log of any length is read in little memory."""


class Database:
    """An engine with what both kinds need set. `write` and `read` are whole transactions.

    ConfigError for an address that is neither kind, a directory that does not exist, or a server that does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self.kind: Kind = "sqlite" if self.url.get_backend_name() == "sqlite" else "postgresql"
        self.path = Path(str(self.url.database)) if self.kind == "sqlite" else None
        self.name = str(self.path or self.url.render_as_string(hide_password=True).replace("+psycopg", ""))
        self.engine = _sqlite(self.url) if self.kind == "sqlite" else _postgresql(self.url)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block, rolled back by an exception. On SQLite it has the file's
        one write lock from its start."""
        with self._connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: what is committed meanwhile is not seen. Never waits for writers, nor they for it."""
        with self._connect() as connection:
            connection.execution_options(reading=True)
            if self.kind == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if self.kind == "postgresql":  # whoever reads holds no row, and may take its time over what it has read
                    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execution_options(stream_results=True, yield_per=BATCH)
                yield connection

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DatabaseError as error:
            if self.kind == "sqlite" and not isinstance(error, OperationalError):
                what = f"not readable ({error.orig})"
                raise IntegrityError(f"event log {self.name}: {what}; restore it from a backup") from error
            if self.kind == "sqlite" or not isinstance(error, OperationalError):
                raise
            raise ConfigError(
                f"database: {self.name} does not answer ({_first_line(error)}); start it first"
            ) from error
        with connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def url_of(text: str) -> str:
    """A path names a SQLite file; anything with `://` is a URL already."""
    return text if "://" in text else f"sqlite:///{text}"


def _checked(text: str) -> URL:
    try:
        url = make_url(url_of(text))
    except ArgumentError as error:
        raise ConfigError(f"database: not an address of a database; {USE}") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ConfigError(f"database: {url.get_backend_name()} is not supported; {USE}")
    if not url.database or url.database == ":memory:":
        raise ConfigError(f"database: books in memory would be lost with the process; {USE}")
    folder = Path(url.database).parent
    if not folder.is_dir():
        raise ConfigError(f"database: the directory {folder} does not exist; create it")
    return url


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    options = f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS} -c application_name=prime"
    return create_engine(url, connect_args={"options": options, "connect_timeout": BUSY_S}, pool_pre_ping=True)


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[-1]
