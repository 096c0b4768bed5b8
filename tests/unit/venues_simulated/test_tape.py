"""The tape: recorded where it is recorded, the same for everybody who asks, and depth as the impact prices say."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from keeper.errors import ConfigError
from keeper.venues.simulated.tape.depth import IMPACT_USD, IMPACT_USD_MAJOR, MAJORS, DepthModel
from keeper.venues.simulated.tape.path import PricePath
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording, load
from keeper.venues.simulated.units import MICRO, tick_of

COINS_WITH_BARS = ("BTC", "ETH", "SOL", "AVAX", "DOGE", "BNB", "XRP")


def listed(recording: Recording) -> list[int]:
    return [spec.index for spec in recording.specs if not spec.delisted]


def test_tape_begins_at_the_recorded_snapshot(recording: Recording) -> None:
    assert len(listed(recording)) >= 12
    for index in listed(recording):
        path, snapshot, spec = PricePath(recording, index), recording.snapshots[index], recording.specs[index]
        assert path.mid(recording.start_ms) == pytest.approx(snapshot.mid, rel=1e-12), spec.coin
        assert path.oracle(recording.start_ms) == pytest.approx(snapshot.oracle, rel=1e-12), spec.coin


@pytest.mark.parametrize("coin", COINS_WITH_BARS)
def test_path_meets_open_close_and_range_of_each_recorded_hour(recording: Recording, coin: str) -> None:
    index = next(spec.index for spec in recording.specs if spec.coin == coin)
    path = PricePath(recording, index)
    for hour in (1, 2, 100, 600):
        start = recording.bars_start_ms + hour * HOUR_MS
        open_, high, low, close = recording.bars[coin][hour]
        prices = [path.mid(start + second * 1000) for second in range(0, 3600, 3)]
        assert path.mid(start) == pytest.approx(open_, rel=1e-9)
        assert path.mid(start + 3_599_000) == pytest.approx(close, rel=1e-9)
        assert low * (1 - 1e-9) <= min(prices) <= max(prices) <= high * (1 + 1e-9)
        assert max(prices) > high - 0.05 * (high - low)
        assert min(prices) < low + 0.05 * (high - low)


def test_prices_do_not_depend_on_the_order_they_are_asked_in(recording: Recording) -> None:
    times = [recording.start_ms + step * 7_777 for step in range(2_000)]
    shuffled = times[:]
    random.Random(1).shuffle(shuffled)
    for index in (0, 2, 5):
        forward, scattered = PricePath(recording, index), PricePath(recording, index)
        expected = {time: (forward.mid(time), forward.basis(time)) for time in times}
        assert {time: (scattered.mid(time), scattered.basis(time)) for time in shuffled} == expected


def test_coins_without_bars_and_hours_after_the_last_bar_move_slowly(recording: Recording) -> None:
    for index, first in ((2, recording.start_ms), (0, recording.bars_start_ms + len(recording.bars["BTC"]) * HOUR_MS)):
        path = PricePath(recording, index)
        prices = [path.mid(first + minute * 60_000) for minute in range(24 * 60)]
        moves = [abs(after / before - 1) for before, after in pairwise(prices)]
        assert 0 < max(moves) < 0.003
        assert max(prices) / min(prices) < 1.15


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_average_price_of_the_impact_notional_is_the_recorded_impact_price(recording: Recording, scale: float) -> None:
    for index in listed(recording):
        spec, snapshot = recording.specs[index], recording.snapshots[index]
        assert snapshot.mid is not None
        assert snapshot.impact_bid is not None
        assert snapshot.impact_ask is not None
        model = DepthModel(recording, index, scale, seed=3)
        notional = (IMPACT_USD_MAJOR if spec.coin in MAJORS else IMPACT_USD) * MICRO * scale
        for asks, recorded in ((False, snapshot.impact_bid), (True, snapshot.impact_ask)):
            left, coins = notional, 0.0
            for level in model.ladder(snapshot.mid * spec.unit, asks=asks, tape_ms=recording.start_ms):
                taken = min(left, float(level.price * level.lots))
                left, coins = left - taken, coins + taken / level.price
            average = notional / coins
            assert left == 0, spec.coin
            assert abs(average - recorded * spec.unit) <= tick_of(int(average), spec.unit), (spec.coin, asks)


def test_books_are_sorted_on_the_grid_and_never_crossed(recording: Recording) -> None:
    for index in listed(recording):
        spec, path = recording.specs[index], PricePath(recording, index)
        model = DepthModel(recording, index, 1.0, seed=3)
        for minute in range(0, 600, 60):
            mid = path.mid(recording.start_ms + minute * 60_000) * spec.unit
            bids, asks = (model.ladder(mid, asks=side, tape_ms=minute) for side in (False, True))
            assert bids[0].price < asks[0].price
            assert [level.price for level in bids] == sorted({level.price for level in bids}, reverse=True)
            assert [level.price for level in asks] == sorted({level.price for level in asks})
            assert all(level.price % tick_of(level.price, spec.unit) == 0 and level.lots > 0 for level in bids + asks)
            assert asks[-1].price > mid * 1.04


def test_depth_of_btc_grows_as_the_recorded_books_do(recording: Recording) -> None:
    model = DepthModel(recording, 0, 1.0, seed=0)
    mid = recording.snapshots[0].mid
    assert mid is not None
    exact = mid * recording.specs[0].unit
    for distance in (2, 5, 20, 100):
        within = exact * (1 + distance / 1e4)
        levels = model.ladder(exact, asks=True, tape_ms=0)
        notional = sum(level.price * level.lots for level in levels if level.price <= within) / MICRO
        fitted = recording.depth_usd_at_1bp * distance**recording.depth_exponent
        assert 0.5 * fitted < notional < 1.6 * fitted


def test_missing_or_broken_tape_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "tape.json.gz"
    broken.write_bytes(b"not a tape")
    with pytest.raises(ConfigError, match=r"--tape .*tape\.json\.gz: not a readable tape"):
        load(broken)
