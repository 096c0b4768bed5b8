"""Records of one account from `/info`: state, orders, fills, funding, money movements. Field meanings: the API docs.

Names ending in 2023 are the same records as the venue wrote them then; today's add fields that we rely on.
"""

from decimal import Decimal
from typing import Literal

from msgspec import UNSET, UnsetType

from keeper.venues.hyperliquid.wire.codec import Wire
from keeper.venues.hyperliquid.wire.market import SideLetter


class Leverage(Wire, frozen=True):
    type: Literal["cross", "isolated"]
    value: int
    raw_usd: Decimal | UnsetType = UNSET


class CumFunding(Wire, frozen=True):
    """Positive = paid."""

    all_time: Decimal
    since_open: Decimal
    since_change: Decimal


class Position(Wire, frozen=True):
    coin: str
    szi: Decimal
    leverage: Leverage
    entry_px: Decimal | None
    position_value: Decimal
    unrealized_pnl: Decimal
    return_on_equity: Decimal
    liquidation_px: Decimal | None
    margin_used: Decimal
    max_leverage: int | UnsetType = UNSET
    cum_funding: CumFunding | UnsetType = UNSET
    max_trade_szs: tuple[Decimal, Decimal] | UnsetType = UNSET


class AssetPosition(Wire, frozen=True):
    type: Literal["oneWay"]
    position: Position


class MarginSummary(Wire, frozen=True):
    """`account_value` = `total_raw_usd` + Σ szi × mark."""

    account_value: Decimal
    total_ntl_pos: Decimal
    total_raw_usd: Decimal
    total_margin_used: Decimal


class ClearinghouseState2023(Wire, frozen=True):
    margin_summary: MarginSummary
    cross_margin_summary: MarginSummary
    withdrawable: Decimal
    asset_positions: list[AssetPosition]


class ClearinghouseState(ClearinghouseState2023, frozen=True):
    cross_maintenance_margin_used: Decimal
    time: int


class SpotBalance(Wire, frozen=True):
    coin: str
    token: int
    total: Decimal
    hold: Decimal
    entry_ntl: Decimal


class SpotState(Wire, frozen=True):
    balances: list[SpotBalance]


class OpenOrder(Wire, frozen=True):
    coin: str
    side: SideLetter
    limit_px: Decimal
    sz: Decimal
    oid: int
    timestamp: int
    orig_sz: Decimal | UnsetType = UNSET
    cloid: str | UnsetType | None = UNSET
    reduce_only: bool | UnsetType = UNSET


class FrontendOrder(Wire, frozen=True):
    """An order with all its settings. `sz` is what is left of `orig_sz`."""

    coin: str
    side: SideLetter
    limit_px: Decimal
    sz: Decimal
    oid: int
    timestamp: int
    trigger_condition: str
    is_trigger: bool
    trigger_px: Decimal
    children: list["FrontendOrder"]
    is_position_tpsl: bool
    reduce_only: bool
    order_type: str
    orig_sz: Decimal
    tif: str | None
    cloid: str | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.sz <= self.orig_sz:
            raise ValueError(f"{self.sz} left of an order of {self.orig_sz}")


class OrderWithStatus(Wire, frozen=True):
    order: FrontendOrder
    status: str
    status_timestamp: int


class KnownOrder(Wire, frozen=True, tag_field="status", tag="order"):
    order: OrderWithStatus


class UnknownOrder(Wire, frozen=True, tag_field="status", tag="unknownOid"):
    pass


OrderStatus = KnownOrder | UnknownOrder


class FillLiquidation(Wire, frozen=True):
    mark_px: Decimal
    method: str
    liquidated_user: str | UnsetType = UNSET


class UserFill2023(Wire, frozen=True):
    coin: str
    px: Decimal
    sz: Decimal
    side: SideLetter
    time: int
    start_position: Decimal
    dir: str
    closed_pnl: Decimal
    hash: str
    oid: int
    crossed: bool
    fee: Decimal

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.px <= 0 or self.sz <= 0:
            raise ValueError(f"a fill of {self.sz} at {self.px}")


class UserFill(UserFill2023, frozen=True):
    """`closed_pnl` excludes `fee`; `start_position` is the signed size before the fill."""

    tid: int
    fee_token: str
    twap_id: int | UnsetType | None = UNSET
    builder_fee: Decimal | UnsetType = UNSET
    cloid: str | UnsetType | None = UNSET
    liquidation: FillLiquidation | UnsetType = UNSET


class FundingDelta(Wire, frozen=True):
    """`usdc` positive = received; `szi` the position then."""

    type: Literal["funding"]
    coin: str
    usdc: Decimal
    szi: Decimal
    funding_rate: Decimal
    n_samples: int | UnsetType | None = UNSET


class FundingRow(Wire, frozen=True):
    time: int
    hash: str
    delta: FundingDelta


class ActiveAssetData(Wire, frozen=True):
    user: str
    coin: str
    leverage: Leverage
    max_trade_szs: tuple[Decimal, Decimal]
    available_to_trade: tuple[Decimal, Decimal]
    mark_px: Decimal


class UserFees(Wire, frozen=True):
    """The two rates we pay, as fractions; the schedule around them is left out."""

    user_cross_rate: Decimal
    user_add_rate: Decimal


class AgentOf(Wire, frozen=True):
    user: str


class SubAccountOf(Wire, frozen=True):
    master: str


class UserRole(Wire, frozen=True):
    role: Literal["missing", "user", "vault", "agent", "subAccount"]
    data: AgentOf | UnsetType = UNSET


class ExtraAgent(Wire, frozen=True):
    name: str
    address: str
    valid_until: int | None


class RateLimit(Wire, frozen=True):
    cum_vlm: Decimal
    n_requests_used: int
    n_requests_cap: int
    n_requests_surplus: int | UnsetType = UNSET


class VaultEquity(Wire, frozen=True):
    vault_address: str
    equity: Decimal
    locked_until_timestamp: int


class PortfolioSpan(Wire, frozen=True):
    account_value_history: list[tuple[int, Decimal]]
    pnl_history: list[tuple[int, Decimal]]
    vlm: Decimal


class TwapSliceFill(Wire, frozen=True):
    fill: UserFill
    twap_id: int


class Delegate(Wire, frozen=True):
    validator: str
    amount: Decimal
    is_undelegate: bool


class StakingAmount(Wire, frozen=True):
    amount: Decimal


class StakingDelta(Wire, frozen=True):
    delegate: Delegate | UnsetType = UNSET
    c_deposit: StakingAmount | UnsetType = UNSET


class StakingRow(Wire, frozen=True):
    time: int
    hash: str
    delta: StakingDelta
