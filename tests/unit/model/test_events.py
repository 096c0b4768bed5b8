"""Events: one spelling, and back; nothing unknown is read."""

from decimal import Decimal

import msgspec
import pytest

from keeper.model.events import KINDS, ChainLogSeen, FundingSeen, SeatFrozen, decode, encode, kind_of, time_of
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
