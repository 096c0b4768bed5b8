"""The venue's own clock: a base clock, an offset that the admin port moves, and a hold while it does so."""

from keeper.clock import Clock


class VenueClock:
    """`hold` pins the time while hours are stepped through; `release` lets it run on from the moved offset."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._offset_ms = 0
        self._skew_ms = 0
        self._held_ms: int | None = None

    def now_ms(self) -> int:
        return self._base.now_ms() + self._offset_ms + self._skew_ms if self._held_ms is None else self._held_ms

    def skew(self, ms: int) -> None:
        """From now on the clock is wrong by so much."""
        self._skew_ms = ms

    def hold(self, at_ms: int) -> None:
        self._held_ms = at_ms

    def release(self, span_ms: int) -> None:
        self._offset_ms += span_ms
        self._held_ms = None
