"""An hour passes at the venue: what the stream saw of the oracle, held against what was paid."""

import asyncio
from decimal import Decimal

from keeper.market_data import implied_oracle
from keeper.market_data.oracle import paid_at
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import Desk, signed

HOUR_MS = 3_600_000


async def test_the_oracle_seen_at_the_instant_explains_the_payment(desk: Desk, sim_venue: SimVenue) -> None:
    await desk.engine.submit(signed(size="1.5"))
    await desk.engine.submit(signed(side=1, size="20", coin="ETH"))
    since = await desk.client.now_ms()
    await asyncio.to_thread(sim_venue.advance, HOUR_MS)
    payments = await desk.client.funding(since)
    assert {payment.coin for payment in payments} == {"BTC", "ETH"}
    async with asyncio.timeout(5):
        while not passed(desk, sim_venue.venue_id, since + HOUR_MS):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    for payment in payments:
        rates = await desk.client.funding_rates(payment.coin, since)
        assert payment.rate in {rate.rate for rate in rates}
        seen = desk.market.oracle_at(sim_venue.venue_id, payment.coin, payment.time_ms)
        assert seen is not None
        assert paid_at(payment.size, seen, payment.rate) == payment.amount
        instrument = desk.market.instrument(sim_venue.venue_id, payment.coin)
        assert instrument is not None
        tick = Decimal(1).scaleb(instrument.size_decimals - 6)
        paid = implied_oracle(payment.amount, payment.size, payment.rate, near=seen * Decimal("1.01"), tick=tick)
        assert paid is not None
        assert paid_at(payment.size, paid, payment.rate) == payment.amount


def passed(desk: Desk, venue: str, time_ms: int) -> bool:
    """Whether the stream has shown a book of both coins from that time on."""
    books = [desk.market.book(venue, coin) for coin in ("BTC", "ETH")]
    return all(book is not None and book.time_ms >= time_ms for book in books)
