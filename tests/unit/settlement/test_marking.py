"""What is refused before a mark is sent to the chain."""

from decimal import Decimal
from typing import Any, cast

import pytest

from keeper.chain.vault import SeatVenueState
from keeper.errors import ChainError
from keeper.ledger import Books
from keeper.model.events import LedgerRowSeen
from keeper.model.venue_records import LedgerRow, SeatPosition, SeatState
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


class Clean:
    """A venue at which nothing is held, and its contract, to which nothing has come."""

    async def now_ms(self) -> int:
        return 10_000

    async def contexts(self) -> dict[str, Any]:
        return {}

    async def block_at(self, time_s: int) -> int:
        return 1

    async def state(self, block: int | None = None) -> SeatVenueState:
        return SeatVenueState(
            attestor="", deposit_address="", sent_total=500, collected_total=0, returned_total=0, last_nonce=0
        )


async def test_a_seat_is_not_marked_while_its_cash_is_on_its_way_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look like a loss, and the attestors would sign it."""
    monkeypatch.setattr("keeper.settlement.marking.ATTEST_PATIENCE_S", 0.0)
    books, asked = Books(), []

    async def attest(*sheet: Any) -> bytes:
        asked.append(sheet)
        return b""

    async def collect() -> None:
        row = LedgerRow(venue=VENUE, kind="withdraw", time_ms=1, amount=-100, fee=1, reference="0x1")
        if not books.has_row(row):
            books.apply(1, LedgerRowSeen(row=row))

    nothing, clean = cast(Any, None), cast(Any, Clean())
    marker = Marker(vault=nothing, sender=nothing, read_logs=nothing, attest=attest, books=books, instruments={})
    seat = Seat(
        venue=VENUE,
        name="hl-seat",
        tier=2,
        base_target_bps=0,
        account=nothing,
        market=clean,
        execution=nothing,
        attested=clean,
    )
    with pytest.raises(ChainError, match="99 micro-USDC are on their way home"):
        await marker.take(seat, collect)
    assert asked == []
