"""A real `sim serve` process per module, and the keys it knows (published development keys, worth nothing)."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account

from tests.simulation.starting import sim_serve

MNEMONIC_KEYS = (
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
)


@dataclass(frozen=True)
class Served:
    """A running venue. `post` and `admin` return (status, text)."""

    url: str
    admin_url: str
    port: int

    def post(self, path: str, body: Any, content_type: str = "application/json") -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def info(self, **body: Any) -> Any:
        return json.loads(self.post("/info", body)[1])

    def admin(self, name: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{self.admin_url}/admin/{name}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.loads(response.read())


@pytest.fixture(scope="module")
def keys() -> tuple[Any, ...]:
    """Three wallets; the venue of `served` knows the first two."""
    return tuple(Account.from_key(key) for key in MNEMONIC_KEYS)


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Served]]:
    """Starts a venue with the given options; every one started is stopped at the end of the module."""
    with ExitStack() as stack:

        def run(*options: str) -> Served:
            ports = stack.enter_context(sim_serve(*options))
            return Served(ports.url, ports.admin_url, ports.port)

        yield run


@pytest.fixture(scope="module")
def served(start: Callable[..., Served], keys: tuple[Any, ...]) -> Served:
    """A venue on which the first two keys have 100,000 and 5,000 USDC."""
    return start("--fund", f"{keys[0].address}=100000", "--fund", f"{keys[1].address}=5000", "--seed", "7")
