"""Commands over the WebSocket: one write each, what an answer or its absence means, and when HTTP takes over."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import WSMsgType, web

from keeper.venues.base import Confirmed, Outcome, Refused, Unknown
from keeper.venues.limits import IpLimit
from tests.unit.venues_hyperliquid.test_commands import LEG, META
from tests.unit.venues_hyperliquid.test_resting import TICKET, client_of

RESTING = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 9}}]}}}
Reply = Callable[[web.WebSocketResponse, int], Awaitable[None]]


def posted(number: int, payload: Any, kind: str = "action") -> str:
    return json.dumps({"channel": "post", "data": {"id": number, "response": {"type": kind, "payload": payload}}})


class Venue:
    """Keeps what comes over each of the two ways; `reply` answers posts."""

    def __init__(self) -> None:
        self.by_socket: list[dict[str, Any]] = []
        self.by_http: list[dict[str, Any]] = []
        self.reply: Reply = self.accept
        self.sockets = 0

    async def accept(self, socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_str(posted(number, RESTING))

    async def on_info(self, request: web.Request) -> web.Response:
        return web.json_response(META)

    async def on_exchange(self, request: web.Request) -> web.Response:
        self.by_http.append(await request.json())
        return web.json_response(RESTING)

    async def on_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets += 1
        await socket.send_str("Websocket connection established.")
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.json()["method"] == "post":
                posted = message.json()
                assert posted["request"]["type"] == "action"
                self.by_socket.append(posted["request"]["payload"])
                await self.reply(socket, posted["id"])
        return socket


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
async def url(serve: Any, venue: Venue) -> str:
    handlers = {"/info": venue.on_info, "/exchange": venue.on_exchange, "/ws": venue.on_socket}
    found: str = await serve(handlers)
    return found


async def place(url: str, **more: Any) -> Outcome:
    async with client_of(url, socket=True, **more) as client:
        return await client.place(TICKET)


async def test_a_command_goes_over_the_socket_signed_as_over_http(url: str, venue: Venue) -> None:
    assert await place(url) == Confirmed(oid=9, text="resting")
    async with client_of(url) as client:
        await client.place(TICKET)
    (ours,), (theirs,) = venue.by_socket, venue.by_http
    assert ours == theirs


@pytest.mark.parametrize(
    ("payload", "kind", "expected"),
    [
        ({"status": "err", "response": "Order has zero size."}, "action", Refused),
        ("429 Too Many Requests", "error", Unknown),
        ({"neither": 1}, "action", Unknown),
    ],
)
async def test_what_answers_mean(url: str, venue: Venue, payload: Any, kind: str, expected: type) -> None:
    async def answer(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_str("no JSON")
        await socket.send_str(json.dumps({"channel": "l2Book", "data": {}}))
        await socket.send_str(posted(number + 1, RESTING))  # nobody waits for it
        await socket.send_str(posted(number, payload, kind))

    venue.reply = answer
    assert isinstance(await place(url), expected)
    assert not venue.by_http


async def test_answers_find_their_commands_in_any_order(url: str, venue: Venue) -> None:
    waiting: list[int] = []

    async def later(socket: web.WebSocketResponse, number: int) -> None:
        waiting.append(number)
        if len(waiting) == 3:
            for each, body in reversed(list(zip(waiting, venue.by_socket, strict=True))):
                item = {"resting": {"oid": body["nonce"]}}
                answer = {"status": "ok", "response": {"type": "order", "data": {"statuses": [item]}}}
                await socket.send_str(posted(each, answer))

    venue.reply = later
    async with client_of(url, socket=True) as client:
        outcomes = await asyncio.gather(*(client.place(TICKET) for _ in range(3)))
    assert [outcome.oid for outcome in outcomes if isinstance(outcome, Confirmed)] == [1_000, 1_001, 1_002]


async def test_a_connection_lost_before_the_answer_is_unknown_and_nothing_is_sent_again(url: str, venue: Venue) -> None:
    async def hang_up(socket: web.WebSocketResponse, number: int) -> None:
        await socket.close()

    venue.reply = hang_up
    assert isinstance(await place(url), Unknown)
    assert len(venue.by_socket) == 1
    assert not venue.by_http


async def test_an_overdue_answer_is_unknown_and_the_next_command_takes_the_other_way(url: str, venue: Venue) -> None:
    async def silence(socket: web.WebSocketResponse, number: int) -> None:
        """Says nothing."""

    venue.reply = silence
    async with client_of(url, socket=True, command_timeout_s=0.1) as client:
        assert isinstance(await client.place(TICKET), Unknown)
        assert isinstance(await client.place(TICKET), Confirmed)
    assert (len(venue.by_socket), len(venue.by_http)) == (1, 1)


async def test_without_a_socket_commands_go_by_http(serve: Any, venue: Venue) -> None:
    url = await serve({"/info": venue.on_info, "/exchange": venue.on_exchange})
    assert isinstance(await place(url), Confirmed)
    assert len(venue.by_http) == 1


async def test_a_lost_connection_is_made_anew(url: str, venue: Venue) -> None:
    async def hang_up_once(socket: web.WebSocketResponse, number: int) -> None:
        venue.reply = venue.accept
        await socket.close()

    venue.reply = hang_up_once
    async with client_of(url, socket=True) as client:
        assert isinstance(await client.place(TICKET), Unknown)
        for _ in range(100):
            if venue.sockets == 2:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)
        assert isinstance(await client.place(msgspec.structs.replace(TICKET, side="buy")), Confirmed)
    assert len(venue.by_socket) == 2


async def test_an_order_that_cannot_wait_is_on_the_socket_before_its_outcome_is_awaited(url: str, venue: Venue) -> None:
    async with client_of(url, socket=True) as client:
        pending = client.begin(LEG)
        for _ in range(100):
            if venue.by_socket:
                break
            await asyncio.sleep(0.02)
        assert [body["nonce"] for body in venue.by_socket] == [LEG.nonce]
        assert isinstance(await pending, Confirmed)
        unlisted = client.begin(msgspec.structs.replace(LEG, coin="DOGE"))
        assert isinstance(await unlisted, Refused)
    assert len(venue.by_socket) == 1
    assert not venue.by_http


async def test_an_order_waits_for_the_limit_of_its_address(url: str, venue: Venue) -> None:
    limit = IpLimit("v", 60)
    async with client_of(url, socket=True, ip_limit=limit) as client:
        assert limit.take(limit.tokens - 4, "cancel")  # orders leave the last 3 to cancels
        first = client.begin(LEG)
        second = client.begin(LEG)
        await asyncio.sleep(0.2)
        assert len(venue.by_socket) == 1
        assert isinstance(await first, Confirmed)
        assert isinstance(await second, Confirmed)
    assert len(venue.by_socket) == 2
