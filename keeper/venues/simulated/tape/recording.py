"""The bundled recording, read from disk. `README.md` beside this file says where every figure comes from."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeper.errors import ConfigError
from keeper.venues.simulated.units import AssetSpec

BUNDLED = Path(__file__).with_name("hyperliquid.json.gz")
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Snapshot:
    """One coin at the tape's first instant. Prices in USDC; the book's are None for a delisted coin."""

    mark: float
    oracle: float
    mid: float | None
    impact_bid: float | None
    impact_ask: float | None
    open_interest: str
    day_notional: str
    day_base: str
    previous_day: str


@dataclass(frozen=True, repr=False)
class Recording:
    """`bars[coin][h]` is (open, high, low, close) of the h-th hour from `bars_start_ms`; `funding[coin][h]` the rate
    × 1e10 settled h hours after `funding_start_ms`. `depth_exponent` and `depth_usd_at_1bp` are fitted to BTC."""

    start_ms: int
    specs: Sequence[AssetSpec]
    universe: Sequence[Mapping[str, Any]]
    margin_tables: Sequence[Any]
    snapshots: Sequence[Snapshot]
    bars_start_ms: int
    bars: Mapping[str, Sequence[tuple[float, float, float, float]]]
    funding_start_ms: int
    funding: Mapping[str, Sequence[int]]
    depth_exponent: float
    depth_usd_at_1bp: float


def load(path: Path = BUNDLED) -> Recording:
    """Reads a tape file; ConfigError names the file when it is missing or not a tape."""
    try:
        raw = json.loads(gzip.decompress(path.read_bytes()))
        return _recording(raw)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"--tape {path}: not a readable tape ({error!r}); make one with tools/make_tape.py"
        ) from error


def _recording(raw: Mapping[str, Any]) -> Recording:
    specs = [
        AssetSpec(
            index=index,
            coin=entry["name"],
            size_decimals=entry["szDecimals"],
            max_leverage=entry["maxLeverage"],
            margin_table=entry["marginTableId"],
            delisted=entry.get("isDelisted", False),
        )
        for index, entry in enumerate(raw["universe"])
    ]
    return Recording(
        start_ms=raw["time"],
        specs=specs,
        universe=raw["universe"],
        margin_tables=raw["marginTables"],
        snapshots=[_snapshot(context) for context in raw["contexts"]],
        bars_start_ms=raw["bars_start"],
        bars={
            coin: [(float(o), float(h), float(lo), float(c)) for o, h, lo, c in rows]
            for coin, rows in raw["bars"].items()
        },
        funding_start_ms=raw["funding_start"],
        funding={coin: [round(float(rate) * 1e10) for rate in rates] for coin, rates in raw["funding"].items()},
        depth_exponent=raw["depth"]["exponent"],
        depth_usd_at_1bp=raw["depth"]["usd_at_1bp"],
    )


def _snapshot(context: Mapping[str, Any]) -> Snapshot:
    impact = context["impactPxs"]
    return Snapshot(
        mark=float(context["markPx"]),
        oracle=float(context["oraclePx"]),
        mid=None if context["midPx"] is None else float(context["midPx"]),
        impact_bid=None if impact is None else float(impact[0]),
        impact_ask=None if impact is None else float(impact[1]),
        open_interest=context["openInterest"],
        day_notional=context["dayNtlVlm"],
        day_base=context["dayBaseVlm"],
        previous_day=context["prevDayPx"],
    )
