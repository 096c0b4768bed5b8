"""What each seat should hold, which top-ups bring it there, and what seats give back. Pure; amounts in micro-USDC.

A seat's target is the larger of its base (a share of all equity, so that orders can be filled at once) and the margin
it uses plus the loss it would take under stress while a transfer is under way:
`target = max(base, margin_used + stress × gross notional)` (design §6, product reference §4.7 with one scenario).
A seat is topped up only when it is below its target, and then to somewhat above it, so that it is not topped up again
a moment later.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from keeper.model.events import CashMove

MINIMUM_TRANSFER = 10_000_000
"""10 USDC: below that a transfer's fees and the wait for quiet cost more than they bring."""


@dataclass(frozen=True, slots=True)
class SeatNeed:
    """A seat as the planner sees it. `equity` counts what is in flight to it; `headroom` is what its caps allow."""

    venue: str
    equity: int
    margin_used: int
    notional: int
    base: int
    headroom: int


@dataclass(frozen=True, slots=True)
class SeatCash:
    """What a seat could give back, micro-USDC: `movable` as far as its venue lets it go, `spare` down to its target,
    `safe` down to the margin that its positions need under stress."""

    venue: str
    movable: int
    spare: int
    safe: int


def target_of(need: SeatNeed, stress_bps: int) -> int:
    """The equity the seat should hold, rounded up."""
    return max(need.base, need.margin_used - (-need.notional * stress_bps) // 10_000)


def plan_top_ups(
    needs: Iterable[SeatNeed], *, free_cash: int, stress_bps: int, top_up_bps: int
) -> tuple[CashMove, ...]:
    """Top-ups for the seats below target, the worst covered first, out of `free_cash`.

    `top_up_bps` of the target (10,000 = exactly the target) is where a top-up aims. Never more than the cash or the
    caps allow, never less than `MINIMUM_TRANSFER`.
    """
    below = [(need, target_of(need, stress_bps)) for need in needs]
    below = [(need, target) for need, target in below if need.equity < target]
    below.sort(key=lambda pair: (pair[0].equity * 10_000 // pair[1], pair[0].venue))
    result = []
    for need, target in below:
        amount = min(target * top_up_bps // 10_000 - need.equity, free_cash, need.headroom)
        if amount < MINIMUM_TRANSFER:
            continue
        free_cash -= amount
        result.append(CashMove(venue=need.venue, amount=amount))
    return tuple(result)


def plan_recalls(seats: Iterable[SeatCash], shortfall: int) -> tuple[CashMove, ...]:
    """The shortfall, from the seats with the most to spare; only if that is not enough, what lies between a seat's
    target and its stressed margin too. A seat is asked for at least `MINIMUM_TRANSFER`, or for nothing."""
    seats = tuple(seats)
    taken = dict.fromkeys((seat.venue for seat in seats), 0)
    for room in ({s.venue: min(s.movable, s.spare) for s in seats}, {s.venue: min(s.movable, s.safe) for s in seats}):
        for venue in sorted(room, key=lambda venue: (-room[venue], venue)):
            if shortfall > 0 and room[venue] >= MINIMUM_TRANSFER:
                wanted = max(shortfall, MINIMUM_TRANSFER - taken[venue])
                amount = min(wanted, room[venue] - taken[venue])
                taken[venue] += max(0, amount)
                shortfall -= max(0, amount)
    return tuple(CashMove(venue=venue, amount=amount) for venue, amount in taken.items() if amount)
