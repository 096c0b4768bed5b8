# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A push of the `l2Book` channel from its text straight into arrays of whole numbers.

It takes the venue's own spelling alone: these keys, as the docs order them or by the alphabet (as recordings have
them), no blanks, plain decimals, best first. Whatever it does not know, or could not hold exactly, it leaves to the
decoder that takes any JSON: then the answer is None.
"""

from cpython.array cimport array, clone
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t
from libc.string cimport memchr, memcmp, memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    MOST_LEVELS = 64
    MOST_DIGITS = 18
    MOST_DECIMALS = 12
    MOST_WHOLE = 12      # digits before the point
    LONGEST_NAME = 64

cdef array TEMPLATE = array("q")
cdef int64_t POWERS[19]
cdef int _power
POWERS[0] = 1
for _power in range(1, 19):
    POWERS[_power] = POWERS[_power - 1] * 10

cdef struct Numbers:
    int64_t digits[2][MOST_LEVELS]   # bids, asks: the number without its point
    int decimals[2][MOST_LEVELS]
    int most, least                  # decimals


# Readers take where they are and where the text ends, and give where they came to: NULL for what they do not know.
# The last byte of the text is no digit, so that digits need no look at the end.


cdef inline const char* literal(const char* at, const char* end, const char* wanted, int length) noexcept nogil:
    return at + length if end - at >= length and not memcmp(at, wanted, length) else NULL


cdef inline const char* whole(const char* start, int64_t* number) noexcept nogil:
    """A JSON integer that is not negative, of at most MOST_DIGITS."""
    cdef const char* at = start
    cdef const char* last = start + MOST_DIGITS
    cdef int64_t found = 0
    cdef unsigned char digit = <unsigned char>(at[0] - 48)
    while digit <= 9 and at < last:
        found = found * 10 + digit
        at += 1
        digit = <unsigned char>(at[0] - 48)
    number[0] = found
    return at if at > start and (start[0] != 48 or at - start == 1) else NULL


cdef inline const char* decimal(const char* start, int64_t* digits, int* decimals) noexcept nogil:
    """A positive decimal without exponent, as whole digits and how many of them follow the point."""
    cdef const char* at = start
    cdef const char* last = start + MOST_WHOLE + 1
    cdef const char* point
    cdef int64_t found = 0
    cdef unsigned char digit = <unsigned char>(at[0] - 48)
    while digit <= 9 and at < last:
        found = found * 10 + digit
        at += 1
        digit = <unsigned char>(at[0] - 48)
    if at == start or at - start > MOST_WHOLE:
        return NULL
    decimals[0] = 0
    if at[0] == 46:
        point = at
        last = start + MOST_DIGITS + 1
        at += 1
        digit = <unsigned char>(at[0] - 48)
        while digit <= 9 and at < last:
            found = found * 10 + digit
            at += 1
            digit = <unsigned char>(at[0] - 48)
        decimals[0] = <int>(at - point - 1)
        if at == last or not 0 < decimals[0] <= MOST_DECIMALS:
            return NULL
    digits[0] = found
    return at if found > 0 else NULL


cdef inline const char* level(
    const char* at, const char* end, int side, int index, Numbers* prices, Numbers* sizes
) noexcept nogil:
    """One level, its count of orders first (as recordings have it) or last (as the docs have it)."""
    cdef int64_t orders
    cdef const char* after = literal(at, end, b'{"px":"', 7)
    cdef bint counted = after == NULL
    if counted:
        at = literal(at, end, b'{"n":', 5)
        if at == NULL:
            return NULL
        at = whole(at, &orders)
        if at == NULL:
            return NULL
        after = literal(at, end, b',"px":"', 7)
        if after == NULL:
            return NULL
    at = decimal(after, &prices.digits[side][index], &prices.decimals[side][index])
    if at == NULL:
        return NULL
    at = literal(at, end, b'","sz":"', 8)
    if at == NULL:
        return NULL
    at = decimal(at, &sizes.digits[side][index], &sizes.decimals[side][index])
    if at == NULL or counted:
        return literal(at, end, b'"}', 2) if at != NULL else NULL
    at = literal(at, end, b'","n":', 6)
    if at == NULL:
        return NULL
    at = whole(at, &orders)
    return literal(at, end, b"}", 1) if at != NULL else NULL


cdef inline void widen(Numbers* numbers, int decimals) noexcept nogil:
    if decimals > numbers.most:
        numbers.most = decimals
    if decimals < numbers.least:
        numbers.least = decimals


cdef const char* levels(
    const char* at, const char* end, int side, Numbers* prices, Numbers* sizes, int* count
) noexcept nogil:
    """All of one side, up to its closing bracket."""
    cdef int index = 0
    if at[0] != 93:
        while True:
            if index == MOST_LEVELS:
                return NULL
            at = level(at, end, side, index, prices, sizes)
            if at == NULL:
                return NULL
            widen(prices, prices.decimals[side][index])
            widen(sizes, sizes.decimals[side][index])
            index += 1
            if at == end or at[0] != 44:
                break
            at += 1
    count[0] = index
    return at


cdef bint align(Numbers* numbers, int index, int count) noexcept nogil:
    """All with the same number of decimals."""
    cdef int at, missing
    if numbers.least >= numbers.most:
        return True
    for at in range(count):
        missing = numbers.most - numbers.decimals[index][at]
        if missing:
            if numbers.digits[index][at] >= POWERS[MOST_DIGITS - missing]:
                return False
            numbers.digits[index][at] *= POWERS[missing]
    return True


cdef bint best_first(Numbers* prices, int count, int index) noexcept nogil:
    cdef int at
    for at in range(1, count):
        if index == 0 and prices.digits[0][at] >= prices.digits[0][at - 1]:
            return False
        if index == 1 and prices.digits[1][at] <= prices.digits[1][at - 1]:
            return False
    return True


cdef array filled(int64_t* numbers, int count):
    cdef array made = clone(TEMPLATE, count, False)
    memcpy(made.data.as_voidptr, numbers, count * sizeof(int64_t))
    return made


cdef const char* body(
    const char* at, const char* end, int64_t* time_ms, Numbers* prices, Numbers* sizes, int* counts
) noexcept nogil:
    """What follows the coin's name."""
    cdef const char* timed = literal(at, end, b',"time":', 8)
    if timed != NULL:
        at = whole(timed, time_ms)
        if at == NULL:
            return NULL
    at = literal(at, end, b',"levels":[[', 12)
    if at == NULL:
        return NULL
    at = levels(at, end, 0, prices, sizes, &counts[0])
    if at == NULL:
        return NULL
    at = literal(at, end, b"],[", 3)
    if at == NULL:
        return NULL
    at = levels(at, end, 1, prices, sizes, &counts[1])
    if at == NULL:
        return NULL
    at = literal(at, end, b"]]", 2)
    if at == NULL or timed != NULL:
        return at
    at = literal(at, end, b',"time":', 8)
    return whole(at, time_ms) if at != NULL else NULL


