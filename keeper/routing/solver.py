"""The cheapest split in whole lots, in integers, by branch and bound.

1. Without fixed costs, minimums and `max_legs`, with one lot: sort the lots of every venue by cost and take from the
   front. The cost along each book is convex and only the total couples the venues, so this is the optimum.
2. Lots that divide each other: a total leaves a rest (modulo the next lot) that only the finest books can fill, so
   their cheapest lots fill it; what is left of them is bundled into lots of the next size (cheapest first, so again
   rising) and merged with the books of that size; and so on. Exact for the same reason.
3. A fixed cost or a minimum makes {absent} ∪ [minimum, capacity] a set that is not convex. An undecided venue is
   replaced by the convex envelope of its cost there: the straight line from nothing to the point where the line
   touches the cost (fixed cost included) from below, then the real lots. The answer costs no more than any split that
   obeys the rules; where it uses each venue not at all or beyond its touching point, it costs exactly that much.
   Otherwise one such venue is decided: used (it pays its fixed cost and holds its minimum) or absent. A node that
   cannot beat the best split found is a leaf. This visits, where needed, every set of venues: exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from keeper.routing.errors import RoutingError
from keeper.routing.grid import Grid, Row, Segment, after, bundle

MAX_NODES = 2**14
"""Nodes visited before giving up. Each branch decides one venue, so n venues need at most 2^(n+1) − 1."""

SLOPE_BITS = 62
"""Slopes of touching lines are rounded down to as many bits after the point as leave a lot's cost within this many."""

BELOW = -1  # owner of a bundle of finer lots
Owned = tuple[int, int, int]  # (scaled cost of one lot, lots, row)
Node = tuple[int, int]
"""Bits of the rows that must be used, and of those that must not."""


@dataclass(frozen=True, slots=True)
class Split:
    """Lots per row, what they fill (grains) and cost, and the leaves of the search: every set of venues is in one."""

    lots: tuple[int, ...]
    filled: int
    cost: int
    leaves: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """A row as the search sees it, costs times 2^shift: `free` while undecided, of which the first `contact` lots are
    the straight line; `base` and `used` once it must hold its minimum."""

    free: list[Segment]
    contact: int
    base: int
    used: list[Segment]


def solve(grid: Grid) -> Split:
    """The split that fills the most of the quantity and, among those, costs least. May refuse: `search_too_large`."""
    shift = slope_shift(grid)
    faces = [face(row, shift) for row in grid.rows]
    found: tuple[int, int, tuple[int, ...]] | None = None  # (−filled, cost, lots)
    leaves: list[Node] = []
    waiting: list[Node] = [(0, 0)]
    everything = (1 << len(faces)) - 1
    nodes = 0
    while waiting:
        nodes += 1
        if nodes > MAX_NODES:
            raise RoutingError("search_too_large", "quotes", "too many venue sets; quote fewer venues or lift max_legs")
        node = used, banned = waiting.pop()
        if used.bit_count() >= grid.max_legs:
            banned = everything & ~used
        answer = relaxed(grid, faces, used, banned) if used.bit_count() <= grid.max_legs else None
        if answer is None:
            leaves.append(node)
            continue
        lots, filled, scaled = answer
        bound = -(-scaled >> shift)
        if found is not None and (-filled, bound) >= found[:2]:
            leaves.append(node)
            continue
        decide, cost = examine(grid, faces, lots, used, shift)
        if cost is not None and (found is None or (-filled, cost) < found[:2]):
            found = (-filled, cost, tuple(lots))
        if decide is None or (found is not None and (-filled, bound) >= found[:2]):
            leaves.append(node)
        else:
            waiting += [(node[0], node[1] | 1 << decide), (node[0] | 1 << decide, node[1])]
    assert found is not None, "using no venue is always allowed"
    return Split(found[2], -found[0], found[1], tuple(leaves))


def slope_shift(grid: Grid) -> int:
    """Bits after the point of a slope (see SLOPE_BITS)."""
    largest = 1
    for row in grid.rows:
        if row.capacity:
            largest = max(largest, *(abs(cost) for cost, _ in row.segments), row.fixed)
    return max(0, min(32, SLOPE_BITS - largest.bit_length()))


