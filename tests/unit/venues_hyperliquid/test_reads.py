"""Reads over a socket: what is retried, what is refused, and how pages are put together."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from keeper.errors import IntegrityError, UnknownOutcome, VenueError
from keeper.monitoring.metrics import registry
from keeper.venues.hyperliquid import read_client
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from tests.unit.venues_hyperliquid.conftest import recorded

ACCOUNT = "0x" + "AA" * 20
VENUE = "0x" + "11" * 20


def client_at(url: str) -> HyperliquidReadClient:
    return HyperliquidReadClient(url, ACCOUNT, VENUE)


async def test_a_read_is_repeated_until_it_is_answered(serve: Any) -> None:
    answers = iter([429, 502, 200])

    async def info(_: web.Request) -> web.Response:
        status = next(answers)
        return web.Response(status=status, text='{"time": 5, "specialStatuses": null}' if status == 200 else "null")

    async with client_at(await serve({"/info": info})) as client:
        assert await client.now_ms() == 5


async def test_a_refused_read_is_not_repeated(serve: Any) -> None:
    calls: list[int] = []

    async def info(_: web.Request) -> web.Response:
        calls.append(1)
        return web.Response(status=422, text="Failed to deserialize the JSON body into the target type")

    async with client_at(await serve({"/info": info})) as client:
        with pytest.raises(VenueError, match="Failed to deserialize"):
            await client.now_ms()
    assert len(calls) == 1


async def test_a_venue_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeper.venues.transport.READ_ATTEMPTS", 2)
    async with client_at("http://127.0.0.1:1") as client:
        with pytest.raises(UnknownOutcome, match=r"http://127\.0\.0\.1:1/info"):
            await client.now_ms()


async def test_an_answer_of_another_shape_is_not_understood(serve: Any) -> None:
    async def info(_: web.Request) -> web.Response:
        return web.json_response([{"coin": "BTC"}])

    async with client_at(await serve({"/info": info})) as client:
        with pytest.raises(UnknownOutcome, match="userFillsByTime: not the record it should be"):
            await client.fills(0)


async def test_an_unknown_coin_has_no_book(serve: Any) -> None:
    async def info(_: web.Request) -> web.Response:
        return web.json_response(None)

    async with client_at(await serve({"/info": info})) as client:
        with pytest.raises(VenueError, match="NOPE"):
            await client.book("NOPE")


async def test_the_seats_own_address_is_asked_for_in_lower_case(serve: Any) -> None:
    asked: list[dict[str, Any]] = []

    async def info(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({"status": "unknownOid"})

    async with client_at(await serve({"/info": info})) as client:
        assert await client.status("0x01") is None
    assert asked == [{"type": "orderStatus", "user": ACCOUNT.lower(), "oid": "0x01"}]


class FillVenue:
    """Serves fills as the venue does: inclusive range, oldest first, at most `cap`."""

    def __init__(self, times: list[int], cap: int) -> None:
        template = recorded("userFillsByTime.go.UserFillsByTime")[0]
        self.rows = [template | {"time": time, "tid": tid} for tid, time in enumerate(times)]
        self.cap = cap
        self.calls = 0

    async def info(self, request: web.Request) -> web.Response:
        self.calls += 1
        asked = await request.json()
        end = asked.get("endTime", 10**15)
        rows = [row for row in self.rows if asked["startTime"] <= row["time"] <= end]
        return web.json_response(rows[: self.cap])


@pytest.mark.parametrize(
    ("times", "cap"),
    [
        ([1, 2, 3], 3),
        ([1, 2, 3, 4, 5, 6, 7], 3),
        ([1, 2, 2, 3, 3, 4, 5], 3),
        ([5, 5, 6, 6, 7, 7, 8, 8], 4),
        ([], 3),
    ],
)
async def test_pages_are_joined_without_loss_or_repeat(
    serve: Any, monkeypatch: pytest.MonkeyPatch, times: list[int], cap: int
) -> None:
    monkeypatch.setattr(read_client, "FILLS_PER_PAGE", cap)
    venue = FillVenue(times, cap)
    async with client_at(await serve({"/info": venue.info})) as client:
        assert [fill.tid for fill in await client.fills(0)] == list(range(len(times)))
        assert [fill.time_ms for fill in await client.fills(3, 5)] == [time for time in times if 3 <= time <= 5]


async def test_more_rows_at_one_instant_than_a_page_holds_are_not_lost_silently(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_client, "FILLS_PER_PAGE", 2)
    async with client_at(await serve({"/info": FillVenue([5, 5, 5], 2).info})) as client:
        with pytest.raises(IntegrityError, match="at 5"):
            await client.fills(5)


async def test_rows_out_of_order_are_refused(serve: Any) -> None:
    async with client_at(await serve({"/info": FillVenue([5, 4], 2000).info})) as client:
        with pytest.raises(IntegrityError, match="oldest first"):
            await client.fills(0)


async def test_long_reports_never_hold_up_light_reads(serve: Any) -> None:
    async def info(request: web.Request) -> web.Response:
        kind = (await request.json())["type"]
        return web.json_response({"time": 5, "specialStatuses": None} if kind == "exchangeStatus" else [])

    client = HyperliquidReadClient(await serve({"/info": info}), ACCOUNT, VENUE, weight_per_minute=80)
    async with client, asyncio.timeout(5):
        for _ in range(3):
            await client.fills(0)  # 3 × 20 of the 60 that reports may weigh
        waiting = asyncio.create_task(client.fills(0))
        assert await client.now_ms() == 5
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_every_call_leaves_its_latency_by_what_came_of_it(serve: Any) -> None:
    answers = iter([500, 200, 403])

    async def info(_: web.Request) -> web.Response:
        return web.Response(status=next(answers), text='{"time": 5}')

    url = await serve({"/info": info})
    async with client_at(url) as client:
        await client.now_ms()
        with pytest.raises(VenueError):
            await client.now_ms()

    def count(result: str) -> float | None:
        labels = {"venue": url.removeprefix("http://"), "call": "exchangeStatus", "result": result}
        return registry.get_sample_value("prime_venue_latency_seconds_count", labels)

    assert (count("ok"), count("unknown"), count("refused")) == (1, 1, 1)


async def test_an_answer_without_end_is_not_read_to_its_end(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeper.venues.transport.READ_ATTEMPTS", 1)
    monkeypatch.setattr("keeper.venues.transport.LARGEST_BODY", 100_000)

    async def info(_: web.Request) -> web.Response:
        return web.Response(body=b" " * 1_000_000)

    async with client_at(await serve({"/info": info})) as client:
        with pytest.raises(UnknownOutcome, match="more than 100000 bytes"):
            await client.now_ms()
