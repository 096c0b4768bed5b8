"""Hostile answers through ccxt's own classes and our records: a seat's real answers in each dialect, bent by chance.

Whatever comes back from a read is a record whose numbers mean something, or an error of ours; a command is Confirmed,
Refused or Unknown, and never claims more than was asked for.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.clock import LiveClock, TestClock
from keeper.errors import PrimeError
from keeper.market_data.checks import book_fault, context_fault
from keeper.model.events import LegIntent
from keeper.model.events import TimeInForce as TimeInForceName
from keeper.venues.base import (
    Book,
    BookUpdate,
    Confirmed,
    MarketContext,
    Refused,
    StreamEvent,
    Unknown,
    Unreadable,
)
from keeper.venues.ccxt_adapter import execution, read_client, stream
from keeper.venues.ccxt_adapter.execution import CcxtClient
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument
from keeper.venues.ccxt_adapter.outcomes import LAST, Answer
from keeper.venues.resting import OrderTicket, RestingOrder
from keeper.venues.simulated.dialects.aster.app import aster
from keeper.venues.simulated.dialects.aster.errors import AsterError
from keeper.venues.simulated.dialects.aster.private import Private
from keeper.venues.simulated.dialects.aster.public import Public
from keeper.venues.simulated.dialects.aster.publisher import AsterPublisher
from keeper.venues.simulated.dialects.aster.signing import Signed
from keeper.venues.simulated.dialects.paradex.app import paradex
from keeper.venues.simulated.dialects.paradex.publisher import ParadexPublisher
from keeper.venues.simulated.dialects.paradex.rest import Rest
from keeper.venues.simulated.dialects.paradex.signing import Authority, Owner
from keeper.venues.simulated.engine import EngineOptions
from keeper.venues.simulated.orders import OrderRequest, TimeInForce
from keeper.venues.simulated.server.world import World
from keeper.venues.simulated.tape.recording import load
from tests.unit.venues_hyperliquid.test_fuzz import TEXTS, VALUES, leaves

VENUE = "0x" + "5e" * 20
SEAT = "0x" + "a" * 40
NOON = 1_770_379_200_000
COINS = ("BTC", "DOGE")
SIZE = Decimal(5_000)
READS = ("contexts", "book", "fills", "funding", "funding_rates", "ledger", "state", "fees", "status", "now_ms",
         "open_orders", "instruments")  # fmt: skip
MARKETS = ("markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "codes")
"""Where ccxt keeps what it has learnt of them."""


def bent(text: str, dice: random.Random) -> str:
    """Up to three things replaced, removed, renamed or doubled; then perhaps cut short, or no JSON at all."""
    value = json.loads(text)
    for _ in range(dice.randint(1, 3)):
        paths = leaves(value)
        if not paths:
            break
        *way, last = dice.choice(paths)
        holder = value
        for step in way:
            holder = holder[step]
        kind = dice.choice(["replace", "replace", "remove", "rename", "double"])
        if kind == "replace":
            holder[last] = dice.choice([*TEXTS, *VALUES])
        elif kind == "remove":
            del holder[last]
        elif kind == "rename" and isinstance(last, str):
            holder[last + "X"] = holder.pop(last)
        elif isinstance(holder, list):
            holder.insert(last, holder[last])
    made = json.dumps(value)
    return made if dice.random() < 0.85 else made[: dice.randrange(len(made) + 1)]


class Rig:
    """The adapter on ccxt's class, whose answers come from the dialect without a wire; a set `dice` bends them."""

    def __init__(self, dialect: str, turn_into: Callable[[World], Any]) -> None:
        self.clock = TestClock(NOON + 1_000)
        self.world = World(load(), self.clock, EngineOptions(seed=7))
        turn_into(self.world)
        self.world.venue.freeze(True)
        self.world.fund(SEAT, 100_000 * 10**6)
        self.client = CcxtClient(dialect, VENUE, self.clock, opened_ms=NOON, coins=COINS, rate_limit=False)
        self.client.exchange.request = self.client.feed.request = self.request
        self.dice: random.Random | None = None

    def answer(self, method: str, path: str, params: dict[str, str]) -> Any:
        raise NotImplementedError

    async def request(
        self, path: str, api: object = None, method: str = "GET", params: Mapping[str, Any] = {}, config: object = None
    ) -> Any:
        exchange = self.client.exchange
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
        text = msgspec.json.encode(self.answer(method, exchange.implode_params(path, params), texts)).decode()
        if self.dice is not None and self.dice.random() < 0.6:
            text = bent(text, self.dice)
        LAST.set(Answer(200, text))
        found = exchange.parse_json(text) if exchange.is_json_encoded_object(text) else None
        exchange.handle_errors(200, "OK", path, method, {}, text, found, {}, "")
        return found if found is not None else text

    async def trade(self, side: str) -> None:
        """One order of `SIZE` that takes from the book."""
        raise NotImplementedError

    def frame(self) -> str:
        """A frame of the socket with DOGE's book."""
        raise NotImplementedError

    async def prepare(self) -> None:
        """Some fills and an open order to read."""
        await self.client.start()
        for side in ("buy", "buy", "sell"):
            await self.trade(side)
        self.leave_open("0x" + f"{10_000:032x}")

    def leave_open(self, cloid: str) -> None:
        """An order in the book under that id."""
        market = self.world.venue.market_of("DOGE")
        assert market is not None
        price = market.levels(asks=False)[-1].price
        self.world.venue.place(SEAT, OrderRequest(market.spec, True, price, 5_000, TimeInForce.GTC, False, cloid))
        self.world.publish()


