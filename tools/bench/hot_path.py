"""From the bytes of a book's push to the exact route of a waiting order, on one core: ours with fixed costs and
minimums, beside json + floats + a heap of levels, which leaves those out.

Each frame is the next one of a venue in turn; both sides take the same frames, ours in bursts (the question is how many
a second). First the split without fixed costs is compared with the peer's, and the one with them with `plan`.
"""

import itertools
from collections.abc import Callable
from decimal import Decimal

from keeper.routing import Decision, LiveRoute, RouteRequest, VenueQuote, plan
from keeper.venues.hyperliquid import fast_books
from keeper.venues.hyperliquid.fast_books import scanned
from tools.bench.figures import Figure
from tools.bench.frames import FRAMES, LEVELS, REFERENCE, frames, terms
from tools.bench.peers import FloatSide, asks, greedy
from tools.bench.routing import at, interleaved

TURNS, BURST = 200, 100
TOLERANCE = 1e-9  # of the notional


def run() -> list[Figure]:
    if not fast_books.COMPILED:
        raise SystemExit("bench hot_path: the compiled scanner is missing; install a C compiler and run ./dev again")
    texts = frames()
    figures = []
    for venues in (2, 5, 10, 20):
        fixed, plainly = terms(venues, texts, fixed=True), terms(venues, texts, fixed=False)
        quantity = sum((size for quote in plainly for _, size in quote.levels), Decimal(0)) * 3 // 10
        request = RouteRequest("buy", quantity, REFERENCE, max_slippage_bps=Decimal(500))
        ours, theirs = ticking(request, fixed, texts), heap(request, plainly, texts)
        same = ticking(request, plainly, texts)
        for _ in range(2 * FRAMES):
            cost, decided = theirs(), same()
            apart = abs(float(Decimal(decided.cost).scaleb(-decided.cost_digits)) - cost)
            assert apart <= TOLERANCE * float(quantity * REFERENCE), "the two optima differ"
        mine, others = interleaved(ours, theirs, TURNS, BURST)
        name = f"frame to route {venues}x{LEVELS}"
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            value, peer = at(mine, share), at(others, share)
            figures.append(Figure(f"{name} {label}", value, "µs", PEER, peer, peer / value, "ours with fixed costs"))
        rate, peer_rate = 1e6 * len(mine) / sum(mine), 1e6 * len(others) / sum(others)
        figures.append(
            Figure(
                f"{name} per second and core", rate, "1/s", PEER, peer_rate, rate / peer_rate, "ratio: ours / peer's"
            )
        )
    return figures


PEER = "json + float + heap, no fixed costs"


def ticking(request: RouteRequest, quotes: list[VenueQuote], texts: list[bytes]) -> Callable[[], Decision]:
    """One call takes one frame: scan, take the book's side, decide."""
    live, turn = LiveRoute(request, quotes), itertools.count()
    assert live.is_compiled
    decision, route = live.decide(), plan(request, quotes)
    assert Decimal(decision.cost).scaleb(-decision.cost_digits) == route.cost, "not the plan's cost"
    names = [quote.venue for quote in quotes]

    def call() -> Decision:
        n = next(turn)
        name = names[n % len(names)]
        book = scanned(texts[n % FRAMES], name)
        assert book is not None
        live.update(name, book.asks)
        return live.decide()

    return call


def heap(request: RouteRequest, quotes: list[VenueQuote], texts: list[bytes]) -> Callable[[], float]:
    books: list[FloatSide] = [[(float(price), float(size)) for price, size in quote.levels] for quote in quotes]
    reference, quantity, turn = float(request.reference_price), float(request.quantity), itertools.count()
    unit = [
        (1 + float(quote.taker_fee_bps) / 1e4, reference * (float(quote.holding_cost_bps) / 1e4 - 1))
        for quote in quotes
    ]

    def call() -> float:
        n = next(turn)
        books[n % len(books)] = asks(texts[n % FRAMES].decode())
        return greedy(books, unit, quantity)[0]

    return call
