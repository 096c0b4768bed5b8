"""Made-up pushes of books, as large as real ones, and terms of venues: the same ones every run."""

import json
import random
from decimal import Decimal

from keeper.routing import VenueQuote
from keeper.venues.hyperliquid.fast_books import scanned

LEVELS, FRAMES = 20, 64
START_MS = 1_770_336_000_000
REFERENCE = Decimal(60_000)


def frame(rng: random.Random, time_ms: int, coin: str = "BTC") -> str:
    """An l2Book push of the real size: 20 levels a side, 1.6 kB."""
    middle = 60_000 + rng.randint(-50, 50)
    sides = [
        [
            {
                "px": f"{middle + sign * (n + 1)}.0",
                "sz": f"{rng.randint(1, 10**6) / 10**5:.5f}",
                "n": rng.randint(1, 30),
            }
            for n in range(LEVELS)
        ]
        for sign in (-1, 1)
    ]
    return json.dumps({"channel": "l2Book", "data": {"coin": coin, "time": time_ms, "levels": sides}})


def frames() -> list[bytes]:
    """As the venue spells them: without blanks."""
    rng = random.Random(1)  # noqa: S311 - made-up books, no secret
    made = (frame(rng, START_MS + n) for n in range(FRAMES))
    return [json.dumps(json.loads(text), separators=(",", ":")).encode() for text in made]


def terms(venues: int, texts: list[bytes], *, fixed: bool) -> list[VenueQuote]:
    """Deterministic; 2 to 30 USD for using a venue and its usual minimum, or neither."""
    rng, quotes = random.Random(venues), []  # noqa: S311 - made-up terms, no secret
    for index in range(venues):
        book = scanned(texts[index], "v")
        assert book is not None
        quotes.append(
            VenueQuote(
                f"v{index}",
                book.asks,
                taker_fee_bps=Decimal(rng.randint(20, 60)) / 10,
                holding_cost_bps=Decimal(rng.randint(-20, 20)) / 10,
                fixed_cost=Decimal(rng.randint(20, 300) * fixed) / 10,
                lot_size=Decimal("0.00001"),
                tick_size=Decimal("0.1"),
                min_notional=Decimal(10 * fixed),
            )
        )
    return quotes
