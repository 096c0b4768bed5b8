"""Choosing the venue of a position by all-in cost or by fee alone, on a year of real funding: Binance, Bybit,
Hyperliquid, the coins that all three list.

Once a day (the hour moves on by seven each time) a long and a short of each coin are opened at one venue and closed
there after the holding period, with taker fees both times, at the venues' base tiers. The choice knows only what was
settled before: the fit is made on the HISTORY_DAYS before, the current rate is the last one settled. The cost is what
was really paid at the instants crossed, on a notional that stays.
"""

import json
import lzma
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

from keeper.funding import Outlook, SettledHour, expected_funding
from keeper.model.funding import HOUR_MS
from keeper.model.instruments import Side
from keeper.venues.cards import card, rates
from tools.quality.bootstrap import block_bootstrap

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "data" / "funding"
VENUES = {"binance": "USDT", "bybit": "USDT", "hyperliquid": ""}
HORIZONS = {"1 h": 1, "8 h": 8, "3 d": 72, "30 d": 720}
HISTORY_DAYS, BLOCK_HOURS = 30, 168
DAY_MS = 24 * HOUR_MS
SIDES: tuple[Side, Side] = ("buy", "sell")
PESSIMISM = Decimal("0.75")


@dataclass(frozen=True, slots=True)
class Series:
    """One symbol's settlements, oldest first; `paid`: Σ of the rates before each, in bps of notional."""

    times: list[int]
    settled: list[SettledHour]
    paid: list[float]

    @classmethod
    def of(cls, packed: dict[str, Any]) -> "Series":
        """From the format of tests/data (README there)."""
        hours = list(_spread(packed["hours"]))
        times = list(accumulate((step * HOUR_MS for step in _spread(packed["step"])), initial=packed["first_ms"]))[1:]
        values = [Decimal(rate).scaleb(-10) for rate in packed["rate"]]
        settled = [
            SettledHour(at, rate / held, Decimal(held)) for at, rate, held in zip(times, values, hours, strict=True)
        ]
        return cls(times, settled, list(accumulate((float(rate) * 10_000 for rate in values), initial=0.0)))

    def until(self, at_ms: int) -> int:
        """How many settlements there were at that moment."""
        return bisect_right(self.times, at_ms)

    def cost_bps(self, side: Side, opened_ms: int, closed_ms: int) -> float:
        """What was paid at the instants in (opened, closed]."""
        paid = self.paid[self.until(closed_ms)] - self.paid[self.until(opened_ms)]
        return paid if side == "buy" else -paid


