"""What a symbol's settled rates say of the coming ones, and what holding a position until then is expected to cost.

    E[f(t)] = m + (f_now − m) · 2^(−(t − now)/h)         per hour, at each settlement instant t crossed

m is the mean of the history; h, the half-life, comes from the autocorrelation φ of neighbouring settlements:
h = interval · ln ½ / ln φ. When the holding period is longer than h, the far end of the sum is mostly m, which is then
replaced by a pessimistic one: the quantile of the means over spans as long as the holding period (at most a quarter of
the history) on the side that pays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from itertools import accumulate, pairwise

from keeper.errors import InputError
from keeper.model.funding import HOUR_MS
from keeper.model.instruments import Side

LEAST_SETTLEMENTS = 48
"""Fewer tell neither a mean nor a half-life."""

LEAST_PHI, MOST_PHI = Decimal("0.05"), Decimal("0.995")
PESSIMISM = Decimal("0.75")
BPS = Decimal(10_000)
GRAIN = Decimal("0.0001")
"""Expected costs are given to a ten-thousandth of a basis point, so that the router can add them exactly."""

MATH = Context(prec=28, rounding=ROUND_HALF_EVEN)
HALF, HOUR = Decimal("0.5"), Decimal(HOUR_MS)


@dataclass(frozen=True, slots=True)
class SettledHour:
    """One settlement: its instant, its rate as a fraction per hour, and the hours that it settles."""

    time_ms: int
    per_hour: Decimal
    interval_hours: Decimal


def settled_hours(rates: Sequence[tuple[int, Decimal]]) -> list[SettledHour]:
    """From (instant in ms, rate of its interval), oldest first: an interval is the time since the settlement before,
    in whole hours. The first one, whose interval is not known, is left out."""
    found = []
    for (before_ms, _), (at_ms, rate) in pairwise(rates):
        hours = (at_ms - before_ms + HOUR_MS // 2) // HOUR_MS
        if hours > 0:
            found.append(SettledHour(at_ms, MATH.divide(rate, Decimal(hours)), Decimal(hours)))
    return found


@dataclass(frozen=True, slots=True)
class ExpectedFunding:
    """`bps` of notional over the holding period (positive = cost) at the `instants` crossed, and how it was found."""

    bps: Decimal
    instants: int
    method: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """A symbol's history in three numbers, and the means of its spans. Rates per hour, fractions of notional."""

    mean: Decimal
    half_life_hours: Decimal
    settled: tuple[SettledHour, ...]
    _means: dict[Decimal, list[Decimal]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def fit(cls, settled: Sequence[SettledHour]) -> "Outlook | None":
        """From settlements, oldest first; None when they are fewer than LEAST_SETTLEMENTS."""
        if len(settled) < LEAST_SETTLEMENTS:
            return None
        weight = sum((one.interval_hours for one in settled), Decimal(0))
        mean = MATH.divide(
            sum((MATH.multiply(one.per_hour, one.interval_hours) for one in settled), Decimal(0)), weight
        )
        interval = settled[-1].interval_hours
        return cls(mean, _half_life(settled, mean, interval), tuple(settled))

    def pessimistic(self, side: Side, hours: Decimal, quantile: Decimal = PESSIMISM) -> Decimal:
        """The mean over spans of that length that only 1 − `quantile` of them are worse than, for `side`."""
        means = self._means.get(hours)
        if means is None:
            means = self._means[hours] = sorted(self._span_means(hours))
        rank = int(quantile * (len(means) - 1))
        return means[rank] if side == "buy" else means[len(means) - 1 - rank]

    def _span_means(self, hours: Decimal) -> Iterable[Decimal]:
        """Means over overlapping runs of settlements about `hours` long."""
        total = sum((one.interval_hours for one in self.settled), Decimal(0))
        share = MATH.divide(min(hours, total / 4), total)
        run = max(1, int(share * len(self.settled)))
        hours_to = list(accumulate((one.interval_hours for one in self.settled), initial=Decimal(0)))
        paid_to = list(
            accumulate((MATH.multiply(one.per_hour, one.interval_hours) for one in self.settled), initial=Decimal(0))
        )
        for start in range(len(self.settled) - run + 1):
            yield MATH.divide(paid_to[start + run] - paid_to[start], hours_to[start + run] - hours_to[start])


def expected_funding(
    side: Side,
    current: Decimal,
    interval_hours: Decimal,
    next_ms: int,
    now_ms: int,
    holding_hours: int,
    outlook: Outlook | None,
    *,
    quantile: Decimal | None = PESSIMISM,
) -> ExpectedFunding:
    """What a position opened now and held for `holding_hours` is expected to pay, at the instants next_ms,
    next_ms + interval, ... in (now, now + holding]. `current`: the venue's own rate per interval, longs pay a positive
    one. Without an outlook the current rate is taken for every instant. `quantile` None: never pessimistic.

    InputError when `next_ms` is not after `now_ms`.
    """
    if next_ms <= now_ms:
        raise InputError("next_ms", f"the settlement at {next_ms} is not after {now_ms}", "backwards")
    step = int(interval_hours * HOUR_MS)
    end = now_ms + holding_hours * HOUR_MS
    instants = (end - next_ms) // step + 1 if end >= next_ms else 0
    sign = 1 if side == "buy" else -1
    if outlook is None:
        return ExpectedFunding(_grain(sign * current * instants * BPS), instants, "current rate held")
    far, method = outlook.mean, "decay to the mean"
    if quantile is not None and holding_hours > outlook.half_life_hours:
        far, method = outlook.pessimistic(side, Decimal(holding_hours), quantile), "decay to the pessimistic quantile"
    near = MATH.divide(current, interval_hours)
    decay = _decay_sum(Decimal(next_ms - now_ms) / HOUR, interval_hours, instants, outlook.half_life_hours)
    per_hour = MATH.multiply(far, Decimal(instants)) + MATH.multiply(near - far, decay)
    return ExpectedFunding(_grain(sign * MATH.multiply(per_hour, interval_hours) * BPS), instants, method)


@lru_cache(1024)
def _decay_sum(first_hours: Decimal, step_hours: Decimal, count: int, half_life: Decimal) -> Decimal:
    """Σ 2^(−(first + k·step)/h) for k = 0 .. count − 1."""
    if not count:
        return Decimal(0)
    first = MATH.power(HALF, MATH.divide(first_hours, half_life))
    ratio = MATH.power(HALF, MATH.divide(step_hours, half_life))
    return MATH.divide(MATH.multiply(first, 1 - MATH.power(ratio, Decimal(count))), 1 - ratio)


def _half_life(settled: Sequence[SettledHour], mean: Decimal, interval: Decimal) -> Decimal:
    """interval · ln ½ / ln φ, φ over neighbours one such interval apart, kept within [LEAST_PHI, MOST_PHI]."""
    step = int(interval * HOUR_MS)
    pairs = [
        (a.per_hour - mean, b.per_hour - mean)
        for a, b in pairwise(settled)
        if abs(b.time_ms - a.time_ms - step) < HOUR_MS // 2
    ]
    spread = sum((MATH.multiply(a, a) for a, _ in pairs), Decimal(0))
    together = sum((MATH.multiply(a, b) for a, b in pairs), Decimal(0))
    phi = min(max(MATH.divide(together, spread), LEAST_PHI), MOST_PHI) if spread else LEAST_PHI
    return MATH.divide(MATH.multiply(interval, MATH.ln(HALF)), MATH.ln(phi))


def _grain(bps: Decimal) -> Decimal:
    return bps.quantize(GRAIN, context=MATH)
