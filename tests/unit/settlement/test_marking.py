"""What is refused before a mark is sent to the chain."""

from decimal import Decimal
from typing import Any, cast

import pytest

from keeper.errors import ChainError
from keeper.ledger import Books
from keeper.model.venue_records import SeatPosition, SeatState
from keeper.seats import Seat
from keeper.settlement.marking import Marker

VENUE = "0x" + "5e" * 20


class Account:
    """A seat that somebody has traded a coin on which the settings do not name."""

    async def state(self) -> SeatState:
        held = SeatPosition(coin="DOGE", size=Decimal(10), entry_price=None, margin_used=1, leverage=1)
        return SeatState(
            venue=VENUE, time_ms=1, equity=0, cash=0, spot=0, margin_used=0, withdrawable=0, positions=(held,)
        )


async def test_a_coin_the_settings_do_not_name_leaves_the_seat_out() -> None:
    nothing = cast(Any, None)
    marker = Marker(vault=nothing, sender=nothing, read_logs=nothing, attest=nothing, books=Books(), instruments={})
    seat = Seat(
        venue=VENUE,
        name="hl-core",
        tier=1,
        base_target_bps=0,
        account=cast(Any, Account()),
        market=nothing,
        execution=nothing,
        core=cast(Any, object()),
    )
    with pytest.raises(ChainError, match="hl-core holds DOGE: add it"):
        await marker.take(seat, nothing)
