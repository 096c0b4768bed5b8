"""What an order would do now, without one: the same quotes, the same router, nothing sent and nothing booked."""

from decimal import Decimal
from typing import Literal

import msgspec

from keeper.errors import InputError
from keeper.model.instruments import coin_of
from keeper.model.signed_orders import SIDES, Order

E8 = Decimal(100_000_000)
LARGEST = (1 << 64) - 1


class RouteWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order's terms without its owner. `venues` are adapter addresses, none = all; `limit_price` None = bounded by
    `max_slippage_bps` alone."""

    instrument: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    limit_price: Decimal | None = None
    max_slippage_bps: int = 50
    holding_hours: int = 8
    venues: tuple[str, ...] = ()

    @property
    def coin(self) -> str:
        try:
            return coin_of(self.instrument)
        except ValueError as error:
            raise InputError("instrument", str(error), "unknown") from error

    def order(self) -> Order:
        """As an order of nobody. InputError when an amount does not fit one."""
        return Order(
            subAccount=0,
            instrument=self.instrument,
            side=SIDES.index(self.side),
            quantity=_e8("quantity", self.quantity),
            limitPrice=0 if self.limit_price is None else _e8("limit_price", self.limit_price),
            holdingHours=self.holding_hours,
            maxSlippageBps=self.max_slippage_bps,
            venues=self.venues,
            nonce=0,
            deadline=0,
        )


def _e8(field: str, amount: Decimal) -> int:
    if not amount.is_finite() or amount <= 0:
        raise InputError(field, f"{amount} must be above 0", "not_positive")
    scaled = amount * E8
    if scaled != scaled.to_integral_value() or scaled > LARGEST:
        raise InputError(field, f"{amount} needs at most 8 decimals and 20 digits", "range")
    return int(scaled)
