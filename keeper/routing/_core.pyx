# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The search of `solver.py` in C, step for step: the same order, the same whole numbers, so the same split and leaves.

For rows of one lot size whose numbers fit: scaled costs of a lot in 62 bits, at most 2^50 lots in all, at most 64 rows.
They refuse others with OverflowError, and the pure twin solves them.
"""

from cpython.array cimport array
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    typedef __int128 wide;
    static inline long long wide_high(wide value) { return (long long)(value >> 64); }
    static inline unsigned long long wide_low(wide value) { return (unsigned long long)value; }
    static inline wide wide_floor(wide a, wide b) { wide q = a / b; return q * b > a ? q - 1 : q; }
    #include <stdint.h>
    static inline int small_product(int64_t a, int64_t b, int64_t *out) {
        return !__builtin_mul_overflow(a, b, out) && *out >= 0 && *out < (int64_t)1 << 50;
    }
    static inline wide wide_up(wide value, int shift) { return -((-value) >> shift); }
    """
    ctypedef long long wide
    long long wide_high(wide value) nogil
    unsigned long long wide_low(wide value) nogil
    wide wide_floor(wide a, wide b) nogil
    wide wide_up(wide value, int shift) nogil
    bint small_product(int64_t a, int64_t b, int64_t* out) nogil
    int __builtin_popcountll(unsigned long long bits) nogil
    int __builtin_clzll(unsigned long long bits) nogil

cdef enum:
    MAX_ROWS = 64
    MAX_LEVELS = 128
    SOLVED = 0
    TOO_LARGE = 1

cdef struct Row:
    int64_t minimum, capacity, fixed
    int64_t contact, slope      # the straight line of the envelope; contact 0: none
    wide base                   # scaled cost of the minimum, fixed cost included
    int first, last             # segments
    int free_at, used_at        # first segment beyond the contact, beyond the minimum ...
    int64_t free_left, used_left  # ... and what is left of it

cdef struct Terms:
    int64_t step, minimum, capacity, fixed, factor, offset, bound, tick

cdef struct Side:
    int count
    bint stale
    int64_t largest   # unscaled cost of a lot, or the fixed cost
    int64_t prices[MAX_LEVELS]
    int64_t sizes[MAX_LEVELS]

cdef struct Head:
    int64_t cost, lots   # of a row's next segment; scaled
    int owner, after     # its row, and the segment behind it; -1: the line of the envelope

cdef struct Answer:
    wide scaled
    int64_t filled
    int64_t lots[MAX_ROWS]


cdef inline void place(Head* heads, int count, Head one) noexcept nogil:
    """Into its place among the others: dearest first, and of equals the later row, so that the last is the next."""
    while count and (
        heads[count - 1].cost < one.cost or (heads[count - 1].cost == one.cost and heads[count - 1].owner < one.owner)
    ):
        heads[count] = heads[count - 1]
        count -= 1
    heads[count] = one


cdef object to_int(wide value):
    high: object
    if value == <int64_t>value:
        return <int64_t>value
    high = wide_high(value)
    return (high << 64) + wide_low(value)


