"""The whole public surface of the official SDK against a served venue, and the page that says so."""

import pytest

from tools import sdk_table
from tools.sdk_table import OUT_OF_SCOPE, REASONS, WORKS, Row


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return sdk_table.served(sdk_table.run)


def test_every_public_method_of_the_sdk_is_judged(rows: list[Row]) -> None:
    assert [(row.owner, row.method) for row in rows] == sdk_table.surface()
    assert len(rows) == 81


def test_nothing_fails_and_nine_tenths_work(rows: list[Row]) -> None:
    assert {row.method: row.detail for row in rows if row.result not in (WORKS, OUT_OF_SCOPE)} == {}
    assert sum(row.result == WORKS for row in rows) >= 0.9 * len(rows)
    assert {row.method for row in rows if row.result == OUT_OF_SCOPE} == set(REASONS)


def test_the_page_is_what_the_venue_does(rows: list[Row]) -> None:
    assert sdk_table.PAGE.read_text() == sdk_table.page(rows), "stale: run python -m tools.sdk_table --write"
