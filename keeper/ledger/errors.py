"""What makes one seat unusable without touching the others."""

from keeper.errors import IntegrityError
from keeper.model.venue_records import Fill


class SeatBrokenError(IntegrityError):
    """A seat's records do not explain its mark: freeze `venue`; the other seats can still be settled."""

    def __init__(self, venue: str, text: str) -> None:
        super().__init__(f"seat {venue}: {text}")
        self.venue = venue


def unowned_text(fill: Fill) -> str:
    """Why a fill freezes its seat (H1)."""
    return f"unowned fill: {fill.coin} trade {fill.tid}, client order id {fill.cloid} derives from no order"
