"""Every fault on order, over real sockets, and that the venue's books add up after each."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action
from hyperliquid.utils.types import Cloid


@pytest.fixture(autouse=True)
def books_add_up(served: Any) -> Iterator[None]:
    yield
    served.admin("clear_faults", all=True)
    assert served.admin("state")["conservation"]["difference"] == 0


_nonce = 0


def noop(wallet: Any) -> dict[str, Any]:
    global _nonce  # noqa: PLW0603 - each request needs a new one
    _nonce = max(_nonce + 1, get_timestamp_ms())
    action = {"type": "noop"}
    signature = sign_l1_action(wallet, action, None, _nonce, None, False)
    return {"action": action, "nonce": _nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}


def status(answer: tuple[int, str]) -> str:
    return str(json.loads(answer[1])["status"])


@pytest.mark.parametrize(
    ("kind", "answer", "processed"),
    [
        ("too_many", (429, "null"), False),
        ("error", (503, "Service Unavailable"), False),
        ("error_after", (503, "Service Unavailable"), True),
    ],
)
def test_refusals_and_errors_before_and_after_acceptance(
    served: Any, keys: Any, kind: str, answer: tuple[int, str], processed: bool
) -> None:
    served.admin("fault", kind=kind)
    body = noop(keys[0])
    assert served.post("/exchange", body) == answer
    again = json.loads(served.post("/exchange", body)[1])
    assert ("duplicate nonce" in str(again["response"])) == processed


@pytest.mark.parametrize(("kind", "processed"), [("drop_request", False), ("drop_ack", True)])
def test_lost_requests_and_lost_answers(served: Any, keys: Any, kind: str, processed: bool) -> None:
    served.admin("fault", kind=kind)
    body = noop(keys[0])
    with pytest.raises(OSError, match=r"closed connection|reset"):
        served.post("/exchange", body)
    assert ("duplicate nonce" in served.post("/exchange", body)[1]) == processed


def test_duplicated_request_is_processed_twice_and_refused_the_second_time(served: Any, keys: Any) -> None:
    before = served.info(type="userRateLimit", user=keys[0].address)["nRequestsUsed"]
    served.admin("fault", kind="duplicate")
    assert status(served.post("/exchange", noop(keys[0]))) == "ok"
    assert served.info(type="userRateLimit", user=keys[0].address)["nRequestsUsed"] == before + 1


def test_reordered_request_is_processed_after_the_next(served: Any, keys: Any) -> None:
    served.admin("fault", kind="reorder", ms=5_000)
    body = noop(keys[0])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(served.post, "/exchange", body)
        time.sleep(0.3)
        second = pool.submit(served.post, "/exchange", body)
        assert status(second.result(10)) == "ok"
        assert "duplicate nonce" in first.result(10)[1], "the first was processed when the second had been"


def test_half_open_request_is_never_answered(served: Any, keys: Any) -> None:
    served.admin("fault", kind="half_open", ms=700)
    asked = time.monotonic()
    body = noop(keys[0])
    with pytest.raises(OSError, match=r"closed connection|reset"):
        served.post("/exchange", body)
    assert time.monotonic() - asked >= 0.6
    assert status(served.post("/exchange", body)) == "ok"


def test_other_paths_fail_when_they_are_named(served: Any) -> None:
    served.admin("fault", kind="error", path="/info", count=2)
    assert [served.post("/info", {"type": "exchangeStatus"})[0] for _ in range(3)] == [503, 503, 200]


def test_caller_s_weight_is_limited_when_asked_to(served: Any) -> None:
    served.admin("venue", ip_weight=100)
    try:
        answers = [served.post("/info", {"type": "meta"})[0] for _ in range(6)]
        assert answers == [200] * 5 + [429]
    finally:
        served.admin("venue", ip_weight=0)
    assert served.post("/info", {"type": "meta"})[0] == 200


async def test_sockets_of_an_address_are_limited_when_asked_to(start: Any) -> None:
    """Ten at a time, thirty new a minute, a thousand subscriptions and 2,000 messages a minute over all of them."""
    served = start()
    await order_fault(served, "venue", socket_limits=True)
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(served.url + "/ws") for _ in range(10)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(served.url + "/ws")
        assert refused.value.status == 429
        users = [f"0x{number:040x}" for number in range(16)]
        for number, user in enumerate(users):
            wanted = {"type": "userEvents", "user": user}
            await sockets[number % 2].send_json({"method": "subscribe", "subscription": wanted})
            answer = await sockets[number % 2].receive_json(timeout=5)
            assert (answer["channel"] == "error") == (number == 15), answer
        assert answer["data"] == "Cannot track more than 15 total users."
        for _ in range(2_000 - 16):
            await sockets[2].send_str('{"method":"ping"}')
        for _ in range(2_000 - 16):
            assert (await sockets[2].receive(timeout=10)).data == '{"channel":"pong"}'
        await sockets[3].send_str('{"method":"ping"}')
        assert (await sockets[3].receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        for socket in sockets:
            await socket.close()
        for _ in range(20):
            await (await session.ws_connect(served.url + "/ws")).close()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(served.url + "/ws")


class Listener:
    """One socket listening to BTC's book."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def next(self, seconds: float = 5) -> Any:
        while True:
            message = await self._socket.receive_json(timeout=seconds)
            if message["channel"] == "l2Book":
                return message["data"]

    async def listen(self, seconds: float) -> None:
        """TimeoutError once nothing came for so long."""
        while True:
            await self.next(seconds)


