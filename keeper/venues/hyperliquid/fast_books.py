"""Books from the text of their push in one step, where the compiled scanner is built and the text is the venue's usual
one; whatever it does not take goes the way of every other message, with the same result."""

from keeper.model.depth import Depth
from keeper.venues.base import Book

try:
    from keeper.venues.hyperliquid._scan import scan
except ImportError:  # no compiler where it was installed
    COMPILED = False
else:
    COMPILED = True


def scanned(text: str | bytes | bytearray | memoryview, venue: str) -> Book | None:
    """The book of an `l2Book` push; None = read it in another way."""
    found = scan(text) if COMPILED else None
    if found is None:
        return None
    coin, time_ms, price_digits, size_digits, bid_prices, bid_sizes, ask_prices, ask_sizes = found
    return Book(
        venue=venue,
        coin=coin,
        time_ms=time_ms,
        bids=Depth(bid_prices, bid_sizes, price_digits, size_digits),
        asks=Depth(ask_prices, ask_sizes, price_digits, size_digits),
    )
