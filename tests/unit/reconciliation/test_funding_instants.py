"""The collector asks for funding when a venue settles, not every hour: each question costs a part of the rate limit."""

from decimal import Decimal
from typing import Any, cast

import pytest

from keeper.clock import TestClock
from keeper.ledger import Books
from keeper.model.venue_records import Fill, FundingPayment
from keeper.reconciliation.collector import HOUR_MS, Collector
from keeper.seats import Seat

VENUE = "0x" + "5e" * 20
EIGHT = 1_770_379_200_000 // (8 * HOUR_MS) * (8 * HOUR_MS)
"""An instant at which every interval ends."""


class OneFill:
    """Books of a seat with one fill, ten minutes after the instant, and no funding."""

    def fills(self, venue: str) -> list[Fill]:
        fill = Fill(
            venue=venue,
            coin="BTC",
            side="buy",
            price=Decimal(1),
            size=Decimal(1),
            time_ms=EIGHT + 600_000,
            start_position=Decimal(0),
            fee=0,
            closed_pnl=0,
            oid=1,
            tid=1,
            cloid=None,
            crossed=True,
        )
        return [fill]

    def fundings(self, venue: str) -> list[Any]:
        return []


class Every:
    """Settles each `hours`."""

    def __init__(self, hours: int) -> None:
        self.hours = hours

    def oracle_for(self, venue: str, coin: str, time_ms: int, payment: FundingPayment | None) -> Decimal | None:
        return Decimal(1)

    def interval_ms(self, venue: str, coin: str) -> int:
        return self.hours * HOUR_MS


class Asked:
    """An account that counts the questions for rates."""

    def __init__(self) -> None:
        self.times = 0

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[Any]:
        self.times += 1
        return []

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("hours", "after", "asked"), [(1, 0.9, 0), (1, 1.1, 1), (4, 3.9, 0), (4, 4.1, 1), (8, 7.9, 0), (8, 8.1, 1)]
)
async def test_a_rate_is_asked_for_once_the_venue_has_settled(hours: int, after: float, asked: int) -> None:
    account = Asked()
    seat = Seat(
        venue=VENUE,
        name="seat",
        tier=2,
        base_target_bps=0,
        account=cast(Any, account),
        market=cast(Any, account),
        execution=cast(Any, account),
    )
    collector = Collector(
        seats=[seat],
        books=cast(Books, OneFill()),
        append=lambda *_: 0,
        oracles=Every(hours),
        clock=TestClock(EIGHT + round(after * HOUR_MS)),
    )
    await collector.funding(seat)
    assert account.times == asked
