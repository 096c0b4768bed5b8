"""Our own verification on the Stark curve, against StarkWare's signing code that ccxt carries along."""

import pytest

from keeper.venues.simulated.dialects.paradex import curve

KEY, DIGEST = 0x1234567890ABCDEF1234567890ABCDEF, 0x6D3E1F0A5B7C


@pytest.fixture(scope="module")
def signed() -> tuple[int, int, int]:
    """A public key and a signature of DIGEST by KEY."""
    from ccxt.static_dependencies.starkware.crypto.signature import (  # type: ignore[import-untyped]
        private_to_stark_key,
        sign,
    )

    r, s = sign(DIGEST, KEY)
    return private_to_stark_key(KEY), r, s


def test_the_generator_is_on_the_curve_and_has_the_order() -> None:
    x, y, _ = curve.GENERATOR
    assert (y * y - pow(x, 3) - x - curve.BETA) % curve.PRIME == 0
    assert curve.square_root(x) in (y, curve.PRIME - y)
    assert curve.multiply(curve.GENERATOR, curve.ORDER) is None
    one_less = curve.multiply(curve.GENERATOR, curve.ORDER - 1)
    assert curve.add(one_less, curve.GENERATOR) is None


def test_a_good_signature_verifies_and_no_other_does(signed: tuple[int, int, int]) -> None:
    key, r, s = signed
    assert curve.verify(DIGEST, r, s, key)
    assert not curve.verify(DIGEST + 1, r, s, key)
    assert not curve.verify(DIGEST, r + 1, s, key)
    assert not curve.verify(DIGEST, r, curve.ORDER, key)
    assert not curve.verify(DIGEST, 0, s, key)
    other = curve.multiply(curve.GENERATOR, 77)
    assert other is not None
    x = other[0] * pow(other[2], -2, curve.PRIME) % curve.PRIME
    assert not curve.verify(DIGEST, r, s, x)


def test_an_x_that_is_on_no_point_is_no_key(signed: tuple[int, int, int]) -> None:
    off = next(x for x in range(2, 50) if curve.square_root(x) is None)
    assert not curve.verify(DIGEST, signed[1], signed[2], off)
