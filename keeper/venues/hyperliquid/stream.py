"""Hyperliquid's WebSocket as stream events: books, contexts, the seat's fills."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
import structlog

from keeper.errors import IntegrityError
from keeper.venues.base import (
    BookUpdate,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    StreamEvent,
    Unreadable,
)
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.wire import convert, decode
from keeper.venues.hyperliquid.wire.account import UserFill
from keeper.venues.hyperliquid.wire.codec import Wire
from keeper.venues.hyperliquid.wire.market import L2Book, PerpAssetCtx
from keeper.venues.websocket import Down, Up, WebSocketPlan, supervise

log = structlog.get_logger()

BOOK_SILENCE_S = 15.0
CONTEXT_SILENCE_S = 60.0
PING_EVERY_S = 20.0
PONG_SILENCE_S = 45.0
CHANNELS = {"l2Book": BOOK_SILENCE_S, "activeAssetCtx": CONTEXT_SILENCE_S}
QUIET = frozenset({"pong", "subscriptionResponse"})
GREETING = "Websocket connection established."
"""The venue's first frame may be these plain words."""
LONGEST_TEXT = 4_000_000
"""Characters; the largest real message is a snapshot of 2,000 fills, under 1 MB."""


class Envelope(Wire, frozen=True):
    """Every message of the venue; `data` is read by the channel's own type."""

    channel: str
    data: Any = None


class AssetCtxData(Wire, frozen=True):
    coin: str
    ctx: PerpAssetCtx


class UserFillsData(Wire, frozen=True):
    user: str
    fills: list[UserFill]
    is_snapshot: bool = False


def plan(base_url: str, account: str, coins: Sequence[str]) -> WebSocketPlan:
    """What to subscribe, and how long each channel may be silent."""
    wanted: list[dict[str, str]] = [{"type": kind, "coin": coin} for coin in coins for kind in CHANNELS]
    wanted.append({"type": "userFills", "user": account})
    limits = {f"{kind}:{coin}": CHANNELS[kind] for coin in coins for kind in CHANNELS}
    return WebSocketPlan(
        url="ws" + base_url.removeprefix("http").rstrip("/") + "/ws",
        greeting=[_text({"method": "subscribe", "subscription": item}) for item in wanted],
        ping=_text({"method": "ping"}),
        read=read,
        silence_limits=limits | {"pong": PONG_SILENCE_S},
        ping_every_s=PING_EVERY_S,
    )


class Broken(msgspec.Struct, frozen=True):
    """A text that is no message of the venue."""

    reason: str


def read(text: str) -> tuple[str | None, Envelope | Broken | None]:
    """The channel (`l2Book:BTC`, `pong`, ...) and the envelope; nothing for the greeting. Never raises."""
    if text == GREETING:
        return None, None
    if len(text) > LONGEST_TEXT:
        return None, Broken(f"{len(text)} characters in one message")
    try:
        envelope = decode(text, Envelope)
    except msgspec.MsgspecError as error:
        return None, Broken(f"{error}: {text[:80]!r}")
    coin = envelope.data.get("coin") if isinstance(envelope.data, dict) else None
    return (f"{envelope.channel}:{coin}" if coin else envelope.channel), envelope


async def stream(base_url: str, venue: str, account: str, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
    """Events for ever. A message that cannot be read, or is of a coin we did not ask for, is an `Unreadable`."""
    frames = supervise(plan(base_url, account, coins))
    try:
        async for frame in frames:
            if isinstance(frame, Up):
                yield Connected()
            elif isinstance(frame, Down):
                yield Disconnected(frame.reason)
            else:
                event = parse(frame.content, venue, account)
                if event is not None:
                    yield event
    finally:
        await frames.aclose()


def parse(envelope: Envelope | Broken | None, venue: str, account: str) -> StreamEvent | None:
    """One message as an event; None for those that carry none. Never raises."""
    match envelope:
        case None:
            return None
        case Broken(reason=reason):
            return Unreadable("unknown", reason)
    channel = envelope.channel
    try:
        match channel:
            case "l2Book":
                return BookUpdate(records.book(venue, convert(envelope.data, L2Book)))
            case "activeAssetCtx":
                data = convert(envelope.data, AssetCtxData)
                return ContextUpdate(records.context(data.coin, data.ctx))
            case "userFills":
                fills = convert(envelope.data, UserFillsData)
                if fills.user.lower() != account.lower():
                    return Unreadable("userFills", f"fills of {fills.user[:42]}, asked for those of {account}")
                return FillsUpdate(tuple(records.fill(venue, row) for row in fills.fills), fills.is_snapshot)
            case "error":
                return _refusal(str(envelope.data), venue)
    except (msgspec.ValidationError, IntegrityError, ArithmeticError) as error:
        return Unreadable(channel, str(error)[:200], _coin(envelope.data))
    return None if channel in QUIET else Unreadable("unknown", f"channel {channel[:40]!r}")


def _refusal(text: str, venue: str) -> Unreadable | None:
    """The venue's `error` channel. Only a subscription that stands already is no loss."""
    log.warning("venue_stream_error", venue=venue, text=text[:200])
    return None if text.startswith("Already subscribed") else Unreadable("error", text[:200])


def _coin(data: Any) -> str | None:
    coin = data.get("coin") if isinstance(data, dict) else None
    return coin if isinstance(coin, str) else None


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
