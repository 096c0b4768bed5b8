"""Splits one order over several venues at the least all-in cost, and proves it.

    >>> from decimal import Decimal as D
    >>> from keeper.routing import RouteRequest, VenueQuote, plan
    >>> quotes = [
    ...     VenueQuote("a", [(D(100), D(3)), (D(101), D(9))], taker_fee_bps=D(4), lot_size=D(1), tick_size=D("0.1")),
    ...     VenueQuote("b", [(D("100.2"), D(5))], taker_fee_bps=D(2), lot_size=D(1), tick_size=D("0.1")),
    ... ]
    >>> request = RouteRequest("buy", D(6), reference_price=D(100))
    >>> route = plan(request, quotes)
    >>> [(leg.venue, str(leg.quantity), str(leg.limit_price)) for leg in route.legs]
    [('a', '3', '100'), ('b', '3', '100.2')]
    >>> route.cost == D("0.78012")  # 3·100·4 bps + 3·0.2 + 3·100.2·2 bps
    True
    >>> route.certificate.gap == 0, route.certificate.verify(request, quotes)
    (True, True)

**Objective.** First the filled quantity is maximised within limit price, slippage and caps; then this cost (USD) is
minimised, s = +1 buy, −1 sell, over the levels q, price that each leg uses:

    Σ s·q·(price − reference) + q·price·taker + q·reference·(holding + risk) + fixed costs of the venues used

**Guarantees.** The plan is optimal in whole lots, with fixed costs, minimum notionals and `max_legs`, when each lot
divides the next larger one (0.001, 0.01, ...; also one common lot). A lot that does not (0.003 beside 0.002) is used in
multiples that do (0.006): such a plan is feasible, and "optimal" and "filled the most" are meant over those multiples.
Sets of venues are tried only where one of these rules binds; up to 13 venues that always ends, beyond it may refuse
with `search_too_large`. The certificate proves it set by set; with one common lot its gap is 0, with nested lots the
gap bounds what a cheaper plan could save.

**Limits** bound every fill, fees not counted. A level off the venue's tick needs an order on the next tick outward; it
is used only if that order price is within the limit.

`LiveRoute` keeps the route of a waiting order ready while books change, for decisions in microseconds.

Nothing is rounded: the solver and the certificate calculate in whole numbers (lots, and a unit of cost that divides
every cost); dual prices are given to 40 digits, the improvement to 28.
"""

from keeper.routing.certificate import Certificate, Leaf, RoutePlan
from keeper.routing.errors import RoutingError
from keeper.routing.live import Decision, LiveLeg, LiveRoute
from keeper.routing.planner import plan
from keeper.routing.types import BestSingle, Leg, RouteRequest, VenueQuote

__all__ = [
    "BestSingle",
    "Certificate",
    "Decision",
    "Leaf",
    "Leg",
    "LiveLeg",
    "LiveRoute",
    "RoutePlan",
    "RouteRequest",
    "RoutingError",
    "VenueQuote",
    "plan",
]
