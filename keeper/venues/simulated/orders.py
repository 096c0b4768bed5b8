"""Orders and fills of the simulated venue. Prices in price units, sizes in lots, money in micro-USDC (see units)."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.venues.simulated.units import AssetSpec


class TimeInForce(StrEnum):
    GTC = "Gtc"
    IOC = "Ioc"
    ALO = "Alo"
    FRONTEND_MARKET = "FrontendMarket"

    @property
    def rests(self) -> bool:
        return self in (TimeInForce.GTC, TimeInForce.ALO)


class OrderStatus(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    SELF_TRADE_CANCELED = "selfTradeCanceled"
    REDUCE_ONLY_CANCELED = "reduceOnlyCanceled"
    MIN_NOTIONAL_REJECTED = "minTradeNtlRejected"
    MARGIN_REJECTED = "perpMarginRejected"
    REDUCE_ONLY_REJECTED = "reduceOnlyRejected"
    POST_ONLY_REJECTED = "badAloPxRejected"
    IOC_REJECTED = "iocCancelRejected"


@dataclass(frozen=True)
class OrderRequest:
    """A decoded order: price and size are on the grid already."""

    spec: AssetSpec
    is_buy: bool
    price: int
    lots: int
    tif: TimeInForce
    reduce_only: bool
    cloid: str | None = None


@dataclass(slots=True, eq=False)
class Order:
    """An order the venue has accepted or refused; `lots` is what is left of `original`."""

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


@dataclass(frozen=True, slots=True)
class Fill:
    """One account's leg of a trade. `start_position` is the signed size before it; `closed_pnl` excludes the fee."""

    account: str
    spec: AssetSpec
    price: int
    lots: int
    is_buy: bool
    time_ms: int
    start_position: int
    direction: str
    closed_pnl: int
    fee: int
    hash: str
    oid: int
    tid: int
    crossed: bool
    cloid: str | None


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


Outcome = Resting | Filled | Refused
