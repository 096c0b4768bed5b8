"""From a signed order to booked fills: intake checks, routing, legs sent once, outcomes proven before booking."""

from keeper.execution.costing import CostModel, VenuePolicy
from keeper.execution.decision import decision_record
from keeper.execution.engine import ExecutionEngine, ExecutionSettings
from keeper.execution.intake import CheckedOrder, check

__all__ = [
    "CheckedOrder",
    "CostModel",
    "ExecutionEngine",
    "ExecutionSettings",
    "VenuePolicy",
    "check",
    "decision_record",
]
