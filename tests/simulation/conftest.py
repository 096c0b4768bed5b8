"""A simulated venue as a process of its own, reached through sockets only."""

import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.simulation.starting import sim_serve

SEAT_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
SEAT = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
AGENT_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
"""Anvil's published accounts 1 and 2."""


@dataclass
class SimVenue:
    """A running venue with a funded seat that has approved the agent."""

    url: str
    admin_url: str
    seat: str = SEAT
    seat_key: str = SEAT_KEY
    agent_key: str = AGENT_KEY
    venue_id: str = "0x" + "5e" * 20

    def post(self, url: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.loads(answer.read())

    def fault(self, kind: str, count: int = 1, ms: int = 0) -> None:
        """The next `count` requests to /exchange fail in that way."""
        self.post(self.admin_url + "/admin/fault", {"kind": kind, "count": count, "ms": ms})

    def freeze(self, on: bool = True) -> None:
        """Holds the tape's prices; the venue's time goes on."""
        self.post(self.admin_url + "/admin/freeze", {"on": on})

    def advance(self, ms: int) -> None:
        self.post(self.admin_url + "/admin/advance", {"ms": ms})

    def info(self, kind: str, **fields: Any) -> Any:
        return self.post(self.url + "/info", {"type": kind} | fields)

    def another_seat(self) -> "SimVenue":
        """The same venue with a new funded seat and a new agent of it."""
        from eth_account import Account

        seat, agent = Account.create(), Account.create()
        found = replace(
            self,
            seat=seat.address.lower(),
            seat_key="0x" + bytes(seat.key).hex(),
            agent_key="0x" + bytes(agent.key).hex(),
        )
        found.post(found.admin_url + "/admin/fund", {"account": found.seat, "usdc": "100000"})
        found.approve_agent()
        return found

    def approve_agent(self) -> None:
        """The seat's own key enrols the agent, as the venue's SDK would."""
        from eth_account import Account
        from hyperliquid.utils.signing import sign_agent

        nonce = time.time_ns() // 1_000_000
        action = {
            "type": "approveAgent",
            "agentAddress": Account.from_key(self.agent_key).address,
            "agentName": "keeper",
            "nonce": nonce,
        }
        signature = sign_agent(Account.from_key(self.seat_key), action, False)
        body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}
        answer = self.post(self.url + "/exchange", body)
        assert answer["status"] == "ok", answer


@pytest.fixture(scope="module")
def sim_venue() -> Iterator[SimVenue]:
    """`prime sim serve` with 100,000 USDC on the seat; one for each test file."""
    with sim_serve("--fund", f"{SEAT}=100000", "--seed", "7") as ports:
        venue = SimVenue(ports.url, ports.admin_url)
        venue.approve_agent()
        yield venue
