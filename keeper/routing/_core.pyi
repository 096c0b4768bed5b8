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
