"""Databases for every test that wants them: those that ask for `url` or `make_url` run once on each kind; all others
open what `tests.databases.url_for` gives them, of the kind that PRIME_TEST_DATABASE names."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import CHOSEN, KINDS, SERVER, MakeUrl, PostgresServer, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def chosen_database(request: pytest.FixtureRequest) -> None:
    """Its server, while the tests run that `url_for` serves."""
    if CHOSEN not in KINDS:
        pytest.exit(f"PRIME_TEST_DATABASE: {CHOSEN} is not one of {', '.join(KINDS)}", 2)
    if CHOSEN == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgresql")
        os.environ[SERVER] = server.url


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
