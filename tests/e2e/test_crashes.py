"""A day in which the keeper is killed once in each of its parts, at places that hurt; every other place has its turn in
`./dev test-deep crashes`, which also holds the figures against those of a day without a crash."""

from pathlib import Path

import pytest

from tests.e2e.day import lived

pytestmark = [pytest.mark.xdist_group("e2e_crashes"), pytest.mark.timeout(400)]

DEATHS = [
    "start: after sending to perp #1",
    "trades: after submit #1",
    "deposit: inside append TxLanded send #1",
    "funding: inside append FundingSeen #1",
    "withdrawal: after sending commit #1",
    "close: after append OrderAccepted #1",
]


async def test_killed_in_every_part_of_a_day(tmp_path: Path) -> None:
    """Orders fill, cash arrives, the withdrawal is paid in full, nothing is booked twice, and books, venues, chain and
    auditor agree."""
    ended = await lived(tmp_path, DEATHS)
    assert ended.died == DEATHS
    assert ended.wrong == []
