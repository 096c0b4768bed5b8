"""A WebSocket that stays up: reconnects with full-jitter backoff, pings, and drops a connection gone silent.

Ages are measured on the monotonic clock. A channel that has been silent for longer than its limit means that the
connection is dead or lost its subscription, so it is closed and opened anew (a half-open socket never errs by itself).
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
CONNECT_TIMEOUT_S = 5.0
LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes; a venue that sends more in one message is hung up on."""


class Up(msgspec.Struct, frozen=True):
    """Connected; the greeting has been sent."""


class Down(msgspec.Struct, frozen=True):
    reason: str


class Message(msgspec.Struct, frozen=True):
    """`content`: the message as the plan's `read` made it."""

    content: Any


Frame = Up | Down | Message


class WebSocketPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk: `greeting` is sent after every connect, `ping` every `ping_every_s`.

    `read(text)` gives the channel of a message (None = of none) and its content, and never raises; `silence_limits` the
    channels that must speak, each with its longest silence in seconds, counted from the connect on.
    """

    url: str
    greeting: Sequence[str]
    ping: str
    read: Callable[[str], tuple[str | None, Any]]
    silence_limits: Mapping[str, float]
    ping_every_s: float = 20.0


async def supervise(plan: WebSocketPlan, *, jitter: random.Random | None = None) -> AsyncGenerator[Frame, None]:
    """Frames for ever: Up, messages, Down, then again after a pause. Close the generator to stop."""
    dice = jitter or random.Random()  # noqa: S311 - spreads reconnects, decides nothing
    attempt = 0
    async with aiohttp.ClientSession() as session:
        while True:
            spoke = False
            connection = _connection(session, plan)
            try:
                async for frame in connection:
                    spoke = spoke or isinstance(frame, Message)
                    yield frame
            finally:
                await connection.aclose()
            attempt = 0 if spoke else attempt + 1
            await asyncio.sleep(dice.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))


async def _connection(session: aiohttp.ClientSession, plan: WebSocketPlan) -> AsyncGenerator[Frame, None]:
    """One connection from Up to Down; only Down when it cannot be made."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            socket = await session.ws_connect(plan.url, max_msg_size=LARGEST_MESSAGE)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        yield Down(f"{plan.url}: {type(error).__name__} {error}".rstrip())
        return
    receiving: asyncio.Task[aiohttp.WSMessage] | None = None
    try:
        for text in plan.greeting:
            await socket.send_str(text)
        yield Up()
        now = time.monotonic()
        heard = dict.fromkeys(plan.silence_limits, now)
        next_ping = now + plan.ping_every_s
        while True:
            receiving = receiving or asyncio.ensure_future(socket.receive())
            silent_at = min((heard[name] + limit for name, limit in plan.silence_limits.items()), default=next_ping)
            await asyncio.wait({receiving}, timeout=max(0.0, min(next_ping, silent_at) - time.monotonic()))
            now = time.monotonic()
            if receiving.done():
                message, receiving = receiving.result(), None
                if message.type is not aiohttp.WSMsgType.TEXT:
                    yield Down(f"{plan.url}: closed by the venue ({message.type.name})")
                    return
                channel, content = plan.read(message.data)
                if channel in heard:
                    heard[channel] = now
                yield Message(content)
            quiet = [name for name, limit in plan.silence_limits.items() if now - heard[name] > limit]
            if quiet:
                yield Down(f"{plan.url}: no word on {quiet[0]} for {plan.silence_limits[quiet[0]]:g} s")
                return
            if now >= next_ping:
                await socket.send_str(plan.ping)
                next_ping = now + plan.ping_every_s
    except (aiohttp.ClientError, ConnectionError) as error:
        yield Down(f"{plan.url}: {type(error).__name__} {error}".rstrip())
    finally:
        if receiving is not None:
            receiving.cancel()
        await socket.close()
