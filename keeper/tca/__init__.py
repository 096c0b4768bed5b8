"""Execution quality (transaction cost analysis): what an order cost against what it could have.

- `measures`: the formulas, each with its source.
- `TcaJournal`: a projection of the event log; one `Trail` per order.
- `Sampler`: looks at the market at the moments that the measures need.
- `order_report`, `summary`: per order and together. Nothing is clipped; what was not measured is None.
- `check`: re-runs a stored decision bit for bit, and verifies its certificate without running the solver.
"""

from keeper.tca.check import Checked, check
from keeper.tca.journal import Episode, TcaJournal, Trail
from keeper.tca.report import OrderReport, Summary, impact_samples, order_report, summary
from keeper.tca.sampler import HORIZONS_MS, Sampler

__all__ = [
    "HORIZONS_MS",
    "Checked",
    "Episode",
    "OrderReport",
    "Sampler",
    "Summary",
    "TcaJournal",
    "Trail",
    "check",
    "impact_samples",
    "order_report",
    "summary",
]
