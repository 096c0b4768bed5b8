"""Business time. Engines ask a Clock; timeouts and socket ages use the monotonic clock instead.

In the local world every process reads one offset from one file, so that a whole day can pass in a second and all of
them agree on it. In production the offset is nought and the clock is the machine's.
"""

import json
import os
import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Milliseconds since 1970, UTC, as the business counts them."""

    def now_ms(self) -> int: ...


class LiveClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class OffsetClock:
    """The machine's clock plus the offset in a file (`{"offset_ms": n}`), read anew whenever the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._offset_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms()

    def offset_ms(self) -> int:
        """The offset in force; nought while there is no file."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return self._offset_ms
        version = (status.st_mtime_ns, status.st_ino)
        if version != self._version:
            self._offset_ms = int(json.loads(self._path.read_text())["offset_ms"])
            self._version = version
        return self._offset_ms


def write_offset(path: Path, offset_ms: int) -> None:
    """Puts a new offset in force for every process that reads the file; readers never see half of it."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"offset_ms": offset_ms}))
    fresh.replace(path)


class TestClock:
    """A clock that a test moves by hand."""

    __test__ = False  # not a test class, whatever its name makes pytest think

    def __init__(self, now_ms: int = 1_770_336_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, span_ms: int) -> None:
        if span_ms < 0:
            raise ValueError(f"time does not run backwards: {span_ms} ms")
        self._now_ms += span_ms


def make_clock(path: Path | None) -> Clock:
    """The live clock, or the local world's when its file is named."""
    return LiveClock() if path is None else OffsetClock(path)
