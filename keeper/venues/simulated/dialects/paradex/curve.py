"""ECDSA over the Stark curve, verification only: y² = x³ + x + b over the field of 2^251 + 17·2^192 + 1 elements.

Parameters as published by StarkWare. Points in Jacobian coordinates, None = the point at infinity.
"""

PRIME = 2**251 + 17 * 2**192 + 1
ORDER = 3618502788666131213697322783095070105526743751716087489154079457884512865583
BETA = 3141592653589793238462643383279502884197169399375105820974944592307816406665
GENERATOR = (
    874739451078007766457464989774322083649278607533249481151382481072868806602,
    152666792071518830868575557812948353041420400780739481342941381225525861407,
    1,
)

Point = tuple[int, int, int] | None


def verify(digest: int, r: int, s: int, public_key: int) -> bool:
    """Whether (r, s) signs `digest` under the key with this x coordinate (of its two points either may be meant)."""
    if not (0 < r < ORDER and 0 < s < ORDER and 0 <= digest < PRIME):
        return False
    y = square_root(public_key)
    if y is None:
        return False
    inverse = pow(s, -1, ORDER)
    base, scale = multiply(GENERATOR, digest * inverse % ORDER), r * inverse % ORDER
    keyed = multiply((public_key, y, 1), scale)
    opposite = None if keyed is None else (keyed[0], -keyed[1] % PRIME, keyed[2])
    return any(_has_x(add(base, point), r) for point in (keyed, opposite))


def square_root(x: int) -> int | None:
    """A y with (x, y) on the curve, None when there is none (Tonelli–Shanks: the field has 2^192 | p − 1)."""
    square = (pow(x, 3, PRIME) + x + BETA) % PRIME
    if pow(square, (PRIME - 1) // 2, PRIME) != 1:
        return None
    odd, twos = (PRIME - 1) >> 192, 192
    while odd % 2 == 0:
        odd, twos = odd >> 1, twos + 1
    unit, root, rest = pow(3, odd, PRIME), pow(square, (odd + 1) // 2, PRIME), pow(square, odd, PRIME)
    while rest != 1:
        power, probe = 0, rest
        while probe != 1:
            probe, power = probe * probe % PRIME, power + 1
        step = pow(unit, 1 << (twos - power - 1), PRIME)
        unit, twos = step * step % PRIME, power
        root, rest = root * step % PRIME, rest * unit % PRIME
    return root


def multiply(point: Point, times: int) -> Point:
    result: Point = None
    while times:
        if times & 1:
            result = add(result, point)
        point, times = double(point), times >> 1
    return result


def double(point: Point) -> Point:
    if point is None or point[1] == 0:
        return None
    x, y, z = point
    squared = y * y % PRIME
    four = 4 * x * squared % PRIME
    slope = (3 * x * x + pow(z, 4, PRIME)) % PRIME
    across = (slope * slope - 2 * four) % PRIME
    return across, (slope * (four - across) - 8 * squared * squared) % PRIME, 2 * y * z % PRIME


def add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return right if left is None else left
    (x1, y1, z1), (x2, y2, z2) = left, right
    u1, u2 = x1 * z2 * z2 % PRIME, x2 * z1 * z1 % PRIME
    s1, s2 = y1 * pow(z2, 3, PRIME) % PRIME, y2 * pow(z1, 3, PRIME) % PRIME
    if u1 == u2:
        return double(left) if s1 == s2 else None
    run, rise = (u2 - u1) % PRIME, (s2 - s1) % PRIME
    run2 = run * run % PRIME
    run3, middle = run * run2 % PRIME, u1 * run2 % PRIME
    x = (rise * rise - run3 - 2 * middle) % PRIME
    return x, (rise * (middle - x) - s1 * run3) % PRIME, run * z1 * z2 % PRIME


def _has_x(point: Point, r: int) -> bool:
    if point is None:
        return False
    return point[0] * pow(point[2], -2, PRIME) % PRIME % ORDER == r
