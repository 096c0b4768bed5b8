"""The generic ccxt adapter against the `aster` and the `paradex` dialect of the simulated venue."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from eth_account import Account

from keeper.clock import LiveClock
from keeper.errors import VenueError
from keeper.venues.ccxt_adapter.exchange import Credentials
from keeper.venues.ccxt_adapter.execution import CcxtClient
from tests.conformance.harness import AdapterUnderTest, Capability, Clients, Seat, Server
from tests.simulation.starting import sim_serve

FUNDED = 100_000_000_000
VENUE_ID = "0x" + "5e" * 20
TIMEOUT_S = 3.0
SLOW_S = 12.0
"""A Stark signature takes ccxt's pure Python a sixth of a second."""
HOUR_MS = 3_600_000
COINS = ("DOGE", "ETH")


def urls(dialect: str, url: str) -> dict[str, Any]:
    """In the shape of ccxt's own, everything at one server."""
    socket = "ws" + url.removeprefix("http")
    if dialect == "paradex":
        return {"v1": f"{url}/v1", "v2": f"{url}/v2", "ws": f"{socket}/v1"}
    names = ("fapiPublic", "fapiPrivate", "sapiPublic", "sapiPrivate")
    rest = {name: f"{url}/{'fapi' if name.startswith('f') else 'api'}" for name in names}
    ws = {"public": {"swap": f"{socket}/fstream/stream"}, "private": {"swap": f"{socket}/fstream/ws"}}
    return rest | {"ws": ws}


@dataclass
class DialectServer:
    """`prime sim serve --dialect ...` as a process of its own."""

    url: str
    admin_url: str

    def admin(self, name: str, **body: object) -> None:
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.admin_url}/admin/{name}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def new_seat(self) -> Seat:
        account = Account.create()
        self.admin("fund", account=account.address, usdc="100000")
        return Seat(account.address, "0x" + bytes(account.key).hex(), FUNDED)

    def freeze(self, on: bool) -> None:
        self.admin("freeze", on=on)

    def advance(self, ms: int) -> None:
        self.admin("advance", ms=ms)

    def fault(self, kind: str, count: int = 1, ms: int = 0) -> None:
        self.admin("fault", kind=kind, count=count, ms=ms)


def serving(dialect: str) -> Callable[[], AbstractContextManager[Server]]:
    @contextmanager
    def serve() -> Iterator[Server]:
        with sim_serve("--dialect", dialect, "--seed", "7") as ports:
            server = DialectServer(ports.url, ports.admin_url)
            server.freeze(True)
            yield server

    return serve


def connecting(dialect: str) -> Callable[[str, Seat], Any]:
    async def connect(url: str, seat: Seat) -> Clients:
        client = CcxtClient(
            dialect,
            VENUE_ID,
            LiveClock(),
            opened_ms=time.time_ns() // 1_000_000 - HOUR_MS,
            credentials=Credentials(private_key=seat.key, wallet=seat.account, account_id=url),
            urls=urls(dialect, url),
            coins=COINS,
            timeout_s=SLOW_S if dialect == "paradex" else TIMEOUT_S,
            rate_limit=False,
        )
        try:
            if dialect == "paradex":
                with suppress(VenueError):  # a stranger's key: the seat's account is open already
                    await client.once(client.exchange, "onboarding")
            await client.start()
        except BaseException:  # nobody else can: the caller gets no client
            await client.close()
            raise
        return Clients(client, client, client, client.close, client)

    return connect


def crossed_aster(text: str) -> str | None:
    """The highest ask below the lowest bid."""
    message = json.loads(text)
    data = message.get("data") or {}
    if data.get("e") != "depthUpdate":
        return None
    data["a"] = [[data["b"][-1][0], "1"], *data["a"]]
    return json.dumps(message)


def crossed_paradex(text: str) -> str | None:
    message = json.loads(text)
    params = message.get("params") or {}
    if not str(params.get("channel")).startswith("order_book."):
        return None
    rows = params["data"]["inserts"]
    lowest = [row for row in rows if row["side"] == "BUY"][-1]
    rows.append({"side": "SELL", "price": lowest["price"], "size": "1"})
    return json.dumps(message)


COMMON: frozenset[Capability] = frozenset(
    {"resting", "stream_fills", "stream_contexts", "leverage", "exact_pnl", "server_faults"}
)

ASTER = AdapterUnderTest(
    name="ccxt",
    dialect="aster",
    serve=serving("aster"),
    connect=connecting("aster"),
    is_command=lambda method, path: method != "GET" and path.endswith(("/order", "/leverage")),
    coins=COINS,
    size={"DOGE": "5000", "ETH": "0.1"},
    capabilities=COMMON | {"advance", "nonces"},
    bend={"crossed": crossed_aster},
    timeout_s=TIMEOUT_S,
    share=0.1,
)
PARADEX = AdapterUnderTest(
    name="ccxt",
    dialect="paradex",
    serve=serving("paradex"),
    connect=connecting("paradex"),
    is_command=lambda method, path: path.startswith("/v1/orders") and method != "GET",
    coins=COINS,
    size={"DOGE": "200", "ETH": "0.01"},
    capabilities=COMMON | {"nonces"},
    bend={"crossed": crossed_paradex},
    timeout_s=SLOW_S,
    share=0.1,
)
