"""One book of one venue, and whether it may be traded on. Ages in seconds of the monotonic clock.

A book lives on snapshots, or on a snapshot and the changes since; `BookDelta` says how a venue numbers those. It is
LIVE only while it is in step, not crossed, believed, and young: the venue's own time must advance, and must not fall
behind our clock, because a venue that sends the same old book again and again is silent too.
"""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from keeper.model.depth import Level
from keeper.venues.base import Book, BookDelta

MAX_AGE_S = 10.0
MOST_WAITING = 1_000
"""Changes kept while their snapshot is on its way; more of them mean that it does not come."""


class BookState(StrEnum):
    SYNCING = "syncing"
    """Nothing received since the last connect, or a change is missing."""
    LIVE = "live"
    STALE = "stale"
    """Too old, late, crossed or not believed: what it says cannot be true now."""


class LiveBook:
    """One coin's book. Only a LIVE one is quoted from."""

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        self._max_age_s = max_age_s
        self._book: Book | None = None
        self._depth: _Depth | None = None
        self._synced = False
        self._anchored = False
        self._advanced_s = 0.0
        self._least_offset_s: float | None = None
        self._distrust = ""
        self._waiting: list[BookDelta] = []

    @property
    def book(self) -> Book | None:
        """What is known last, whatever its state."""
        return self._book if self._depth is None else self._depth.book()

    @property
    def needs_snapshot(self) -> bool:
        """A change is missing, or what changes have made of the book is crossed: only a snapshot mends it."""
        book = self.book
        broken = self._synced and self._depth is not None and book is not None and is_crossed(book)
        return broken or (not self._synced and bool(self._waiting))

    def apply(self, book: Book, now_s: float) -> bool:
        """Takes a snapshot received now. One older than what is known since the connect is left out (False)."""
        known = self.book
        if self._synced and known is not None and not self.needs_snapshot and _is_older(book, known):
            return False
        self._advance(now_s, book.time_ms, repeated=self._synced and known == book)
        self._book, self._depth, self._synced, self._distrust = book, None, True, ""
        if book.sequence is not None:
            self._depth, self._anchored = _Depth(book), False
            waiting, self._waiting = self._waiting, []
            for delta in waiting:
                self.apply_delta(delta, now_s)
        return True

    def apply_delta(self, delta: BookDelta, now_s: float) -> bool:
        """Takes a change received now. False = one before it is missing: the book is SYNCING until a snapshot comes."""
        depth = self._depth
        if not self._synced or depth is None:
            self._wait(delta)
            return False
        if delta.last < depth.sequence or (self._anchored and delta.last == depth.sequence):
            return True
        if not self._continues(delta, depth.sequence):
            self._synced = False
            self._wait(delta)
            return False
        depth.apply(delta)
        self._anchored, self._distrust = True, ""
        self._advance(now_s, delta.time_ms, repeated=False)
        return True

    def resync(self) -> None:
        """The connection broke: what is known may be old by any amount."""
        self._synced, self._waiting = False, []

    def told(self, venue_ms: int, asked_s: float, now_s: float) -> None:
        """The venue said its time between `asked_s` and now. An offset that would have been smaller than possible then
        is of a clock that was set back since."""
        earliest_s, latest_s = asked_s - venue_ms / 1000, now_s - venue_ms / 1000
        known_s = self._least_offset_s
        self._least_offset_s = latest_s if known_s is None or known_s < earliest_s else min(known_s, latest_s)

    def distrust(self, reason: str) -> None:
        """Something about this book could not be read or believed: STALE until a good message comes."""
        self._distrust = reason

    def why(self, now_s: float) -> str:
        """Why it is not LIVE; empty when it is."""
        if not self._synced or self._book is None:
            return "a change is missing" if self._waiting else "nothing since the last connect"
        if self._distrust:
            return self._distrust
        if now_s - self._advanced_s > self._max_age_s:
            return f"no newer book for {now_s - self._advanced_s:.1f} s"
        book = self.book
        assert book is not None
        late_s = now_s - book.time_ms / 1000 - (self._least_offset_s or 0.0)
        if late_s > self._max_age_s:
            return f"{late_s:.1f} s late"
        return "crossed" if is_crossed(book) else ""

    def state(self, now_s: float) -> BookState:
        if not self._synced or self._book is None:
            return BookState.SYNCING
        return BookState.STALE if self.why(now_s) else BookState.LIVE

    def _continues(self, delta: BookDelta, sequence: int) -> bool:
        """The first change after a snapshot may begin before it; every later one starts where the last ended."""
        if not self._anchored:
            return delta.previous == sequence or delta.first <= sequence + 1
        return delta.first == sequence + 1 if delta.previous is None else delta.previous == sequence

    def _wait(self, delta: BookDelta) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.clear()
        self._waiting.append(delta)

    def _advance(self, now_s: float, time_ms: int, *, repeated: bool) -> None:
        """The least offset between our clock and the venue's belongs to its fastest message: how late a book is counts
        from there, over all connections, so that a stream which falls behind, or begins behind, does not look young."""
        if not repeated:
            self._advanced_s = now_s
        offset = now_s - time_ms / 1000
        self._least_offset_s = offset if self._least_offset_s is None else min(offset, self._least_offset_s)


class _Depth:
    """Both sides as sorted lists, ready for changes; a `Book` is made of them when one is asked for."""

    def __init__(self, book: Book) -> None:
        assert book.sequence is not None
        self.sequence = book.sequence
        self._made: Book | None = book
        self._last = book
        self._time_ms = book.time_ms
        self._bids = _Side(book.bids, -1)
        self._asks = _Side(book.asks, 1)

    def apply(self, delta: BookDelta) -> None:
        for price, size in delta.bids:
            self._bids.put(price, size)
        for price, size in delta.asks:
            self._asks.put(price, size)
        self.sequence, self._time_ms, self._made = delta.last, delta.time_ms, None

    def book(self) -> Book:
        if self._made is None:
            self._made = Book(
                venue=self._last.venue,
                coin=self._last.coin,
                time_ms=self._time_ms,
                bids=self._bids.levels(),
                asks=self._asks.levels(),
                sequence=self.sequence,
            )
        return self._made


class _Side:
    """Prices times `sign` in rising order, so that the best comes first on either side."""

    def __init__(self, levels: Sequence[Level], sign: int) -> None:
        self._sign = sign
        self._keys = [price * sign for price, _ in levels]
        self._levels = list(levels)

    def put(self, price: Decimal, size: Decimal) -> None:
        key = price * self._sign
        at = bisect_left(self._keys, key)
        known = at < len(self._keys) and self._keys[at] == key
        if not size:
            if known:
                del self._keys[at], self._levels[at]
        elif known:
            self._levels[at] = (price, size)
        else:
            self._keys.insert(at, key)
            self._levels.insert(at, (price, size))

    def levels(self) -> tuple[Level, ...]:
        return tuple(self._levels)


def _is_older(book: Book, known: Book) -> bool:
    if book.sequence is not None and known.sequence is not None:
        return book.sequence < known.sequence
    return book.time_ms < known.time_ms


def is_crossed(book: Book) -> bool:
    """Whether the best bid is at or above the best ask."""
    return bool(book.bids and book.asks and book.bids[0][0] >= book.asks[0][0])