async def with_book(served: Any, session: Any) -> tuple[Any, Listener]:
    socket = await session.ws_connect(served.url + "/ws")
    await socket.send_json({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}})
    listener = Listener(socket)
    await listener.next()
    return socket, listener


async def order_fault(served: Any, name: str, **body: Any) -> None:
    await asyncio.to_thread(served.admin, name, **body)


async def test_messages_are_dropped_doubled_swapped_and_repeated(served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        _, listener = await with_book(served, session)
        await order_fault(served, "fault", kind="ws_duplicate", channel="l2Book")
        times = [(await listener.next())["time"] for _ in range(4)]
        assert len(set(times)) == 3
        await order_fault(served, "fault", kind="ws_reorder", channel="l2Book")
        times = [(await listener.next())["time"] for _ in range(4)]
        assert times != sorted(times)
        await order_fault(served, "fault", kind="ws_repeat_old", channel="l2Book")
        times = [(await listener.next())["time"] for _ in range(4)]
        assert times != sorted(times)
        await order_fault(served, "fault", kind="ws_drop", channel="l2Book", count=2)
        times = [times[-1], *[(await listener.next())["time"] for _ in range(4)]]
        assert max(later - earlier for earlier, later in pairwise(times)) >= 1_400


async def test_socket_goes_silent_or_closes_or_its_books_stand_still(served: Any) -> None:
    async with aiohttp.ClientSession() as session:
        _, listener = await with_book(served, session)
        await order_fault(served, "venue", stale=True)
        await asyncio.sleep(0.3)
        with pytest.raises(asyncio.TimeoutError):
            await listener.listen(1.5)
        await order_fault(served, "venue", stale=False)
        await listener.next()
    async with aiohttp.ClientSession() as session:
        socket, listener = await with_book(served, session)
        await order_fault(served, "fault", kind="ws_half_open")
        with pytest.raises(asyncio.TimeoutError):
            await listener.listen(1.5)
        await socket.send_json({"method": "ping"})
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive(timeout=1)
        assert not socket.closed
    async with aiohttp.ClientSession() as session:
        socket, _ = await with_book(served, session)
        await order_fault(served, "fault", kind="ws_close")
        while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


def test_markets_halt_and_cap_over_the_admin_port(served: Any) -> None:
    served.admin("market", coin="DYDX", halted=True, oracle_lag_ms=1_000, depth=0.5, oi_cap_usdc="1")
    assert served.info(type="perpsAtOpenInterestCap") == ["DYDX"]
    served.admin("market", coin="DYDX", halted=False, oracle_lag_ms=0, depth=1, oi_cap_usdc="")
    assert served.info(type="perpsAtOpenInterestCap") == []


def test_clock_goes_wrong_and_then_waits_for_the_others(start: Any) -> None:
    """A venue's time never runs backwards: put right again, it stands still until the right time has caught up."""
    served = start()
    served.admin("venue", skew_ms=30_000)
    ahead = served.info(type="exchangeStatus")["time"]
    assert ahead - time.time() * 1000 > 25_000
    served.admin("venue", skew_ms=0)
    later = served.info(type="exchangeStatus")["time"]
    assert ahead <= later < ahead + 1_000


def test_order_is_found_by_its_client_id_only_after_a_while(served: Any, keys: Any) -> None:
    exchange, cloid = Exchange(keys[0], served.url), Cloid.from_int(99)
    served.admin("venue", status_lag_ms=800)
    exchange.order("SOL", True, 1, 30, {"limit": {"tif": "Gtc"}}, cloid=cloid)
    assert exchange.info.query_order_by_cloid(keys[0].address, cloid) == {"status": "unknownOid"}
    time.sleep(1)
    assert exchange.info.query_order_by_cloid(keys[0].address, cloid)["status"] == "order"
    served.admin("venue", status_lag_ms=0)
    exchange.cancel_by_cloid("SOL", cloid)


def test_adl_on_command_closes_a_position_at_the_mark(served: Any, keys: Any) -> None:
    user = keys[0].address
    Exchange(keys[0], served.url).market_open("LINK", True, 10)
    assert served.admin("adl", account=user, coin="LINK", size="4") == {"closed": "4.0"}
    fill = served.info(type="userFills", user=user)[0]
    assert (fill["dir"], fill["sz"], fill["fee"]) == ("Auto-Deleveraging", "4.0", "0.0")
    assert served.admin("adl", account=user, coin="LINK") == {"closed": "6.0"}
