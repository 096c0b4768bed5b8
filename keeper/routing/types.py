"""What goes into the router, and the parts of what comes out.

Amounts are Decimal (an int is taken as one): quantities in base units, prices and costs in USD.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """One order to be split.

    `reference_price` is what cost and slippage are measured against (the mark or mid at decision).
    `limit_price` and `max_slippage_bps` bound every single fill, fees not counted; with both, the tighter one binds.
    `max_legs` is the largest number of venues the plan may use.
    """

    side: Literal["buy", "sell"]
    quantity: Decimal
    reference_price: Decimal
    limit_price: Decimal | None = None
    max_slippage_bps: Decimal | None = None
    max_legs: int | None = None


@dataclass(frozen=True, slots=True)
class VenueQuote:
    """One venue's book on the side taken, and what trading there costs beyond the price.

    `levels` are (price, size), best first: asks rising for a buy, bids falling for a sell; may be empty.
    `taker_fee_bps` is charged on quantity × fill price, `holding_cost_bps` (signed: negative is income) and `risk_bps`
    on quantity × reference price. `fixed_cost` (USD, not negative) is paid once if the venue is
    used: gas, a withdrawal, a bridge. `min_notional` (USD) is tested on quantity × reference price. `max_quantity`
    caps the leg.
    """

    venue: str
    levels: Sequence[tuple[Decimal, Decimal]]
    taker_fee_bps: Decimal
    holding_cost_bps: Decimal = ZERO
    risk_bps: Decimal = ZERO
    fixed_cost: Decimal = ZERO
    lot_size: Decimal = Decimal("0.00000001")
    tick_size: Decimal = Decimal("0.00000001")
    min_notional: Decimal = ZERO
    max_quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One child order: buy or sell `quantity` at `venue`, no worse than `limit_price` (the worst level it uses).

    `expected_cost` (USD) is its share of the plan's cost, fixed cost included, if the book stands as quoted.
    """

    venue: str
    quantity: Decimal
    limit_price: Decimal
    expected_cost: Decimal


class BestSingle(NamedTuple):
    """The cheapest venue that could have filled alone all that the plan fills, and its cost (USD)."""

    venue: str
    cost: Decimal
