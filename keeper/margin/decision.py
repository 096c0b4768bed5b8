"""What one round of rebalancing does about cash, as a pure function of what it saw, so that it can be made again.
Amounts in micro-USDC."""

import msgspec

from keeper.margin.planner import SeatCash, SeatNeed, plan_recalls, plan_top_ups, target_of
from keeper.model.events import CashMove, RebalanceDecided, SeatSeen

SPOT_RESERVE = 5_000_000
"""Stays on spot: Core takes its fees there (rule C2)."""

HOME_FEE = 1_000_000
"""What a tier-2 venue keeps of a withdrawal: the custodian signs for so much more."""


def decide(asked: RebalanceDecided) -> RebalanceDecided:
    """`asked` with its answer: what idle cash lacks for withdrawals is recalled, and seats below their target are
    topped up out of what withdrawals leave. Nothing is asked of a seat, or sent to it, while anything is on its way
    there or home; a frozen one gets nothing."""
    recalls = _recalls(asked) if asked.may_recall else ()
    top_ups = _top_ups(asked) if asked.may_send else ()
    return msgspec.structs.replace(asked, recalls=recalls, top_ups=top_ups)


def need_of(seat: SeatSeen, sum_equity: int) -> SeatNeed:
    """The seat as the planner of top-ups sees it."""
    return SeatNeed(
        venue=seat.venue,
        equity=seat.equity,
        margin_used=seat.margin_used,
        notional=seat.notional,
        base=seat.base_bps * sum_equity // 10_000,
        headroom=seat.headroom,
    )


def _recalls(asked: RebalanceDecided) -> tuple[CashMove, ...]:
    """What withdrawals wait for, beyond the cash that is there for them and what is coming already."""
    coming = sum(seat.coming for seat in asked.seats)
    shortfall = asked.wanted - max(0, asked.idle - asked.payables) - coming
    if shortfall <= 0:
        return ()
    cash = [_cash(seat, asked) for seat in asked.seats if seat.is_at_rest]
    return plan_recalls(cash, shortfall)


def _cash(seat: SeatSeen, asked: RebalanceDecided) -> SeatCash:
    """What a seat could give back when all that is wanted has left. A venue keeps a tenth of the notional at least,
    whatever it says is withdrawable."""
    left = max(0, asked.sum_equity - asked.wanted)
    stressed = target_of(need_of(seat, 0), asked.stress_bps)
    target = max(stressed, seat.base_bps * left // 10_000)
    movable = min(seat.withdrawable, seat.equity - seat.spot - -(-seat.notional // 10))
    movable = max(0, movable) + seat.spot - SPOT_RESERVE if seat.tier == 1 else movable - HOME_FEE
    return SeatCash(seat.venue, movable=movable, spare=seat.equity - target, safe=seat.equity - stressed)


def _top_ups(asked: RebalanceDecided) -> tuple[CashMove, ...]:
    """None in a round that recalls: withdrawals then wait for more than there is."""
    able = [seat for seat in asked.seats if seat.is_at_rest and not seat.is_frozen]
    return plan_top_ups(
        (need_of(seat, asked.sum_equity) for seat in able),
        free_cash=max(0, asked.free_cash - asked.wanted),
        stress_bps=asked.stress_bps,
        top_up_bps=asked.top_up_bps,
    )
