"""What a sub-account earned at a seat between two marks."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class SeatResult:
    """What a sub-account earned at a seat between two marks, micro-USDC; `fees` positive = paid to the venue, `routing`
    the most that the broker may take of these fills."""

    trading: int = 0
    revaluation: int = 0
    fees: int = 0
    funding: int = 0
    fills: int = 0
    routing: int = 0
    withheld_before: int = 0
    withheld: int = 0

    @property
    def pnl(self) -> int:
        return self.trading + self.revaluation - self.fees + self.funding

    @property
    def for_lane(self) -> int:
        """The result, less what is newly withheld of it (rule D3)."""
        return self.pnl + self.withheld_before - self.withheld


@dataclass(slots=True)
class MarkResult:
    """A seat between two marks: each sub-account's result, and what is left for insurance."""

    results: dict[int, SeatResult] = field(default_factory=lambda: defaultdict(SeatResult))
    insurance: int = 0
