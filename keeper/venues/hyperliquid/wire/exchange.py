"""Answers of `/exchange`. A business failure is HTTP 200 too: `status: err`, or an `error` beside the item."""

from decimal import Decimal
from typing import Literal

from msgspec import UNSET, UnsetType

from keeper.venues.hyperliquid.wire.codec import Wire


class Resting(Wire, frozen=True):
    oid: int
    cloid: str | UnsetType = UNSET


class Filled(Wire, frozen=True):
    """`avg_px` is truncated by the venue: for show, never for books."""

    total_sz: Decimal
    avg_px: Decimal
    oid: int
    cloid: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.total_sz <= 0 or self.avg_px <= 0:
            raise ValueError(f"filled {self.total_sz} at {self.avg_px}")


class ItemStatus(Wire, frozen=True, omit_defaults=True):
    """Exactly one of the three is there."""

    resting: Resting | UnsetType = UNSET
    filled: Filled | UnsetType = UNSET
    error: str | UnsetType = UNSET


class Statuses(Wire, frozen=True):
    statuses: list[ItemStatus | str]


class ActionResult(Wire, frozen=True):
    """`data` is absent for a plain success (`type: default`)."""

    type: str
    data: Statuses | UnsetType = UNSET


class ExchangeOk(Wire, frozen=True, tag_field="status", tag="ok"):
    response: ActionResult


class ExchangeError(Wire, frozen=True, tag_field="status", tag="err"):
    response: str


ExchangeAnswer = ExchangeOk | ExchangeError

Tif = Literal["Ioc", "Gtc", "Alo"]
