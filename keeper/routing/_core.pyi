from array import array
from collections.abc import Sequence

class Problem:
    def __init__(
        self,
        rows: Sequence[tuple[int, int, int, Sequence[tuple[int, int]]]],
        quantity: int,
        max_legs: int,
        shift: int,
        max_nodes: int,
    ) -> None: ...
    def solve(self) -> tuple[tuple[int, ...], int, int, tuple[tuple[int, int], ...]] | None: ...

class Live:
    def __init__(self, names: list[str], quantity: int, buy: bool, max_legs: int, max_nodes: int) -> None: ...
    def set_terms(
        self,
        index: int,
        step: int,
        minimum: int,
        capacity: int,
        fixed: int,
        factor: int,
        offset: int,
        bound: int,
        tick: int,
    ) -> None: ...
    def update(self, index: int, prices: array[int], sizes: array[int], price_by: int, size_by: int) -> None: ...
    def solve(self) -> tuple[list[tuple[str, int, int]], int, int] | None: ...
