"""HTTP to a venue: one session, a limiter by weight, reads retried, and errors sorted into the two kinds there are.

`VenueError`: the venue answered and said no. `UnknownOutcome`: anything else (timeout, 429, 5xx, broken connection), so
that a caller who sent a command knows that it may have happened. Each call's latency goes to the metrics.
"""

import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
import stamina

from keeper.errors import UnknownOutcome, VenueError
from keeper.monitoring import metrics
from keeper.venues.limits import IpLimit, Purpose

T = TypeVar("T")

LIGHT_WEIGHT = 2
READ_ATTEMPTS = 4
READ_PATIENCE_S = 10.0
LARGEST_BODY = 64 * 1024 * 1024
"""Bytes; an answer that is larger is not read to its end."""


class HttpTransport:
    """POSTs JSON to one base URL. `weight_per_minute` is the venue's limit for one address; give `limit` instead when
    several transports share it.

    Close it, or use it as an async context manager.
    """

    def __init__(
        self, base_url: str, *, timeout_s: float = 5.0, weight_per_minute: float = 1200, limit: IpLimit | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = urlsplit(self.base_url).netloc
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self.limit = limit or IpLimit(self.name, weight_per_minute)
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """The session, opened at first use inside the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session

    async def post(
        self, path: str, payload: Any, *, weight: float = 1, purpose: Purpose | None = None, call: str = ""
    ) -> bytes:
        """The body of a 200 answer. VenueError for other 4xx but 429, UnknownOutcome for everything else.

        `purpose` decides who goes first (default: a read, light up to a weight of 2); `call` names it in the metrics.
        """
        await self.limit.acquire(weight, purpose or ("light" if weight <= LIGHT_WEIGHT else "heavy"))
        started, result = time.monotonic(), "unknown"
        try:
            body = await self._answer(self.base_url + path, msgspec.json.encode(payload))
            result = "ok"
        except VenueError:
            result = "refused"
            raise
        finally:
            metrics.venue_latency.labels(self.name, call or path, result).observe(time.monotonic() - started)
        return body

    async def _answer(self, url: str, payload: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        try:
            async with self.session().post(url, data=payload, headers=headers, timeout=self._timeout) as response:
                body = await _limited(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnknownOutcome(f"{url}: {type(error).__name__} {error}".rstrip()) from error
        if body is None:
            raise UnknownOutcome(f"{url}: an answer of more than {LARGEST_BODY} bytes")
        if response.status == 200:
            return body
        text = body[:200].decode(errors="replace")
        if response.status == 429:
            self.limit.refused()
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


async def _limited(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None when it is too large to be an answer."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


async def read_with_retries(read: Callable[[], Awaitable[T]]) -> T:
    """Repeats a read while its outcome is unknown: 4 attempts within 10 s, with growing pauses. For reads only."""
    async for attempt in stamina.retry_context(
        on=UnknownOutcome, attempts=READ_ATTEMPTS, timeout=READ_PATIENCE_S, wait_initial=0.1, wait_max=2.0
    ):
        with attempt:
            return await read()
    raise AssertionError("retry_context ends by a result or by the last error")
