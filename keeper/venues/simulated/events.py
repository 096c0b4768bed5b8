"""What the engine tells the world. The server drains these after every action and step and publishes them."""

from dataclasses import dataclass

from keeper.venues.simulated.accounts import FundingRow, LedgerRow
from keeper.venues.simulated.orders import Fill, OrderStatus, Trade
from keeper.venues.simulated.units import AssetSpec


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """The order as it was at that moment (the order itself goes on changing)."""

    account: str
    spec: AssetSpec
    is_buy: bool
    price: int
    lots: int
    original: int
    oid: int
    placed_ms: int
    reduce_only: bool
    cloid: str | None
    status: OrderStatus
    status_ms: int


@dataclass(frozen=True, slots=True)
class Filled:
    fill: Fill


@dataclass(frozen=True, slots=True)
class Traded:
    trade: Trade


@dataclass(frozen=True, slots=True)
class FundingPaid:
    account: str
    row: FundingRow


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    account: str
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class CanceledByVenue:
    account: str
    spec: AssetSpec
    oid: int


Event = OrderChanged | Filled | Traded | FundingPaid | LedgerChanged | CanceledByVenue
