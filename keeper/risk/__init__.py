"""Initial margin of sub-accounts (ours) and of seats (the venue's), and the checks made before an order is taken.

Requirement of a sub-account, micro-USDC, rounded up:

    Σ over coins |Σ over venues size| × mark × max(buffer / max leverage, stress)
    + max over venues Σ over coins |size there| × mark there / max leverage

The first line is a stress of the whole portfolio: a coin's positions at several venues net, its mark is the highest of
theirs, its leverage the lowest. The second is what the dearest venue asks for the gross positions there, so that a
perfect hedge over two venues still needs the margin of one of them. A coin whose mark is stale counts `stale_factor`
times and may take no new risk. An order is acceptable while equity − requirement after it ≥ 0.

The venues' own arithmetic, pure and exact, is beside it: `tiers` (maintenance margin in brackets), `liquidation`
(liquidation and bankruptcy prices), `position` (what venues show of a position) and `adl` (deleveraging ranks).
"""

from keeper.risk.engine import RiskEngine
from keeper.risk.margin import RiskSettings, requirement
from keeper.risk.room import largest
from keeper.risk.seats import free_margin, seat_capacity

__all__ = ["RiskEngine", "RiskSettings", "free_margin", "largest", "requirement", "seat_capacity"]
