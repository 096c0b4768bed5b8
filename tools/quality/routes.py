"""Orders over a recording of three real books at once: what `keeper.routing.plan` saves against simpler ways.

At each look, from the 60th second on, orders of every size and side are routed by the plan and by three others:
the best single venue that can fill all of it, the plan of a router that sees prices alone, and equal parts. Each is
charged all-in: price against the USD-M mid, and each venue's taker fee. "basis removed": a venue's prices are shifted
by the trailing 60 s median of its mid's distance from the USD-M mid, so that a lasting difference between the
instruments is not counted as a saving. "later": the same legs, sent at once, meet the books of 300 ms afterwards.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate
from statistics import median
from typing import Any, Literal

from keeper.routing import Leg, RouteRequest, VenueQuote, plan
from tools.quality.books import Level, Look, looks
from tools.quality.bootstrap import block_bootstrap

Side = Literal["buy", "sell"]
Fees = Mapping[str, Decimal]
"""Taker fee in bps by venue."""

SIZES = tuple(Decimal(size) for size in ("0.1", "0.5", "2", "10", "25", "50", "100"))
SIDES: tuple[Side, Side] = ("buy", "sell")
FEES_BPS = {
    "base tier": {"usdm": Decimal(5), "coinm": Decimal(5), "spot": Decimal(10)},
    "highest tier": {"usdm": Decimal("1.7"), "coinm": Decimal("2.4"), "spot": Decimal("2.4")},
}
"""Binance's taker fees, no discounts: as ccxt 4.5.90 has them for its three classes; the highest tier of spot is from
secondary pages."""
HOME = "usdm"
LOT, CENT = Decimal("0.001"), Decimal("0.01")
BASIS_NS, BLOCK_NS = 60_000_000_000, 10_000_000_000
PEERS = ("best single venue", "price alone", "equal parts")
CHECK_EVERY = 97
SLACK = 1e-6  # bps; what summing in floats may differ by


@dataclass(frozen=True, slots=True)
class Walk:
    """The cost in USD against `reference` of taking from one book's front, fee included."""

    filled: list[float]
    paid: list[float]
    prices: list[float]

    @classmethod
    def of(cls, levels: Sequence[Level], side: Side, fee_bps: Decimal, reference: Decimal) -> "Walk":
        sign = 1 if side == "buy" else -1
        units = [float(sign * (price - reference) + price * fee_bps / 10_000) for price, _ in levels]
        sizes = [float(size) for _, size in levels]
        paid = accumulate(unit * size for unit, size in zip(units, sizes, strict=True))
        return cls(list(accumulate(sizes)), list(paid), units)

    def cost(self, quantity: float) -> float | None:
        """None when the book holds less."""
        if quantity <= 0:
            return 0.0
        at = bisect_left(self.filled, quantity - 1e-12)
        if at == len(self.filled):
            return None
        over = self.filled[at] - quantity
        return self.paid[at] - over * self.prices[at]


@dataclass(frozen=True, slots=True)
class Sample:
    """One order: what the plan saved in bps against each peer, at once and later (None: the peer could not fill)."""

    block: int
    size: Decimal
    at_once: dict[str, float | None]
    later: dict[str, float | None]
    venues: int
    cost_bps: float


def replay(
    recorded: Sequence[Look],
    fees: Fees,
    *,
    without_basis: bool,
    every: int = 1,
    sizes: Sequence[Decimal] = SIZES,
) -> list[Sample]:
    """All orders of the recording; `every` n-th look only, for a quick run. AssertionError when a plan is beaten on its
    own snapshot, or its certificate does not verify."""
    found: list[Sample] = []
    distances: dict[str, deque[Decimal]] = defaultdict(deque)
    times: deque[int] = deque()
    previous: Look | None = None
    basis: dict[str, Decimal] = {}
    for number, look in enumerate(recorded):
        due = previous is not None and previous.at_ns - recorded[0].at_ns >= BASIS_NS and not number % every
        if due and previous is not None:
            block = (previous.at_ns - recorded[0].at_ns) // BLOCK_NS
            found += _orders(_shifted(previous, basis), _shifted(look, basis), block, sizes, fees, len(found))
        times.append(look.at_ns)
        for venue in fees:
            distances[venue].append(look.mid(venue) - look.mid(HOME))
        while times[0] <= look.at_ns - BASIS_NS:
            times.popleft()
            for values in distances.values():
                values.popleft()
        if without_basis and not (number + 1) % every:
            basis = {venue: median(values).quantize(CENT) for venue, values in distances.items()}
        previous = look
    return found


def _shifted(look: Look, basis: Mapping[str, Decimal]) -> Look:
    def moved(side: Mapping[str, list[Level]]) -> dict[str, list[Level]]:
        return {
            venue: [(price - basis.get(venue, 0), size) for price, size in levels] if basis.get(venue) else levels
            for venue, levels in side.items()
        }

    return replace(look, bids=moved(look.bids), asks=moved(look.asks))


