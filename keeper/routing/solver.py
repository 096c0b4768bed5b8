"""The cheapest split in whole lots. Call inside `exact()`.

1. One common lot, no minimums: sort every whole lot of every venue by all-in price and take from the front. The cost
   along each book is convex and only the total couples the venues, so this is the optimum.
2. Lots that divide each other: a total T leaves T mod (next lot) that only the finest books can fill, so their cheapest
   lots fill it; the rest of them is bundled into lots of the next size (cheapest first, so again rising) and merged
   with the books of that size; and so on. Exact for the same reason.
3. Minimum notional and `max_legs`: solve without them. If the answer breaks one, branch on one venue: either it holds
   at least its minimum, or nothing. An answer without these rules bounds every answer below it in the tree, so a
   branch that cannot beat the best plan found is dropped. This visits, where needed, every set of venues: exact.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter

from keeper.routing.books import Book, Segment, bundle, down
from keeper.routing.errors import RoutingError
from keeper.routing.types import ZERO

MAX_NODES = 2**14
"""Nodes of the tree visited before giving up. Each branch decides one venue, so n venues need at most 2^(n+1) − 1."""

BELOW = -1  # owner of a bundle of finer lots
Owned = tuple[Decimal, Decimal, int]  # a segment and its book's index


@dataclass(frozen=True, slots=True)
class Split:
    """Quantity per book, in the books' order, and what it fills and costs."""

    quantities: tuple[Decimal, ...]
    filled: Decimal
    cost: Decimal

    def beats(self, other: "Split | None") -> bool:
        """More filled; or as much for less."""
        return other is None or (-self.filled, self.cost) < (-other.filled, other.cost)


def solve(books: Sequence[Book], quantity: Decimal, max_legs: int | None = None) -> Split:
    """The split that fills the most of `quantity` and, among those, costs least. May refuse: `search_too_large`."""
    limit = len(books) if max_legs is None else max_legs
    best: Split | None = None
    nodes = 0
    waiting: list[tuple[frozenset[int], frozenset[int]]] = [(frozenset(), frozenset())]  # (must be used, must not)
    while waiting:
        nodes += 1
        if nodes > MAX_NODES:
            raise RoutingError("search_too_large", "quotes", "too many venue sets; quote fewer venues or lift max_legs")
        used, banned = waiting.pop()
        if len(used) >= limit:
            banned = frozenset(range(len(books))) - used
        split = relaxed(books, quantity, used, banned)
        if split is None or not split.beats(best):
            continue
        venue = _to_decide(books, split, used, limit)
        if venue is None:
            best = split
        else:
            waiting += [(used, banned | {venue}), (used | {venue}, banned)]
    assert best is not None, "the branch that uses no venue is always feasible"
    return best


def _to_decide(books: Sequence[Book], split: Split, used: frozenset[int], limit: int) -> int | None:
    """An undecided venue through which the split breaks a rule; None when it breaks none."""
    legs = [index for index, quantity in enumerate(split.quantities) if quantity]
    for index in legs:
        if split.quantities[index] < books[index].minimum:
            return index
    if len(legs) <= limit:
        return None
    return max((index for index in legs if index not in used), key=lambda index: (split.quantities[index], -index))


def relaxed(books: Sequence[Book], quantity: Decimal, used: frozenset[int], banned: frozenset[int]) -> Split | None:
    """The best split with each `used` book at its minimum or more, each `banned` one empty, other rules ignored."""
    quantities = [ZERO] * len(books)
    for index in used:
        if not books[index].capacity:
            return None
        quantities[index] = books[index].minimum
    left = quantity - sum(quantities, ZERO)
    if left < 0:
        return None
    pools: dict[Decimal, list[Owned]] = {}
    room: dict[Decimal, Decimal] = {}
    for index, book in enumerate(books):
        if index not in banned:
            segments = _after(book.segments, quantities[index]) if quantities[index] else book.segments
            pools.setdefault(book.step, []).extend([(unit, size, index) for unit, size in segments])
            if book.capacity:
                room[book.step] = room.get(book.step, ZERO) + book.capacity - quantities[index]
    for index, size in _cheapest(pools, _largest_total(room, left)):
        quantities[index] += size
    cost = sum((book.fill(size)[0] for book, size in zip(books, quantities, strict=True) if size), ZERO)
    return Split(tuple(quantities), sum(quantities, ZERO), cost)


def _largest_total(room: dict[Decimal, Decimal], quantity: Decimal) -> Decimal:
    """The most that can be filled. Coarse lots first: finer ones, which divide them, fit into whatever gap is left."""
    left = quantity
    for step in sorted(room, reverse=True):
        left -= min(down(left, step), room[step])
    return quantity - left


def _cheapest(pools: dict[Decimal, list[Owned]], total: Decimal) -> Iterator[tuple[int, Decimal]]:
    """(book, quantity) pairs that add up to the reachable `total` at least cost: rule 2 above."""
    steps = sorted(pools)
    layers: list[list[Owned]] = [sorted(pools[step], key=itemgetter(0)) for step in steps]
    residues: list[Decimal] = []
    left = total
    for depth, (_, coarser) in enumerate(pairwise(steps)):
        residues.append(left % coarser)
        left -= residues[depth]
        rest = _after(((unit, size) for unit, size, _ in layers[depth]), residues[depth])
        bundles = [(unit, size, BELOW) for unit, size in bundle(rest, coarser)]
        layers[depth + 1] = sorted(layers[depth + 1] + bundles, key=itemgetter(0))
    for layer in reversed(layers):
        below = ZERO
        for _, size, index in layer:
            if not left:
                break
            take = min(size, left)
            left -= take
            if index == BELOW:
                below += take
            else:
                yield index, take
        assert not left, "the total was reachable"
        left = below + (residues.pop() if residues else ZERO)


def _after(segments: Iterable[Segment], quantity: Decimal) -> Iterator[Segment]:
    """What is left of the segments when `quantity` is taken from their front."""
    for unit, size in segments:
        skipped = min(size, quantity)
        quantity -= skipped
        if size > skipped:
            yield unit, size - skipped
