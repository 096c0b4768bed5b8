"""The price of one coin as a pure function of tape time.

Recorded: the first instant (mid, oracle, mark) and, for coins with bars, open, high, low and close of each hour.
Synthetic, seeded, never claimed to be real: when inside the hour the high and the low are met, and the wander between
those points (noise pinned to nought at both ends, kept within the hour's range); and for coins without bars, or after
the last bar, a slow random walk.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from keeper.venues.simulated.tape.noise import ValueNoise, text_key, uniform
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording

BRIDGE_PERIODS_S = (2, 8, 32, 128, 512)
WALK_PERIODS_S = tuple(2 * 4**k for k in range(10))
WALK_SPREAD = 5e-5  # relative, per square root of a second: about 0.3% an hour
BRIDGE_SPREAD = 0.02  # of the hour's range, per square root of a second of the noise's own scale
NEUTRAL_RATE = 125_000  # ×1e10: what funding is when the premium is within the clamp
CLAMP = 0.0005
INTEREST = 0.0001

Bar = tuple[float, float, float, float]
Knot = tuple[float, float]


class PricePath:
    """Mid and oracle of one coin in USDC. Times are tape milliseconds; any order of calls gives the same answers."""

    def __init__(self, recording: Recording, index: int) -> None:
        spec, snapshot = recording.specs[index], recording.snapshots[index]
        self._key = text_key(spec.coin)
        self._start_ms = recording.start_ms
        self._first_mid = snapshot.mid if snapshot.mid is not None else snapshot.mark
        self._bars: Sequence[Bar] = recording.bars.get(spec.coin, ())
        self._bars_start_ms = recording.bars_start_ms
        self._bars_end_ms = recording.bars_start_ms + len(self._bars) * HOUR_MS
        self._bridge = ValueNoise(self._key, BRIDGE_PERIODS_S)
        self._walk = ValueNoise(self._key ^ 1, WALK_PERIODS_S)
        self._knots: dict[int, list[Knot]] = {}
        self._walk_start_ms = self._bars_end_ms if self._bars else self._start_ms
        self._walk_origin = self._walk.value(self._walk_start_ms / 1000)
        self._walk_mid = self._bars[-1][3] if self._bars else self._first_mid
        self._basis = _basis_by_hour(recording, index)
        self._first_basis = self._first_mid / snapshot.oracle - 1
        self.delisted = spec.delisted

    def mid(self, tape_ms: int) -> float:
        """The middle of the book."""
        if self.delisted:
            return self._first_mid
        if tape_ms < self._bars_end_ms:
            return self._bridged(tape_ms)
        drift = self._walk.value(tape_ms / 1000) - self._walk_origin
        return self._walk_mid * (1 + WALK_SPREAD * drift)

    def basis(self, tape_ms: int) -> float:
        """(mid − oracle) / oracle: the recorded first one, then what each hour's recorded funding implies."""
        if self.delisted:
            return self._first_basis
        position = (tape_ms - self._start_ms) / HOUR_MS
        hour = int(position)
        left = self._basis[min(hour, len(self._basis) - 1)] if hour else self._first_basis
        right = self._basis[min(hour + 1, len(self._basis) - 1)]
        return left + (right - left) * (position - hour)

    def oracle(self, tape_ms: int) -> float:
        return self.mid(tape_ms) / (1 + self.basis(tape_ms))

    def _bridged(self, tape_ms: int) -> float:
        hour = (tape_ms - self._bars_start_ms) // HOUR_MS
        knots = self._knots.get(hour)
        if knots is None:
            self._knots = {hour: self._hour_knots(hour)}
            knots = self._knots[hour]
        _, high, low, _ = self._bars[hour]
        seconds = tape_ms / 1000
        for (left_s, left), (right_s, right) in pairwise(knots):
            if seconds <= right_s:
                share = (seconds - left_s) / (right_s - left_s)
                pinned = math.sqrt(max(0.0, share * (1 - share)))
                wander = BRIDGE_SPREAD * (high - low) * pinned * self._bridge.value(seconds)
                low, high = min(low, left, right), max(high, left, right)
                return min(high, max(low, left + (right - left) * share + wander))
        return knots[-1][1]

    def _hour_knots(self, hour: int) -> list[Knot]:
        """(second, price) of the points the path goes through in this hour, the next hour's open included."""
        start_s = (self._bars_start_ms + hour * HOUR_MS) / 1000
        open_, high, low, close = self._bars[hour]
        following = self._bars[hour + 1][0] if hour + 1 < len(self._bars) else close
        if hour == 0:  # the tape begins inside its first hour, at the recorded instant
            return [(self._start_ms / 1000, self._first_mid), (start_s + 3600, following)]
        high_first = uniform(self._key, hour, 1) < 0.5
        first = start_s + 3600 * (0.15 + 0.3 * uniform(self._key, hour, 2))
        second = start_s + 3600 * (0.55 + 0.3 * uniform(self._key, hour, 3))
        return [
            (start_s, open_),
            (first, high if high_first else low),
            (second, low if high_first else high),
            (start_s + 3599, close),
            (start_s + 3600, following),
        ]


def _basis_by_hour(recording: Recording, index: int) -> list[float]:
    """The basis at each hour after the start. From `rate = (P + clamp(0.0001 − P, ±0.0005)) / 8` follows the average
    premium P when the clamp acted; P is of the impact price, so half the impact spread is given back. Else, and where
    nothing was recorded, the snapshot's own basis with a basis point of noise."""
    spec, snapshot = recording.specs[index], recording.snapshots[index]
    if snapshot.mid is None or snapshot.impact_ask is None or snapshot.impact_bid is None:
        return [0.0, 0.0]
    first = snapshot.mid / snapshot.oracle - 1
    quiet = max(-0.0003, min(0.0005, first))
    key = text_key(spec.coin) ^ 2
    series = [first]
    for hour, rate in enumerate(recording.funding.get(spec.coin, [NEUTRAL_RATE] * 48)):
        eight_hours = rate * 8e-10
        if rate == NEUTRAL_RATE:
            series.append(quiet + 1e-4 * (uniform(key, hour) - 0.5))
        elif eight_hours > INTEREST:
            series.append(eight_hours + CLAMP + (1 - snapshot.impact_bid / snapshot.mid))
        else:
            series.append(eight_hours - CLAMP - (snapshot.impact_ask / snapshot.mid - 1))
    return series
