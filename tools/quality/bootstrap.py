"""Intervals of a mean when neighbours in time are alike: whole blocks of time are drawn again, not single values."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 2_000
SEED = 20240808


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float

    def plain(self) -> list[float]:
        return [round(value, 4) for value in (self.mean, self.low, self.high)]


def block_bootstrap(values: Sequence[float], blocks: Sequence[int]) -> Interval:
    """Mean of `values` and its percentile interval; values with one number of `blocks` are drawn together.

    Künsch's block bootstrap (Annals of Statistics 17, 1989) with blocks that do not overlap. ValueError without values.
    """
    if not values:
        raise ValueError("no values to take a mean of")
    totals: dict[int, tuple[float, int]] = {}
    for value, block in zip(values, blocks, strict=True):
        total, count = totals.get(block, (0.0, 0))
        totals[block] = (total + value, count + 1)
    parts = list(totals.values())
    rng = random.Random(SEED)  # noqa: S311 - statistics, no secret
    means = []
    for _ in range(DRAWS):
        drawn = rng.choices(parts, k=len(parts))
        means.append(sum(total for total, _ in drawn) / sum(count for _, count in drawn))
    means.sort()
    return Interval(sum(values) / len(values), means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1])
