"""Lanes by hand; `tests/property` packs random ones."""

import pytest

from keeper.errors import IntegrityError
from keeper.ledger import pack, unpack


def test_where_each_id_lies() -> None:
    words, pnl4 = pack({1: 5, 4: -1, 5: 7, 1024: 2, 9: 0})
    assert words == bytes([0, 1, 255])
    assert pnl4 == (5 | (2**64 - 1) << 192, 7, 2 << 192)
    assert unpack(words, pnl4) == {1: 5, 4: -1, 5: 7, 1024: 2}


@pytest.mark.parametrize(("deltas", "words"), [({0: 1}, "ids go"), ({1025: 1}, "ids go"), ({1: 2**63}, "int64")])
def test_what_does_not_fit_is_refused(deltas: dict[int, int], words: str) -> None:
    with pytest.raises(IntegrityError, match=words):
        pack(deltas)


def test_words_and_values_must_pair() -> None:
    with pytest.raises(IntegrityError, match="1 words, but 2 values"):
        unpack(b"\x00", [1, 2])
