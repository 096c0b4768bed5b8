"""An event loop whose time passes only when everybody waits: hours of retries take milliseconds, and runs repeat."""

import asyncio
import selectors
from typing import Any

from keeper.errors import IntegrityError


class _Selector:
    """Never waits: the time it was to wait for is added to the loop's clock instead."""

    def __init__(self, loop: "VirtualLoop", real: selectors.BaseSelector) -> None:
        self._loop, self._real = loop, real

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise IntegrityError("everybody waits for nothing: a deadlock")
        self._loop.now += max(0.0, timeout)
        return self._real.select(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now`: seconds since it was made."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self, selectors.SelectSelector()))  # type: ignore[arg-type]

    def time(self) -> float:
        return self.now


class VirtualClock:
    """Business time that runs with the loop's."""

    def __init__(self, loop: VirtualLoop, start_ms: int) -> None:
        self._loop, self._start_ms = loop, start_ms

    def now_ms(self) -> int:
        return self._start_ms + int(self._loop.now * 1000)
