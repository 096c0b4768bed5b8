"""Makes the recorded series and fills under tests/data: `python -m tools.make_fixtures RECORDINGS MARKETDATA`.

Everything is copied, cut and packed; no value is changed, filled or rounded. Formats: tests/data/README.md.
"""

import csv
import gzip
import json
import lzma
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "data"
HOUR_MS = 3_600_000
HYPERLIQUID = {"BTC", "ETH", "SOL", "AVAX", "DOGE", "XRP", "LINK", "TIA", "ARB", "SUI", "INJ", "TON"}
FUNDING_SOURCE = "github.com/ZuShen168/funding_rate_data @8040d313236b9220baa7a3576e25a94b6ad81de3 (MIT)"
PREMIUM_SOURCE = (
    "github.com/hyperliquid-dex/hyperliquid-python-sdk @7ee976d123b1e04295e4a1e37a424ca6a13bef88 tests/cassettes (MIT)"
)
CONTEXTS_SOURCE = "github.com/sonirico/go-hyperliquid @5dbb7462be945f2f7683566b91a2d1a006aa3a26 testdata (MIT)"
BRACKETS_SOURCE = (
    "github.com/freqtrade/freqtrade @c9ae5e1e9ff25bb55dd61f5e5519f7c479291edb freqtrade/exchange/ (GPL-3.0)"
)
ANSWERS_SOURCE = (
    "github.com/nautechsystems/nautilus_trader @a95c8042b00133829d252ae8cf68f78fc176a973 crates/adapters/*/test_data "
    "(LGPL-3.0)"
)
FILLS_SOURCE = (
    "github.com/ConejoCapital/hyperanalyze @2f8e2d603defb75faf03208268936b7b0b3feb67 sample_data.json (GPL-3.0)"
)


FILL_COLUMNS = (
    *("user", "coin", "trade", "side", "px", "sz", "start", "dir", "closed_pnl", "fee", "builder_fee"),
    *("fee_token", "crossed", "liquidation"),
)


def pack(path: Path, content: dict[str, Any]) -> None:
    """Canonical JSON, xz; the same bytes every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{path.relative_to(OUTPUT)}: {path.stat().st_size} bytes")


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        yield from csv.DictReader(lines)


def moment_ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def funding_series(path: Path, wanted: Callable[[str], bool]) -> dict[str, Any]:
    """By symbol: hours between settlements, lag behind the full hour in ms, rate × 1e10, interval, mark if any."""
    found: dict[str, Any] = {}
    for row in rows(path):
        symbol, at = row["venue_symbol"], moment_ms(row["settlement_ts"])
        if not wanted(symbol) or not row["interval_hours"]:
            continue
        hour = (at + HOUR_MS // 2) // HOUR_MS * HOUR_MS
        series = found.setdefault(
            symbol, {"first_ms": hour, "step": [], "lag": [], "rate": [], "hours": [], "mark": []}
        )
        last = series["last"] = series.get("last", hour)
        series["step"].append((hour - last) // HOUR_MS)
        series["last"] = hour
        series["lag"].append(at - hour)
        series["rate"].append(int(Decimal(row["rate"]) * 10**10))
        assert Decimal(series["rate"][-1]) / 10**10 == Decimal(row["rate"]), row
        series["hours"].append(int(float(row["interval_hours"])))
        if "mark_price" in row:
            series["mark"].append(row["mark_price"])
    for series in found.values():
        del series["last"]
        series["hours"] = runs(series["hours"])
        series["step"] = runs(series["step"])
    return found


def runs(values: list[int]) -> list[list[int]]:
    """Run lengths: [[value, count], ...]."""
    packed: list[list[int]] = []
    for value in values:
        if packed and packed[-1][0] == value:
            packed[-1][1] += 1
        else:
            packed.append([value, 1])
    return packed


def premiums(path: Path) -> list[list[Any]]:
    """[time, premium, rate] of Hyperliquid's BTC, 2023-05-12 to 2023-07-17."""
    for interaction in yaml.safe_load(path.read_text())["interactions"]:
        body = interaction["response"]["body"]["string"]
        answer = json.loads(gzip.decompress(body) if isinstance(body, bytes) else body)
        if isinstance(answer, list):
            return [[row["time"], row["premium"], row["fundingRate"]] for row in answer]
    raise SystemExit(f"{path}: no fundingHistory answer in it")


