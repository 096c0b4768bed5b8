"""The native Hyperliquid adapter against the `hyperliquid` dialect of the simulated venue, its commands by HTTP or over
the WebSocket that it keeps open for them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from keeper.clock import LiveClock
from keeper.venues.hyperliquid.execution import HyperliquidClient
from tests.conformance.harness import ALL_CAPABILITIES, AdapterUnderTest, Clients, Seat
from tests.simulation.conftest import SimVenue
from tests.simulation.starting import sim_serve

FUNDED = 100_000_000_000
VENUE_ID = "0x" + "5e" * 20
TIMEOUT_S = 3.0


@dataclass
class HyperliquidServer:
    """`prime sim serve` as a process of its own."""

    venue: SimVenue

    @property
    def url(self) -> str:
        return self.venue.url

    def new_seat(self) -> Seat:
        found = self.venue.another_seat()
        return Seat(found.seat, found.agent_key, FUNDED)

    def freeze(self, on: bool) -> None:
        self.venue.freeze(on)

    def advance(self, ms: int) -> None:
        self.venue.advance(ms)

    def fault(self, kind: str, count: int = 1, ms: int = 0) -> None:
        self.venue.fault(kind, count, ms)

    def admin(self, name: str, **body: object) -> None:
        self.venue.post(f"{self.venue.admin_url}/admin/{name}", dict(body))


@contextmanager
def serve() -> Iterator[HyperliquidServer]:
    """Started with prices held still, so that what a case reads is what its order meets."""
    with sim_serve("--seed", "7") as ports:
        server = HyperliquidServer(SimVenue(ports.url, ports.admin_url))
        server.freeze(True)
        yield server


async def connect(url: str, seat: Seat, *, socket: bool = False) -> Clients:
    client = HyperliquidClient(
        url, seat.account, VENUE_ID, seat.key, LiveClock(), weight_per_minute=10_000_000, command_timeout_s=TIMEOUT_S,
        socket=socket,
    )  # fmt: skip
    await client.start()
    return Clients(client, client, client, client.close, client)


def post_of(text: str) -> int | None:
    message = json.loads(text) if '"post"' in text else {}
    if message.get("method") == "post":
        return int(message["id"])
    return int(message["data"]["id"]) if message.get("channel") == "post" else None


def crossed(text: str) -> str | None:
    """The bids in place of the asks."""
    message = json.loads(text)
    if message.get("channel") != "l2Book":
        return None
    bids, asks = message["data"]["levels"]
    message["data"]["levels"] = [[{**asks[-1], "px": asks[-1]["px"]}, *bids], asks]
    return json.dumps(message)


def rate_is_open_interest(text: str) -> str | None:
    message = json.loads(text)
    if message.get("channel") != "activeAssetCtx":
        return None
    message["data"]["ctx"]["funding"] = message["data"]["ctx"]["openInterest"]
    return json.dumps(message)


ADAPTER = AdapterUnderTest(
    name="hyperliquid (native)",
    dialect="hyperliquid",
    serve=serve,
    connect=connect,
    is_command=lambda _, path: path == "/exchange",
    coins=("BTC", "ETH"),
    size={"BTC": "0.01", "ETH": "0.1"},
    capabilities=ALL_CAPABILITIES - {"exact_pnl"},  # the venue cuts the average entry to a price's decimals
    bend={"crossed": crossed, "rate_is_open_interest": rate_is_open_interest},
    timeout_s=TIMEOUT_S,
)

SOCKET = replace(
    ADAPTER, name="hyperliquid (native, socket)", connect=partial(connect, socket=True), post_of=post_of, share=0.1
)
