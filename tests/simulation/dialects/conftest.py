"""A served dialect per module and ccxt's own classes pointed at it: nothing of them is changed but their URLs."""

import importlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account

from tests.simulation.starting import sim_serve

SEAT_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
OTHER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
"""Anvil's published accounts 1 and 2."""


@dataclass(frozen=True)
class Served:
    """A running venue with 100,000 dollars on each of the two seats."""

    dialect: str
    port: int
    admin_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def admin(self, name: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        url = f"http://127.0.0.1:{self.admin_port}/admin/{name}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def urls(self) -> dict[str, Any]:
        """What replaces ccxt's own URLs."""
        if self.dialect == "aster":
            names = ("fapiPublic", "fapiPrivate", "sapiPublic", "sapiPrivate")
            rest = {name: f"{self.url}/{'fapi' if name.startswith('f') else 'api'}" for name in names}
            socket_url = f"ws://127.0.0.1:{self.port}/fstream"
            ws = {"public": {"swap": f"{socket_url}/stream"}, "private": {"swap": f"{socket_url}/ws"}}
            return {"api": rest | {"ws": ws}}
        return {"api": {"v1": f"{self.url}/v1", "v2": f"{self.url}/v2", "ws": f"ws://127.0.0.1:{self.port}/v1"}}

    def config(self, key: str = SEAT_KEY, **options: Any) -> dict[str, Any]:
        """A constructor argument for ccxt's class."""
        return {
            "privateKey": key,
            "walletAddress": Account.from_key(key).address,
            "urls": self.urls(),
            "enableRateLimit": False,
            "options": {"defaultType": "swap"} | options,
        }


def library(name: str = "ccxt") -> Any:
    """ccxt, imported when a test runs: it takes two seconds and carries no types."""
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Served]]:
    """Starts a venue in a dialect; every one started is stopped at the end of the module."""
    funds = [f"{Account.from_key(key).address}=100000" for key in (SEAT_KEY, OTHER_KEY)]
    funding = [word for fund in funds for word in ("--fund", fund)]
    with ExitStack() as stack:

        def run(dialect: str, *options: str) -> Served:
            ports = stack.enter_context(sim_serve("--dialect", dialect, "--seed", "7", *options, *funding))
            return Served(dialect, ports.port, ports.admin_port)

        yield run
