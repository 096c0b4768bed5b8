"""Rate limits of a venue, kept on our side of the wire: one for each (venue, IP address) and each (venue, account).

A limit is a token bucket on an injected monotonic clock. Who asks for tokens says what for, and each purpose leaves a
floor to those before it: long reports leave a quarter for light reads and commands, and nobody but cancels touches
the last part. So the keeper can always take an order back, however busy it is otherwise.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from keeper.errors import ConfigError
from keeper.monitoring import metrics

Purpose = Literal["cancel", "order", "light", "heavy"]
FLOORS: Mapping[Purpose, float] = {"cancel": 0.0, "order": 0.05, "light": 0.05, "heavy": 0.25}
"""The share of the capacity that each purpose leaves untouched."""


ALLOWANCE, PER_S, RESERVE = 10_000.0, 0.1, 500.0
"""Commands of an account at Hyperliquid: at first, gained each second, kept for cancels."""


class TokenBucket:
    """Holds at most `capacity` tokens and gains `per_s` of them each second; full at first."""

    def __init__(self, capacity: float, per_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        if capacity <= 0 or per_s < 0:
            raise ConfigError(f"rate limit: capacity {capacity} must be positive and its refill {per_s} not negative")
        self.capacity = capacity
        self.per_s = per_s
        self._monotonic = monotonic
        self._tokens = capacity
        self._at_s = monotonic()

    @property
    def tokens(self) -> float:
        """What is there now; below nought after a request larger than the whole bucket."""
        now = self._monotonic()
        if now > self._at_s:
            tokens = self._tokens + (now - self._at_s) * self.per_s
            self._tokens = tokens if tokens < self.capacity else self.capacity
        self._at_s = now
        return self._tokens

    def wait_s(self, weight: float, floor: float = 0.0) -> float:
        """Seconds until `weight` tokens can be taken with `floor` left; infinity if they never come.

        A weight larger than the bucket above its floor is allowed once the bucket is full.
        """
        missing = min(weight + floor, self.capacity) - self.tokens
        if missing <= 0:
            return 0.0
        return missing / self.per_s if self.per_s else float("inf")

    def take(self, weight: float, floor: float = 0.0) -> bool:
        """Takes them if they are there now."""
        tokens = self.tokens
        if tokens < weight + floor and tokens < self.capacity:
            return False
        self._tokens -= weight
        return True

    def drain(self, to: float = 0.0) -> None:
        """The other side says that no more than `to` are left."""
        self._tokens = min(self.tokens, to)

    def put(self, tokens: float) -> None:
        self._tokens = min(self.capacity, self.tokens + tokens)


class IpLimit:
    """What one address may ask of one venue. Requests of a purpose go in the order in which they came."""

    def __init__(
        self,
        venue: str,
        weight_per_minute: float,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.venue = venue
        self._bucket = TokenBucket(weight_per_minute, weight_per_minute / 60, monotonic)
        self._monotonic = monotonic
        self._pause = pause
        self._queues: dict[Purpose, asyncio.Lock] = {purpose: asyncio.Lock() for purpose in FLOORS}
        self._waits = {purpose: metrics.limiter_wait.labels(venue, purpose) for purpose in FLOORS}

    @property
    def tokens(self) -> float:
        return self._bucket.tokens

    async def acquire(self, weight: float, purpose: Purpose) -> None:
        """Waits until the request may leave."""
        if self.take(weight, purpose):
            self.note(purpose)
            return
        started, floor = self._monotonic(), FLOORS[purpose] * self._bucket.capacity
        async with self._queues[purpose]:
            while not self._bucket.take(weight, floor):
                await self._pause(self._bucket.wait_s(weight, floor))
        self.note(purpose, self._monotonic() - started)

    def take(self, weight: float, purpose: Purpose) -> bool:
        """Whether the request may leave now; nothing is used up if not. `note` it when there is time."""
        return not self._queues[purpose].locked() and self._bucket.take(weight, FLOORS[purpose] * self._bucket.capacity)

    def note(self, purpose: Purpose, waited_s: float = 0.0) -> None:
        """Tells the metrics of a request that has left."""
        self._waits[purpose].observe(waited_s)

    def refused(self) -> None:
        """The venue answered 429: it counts otherwise than we do. Reports go no faster than the bucket fills from now
        on; what they leave stays for commands and light reads."""
        self._bucket.drain(FLOORS["heavy"] * self._bucket.capacity)


class AccountLimit:
    """How many commands one account may still send. By default as Hyperliquid counts: an allowance that grows with the
    volume traded, and one command each 10 s once it is used up. The last `reserve` are for cancels."""

    def __init__(
        self,
        allowance: float = ALLOWANCE,
        per_s: float = PER_S,
        reserve: float = RESERVE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = TokenBucket(allowance, per_s, monotonic)
        self._reserve = min(reserve, allowance / 2)

    @property
    def left(self) -> float:
        return self._bucket.tokens

    def take(self, purpose: Purpose, count: int = 1) -> bool:
        """Whether the commands may be sent now; if not, nothing has been sent and nothing is used up."""
        return self._bucket.take(count, 0.0 if purpose == "cancel" else self._reserve)

    def learn(self, used: int, cap: int) -> None:
        """What the venue itself counts (`userRateLimit`)."""
        self._bucket.capacity = max(1.0, float(cap))
        self._bucket.drain()
        self._bucket.put(max(0, cap - used))


class LimitRegistry:
    """The one limiter of each (venue, IP) and of each (venue, account) in this process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ips: dict[tuple[str, str], IpLimit] = {}
        self._accounts: dict[tuple[str, str], AccountLimit] = {}

    def of_ip(self, venue: str, weight_per_minute: float, ip: str = "") -> IpLimit:
        """`ip`: the address of ours that requests leave from, where there are several."""
        key = (venue, ip)
        if key not in self._ips:
            self._ips[key] = IpLimit(venue, weight_per_minute, self._monotonic)
        return self._ips[key]

    def of_account(
        self, venue: str, account: str, *, allowance: float = ALLOWANCE, per_s: float = PER_S, reserve: float = RESERVE
    ) -> AccountLimit:
        """The numbers count the first time."""
        key = (venue, account.lower())
        if key not in self._accounts:
            self._accounts[key] = AccountLimit(allowance, per_s, reserve, self._monotonic)
        return self._accounts[key]
