"""TWAP orders: an immediate-or-cancel slice every 30 s, at most 3% from the middle of the book.

What a slice could not fill is caught up by later ones, each at most three times the usual size.
"""

from dataclasses import dataclass

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.events import TwapChanged
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import OrderRequest, TimeInForce
from keeper.venues.simulated.state import State
from keeper.venues.simulated.tape.noise import uniform
from keeper.venues.simulated.trading import OrderDesk
from keeper.venues.simulated.units import MICRO, AssetSpec, ceil_to_tick, floor_to_tick

SLICE_MS = 30_000
MINUTE_MS = 60_000
LEAST_MINUTES, MOST_MINUTES = 5, 1_440
MIN_NOTIONAL = 100 * MICRO
CATCH_UP = 3
SLIPPAGE = 0.03
JITTER = 0.2
NEVER_PLACED = "TWAP was never placed, already canceled, or filled."


@dataclass
class Twap:
    """`status`: activated, finished, terminated or error; `executed_ntl` micro-USDC."""

    id: int
    account: str
    spec: AssetSpec
    is_buy: bool
    lots: int
    reduce_only: bool
    minutes: int
    randomize: bool
    start_ms: int
    executed: int = 0
    executed_ntl: int = 0
    slices: int = 0
    status: str = "activated"
    status_ms: int = 0

    @property
    def count(self) -> int:
        return self.minutes * MINUTE_MS // SLICE_MS

    def due(self, now_ms: int) -> bool:
        return self.status == "activated" and now_ms >= self.start_ms + self.slices * SLICE_MS

    def next_lots(self, seed: int) -> int:
        """What the plan is behind by, at most CATCH_UP slices; one in random order is off by up to a fifth."""
        planned = self.lots * (self.slices + 1) // self.count
        usual = -(-self.lots // self.count)
        behind = planned - self.executed
        if self.randomize and self.slices + 1 < self.count:
            behind = int(behind * (1 - JITTER + 2 * JITTER * uniform(seed, self.id, self.slices)))
        return max(0, min(behind, CATCH_UP * usual, self.lots - self.executed))


class TwapDesk:
    def __init__(self, state: State, desk: OrderDesk) -> None:
        self._state, self._desk = state, desk
        self.all: list[Twap] = []

    def start(
        self,
        account: Account,
        spec: AssetSpec,
        *,
        is_buy: bool,
        lots: int,
        reduce_only: bool,
        minutes: int,
        randomize: bool,
    ) -> Twap:
        """VenueError in the venue's words when it may not begin. The first slice goes out at once."""
        if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise VenueError(f"Invalid TWAP duration: {minutes} min(s)")
        market = self._state.market(spec.index)
        if lots * market.mark < MIN_NOTIONAL:
            raise VenueError(f"Order must have minimum value of $100. asset={spec.index}")
        now = self._state.now_ms
        twap = Twap(
            len(self.all) + 1, account.address, spec, is_buy, lots, reduce_only, minutes, randomize, now, status_ms=now
        )
        self.all.append(twap)
        self._changed(twap)
        self.run_due()
        return twap

    def cancel(self, account: Account, asset: int, number: int) -> str | None:
        twap = self.find(number)
        if twap is None or twap.account != account.address or twap.spec.index != asset or twap.status != "activated":
            return NEVER_PLACED
        self._end(twap, "terminated")
        return None

    def find(self, number: int) -> Twap | None:
        return self.all[number - 1] if 1 <= number <= len(self.all) else None

    def of(self, account: str) -> list[Twap]:
        return [twap for twap in self.all if twap.account == account]

    def run_due(self) -> None:
        for twap in self.all:
            while twap.due(self._state.now_ms):
                self._slice(twap, self._state.market(twap.spec.index))

    def _slice(self, twap: Twap, market: Market) -> None:
        account = self._state.accounts[twap.account]
        lots = twap.next_lots(self._state.options.seed)
        twap.slices += 1
        if lots and not market.faults.halted:
            away = market.mid * (1 + SLIPPAGE if twap.is_buy else 1 - SLIPPAGE)
            price = (floor_to_tick if twap.is_buy else ceil_to_tick)(away, twap.spec.unit)
            request = OrderRequest(twap.spec, twap.is_buy, price, lots, TimeInForce.IOC, twap.reduce_only)
            order = self._desk.new_order(account, request)
            order.twap_id = twap.id
            self._desk.enter(account, order)
            done = order.original - order.lots
            twap.executed += done
            twap.executed_ntl += sum(fill.price * fill.lots for fill in account.fills[-50:] if fill.oid == order.oid)
        if twap.executed >= twap.lots or twap.slices >= twap.count:
            self._end(twap, "finished")

    def _end(self, twap: Twap, status: str) -> None:
        twap.status, twap.status_ms = status, self._state.now_ms
        self._changed(twap)

    def _changed(self, twap: Twap) -> None:
        self._state.events.append(TwapChanged(twap.account, twap.id))
