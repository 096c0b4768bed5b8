"""Hyperliquid's WebSocket as stream events: books, contexts, the seat's fills."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
import structlog

from keeper.errors import IntegrityError
from keeper.venues.base import BookUpdate, Connected, ContextUpdate, Disconnected, FillsUpdate, StreamEvent
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.wire import convert
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


def read(text: str) -> tuple[str | None, Envelope | None]:
    """The channel (`l2Book:BTC`, `pong`, ...) and the envelope; nothing for other text (it greets in plain words)."""
    try:
        envelope = msgspec.json.decode(text, type=Envelope)
    except msgspec.MsgspecError:
        return None, None
    coin = envelope.data.get("coin") if isinstance(envelope.data, dict) else None
    return (f"{envelope.channel}:{coin}" if coin else envelope.channel), envelope


async def stream(base_url: str, venue: str, account: str, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
    """Events for ever. A message that cannot be read is logged and left out: its channel then goes stale."""
    frames = supervise(plan(base_url, account, coins))
    try:
        async for frame in frames:
            if isinstance(frame, Up):
                yield Connected()
            elif isinstance(frame, Down):
                yield Disconnected(frame.reason)
            else:
                event = parse(frame.content, venue)
                if event is not None:
                    yield event
    finally:
        await frames.aclose()


def parse(envelope: Envelope | None, venue: str) -> StreamEvent | None:
    """One message as an event; None for those that carry none."""
    if envelope is None:
        return None
    try:
        match envelope.channel:
            case "l2Book":
                return BookUpdate(records.book(venue, convert(envelope.data, L2Book)))
            case "activeAssetCtx":
                data = convert(envelope.data, AssetCtxData)
                return ContextUpdate(records.context(data.coin, data.ctx))
            case "userFills":
                fills = convert(envelope.data, UserFillsData)
                return FillsUpdate(tuple(records.fill(venue, row) for row in fills.fills), fills.is_snapshot)
            case "error":
                log.warning("venue_stream_error", venue=venue, text=str(envelope.data)[:200])
    except (msgspec.ValidationError, IntegrityError) as error:
        log.error("venue_stream_unreadable", venue=venue, channel=envelope.channel, error=str(error))
    return None


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
