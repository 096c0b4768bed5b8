"""Public records of `/info`: universes, prices, books, candles, funding rates. Fields: Hyperliquid's API docs."""

from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType, field

from keeper.venues.hyperliquid.wire.codec import Wire

SMALLEST, LARGEST = Decimal("1e-15"), Decimal("1e15")
"""Beyond these no price or size of a level means anything."""

SideLetter = Literal["A", "B"]
"""A = ask (sell), B = bid (buy)."""


class MarginTier(Wire, frozen=True):
    lower_bound: Decimal
    max_leverage: int


class MarginTable(Wire, frozen=True):
    description: str
    margin_tiers: list[MarginTier]


class PerpAsset(Wire, frozen=True):
    """An entry of a perp universe; its index is the asset id, delisted entries keep theirs."""

    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int | UnsetType = UNSET
    only_isolated: bool | UnsetType = UNSET
    is_delisted: bool | UnsetType = UNSET
    margin_mode: str | UnsetType = UNSET
    growth_mode: str | UnsetType = UNSET
    last_growth_mode_change_time: str | UnsetType = UNSET


class Meta(Wire, frozen=True):
    universe: list[PerpAsset]
    margin_tables: list[tuple[int, MarginTable]] | UnsetType = UNSET
    collateral_token: int | UnsetType = UNSET


class PerpAssetCtx(Wire, frozen=True):
    """Prices of a perp. `premium`, `mid_px` and `impact_pxs` are null without a two-sided book."""

    funding: Decimal
    open_interest: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    premium: Decimal | None
    oracle_px: Decimal
    mark_px: Decimal
    mid_px: Decimal | None
    impact_pxs: tuple[Decimal, Decimal] | None
    day_base_vlm: Decimal


class SpotPair(Wire, frozen=True):
    tokens: tuple[int, int]
    name: str
    index: int
    is_canonical: bool


class EvmContract(Wire, frozen=True):
    address: str
    evm_extra_wei_decimals: int = field(name="evm_extra_wei_decimals")


class SpotToken(Wire, frozen=True):
    name: str
    sz_decimals: int
    wei_decimals: int
    index: int
    token_id: str
    is_canonical: bool
    evm_contract: EvmContract | None
    full_name: str | None
    deployer_trading_fee_share: Decimal


class SpotMeta(Wire, frozen=True):
    universe: list[SpotPair]
    tokens: list[SpotToken]


class SpotAssetCtx(Wire, frozen=True):
    prev_day_px: Decimal
    day_ntl_vlm: Decimal
    mark_px: Decimal
    mid_px: Decimal | None
    circulating_supply: Decimal
    coin: str
    total_supply: Decimal
    day_base_vlm: Decimal


class Level(msgspec.Struct, frozen=True):
    """Its numbers are checked by the book that holds it, all in one go."""

    px: Decimal
    sz: Decimal
    n: int


class L2Book(Wire, frozen=True):
    """A full snapshot: bids, then asks, best first, at most 20 a side."""

    coin: str
    time: int
    levels: tuple[list[Level], list[Level]]

    def __post_init__(self) -> None:
        super().__post_init__()
        levels = self.levels[0] + self.levels[1]
        numbers = [level.px for level in levels] + [level.sz for level in levels]
        try:
            if levels and not SMALLEST < min(numbers) <= max(numbers) < LARGEST:
                raise ValueError(f"{self.coin[:20]}: a price or size that is none in {len(levels)} levels")
        except InvalidOperation as error:  # a comparison with NaN
            raise ValueError(f"{self.coin[:20]}: a level that is no number") from error


class Candle(Wire, frozen=True):
    open_time: int = field(name="t")
    close_time: int = field(name="T")
    coin: str = field(name="s")
    interval: str = field(name="i")
    open: Decimal = field(name="o")
    close: Decimal = field(name="c")
    high: Decimal = field(name="h")
    low: Decimal = field(name="l")
    volume: Decimal = field(name="v")
    trades: int = field(name="n")


class FundingRateRow(Wire, frozen=True):
    coin: str
    funding_rate: Decimal
    premium: Decimal
    time: int


class ExchangeStatus(Wire, frozen=True):
    time: int


class PerpDex(Wire, frozen=True):
    """A builder-deployed exchange; the first entry of `perpDexs` is null (the main one)."""

    name: str
    full_name: str
    deployer: str
    oracle_updater: str | None
    fee_recipient: str | None
    asset_to_streaming_oi_cap: list[tuple[str, Decimal]]
    sub_deployers: list[tuple[str, list[str]]]
    deployer_fee_scale: Decimal
    last_deployer_fee_scale_change_time: str
    asset_to_funding_multiplier: list[tuple[str, Decimal]]


class PerpDexLimits(Wire, frozen=True):
    total_oi_cap: Decimal
    oi_sz_cap_per_perp: Decimal
    max_transfer_ntl: Decimal
    coin_to_oi_cap: list[tuple[str, Decimal]]


class PerpDexStatus(Wire, frozen=True):
    total_net_deposit: Decimal


class DeployAuction(Wire, frozen=True):
    start_time_seconds: int
    duration_seconds: int
    start_gas: Decimal
    current_gas: Decimal | None
    end_gas: Decimal | None
