"""Databases for every test that wants them: those that ask for `url` or `make_url` run once on each kind."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import KINDS, MakeUrl, PostgresServer, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=KINDS)
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> MakeUrl:
    numbers = itertools.count(1)
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'books{next(numbers)}.db'}"
    server: PostgresServer = request.getfixturevalue("postgresql")
    return lambda: server.empty(next(numbers))


@pytest.fixture
def url(make_url: MakeUrl) -> str:
    """A new, empty database of each kind in turn."""
    return make_url()
