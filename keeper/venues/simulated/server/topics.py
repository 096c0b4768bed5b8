"""What may be subscribed to: how a subscription is read, echoed and told from another."""

import json
from collections.abc import Mapping
from typing import Any

from keeper.errors import InputError
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.server.candles import INTERVALS
from keeper.venues.simulated.wire.actions import address

Topic = tuple[str, str]  # (subscription type, coin or user or "", with what else tells two apart after a comma)

COIN_TOPICS = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
USER_TOPICS = (
    "userFills",
    "orderUpdates",
    "userEvents",
    "userFundings",
    "userNonFundingLedgerUpdates",
    "userTwapSliceFills",
    "userTwapHistory",
    "userHistoricalOrders",
    "notification",
    "webData2",
    "webData3",
    "activeAssetData",
    "clearinghouseState",
    "openOrders",
    "twapStates",
    "spotState",
    "allDexsClearinghouseState",
)
GLOBAL_TOPICS = ("allMids", "assetCtxs", "spotAssetCtxs", "allDexsAssetCtxs")
FIGURES = (2, 3, 4, 5)


def read(venue: Venue, wanted: Mapping[str, Any]) -> tuple[Topic, dict[str, Any]]:
    """The topic and the subscription as the venue echoes it; InputError for what it does not know."""
    kind = wanted.get("type")
    if kind in GLOBAL_TOPICS:
        dex = _dex(venue, wanted)
        normal = {"type": kind, "dex": wanted.get("dex")} if kind in ("allMids", "assetCtxs") else {"type": kind}
        return (str(kind), dex), normal
    if kind in COIN_TOPICS:
        return _coin_topic(venue, str(kind), wanted)
    if kind in USER_TOPICS:
        return _user_topic(venue, str(kind), wanted)
    raise InputError("type", f"no such channel: {kind}")


def _coin_topic(venue: Venue, kind: str, wanted: Mapping[str, Any]) -> tuple[Topic, dict[str, Any]]:
    coin = _coin(venue, wanted)
    normal: dict[str, Any] = {"type": kind, "coin": coin}
    if kind == "candle":
        interval = wanted.get("interval")
        if interval not in INTERVALS:
            raise InputError("interval", f"no such interval: {interval}")
        return (kind, f"{coin},{interval}"), normal | {"interval": interval}
    if kind == "l2Book":
        figures, mantissa = wanted.get("nSigFigs"), wanted.get("mantissa")
        if figures not in (None, *FIGURES) or (mantissa is not None and (figures != 5 or mantissa not in (2, 5))):
            raise InputError("nSigFigs", f"no such aggregation: {figures}, {mantissa}")
        normal |= {"nSigFigs": figures, "mantissa": mantissa}
        return (kind, coin if figures is None else f"{coin},{figures},{mantissa}"), normal
    return (kind, coin), normal


def _user_topic(venue: Venue, kind: str, wanted: Mapping[str, Any]) -> tuple[Topic, dict[str, Any]]:
    user = address(str(wanted.get("user")), "user")
    normal: dict[str, Any] = {"type": kind, "user": user}
    if kind == "activeAssetData":
        coin = _coin(venue, wanted)
        return (kind, f"{user},{coin}"), normal | {"coin": coin}
    if kind == "userFills" and wanted.get("aggregateByTime"):
        return (kind, f"{user},aggregated"), normal | {"aggregateByTime": True}
    if kind in ("clearinghouseState", "openOrders", "twapStates"):
        dex = _dex(venue, wanted)
        return (kind, f"{user},{dex}" if dex else user), normal | {"dex": dex}
    return (kind, user), normal


def _coin(venue: Venue, wanted: Mapping[str, Any]) -> str:
    coin = str(wanted.get("coin"))
    if venue.market_of(coin) is None:
        raise InputError("coin", f"no such coin: {coin}")
    return coin


def _dex(venue: Venue, wanted: Mapping[str, Any]) -> str:
    dex = str(wanted.get("dex") or "")
    if dex and dex not in venue.dex_names and dex != "ALL_DEXS":
        raise InputError("dex", f"no such dex: {dex}")
    return dex


def shown(normal: Mapping[str, Any]) -> str:
    """As the error texts quote it."""
    return json.dumps(normal, separators=(",", ":"))


def user_of(topic: Topic) -> str | None:
    return topic[1].split(",")[0] if topic[0] in USER_TOPICS else None
