"""What is known of a venue, as data: every datum with the source it is from. Nothing here is computed or guessed;
what is not established is `null` in the file and None here, never a default."""

from decimal import Decimal
from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a datum is from; `date` (YYYY-MM-DD) when the source said so, or was read."""

    where: str
    date: str


class Datum(msgspec.Struct, Generic[T], frozen=True, forbid_unknown_fields=True):
    """One value and the key of its source in the card's `sources`; `note` what a reader must know of it."""

    value: T
    source: str
    note: str = ""


class FeeTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates from a volume (USD) on, basis points of notional; a negative rate is a rebate."""

    volume_usd: Decimal
    taker_bps: Decimal
    maker_bps: Decimal
    source: str
    note: str = ""


class MakerRebate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The maker rate from a share of the venue's maker volume on, for accounts of at least `volume_usd`."""

    maker_share: Decimal
    maker_bps: Decimal
    source: str
    volume_usd: Decimal = Decimal(0)
    note: str = ""


class Fees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A venue's fee schedule. `complete`: no tier is missing between those listed; otherwise a rate between two of
    them is the lower tier's, which is too dear rather than too cheap. Discounts are fractions off a positive rate;
    `taker_fixed_usd` is charged once for each order that takes."""

    tiers: tuple[FeeTier, ...]
    complete: bool
    period_days: Datum[int] | None = None
    rebates: tuple[MakerRebate, ...] = ()
    staking_discounts: Datum[tuple[Decimal, ...]] | None = None
    referral_discount: Datum[Decimal] | None = None
    builder_market_factor: Datum[Decimal] | None = None
    taker_fixed_usd: Datum[Decimal] | None = None


class TierRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a notional (USD) on: maintenance rate (None = by the rows' rule, or not established), most leverage."""

    floor: Decimal
    rate: Decimal | None
    max_leverage: Decimal


class MarginRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The margin tiers that some symbols share. Rule "half of initial": maintenance = 1 / (2 × most leverage)."""

    name: str
    symbols: tuple[str, ...]
    tiers: tuple[TierRow, ...]
    source: str
    rule: Literal["half of initial"] | None = None
    note: str = ""


class FundingCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`formula`: a version of `keeper.funding`; `intervals_hours`: those in use, the symbol's own is in its feed."""

    formula: Datum[str] | None
    intervals_hours: Datum[tuple[int, ...]] | None
    cap: Datum[str] | None


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order and account rules in words, where a number alone would mislead."""

    tick: Datum[str] | None
    lot: Datum[str] | None
    min_notional_usd: Datum[Decimal] | None
    client_id: Datum[str] | None
    account_model: Datum[str] | None
    credentials: Datum[tuple[str, ...]] | None
    withdrawal: Datum[str] | None
    liquidation: Datum[str] | None
    order_types: Datum[tuple[str, ...]] | None
    time_in_force: Datum[tuple[str, ...]] | None


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `amount` of `unit` per `seconds` and scope; None = not by time."""

    scope: Literal["ip", "account", "connection", "client"]
    unit: str
    amount: Decimal
    seconds: Decimal | None
    source: str


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue's interface lets an adapter do; None = not established. One `source` for all of them, since they
    are read from one place. `book`: whole
    books, or changes with or without a sequence to check."""

    source: str
    book: Literal["snapshots", "checked", "unchecked"] | None = None
    funding_rate: bool | None = None
    funding_history: bool | None = None
    funding_payments: bool | None = None
    fills_stream: bool | None = None
    orders_stream: bool | None = None
    positions_stream: bool | None = None
    balance_stream: bool | None = None
    websocket_orders: bool | None = None
    batch_orders: bool | None = None
    batch_cancel: bool | None = None
    cancel_all: bool | None = None
    dead_mans_switch: bool | None = None
    amend: bool | None = None
    set_leverage: bool | None = None
    margin_mode: bool | None = None
    add_margin: bool | None = None
    margin_tiers: bool | None = None
    account_fees: bool | None = None
    transfer: bool | None = None
    withdraw: bool | None = None


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One venue. `adapter`: "native" or "ccxt"; `ccxt_id`: its class there."""

    venue: str
    name: str
    adapter: Literal["native", "ccxt"]
    ccxt_id: str
    sources: dict[str, Source]
    fees: Fees | None
    margin: tuple[MarginRows, ...]
    funding: FundingCard
    rules: Rules
    limits: tuple[RateLimit, ...]
    capabilities: Capabilities
