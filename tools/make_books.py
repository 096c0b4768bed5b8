"""Makes tests/data/books/btc_20240808.json.xz: `python -m tools.make_books MARKETDATA`.

Rebuilds BTC's three simultaneous Binance books (USD-M, COIN-M, spot) from the recorded snapshot and differences, looks
at all three at the same local instants, and keeps what changed between looks, as far from the best price as an order of
DEPTH_BTC reaches. No value is changed or rounded. Format: tests/data/README.md.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.make_fixtures import OUTPUT, pack

SOURCE = "github.com/nkaz001/hftbacktest @5f3ec40b2afb764e0fea112f941ed85523ef4e88 examples/{usdm,cm,spot} (MIT)"
STEP_NS = 300_000_000
DEPTH_BTC = Decimal(120)
VENUES = {
    "usdm": ("usdm_btcusdt_20240808.gz", Decimal("0.1"), Decimal("0.001")),
    "coinm": ("cm_btcusd_perp_20240808.gz", Decimal("0.1"), Decimal(1)),
    "spot": ("spot_btcusdt_20240808.gz", Decimal("0.01"), Decimal("0.00000001")),
}
CONTRACT_USD = 100

Side = dict[int, int]
"""Price in ticks: size in lots."""


class Venue:
    """One recorded book; `advance(at)` plays it up to a local instant."""

    def __init__(self, path: Path, tick: Decimal, lot: Decimal) -> None:
        self.tick, self.lot = tick, lot
        self.bids: Side = {}
        self.asks: Side = {}
        self._lines = self._messages(path)
        self._next = next(self._lines)
        self._last: int | None = None
        self._early: list[dict[str, Any]] = []
        self.starts: int | None = None

    @staticmethod
    def _messages(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        with gzip.open(path, "rt") as lines:
            for line in lines:
                stamp, _, text = line.partition(" ")
                message = json.loads(text)
                message = message.get("data", message)
                if "lastUpdateId" in message or message.get("e") == "depthUpdate":
                    yield int(stamp), message

    def advance(self, until_ns: int) -> bool:
        """False when the recording has ended."""
        while self._next[0] <= until_ns:
            self._take(*self._next)
            following = next(self._lines, None)
            if following is None:
                return False
            self._next = following
        return True

    def _take(self, stamp: int, message: dict[str, Any]) -> None:
        if "lastUpdateId" in message:
            self._last, self.starts = message["lastUpdateId"], stamp
            self._change(message["bids"], message["asks"])
            for early in self._early:
                self._difference(early)
        elif self._last is None:
            self._early.append(message)
        else:
            self._difference(message)

    def _difference(self, message: dict[str, Any]) -> None:
        assert self._last is not None
        if message["u"] <= self._last:
            return
        assert message.get("pu", message["U"] - 1) <= self._last, "a difference is missing"
        self._last = message["u"]
        self._change(message["b"], message["a"])

    def _change(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, size in changes:
                ticks, lots = whole(price, self.tick), whole(size, self.lot)
                if lots:
                    side[ticks] = lots
                else:
                    side.pop(ticks, None)

    def near(self, side: Side, *, rising: bool) -> Side:
        """The levels from the best one on that an order of DEPTH_BTC takes."""
        kept: Side = {}
        held = Decimal(0)
        for ticks in sorted(side, reverse=not rising):
            if held >= DEPTH_BTC:
                break
            kept[ticks] = side[ticks]
            size = side[ticks] * self.lot
            held += size * CONTRACT_USD / (ticks * self.tick) if self.lot == 1 else size
        return kept


def whole(text: str, step: Decimal) -> int:
    steps = Decimal(text) / step
    assert steps == steps.to_integral_value(), f"{text} is not a multiple of {step}"
    return int(steps)


def main() -> None:
    folder = Path(sys.argv[1]) / "nkaz001-hftbacktest"
    venues = {name: Venue(folder / file, tick, lot) for name, (file, tick, lot) in VENUES.items()}
    at = min(venue._next[0] for venue in venues.values())
    while any(venue.starts is None for venue in venues.values()):
        at += STEP_NS
        for venue in venues.values():
            venue.advance(at)
    columns: dict[str, dict[str, list[int]]] = {
        f"{name}.{side}": {"count": [], "price": [], "size": []} for name in venues for side in ("bids", "asks")
    }
    seen: dict[str, Side] = {key: {} for key in columns}
    first, looks = at, 0
    while True:
        for name, venue in venues.items():
            for side, levels, rising in (("bids", venue.bids, False), ("asks", venue.asks, True)):
                key = f"{name}.{side}"
                now = venue.near(levels, rising=rising)
                note(columns[key], seen[key], now)
                seen[key] = now
        looks += 1
        at += STEP_NS
        if not all(venue.advance(at) for venue in venues.values()):
            break
    content = {
        "source": SOURCE,
        "first_ns": first,
        "step_ns": STEP_NS,
        "looks": looks,
        "tick": {name: str(tick) for name, (_, tick, _) in VENUES.items()},
        "lot": {name: str(lot) for name, (_, _, lot) in VENUES.items()},
        "contract_usd": {"coinm": CONTRACT_USD},
        "changes": columns,
    }
    pack(OUTPUT / "books" / "btc_20240808.json.xz", content)


def note(column: dict[str, list[int]], before: Side, now: Side) -> None:
    """Appends what changed, prices rising, each as the distance from the one before."""
    changed = sorted(ticks for ticks in before.keys() | now.keys() if before.get(ticks) != now.get(ticks))
    last = 0
    for ticks in changed:
        column["price"].append(ticks - last)
        column["size"].append(now.get(ticks, 0))
        last = ticks
    column["count"].append(len(changed))


if __name__ == "__main__":
    main()
