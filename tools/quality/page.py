"""Writes docs/execution-quality.md and its picture from deep/results.json and page.template.md:
`python -m tools.quality.page`."""

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from tools.dev import ROOT
from tools.quality.carry import HORIZONS
from tools.quality.picture import picture

PAGE = ROOT / "docs" / "execution-quality.md"
PICTURE = ROOT / "docs" / "images" / "execution-quality.svg"
RESULTS = ROOT / "deep" / "results.json"
TEMPLATE = Path(__file__).with_name("page.template.md")
PRICE_USD = 61_700
RULES = ("all-in", "all-in, mean only", "last rate held", "hindsight")
CASES = {
    "basis removed": "The basis removed",
    "as traded": "As traded",
    "basis removed, highest tier": "The basis removed, fees of the highest tier",
}


def interval(values: Sequence[float], digits: int = 2) -> str:
    """mean [low, high]; a nought has no sign."""
    mean, low, high = (f"{value + 0:.{digits}f}".replace(f"-{0:.{digits}f}", f"{0:.{digits}f}") for value in values)
    return f"{mean} [{low}, {high}]"


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = ["| " + " | ".join(cells) + " |" for cells in (head, *body)]
    return "\n".join([rows[0], "|" + "---|" * len(head), *rows[1:]])


def routes_table(case: dict[str, Any]) -> str:
    head = [
        "order",
        "venues",
        "all-in",
        "saved against best single",
        "later",
        "against price alone",
        "against equal parts",
    ]
    body = []
    for size in sorted(case["by size"], key=float):
        row = case["by size"][size]
        best = row["best single venue"]
        body.append(
            [
                f"{size} BTC, {float(size) * PRICE_USD / 1000:,.0f}k USD",
                f"{row['venues']:.2f}",
                f"{row['cost_bps']:.2f}",
                interval(best["at_once"], 3),
                interval(best["later"], 3),
                interval(row["price alone"]["at_once"]),
                interval(row["equal parts"]["at_once"]),
            ]
        )
    return table(head, body)


def routes_sections(routes: dict[str, Any]) -> str:
    """A table for each case."""
    found = ""
    for name, title in CASES.items():
        case = routes[name]
        fees = ", ".join(f"{venue} {fee}" for venue, fee in case["fees_bps"].items())
        found += f"### {title}\n\n{case['orders']:,} orders; taker fees in bps: {fees}.\n\n{routes_table(case)}\n\n"
    return found


def carry_table(carry: dict[str, Any]) -> str:
    """A line for each holding period."""
    body = []
    for period in HORIZONS:
        row = carry["by holding period"][period]
        better = row["moved and better off"]
        body.append(
            [
                period,
                f"{row['positions']:,}",
                f"{row['moved']:.1%}",
                "–" if better is None else f"{better:.0%}",
                *(interval(row["saved"][rule]) for rule in RULES),
                interval(row["longs"]),
                interval(row["shorts"]),
            ]
        )
    head = ["held", "positions", "went elsewhere", "of them better off", *RULES, "all-in, longs", "all-in, shorts"]
    return table(head, body)


def page(results: dict[str, Any]) -> str:
    """The whole page."""
    routes, carry = results["routes"], results["carry"]
    single = {size: row["best single venue"]["at_once"] for size, row in routes["basis removed"]["by size"].items()}
    held = carry["by holding period"]
    words = {
        "routes_small": interval(single["0.1"], 3),
        "routes_large": interval(single["100"], 3),
        "carry_1h": interval(held["1 h"]["saved"]["all-in"]),
        "carry_8h": interval(held["8 h"]["saved"]["all-in"]),
        "carry_3d": interval(held["3 d"]["saved"]["all-in"]),
        "carry_30d": interval(held["30 d"]["saved"]["all-in"]),
        "mean_3d": interval(held["3 d"]["saved"]["all-in, mean only"]),
        "mean_30d": interval(held["30 d"]["saved"]["all-in, mean only"]),
        "carry_hindsight": f"{held['30 d']['saved']['hindsight'][0]:.1f}",
        "carry_longs": interval(held["30 d"]["longs"]),
        "carry_shorts": interval(held["30 d"]["shorts"]),
        "coins": len(carry["coins"]),
        "fees": ", ".join(f"{venue} {fee:g}" for venue, fee in carry["round trip fees_bps"].items()),
        "routes": routes_sections(routes),
        "carry": carry_table(carry),
    }
    return Template(TEMPLATE.read_text()).substitute(words)


if __name__ == "__main__":
    found = json.loads(RESULTS.read_text())
    PAGE.write_text(page(found))
    PICTURE.write_text(picture(found))
