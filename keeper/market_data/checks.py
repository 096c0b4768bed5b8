"""Whether what a venue says can be true. Each check names the field and why not; None means that nothing speaks
against it. What is refused here becomes no price, no rate and no book: the stream is STALE until a good message comes.
"""

from collections.abc import Sequence
from decimal import Decimal

from keeper.model.depth import Depth, Level
from keeper.venues.base import Book, BookDelta, MarketContext

MOST_LEVELS = 5_000
FARTHEST = Decimal("0.5")
"""A mark, mid or best price farther than this share from the venue's own oracle or mark is no price of that coin."""
LARGEST_JUMP = Decimal(2)
LARGEST_HOURLY_RATE = Decimal("0.04")
"""Hyperliquid's cap, the widest of any venue known (docs, funding; others cap at 2% to 3% per 8 h)."""
LONGEST_INTERVAL_MS = 24 * 3_600_000
HOUR_MS = 3_600_000
LARGEST_PREMIUM = Decimal("0.5")
LARGEST_PRICE = Decimal("1e12")
LAST_TIME_MS = 10**14


def context_fault(context: MarketContext, before: MarketContext | None = None) -> str | None:
    """`before`: the last context believed, if it is young enough that a doubled or halved price cannot be a market."""
    for name, price in (("mark", context.mark), ("oracle", context.oracle)):
        if not 0 < price < LARGEST_PRICE:
            return f"{name}: {price:.12} is no price"
    if _apart(context.mark, context.oracle) > FARTHEST:
        return f"mark: {context.mark} is no price of a coin whose oracle is {context.oracle}"
    if context.mid is not None and not (context.mid > 0 and _apart(context.mid, context.mark) <= FARTHEST):
        return f"mid: {context.mid} is no price of a coin whose mark is {context.mark}"
    if context.last is not None and not 0 < context.last < LARGEST_PRICE:
        return f"last: {context.last:.12} is no price"
    if before is not None and _jumped(context, before):
        return f"mark: {before.mark} became {context.mark} at once"
    if context.open_interest < 0:
        return f"open_interest: {context.open_interest} is negative"
    if context.premium is not None and abs(context.premium) > LARGEST_PREMIUM:
        return f"premium: {context.premium:.12} is no premium"
    return _funding_fault(context)


def _funding_fault(context: MarketContext) -> str | None:
    interval, rate = context.funding_interval_ms, context.funding
    if not 0 < interval <= LONGEST_INTERVAL_MS:
        return f"funding_interval_ms: {interval} is no interval"
    if context.open_interest and rate == context.open_interest:
        return f"funding: {rate} is the open interest"
    if abs(rate) * HOUR_MS > LARGEST_HOURLY_RATE * interval:
        return f"funding: {rate:.12} per {interval / HOUR_MS:g} h is no rate: more than {LARGEST_HOURLY_RATE} an hour"
    return None


def book_fault(book: Book, mark: Decimal | None = None) -> str | None:
    """`mark`: a fresh mark price of the same coin."""
    if not 0 < book.time_ms < LAST_TIME_MS:
        return f"time_ms: {book.time_ms} is no time"
    for name, levels, sign in (("bids", book.bids, -1), ("asks", book.asks, 1)):
        fault = _levels_fault(levels, sign, mark)
        if fault:
            return f"{name}: {fault}"
    return None


def delta_fault(delta: BookDelta) -> str | None:
    """A change on its own: the book it makes is checked by its crossing."""
    if not 0 < delta.time_ms < LAST_TIME_MS:
        return f"time_ms: {delta.time_ms} is no time"
    if not 0 <= delta.first <= delta.last:
        return f"first: {delta.first} is not up to last: {delta.last}"
    if len(delta.bids) + len(delta.asks) > MOST_LEVELS:
        return f"more than {MOST_LEVELS} levels"
    for price, size in (*delta.bids, *delta.asks):
        if not 0 < price < LARGEST_PRICE or not 0 <= size < LARGEST_PRICE:
            return f"a level of {size:.12} at {price:.12}"
    return None


def _levels_fault(levels: Sequence[Level], sign: int, mark: Decimal | None) -> str | None:
    """Best first, each price once, everything positive, the best not far from the mark."""
    if len(levels) > MOST_LEVELS:
        return f"more than {MOST_LEVELS} levels"
    fault = None if isinstance(levels, Depth) else _order_fault(levels, sign)
    if fault is None and levels and mark is not None and _apart(levels[0][0], mark) > FARTHEST:
        return f"{levels[0][0]} is no price of a coin whose mark is {mark}"
    return fault


def _order_fault(levels: Sequence[Level], sign: int) -> str | None:
    """What whoever makes a `Depth` has checked already."""
    before: Decimal | None = None
    for price, size in levels:
        if not 0 < price < LARGEST_PRICE or not 0 < size < LARGEST_PRICE:
            return f"a level of {size:.12} at {price:.12}"
        if before is not None and (price - before) * sign <= 0:
            return f"{price} after {before} is not best first"
        before = price
    return None


def _apart(price: Decimal, other: Decimal) -> Decimal:
    return abs(price / other - 1)


def _jumped(context: MarketContext, before: MarketContext) -> bool:
    ratio = context.mark / before.mark
    return ratio > LARGEST_JUMP or ratio * LARGEST_JUMP < 1
