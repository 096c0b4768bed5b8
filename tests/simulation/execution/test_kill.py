"""SIGKILL at every step of an order's life, with the log on disk and the venue running on: after a restart the order
has the fills, the position and the end that it would have had anyway, and the venue has seen it once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keeper.client import ClientDesk
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel
from tests.simulation.conftest import SimVenue
from tests.simulation.execution.conftest import CHAIN_ID, OWNER_KEY, VAULT, signed

TESTS = Path(__file__).parents[2]
PROGRAM = """
import runpy, sys, types
tests = types.ModuleType("tests")  # an installed package of that name would come before ours
tests.__path__ = [sys.argv.pop(1)]
sys.modules["tests"] = tests
runpy.run_module("tests.simulation.execution.crash_points", run_name="__main__")
"""


def lives(venue: SimVenue, folder: Path, points: list[str | None], kind: str) -> dict[str, Any]:
    """What became of an order killed at each of the points (None = undisturbed), each on its own seat."""
    folder.mkdir(exist_ok=True)
    task = []
    for number, point in enumerate(points):
        seat, (order, cancel) = venue.another_seat(), story(venue, kind)
        task.append(
            {
                "name": point or "undisturbed",
                "point": point,
                "seat": seat.seat,
                "agent_key": seat.agent_key,
                "venue_id": seat.venue_id,
                "log": str(folder / f"{kind} {number}.db"),
                "order": order,
                "cancel": cancel,
            }
        )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(TESTS)],
        input=msgspec.json.encode({"url": venue.url, "lives": task}),
        cwd=TESTS.parent,
        env=os.environ,
        capture_output=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr.decode()[-3000:]
    found: dict[str, Any] = msgspec.json.decode(ended.stdout.splitlines()[-1])
    broken = {name: result for name, result in found.items() if "broken" in result}
    assert not broken, (broken, ended.stderr.decode()[-3000:])
    return found


def story(venue: SimVenue, kind: str) -> tuple[SignedOrder, SignedCancel | None]:
    """An order that takes; or one that rests far away and is cancelled by its client."""
    order = signed(size="0.01", valid_s=120, limit=None if kind == "takes" else away(venue))
    if kind == "takes":
        return order, None
    desk = ClientDesk(
        chain_id=CHAIN_ID,
        vault=VAULT,
        key=OWNER_KEY,
        account=1,
        now_s=order.order.deadline,
        nonces=iter([order.order.nonce + 1_000_000]),
    )
    return order, desk.cancel(desk.digest(order))


def away(venue: SimVenue) -> str:
    """A tenth below the market, on the tick."""
    return str(int(float(venue.info("allMids")["BTC"]) * 0.9))


@pytest.mark.parametrize("kind", ["takes", "rests"])
def test_killed_at_every_step_of_its_life(sim_venue: SimVenue, tmp_path: Path, kind: str) -> None:
    """The tape stands still meanwhile, so that an order sent again finds the prices it was routed at."""
    sim_venue.freeze()
    undisturbed = lives(sim_venue, tmp_path, [None], kind)["undisturbed"]
    points = undisturbed.pop("points")
    expected = ("filled", "0.01", {"BTC": "0.01"}) if kind == "takes" else ("cancelled", "0", {})
    assert (undisturbed["status"], undisturbed["filled"], undisturbed["held"]) == expected
    assert (undisturbed["known to the venue"], undisturbed["left at the venue"]) == (1, 0)
    kinds = " ".join(points)
    steps = ["OrderAccepted", "RouteDecided", "LegIntent", "LegClosed", "OrderClosed"]
    for step in [*steps, *(["FillSeen"] if kind == "takes" else ["LegRested", "CancelAsked", "LegCancelAsked"])]:
        assert step in kinds, f"no crash point at {step}: {points}"
    killed = lives(sim_venue, tmp_path / "killed", points, kind)
    assert set(killed) == set(points)
    for point, result in killed.items():
        result.pop("points")
        assert result == undisturbed, point
