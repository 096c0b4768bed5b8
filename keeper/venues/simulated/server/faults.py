"""Failures on order, for tests of whoever talks to the venue."""

import asyncio
from typing import Literal

import msgspec
from aiohttp import web


class Fault(msgspec.Struct):
    """drop_ack: processed, not answered. drop_request: neither. delay: processed after `ms`."""

    kind: Literal["drop_ack", "drop_request", "delay"]
    count: int = 1
    ms: int = 0


class Faults:
    """Counts down what was ordered; one /exchange request uses one of the first fault that is left."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self._ordered.append(fault)

    @property
    def left(self) -> int:
        """Requests that are still to fail."""
        return sum(max(0, fault.count) for fault in self._ordered)

    def next(self) -> Fault | None:
        while self._ordered and self._ordered[0].count <= 0:
            self._ordered.pop(0)
        if not self._ordered:
            return None
        self._ordered[0].count -= 1
        return self._ordered[0]


def hang_up(request: web.Request) -> web.Response:
    """Closes the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def before(fault: Fault | None) -> bool:
    """Waits for a delay; True when the request is to be dropped unprocessed."""
    if fault is not None and fault.kind == "delay":
        await asyncio.sleep(fault.ms / 1000)
    return fault is not None and fault.kind == "drop_request"