def _orders(now: Look, later: Look, block: int, sizes: Iterable[Decimal], fees: Fees, count: int) -> list[Sample]:
    samples: list[Sample] = []
    reference = now.mid(HOME)
    for side in SIDES:
        books, next_books = (look.asks if side == "buy" else look.bids for look in (now, later))
        walks, later_walks = (
            {venue: Walk.of(levels[venue], side, fee, reference) for venue, fee in fees.items()}
            for levels in (books, next_books)
        )
        for size in sizes:
            request = RouteRequest(side, size, reference)
            quotes = [
                VenueQuote(venue, _reach(books[venue], size), fee, lot_size=LOT, tick_size=CENT)
                for venue, fee in fees.items()
            ]
            blind = [replace(quote, taker_fee_bps=Decimal(0)) for quote in quotes]
            route = plan(request, quotes)
            assert not route.unfilled, f"the books do not hold {size}"
            if not (count + len(samples)) % CHECK_EVERY:
                assert route.verify(request, quotes)
            peers: dict[str, dict[str, Decimal] | None] = {
                "best single venue": route.best_single and {route.best_single.venue: size},
                "price alone": _parts(plan(request, blind).legs),
                "equal parts": _equal(size, tuple(fees)),
            }
            notional = float(size * reference)
            ours = _cost(_parts(route.legs), walks)
            assert ours is not None
            assert abs(ours - float(route.cost)) <= SLACK * notional / 10_000
            saved = _saved(ours, peers, walks, notional)
            assert all(bps is None or bps >= -SLACK for bps in saved.values()), saved
            ours_later = _cost(_parts(route.legs), later_walks)
            samples.append(
                Sample(
                    block=block,
                    size=size,
                    at_once=saved,
                    later=dict.fromkeys(PEERS)
                    if ours_later is None
                    else _saved(ours_later, peers, later_walks, notional),
                    venues=len(route.legs),
                    cost_bps=ours / notional * 10_000,
                )
            )
    return samples


def _parts(legs: Iterable[Leg]) -> dict[str, Decimal]:
    return {leg.venue: leg.quantity for leg in legs}


def _reach(levels: Sequence[Level], size: Decimal) -> Sequence[Level]:
    """The levels that an order of that size can touch."""
    left = size
    for number, (_, held) in enumerate(levels, 1):
        left -= held
        if left <= 0:
            return levels[:number]
    return levels


def _equal(size: Decimal, venues: Sequence[str]) -> dict[str, Decimal]:
    """As much at each, in whole lots; what is left goes to the first."""
    part = size / len(venues) // LOT * LOT
    parts = dict.fromkeys(venues, part)
    parts[HOME] += size - part * len(parts)
    return parts


def _cost(parts: Mapping[str, Decimal], walks: Mapping[str, Walk]) -> float | None:
    total = 0.0
    for venue, quantity in parts.items():
        cost = walks[venue].cost(float(quantity))
        if cost is None:
            return None
        total += cost
    return total


def _saved(
    ours: float, peers: Mapping[str, Mapping[str, Decimal] | None], walks: Mapping[str, Walk], notional: float
) -> dict[str, float | None]:
    saved: dict[str, float | None] = {}
    for peer, parts in peers.items():
        theirs = None if parts is None else _cost(parts, walks)
        saved[peer] = None if theirs is None else (theirs - ours) / notional * 10_000
    return saved


def table(samples: Sequence[Sample]) -> dict[str, Any]:
    """By size: orders, venues used, all-in cost, and per peer [mean, low, high] saved at once and later, in bps."""
    rows: dict[str, Any] = {}
    for size in sorted({sample.size for sample in samples}):
        chosen = [sample for sample in samples if sample.size == size]
        row: dict[str, Any] = {
            "orders": len(chosen),
            "venues": round(sum(sample.venues for sample in chosen) / len(chosen), 2),
            "cost_bps": round(sum(sample.cost_bps for sample in chosen) / len(chosen), 3),
        }
        for peer in PEERS:
            for when in ("at_once", "later"):
                pairs = [(bps, sample.block) for sample in chosen if (bps := getattr(sample, when)[peer]) is not None]
                interval = block_bootstrap(*zip(*pairs, strict=True))
                row.setdefault(peer, {})[when] = interval.plain()
                row[peer]["not_filled"] = len(chosen) - len(pairs)
        rows[str(size)] = row
    return rows


CASES: tuple[tuple[str, str, bool], ...] = (
    ("basis removed", "base tier", True),
    ("as traded", "base tier", False),
    ("basis removed, highest tier", "highest tier", True),
)


def main(arguments: list[str]) -> dict[str, Any]:
    """`[EVERY]`: every n-th look only (default all: more than 10,000 orders in each case)."""
    every = int(arguments[0]) if arguments else 1
    recorded = list(looks())
    report: dict[str, Any] = {}
    for name, tier, without_basis in CASES:
        fees = FEES_BPS[tier]
        samples = replay(recorded, fees, without_basis=without_basis, every=every)
        report[name] = {
            "fees_bps": {venue: str(fee) for venue, fee in fees.items()},
            "orders": len(samples),
            "by size": table(samples),
        }
    return report
