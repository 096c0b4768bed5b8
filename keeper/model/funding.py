"""Who pays whom when a venue settles funding (rule H5). Exact: sizes and prices `Decimal`, shares `int` micro-USDC."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import IntegrityError
from keeper.model.amounts import MICRO, WIDE, micro_floor


def funding_shares(positions: Mapping[int, Decimal], oracle: Decimal, rate: Decimal) -> dict[int, int]:
    """Share of each sub-account: floor(−position × oracle × rate × 1e6); positive = received. Flat ones are left out.

    Everyone is charged alike, whether or not the venue sent a row: two who net to zero still pay each other.
    """
    price = WIDE.multiply(oracle, rate)
    return {id_: micro_floor(WIDE.multiply(-size, price)) for id_, size in sorted(positions.items()) if size}


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
    if scaled != scaled.to_integral_value(context=WIDE):
        raise ValueError(f"{size} × {price} is not a whole number of micro-USDC")
    return int(scaled)