@dataclass(frozen=True, slots=True)
class Known:
    """What a venue's record says at the moment of the choice."""

    current: Decimal
    interval_hours: Decimal
    next_ms: int
    outlook: Outlook | None

    @classmethod
    def at(cls, series: Series, now_ms: int) -> "Known":
        count = series.until(now_ms)
        last = series.settled[count - 1]
        history = series.settled[series.until(now_ms - HISTORY_DAYS * DAY_MS) : count]
        step = int(last.interval_hours * HOUR_MS)
        following = last.time_ms + step * ((now_ms - last.time_ms) // step + 1)
        return cls(last.per_hour * last.interval_hours, last.interval_hours, following, Outlook.fit(history))

    def expected_bps(self, side: Side, now_ms: int, hours: int, *, learned: bool, quantile: Decimal | None) -> float:
        found = expected_funding(
            side,
            self.current,
            self.interval_hours,
            self.next_ms,
            now_ms,
            hours,
            self.outlook if learned else None,
            quantile=quantile,
        )
        return float(found.bps)


@dataclass(frozen=True, slots=True)
class Choice:
    """One position: by rule, what it saved against choosing by fee alone (bps); whether all-in chose another."""

    block: int
    hours: int
    side: Side
    saved: dict[str, float]
    moved: bool


Rule = Callable[[Known, Side, int, int], float]
RULES: dict[str, Rule] = {
    "all-in": lambda known, side, now, hours: known.expected_bps(side, now, hours, learned=True, quantile=PESSIMISM),
    "all-in, mean only": lambda known, side, now, hours: known.expected_bps(
        side, now, hours, learned=True, quantile=None
    ),
    "last rate held": lambda known, side, now, hours: known.expected_bps(
        side, now, hours, learned=False, quantile=None
    ),
}


def fees_bps() -> dict[str, float]:
    """Taker fees of entering and leaving, from the venues' cards."""
    found = {}
    for venue in VENUES:
        schedule = card(venue).fees
        assert schedule is not None
        found[venue] = 2 * float(rates(schedule).taker_bps)
    return found


def recorded(only: str | None = None) -> dict[str, dict[str, Series]]:
    """By coin (or one coin), then venue."""
    contents = {
        venue: json.loads(lzma.decompress((FOLDER / f"{venue}.json.xz").read_bytes()))["series"] for venue in VENUES
    }
    found = {}
    for coin in sorted(contents["hyperliquid"]):
        packed = {venue: contents[venue].get(coin + quoted) for venue, quoted in VENUES.items()}
        if None not in packed.values() and only in (None, coin):
            found[coin] = {venue: Series.of(one) for venue, one in packed.items()}
    return found


def choices(series: dict[str, dict[str, Series]], every_days: int) -> Iterator[Choice]:
    """All positions of all coins. A choice between equals is the first venue's by name."""
    fees = fees_bps()
    cheapest = min(VENUES, key=lambda venue: (fees[venue], venue))
    for by_venue in series.values():
        first = max(one.times[0] for one in by_venue.values()) + (HISTORY_DAYS + 1) * DAY_MS
        last = min(one.times[-1] for one in by_venue.values())
        for day in range(0, (last - first) // DAY_MS, every_days):
            now = first + day * DAY_MS + day * 7 % 24 * HOUR_MS + HOUR_MS // 2
            known = {venue: Known.at(one, now) for venue, one in by_venue.items()}
            for hours in HORIZONS.values():
                end = now + hours * HOUR_MS
                if end > last:
                    continue
                for side in SIDES:
                    real = {venue: fees[venue] + one.cost_bps(side, now, end) for venue, one in by_venue.items()}
                    picked = {
                        name: min(VENUES, key=lambda venue: (fees[venue] + rule(known[venue], side, now, hours), venue))
                        for name, rule in RULES.items()
                    }
                    picked["hindsight"] = min(VENUES, key=lambda venue: (real[venue], venue))
                    yield Choice(
                        block=(now - first) // (max(BLOCK_HOURS, hours) * HOUR_MS),
                        hours=hours,
                        side=side,
                        saved={name: real[cheapest] - real[venue] for name, venue in picked.items()},
                        moved=picked["all-in"] != cheapest,
                    )


def table(found: Sequence[Choice]) -> dict[str, Any]:
    """By horizon: positions, share that went elsewhere, [mean, low, high] saved by each rule; of the rule all-in also
    by side, and the share of moved positions that were better off."""
    rows: dict[str, Any] = {}
    for name, hours in HORIZONS.items():
        chosen = [one for one in found if one.hours == hours]
        moved = [one for one in chosen if one.moved]
        rows[name] = {
            "positions": len(chosen),
            "moved": round(len(moved) / len(chosen), 4),
            "moved and better off": round(sum(one.saved["all-in"] > 0 for one in moved) / len(moved), 4)
            if moved
            else None,
            "saved": {rule: _interval(chosen, rule) for rule in (*RULES, "hindsight")},
            "longs": _interval([one for one in chosen if one.side == "buy"], "all-in"),
            "shorts": _interval([one for one in chosen if one.side == "sell"], "all-in"),
        }
    return rows


def _interval(found: Sequence[Choice], rule: str) -> list[float]:
    return block_bootstrap([one.saved[rule] for one in found], [one.block for one in found]).plain()


def _spread(runs: list[list[int]]) -> Iterator[int]:
    for value, count in runs:
        yield from [value] * count


def main(arguments: list[str]) -> dict[str, Any]:
    """`[EVERY]`: every n-th day (default all)."""
    series = recorded()
    return {
        "round trip fees_bps": fees_bps(),
        "coins": list(series),
        "by holding period": table(list(choices(series, int(arguments[0]) if arguments else 1))),
    }
