"""Every case × every adapter, as tests. `./dev test` plays one in `SHARE` of those adapters that take their time (ccxt)
or differ from another in one way alone (commands over a socket); `./dev test-deep conformance` plays them all and shows
the matrix."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conformance.adapters import ADAPTERS
from tests.conformance.cases import Case, all_cases
from tests.conformance.harness import AdapterUnderTest, Server, open_world

PAIRS = [(adapter, item) for adapter in ADAPTERS for item in all_cases() if item.applies(adapter)]
SHARE = 10


def _marks(adapter: AdapterUnderTest, number: int) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.deep,) if adapter.share < 1 and number % SHARE else ()


@pytest.fixture(scope="module")
def server_of() -> Iterator[Callable[[AdapterUnderTest], Server]]:
    """One venue for each adapter, started when its first case comes."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def get(adapter: AdapterUnderTest) -> Server:
            if adapter.label not in servers:
                servers[adapter.label] = stack.enter_context(adapter.serve())
            return servers[adapter.label]

        yield get


@pytest.mark.parametrize(
    ("adapter", "item"),
    [
        pytest.param(
            adapter,
            item,
            id=f"{item.number}-{adapter.name}-{adapter.dialect}",
            marks=_marks(adapter, int(item.number.removeprefix("C-"))),
        )
        for adapter, item in PAIRS
    ],
)
async def test_case(
    adapter: AdapterUnderTest,
    item: Case,
    server_of: Callable[[AdapterUnderTest], Server],
    record_property: Callable[[str, Any], None],
) -> None:
    record_property("conformance", [item.number, adapter.label])
    async with open_world(adapter, server_of(adapter)) as world:
        await item.check(world)


def test_there_are_at_least_sixty_cases_and_every_adapter_has_most_of_them() -> None:
    cases = all_cases()
    assert len(cases) >= 60
    assert len({item.title for item in cases}) == len(cases)
    for adapter in ADAPTERS:
        assert sum(item.applies(adapter) for item in cases) >= 50, adapter.label
