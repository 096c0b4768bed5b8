"""Triggers, TP/SL groups, modification, TWAP, scheduled cancels, caps and limits of orders."""

import pytest

from keeper.errors import VenueError
from keeper.venues.simulated.orders import Filled, Refused, Resting, Waiting
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import MICRO, floor_to_tick
from tests.unit.venues_simulated.helpers import BTC, ETH, A, B, Scene


@pytest.fixture
def scene(recording: Recording) -> Scene:
    return Scene(recording)


def below(scene: Scene, asset: int, part: float) -> int:
    return floor_to_tick(scene.venue.mark_px(asset) * part, scene.venue.market(asset).spec.unit)


def test_stop_fires_when_the_mark_reaches_it_and_closes_the_position(scene: Scene) -> None:
    assert isinstance(scene.order(A, ETH, 1, 1_000), Filled)
    stop = scene.venue.place(A, scene.trigger(ETH, -1, 1_000, 0.95, take_profit=False))
    assert isinstance(stop, Resting)
    mark = scene.venue.mark_px(ETH)
    scene.price(ETH, floor_to_tick(mark * 0.951, 10_000))
    assert scene.size(A, ETH) == 1_000
    scene.price(ETH, floor_to_tick(mark * 0.949, 10_000))
    assert scene.size(A, ETH) == 0
    assert scene.venue.state.accounts[A].orders[stop.oid].status == "filled"


@pytest.mark.parametrize(("side", "at", "take_profit"), [(-1, 0.99, True), (1, 0.99, False), (-1, 1.01, False)])
def test_trigger_on_the_wrong_side_is_refused(scene: Scene, side: int, at: float, take_profit: bool) -> None:
    refused = scene.venue.place(A, scene.trigger(ETH, side, 1_000, at, take_profit=take_profit))
    assert refused == Refused("Invalid TP/SL price. asset=1")


def test_children_wait_for_their_parent_and_one_filled_cancels_the_other(scene: Scene) -> None:
    mark = scene.venue.mark_px(ETH)
    entry = scene.request(ETH, 1, 1_000, below(scene, ETH, 0.99))
    profit = scene.trigger(ETH, -1, 1_000, 1.05, take_profit=True)
    stop = scene.trigger(ETH, -1, 1_000, 0.9, take_profit=False)
    outcomes = scene.group(A, [entry, profit, stop], "normalTpsl")
    assert isinstance(outcomes[0], Resting)
    assert [outcome.text for outcome in outcomes[1:] if isinstance(outcome, Waiting)] == ["waitingForFill"] * 2
    scene.price(ETH, floor_to_tick(mark * 0.98, 10_000))
    assert scene.size(A, ETH) == 1_000
    assert len(scene.venue.state.accounts[A].open_orders) == 2
    scene.price(ETH, floor_to_tick(mark * 1.06, 10_000))
    assert scene.size(A, ETH) == 0
    assert scene.statuses(A) == ["filled", "filled", "siblingFilledCanceled"]


def test_children_are_live_at_once_when_the_parent_fills_at_once(scene: Scene) -> None:
    profit = scene.trigger(ETH, -1, 1_000, 1.05, take_profit=True)
    outcomes = scene.group(A, [scene.request(ETH, 1, 1_000), profit], "normalTpsl")
    assert isinstance(outcomes[0], Filled)
    assert outcomes[1] == Waiting(outcomes[0].oid + 1, "waitingForTrigger")


def test_children_die_with_a_parent_that_is_canceled(scene: Scene) -> None:
    entry = scene.request(ETH, 1, 1_000, below(scene, ETH, 0.9))
    [parent, _] = scene.group(A, [entry, scene.trigger(ETH, -1, 1_000, 1.05, take_profit=True)], "normalTpsl")
    assert isinstance(parent, Resting)
    assert scene.venue.cancel(A, ETH, parent.oid) is None
    assert scene.statuses(A) == ["canceled", "canceled"]


def test_position_tpsl_closes_whatever_the_position_is_and_goes_with_it(scene: Scene) -> None:
    mark = scene.venue.mark_px(ETH)
    scene.order(A, ETH, 1, 1_000)
    both = [scene.trigger(ETH, -1, 1_000, at, take_profit=at > 1) for at in (1.05, 0.95)]
    scene.group(A, both, "positionTpsl")
    scene.order(A, ETH, 1, 500)
    scene.price(ETH, floor_to_tick(mark * 1.06, 10_000))
    assert scene.size(A, ETH) == 0
    assert scene.statuses(A)[1:3] == ["filled", "siblingFilledCanceled"]
    scene.order(A, ETH, 1, 1_000)
    scene.group(A, [scene.trigger(ETH, -1, 1_000, 1.05, take_profit=True)], "positionTpsl")
    scene.order(A, ETH, -1, 1_000)
    assert "reduceOnlyCanceled" in scene.statuses(A)


