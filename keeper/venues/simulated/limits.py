"""Rate limits: requests per address against its volume, weight per IP against the clock."""

from collections import deque

from keeper.venues.simulated.accounts import Account, transferable
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO, usdc_text

CANCEL_EXTRA = 100_000
SLOW_MS = 10_000
MINUTE_MS = 60_000
EXPIRED_COST = 5
RESERVED_COST = MICRO // 2_000


class AddressLimits:
    """`initial` requests, one more per USDC traded, cancels twice that; beyond it one request in ten seconds."""

    def __init__(self, initial: int) -> None:
        self.initial = initial
        self._slow_ms: dict[str, int] = {}

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
        """Counts `count` requests, or VenueError in the venue's words."""
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
