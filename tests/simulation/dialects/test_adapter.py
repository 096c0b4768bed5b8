"""The generic adapter against both dialects over real sockets: one suite, the same answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from eth_account import Account

from keeper.clock import LiveClock
from keeper.errors import ConfigError, UnknownOutcome, VenueError
from keeper.model.events import LegIntent
from keeper.model.identifiers import client_order_id
from keeper.monitoring import metrics
from keeper.venues.base import (
    BookUpdate,
    Confirmed,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    Refused,
    Unknown,
)
from keeper.venues.ccxt_adapter.exchange import Credentials
from keeper.venues.ccxt_adapter.execution import CcxtClient
from tests.simulation.dialects.conftest import SEAT_KEY, Served

VENUE = "0x" + "5E" * 20
VAULT = "0x" + "aa" * 20
COINS = ("BTC", "ETH", "DOGE")
HOUR_MS = 3_600_000
WAIT_S = 30
_legs = iter(range(1, 60_000))


pytestmark = pytest.mark.xdist_group("dialect_adapter")


@pytest.fixture(scope="module", params=["aster", "paradex"])
def served(request: pytest.FixtureRequest, serve: Callable[..., Served]) -> Served:
    return serve(request.param)


@pytest.fixture
async def client(served: Served) -> AsyncIterator[CcxtClient]:
    found = CcxtClient(
        served.dialect,
        VENUE,
        LiveClock(),
        opened_ms=time.time_ns() // 1_000_000 - HOUR_MS,
        credentials=Credentials(private_key=SEAT_KEY, wallet=Account.from_key(SEAT_KEY).address),
        urls=served.urls()["api"],
        coins=COINS,
        rate_limit=False,
    )
    if served.dialect == "paradex":
        await found.exchange.onboarding()
    async with found:
        yield found


async def leg(client: CcxtClient, side: str, size: str, limit: Decimal, coin: str = "BTC") -> LegIntent:
    number = next(_legs)
    digest = bytes([7]) * 32
    return LegIntent(
        digest="0x" + digest.hex(),
        leg=number,
        attempt=0,
        cloid=client_order_id(VAULT, digest, number, 0),
        venue=client.venue,
        coin=coin,
        side="buy" if side == "buy" else "sell",
        size=Decimal(size),
        limit_price=limit,
        expires_ms=await client.now_ms() + 5_000,
        nonce=client.next_nonce(),
        at_ms=client.clock_ms(),
    )


async def limit(client: CcxtClient, side: str, factor: str = "1.02", coin: str = "BTC") -> Decimal:
    """A price that far through the book, on the tick."""
    book = await client.book(coin)
    price = book.asks[0][0] * Decimal(factor) if side == "buy" else book.bids[0][0] / Decimal(factor)
    return client.item(coin).round_price(price, "buy")


async def trade(client: CcxtClient, side: str, size: str, coin: str = "BTC") -> Confirmed:
    outcome = await client.submit(await leg(client, side, size, await limit(client, side, coin=coin), coin))
    assert isinstance(outcome, Confirmed), outcome
    assert outcome.filled == Decimal(size)
    return outcome


async def test_instruments_contexts_and_books_are_exact(client: CcxtClient) -> None:
    found = {one.coin: one for one in await client.instruments()}
    assert set(found) == set(COINS)
    bitcoin = found["BTC"]
    assert (bitcoin.lot_size, bitcoin.tick_size(Decimal(66_000))) == (Decimal("0.00001"), Decimal(1))
    assert (bitcoin.venue, bitcoin.min_notional) == (VENUE.lower(), Decimal(10))
    contexts = await client.contexts()
    assert set(contexts) == set(COINS)
    assert contexts["BTC"].funding_interval_ms == 8 * HOUR_MS
    book = await client.book("BTC")
    assert book.bids[0][0] < book.asks[0][0]
    assert all(price % 1 == 0 and size % bitcoin.lot_size == 0 for price, size in (*book.bids, *book.asks))
    assert abs(contexts["BTC"].mark / book.asks[0][0] - 1) < Decimal("0.02")
    assert abs(await client.now_ms() - book.time_ms) < 5_000
    with pytest.raises(VenueError, match="no perpetual of 'XMR'"):
        await client.book("XMR")


async def test_an_order_is_told_by_its_answer_its_record_and_its_fills(client: CcxtClient) -> None:
    before = await client.state()
    wanted = await leg(client, "buy", "0.01234", await limit(client, "buy"))
    outcome = await client.submit(wanted)
    assert isinstance(outcome, Confirmed)
    assert outcome.filled == Decimal("0.01234")
    report = await client.status(wanted.cloid)
    assert report is not None
    assert (report.state, report.filled, report.oid, report.side) == ("filled", wanted.size, outcome.oid, "buy")
    await trade(client, "sell", "0.01234")
    fills = await client.fills(before.time_ms)
    mine = [one for one in fills if one.cloid == wanted.cloid]
    assert sum(one.size for one in mine) == wanted.size
    assert mine[0].start_position == 0
    assert fills[-1].start_position + fills[-1].signed_size == 0
    assert all(one.fee > 0 and one.crossed for one in fills)
    after = await client.state()
    assert after.positions == ()
    assert after.equity == after.cash
    funding = await client.funding(before.time_ms)  # where it accrues all the time, some micro-dollars by then
    assert after.equity - before.equity == sum(one.closed_pnl - one.fee for one in fills) + sum(
        p.amount for p in funding
    )


async def test_every_call_is_timed_and_waits_its_turn(client: CcxtClient) -> None:
    def seen() -> list[float]:
        venue = client.quirks.exchange
        calls = [{"venue": venue, "call": call, "result": "ok"} for call in ("fetch_order_book", "create_order")]
        purposes = [{"venue": venue, "purpose": purpose} for purpose in ("order", "light")]
        get = metrics.registry.get_sample_value
        return [get("prime_venue_latency_seconds_count", labels) or 0 for labels in calls] + [
            get("prime_venue_limiter_wait_seconds_count", labels) or 0 for labels in purposes
        ]

    before = seen()
    await client.book("BTC")
    await trade(client, "buy", "0.01")
    await trade(client, "sell", "0.01")
    books, commands, orders, reads = (after - was for after, was in zip(seen(), before, strict=True))
    assert (books >= 1, commands, orders) == (True, 2, 2)
    assert reads > books


async def test_nothing_matched_is_confirmed_with_nothing_filled(client: CcxtClient) -> None:
    wanted = await leg(client, "buy", "0.01", await limit(client, "buy", "0.95"))
    outcome = await client.submit(wanted)
    assert isinstance(outcome, Confirmed)
    assert outcome.filled == 0
    report = await client.status(wanted.cloid)
    assert report is not None
    assert report.state == "canceled"
    assert report.filled == 0


async def test_refusals(client: CcxtClient) -> None:
    too_much = await client.submit(await leg(client, "buy", "1000", await limit(client, "buy", "1.001")))
    assert isinstance(too_much, Refused)
    too_little = await client.submit(await leg(client, "buy", "0.00001", await limit(client, "buy")))
    assert isinstance(too_little, Refused)
    off_step = await client.submit(await leg(client, "buy", "0.000001", await limit(client, "buy")))
    off_tick = await client.submit(await leg(client, "buy", "0.01", Decimal("66000.5")))
    stranger = await client.submit(await leg(client, "buy", "1", Decimal(100), "XMR"))
    for outcome in (off_step, off_tick, stranger):
        assert isinstance(outcome, Refused)
        assert outcome.text.endswith("nothing was sent")


async def test_a_lost_acknowledgement_is_unknown_until_the_record_is_seen(served: Served, client: CcxtClient) -> None:
    wanted = await leg(client, "buy", "0.001", await limit(client, "buy"))
    served.admin("fault", kind="drop_ack", count=1)
    assert isinstance(await client.submit(wanted), Unknown)
    report = await client.status(wanted.cloid)
    assert report is not None
    assert (report.state, report.filled) == ("filled", wanted.size)
    await trade(client, "sell", "0.001")


async def test_an_order_that_never_arrived_is_absent_only_when_it_can_arrive_no_more(
    served: Served, client: CcxtClient
) -> None:
    wanted = await leg(client, "buy", "0.001", await limit(client, "buy"))
    served.admin("fault", kind="drop_request", count=1)
    assert isinstance(await client.submit(wanted), Unknown)
    assert await client.status(wanted.cloid) is None, "not yet, and no proof before its expiry"
    served.admin("advance", ms=10_000)
    with pytest.raises(UnknownOutcome, match="may still arrive"):
        await client.status(wanted.cloid)
    served.admin("advance", ms=70_000)
    assert await client.status(wanted.cloid) is None
    assert await client.status("0x" + "00" * 15 + "77") is None


async def test_leverage_and_fees(client: CcxtClient) -> None:
    assert await client.set_leverage("ETH", 10) == Confirmed()
    assert isinstance(await client.set_leverage("ETH", 99), Refused)
    assert isinstance(await client.set_leverage("XMR", 2), Refused)
    rates = await client.fees()
    assert (rates.taker_bps, rates.maker_bps) == (Decimal("4.5"), Decimal("1.5"))


async def test_the_seat_with_a_position(served: Served, client: CcxtClient) -> None:
    served.admin("freeze", on=True)
    await trade(client, "sell", "0.5", "ETH")
    state = await client.state()
    [position] = state.positions
    assert (position.coin, position.size) == ("ETH", Decimal("-0.5"))
    mark = (await client.contexts())["ETH"].mark
    assert state.equity == state.cash + int(position.size * mark * 1_000_000)
    assert 0 < state.withdrawable < state.equity
    await trade(client, "buy", "0.5", "ETH")
    served.admin("freeze", on=False)


async def test_funding_and_the_ledger(served: Served, client: CcxtClient) -> None:
    start = await client.now_ms()
    [deposit] = await client.ledger(0)
    assert (deposit.amount, deposit.fee) == (100_000_000_000, 0)
    await trade(client, "buy", "5000", "DOGE")
    served.admin("advance", to_ms=(start // HOUR_MS + 1) * HOUR_MS + 60_000)
    await trade(client, "sell", "5000", "DOGE")
    rows = await client.funding(start)
    assert {(one.coin, one.size) for one in rows} == {("DOGE", Decimal(5_000))}
    rates = await client.funding_rates("DOGE", start)
    assert len(rows) == 1
    if served.dialect == "aster":
        assert [one.time_ms for one in rows] == [one.time_ms for one in rates]
        assert [one.rate for one in rows] == [one.rate for one in rates]
        assert all((one.amount > 0) == (one.rate < 0) for one in rows if one.amount)
    else:
        assert rates == []
    assert await client.ledger(start) == []


async def test_a_full_page_hides_nothing(client: CcxtClient) -> None:
    """Pages of two rows, halved until none is full, bring the same as one page."""
    start = await client.now_ms()
    for _ in range(3):
        await trade(client, "buy", "0.001")
        await trade(client, "sell", "0.001")
    whole = await client.fills(start)
    client.quirks = msgspec.structs.replace(client.quirks, page=2)
    assert await client.fills(start) == whole
    assert len(whole) >= 6


async def test_the_stream(client: CcxtClient) -> None:
    events = client.stream(["BTC", "ETH"])
    seen: dict[str, Any] = {}
    try:
        assert isinstance(await anext(events), Connected)
        deadline = asyncio.get_running_loop().time() + WAIT_S
        ordered = False
        while not {"BTC", "ETH", "context", "fills"} <= seen.keys():
            assert asyncio.get_running_loop().time() < deadline, seen.keys()
            match await anext(events):
                case BookUpdate(book=book):
                    seen[book.coin] = book
                case ContextUpdate(context=context):
                    seen["context"] = context
                case FillsUpdate(fills=fills):
                    seen["fills"] = fills
                case Disconnected(reason=reason):
                    pytest.fail(reason)
            if not ordered and {"BTC", "context"} <= seen.keys():
                ordered = True
                placed = await trade(client, "buy", "0.002")
        assert seen["fills"][-1].oid == placed.oid
        assert sum(one.size for one in seen["fills"]) == Decimal("0.002")
    finally:
        await events.aclose()
    await trade(client, "sell", "0.002")


async def test_one_instance_per_key_and_no_fee_for_anybody_else(served: Served, client: CcxtClient) -> None:
    with pytest.raises(ConfigError, match="in use already"):
        CcxtClient(
            served.dialect,
            VENUE,
            LiveClock(),
            opened_ms=0,
            credentials=Credentials(private_key=SEAT_KEY, wallet=Account.from_key(SEAT_KEY).address),
            urls=served.urls()["api"],
        )
    await trade(client, "buy", "0.01")
    await trade(client, "sell", "0.01")
    for one in (await client.fills(await client.now_ms() - 60_000))[-2:]:
        assert one.fee <= int(one.size * one.price * Decimal("0.00045") * 1_000_000) + 1


async def test_a_venue_that_is_gone_is_unknown_never_no() -> None:
    urls = Served("aster", 9, 9).urls()["api"]
    gone = CcxtClient("aster", VENUE, LiveClock(), opened_ms=0, urls=urls, timeout_s=0.5, rate_limit=False)
    try:
        with pytest.raises(UnknownOutcome):
            await gone.once(gone.exchange, "fetch_time")
    finally:
        await gone.close()
