"""Hyperliquid's WebSocket as stream events: books, contexts, the seat's fills."""

from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec
import structlog

from keeper.errors import IntegrityError
from keeper.venues.base import (
    Book,
    BookUpdate,
    Connected,
    ContextUpdate,
    Disconnected,
    FillsUpdate,
    StreamEvent,
    Unreadable,
)
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.fast_books import scanned
from keeper.venues.hyperliquid.wire import decode
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


class Envelope(msgspec.Struct, frozen=True):
    """Every message of the venue; `data` is read once, by the channel's own type."""

    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class AssetCtxData(Wire, frozen=True):
    coin: str
    ctx: PerpAssetCtx


class UserFillsData(Wire, frozen=True):
    user: str
    fills: list[UserFill]
    is_snapshot: bool = False


class OfCoin(msgspec.Struct, frozen=True):
    """What is left of a message that could not be read."""

    coin: str


Read = tuple[str | None, StreamEvent | None]
Tap = Callable[[Book], None]


def plan(base_url: str, venue: str, account: str, coins: Sequence[str], tap: Tap | None = None) -> WebSocketPlan:
    """What to subscribe, and how long each channel may be silent. A message's content is its event."""

    def tapped(text: str) -> Read:
        found = read(text, venue, account)
        if tap is not None and isinstance(found[1], BookUpdate):
            tap(found[1].book)
        return found

    wanted: list[dict[str, str]] = [{"type": kind, "coin": coin} for coin in coins for kind in CHANNELS]
    wanted.append({"type": "userFills", "user": account})
    limits = {f"{kind}:{coin}": CHANNELS[kind] for coin in coins for kind in CHANNELS}
    return WebSocketPlan(
        url="ws" + base_url.removeprefix("http").rstrip("/") + "/ws",
        greeting=[_text({"method": "subscribe", "subscription": item}) for item in wanted],
        ping=_text({"method": "ping"}),
        read=tapped,
        silence_limits=limits | {"pong": PONG_SILENCE_S},
        ping_every_s=PING_EVERY_S,
    )


async def stream(
    base_url: str, venue: str, account: str, coins: Sequence[str], tap: Tap | None = None
) -> AsyncGenerator[StreamEvent, None]:
    """Events for ever. A message that cannot be read is an `Unreadable`. `tap` is given each book in the step in which
    the socket gives it out, before the event; it must not raise."""
    frames = supervise(plan(base_url, venue, account, coins, tap))
    try:
        async for frame in frames:
            if isinstance(frame, Up):
                yield Connected()
            elif isinstance(frame, Down):
                yield Disconnected(frame.reason)
            elif frame.content is not None:
                yield frame.content
    finally:
        await frames.aclose()


def read(text: str, venue: str, account: str) -> Read:
    """The channel of a message (`l2Book:BTC`, `pong`) and its event, None for one that carries none. What cannot be
    read is of no channel, so that a channel of such messages counts as silent. Never raises."""
    if text == GREETING:
        return None, None
    if len(text) > LONGEST_TEXT:
        return None, Unreadable("unknown", f"{len(text)} characters in one message")
    book = scanned(text, venue)
    if book is not None:
        return f"l2Book:{book.coin}", BookUpdate(book)
    try:
        envelope = decode(text, Envelope)
    except msgspec.MsgspecError as error:
        return None, Unreadable("unknown", f"{error}: {text[:80]!r}")
    try:
        return _typed(envelope, venue, account)
    except (msgspec.MsgspecError, IntegrityError, ArithmeticError) as error:
        return None, Unreadable(envelope.channel, str(error)[:200], _coin(envelope.data))


def _typed(envelope: Envelope, venue: str, account: str) -> Read:
    match envelope.channel:
        case "l2Book":
            wire = decode(envelope.data, L2Book)
            return f"l2Book:{wire.coin}", BookUpdate(records.book(venue, wire))
        case "activeAssetCtx":
            found = decode(envelope.data, AssetCtxData)
            return f"activeAssetCtx:{found.coin}", ContextUpdate(records.context(found.coin, found.ctx))
        case "userFills":
            fills = decode(envelope.data, UserFillsData)
            if fills.user.lower() != account.lower():
                return None, Unreadable("userFills", f"fills of {fills.user[:42]}, asked for those of {account}")
            return "userFills", FillsUpdate(tuple(records.fill(venue, row) for row in fills.fills), fills.is_snapshot)
        case "error":
            return None, _refusal(bytes(envelope.data).decode(errors="replace"), venue)
        case channel if channel in QUIET:
            return channel, None
    return None, Unreadable("unknown", f"channel {envelope.channel[:40]!r}")


def _refusal(text: str, venue: str) -> Unreadable | None:
    """The venue's `error` channel. Only a subscription that stands already is no loss."""
    log.warning("venue_stream_error", venue=venue, text=text[:200])
    return None if text.startswith('"Already subscribed') else Unreadable("error", text[:200])


def _coin(data: msgspec.Raw) -> str | None:
    try:
        return decode(data, OfCoin).coin
    except msgspec.MsgspecError:
        return None


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
