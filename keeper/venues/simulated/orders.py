"""Orders and fills of the simulated venue. Prices in price units, sizes in lots, money in micro-USDC (see units)."""

from dataclasses import dataclass, field
from enum import StrEnum

from keeper.venues.simulated.units import USDC_DECIMALS, AssetSpec


class TimeInForce(StrEnum):
    GTC = "Gtc"
    IOC = "Ioc"
    ALO = "Alo"
    FRONTEND_MARKET = "FrontendMarket"
    LIQUIDATION_MARKET = "LiquidationMarket"

    @property
    def rests(self) -> bool:
        return self in (TimeInForce.GTC, TimeInForce.ALO)


class Grouping(StrEnum):
    NONE = "na"
    NORMAL_TPSL = "normalTpsl"
    POSITION_TPSL = "positionTpsl"


class OrderStatus(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    TRIGGERED = "triggered"
    SELF_TRADE_CANCELED = "selfTradeCanceled"
    REDUCE_ONLY_CANCELED = "reduceOnlyCanceled"
    SIBLING_FILLED_CANCELED = "siblingFilledCanceled"
    MARGIN_CANCELED = "marginCanceled"
    LIQUIDATED_CANCELED = "liquidatedCanceled"
    SCHEDULED_CANCEL = "scheduledCancel"
    MIN_NOTIONAL_REJECTED = "minTradeNtlRejected"
    MARGIN_REJECTED = "perpMarginRejected"
    REDUCE_ONLY_REJECTED = "reduceOnlyRejected"
    POST_ONLY_REJECTED = "badAloPxRejected"
    IOC_REJECTED = "iocCancelRejected"
    TRIGGER_REJECTED = "badTriggerPxRejected"
    NO_LIQUIDITY_REJECTED = "marketOrderNoLiquidityRejected"
    SPOT_BALANCE_REJECTED = "insufficientSpotBalanceRejected"
    ORACLE_REJECTED = "oracleRejected"
    OI_INCREASE_REJECTED = "positionIncreaseAtOpenInterestCapRejected"
    OI_FLIP_REJECTED = "positionFlipAtOpenInterestCapRejected"
    OI_AGGRESSIVE_REJECTED = "tooAggressiveAtOpenInterestCapRejected"
    MAX_POSITION_REJECTED = "perpMaxPositionRejected"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Trigger:
    """Becomes a market or limit order when the mark reaches `price`; a take-profit or else a stop-loss."""

    price: int
    is_market: bool
    take_profit: bool


@dataclass(frozen=True)
class OrderRequest:
    """A decoded order: price and size are on the grid already. `builder` is (address, tenths of a basis point)."""

    spec: AssetSpec
    is_buy: bool
    price: int
    lots: int
    tif: TimeInForce
    reduce_only: bool
    cloid: str | None = None
    trigger: Trigger | None = None
    builder: tuple[str, int] | None = None


@dataclass(slots=True, eq=False)
class Order:
    """An order the venue has accepted or refused; `lots` is what is left of `original`.

    `waits` until its trigger is reached (and, a child of an order, until that one has filled); `parent` and
    `siblings` are the order ids of its TP/SL group; `of_position` closes whatever the position is by then.
    """

    oid: int
    account: str
    spec: AssetSpec
    is_buy: bool
    price: int
    lots: int
    original: int
    tif: TimeInForce
    reduce_only: bool
    cloid: str | None
    time_ms: int
    status: OrderStatus
    status_ms: int
    trigger: Trigger | None = None
    waits: bool = False
    of_position: bool = False
    parent: int | None = None
    children: list[int] = field(default_factory=list)
    siblings: list[int] = field(default_factory=list)
    builder: tuple[str, int] | None = None
    twap_id: int | None = None
    liquidated: bool = False


@dataclass(frozen=True, slots=True)
class Liquidation:
    """On both legs of a liquidation's fills. `method`: "market" or "backstop"."""

    user: str
    mark: int
    method: str


@dataclass(frozen=True, slots=True)
class Fill:
    """One account's leg of a trade. `start_position` is the signed size before it (of spot: the wei held before);
    `closed_pnl` and `realised` exclude the fee and have `decimals` decimals: the first counts from the entry price that
    Hyperliquid shows, the second is what the position's cost and cash really changed by, so that an account's sum to
    its balance. `fee` includes the builder's."""

    account: str
    spec: AssetSpec
    price: int
    lots: int
    is_buy: bool
    time_ms: int
    start_position: int
    direction: str
    closed_pnl: int
    realised: int
    fee: int
    hash: str
    oid: int
    tid: int
    crossed: bool
    cloid: str | None
    fee_token: str = "USDC"  # noqa: S105 - a coin's name
    decimals: int = USDC_DECIMALS
    fee_decimals: int = USDC_DECIMALS
    builder_fee: int = 0
    twap_id: int | None = None
    liquidation: Liquidation | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """A public trade; `side_is_buy` is the taker's side."""

    spec: AssetSpec
    price: int
    lots: int
    side_is_buy: bool
    time_ms: int
    hash: str
    tid: int
    buyer: str
    seller: str


@dataclass(frozen=True)
class Resting:
    oid: int
    cloid: str | None


@dataclass(frozen=True)
class Filled:
    """`average` price in price units, truncated."""

    oid: int
    lots: int
    average: int
    cloid: str | None


@dataclass(frozen=True)
class Refused:
    """`text` is the venue's own, the ` asset=N` suffix included where the venue adds one."""

    text: str


@dataclass(frozen=True)
class Waiting:
    """A TP/SL of a group: `text` is "waitingForFill" (of its parent) or "waitingForTrigger"."""

    oid: int
    text: str


Outcome = Resting | Filled | Refused | Waiting
