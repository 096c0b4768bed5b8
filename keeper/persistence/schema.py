"""Brings a database's tables to the version this program knows, or back. Alembic inside one transaction of ours: half
a migration is never left behind, and of two programs that start at once one waits for the other."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from keeper.errors import ConfigError
from keeper.persistence.database import Database
from keeper.persistence.tables import ENTRY, EVENT, HEAD, LEASE

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = ("base", "0001", "0002")
"""Oldest first: `base` = no tables, the last is what this program works with."""

VERSION_TABLE = "alembic_version"
OURS = {table.name for table in (EVENT, ENTRY, HEAD, LEASE)} | {VERSION_TABLE}
MIGRATION_LOCK = 0x5052_4D49  # any number that nobody else takes


def upgrade(database: Database, revision: str = REVISIONS[-1]) -> str:
    """To `revision`, creating what is missing; the revision then. Nothing is touched when it is there already.

    ConfigError when the tables are another program's, or were made by a later version of this one.
    """
    if current(database) == _known(revision):
        return revision
    with database.write() as connection:
        from alembic import command  # here: a start on tables that are up to date does without

        _serialise(database, connection)
        command.upgrade(_config(connection), revision)
        return _revision(connection)


def downgrade(database: Database, revision: str) -> str:
    """Back to `revision` (`base` = no tables). What only later versions stored is dropped."""
    if current(database) == _known(revision):
        return revision
    with database.write() as connection:
        from alembic import command

        _serialise(database, connection)
        command.downgrade(_config(connection), revision)
        return _revision(connection)


def current(database: Database) -> str:
    """The revision of the tables. ConfigError when they are not ours, or of a later version."""
    with database.read() as connection:
        tables = set(inspect(connection).get_table_names())
        other = "name another file" if database.path else "name another database"
        if foreign := tables - OURS:
            raise ConfigError(
                f"database: {database.name} belongs to another program (tables {', '.join(sorted(foreign))}); {other}"
            )
        if tables and VERSION_TABLE not in tables:
            raise ConfigError(f"database: {database.name} was made before its tables had versions; {other}")
        found = _revision(connection) if tables else REVISIONS[0]
    if found not in REVISIONS:
        raise ConfigError(
            f"database: {database.name} is at revision {found}, this version knows up to {REVISIONS[-1]}; "
            "run the version that wrote it"
        )
    return found


def _known(revision: str) -> str:
    if revision not in REVISIONS:
        raise ConfigError(f"revision: {revision} is not one of {', '.join(REVISIONS)}")
    return revision


def _revision(connection: Connection) -> str:
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return REVISIONS[0] if found is None else str(found)


def _serialise(database: Database, connection: Connection) -> None:
    if database.kind == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "keeper.persistence:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