def size_decimals(folder: Path) -> dict[str, int]:
    """szDecimals of every perpetual in the recorded universes."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("MetaAndAssetCtxs*.yaml")):
        for interaction in yaml.safe_load(path.read_text())["interactions"]:
            answer = json.loads(interaction["response"]["body"])
            if isinstance(answer, list):
                found |= {
                    entry["name"]: entry["szDecimals"] for entry in answer[0]["universe"] if "maxLeverage" in entry
                }
    return found


def contexts(folder: Path) -> list[list[Any]]:
    """[dex, coin, oracle, impact bid, impact ask, premium] of every recorded context that has a premium."""
    found: list[list[Any]] = []
    for path in sorted(folder.glob("MetaAndAssetCtxs*.yaml")):
        for interaction in yaml.safe_load(path.read_text())["interactions"]:
            request, answer = json.loads(interaction["request"]["body"]), json.loads(interaction["response"]["body"])
            if request["type"] == "metaAndAssetCtxs":
                for entry, context in zip(answer[0]["universe"], answer[1], strict=True):
                    if context["premium"] is not None:
                        prices = [context["oraclePx"], *context["impactPxs"], context["premium"]]
                        found.append([request.get("dex", ""), entry["name"], *prices])
    return found


def fills(path: Path, decimals: dict[str, int]) -> dict[str, Any]:
    """The fills in the node's order. `users` and `coins` are numbered as they come; a fill is a row of `columns`."""
    users: dict[str, int] = {}
    coins: dict[str, int] = {}
    tids: dict[int, int] = {}
    columns: list[list[Any]] = []
    blocks = 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            blocks += 1
            for user, fill in json.loads(line)["events"]:
                columns.append(
                    [
                        users.setdefault(user, len(users)),
                        coins.setdefault(fill["coin"], len(coins)),
                        tids.setdefault(fill["tid"], len(tids)),
                        fill["side"],
                        fill["px"],
                        fill["sz"],
                        fill["startPosition"],
                        fill["dir"],
                        fill["closedPnl"],
                        fill["fee"],
                        fill.get("builderFee", ""),
                        fill["feeToken"],
                        int(fill["crossed"]),
                        int("liquidation" in fill),
                    ]
                )
    return {
        "source": FILLS_SOURCE,
        "blocks": blocks,
        "users": len(users),
        "coins": list(coins),
        "size_decimals": {coin: decimals[coin] for coin in coins if coin in decimals},
        "names": list(FILL_COLUMNS),
        "columns": [list(column) for column in zip(*columns, strict=True)],
    }


def brackets(path: Path) -> dict[str, Any]:
    """By symbol [[notional floor, maintenance rate, most leverage, cum], ...] of Binance, texts."""
    with gzip.open(path, "rt") as lines:
        content = json.load(lines)
    names = ("notionalFloor", "maintMarginRatio", "initialLeverage", "cum")
    return {symbol: [[tier["info"][name] for name in names] for tier in tiers] for symbol, tiers in content.items()}


def answers(folder: Path) -> dict[str, Any]:
    """By file name the recorded answers of dYdX, Derive and Lighter, without the envelope around dYdX's."""
    found: dict[str, Any] = {}
    for venue in ("dydx_v4", "derive", "lighter"):
        for path in sorted((folder / venue).glob("*.json")):
            content = json.loads(path.read_text())
            found[f"{venue}/{path.stem}"] = content["result"] if venue == "dydx_v4" else content
    return found


def main(recordings: Path, marketdata: Path) -> None:
    folder = marketdata / "ZuShen168-funding_rate_data"
    wanted: dict[str, Callable[[str], bool]] = {
        "binance": lambda symbol: symbol.endswith("USDT"),
        "bybit": lambda _: True,
        "hyperliquid": HYPERLIQUID.__contains__,
    }
    for venue, choose in wanted.items():
        series = funding_series(folder / f"funding_{venue}.csv.gz", choose)
        pack(OUTPUT / "funding" / f"{venue}.json.xz", {"source": FUNDING_SOURCE, "series": series})
    cassette = recordings / "hyperliquid-python-sdk" / "info_test" / "test_get_funding_history[None].yaml"
    pack(OUTPUT / "funding" / "hyperliquid_premiums.json.xz", {"source": PREMIUM_SOURCE, "rows": premiums(cassette)})
    table = marketdata / "freqtrade-freqtrade" / "binance_leverage_tiers.json.gz"
    pack(OUTPUT / "margin" / "binance.json.xz", {"source": BRACKETS_SOURCE, "symbols": brackets(table)})
    nautilus = recordings / "nautilus_trader"
    pack(OUTPUT / "venues" / "answers.json.xz", {"source": ANSWERS_SOURCE, "answers": answers(nautilus)})
    (blocks,) = (marketdata / "ConejoCapital-hyperanalyze").glob("node_fills_by_block_*.jsonl.gz")
    universe = recordings / "go-hyperliquid"
    pack(OUTPUT / "fills" / "hyperliquid.json.xz", fills(blocks, size_decimals(universe)))
    pack(OUTPUT / "funding" / "hyperliquid_contexts.json.xz", {"source": CONTEXTS_SOURCE, "rows": contexts(universe)})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
