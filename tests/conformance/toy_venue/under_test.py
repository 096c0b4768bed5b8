"""The toy venue's entry in the conformance suite."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from keeper.clock import LiveClock
from keeper.world.processes import free_port
from tests.conformance.harness import AdapterUnderTest, Clients, Seat
from tests.conformance.toy_venue.adapter import ToyClient


@dataclass
class ToyServer:
    url: str

    def _admin(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/admin/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def new_seat(self) -> Seat:
        found = self._admin("seat")
        return Seat(found["account"], found["secret"], found["funded"])

    def freeze(self, on: bool) -> None:
        """Its prices never move."""

    def advance(self, ms: int) -> None:
        self._admin("advance", ms=ms)

    def fault(self, kind: str, count: int = 1, ms: int = 0) -> None:
        raise NotImplementedError("the toy venue loses nothing itself; its entry does not claim `server_faults`")

    def admin(self, name: str, **body: object) -> None:
        self.fault(name)


@contextmanager
def serve() -> Iterator[ToyServer]:
    port = free_port()
    command = [sys.executable, "-m", "tests.conformance.toy_venue.server", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield ToyServer(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


async def connect(url: str, seat: Seat) -> Clients:
    client = ToyClient(url, seat.account, seat.key, LiveClock())
    await client.start()
    return Clients(client, client, client, client.close)


def rate_is_open_interest(text: str) -> str | None:
    message = json.loads(text)
    return json.dumps({**message, "rate": message["oi"]}) if message["type"] == "price" else None


ADAPTER = AdapterUnderTest(
    name="toy",
    dialect="toy",
    serve=serve,
    connect=connect,
    is_command=lambda _, path: path == "/order",
    coins=("BTC", "ETH"),
    size={"BTC": "0.01", "ETH": "0.1"},
    capabilities=frozenset({"stream_fills", "stream_contexts", "expiry", "nonces", "advance"}),
    bend={"rate_is_open_interest": rate_is_open_interest},
)
