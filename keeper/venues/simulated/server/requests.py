"""What an /info request may carry, and reading it. Unknown fields are ignored, as the venue does."""

from typing import TypeVar

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.replies import BadRequest
from keeper.venues.simulated.wire.actions import address

_T = TypeVar("_T")


class CandleRequest(msgspec.Struct):
    coin: str
    interval: str
    startTime: int  # noqa: N815 - wire name
    endTime: int | None = None  # noqa: N815 - wire name


class InfoRequest(msgspec.Struct):
    """The union of the fields of every request served here; which of them a type needs, its handler says."""

    type: str
    user: str | None = None
    coin: str | None = None
    oid: int | str | None = None
    startTime: int | None = None  # noqa: N815 - wire name
    endTime: int | None = None  # noqa: N815 - wire name
    reversed: bool = False
    aggregateByTime: bool | None = None  # noqa: N815 - wire name
    nSigFigs: int | None = None  # noqa: N815 - wire name
    mantissa: int | None = None
    req: CandleRequest | None = None
    dex: str | None = None
    id: int | None = None
    builder: str | None = None
    vaultAddress: str | None = None  # noqa: N815 - wire name
    tokenId: str | None = None  # noqa: N815 - wire name


def needed(value: _T | None, field: str) -> _T:
    if value is None:
        raise InputError(field, "is missing")
    return value


def user_of(request: InfoRequest) -> str:
    return address(needed(request.user, "user"), "user")


def account_of(venue: Venue, request: InfoRequest) -> Account | None:
    return venue.find(user_of(request))


def dex_of(venue: Venue, request: InfoRequest) -> int:
    name = request.dex or ""
    if name and name not in venue.dex_names:
        raise BadRequest(500, "null")
    return venue.dex_number(name)


def market_of(venue: Venue, request: InfoRequest) -> Market:
    market = venue.market_of(needed(request.coin, "coin"))
    if market is None:
        raise BadRequest(500, "null")
    return market


def within(time_ms: int, request: InfoRequest) -> bool:
    return (request.startTime or 0) <= time_ms and (request.endTime is None or time_ms <= request.endTime)
