"""Books with one funded sub-account, and the whole order path from a signed order to the simulated venue."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest
from eth_account import Account

from keeper.clock import LiveClock
from keeper.execution import ExecutionEngine, ExecutionSettings
from keeper.ledger import Books
from keeper.market_data import BookState, MarketDataEngine
from keeper.model.events import ChainLogSeen, Event, FillSeen, LegClosed, LegIntent
from keeper.model.signed_orders import GTC, IOC, Order, SignedOrder, sign_order
from keeper.risk import RiskEngine
from keeper.venues.hyperliquid.execution import HyperliquidClient
from tests.simulation.conftest import SimVenue

CHAIN_ID = 31337
VAULT = "0x" + "aa" * 20
OWNER_KEY = "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"
OWNER = Account.from_key(OWNER_KEY).address.lower()
COINS = ("BTC", "ETH")
SETTINGS = ExecutionSettings(leg_ttl_ms=1_500, absence_margin_ms=300, poll_s=0.05)


class Journal:
    """An event log in memory: applies to the books what it is given, and keeps it for a restart."""

    def __init__(self, events: tuple[Event, ...] = ()) -> None:
        self.books = Books()
        self.events: list[Event] = []
        if events:
            self.append(*events)

    def append(self, *events: Event) -> None:
        for event in events:
            self.books.apply(len(self.events) + 1, event)
            self.events.append(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def fills(self) -> list[FillSeen]:
        return [event for event in self.events if isinstance(event, FillSeen)]

    def legs(self) -> list[LegIntent]:
        return [event for event in self.events if isinstance(event, LegIntent)]

    def leg_ends(self) -> list[LegClosed]:
        return [event for event in self.events if isinstance(event, LegClosed)]


def chain_log(index: int, name: str, **args: object) -> ChainLogSeen:
    return ChainLogSeen(name=name, block=1, log_index=index, tx="0x" + "00" * 32, time_s=1, args=dict(args))


def opening() -> tuple[Event, ...]:
    """Sub-account 1 with 50,000 USDC."""
    return (
        chain_log(0, "AccountOpened", id=1, owner=OWNER, generation=0),
        chain_log(1, "Deposited", id=1, amount=50_000_000_000),
    )


_nonces = iter(range(1, 1_000_000))


def signed(
    *,
    side: int = 0,
    size: str = "0.01",
    coin: str = "BTC",
    reduce_only: bool = False,
    valid_s: int = 60,
    limit: str | None = None,
) -> SignedOrder:
    """A market-like order of sub-account 1; with a limit one that may rest."""
    order = Order(
        subAccount=1,
        instrument=f"{coin}-PERP",
        side=side,
        quantity=int(Decimal(size) * 10**8),
        limitPrice=0 if limit is None else int(Decimal(limit) * 10**8),
        timeInForce=IOC if limit is None else GTC,
        maxSlippageBps=100,
        reduceOnly=reduce_only,
        nonce=next(_nonces),
        deadline=LiveClock().now_ms() // 1000 + valid_s,
    )
    return sign_order(order, chain_id=CHAIN_ID, vault=VAULT, key=OWNER_KEY)


@dataclass
class Desk:
    """A keeper's order path. `close` ends its tasks, as a kill would."""

    journal: Journal
    client: HyperliquidClient
    market: MarketDataEngine
    engine: ExecutionEngine
    streaming: asyncio.Task[None]

    async def close(self) -> None:
        await self.engine.close()
        self.streaming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.streaming
        await self.client.close()


async def open_desk(
    venue: SimVenue,
    journal: Journal,
    client: type[HyperliquidClient] = HyperliquidClient,
    settings: ExecutionSettings = SETTINGS,
    command_timeout_s: float = 3.0,
) -> Desk:
    """Starts one and waits until its stream is in step."""
    clock = LiveClock()
    venue_client = client(
        venue.url, venue.seat, venue.venue_id, venue.agent_key, clock, command_timeout_s=command_timeout_s
    )
    await venue_client.start()
    market = MarketDataEngine([venue_client], COINS, clock)
    await market.start()
    engine = ExecutionEngine(
        chain_id=CHAIN_ID,
        vault=VAULT,
        clock=clock,
        books=journal.books,
        append=journal.append,
        market=market,
        risk=RiskEngine(market),
        clients={venue_client.venue: venue_client},
        accounts={venue_client.venue: venue_client},
        resting={venue_client.venue: venue_client},
        settings=settings,
    )
    streaming = asyncio.create_task(market.run())
    async with asyncio.timeout(10):
        while market.health()[venue.venue_id] != "up" or market.state(venue.venue_id, "BTC") != BookState.LIVE:  # noqa: ASYNC110 - many events may do it
            await asyncio.sleep(0.02)
    return Desk(journal, venue_client, market, engine, streaming)


@pytest.fixture
def sim_venue(sim_venue: SimVenue) -> SimVenue:
    """A seat for each test: fills of other tests' orders would be nobody's here, and such fills freeze a seat."""
    return sim_venue.another_seat()


@pytest.fixture
def still_prices(sim_venue: SimVenue) -> Iterator[None]:
    """The tape stands still, so that an order sent again finds the prices it was routed at."""
    sim_venue.freeze()
    yield
    sim_venue.freeze(False)


@pytest.fixture
async def patient_desk(sim_venue: SimVenue) -> AsyncIterator[Desk]:
    """One whose legs live long enough for a slow machine: an answer may be late, the order never is."""
    settings = msgspec.structs.replace(SETTINGS, leg_ttl_ms=20_000)
    made = await open_desk(sim_venue, Journal(opening()), settings=settings, command_timeout_s=0.5)
    await made.engine.recover()
    yield made
    await made.close()


@pytest.fixture
async def desk(sim_venue: SimVenue) -> AsyncIterator[Desk]:
    made = await open_desk(sim_venue, Journal(opening()))
    await made.engine.recover()
    yield made
    await made.close()
