"""What the engine tells the world. The server drains these after every action and step and publishes them."""

from dataclasses import dataclass

from keeper.venues.simulated.accounts import FundingRow, LedgerRow
from keeper.venues.simulated.orders import Fill, OrderStatus, Trade, Trigger
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
    trigger: Trigger | None = None


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


@dataclass(frozen=True, slots=True)
class Liquidated:
    """An account was, or is being, liquidated; amounts micro-USDC at that moment."""

    account: str
    liquidator: str
    lid: int
    notional: int
    account_value: int


@dataclass(frozen=True, slots=True)
class TwapChanged:
    """A TWAP began, ended or was stopped; `twap_id` finds it."""

    account: str
    twap_id: int


@dataclass(frozen=True, slots=True)
class Notified:
    account: str
    text: str


Event = (
    OrderChanged | Filled | Traded | FundingPaid | LedgerChanged | CanceledByVenue | Liquidated | TwapChanged | Notified
)