cdef class Search:
    """The search itself, over rows that a subclass fills in."""

    cdef Row* rows
    cdef int64_t* cost   # scaled
    cdef int64_t* lots
    cdef uint64_t* leaves
    cdef int count, shift, leaf_count, max_nodes, max_legs
    cdef int64_t quantity
    cdef Answer best
    cdef wide best_cost
    cdef bint found

    cdef allocate(self, count, size, int max_legs, int max_nodes):
        if count > MAX_ROWS:
            raise OverflowError("too many rows")
        self.count, self.max_legs, self.max_nodes = count, max_legs, max_nodes
        self.rows = <Row*>PyMem_Malloc(max(1, count) * sizeof(Row))
        self.cost = <int64_t*>PyMem_Malloc(max(1, size) * sizeof(int64_t))
        self.lots = <int64_t*>PyMem_Malloc(max(1, size) * sizeof(int64_t))
        self.leaves = <uint64_t*>PyMem_Malloc(2 * (max_nodes + 2) * sizeof(uint64_t))
        if not (self.rows and self.cost and self.lots and self.leaves):
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.rows)
        PyMem_Free(self.cost)
        PyMem_Free(self.lots)
        PyMem_Free(self.leaves)

    def solve(self):
        """(lots per row, lots filled, cost, leaves as (used, banned) bits), or None when too many nodes are needed."""
        cdef int outcome
        with nogil:
            outcome = self.search()
        if outcome == TOO_LARGE:
            return None
        return (
            tuple([self.best.lots[index] for index in range(self.count)]),
            self.best.filled,
            to_int(self.best_cost),
            tuple([(self.leaves[2 * index], self.leaves[2 * index + 1]) for index in range(self.leaf_count)]),
        )

    cdef void prepare(self, Row* row) noexcept nogil:
        """`solver.face`."""
        cdef int at
        cdef int64_t lots, left
        cdef wide cost
        row.contact, row.slope, row.base = 0, 0, 0
        row.free_at, row.used_at = row.first, row.last
        row.free_left = self.lots[row.first] if row.first < row.last else 0
        row.used_left = 0
        if not row.capacity:
            row.free_at = row.last
            return
        self.skip(row, row.minimum, &row.used_at, &row.used_left)
        row.base = self.true_cost(row, row.minimum)
        if not row.fixed and row.minimum == 1:
            return
        lots, cost, at, left = row.minimum, row.base, row.used_at, row.used_left
        while at < row.last and <wide>self.cost[at] * lots < cost:
            lots += left
            cost += <wide>self.cost[at] * left
            at += 1
            if at < row.last:
                left = self.lots[at]
        row.contact = lots
        row.slope = <int64_t>wide_floor(cost, lots)
        row.free_at, row.free_left = at, left

    cdef void skip(self, Row* row, int64_t count, int* at, int64_t* left) noexcept nogil:
        at[0] = row.first
        while at[0] < row.last and self.lots[at[0]] <= count:
            count -= self.lots[at[0]]
            at[0] += 1
        left[0] = self.lots[at[0]] - count if at[0] < row.last else 0

    cdef wide true_cost(self, Row* row, int64_t count) noexcept nogil:
        """Scaled, the fixed cost included."""
        cdef wide cost = <wide>row.fixed << self.shift
        cdef int at = row.first
        while count > 0 and at < row.last:
            if self.lots[at] >= count:
                return cost + <wide>self.cost[at] * count
            cost += <wide>self.cost[at] * self.lots[at]
            count -= self.lots[at]
            at += 1
        return cost

    cdef bint relaxed(self, uint64_t used, uint64_t banned, Answer* answer) noexcept nogil:
        """`solver.relaxed`."""
        cdef Head heads[MAX_ROWS]
        cdef Head one
        cdef int active = 0, index
        cdef int64_t left = self.quantity, room = 0, take
        cdef Row* row
        answer.scaled = 0
        for index in range(self.count):
            row = &self.rows[index]
            answer.lots[index] = 0
            if not row.capacity or banned >> index & 1:
                if used >> index & 1:
                    return False
                continue
            one.owner = index
            if used >> index & 1:
                answer.lots[index] = row.minimum
                left -= row.minimum
                answer.scaled += row.base
                room += row.capacity - row.minimum
                if row.used_at == row.last:
                    continue
                one.cost, one.lots, one.after = self.cost[row.used_at], row.used_left, row.used_at + 1
            else:
                room += row.capacity
                if row.contact:
                    one.cost, one.lots, one.after = row.slope, row.contact, -1
                else:
                    one.cost, one.lots, one.after = self.cost[row.first], self.lots[row.first], row.first + 1
            place(heads, active, one)
            active += 1
        if left < 0:
            return False
        if room < left:
            answer.filled = self.quantity - left + room
            left = room
        else:
            answer.filled = self.quantity
        while left > 0:
            active -= 1
            one = heads[active]
            take = one.lots if one.lots < left else left
            left -= take
            row = &self.rows[one.owner]
            answer.lots[one.owner] += take
            answer.scaled += <wide>one.cost * take
            if one.after < 0:
                one.after = row.free_at
                if one.after < row.last:
                    one.cost, one.lots = self.cost[one.after], row.free_left
            elif one.after < row.last:
                one.cost, one.lots = self.cost[one.after], self.lots[one.after]
            if one.after < row.last:
                one.after += 1
                place(heads, active, one)
                active += 1
        return True

    cdef int search(self) noexcept nogil:
        """`solver.solve`."""
        cdef uint64_t stack[4 * MAX_ROWS + 8]
        cdef uint64_t used, banned, absent, everything
        cdef int top = 1, nodes = 0, decide, legs, index
        cdef Answer answer
        cdef wide bound, cost, true, missing, worst
        cdef bint allowed
        cdef Row* row
        everything = ~(<uint64_t>0) if self.count == 64 else (<uint64_t>1 << self.count) - 1
        stack[0] = stack[1] = 0
        self.found, self.leaf_count = False, 0
        while top:
            nodes += 1
            if nodes > self.max_nodes:
                return TOO_LARGE
            top -= 1
            used, banned = stack[2 * top], stack[2 * top + 1]
            absent = banned
            legs = __builtin_popcountll(used)
            if legs >= self.max_legs:
                absent = everything & ~used
            if legs > self.max_legs or not self.relaxed(used, absent, &answer):
                self.leaf(used, banned)
                continue
            bound = wide_up(answer.scaled, self.shift)
            if not self.beats(answer.filled, bound):
                self.leaf(used, banned)
                continue
            decide, legs, allowed = -1, 0, True
            worst = cost = 0
            for index in range(self.count):
                if not answer.lots[index]:
                    continue
                row = &self.rows[index]
                legs += 1
                true = self.true_cost(row, answer.lots[index])
                cost += true
                allowed = allowed and answer.lots[index] >= row.minimum
                if answer.lots[index] < row.contact and not used >> index & 1:
                    missing = true - <wide>row.slope * answer.lots[index]
                    if decide < 0 or missing > worst:
                        decide, worst = index, missing
            if legs > self.max_legs:
                allowed = False
                if decide < 0:
                    for index in range(self.count):
                        if answer.lots[index] and not used >> index & 1:
                            if decide < 0 or answer.lots[index] > answer.lots[decide]:
                                decide = index
            cost = cost >> self.shift
            if allowed and self.beats(answer.filled, cost):
                self.best, self.best_cost, self.found = answer, cost, True
            if decide < 0 or not self.beats(answer.filled, bound):
                self.leaf(used, banned)
            else:
                stack[2 * top], stack[2 * top + 1] = used, banned | <uint64_t>1 << decide
                stack[2 * top + 2], stack[2 * top + 3] = used | <uint64_t>1 << decide, banned
                top += 2
        return SOLVED

    cdef bint beats(self, int64_t filled, wide cost) noexcept nogil:
        """More filled than by the best so far; or as much for less."""
        if not self.found or filled > self.best.filled:
            return True
        return filled == self.best.filled and cost < self.best_cost

    cdef void leaf(self, uint64_t used, uint64_t banned) noexcept nogil:
        self.leaves[2 * self.leaf_count], self.leaves[2 * self.leaf_count + 1] = used, banned
        self.leaf_count += 1

