"""Noise that is a pure function of (key, time): the same on every machine and in whatever order it is asked for."""

_MASK = (1 << 64) - 1


def mix(key: int) -> int:
    """splitmix64's finaliser: 64 well-mixed bits of a 64-bit key."""
    key = (key + 0x9E3779B97F4A7C15) & _MASK
    key = ((key ^ (key >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    key = ((key ^ (key >> 27)) * 0x94D049BB133111EB) & _MASK
    return key ^ (key >> 31)


def uniform(*parts: int) -> float:
    """A number in [0, 1) that belongs to these integers."""
    key = 0
    for part in parts:
        key = mix(key ^ (part & _MASK))
    return (key >> 11) / (1 << 53)


def text_key(text: str) -> int:
    key = 0
    for byte in text.encode():
        key = mix(key ^ byte)
    return key


class ValueNoise:
    """Sum of octaves of linearly interpolated lattice noise; the octave of period P has amplitude ∝ √P, which makes
    the spread of its increments grow with the square root of time, as a price's does. `value` is in units of one
    second's spread, roughly."""

    def __init__(self, key: int, periods_s: tuple[int, ...]) -> None:
        self._octaves = tuple((period, float(period) ** 0.5, mix(key ^ period)) for period in periods_s)
        self._cells: list[tuple[int, float, float]] = [(-(1 << 60), 0.0, 0.0)] * len(periods_s)

    def value(self, seconds: float) -> float:
        total = 0.0
        for index, (period, amplitude, key) in enumerate(self._octaves):
            position = seconds / period
            cell = int(position // 1)
            if self._cells[index][0] != cell:
                self._cells[index] = (cell, 2 * uniform(key, cell) - 1, 2 * uniform(key, cell + 1) - 1)
            _, left, right = self._cells[index]
            total += amplitude * (left + (right - left) * (position - cell))
        return total
