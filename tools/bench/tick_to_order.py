"""From a book's push to the signed order on the socket: the keeper's own parts against the usual way.

A venue in a process of its own sends a push, waits for the order, then sends the next one; the two sides take turns of
50 on the same frames (after each single one, the caches that the other leaves cold would be what is measured). The
venue has one core and the two clients the other, where there are two. Ours: the native adapter's stream, which gives a
book out in the step in which it is read, `LiveRoute`, the room that the risk check leaves, and the adapter's `begin`,
which signs and writes on its open socket. The usual way: aiohttp, json, floats, a heap of levels, the venue's SDK with
coincurve, and a WebSocket for its orders too. Both hold five books of 20 levels and send the largest leg as an IOC
order. The venue compares all signed orders: they must be equal.

`inner`: from the frame in the hands of the client's code until the write has returned. `wire`: from the venue's write
until it has read the order. In neither, on either side: TLS, a network, the line in the event log.
"""

import asyncio
import json
import sys

from tools.bench.figures import Figure, against
from tools.bench.routing import at
from tools.bench.tick_world import Times

WARM_UP = 200


def run() -> list[Figure]:
    wire, inner = asyncio.run(_measure())
    peer = "aiohttp + json + SDK + coincurve"
    figures = []
    for name, times in (("inner", inner), ("wire", wire)):
        ours, theirs = sorted(times["ours"][WARM_UP:]), sorted(times["peer"][WARM_UP:])
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            figures.append(
                against(f"tick to order, {name} {label}", at(ours, share), "µs", peer, at(theirs, share), "5 venues")
            )
        figures.append(Figure(f"tick to order, {name} p99 / p50", at(ours, 0.99) / at(ours, 0.5), "", note="at most 3"))
    return figures


async def _measure() -> tuple[Times, Times]:
    """The venue's own times and the client's, µs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tools.bench.tick_world", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tools.bench.tick_world", url, stdout=asyncio.subprocess.PIPE
    )
    wire, _ = await asyncio.gather(process.stdout.readline(), asyncio.sleep(0))
    inner, _ = await client.communicate()
    await process.wait()
    if process.returncode or client.returncode:
        raise SystemExit("bench tick_to_order: the venue or its client failed; see above")
    return json.loads(wire), json.loads(inner)
