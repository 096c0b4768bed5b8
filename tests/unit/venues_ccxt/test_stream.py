"""The stream of the ccxt adapter, with what it watches in the test's hands."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from keeper.clock import LiveClock
from keeper.venues.base import Connected, ContextUpdate, MarketContext
from keeper.venues.ccxt_adapter.read_client import CcxtReadClient

COIN = "BTC"
CONTEXT = MarketContext(coin=COIN, mark=Decimal(100), oracle=Decimal(100), funding=Decimal(0))


class Scripted(CcxtReadClient):
    """Its books are silent; its contexts come when the test says so."""

    def __init__(self) -> None:
        super().__init__("paradex", "0x" + "5e" * 20, LiveClock(), opened_ms=0, coins=(COIN,))
        self.news = asyncio.Event()

    def item(self, coin: str) -> Any:
        return None

    async def once(self, exchange: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        await asyncio.Event().wait()

    async def contexts(self) -> dict[str, MarketContext]:
        await self.news.wait()
        return {COIN: CONTEXT}


@pytest.mark.parametrize("steps", range(8))
async def test_a_stream_cancelled_as_an_event_comes_still_ends(steps: int) -> None:
    """`steps` of the loop lie between the event and the cancellation: none of them may hide it."""
    client, seen = Scripted(), list[object]()

    async def read() -> None:
        async for event in client.stream([COIN]):
            seen.append(event)

    try:
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        client.news.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        done, _ = await asyncio.wait({reading}, timeout=2)
        assert done
        assert reading.cancelled()
        assert len(seen) <= 2
        assert all(isinstance(event, Connected | ContextUpdate) for event in seen)
    finally:
        await client.close()
