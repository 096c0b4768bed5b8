"""The picture of docs/execution-quality.md: two small charts as SVG, made from deep/results.json."""

from collections.abc import Sequence
from typing import Any

from tools.quality.carry import HORIZONS

WIDTH, HEIGHT = 920, 330
LEFT, TOP, BOTTOM = 56, 44, 274
PEERS = (("best single venue", "#1b6ca8"), ("price alone", "#c2571a"), ("equal parts", "#6b7280"))
RULES = (("all-in", "#1b6ca8"), ("last rate held", "#c2571a"), ("hindsight", "#6b7280"))


def picture(results: dict[str, Any]) -> str:
    """Left: what routing saves by order size; right: what the choice by expected funding saves by holding period."""
    sizes = results["routes"]["basis removed"]["by size"]
    by_size = sorted(sizes, key=float)
    routes = [(name, colour, [sizes[size][name]["at_once"] for size in by_size]) for name, colour in PEERS]
    periods = {period: results["carry"]["by holding period"][period] for period in HORIZONS}
    carry = [(name, colour, [periods[period]["saved"][name] for period in periods]) for name, colour in RULES]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/>',
            chart(LEFT, 380, "bps saved by routing, basis removed, against", by_size, "order size in BTC", routes),
            chart(524, 380, "bps saved by choosing the venue", list(periods), "holding period", carry),
            "</svg>\n",
        ]
    )


def chart(
    left: int,
    width: int,
    title: str,
    labels: Sequence[str],
    under: str,
    series: Sequence[tuple[str, str, Sequence[Sequence[float]]]],
) -> str:
    """Lines through means, whiskers from low to high, on a square-root scale so that small ones can be seen."""
    values = [value for _, _, rows in series for row in rows for value in row]
    top, low = max(values), min(*values, 0.0)

    def scaled(value: float) -> float:
        return float(abs(value) ** 0.5) * (1 if value >= 0 else -1)

    def y(value: float) -> float:
        return BOTTOM - (scaled(value) - scaled(low)) / (scaled(top) - scaled(low)) * (BOTTOM - TOP - 34)

    def x(index: int) -> float:
        return left + width * (index + 0.5) / len(labels)

    parts = [text(left, 16, title, weight="bold")]
    for tick in ticks(top):
        parts.append(f'<path d="M{left} {y(tick):.1f}H{left + width}" stroke="#e5e7eb"/>')
        parts.append(text(left - 6, y(tick) + 4, f"{tick:g}", anchor="end"))
    for index, label in enumerate(labels):
        parts.append(text(x(index), BOTTOM + 18, label, anchor="middle"))
    parts.append(text(left + width / 2, BOTTOM + 38, under, anchor="middle"))
    for number, (name, colour, rows) in enumerate(series):
        shift = (number - 1) * 5
        points = " ".join(f"{x(index) + shift:.1f},{y(row[0]):.1f}" for index, row in enumerate(rows))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for index, (mean, lower, upper) in enumerate(rows):
            at = x(index) + shift
            parts.append(f'<path d="M{at:.1f} {y(lower):.1f}V{y(upper):.1f}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{at:.1f}" cy="{y(mean):.1f}" r="3" fill="{colour}"/>')
        parts.append(text(left + 8 + 128 * number, 36, f"● {name}", colour=colour))
    return "\n".join(parts)


def ticks(top: float) -> list[float]:
    """Nought and round values up to the largest."""
    return [0.0, *(value for value in (0.1, 0.5, 1, 2, 5, 10, 20, 50) if value <= top)]


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#222", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{words}</text>'
