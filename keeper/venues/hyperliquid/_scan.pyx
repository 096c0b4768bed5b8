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

cdef const char* HEAD = b'{"channel":"l2Book","data":{"coin":"'
cdef const char* TIME = b',"time":'
cdef const char* LEVELS = b',"levels":[['
cdef const char* PRICE = b'"px":"'
cdef const char* SIZE = b'","sz":"'
cdef const char* COUNT = b'","n":'
cdef const char* COUNT_FIRST = b'{"n":'
cdef const char* NEXT = b'],['
cdef const char* END = b']]'

cdef array TEMPLATE = array("q")
cdef int64_t POWERS[19]
cdef int _power
POWERS[0] = 1
for _power in range(1, 19):
    POWERS[_power] = POWERS[_power - 1] * 10

cdef struct Text:
    const char* at
    const char* end

cdef struct Numbers:
    int64_t digits[2][MOST_LEVELS]   # bids, asks: the number without its point
    int decimals[2][MOST_LEVELS]
    int most


cdef inline bint literal(Text* text, const char* wanted, int length) noexcept nogil:
    if text.end - text.at < length or memcmp(text.at, wanted, length):
        return False
    text.at += length
    return True


cdef inline bint whole(Text* text, int64_t* number) noexcept nogil:
    """A JSON integer that is not negative."""
    cdef const char* start = text.at
    cdef int64_t found = 0
    while text.at < text.end and 48 <= text.at[0] <= 57 and text.at - start < MOST_DIGITS:
        found = found * 10 + (text.at[0] - 48)
        text.at += 1
    number[0] = found
    return text.at > start and (start[0] != 48 or text.at - start == 1)


cdef inline bint decimal(Text* text, int64_t* digits, int* decimals) noexcept nogil:
    """A positive decimal without exponent, as whole digits and how many of them follow the point."""
    cdef const char* start = text.at
    cdef const char* point = NULL
    cdef int64_t found = 0
    while text.at < text.end and text.at - start <= MOST_DIGITS:
        if 48 <= text.at[0] <= 57:
            found = found * 10 + (text.at[0] - 48)
        elif text.at[0] == 46 and point == NULL and text.at > start:
            point = text.at
        else:
            break
        text.at += 1
    digits[0] = found
    decimals[0] = <int>(text.at - point - 1) if point != NULL else 0
    if text.at - start > MOST_DIGITS or found <= 0 or decimals[0] > MOST_DECIMALS:
        return False
    if point == NULL:
        return text.at - start <= MOST_WHOLE
    return decimals[0] > 0 and point - start <= MOST_WHOLE


cdef bint side(Text* text, int index, Numbers* prices, Numbers* sizes, int* count) noexcept nogil:
    cdef int64_t orders
    cdef int at = 0
    cdef bint counted
    while text.at < text.end and text.at[0] != 93:
        if at == MOST_LEVELS or (at and not literal(text, b",", 1)):
            return False
        counted = literal(text, COUNT_FIRST, 5)
        if counted:
            if not whole(text, &orders) or not literal(text, b",", 1):
                return False
        elif not literal(text, b"{", 1):
            return False
        if not literal(text, PRICE, 6) or not decimal(text, &prices.digits[index][at], &prices.decimals[index][at]):
            return False
        if not literal(text, SIZE, 8) or not decimal(text, &sizes.digits[index][at], &sizes.decimals[index][at]):
            return False
        if counted:
            if not literal(text, b'"}', 2):
                return False
        elif not literal(text, COUNT, 6) or not whole(text, &orders) or not literal(text, b"}", 1):
            return False
        if prices.decimals[index][at] > prices.most:
            prices.most = prices.decimals[index][at]
        if sizes.decimals[index][at] > sizes.most:
            sizes.most = sizes.decimals[index][at]
        at += 1
    count[0] = at
    return True


cdef bint align(Numbers* numbers, int index, int count) noexcept nogil:
    """All with the same number of decimals."""
    cdef int at, missing
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


def scan(frame):
    """(coin, time in ms, decimals of prices, decimals of sizes, bid prices, bid sizes, ask prices, ask sizes) of a frame
    given as str, bytes or any buffer of bytes; None when it is not exactly such a push."""
    cdef Text text
    cdef Py_ssize_t size
    cdef Numbers prices, sizes
    cdef int64_t time_ms = 0
    cdef bint timed
    cdef int counts[2]
    cdef const char* name
    cdef Py_ssize_t name_size, at
    cdef const unsigned char[::1] view
    if isinstance(frame, str):
        try:
            text.at = PyUnicode_AsUTF8AndSize(frame, &size)
        except UnicodeEncodeError:
            return None
    elif isinstance(frame, bytes):
        text.at, size = PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame)
    else:
        view = frame
        if not view.shape[0]:
            return None
        text.at, size = <const char*>&view[0], view.shape[0]
    text.end = text.at + size
    if not literal(&text, HEAD, 36):
        return None
    name = text.at
    text.at = <const char*>memchr(name, 34, min(text.end - name, LONGEST_NAME))
    if text.at == NULL:
        return None
    name_size = text.at - name
    for at in range(name_size):
        if not 32 <= <unsigned char>name[at] < 127 or name[at] == 92:
            return None
    prices.most = sizes.most = 0
    text.at += 1
    timed = literal(&text, TIME, 8)
    if timed and not whole(&text, &time_ms):
        return None
    if not literal(&text, LEVELS, 12) or not side(&text, 0, &prices, &sizes, &counts[0]) or not literal(&text, NEXT, 3):
        return None
    if not side(&text, 1, &prices, &sizes, &counts[1]) or not literal(&text, END, 2):
        return None
    if not timed and (not literal(&text, TIME, 8) or not whole(&text, &time_ms)):
        return None
    if not literal(&text, b"}}", 2) or text.at != text.end:
        return None
    for at in range(2):
        if not align(&prices, at, counts[at]) or not align(&sizes, at, counts[at]):
            return None
        if not best_first(&prices, counts[at], at):
            return None
    return (
        PyUnicode_DecodeASCII(name, name_size, NULL), time_ms, prices.most, sizes.most,
        filled(prices.digits[0], counts[0]), filled(sizes.digits[0], counts[0]),
        filled(prices.digits[1], counts[1]), filled(sizes.digits[1], counts[1]),
    )
