"""`prime attestor run` and `prime custodian run`: what is wrong at the start is named."""

import socket
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from keeper.attest.examiner import Refusal
from keeper.attest.server import AttestorOptions, application, run
from keeper.cli import attestor, custodian
from keeper.errors import ChainError, ConfigError
from tests.simulation.attest.seat_world import SeatWorld
from tests.simulation.bridge.local_chain import account, key

DEAD = "http://127.0.0.1:9"
ARGUMENTS = ["--rpc", DEAD, "--seat-venue", account(1), "--venue-url", DEAD]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner's standard error ends with the test, and logging would go on writing there."""
    monkeypatch.setattr(attestor, "configure", lambda **_: None)
    monkeypatch.setattr(custodian, "configure", lambda **_: None)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRIME_ATTESTOR_KEY", raising=False)
    monkeypatch.delenv("PRIME_CUSTODIAN_KEY", raising=False)
    shown = CliRunner().invoke(attestor.app, ["run", "--port", "1", "--vault", account(2), *ARGUMENTS])
    assert isinstance(shown.exception, ConfigError)
    assert "PRIME_ATTESTOR_KEY" in str(shown.exception)
    shown = CliRunner().invoke(custodian.app, ["run", *ARGUMENTS])
    assert isinstance(shown.exception, ConfigError)
    assert "PRIME_CUSTODIAN_KEY" in str(shown.exception)


def test_a_dead_node_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIME_ATTESTOR_KEY", key(4))
    shown = CliRunner().invoke(attestor.app, ["run", "--port", "1", "--vault", account(2), *ARGUMENTS])
    assert isinstance(shown.exception, ChainError)
    assert "start it, or give the right URL with --rpc" in str(shown.exception)


async def test_wrong_addresses_and_a_taken_port_are_named(world: SeatWorld) -> None:
    def options(**changes: object) -> AttestorOptions:
        right: dict[str, object] = {
            "port": taken.getsockname()[1],
            "rpc": world.chain.url,
            "vault": world.names["vault"],
            "seat_venue": world.seat,
            "venue_url": world.venue_url,
        }
        return AttestorOptions(**right | changes)  # type: ignore[arg-type]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        for changes, kind, words in (
            ({"vault": world.names["attestor"]}, ConfigError, "another vault"),
            ({"seat_venue": account(3)}, ChainError, "no contract there"),
            ({"venue_url": DEAD}, ConfigError, "--venue-url"),
            ({}, ConfigError, "is in use"),
        ):
            with pytest.raises(kind, match=words):
                await run(options(**changes), key(4))


async def test_nothing_is_signed_while_there_is_an_objection() -> None:
    """As of an auditor that co-signs: the proposal may be right, the books are not."""
    objection = Refusal("audit", "0 findings", 1, "the books do not agree: lane_delta at epoch 2 sub-account 3")
    app = application(cast(Any, None), "0x", lambda: objection)  # no examiner: it must not be asked
    sheet = {"venue": "0x" + "11" * 20, "asOf": 1, "cash": 0, "lines": []}
    proposal = {"sheet": sheet, "nonce": 1, "received": 0, "returned": 0}
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/v1/attest", json=proposal)
        assert answer.status == 409
        assert "lane_delta at epoch 2" in (await answer.json())["reason"]
