"""A seat at one look."""

from dataclasses import dataclass

from keeper.chain.vault import VenueBook
from keeper.seats import Seat


@dataclass(slots=True)
class SeatView:
    """Amounts micro-USDC. `equity` is perp and spot together; `withdrawable` what the venue lets leave perp."""

    seat: Seat
    book: VenueBook
    equity: int
    spot: int
    margin_used: int
    withdrawable: int
    notional: int
    in_flight: bool
    cap: int = 0
