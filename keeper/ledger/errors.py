"""What makes one seat unusable without touching the others."""

from keeper.errors import IntegrityError


class SeatBrokenError(IntegrityError):
    """A seat's records do not explain its mark: freeze `venue`; the other seats can still be settled."""

    def __init__(self, venue: str, text: str) -> None:
        super().__init__(f"seat {venue}: {text}")
        self.venue = venue
