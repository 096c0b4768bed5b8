"""The table of an order's life is the whole truth about it."""

import pytest

from keeper.errors import IntegrityError
from keeper.model.orders import TRANSITIONS, OrderStatus, transition


def test_every_step_is_either_in_the_table_or_refused() -> None:
    for before in OrderStatus:
        for after in OrderStatus:
            if after in TRANSITIONS[before]:
                assert transition("0x1", before, after) is after
            else:
                with pytest.raises(IntegrityError, match=f"order 0x1: {before} -> {after}"):
                    transition("0x1", before, after)


def test_an_end_is_an_end() -> None:
    ended = {status for status in OrderStatus if status.closed}
    assert ended == {"filled", "partial", "unfilled", "refused"}


def test_nothing_is_filled_before_a_leg_was_sent() -> None:
    for before in (OrderStatus.ACCEPTED, OrderStatus.ROUTING):
        assert not TRANSITIONS[before] & {OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED}
