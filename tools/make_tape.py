"""Makes the bundled tape from recorded data: `python tools/make_tape.py RECORDINGS MARKETDATA OUTPUT`.

Everything in it is copied, cut to the coins and hours the tape covers; nothing is changed, filled or rounded. The one
derived figure is the growth of depth with distance, a least-squares fit in logarithms over the recorded BTC books.
"""

import csv
import gzip
import json
import math
import sys
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import yaml

COINS = 26  # the first so many of the recorded universe, so that asset ids stay what they are: BTC is 0, XRP is 25
DEX, DEX_COINS = "xyz", 8
SPOT_PAIRS = ("PURR/USDC", "@107")  # PURR and HYPE against USDC
HOUR_MS = 3_600_000
BARS_END = "2026-03-07"
SOURCES = {
    "snapshot": "github.com/sonirico/go-hyperliquid @5dbb7462be945f2f7683566b91a2d1a006aa3a26 "
    "testdata/MetaAndAssetCtxs.yaml (MIT)",
    "dex": "github.com/sonirico/go-hyperliquid @5dbb7462be945f2f7683566b91a2d1a006aa3a26 "
    "testdata/MetaAndAssetCtxs.yaml, testdata/PerpDexs.yaml, testdata/PerpDexLimits.yaml (MIT)",
    "spot": "github.com/sonirico/go-hyperliquid @5dbb7462be945f2f7683566b91a2d1a006aa3a26 "
    "testdata/SpotMetaAndAssetCtxs.yaml (MIT)",
    "bars": "github.com/PietroC21/Crypto-PerpetualFutures @a07294730ca656b14771ecd46701b2dc69e8df30 data/<COIN> (MIT)",
    "funding": "github.com/ZuShen168/funding_rate_data @8040d313236b9220baa7a3576e25a94b6ad81de3 "
    "data/funding/venue=hyperliquid/data.parquet (MIT)",
    "depth": "github.com/nkaz001/hftbacktest @5f3ec40b2afb764e0fea112f941ed85523ef4e88 "
    "examples/hyperliquid/btcusd_20250126.gz (MIT)",
}
CONTEXT_FIELDS = ("markPx", "midPx", "oraclePx", "impactPxs", "openInterest", "dayNtlVlm", "prevDayPx", "dayBaseVlm")


def snapshot(path: Path) -> dict[str, Any]:
    """The main dex's universe and contexts of 2026-02-06, cut to the first COINS entries."""
    for interaction in yaml.safe_load(path.read_text())["interactions"]:
        request = json.loads(interaction["request"]["body"])
        if request == {"dex": "", "type": "metaAndAssetCtxs"}:
            meta, contexts = json.loads(interaction["response"]["body"])
            date = parsedate_to_datetime(interaction["response"]["headers"]["Date"][0])
            universe = meta["universe"][:COINS]
            tables = {entry["marginTableId"] for entry in universe}
            return {
                "time": int(date.timestamp() * 1000),
                "universe": universe,
                "marginTables": [table for table in meta["marginTables"] if table[0] in tables],
                "contexts": [{name: context[name] for name in CONTEXT_FIELDS} for context in contexts[:COINS]],
            }
    raise SystemExit(f"{path}: no metaAndAssetCtxs answer of the main dex in it")


def answers(path: Path, **wanted: str) -> Iterator[Any]:
    """The recorded answers to this request."""
    for interaction in yaml.safe_load(path.read_text())["interactions"]:
        if json.loads(interaction["request"]["body"]) == wanted:
            yield json.loads(interaction["response"]["body"])


def dex(folder: Path) -> dict[str, Any]:
    """The first builder-deployed exchange as it was, cut to its first coins."""
    meta, contexts = next(answers(folder / "MetaAndAssetCtxs.yaml", type="metaAndAssetCtxs", dex=DEX))
    record = next(answers(folder / "PerpDexs.yaml", type="perpDexs"))[1]
    limits = next(answers(folder / "PerpDexLimits.yaml", type="perpDexLimits", dex=DEX))
    coins = [entry["name"] for entry in meta["universe"][:DEX_COINS]]
    record["assetToStreamingOiCap"] = [row for row in record["assetToStreamingOiCap"] if row[0] in coins]
    limits["coinToOiCap"] = [row for row in limits["coinToOiCap"] if row[0] in coins]
    shown = [{name: context[name] for name in CONTEXT_FIELDS} for context in contexts[:DEX_COINS]]
    universe = meta["universe"][:DEX_COINS]
    return {"record": record, "limits": limits, "universe": universe, "contexts": shown}


