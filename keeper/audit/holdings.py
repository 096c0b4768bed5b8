"""Who holds what at one seat, now and at an instant of the last day."""

from collections import defaultdict, deque
from decimal import Decimal

ZERO = Decimal(0)

KEPT_MS = 86_400_000
"""How far back an instant may lie: a venue that settles funding later than that settles it for people to look at."""


class Holdings:
    """Positions by coin and sub-account, and the changes of the last day, so that one can look back."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, Decimal]] = defaultdict(dict)
        self._changes: dict[str, deque[tuple[int, int, Decimal]]] = defaultdict(deque)

    def add(self, coin: str, owner: int, size: Decimal, time_ms: int) -> None:
        """A fill of signed `size`, in order of time."""
        _shift(self._held[coin], owner, size)
        changes = self._changes[coin]
        changes.append((time_ms, owner, size))
        while changes[0][0] < time_ms - KEPT_MS:
            changes.popleft()

    def coins(self) -> list[str]:
        return sorted(coin for coin, held in self._held.items() if held)

    def all(self) -> dict[tuple[int, str], Decimal]:
        """By sub-account and coin; nothing where it is flat."""
        return {(owner, coin): size for coin, held in self._held.items() for owner, size in held.items()}

    def before(self, coin: str, time_ms: int) -> dict[int, Decimal]:
        """Open positions in a coin from the fills stamped before an instant."""
        held = dict(self._held[coin])
        for at, owner, size in reversed(self._changes[coin]):
            if at < time_ms:
                break
            _shift(held, owner, -size)
        return {owner: held[owner] for owner in sorted(held)}


def _shift(held: dict[int, Decimal], owner: int, size: Decimal) -> None:
    after = held.get(owner, ZERO) + size
    if after:
        held[owner] = after
    else:
        held.pop(owner, None)