cdef class Problem(Search):
    """Rows and a quantity (lots), ready to be solved; see `solver.solve`.

    rows: (minimum, capacity, fixed, ((cost of one lot, lots), ...)) each, costs not yet scaled by 2^shift.
    """

    def __cinit__(self, rows, quantity, int max_legs, int shift, int max_nodes):
        self.allocate(len(rows), sum(len(segments) for _, _, _, segments in rows), max_legs, max_nodes)
        self.shift = shift
        total = quantity + sum(minimum + capacity for minimum, capacity, _, _ in rows)
        if not 0 <= total < 1 << 50:
            raise OverflowError("too many lots")
        self.quantity = quantity
        cdef int at = 0, index = 0
        for minimum, capacity, fixed, segments in rows:
            if fixed << shift >= 1 << 62 or (minimum and fixed and fixed >= 1 << 61):
                raise OverflowError("fixed cost")
            self.rows[index].minimum, self.rows[index].capacity, self.rows[index].fixed = minimum, capacity, fixed
            self.rows[index].first = at
            for cost, lots in segments:
                if abs(cost) << shift >= 1 << 62:
                    raise OverflowError("cost of a lot")
                self.cost[at], self.lots[at] = cost << shift, lots
                at += 1
            self.rows[index].last = at
            self.prepare(&self.rows[index])
            index += 1


