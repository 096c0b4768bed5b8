"""scheduleCancel: at a time the account chose, everything it has open is withdrawn."""

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.orders import OrderStatus
from keeper.venues.simulated.state import State
from keeper.venues.simulated.trading import OrderDesk
from keeper.venues.simulated.units import MICRO, usdc_text

LEAST_AHEAD_MS = 5_000
TRIGGERS_A_DAY = 10
VOLUME = 1_000_000 * MICRO
DAY_MS = 86_400_000


class Scheduled:
    def __init__(self, state: State, desk: OrderDesk) -> None:
        self._state, self._desk = state, desk
        self._due: dict[str, int] = {}
        self._used: dict[tuple[str, int], int] = {}

    def set(self, account: Account, time_ms: int | None) -> None:
        """None unsets. VenueError for too little volume traded, too soon, or the day's triggers used up."""
        if time_ms is None:
            self._due.pop(account.address, None)
            return
        if account.volume < VOLUME:
            traded = usdc_text(account.volume).removesuffix(".0")
            raise VenueError(
                "Cannot set scheduled cancel time until enough volume traded. "
                f"Required: ${VOLUME // MICRO}. Traded: ${traded}."
            )
        if time_ms < self._state.now_ms + LEAST_AHEAD_MS:
            raise VenueError("Scheduled cancel time must be at least 5 seconds in the future.")
        if self._used.get((account.address, self._state.now_ms // DAY_MS), 0) >= TRIGGERS_A_DAY:
            raise VenueError("Too many scheduled cancels triggered today.")
        self._due[account.address] = time_ms

    def run_due(self) -> None:
        now = self._state.now_ms
        for address in [address for address, due in self._due.items() if due <= now]:
            key = (address, self._due.pop(address) // DAY_MS)
            self._used[key] = self._used.get(key, 0) + 1
            self._desk.cancel_all(self._state.accounts[address], OrderStatus.SCHEDULED_CANCEL)
