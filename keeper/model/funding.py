"""Who pays whom when a venue settles funding (rule H5). Exact: sizes and prices `Decimal`, shares `int` micro-USDC."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import floor
from typing import Literal

from keeper.errors import ConfigError, IntegrityError
from keeper.model.amounts import MICRO, WIDE


def funding_shares(positions: Mapping[int, Decimal], oracle: Decimal, rate: Decimal) -> dict[int, int]:
    """Share of each sub-account: floor(−position × oracle × rate × 1e6); positive = received. Flat ones are left out.

    Everyone is charged alike, whether or not the venue sent a row: two who net to zero still pay each other.
    """
    each = WIDE.multiply(WIDE.multiply(oracle, rate), Decimal(-MICRO))
    return {id_: floor(WIDE.multiply(size, each)) for id_, size in sorted(positions.items()) if size}


@dataclass(frozen=True, slots=True)
class FundingInstant:
    """One coin's funding at one instant, shared out. Σ shares + remainder == payment; the remainder is insurance's."""

    venue: str
    coin: str
    time_ms: int
    rate: Decimal
    oracle: Decimal
    paid: int | None
    seat_size: Decimal
    positions: Mapping[int, Decimal]
    shares: Mapping[int, int]

    @property
    def payment(self) -> int:
        return self.paid or 0

    @property
    def remainder(self) -> int:
        return self.payment - sum(self.shares.values())

    def check(self) -> None:
        """IntegrityError when the positions are not the venue's, or the remainder is more than rounding explains."""
        where = f"{self.venue} {self.coin} funding at {self.time_ms}"
        held = sum(self.positions.values(), Decimal(0))
        if self.paid is not None and held != self.seat_size:
            raise IntegrityError(f"{where}: sub-accounts hold {held}, the venue paid on {self.seat_size}")
        if abs(self.remainder) > len(self.shares) + 1:
            raise IntegrityError(
                f"{where}: {self.remainder} micro-USDC of {self.payment} are left over, "
                f"rounding of {len(self.shares)} shares explains at most {len(self.shares) + 1}"
            )


def exact_cost(size: Decimal, price: Decimal) -> int:
    """size × price in micro-USDC, signed as `size` is; ValueError if that is not a whole number."""
    scaled = WIDE.multiply(WIDE.multiply(size, price), Decimal(MICRO))
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{size} × {price} is not a whole number of micro-USDC")
    return whole


PriceKind = Literal["mark", "oracle", "index"]
"""The price that a venue multiplies a position with to settle funding."""

HOUR_MS = 3_600_000
HOURS_PER_YEAR = 8760


@dataclass(frozen=True, slots=True)
class FundingQuote:
    """A coin's funding as its venue states it: never a rate without its interval, next instant and formula.

    `rate` is a fraction of notional per `interval_hours`, positive = longs pay; `next_ms` the next settlement;
    `price_kind` what the notional is measured at; `method` how the premium is averaged; `formula` the version,
    such as `hyperliquid/2`. ConfigError when the interval is not positive.
    """

    venue: str
    coin: str
    rate: Decimal
    interval_hours: Decimal
    next_ms: int
    price_kind: PriceKind
    method: str
    formula: str

    def __post_init__(self) -> None:
        if self.interval_hours <= 0:
            raise ConfigError(f"{self.venue} {self.coin}: interval_hours must be positive, not {self.interval_hours}")

    @property
    def per_hour(self) -> Decimal:
        """rate / hours: what makes venues comparable."""
        return WIDE.divide(self.rate, self.interval_hours)

    @property
    def apr(self) -> Decimal:
        """Simple: 8760 × the hourly rate."""
        return WIDE.divide(WIDE.multiply(self.rate, Decimal(HOURS_PER_YEAR)), self.interval_hours)

    @property
    def apy(self) -> Decimal:
        """Compounded at each settlement: (1 + rate)^(8760 / hours) − 1."""
        periods = WIDE.divide(Decimal(HOURS_PER_YEAR), self.interval_hours)
        return WIDE.subtract(WIDE.power(WIDE.add(Decimal(1), self.rate), periods), Decimal(1))


def rate_of_hour(per_hour: Decimal, interval_hours: Decimal) -> Decimal:
    """An hourly rate in a venue's own unit, the rate per interval: `per_hour` backwards."""
    return WIDE.multiply(per_hour, interval_hours)