def test_modified_order_moves_and_a_refused_change_leaves_the_old_one(scene: Scene) -> None:
    price = below(scene, ETH, 0.9)
    first = scene.order(A, ETH, 1, 1_000, price)
    assert isinstance(first, Resting)
    moved = scene.venue.modify(A, first.oid, scene.request(ETH, 1, 2_000, below(scene, ETH, 0.91)))
    assert isinstance(moved, Resting)
    assert scene.statuses(A) == ["canceled", "open"]
    crossing = scene.venue.modify(A, moved.oid, scene.request(ETH, 1, 2_000, below(scene, ETH, 1.01)))
    assert isinstance(crossing, Refused)
    assert crossing.text.startswith("Post only order would have immediately matched")
    assert list(scene.venue.state.accounts[A].open_orders) == [moved.oid]
    always = scene.venue.modify(A, moved.oid, scene.request(ETH, 1, 2_000, below(scene, ETH, 1.01)), always=True)
    assert isinstance(always, Filled)
    gone = scene.venue.modify(A, moved.oid, scene.request(ETH, 1, 2_000, price))
    assert gone == Refused("Cannot modify canceled or filled order.")


def test_twap_buys_its_slices_over_its_time(scene: Scene) -> None:
    twap = scene.venue.start_twap(A, ETH, is_buy=True, lots=1_000, reduce_only=False, minutes=5, randomize=False)
    assert scene.size(A, ETH) == 100
    for _ in range(10):
        scene.step(30_000)
    assert scene.size(A, ETH) == 1_000
    assert (twap.status, twap.slices) == ("finished", 10)
    assert {fill.twap_id for fill in scene.venue.state.accounts[A].fills} == {twap.id}
    assert scene.venue.cancel_twap(A, ETH, twap.id) == "TWAP was never placed, already canceled, or filled."


def test_twap_is_stopped_and_refuses_odd_durations(scene: Scene) -> None:
    with pytest.raises(VenueError, match=r"Invalid TWAP duration: 1 min\(s\)"):
        scene.venue.start_twap(A, ETH, is_buy=True, lots=1_000, reduce_only=False, minutes=1, randomize=False)
    twap = scene.venue.start_twap(A, ETH, is_buy=True, lots=1_000, reduce_only=False, minutes=5, randomize=True)
    assert scene.venue.cancel_twap(B, ETH, twap.id) is not None
    assert scene.venue.cancel_twap(A, ETH, twap.id) is None
    bought = scene.size(A, ETH)
    scene.step(60_000)
    assert (scene.size(A, ETH), twap.status) == (bought, "terminated")


def test_scheduled_cancel_needs_volume_and_withdraws_everything(scene: Scene) -> None:
    now = scene.clock.now_ms()
    with pytest.raises(VenueError, match=r"Required: \$1000000. Traded: \$0"):
        scene.venue.schedule_cancel(A, now + 10_000)
    scene.venue.state.accounts[A].volume = 10**6 * MICRO
    with pytest.raises(VenueError, match="at least 5 seconds"):
        scene.venue.schedule_cancel(A, now + 1_000)
    scene.order(A, ETH, 1, 1_000, below(scene, ETH, 0.9))
    scene.venue.schedule_cancel(A, now + 10_000)
    scene.step(9_000)
    assert scene.statuses(A) == ["open"]
    scene.step(2_000)
    assert scene.statuses(A) == ["scheduledCancel"]


def test_open_interest_cap_refuses_what_adds_to_it(scene: Scene) -> None:
    market = scene.venue.market(ETH)
    scene.order(A, ETH, 1, 1_000)
    market.open_interest_cap = 1
    assert isinstance(scene.order(B, ETH, 1, 1_000, market.oracle // 10_000 * 10_000), Refused)
    refused = scene.order(B, ETH, 1, 1_000)
    assert isinstance(refused, Refused)
    assert "more aggressive than oracle" in refused.text
    assert isinstance(scene.order(A, ETH, -1, 1_000, market.oracle // 1_000 * 995, tif="Ioc"), Filled)


def test_resting_order_without_margin_left_is_withdrawn_when_reached(scene: Scene) -> None:
    mark = scene.venue.mark_px(ETH)
    resting = scene.order(A, ETH, 1, 10_000, below(scene, ETH, 0.95))
    assert isinstance(resting, Resting)
    account = scene.venue.state.accounts[A]
    scene.venue.usd_send(A, B, account.raw_usd - 10 * MICRO)
    scene.price(ETH, floor_to_tick(mark * 0.94, 10_000))
    assert account.orders[resting.oid].status == "marginCanceled"
    assert scene.size(A, ETH) == 0


def test_position_beyond_its_margin_tier_is_refused(recording: Recording) -> None:
    scene = Scene(recording, usdc=20_000_000)
    scene.venue.update_leverage(A, BTC, 40)
    lots = 151_000_000 * MICRO // scene.venue.mark_px(BTC)
    refused = scene.order(A, BTC, 1, lots, below(scene, BTC, 0.99))
    text = "Order would cause position to exceed margin tier limit at current leverage asset=0"
    assert refused == Refused(text)


def test_halted_market_takes_no_order_and_fills_none(scene: Scene) -> None:
    mark = scene.venue.mark_px(ETH)
    scene.order(A, ETH, 1, 1_000, below(scene, ETH, 0.99))
    scene.venue.market(ETH).faults.halted = True
    assert scene.order(B, ETH, 1, 1_000) == Refused("Trading is halted. asset=1")
    scene.price(ETH, floor_to_tick(mark * 0.9, 10_000))
    assert scene.statuses(A) == ["open"]