class AsterRig(Rig):
    def __init__(self) -> None:
        super().__init__("aster", aster)
        publisher = self.world.hub
        assert isinstance(publisher, AsterPublisher)
        self.public = Public(publisher)
        self.private = Private(publisher, self.public)

    def answer(self, method: str, path: str, params: dict[str, str]) -> Any:
        name = path.partition("/")[2]
        if method == "GET" and self.public.knows(name):
            return self.public.answer(name, params)
        try:
            return self.private.answer(method, name, Signed(SEAT, params)) if self.private.knows(method, name) else {}
        except AsterError as error:
            return {"code": error.code, "msg": error.text}

    async def trade(self, side: str) -> None:
        book = await self.client.book("DOGE")
        price = book.asks[-1][0] if side == "buy" else book.bids[-1][0]
        outcome = await self.client.submit(leg(side, price, "0x" + f"{len(self.client.sent) + 1:032x}"))
        assert isinstance(outcome, Confirmed), outcome
        assert outcome.filled == SIZE

    def frame(self) -> str:
        market, hub = self.world.venue.market_of("DOGE"), self.world.hub
        assert market is not None
        assert isinstance(hub, AsterPublisher)
        data = hub._market(market, "depth", "depth20", NOON)
        return json.dumps({"stream": "dogeusdt@depth20", "data": data})


class ParadexRig(Rig):
    """Its orders are signed with what takes a sixth of a second each, so that they are placed behind the wire."""

    def __init__(self) -> None:
        super().__init__("paradex", paradex)
        publisher = self.world.hub
        assert isinstance(publisher, ParadexPublisher)
        self.rest = Rest(publisher, Authority(LiveClock()))
        self.client.exchange.authenticate_rest = self._authenticated

    async def _authenticated(self, *_: object) -> str:
        return "a token"

    def answer(self, method: str, path: str, params: dict[str, str]) -> Any:
        with suppress(KeyError):
            return self.rest.public(path, params)
        return self.rest.private(Owner("0x1", 1, SEAT), path, params)

    async def trade(self, side: str) -> None:
        market = self.world.venue.market_of("DOGE")
        assert market is not None
        cloid, buys = "0x" + f"{len(self.client.sent) + 1:032x}", side == "buy"
        price = market.levels(asks=buys)[-1].price
        self.world.venue.place(SEAT, OrderRequest(market.spec, buys, price, 5_000, TimeInForce.IOC, False, cloid))
        self.world.publish()
        self.client.sent[cloid] = "DOGE"

    def frame(self) -> str:
        market, hub = self.world.venue.market_of("DOGE"), self.world.hub
        assert market is not None
        assert isinstance(hub, ParadexPublisher)
        channel = self.client.feed.get_order_book_channel("DOGE-USD-PERP")
        params = {"channel": channel, "data": hub._book(market, NOON)}
        return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


