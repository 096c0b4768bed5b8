"""Events: one spelling, and back; nothing unknown is read."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from keeper.model.events import (
    KINDS,
    SCHEMA,
    ChainLogSeen,
    FundingSeen,
    SeatFrozen,
    carried_forward,
    decode,
    encode,
    kind_of,
    time_of,
)
from tests.unit.ledger.world import two_clients


def test_every_event_of_a_story_comes_back_as_it_was() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.010"), Decimal(60_000), fee=270_000)
    world.fund("BTC", Decimal("1E-7"), Decimal("60000.10"))
    world.settle(world.mark({"BTC": Decimal(60_100)}))
    assert {kind_of(event) for event in world.events} > {"LegIntent", "FillSeen", "CommitPrepared", "MarkTaken"}
    for event in world.events:
        text = encode(event)
        assert decode(text) == event
        assert encode(decode(text)) == text
        assert KINDS[kind_of(event)] is type(event)


def test_integers_of_any_size_survive() -> None:
    log = ChainLogSeen(name="LanesChanged", block=1, log_index=0, tx="0x", time_s=7, args={"pnl4": [2**256 - 1, -5]})
    assert decode(encode(log)) == log
    assert time_of(log) == 7_000


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"SeatFrozen","venue":"v","reason":"r","at_ms":1,"more":2}',
        '{"kind":"SeatFrozen","venue":"v","reason":"r"}',
        '{"kind":"SeatBurnt","venue":"v","reason":"r","at_ms":1}',
        '{"venue":"v","reason":"r","at_ms":1}',
    ],
)
def test_unknown_and_missing_fields_are_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(text)


def test_what_json_cannot_carry_is_refused() -> None:
    with pytest.raises((TypeError, ValueError)):
        encode(ChainLogSeen(name="x", block=1, log_index=0, tx="", time_s=1, args={"x": float("nan")}))


def test_time_is_the_venues_for_what_it_told_and_ours_for_what_we_did() -> None:
    funding = FundingSeen(
        venue="v", coin="BTC", time_ms=5, rate=Decimal(0), oracle=Decimal(1), paid=None, seat_size=Decimal(0)
    )
    assert time_of(funding) == 5
    assert time_of(SeatFrozen(venue="v", reason="r", at_ms=9)) == 9


def test_bodies_of_older_versions_are_carried_forward_step_by_step() -> None:
    def two(body: dict[str, Any]) -> dict[str, Any]:
        return {("reason" if name == "why" else name): value for name, value in body.items()}

    def three(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"at_ms": body["at_ms"] * 1000}

    old = '{"at_ms":7,"kind":"SeatFrozen","venue":"0x01","why":"a break"}'
    frozen = SeatFrozen(venue="0x01", reason="a break", at_ms=7000)
    assert decode(carried_forward(old, 1, {1: two, 2: three}, 3)) == frozen
    assert decode(carried_forward(old.replace("why", "reason"), 2, {2: three}, 3)) == frozen


@pytest.mark.parametrize("version", [0, SCHEMA + 1])
def test_a_version_that_is_not_known_is_refused(version: int) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"version {version} of the events"):
        decode(encode(SeatFrozen(venue="0x01", reason="a break", at_ms=7)), version)
