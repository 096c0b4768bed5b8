"""Settlement: which records a mark covers (`cut`), the statement, and the commit that conserves (`build`)."""

from keeper.settlement.build import CommitPlan, build
from keeper.settlement.cut import CutStart, find_cut

__all__ = ["CommitPlan", "CutStart", "build", "find_cut"]
