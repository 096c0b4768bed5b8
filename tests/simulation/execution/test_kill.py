"""SIGKILL between sending an order and booking its fill, with the log on disk and the venue running on."""

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keeper.model.signed_orders import SignedOrder
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import signed

TESTS = Path(__file__).parents[2]
PROGRAM = """
import runpy, sys, types
tests = types.ModuleType("tests")  # an installed package of that name would come before ours
tests.__path__ = [sys.argv.pop(1)]
sys.modules["tests"] = tests
runpy.run_module("tests.simulation.execution.keeper_process", run_name="__main__")
"""


def run(venue: SimVenue, log: str, mode: str, order: SignedOrder) -> tuple[int, Any]:
    """The process's exit code, and the books that it printed."""
    command = [sys.executable, "-c", PROGRAM, str(TESTS), venue.url, venue.seat, venue.venue_id, log, mode]
    ended = subprocess.run(
        [*command, msgspec.json.encode(order).decode()],
        cwd=TESTS.parent,
        env=os.environ | {"PRIME_TRADER_KEY": venue.agent_key},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = ended.stdout.strip().splitlines()
    return ended.returncode, json.loads(lines[-1]) if ended.returncode == 0 and lines else ended.stderr


@pytest.mark.parametrize("mode", ["kill-sent", "kill-unsent"])
def test_after_a_kill_the_books_are_those_of_an_undisturbed_run(sim_venue: SimVenue, url: str, mode: str) -> None:
    """The tape stands still meanwhile, so that the order finds the prices it was routed at when it is sent again."""

    def seat_size() -> Decimal:
        positions = sim_venue.info("clearinghouseState", user=sim_venue.seat)["assetPositions"]
        return sum((Decimal(item["position"]["szi"]) for item in positions), Decimal(0))

    sim_venue.freeze()
    before, order = seat_size(), signed(size="0.02", valid_s=120)
    code, _ = run(sim_venue, url, mode, order)
    assert code == -signal.SIGKILL
    code, books = run(sim_venue, url, "recover", order)
    assert code == 0, books
    assert books["orders"] == [["filled", "0.02"]]
    assert (books["open"], books["positions"]) == (0, {"BTC": "0.02"})
    assert books["outcomes"] == (["filled"] if mode == "kill-sent" else ["absent", "filled"])
    assert seat_size() - before == Decimal("0.02")
