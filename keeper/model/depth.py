"""One side of a book in whole numbers: sorted arrays that compiled code reads as they are."""

from abc import ABCMeta
from array import array
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import overload

import msgspec

Level = tuple[Decimal, Decimal]
"""(price, size)."""


class _StructMeta(msgspec.StructMeta, ABCMeta):
    """For a struct that is a sequence too: two are made of each book, and a struct is made four times as fast."""


class Depth(msgspec.Struct, Sequence[Level], metaclass=_StructMeta, eq=False):
    """Best first: prices[i] × 10^-price_digits, sizes[i] × 10^-size_digits, in arrays of 64-bit integers.

    Read as a sequence it is that of its (price, size) in Decimal; these are made when they are first asked for. Whoever
    makes one has checked that prices and sizes are above 0 and below 10^12, and each price worse than the one before.
    """

    prices: "array[int]"
    sizes: "array[int]"
    price_digits: int
    size_digits: int
    _levels: tuple[Level, ...] | None = None

    @property
    def levels(self) -> tuple[Level, ...]:
        if self._levels is None:
            self._levels = tuple([self._level(at) for at in range(len(self.prices))])
        return self._levels

    def _level(self, at: int) -> Level:
        return (
            Decimal(self.prices[at]).scaleb(-self.price_digits),
            Decimal(self.sizes[at]).scaleb(-self.size_digits),
        )

    def __len__(self) -> int:
        return len(self.prices)

    @overload
    def __getitem__(self, at: int) -> Level: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Level, ...]: ...
    def __getitem__(self, at: int | slice) -> Level | tuple[Level, ...]:
        return self._level(at) if isinstance(at, int) and self._levels is None else self.levels[at]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.levels)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Depth):
            if (self.price_digits, self.size_digits) == (other.price_digits, other.size_digits):
                return self.prices == other.prices and self.sizes == other.sizes
            return self.levels == other.levels
        return self.levels == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.levels)

    def __repr__(self) -> str:
        return f"Depth({self.levels!r})"