def scan(frame):
    """(coin, time in ms, decimals of prices, decimals of sizes, bid prices, bid sizes, ask prices, ask sizes) of a frame
    given as str, bytes or any buffer of bytes; None when it is not exactly such a push."""
    cdef const char* at
    cdef const char* end
    cdef const char* name
    cdef Py_ssize_t size, name_size, index
    cdef Numbers prices, sizes
    cdef int64_t time_ms = 0
    cdef int counts[2]
    cdef const unsigned char[::1] view
    if isinstance(frame, str):
        try:
            at = PyUnicode_AsUTF8AndSize(frame, &size)
        except UnicodeEncodeError:
            return None
    elif isinstance(frame, bytes):
        at, size = PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame)
    else:
        view = frame
        if not view.shape[0]:
            return None
        at, size = <const char*>&view[0], view.shape[0]
    end = at + size
    if not size or end[-1] != 125:
        return None
    name = literal(at, end, b'{"channel":"l2Book","data":{"coin":"', 36)
    if name == NULL:
        return None
    at = <const char*>memchr(name, 34, min(end - name, LONGEST_NAME))
    if at == NULL:
        return None
    name_size = at - name
    for index in range(name_size):
        if not 32 <= <unsigned char>name[index] < 127 or name[index] == 92:
            return None
    prices.most = sizes.most = 0
    prices.least = sizes.least = MOST_DIGITS
    at = body(at + 1, end, &time_ms, &prices, &sizes, counts)
    if at == NULL or end - at != 2 or at[0] != 125:
        return None
    for index in range(2):
        if not align(&prices, index, counts[index]) or not align(&sizes, index, counts[index]):
            return None
        if not best_first(&prices, counts[index], index):
            return None
    return (
        PyUnicode_DecodeASCII(name, name_size, NULL), time_ms, prices.most, sizes.most,
        filled(prices.digits[0], counts[0]), filled(sizes.digits[0], counts[0]),
        filled(prices.digits[1], counts[1]), filled(sizes.digits[1], counts[1]),
    )