def face(row: Row, shift: int) -> Face:
    """The row's costs, scaled, and its envelope."""
    scaled = [(cost << shift, lots) for cost, lots in row.segments]
    if not row.capacity:
        return Face([], 0, 0, [])
    base, used = row.cost(row.minimum) << shift, list(after(scaled, row.minimum))
    if not row.fixed and row.minimum == 1:
        return Face(scaled, 0, base, used)
    contact, cost = touching_point(row)
    return Face([((cost << shift) // contact, contact), *after(scaled, contact)], contact, base, used)


def touching_point(row: Row) -> Segment:
    """(lots, cost) where a straight line from nothing touches the row's cost: the least average cost of a lot.

    A further run of lots lowers the average as long as its lots cost less than the average, and they rise.
    """
    lots, cost = row.minimum, row.cost(row.minimum)
    for unit, run in after(row.segments, row.minimum):
        if unit * lots >= cost:
            break
        lots, cost = lots + run, cost + unit * run
    return lots, cost


def relaxed(grid: Grid, faces: Sequence[Face], used: int, banned: int) -> tuple[list[int], int, int] | None:
    """(lots per row, grains filled, scaled cost) of the best split when each `used` row holds its minimum or more, each
    `banned` one is empty and the others are on their envelopes. None when the `used` rows cannot all be used."""
    lots = [0] * len(faces)
    left, scaled = grid.quantity, 0
    pools: dict[int, list[Owned]] = {}
    room: dict[int, int] = {}
    for index, (row, side) in enumerate(zip(grid.rows, faces, strict=True)):
        bit = 1 << index
        if not row.capacity or banned & bit:
            if used & bit:
                return None
            continue
        segments = side.free
        if used & bit:
            segments = side.used
            lots[index] = row.minimum
            left -= row.minimum * row.step
            scaled += side.base
        pools.setdefault(row.step, []).extend([(cost, count, index) for cost, count in segments])
        room[row.step] = room.get(row.step, 0) + (row.capacity - lots[index]) * row.step
    if left < 0:
        return None
    total = reachable(room, left)
    for index, count, cost in _cheapest(pools, total):
        lots[index] += count
        scaled += cost * count
    return lots, grid.quantity - left + total, scaled


def reachable(room: dict[int, int], quantity: int) -> int:
    """The most of `quantity` that can be filled, in grains, with so many grains of room per step. Coarse lots first:
    finer ones, which divide them, fit into whatever gap is left."""
    left = quantity
    for step in sorted(room, reverse=True):
        left -= min(left - left % step, room[step])
    return quantity - left


def examine(
    grid: Grid, faces: Sequence[Face], lots: Sequence[int], used: int, shift: int
) -> tuple[int | None, int | None]:
    """(row to decide next, what the split costs). No row: the envelope is the truth here. No cost: a rule is broken."""
    decide: int | None = None
    worst = 0
    cost, legs, allowed = 0, 0, True
    for index, (row, side, count) in enumerate(zip(grid.rows, faces, lots, strict=True)):
        if not count:
            continue
        legs += 1
        true = row.cost(count)
        cost += true
        allowed = allowed and count >= row.minimum
        if count < side.contact and not used >> index & 1:
            missing = (true << shift) - side.free[0][0] * count
            if decide is None or missing > worst:
                decide, worst = index, missing
    if legs > grid.max_legs:
        allowed = False
        if decide is None:
            undecided = [index for index, count in enumerate(lots) if count and not used >> index & 1]
            decide = max(undecided, key=lambda index: (lots[index] * grid.rows[index].step, -index))
    return decide, cost if allowed else None


def _cheapest(pools: dict[int, list[Owned]], total: int) -> Iterator[Owned]:
    """(row, lots, scaled cost of one) that add up to the reachable `total` grains at least cost: rule 2 above."""
    steps = sorted(pools)
    layers = [sorted(pools[step], key=itemgetter(0)) for step in steps]
    rests: list[int] = []
    left = total // steps[0] if steps else 0  # in lots of the layer at hand
    for depth, (step, coarser) in enumerate(pairwise(steps)):
        ratio = coarser // step
        left, rest = divmod(left, ratio)
        rests.append(rest)
        spare = after(((cost, count) for cost, count, _ in layers[depth]), rest)
        bundles = [(cost, count, BELOW) for cost, count in bundle(spare, ratio)]
        layers[depth + 1] = sorted(layers[depth + 1] + bundles, key=itemgetter(0))
    for depth in range(len(layers) - 1, -1, -1):
        below = 0
        for cost, count, index in layers[depth]:
            if not left:
                break
            take = min(count, left)
            left -= take
            if index == BELOW:
                below += take
            else:
                yield index, take, cost
        assert not left, "the total was reachable"
        if depth:
            left = below * (steps[depth] // steps[depth - 1]) + rests.pop()