RIGS: dict[str, Callable[[], Rig]] = {"aster": AsterRig, "paradex": ParadexRig}


def leg(side: str, price: Decimal, cloid: str) -> LegIntent:
    return LegIntent(
        digest="0x" + "01" * 32,
        leg=0,
        attempt=0,
        cloid=cloid,
        venue=VENUE,
        coin="DOGE",
        side="buy" if side == "buy" else "sell",
        size=SIZE,
        limit_price=price,
        expires_ms=NOON + 3_600_000,
        nonce=1,
        at_ms=NOON,
    )


@pytest.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    async def once(read: Any) -> Any:
        return await read()

    monkeypatch.setattr(read_client, "read_with_retries", once)
    made = RIGS[request.param]()
    await made.prepare()
    yield made
    await made.client.close()


def numbers(value: Any) -> list[Decimal | int]:
    """Every number anywhere in a record."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, msgspec.Struct):
        return numbers([getattr(value, name) for name in value.__struct_fields__])
    if is_dataclass(value):
        return numbers([getattr(value, item.name) for item in fields(value)])
    if isinstance(value, Mapping):
        return numbers(list(value.values()))
    return [found for item in value for found in numbers(item)] if isinstance(value, list | tuple) else []


async def read(client: CcxtClient, name: str) -> Any:
    match name:
        case "book":
            return await client.book("DOGE")
        case "instruments":
            return await instruments(client)
        case "status":
            return await client.status(next(iter(client.sent)))
        case "funding_rates":
            return await client.funding_rates("DOGE", NOON)
        case "fills" | "funding" | "ledger":
            return await getattr(client, name)(NOON)
    return await getattr(client, name)()


async def instruments(client: CcxtClient) -> Any:
    """Learnt anew by both exchanges, which know the true ones again afterwards."""
    exchanges = (client.exchange, client.feed)
    known = [{name: getattr(exchange, name) for name in MARKETS} for exchange in exchanges]
    for exchange in exchanges:
        exchange.markets = exchange.markets_by_id = exchange.markets_loading = None
    try:
        return await client.instruments()
    finally:
        for exchange, learnt in zip(exchanges, known, strict=True):
            vars(exchange).update(learnt)
            exchange.markets_loading, exchange.reloading_markets = None, False


@pytest.mark.parametrize("name", READS)
async def test_unbent_answers_are_understood(rig: Rig, name: str) -> None:
    found = await read(rig.client, name)
    assert found is not None
    assert name in ("funding", "funding_rates") or numbers(found)


@pytest.mark.parametrize("name", READS)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(seed=st.integers(0, 2**32))
async def test_a_bent_answer_is_a_record_that_means_something_or_an_error(rig: Rig, name: str, seed: int) -> None:
    rig.dice = random.Random(seed)
    try:
        found = await read(rig.client, name)
    except PrimeError:
        return  # any other exception fails the test
    finally:
        rig.dice = None
    for number in numbers(found):
        assert abs(number) < 10**40 if isinstance(number, int) else number.is_finite() and abs(number.adjusted()) <= 30
    match found:
        case Book():
            book_fault(found)
            assert all(price > 0 and size > 0 for price, size in (*found.bids, *found.asks))
        case dict():
            for context in found.values():
                assert isinstance(context, MarketContext)
                context_fault(context)
        case [*items]:
            for item in items:
                assert not isinstance(item, RestingOrder) or (0 <= item.left <= item.size and item.limit_price > 0)
                assert not isinstance(item, FixedStepInstrument) or min(item.step, item.tick, item.contract_size) > 0


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("rig", ["aster"], indirect=True)
async def test_a_bent_answer_to_a_command_claims_no_more_than_was_asked(rig: Rig, seed: int) -> None:
    price = (await rig.client.book("DOGE")).asks[-1][0]
    wanted = leg("buy", price, "0x" + f"{len(rig.client.sent) + 100:032x}")
    rig.dice = random.Random(seed)
    try:
        outcome = await rig.client.submit(wanted)
    finally:
        rig.dice = None
    assert isinstance(outcome, Confirmed | Refused | Unknown)
    if isinstance(outcome, Confirmed):
        assert 0 <= outcome.filled <= wanted.size


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32), tif=st.sampled_from(["gtc", "alo"]))
@pytest.mark.parametrize("rig", ["aster"], indirect=True)
async def test_a_bent_answer_to_an_order_that_rests_or_its_cancel_claims_nothing_more(
    rig: Rig, seed: int, tif: TimeInForceName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "ASK_EVERY_S", 0.0)
    price = (await rig.client.book("DOGE")).bids[-1][0]
    cloid = "0x" + f"{len(rig.client.sent) + 1_000:032x}"
    ticket = OrderTicket(cloid=cloid, coin="DOGE", side="buy", size=SIZE, limit_price=price, time_in_force=tif)
    rig.dice = random.Random(seed)
    try:
        placed = await rig.client.place(ticket)
        gone = await rig.client.cancel("DOGE", cloid=cloid)
    finally:
        rig.dice = None
    for outcome in (placed, gone):
        assert isinstance(outcome, Confirmed | Refused | Unknown)
        assert not isinstance(outcome, Confirmed) or 0 <= outcome.filled <= SIZE
    rests = any(order.cloid == cloid for order in await rig.client.open_orders())
    assert not (rests and isinstance(gone, Confirmed))
    assert not (rests and isinstance(placed, Refused))
    if rests:
        assert isinstance(await rig.client.cancel("DOGE", cloid=cloid), Confirmed)


async def heard(rig: Rig, frame: str, monkeypatch: pytest.MonkeyPatch) -> tuple[StreamEvent | None, str]:
    """What the stream makes of one frame: its event if it has one, and why its channel ended if it did."""
    feed, frames = rig.client.feed, [frame]

    async def watch(url: str, hashes: str | list[str], *_: object) -> Any:
        socket = feed.client(url)
        future = socket.future(hashes if isinstance(hashes, str) else hashes[0])
        if frames:
            socket.handle_text_or_binary_message(frames.pop())
        return await future

    monkeypatch.setattr(feed, "watch", watch)
    monkeypatch.setattr(feed, "watch_multiple", watch)
    queue: asyncio.Queue[StreamEvent] = asyncio.Queue()
    channel = asyncio.create_task(stream._books(rig.client, "DOGE", queue))
    await asyncio.wait([channel], timeout=0.02)
    ended = ""
    if channel.done():
        failure = channel.exception()
        assert isinstance(failure, PrimeError), repr(failure)
        ended = str(failure)
    channel.cancel()
    await asyncio.gather(channel, return_exceptions=True)
    await feed.close_ws_clients()
    return (None if queue.empty() else queue.get_nowait()), ended


async def test_a_book_frame_that_is_whole_is_the_book(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    event, ended = await heard(rig, rig.frame(), monkeypatch)
    assert isinstance(event, BookUpdate)
    assert not ended
    whole = await rig.client.book("DOGE")
    assert list(event.book.bids) == list(whole.bids)[: len(event.book.bids)]
    assert event.book.time_ms == NOON


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32))
async def test_a_bent_book_frame_is_a_book_that_may_be_true_or_unreadable_or_nothing(
    rig: Rig, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all, too: whoever waits for the next book of a silent channel sees it grow old."""
    event, ended = await heard(rig, bent(rig.frame(), random.Random(seed)), monkeypatch)
    match event:
        case BookUpdate(book=book):
            assert book.coin == "DOGE"
            assert all(price > 0 and size > 0 for price, size in (*book.bids, *book.asks))
            assert not (book.bids and book.asks) or book.bids[0][0] < book.asks[0][0]
            book_fault(book)
        case Unreadable():
            assert event.channel == "book"
            assert event.coin == "DOGE"
            assert event.reason
        case _:
            assert event is None
            assert not ended or "unreadable" not in ended
