"""The bundled recording, read from disk. `README.md` beside this file says where every figure comes from."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from keeper.errors import ConfigError
from keeper.venues.simulated.units import DEX_STEP, FIRST_DEX, FIRST_SPOT, MICRO, AssetSpec, Token

BUNDLED = Path(__file__).with_name("hyperliquid.json.gz")
HOUR_MS = 3_600_000
SPOT_IMPACT = 0.0005  # half the spread of a spot pair, for which no impact price is recorded (synthetic)


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
    × 1e10 settled h hours after `funding_start_ms`. `depth_exponent` and `depth_usd_at_1bp` are fitted to BTC, whose
    daily notional is `reference_notional`. `dex` and `spot` are recordings of the same kind; `record` is what else was
    recorded of them, `tokens` the spot tokens."""

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
    reference_notional: float
    dex: "Recording | None" = None
    spot: "Recording | None" = None
    record: Mapping[str, Any] = field(default_factory=dict)
    tokens: Sequence[Token] = ()


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
    main = Recording(
        start_ms=raw["time"],
        specs=_perpetuals(raw["universe"], raw["marginTables"], 0),
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
        reference_notional=float(raw["contexts"][0]["dayNtlVlm"]),
    )
    dex = _dex(main, raw["dex"]) if "dex" in raw else None
    return replace(main, dex=dex, spot=_spot(main, raw["spot"]) if "spot" in raw else None)


def _perpetuals(universe: Sequence[Mapping[str, Any]], tables: Sequence[Any], first: int) -> list[AssetSpec]:
    tiers = {number: _tiers(table["marginTiers"]) for number, table in tables}
    return [
        AssetSpec(
            index=first + number,
            coin=entry["name"],
            size_decimals=entry["szDecimals"],
            max_leverage=entry["maxLeverage"],
            margin_table=entry["marginTableId"],
            delisted=entry.get("isDelisted", False),
            tiers=tiers.get(entry["marginTableId"], ()),
            isolated_only=entry.get("onlyIsolated", False),
            strict_isolated=entry.get("marginMode") == "strictIsolated",
            fee_percent=100 if not first else 20 if entry.get("growthMode") == "enabled" else 200,
        )
        for number, entry in enumerate(universe)
    ]


def _tiers(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(float(row["lowerBound"])) * MICRO, row["maxLeverage"]) for row in rows)


def _dex(main: Recording, raw: Mapping[str, Any]) -> Recording:
    specs = _perpetuals(raw["universe"], (), FIRST_DEX + DEX_STEP)
    snapshots = [_snapshot(context) for context in raw["contexts"]]
    record = {"record": raw["record"], "limits": raw["limits"]}
    return replace(
        main, specs=specs, universe=raw["universe"], margin_tables=(), snapshots=snapshots, funding={}, record=record
    )


def _spot(main: Recording, raw: Mapping[str, Any]) -> Recording:
    tokens = [
        Token(entry["index"], entry["name"], entry["szDecimals"], entry["weiDecimals"], entry["tokenId"])
        for entry in raw["tokens"]
    ]
    by_index = {token.index: token for token in tokens}
    specs = []
    for entry in raw["universe"]:
        base = by_index[entry["tokens"][0]]
        specs.append(AssetSpec(FIRST_SPOT + entry["index"], entry["name"], base.size_decimals, 1, base=base))
    snapshots = [_spot_snapshot(context) for context in raw["contexts"]]
    record = {"tokens": raw["tokens"], "contexts": raw["contexts"]}
    universe = raw["universe"]
    return replace(main, specs=specs, universe=universe, snapshots=snapshots, funding={}, record=record, tokens=tokens)


def _spot_snapshot(context: Mapping[str, Any]) -> Snapshot:
    mid = float(context["midPx"])
    return Snapshot(
        mark=float(context["markPx"]),
        oracle=mid,
        mid=mid,
        impact_bid=mid * (1 - SPOT_IMPACT),
        impact_ask=mid * (1 + SPOT_IMPACT),
        open_interest="0.0",
        day_notional=context["dayNtlVlm"],
        day_base=context["dayBaseVlm"],
        previous_day=context["prevDayPx"],
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
