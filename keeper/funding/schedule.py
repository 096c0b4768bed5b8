"""Settlement instants of one symbol: its own interval and anchor, and the days on which the interval changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keeper.errors import InputError
from keeper.model.funding import HOUR_MS


@dataclass(frozen=True, order=True, slots=True)
class Grid:
    """From `from_ms` on: settlements at anchor_hour + k × interval_hours UTC."""

    from_ms: int
    interval_hours: int
    anchor_hour: int = 0

    def __post_init__(self) -> None:
        if self.interval_hours <= 0 or 24 % self.interval_hours:
            raise InputError("interval_hours", f"must divide a day, not {self.interval_hours}", "bad_interval")

    def after(self, at_ms: int) -> int:
        """The first instant later than `at_ms`."""
        step, anchor = self.interval_hours * HOUR_MS, self.anchor_hour * HOUR_MS
        return (at_ms - anchor) // step * step + step + anchor


class Schedule:
    """Grids in force one after another. A change counts from its instant on: that instant itself is still the old
    grid's, the next one the new grid's."""

    def __init__(self, grids: Sequence[Grid]) -> None:
        if not grids:
            raise InputError("grids", "a symbol needs at least one settlement grid", "no_grid")
        self._grids = sorted(grids)

    @classmethod
    def every(cls, interval_hours: int, anchor_hour: int = 0) -> "Schedule":
        """One grid for all times."""
        return cls([Grid(0, interval_hours, anchor_hour)])

    def grid(self, at_ms: int) -> Grid:
        """The grid that decides what comes after `at_ms`; before the first one the first."""
        return next((item for item in reversed(self._grids) if item.from_ms <= at_ms), self._grids[0])

    def next_after(self, at_ms: int) -> int:
        """The next settlement later than `at_ms`."""
        instant = self.grid(at_ms).after(at_ms)
        change = next((item for item in self._grids if at_ms < item.from_ms), None)
        if change is not None and change.from_ms < instant:
            return self.next_after(change.from_ms)
        return instant

    def instants(self, after_ms: int, until_ms: int) -> Iterator[int]:
        """The settlements in (after, until]: those that a position held over that span pays."""
        at = self.next_after(after_ms)
        while at <= until_ms:
            yield at
            at = self.next_after(at)

    def interval_hours(self, instant_ms: int) -> int:
        """The interval that ends at a settlement."""
        return self.grid(instant_ms - 1).interval_hours
