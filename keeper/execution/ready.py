"""Routes of resting orders, kept ready while books change: the book that offers an order something wakes it at once.

An order that rests looks about by itself a few times a second. In between, each book is put into the routes of the
orders of its coin in the step in which it comes from its socket, and decided exactly (lots, minimums, bounds); whoever
is woken looks again at everything before he acts.
"""

from collections.abc import Callable

from keeper.model.instruments import Side
from keeper.routing import LiveRoute, RoutingError
from keeper.venues.base import Book


class ReadyRoutes:
    """By order. `wake(digest)` is called when an order's route would fill something; it must not raise."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._routes: dict[str, dict[str, LiveRoute]] = {}

    def keep(self, digest: str, coin: str, route: LiveRoute) -> None:
        """In place of the one that it had."""
        self._routes.setdefault(coin, {})[digest] = route

    def drop(self, digest: str, coin: str) -> None:
        self._routes.get(coin, {}).pop(digest, None)

    def take_book(self, book: Book) -> None:
        for digest, route in list(self._routes.get(book.coin, {}).items()):
            if book.venue not in route.venues:
                continue
            side: Side = route.request.side
            try:
                route.update(book.venue, book.asks if side == "buy" else book.bids)
                filled = route.decide().filled
            except RoutingError:  # of other books than it was made for: made anew at the next look
                self.drop(digest, book.coin)
                continue
            if filled:
                self._wake(digest)