def spot(path: Path) -> dict[str, Any]:
    """Two spot pairs, and the list of tokens as far as theirs: readers find a token by its place in it."""
    meta, contexts = next(answers(path, type="spotMetaAndAssetCtxs"))
    pairs = [entry for entry in meta["universe"] if entry["name"] in SPOT_PAIRS]
    used = {token for pair in pairs for token in pair["tokens"]}
    tokens = meta["tokens"][: max(used) + 1]
    by_coin = {context["coin"]: context for context in contexts if context["coin"] in SPOT_PAIRS}
    return {"universe": pairs, "tokens": tokens, "contexts": [by_coin[pair["name"]] for pair in pairs]}


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        yield from csv.DictReader(lines)


def moment_ms(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def bars(path: Path, coins: set[str], first_ms: int) -> dict[str, list[list[str]]]:
    """Per coin [open, high, low, close] of each hour from first_ms on; an hour missing in the source is an error."""
    found: dict[str, list[list[str]]] = {}
    for row in rows(path):
        at = moment_ms(row["open_ts"])
        if row["coin"] not in coins or at < first_ms or row["open_ts"] >= BARS_END:
            continue
        series = found.setdefault(row["coin"], [])
        if at != first_ms + len(series) * HOUR_MS:
            raise SystemExit(f"{path}: {row['coin']} misses the hour before {row['open_ts']}")
        series.append([row["open"], row["high"], row["low"], row["close"]])
    return found


def funding(path: Path, coins: set[str], first_ms: int) -> dict[str, list[str]]:
    """Per coin the rate settled at first_ms, an hour later, and so on (10 decimals, as the venue pays it)."""
    found: dict[str, dict[int, str]] = {}
    for row in rows(path):
        at = moment_ms(row["settlement_ts"]) // HOUR_MS * HOUR_MS
        if row["venue_symbol"] in coins and at >= first_ms and row["settlement_ts"] < BARS_END:
            found.setdefault(row["venue_symbol"], {})[at] = f"{float(row['rate']):.10f}"
    return {coin: [series[first_ms + hour * HOUR_MS] for hour in range(len(series))] for coin, series in found.items()}


def depth_growth(path: Path) -> dict[str, float]:
    """notional(d) = usd_at_1bp × d^exponent, d in basis points from the mid, over every recorded level."""
    points: list[tuple[float, float]] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1])
            if message.get("channel") != "l2Book":
                continue
            sides = message["data"]["levels"]
            mid = (float(sides[0][0]["px"]) + float(sides[1][0]["px"])) / 2
            for side in sides:
                total = 0.0
                for level in side:
                    price = float(level["px"])
                    total += price * float(level["sz"])
                    points.append((math.log(abs(price - mid) / mid * 1e4), math.log(total)))
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return {"exponent": round(slope, 4), "usd_at_1bp": round(math.exp(mean_y - slope * mean_x), -3)}


def main(recordings: Path, marketdata: Path, output: Path) -> None:
    tape = snapshot(recordings / "go-hyperliquid" / "MetaAndAssetCtxs.yaml")
    coins = {entry["name"] for entry in tape["universe"]}
    hour = tape["time"] // HOUR_MS * HOUR_MS
    pietro = marketdata / "PietroC21-Crypto-PerpetualFutures"
    zushen = marketdata / "ZuShen168-funding_rate_data"
    nkaz = marketdata / "nkaz001-hftbacktest"
    tape |= {
        "dex": dex(recordings / "go-hyperliquid"),
        "spot": spot(recordings / "go-hyperliquid" / "SpotMetaAndAssetCtxs.yaml"),
        "sources": SOURCES,
        "bars_start": hour,
        "bars": bars(pietro / "hyperliquid_candles_1h.csv.gz", coins, hour),
        "funding_start": hour + HOUR_MS,
        "funding": funding(zushen / "funding_hyperliquid.csv.gz", coins, hour + HOUR_MS),
        "depth": depth_growth(nkaz / "hyperliquid_btcusd_20250126.gz"),
    }
    text = json.dumps(tape, separators=(",", ":")).encode()
    output.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{output}: {len(output.read_bytes())} bytes, bars {list(tape['bars'])}, funding {list(tape['funding'])}")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