cdef class Live(Search):
    """Rows that are made again from one side of a venue's book whenever it changes; see `live.py`, whose terms these are.

    Prices in units of the route's price step, sizes in grains, `step` grains a lot; a grain at price p costs
    p × factor + offset.
    """

    cdef Terms* terms
    cdef Side* sides
    cdef int64_t* raw   # costs, not scaled
    cdef list names
    cdef bint buy, ready

    def __cinit__(self, list names, int64_t quantity, bint buy, int max_legs, int max_nodes):
        cdef int count = len(names)
        self.names = names
        self.allocate(count, count * 2 * MAX_LEVELS, max_legs, max_nodes)
        self.terms = <Terms*>PyMem_Malloc(max(1, count) * sizeof(Terms))
        self.sides = <Side*>PyMem_Malloc(max(1, count) * sizeof(Side))
        self.raw = <int64_t*>PyMem_Malloc(max(1, count * 2 * MAX_LEVELS) * sizeof(int64_t))
        if not (self.terms and self.sides and self.raw):
            raise MemoryError
        if not 0 <= quantity < <int64_t>1 << 43:
            raise OverflowError("too many lots")
        self.quantity, self.buy, self.shift, self.ready = quantity, buy, -1, False
        for index in range(count):
            self.sides[index].count, self.sides[index].stale = 0, True
            self.rows[index].first = self.rows[index].last = 0
            self.rows[index].minimum, self.rows[index].capacity, self.rows[index].fixed = 1, 0, 0

    def __dealloc__(self):
        PyMem_Free(self.terms)
        PyMem_Free(self.sides)
        PyMem_Free(self.raw)

    def set_terms(
        self, int index, int64_t step, int64_t minimum, int64_t capacity, int64_t fixed, int64_t factor, int64_t offset,
        int64_t bound, int64_t tick
    ):
        """`minimum` in lots, `capacity` in grains, `bound` the worst price that may be used. OverflowError for numbers
        that do not fit."""
        cdef Terms* terms = &self.terms[index]
        if not 0 <= fixed < <int64_t>1 << 61 or not 0 <= capacity < <int64_t>1 << 50 or minimum >= <int64_t>1 << 43:
            raise OverflowError("terms")
        terms.step, terms.minimum, terms.capacity, terms.fixed = step, minimum, capacity, fixed
        terms.factor, terms.offset, terms.bound, terms.tick = factor, offset, bound, tick

    def update(self, int index, array prices, array sizes, int64_t price_by, int64_t size_by):
        """Takes a side, best first; what it is times `price_by` and `size_by` is in the route's units. OverflowError
        when its numbers do not fit: the row is empty then."""
        cdef int at, last = <int>min(len(prices), MAX_LEVELS + 1)
        cdef int64_t* price = <int64_t*>prices.data.as_longlongs
        cdef int64_t* size = <int64_t*>sizes.data.as_longlongs
        cdef Side* side = &self.sides[index]
        cdef bint fits = len(prices) == len(sizes) and last <= MAX_LEVELS
        if prices.ob_descr.typecode != 113 or sizes.ob_descr.typecode != 113:
            raise TypeError("arrays of 64-bit integers ('q') are wanted")
        side.count, side.stale, self.ready = 0, True, False
        if fits:
            for at in range(last):
                fits = fits and small_product(price[at], price_by, &side.prices[at])
                fits = fits and small_product(size[at], size_by, &side.sizes[at])
            if fits and self.fill(index, last):
                side.count = last
                return
        self.rows[index].capacity = 0
        raise OverflowError("a side that does not fit")

    def solve(self):
        """[(name, grains, limit price), ...] of the rows used, lots filled, cost; None when too many nodes are needed.
        OverflowError when the costs do not fit."""
        cdef int index, outcome
        cdef int64_t grains
        cdef list legs
        if not self.ready and not self.scale():
            raise OverflowError("cost of a lot")
        outcome = self.search()   # shorter than handing over the interpreter's lock
        if outcome == TOO_LARGE:
            return None
        legs = []
        for index in range(self.count):
            if self.best.lots[index]:
                grains = self.best.lots[index] * self.terms[index].step
                legs.append((self.names[index], grains, self.limit(index, grains)))
        return legs, self.best.filled, to_int(self.best_cost)

    cdef bint fill(self, int index, int count) noexcept nogil:
        """`books._book` and `grid._row`: lots and unscaled costs of what may be used. False: a number does not fit."""
        cdef Terms* terms = &self.terms[index]
        cdef Side* side = &self.sides[index]
        cdef Row* row = &self.rows[index]
        cdef int64_t left = terms.capacity, held = 0, size, take, capacity = 0
        cdef wide unit, cost, held_cost = 0, largest = 0
        cdef int at, out = index * 2 * MAX_LEVELS
        row.first = out
        row.minimum, row.fixed = terms.minimum, terms.fixed
        for at in range(count):
            if left <= 0:
                break
            if side.prices[at] > terms.bound if self.buy else side.prices[at] < terms.bound:
                break
            size = side.sizes[at] if side.sizes[at] < left else left
            left -= size
            unit = <wide>side.prices[at] * terms.factor + terms.offset
            if unit >= <wide>1 << 62 or -unit >= <wide>1 << 62:
                return False
            if held:
                take = terms.step - held if terms.step - held < size else size
                held, held_cost, size = held + take, held_cost + unit * take, size - take
                if held < terms.step:
                    continue
                if not self.put(&out, held_cost, 1, &largest):
                    return False
                capacity += 1
                held = held_cost = 0
            take = size // terms.step
            if take:
                if not self.put(&out, unit * terms.step, take, &largest):
                    return False
                capacity += take
            size -= take * terms.step
            if size:
                held, held_cost = size, unit * size
        row.capacity = capacity if capacity >= terms.minimum else 0
        row.last = out
        side.largest = <int64_t>largest if row.capacity else 0
        if row.capacity and terms.fixed > side.largest:
            side.largest = terms.fixed
        return True

    cdef bint put(self, int* out, wide cost, int64_t lots, wide* largest) noexcept nogil:
        cdef wide size = cost if cost >= 0 else -cost
        if size >= <wide>1 << 62:
            return False
        self.raw[out[0]] = <int64_t>cost
        self.lots[out[0]] = lots
        out[0] += 1
        if size > largest[0]:
            largest[0] = size
        return True

    cdef bint scale(self) noexcept nogil:
        """Costs times 2^shift, `solver.slope_shift`; rows that did not change keep theirs while the shift stays."""
        cdef int64_t largest = 1
        cdef int index, at, shift
        cdef bint moved
        cdef Row* row
        for index in range(self.count):
            if self.sides[index].count and self.sides[index].largest > largest:
                largest = self.sides[index].largest
        shift = __builtin_clzll(largest) - 2   # 62 - its bits
        shift = 32 if shift > 32 else 0 if shift < 0 else shift
        moved, self.shift = shift != self.shift, shift
        for index in range(self.count):
            if self.sides[index].stale or moved:
                row = &self.rows[index]
                if <wide>row.fixed << shift >= <wide>1 << 62:
                    self.shift = -1
                    return False
                for at in range(row.first, row.last):
                    self.cost[at] = self.raw[at] << shift
                self.sides[index].stale = False
                self.prepare(row)
        self.ready = True
        return True

    cdef int64_t limit(self, int index, int64_t grains) noexcept nogil:
        """The price of the worst level used, put on tick outward."""
        cdef Side* side = &self.sides[index]
        cdef int64_t price = 0, rest, tick = self.terms[index].tick
        cdef int at
        for at in range(side.count):
            price = side.prices[at]
            grains -= side.sizes[at]
            if grains <= 0:
                break
        rest = price % tick
        if rest:
            price += tick - rest if self.buy else -rest
        return price
