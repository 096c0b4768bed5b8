"""A served dialect per module and ccxt's own classes pointed at it: nothing of them is changed but their URLs."""

import importlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account

SEAT_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
OTHER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
"""Anvil's published accounts 1 and 2."""

START_S = 30


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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Served]]:
    """Starts a venue in a dialect; every one started is stopped at the end of the module."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(dialect: str, *options: str) -> Served:
        served = Served(dialect, free_port(), free_port())
        command = [sys.executable, "-m", "keeper.cli.sim", "serve", "--dialect", dialect, "--port", str(served.port)]
        command += ["--admin-port", str(served.admin_port), "--seed", "7", *options]
        for key in (SEAT_KEY, OTHER_KEY):
            command += ["--fund", f"{Account.from_key(key).address}=100000"]
        processes.append(subprocess.Popen(command))
        deadline = time.monotonic() + START_S
        while True:
            try:
                served.admin("state")
            except OSError:
                if time.monotonic() > deadline or processes[-1].poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return served

    yield run
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(timeout=10)
