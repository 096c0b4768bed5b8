"""Margin tiers: maintenance = notional × rate − deduction, rate(tier) = 1 / (2 × the tier's leverage), deduction(n) =
deduction(n − 1) + lower bound(n) × (rate(n) − rate(n − 1)), so that it is continuous (Hyperliquid docs, margin tiers).
"""

from functools import cache

from keeper.venues.simulated.units import AssetSpec


def max_leverage_at(spec: AssetSpec, notional: int) -> int:
    """The leverage allowed to a position of this size (micro-USDC)."""
    leverage = spec.max_leverage
    for lower, tier in spec.tiers:
        if notional >= lower:
            leverage = tier
    return leverage


@cache
def _steps(spec: AssetSpec) -> tuple[tuple[int, int, int], ...]:
    """(lower bound, 2 × leverage, deduction) per tier, the largest first."""
    steps: list[tuple[int, int, int]] = []
    deduction = 0
    for lower, leverage in spec.tiers or ((0, spec.max_leverage),):
        if steps:
            before = steps[-1][1]
            deduction += lower * (before - 2 * leverage) // (2 * leverage * before)
        steps.append((lower, 2 * leverage, deduction))
    return tuple(reversed(steps))


def maintenance(spec: AssetSpec, notional: int) -> int:
    """Maintenance margin of one position, micro-USDC, rounded down."""
    for lower, divisor, deduction in _steps(spec):
        if notional >= lower:
            return notional // divisor - deduction
    return 0


def maintenance_divisor(spec: AssetSpec, notional: int) -> int:
    """1 / maintenance rate of the tier a notional is in."""
    return next((divisor for lower, divisor, _ in _steps(spec) if notional >= lower), 2 * spec.max_leverage)
