"""Reads the recorded books of tests/data/books: three venues looked at at the same instants."""

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "tests" / "data" / "books" / "btc_20240808.json.xz"
BASE = Decimal("0.00000001")
FLOOR = Context(prec=28, rounding=ROUND_FLOOR)

Level = tuple[Decimal, Decimal]
"""(price, BTC)."""


@dataclass(frozen=True, slots=True)
class Look:
    """The books of all venues at one local instant, best first, sizes in BTC (contracts × 100 USD / price, down to
    1e-8)."""

    at_ns: int
    bids: dict[str, list[Level]]
    asks: dict[str, list[Level]]

    def mid(self, venue: str) -> Decimal:
        return (self.bids[venue][0][0] + self.asks[venue][0][0]) / 2


def looks(path: Path = FILE) -> Iterator[Look]:
    """All looks, oldest first."""
    content = json.loads(lzma.decompress(path.read_bytes()))
    sides = {key: _side(content, key) for key in content["changes"]}
    for number in range(content["looks"]):
        now = {key: next(side) for key, side in sides.items()}
        yield Look(
            at_ns=content["first_ns"] + number * content["step_ns"],
            bids={key.removesuffix(".bids"): levels for key, levels in now.items() if key.endswith(".bids")},
            asks={key.removesuffix(".asks"): levels for key, levels in now.items() if key.endswith(".asks")},
        )


def _side(content: dict[str, Any], key: str) -> Iterator[list[Level]]:
    """One side of one venue, look by look."""
    venue, side = key.split(".")
    column, tick, lot = content["changes"][key], Decimal(content["tick"][venue]), Decimal(content["lot"][venue])
    contract = content["contract_usd"].get(venue)
    held: dict[int, Level] = {}
    at = 0
    for count in column["count"]:
        ticks = 0
        for index in range(at, at + count):
            ticks += column["price"][index]
            if lots := column["size"][index]:
                price = ticks * tick
                size = lots * lot
                held[ticks] = (price, size if contract is None else _coins(size * contract, price))
            else:
                del held[ticks]
        at += count
        yield [held[ticks] for ticks in sorted(held, reverse=side == "bids")]


def _coins(usd: Decimal, price: Decimal) -> Decimal:
    return FLOOR.divide(usd, price).quantize(BASE, ROUND_FLOOR)
