"""The venue's records, typed. `INFO` says which type each kind of `/info` request is answered with."""

from decimal import Decimal
from typing import Any

from keeper.venues.hyperliquid.wire.account import (
    ActiveAssetData,
    ClearinghouseState,
    ExtraAgent,
    FrontendOrder,
    FundingRow,
    OpenOrder,
    OrderStatus,
    OrderWithStatus,
    PortfolioSpan,
    RateLimit,
    SpotState,
    StakingRow,
    TwapSliceFill,
    UserFees,
    UserFill,
    UserRole,
    VaultEquity,
)
from keeper.venues.hyperliquid.wire.codec import convert, decode, encode
from keeper.venues.hyperliquid.wire.exchange import ExchangeAnswer, ExchangeError, ExchangeOk
from keeper.venues.hyperliquid.wire.ledger import LedgerUpdate
from keeper.venues.hyperliquid.wire.market import (
    Candle,
    DeployAuction,
    ExchangeStatus,
    FundingRateRow,
    L2Book,
    Meta,
    PerpAssetCtx,
    PerpDex,
    PerpDexLimits,
    PerpDexStatus,
    SpotAssetCtx,
    SpotMeta,
)

INFO: dict[str, Any] = {
    "activeAssetData": ActiveAssetData,
    "allMids": dict[str, Decimal],
    "candleSnapshot": list[Candle],
    "clearinghouseState": ClearinghouseState,
    "delegatorHistory": list[StakingRow],
    "exchangeStatus": ExchangeStatus,
    "extraAgents": list[ExtraAgent],
    "frontendOpenOrders": list[FrontendOrder],
    "fundingHistory": list[FundingRateRow],
    "historicalOrders": list[OrderWithStatus],
    "l2Book": L2Book | None,
    "meta": Meta,
    "metaAndAssetCtxs": tuple[Meta, list[PerpAssetCtx]],
    "openOrders": list[OpenOrder],
    "orderStatus": OrderStatus,
    "perpDeployAuctionStatus": DeployAuction,
    "perpDexLimits": PerpDexLimits,
    "perpDexStatus": PerpDexStatus,
    "perpDexs": list[PerpDex | None],
    "portfolio": list[tuple[str, PortfolioSpan]],
    "spotClearinghouseState": SpotState,
    "spotMeta": SpotMeta,
    "spotMetaAndAssetCtxs": tuple[SpotMeta, list[SpotAssetCtx]],
    "userFees": UserFees,
    "userFills": list[UserFill],
    "userFillsByTime": list[UserFill],
    "userFunding": list[FundingRow],
    "userNonFundingLedgerUpdates": list[LedgerUpdate],
    "userRateLimit": RateLimit,
    "userRole": UserRole,
    "userTwapSliceFills": list[TwapSliceFill],
    "userVaultEquities": list[VaultEquity],
}

__all__ = ["INFO", "ExchangeAnswer", "ExchangeError", "ExchangeOk", "convert", "decode", "encode"]
