"""From a signed order to booked fills: intake checks, routing, children sent once, outcomes proven before booking.

`engine` is the face; `parents` is the life of an order, `children` and `legs` that of each message sent for it,
`rounds` what the router makes of the venues now, `costing` what using them costs, `own_orders` the rules of seats that
clients share, `health` which venues may be used. States and the steps between them: `keeper.model.orders`.
"""

from keeper.execution.costing import CostModel, VenuePolicy
from keeper.execution.decision import decision_record
from keeper.execution.engine import ExecutionEngine
from keeper.execution.intake import CheckedOrder, check
from keeper.execution.settings import ExecutionSettings

__all__ = [
    "CheckedOrder",
    "CostModel",
    "ExecutionEngine",
    "ExecutionSettings",
    "VenuePolicy",
    "check",
    "decision_record",
]
