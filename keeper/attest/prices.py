"""The mark prices an attestor saw itself, and when."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

KEPT_MS = 180_000
WINDOW_MS = 10_000
TOLERANCE_BPS = 5
MAX_GAP_MS = 1_500


class PriceHistory:
    """Samples of all coins at once. Times are the venue's, which may jump."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, Mapping[str, Decimal]]] = deque()

    @property
    def latest_ms(self) -> int | None:
        return self._samples[-1][0] if self._samples else None

    def add(self, before_ms: int, after_ms: int, marks: Mapping[str, Decimal]) -> None:
        """Prices read between two readings of the venue's time. When those lie far apart (a slow answer, or time that
        jumped in the local world) nobody can say which instant the prices belong to, and they are not used."""
        if 0 <= after_ms - before_ms <= MAX_GAP_MS:
            self._samples.append((after_ms, marks))
        while self._samples and self._samples[0][0] < after_ms - KEPT_MS:
            self._samples.popleft()

    def around(self, coin: str, at_ms: int) -> list[Decimal]:
        """Prices of a coin seen within 10 s of an instant."""
        return [marks[coin] for time_ms, marks in self._samples if abs(time_ms - at_ms) <= WINDOW_MS and coin in marks]

    def nearest(self, coin: str, at_ms: int, price: Decimal) -> Decimal | None:
        """Of the prices seen around an instant the one closest to `price`; None when none was seen."""
        return min(self.around(coin, at_ms), key=lambda seen: abs(seen - price), default=None)


def is_close(price: Decimal, seen: Decimal) -> bool:
    """Within 5 basis points of what was seen."""
    return abs(price - seen) * 10_000 <= TOLERANCE_BPS * seen
