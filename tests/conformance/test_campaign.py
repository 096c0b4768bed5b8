"""A few hundred faulted orders of every adapter; `./dev test-deep faults` sends 10,000."""

import pytest

from tests.conformance.adapters import ADAPTERS
from tests.conformance.campaign import campaign
from tests.conformance.harness import AdapterUnderTest

ORDERS = 240


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.label)
async def test_nothing_is_lost_doubled_or_silently_old(adapter: AdapterUnderTest) -> None:
    with adapter.serve() as server:
        result = await campaign(adapter, server, ORDERS, seed=1)
    assert result.problems == []
    assert sum(result.ends.values()) == ORDERS
    assert result.faulted["command"] > ORDERS / 5
    assert result.ends["filled"] > ORDERS / 4
    assert result.live_looks > 0
