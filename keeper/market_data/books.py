"""One book of one venue, and whether it may be traded on. Ages in seconds of the monotonic clock."""

from enum import StrEnum

from keeper.venues.base import Book

MAX_AGE_S = 10.0


class BookState(StrEnum):
    SYNCING = "syncing"
    """Nothing received since the last connect."""
    LIVE = "live"
    STALE = "stale"
    """Too old, or crossed: what it says cannot be true now."""


class LiveBook:
    """Full snapshots of one coin's book. Only a LIVE one is quoted from."""

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        self._max_age_s = max_age_s
        self._book: Book | None = None
        self._received_s = 0.0
        self._synced = False

    @property
    def book(self) -> Book | None:
        """The last snapshot, whatever its state."""
        return self._book

    def apply(self, book: Book, now_s: float) -> bool:
        """Takes a snapshot received now. One older than what is known since the connect is left out (False)."""
        if self._synced and self._book is not None and book.time_ms < self._book.time_ms:
            return False
        self._book, self._received_s, self._synced = book, now_s, True
        return True

    def resync(self) -> None:
        """The connection broke: what is known may be old by any amount."""
        self._synced = False

    def state(self, now_s: float) -> BookState:
        if not self._synced or self._book is None:
            return BookState.SYNCING
        if now_s - self._received_s > self._max_age_s or is_crossed(self._book):
            return BookState.STALE
        return BookState.LIVE


def is_crossed(book: Book) -> bool:
    """Whether the best bid is at or above the best ask."""
    return bool(book.bids and book.asks and book.bids[0][0] >= book.asks[0][0])
