"""A hundred and fifty faulted orders of every adapter; `./dev test-deep faults` sends 10,000."""

import pytest

from tests.conformance.adapters import ADAPTERS
from tests.conformance.campaign import campaign
from tests.conformance.harness import AdapterUnderTest

FAULTED = 150


@pytest.mark.parametrize(
    "adapter",
    [
        pytest.param(one, id=one.label, marks=(pytest.mark.deep,) if one.share < 1 else ())  # minutes each
        for one in ADAPTERS
    ],
)
async def test_nothing_is_lost_doubled_or_silently_old(adapter: AdapterUnderTest) -> None:
    with adapter.serve() as server:
        result = await campaign(adapter, server, FAULTED, seed=1)
    assert result.problems == []
    assert result.faulted["command"] >= FAULTED
    assert sum(result.ends.values()) == result.orders
    assert result.ends["filled"] > FAULTED / 4
    assert result.live_looks > 0
