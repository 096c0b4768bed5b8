"""Tables: up and down on both kinds of database; what is not ours, or is newer, is left alone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import inspect

from keeper.errors import ConfigError
from keeper.ledger import Books
from keeper.persistence import Database, EventLog, schema
from tests.databases import query
from tests.unit.persistence.test_event_log import story


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_up_and_down_step_by_step(database: Database) -> None:
    assert schema.current(database) == "base"
    for revision in schema.REVISIONS[1:]:
        assert schema.upgrade(database, revision) == revision == schema.current(database)
    assert tables(database) == schema.OURS
    for revision in schema.REVISIONS[-2::-1]:
        assert schema.downgrade(database, revision) == revision == schema.current(database)
    assert tables(database) == {schema.VERSION_TABLE}
    assert schema.upgrade(database) == schema.REVISIONS[-1]


def test_the_migrations_make_the_tables_that_the_program_uses(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlmodel import SQLModel

    schema.upgrade(database)
    with database.write() as connection:
        assert ScriptDirectory.from_config(schema._config(connection)).get_heads() == [schema.REVISIONS[-1]]
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_books_survive_the_way_down_and_up(url: str, database: Database) -> None:
    with EventLog(url, Books().apply) as log:
        log.append(*story().events)
        head = log.head
    schema.downgrade(database, "0001")
    with EventLog(url, Books().apply) as log:
        assert (log.seq, log.head) == (len(story().events), head)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE recipes (id INTEGER)", r"another program \(tables recipes\)"),
        ("CREATE TABLE head (id INTEGER)", "before its tables had versions"),
    ],
)
def test_tables_of_others_are_left_alone(url: str, database: Database, statement: str, words: str) -> None:
    query(url, statement)
    before = tables(database)
    with pytest.raises(ConfigError, match=words):
        schema.upgrade(database)
    assert tables(database) == before


def test_tables_of_a_later_version_are_left_alone(url: str, database: Database) -> None:
    schema.upgrade(database)
    query(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match=r"revision 9999, this version knows up to .*; run the version that wrote it"):
        EventLog(url)


def test_an_unknown_revision_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match="revision: 7 is not one of base, 0001"):
        schema.upgrade(database, "7")
