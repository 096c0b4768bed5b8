"""Rate limits: requests per address against its volume, weight and sockets per IP against the clock."""

from collections import defaultdict, deque

from keeper.venues.simulated.accounts import Account, transferable
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.fees import DAY_MS
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO, usdc_text

CANCEL_EXTRA = 100_000
SLOW_MS = 10_000
MINUTE_MS = 60_000
POOLED_MODES = (2, 3)
"""Unified and portfolio margin accounts (docs, account abstraction modes)."""
ACTIONS_A_DAY = 50_000
EXPIRED_COST = 5
RESERVED_COST = MICRO // 2_000


class AddressLimits:
    """`initial` requests, one more per USDC traded, cancels twice that; beyond it one request in ten seconds."""

    def __init__(self, initial: int) -> None:
        self.initial = initial
        self._slow_ms: dict[str, int] = {}
        self._today: dict[str, tuple[int, int]] = {}

    def cap(self, account: Account) -> int:
        return self.initial + account.volume // MICRO + account.reserved

    def reserve(self, state: State, account: Account, weight: int) -> None:
        """Buys `weight` more requests out of the perpetual balance."""
        cost = weight * RESERVED_COST
        if weight <= 0 or transferable(account, state.mark) < cost:
            raise VenueError("Insufficient balance to reserve request weight.")
        account.raw_usd -= cost
        state.fees += cost
        account.reserved += weight

    def admit(self, account: Account, count: int, now_ms: int, *, cancels: bool) -> None:
        """Counts `count` requests, or VenueError in the venue's words; for a pooled account, in ours."""
        if account.abstraction in POOLED_MODES:
            self._count_today(account.address, count, now_ms)
        limit = self.cap(account)
        if cancels:
            limit = min(limit + CANCEL_EXTRA, 2 * limit)
        if account.requests + count > limit:
            if now_ms - self._slow_ms.get(account.address, -SLOW_MS) < SLOW_MS:
                raise VenueError(
                    f"Too many cumulative requests sent ({account.requests} > {limit}) for cumulative volume traded "
                    f"${usdc_text(account.volume)}. Place taker orders to free up 1 request per USDC traded."
                )
            self._slow_ms[account.address] = now_ms
        account.requests += count

    def _count_today(self, address: str, count: int, now_ms: int) -> None:
        day = now_ms // DAY_MS
        counted, used = self._today.get(address, (day, 0))
        used = count + (used if counted == day else 0)
        if used > ACTIONS_A_DAY:
            raise VenueError(f"Too many actions today ({used} > {ACTIONS_A_DAY}) for this account abstraction.")
        self._today[address] = day, used


class IpLimits:
    """Weight used in the last minute per caller; a limit of nought lets everything pass (on one machine everybody has
    the same address)."""

    def __init__(self, weight_a_minute: int = 0) -> None:
        self.limit = weight_a_minute
        self._used: dict[str, deque[tuple[float, int]]] = {}

    def admit(self, ip: str, weight: int, now_s: float) -> bool:
        """False when the caller has used up its minute. `now_s` of the monotonic clock."""
        if not self.limit:
            return True
        used = self._used.setdefault(ip, deque())
        while used and used[0][0] <= now_s - MINUTE_MS / 1000:
            used.popleft()
        if sum(spent for _, spent in used) + weight > self.limit:
            return False
        used.append((now_s, weight))
        return True

    def add(self, ip: str, weight: int, now_s: float) -> None:
        """What an answer cost on top: counted, never refused."""
        if self.limit and weight:
            self._used.setdefault(ip, deque()).append((now_s, weight))


CONNECTIONS, NEW_A_MINUTE, TOPICS, USERS, MESSAGES_A_MINUTE = 10, 30, 1_000, 15, 2_000
"""For one address (docs, rate limits); of users the docs say 10, the server's own words 15."""


class SocketLimits:
    """What one address may do over all its sockets. Off until asked for, as `IpLimits`: on one machine everybody has
    the same address."""

    def __init__(self) -> None:
        self.on = False
        self._open: dict[str, int] = defaultdict(int)
        self._new: dict[str, deque[float]] = defaultdict(deque)
        self._messages: dict[str, deque[float]] = defaultdict(deque)

    def connect(self, ip: str, now_s: float) -> bool:
        """False when the address has too many connections, or opened too many lately. Else `close` it later."""
        if self.on and (self._open[ip] >= CONNECTIONS or not _one_more(self._new[ip], NEW_A_MINUTE, now_s)):
            return False
        self._open[ip] += 1
        return True

    def close(self, ip: str) -> None:
        self._open[ip] -= 1

    def message(self, ip: str, now_s: float) -> bool:
        """False when the address has sent too many messages in the last minute."""
        return not self.on or _one_more(self._messages[ip], MESSAGES_A_MINUTE, now_s)


def _one_more(times: deque[float], most: int, now_s: float) -> bool:
    """Counts one more in the last minute, if it may be."""
    while times and times[0] <= now_s - MINUTE_MS / 1000:
        times.popleft()
    if len(times) >= most:
        return False
    times.append(now_s)
    return True
