"""How large an order may be: what a refusal for margin tells its client."""

from collections.abc import Callable

from keeper.errors import InputError


def largest(check: Callable[[int], None], most: int) -> int:
    """The largest size, from 1 to `most` lots, that `check` takes (it raises InputError for others); 0 when it refuses
    a single lot.

    All sizes from 1 to the answer pass: the requirement after an order (see the package) is convex in its size, so what
    equity covers is an interval. It holds for the marks and positions that `check` sees now.
    """
    if not most or not _passes(check, 1):
        return 0
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _passes(check, middle) else (low, middle - 1)
    return low


def _passes(check: Callable[[int], None], lots: int) -> bool:
    try:
        check(lots)
    except InputError:
        return False
    return True
