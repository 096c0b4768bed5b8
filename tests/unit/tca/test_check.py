"""A stored decision replays to the last digit; whatever is altered in it is found."""

import json
from copy import deepcopy
from typing import Any

import pytest
from typer.testing import CliRunner

from keeper.cli.main import build
from keeper.errors import InputError
from keeper.model.decisions import pack, unpack
from keeper.model.events import RouteDecided, decode, encode
from keeper.routing import solver
from keeper.tca.check import check, recheck
from tests.unit.tca.conftest import DIGEST, T0, decision


def test_a_decision_replays_and_its_proof_holds() -> None:
    done = check(decision())
    assert done.ok, done


def test_the_proof_is_checked_without_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    made = decision("sell", "6")

    def never(*_: object) -> None:
        raise AssertionError("the solver was asked")

    monkeypatch.setattr(solver, "solve", never)
    monkeypatch.setattr("keeper.routing.planner.solve", never)
    assert recheck(made)


def altered(path: list[Any], value: Any) -> dict[str, Any]:
    made = deepcopy(decision())
    place = made
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "proof_holds"),
    [
        (["plan", "legs", 0, "quantity"], "3", False),
        (["plan", "cost"], "1", False),
        (["plan", "certificate", "lower_bound"], "1", False),
        (["plan", "price_improvement_bps"], "9", False),
        (["quotes", 0, "levels", 0, 1], "1", False),
        (["quotes", 1, "taker_fee_bps"], "4", False),
        (["request", "quantity"], "5", False),
        (["quotes", 0, "terms", "funding_method"], None, True),
    ],
)
def test_an_altered_decision_is_found(path: list[Any], value: Any, proof_holds: bool) -> None:
    made = altered(path, value)
    assert recheck(made) is proof_holds
    assert check(made).ok is proof_holds


def test_a_difference_is_named() -> None:
    made = altered(["plan", "legs", 0, "limit_price"], "1000.4")
    assert "plan.legs[0].limit_price: stored '1000.4'" in check(made).difference


@pytest.mark.parametrize("broken", [{}, {"request": {}}, {"request": 1, "quotes": [], "plan": {}}])
def test_what_is_no_decision_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="decision"):
        check(broken)


def test_a_decision_is_stored_small_and_read_back_whole() -> None:
    event = RouteDecided(digest=DIGEST, at_ms=T0, decision=decision())
    stored = encode(event)
    assert len(stored) < len(json.dumps(event.decision)) * 0.75
    assert decode(stored) == event
    assert unpack(event.decision) == event.decision
    with pytest.raises(ValueError, match="damaged"):
        unpack({"zlib85": pack(event.decision)["zlib85"][:-5]})


def test_prime_recheck_of_a_file(tmp_path: Any) -> None:
    path = tmp_path / "route.json"
    path.write_text(json.dumps({"instrument": "ETH-PERP", "names": {}, "decision": decision()}))
    run = CliRunner()
    done = run.invoke(build(["recheck", "tca"]), ["recheck", "--file", str(path)])
    assert (done.exit_code, done.output) == (0, "route.json 1: identical, certificate holds\n")
    path.write_text(json.dumps(altered(["plan", "cost"], "1")))
    done = run.invoke(build(["recheck", "tca"]), ["recheck", "--file", str(path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)[0]["verified"] is False
    done = run.invoke(build(["recheck", "tca"]), ["recheck", "--file", str(path), "--certificate-only"])
    assert (done.exit_code, done.output) == (1, "route.json 1: CERTIFICATE DOES NOT HOLD\n")
