"""Every version of every venue's formula with the instant it came into force: replaying an old day uses the old one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from keeper.errors import InputError
from keeper.funding import book_formulas as book
from keeper.funding import pool_formulas as pool
from keeper.funding.inputs import FundingInputs
from keeper.model.funding import PriceKind

Charging = Literal["instant", "continuous"]
"""Paid by who holds at the settlement instant, or accrued for the time held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """One version. `since_ms`: in force from then (0 = as long as we know); `method`: how the premium is averaged and
    of which interval; `anchor_hour`: settlements fall on anchor + k × interval UTC; `source`: where from."""

    venue: str
    version: int
    since_ms: int = 0
    rate: Callable[[FundingInputs], Decimal]
    method: str
    price_kind: PriceKind
    charging: Charging = "instant"
    anchor_hour: int = 0
    source: str

    @property
    def id(self) -> str:
        return f"{self.venue}/{self.version}"


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


FORMULAS: tuple[Formula, ...] = (
    *(
        Formula(
            venue="hyperliquid",
            version=version,
            since_ms=since_ms,
            rate=rate,
            method="mean of the interval",
            price_kind="oracle",
            source="read off the recorded fundingHistory of BTC 2023-05-12 .. 2023-07-17, every rate explained",
        )
        for version, since_ms, rate in (
            (1, 0, book.hyperliquid_1),
            (2, _at("2023-06-08T00:30"), book.hyperliquid_2),
            (3, _at("2023-06-16T20:30"), book.hyperliquid_3),
            (4, _at("2023-07-15T02:30"), book.hyperliquid_2),
            (5, _at("2023-07-16T00:30"), book.hyperliquid_5),
        )
    ),
    Formula(
        venue="hyperliquid",
        version=6,
        since_ms=_at("2023-07-18"),
        rate=book.hyperliquid_6,
        method="mean of 1 h, sampled every 5 s",
        price_kind="oracle",
        source="hyperliquid.gitbook.io trading/funding, 2026-08; first day unknown, after version 5",
    ),
    Formula(
        venue="hyperliquid-builder",
        version=1,
        rate=book.hyperliquid_builder_1,
        method="mean of 1 h of middle premiums",
        price_kind="oracle",
        source="hyperliquid.gitbook.io builder-deployed perpetuals (HIP-3), 2026-08",
    ),
    Formula(
        venue="binance",
        version=1,
        rate=book.binance_1,
        method="mean of the interval",
        price_kind="mark",
        source="binance.com support, funding rates before 2025-09-18 (neutral 4 h rates of 0.005% in recorded series)",
    ),
    Formula(
        venue="binance",
        version=2,
        since_ms=_at("2025-09-18"),
        rate=book.binance_2,
        method="mean of the interval",
        price_kind="mark",
        source="binance.com support, update of the funding rate formula, 2025-09",
    ),
    Formula(
        venue="aster",
        version=1,
        rate=book.binance_2,
        method="mean of the interval",
        price_kind="mark",
        source="docs.asterdex.com funding rate; asterdex/api-docs fundingInfo",
    ),
    Formula(
        venue="htx",
        version=1,
        rate=book.htx_whole,
        method="previous interval",
        price_kind="mark",
        source="htx.com support 44958157384677, 2024-01",
    ),
    Formula(
        venue="htx",
        version=2,
        since_ms=_at("2024-01-08"),
        rate=book.htx_whole,
        method="mean of the interval",
        price_kind="mark",
        source="htx.com support 44958157384677, 2024-01",
    ),
    Formula(
        venue="htx",
        version=3,
        since_ms=_at("2025-11-18"),
        rate=book.binance_2,
        method="mean of the interval",
        price_kind="mark",
        source="htx.com support 85017279125896, 2025-11",
    ),
    Formula(
        venue="bybit",
        version=1,
        rate=book.bybit_1,
        method="mean of the interval, weighted 1..n by minute",
        price_kind="mark",
        source="bybit.com help centre, introduction to funding rate, 2025",
    ),
    Formula(
        venue="okx",
        version=1,
        rate=book.okx_1,
        method="moving mean of the last interval, by minute",
        price_kind="mark",
        source="okx.com help, funding rate calculation, 2024-01-31",
    ),
    Formula(
        venue="dydx",
        version=4,
        rate=book.dydx_4,
        method="mean of 60 minute premiums",
        price_kind="oracle",
        source="docs.dydx.community; indexer's historicalFunding of 2025-12-08",
    ),
    Formula(
        venue="lighter",
        version=1,
        rate=book.lighter_1,
        method="mean of 1 h",
        price_kind="mark",
        source="docs.lighter.xyz funding, 2026",
    ),
    Formula(
        venue="kraken",
        version=1,
        rate=book.kraken_1,
        method="previous hour",
        price_kind="index",
        charging="continuous",
        source="support.kraken.com linear contract specifications; coefficient as divisor is unconfirmed",
    ),
    Formula(
        venue="coinbase",
        version=1,
        rate=book.coinbase_1,
        method="mean of 1 h, smoothed with 0.75",
        price_kind="mark",
        source="help.coinbase.com international exchange, funding rate",
    ),
    Formula(
        venue="bitmex",
        version=1,
        rate=book.bitmex_1,
        method="mean of the interval",
        price_kind="mark",
        anchor_hour=4,
        source="bitmex.com perpetual contracts guide",
    ),
    Formula(
        venue="bitfinex",
        version=1,
        rate=book.bitfinex_1,
        method="mean of the interval",
        price_kind="mark",
        source="secondary pages on Bitfinex Derivatives; its parameters are read from the API",
    ),
    Formula(
        venue="paradex",
        version=1,
        rate=book.paradex_1,
        method="smoothed fair basis",
        price_kind="index",
        charging="continuous",
        source="docs.paradex.trade risk/funding-mechanism, 2026",
    ),
    Formula(
        venue="pacifica",
        version=1,
        rate=book.hyperliquid_6,
        method="mean of 1 h, sampled every 5 s",
        price_kind="oracle",
        source="pacifica.gitbook.io trading-on-pacifica/funding-rates",
    ),
    Formula(
        venue="extended",
        version=1,
        rate=book.extended_1,
        method="mean of 1 h, weighted 1..60 by minute",
        price_kind="mark",
        source="docs.x10.exchange trading/funding-payments",
    ),
    Formula(
        venue="extended",
        version=2,
        since_ms=_at("2026-04-29"),
        rate=book.extended_2,
        method="mean of 1 h, weighted 1..60 by minute",
        price_kind="mark",
        source="a market recorded on that day stands at the rounded neutral rate 0.000013, and docs.extended.exchange "
        "tradfi-markets names plain P / 8 as the exception; the dead band is assumed to be the usual one",
    ),
    Formula(
        venue="derive",
        version=1,
        rate=pool.derive_1,
        method="premium over a convergence period",
        price_kind="index",
        charging="continuous",
        source="docs.derive.xyz perpetuals, 2026",
    ),
    Formula(
        venue="gmx",
        version=2,
        rate=pool.gmx_2,
        method="open-interest imbalance",
        price_kind="index",
        charging="continuous",
        source="github.com/gmx-io/gmx-synthetics @a5c0c88 README",
    ),
    Formula(
        venue="virtual-amm",
        version=1,
        rate=pool.virtual_amm_1,
        method="hourly mean prices",
        price_kind="index",
        source="docs.01.xyz perpetuals funding",
    ),
)


def formula(venue: str, at_ms: int) -> Formula:
    """The version of a venue's formula in force at an instant. InputError for a venue that has none."""
    in_force = [item for item in FORMULAS if item.venue == venue and item.since_ms <= at_ms]
    if not in_force:
        known = ", ".join(sorted({item.venue for item in FORMULAS}))
        raise InputError("venue", f"no funding formula for {venue!r}; known: {known}", "unknown_venue")
    return max(in_force, key=lambda item: item.since_ms)


def by_id(id_: str) -> Formula:
    """A version by name, such as `hyperliquid/2`. InputError when there is none."""
    for item in FORMULAS:
        if item.id == id_:
            return item
    raise InputError("formula", f"no version {id_!r}; such as {FORMULAS[0].id!r}", "unknown_formula")
