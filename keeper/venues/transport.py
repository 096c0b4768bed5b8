"""HTTP to a venue: one session, a limiter by weight, reads retried, and errors sorted into the two kinds there are.

`VenueError`: the venue answered and said no. `UnknownOutcome`: anything else (timeout, 429, 5xx, broken connection), so
that a caller who sent a command knows that it may have happened.
"""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
import stamina
from aiolimiter import AsyncLimiter

from keeper.errors import UnknownOutcome, VenueError

T = TypeVar("T")

LIGHT_WEIGHT = 2
LIGHT_SHARE = 0.25
"""The part of the limit kept for commands and light reads, so that no long report ever holds up an order."""

READ_ATTEMPTS = 4
READ_PATIENCE_S = 10.0


class HttpTransport:
    """POSTs JSON to one base URL. `weight_per_minute` is the venue's limit for one address, split into two lanes.

    Close it, or use it as an async context manager.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 5.0, weight_per_minute: float = 1200) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._weight_per_minute = weight_per_minute
        self._lanes: tuple[AsyncLimiter, AsyncLimiter] | None = None
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """The session, opened at first use inside the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
            light = self._weight_per_minute * LIGHT_SHARE
            self._lanes = AsyncLimiter(light, 60), AsyncLimiter(self._weight_per_minute - light, 60)
        return self._session

    async def post(self, path: str, payload: Any, *, weight: float = 1) -> bytes:
        """The body of a 200 answer. VenueError for other 4xx but 429, UnknownOutcome for everything else."""
        session = self.session()
        assert self._lanes is not None
        light, heavy = self._lanes
        await (light if weight <= LIGHT_WEIGHT else heavy).acquire(weight)
        url = self.base_url + path
        try:
            async with session.post(
                url,
                data=msgspec.json.encode(payload),
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnknownOutcome(f"{url}: {type(error).__name__} {error}".rstrip()) from error
        if response.status == 200:
            return body
        text = body[:200].decode(errors="replace")
        if 400 <= response.status < 500 and response.status not in (408, 429):
            raise VenueError(f"{url}: HTTP {response.status} {text}")
        raise UnknownOutcome(f"{url}: HTTP {response.status} {text}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def read_with_retries(read: Callable[[], Awaitable[T]]) -> T:
    """Repeats a read while its outcome is unknown: 4 attempts within 10 s, with growing pauses. For reads only."""
    async for attempt in stamina.retry_context(
        on=UnknownOutcome, attempts=READ_ATTEMPTS, timeout=READ_PATIENCE_S, wait_initial=0.1, wait_max=2.0
    ):
        with attempt:
            return await read()
    raise AssertionError("retry_context ends by a result or by the last error")
