"""The books in whole numbers, exactly: quantities in lots, costs in a unit small enough for every price and size.

The solver and the certificate calculate on these alone, so that nothing is rounded and equal numbers are equal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from keeper.routing.books import Book

Segment = tuple[int, int]
"""(cost of one lot, lots)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One venue: absent, or between `minimum` and `capacity` lots of `step` grains; `capacity` 0: it must be absent.

    `segments` cost its lots, cheapest first, up to `capacity`; `fixed` is paid once if it is used.
    """

    step: int
    minimum: int
    capacity: int
    fixed: int
    segments: tuple[Segment, ...]

    def cost(self, lots: int) -> int:
        """Of the first `lots` lots, the fixed cost included; 0 for none."""
        return self.fixed + sum(cost * taken for cost, taken in first(self.segments, lots)) if lots else 0


@dataclass(frozen=True, slots=True)
class Grid:
    """All rows, in the order of the books. `quantity` in grains; a cost of 1 is 10^-cost_digits USD, a grain
    10^-grain_digits base units."""

    rows: tuple[Row, ...]
    quantity: int
    max_legs: int
    grain_digits: int
    cost_digits: int

    def cost(self, cost: int) -> Decimal:
        return Decimal(cost).scaleb(-self.cost_digits)

    def size(self, grains: int) -> Decimal:
        return Decimal(grains).scaleb(-self.grain_digits)


def to_grid(books: Sequence[Book], quantity: Decimal, max_legs: int | None) -> Grid:
    """Call inside `exact()`."""
    sizes = [quantity, *(book.step for book in books), *(size for book in books for _, size, _ in book.levels)]
    units = [unit for book in books for unit, _, _ in book.levels]
    grain_digits, unit_digits = _digits(sizes), _digits(units)
    cost_digits = max(grain_digits + unit_digits, _digits([book.fixed for book in books]))
    factor = 10 ** (cost_digits - grain_digits - unit_digits)
    return Grid(
        rows=tuple(_row(book, grain_digits, unit_digits, factor, cost_digits) for book in books),
        quantity=_whole(quantity, grain_digits),
        max_legs=len(books) if max_legs is None else min(max_legs, len(books)),
        grain_digits=grain_digits,
        cost_digits=cost_digits,
    )


def _row(book: Book, grain_digits: int, unit_digits: int, factor: int, cost_digits: int) -> Row:
    step = _whole(book.step, grain_digits)
    capacity = _whole(book.capacity, grain_digits)
    levels = ((_whole(unit, unit_digits) * factor, _whole(size, grain_digits)) for unit, size, _ in book.levels)
    return Row(
        step=step,
        minimum=_whole(book.minimum, grain_digits) // step,
        capacity=capacity // step,
        fixed=_whole(book.fixed, cost_digits),
        segments=tuple(bundle(first(levels, capacity), step)),
    )


def bundle(segments: Iterable[Segment], size: int) -> Iterator[Segment]:
    """The same, cheapest first, in lots `size` times as large; one that straddles segments costs the sum of its parts.

    What is left over at the end, less than a lot, is dropped.
    """
    held = cost = 0
    for unit, count in segments:
        if held:
            take = min(size - held, count)
            held, cost, count = held + take, cost + take * unit, count - take  # noqa: PLW2901
            if held < size:
                continue
            yield cost, 1
            held = cost = 0
        whole, rest = divmod(count, size)
        if whole:
            yield unit * size, whole
        if rest:
            held, cost = rest, rest * unit


def first(segments: Iterable[Segment], count: int) -> Iterator[Segment]:
    """The first `count` of them, or all when there are fewer."""
    for unit, size in segments:
        if size >= count:
            if count:
                yield unit, count
            return
        yield unit, size
        count -= size


def after(segments: Iterable[Segment], count: int) -> Iterator[Segment]:
    """What is left when the first `count` are taken."""
    for unit, size in segments:
        skipped = min(size, count)
        count -= skipped
        if size > skipped:
            yield unit, size - skipped


def _digits(amounts: Iterable[Decimal]) -> int:
    """Decimal places that hold every amount."""
    return max((-int(amount.as_tuple().exponent) for amount in amounts), default=0)


def _whole(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits))
