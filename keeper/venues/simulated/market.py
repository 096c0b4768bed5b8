"""One coin's market: prices at an instant, the house's depth around them, and the accounts' resting orders.

Depth that was taken comes back with a half-life of REFILL_HALF_LIFE_MS: the house's book less what is still missing,
counted from the best price outward.
"""

import math
from bisect import insort
from collections import deque
from dataclasses import dataclass

from keeper.venues.simulated.orders import Order, Trade
from keeper.venues.simulated.tape.depth import DepthModel, Level
from keeper.venues.simulated.tape.path import PricePath
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import nearest_tick

REFILL_HALF_LIFE_MS = 20_000
MARK_EMA_MS = 150_000
BOOK_EMA_MS = 30_000
RATE_SCALE = 10**10


@dataclass(slots=True)
class Taken:
    """Lots of one side that are still missing at `at_ms`."""

    lots: float = 0.0
    at_ms: int = 0

    def at(self, now_ms: int) -> int:
        if not self.lots:
            return 0
        left = self.lots * 0.5 ** ((now_ms - self.at_ms) / REFILL_HALF_LIFE_MS)
        return int(left)

    def add(self, lots: int, now_ms: int) -> None:
        self.lots, self.at_ms = self.at(now_ms) + float(lots), now_ms


class Ema:
    """num = num·exp(−t/τ) + sample·t, den likewise (the venue's own averages); starts saturated at `first`."""

    def __init__(self, first: float, tau_ms: int) -> None:
        self._tau_ms, self._value, self._weight = tau_ms, first, float(tau_ms)

    def update(self, sample: float, elapsed_ms: int) -> float:
        kept = self._weight * math.exp(-elapsed_ms / self._tau_ms)
        self._weight = kept + elapsed_ms
        if self._weight:
            self._value = (self._value * kept + sample * elapsed_ms) / self._weight
        return self._value


@dataclass(slots=True)
class MarketFaults:
    """What the admin port does to one coin: refuse its orders, show old oracle prices, keep a part of the depth."""

    halted: bool = False
    oracle_lag_ms: int = 0
    depth: float = 1.0


class Market:
    """Prices are in price units; `mid` is a float because it may lie between ticks, and nothing is booked at it."""

    def __init__(self, recording: Recording, index: int, *, basis_bps: float, depth_scale: float, seed: int) -> None:
        self.spec = recording.specs[index]
        self.snapshot = recording.snapshots[index]
        self._path = PricePath(recording, index)
        self._depth = DepthModel(recording, index, depth_scale, seed)
        self._shift = 1 + basis_bps / 1e4
        self.now_ms = 0
        self._tape_ms = 0
        self.mid = 0.0
        self.oracle = nearest_tick(self.snapshot.oracle * self.spec.unit, self.spec.unit)
        self.mark = nearest_tick(self.snapshot.mark * self.spec.unit * self._shift, self.spec.unit)
        self._premium_ema = Ema(self.mark - self.snapshot.oracle * self.spec.unit, MARK_EMA_MS)
        self._book_ema = Ema(float(self.mark), BOOK_EMA_MS)
        self._taken = {True: Taken(), False: Taken()}
        self._ladders: dict[bool, list[Level]] = {}
        self.bids: list[Order] = []
        self.asks: list[Order] = []
        self.triggers: list[Order] = []
        self.last_trade = 0
        self.trades: deque[Trade] = deque(maxlen=100)
        self.volume = 0
        self.base_volume = 0
        self.previous_mark = self.mark
        self.recorded_interest: int = round(float(self.snapshot.open_interest) * 10**self.spec.size_decimals)
        self.open_interest_cap: int | None = None
        self.faults = MarketFaults()
        self._oracles: deque[tuple[int, int]] = deque()

    @property
    def halted(self) -> bool:
        """No book and no trading for good: the coin is delisted."""
        return self.spec.delisted

    def move(self, tape_ms: int, now_ms: int) -> None:
        """Prices at this instant of the tape. The mark is the median of oracle + EMA150s(mid − oracle), the book's
        median of bid, ask and last trade, and, no other venue's mid existing here, EMA30s of the second."""
        if self.halted:
            return
        elapsed = now_ms - self.now_ms if self.now_ms else 0
        self.now_ms = now_ms
        self._tape_ms = tape_ms
        self._ladders.clear()
        exact = self._path.mid(tape_ms) * self.spec.unit
        self.mid = exact * self._shift
        oracle = exact / (1 + self._path.basis(tape_ms))
        self.oracle = self._lagging(nearest_tick(oracle, self.spec.unit), now_ms)
        bid, ask = self.best()
        middle = (bid + ask) / 2
        anchored = oracle + self._premium_ema.update(middle - oracle, elapsed)
        book = float(min(max(self.last_trade, bid), ask)) if self.last_trade else middle
        smooth = self._book_ema.update(book, elapsed)
        self.previous_mark = self.mark
        self.mark = nearest_tick(sorted((anchored, book, smooth))[1], self.spec.unit)

    def _lagging(self, oracle: int, now_ms: int) -> int:
        """The oracle price of `oracle_lag_ms` ago, or of the beginning of the lag."""
        self._oracles.append((now_ms, oracle))
        while len(self._oracles) > 1 and self._oracles[1][0] <= now_ms - self.faults.oracle_lag_ms:
            self._oracles.popleft()
        return self._oracles[0][1]

    def mid_at(self, tape_ms: int) -> int:
        """The tape's mid at any instant, rounded to a price unit."""
        return round(self._path.mid(tape_ms) * self.spec.unit * self._shift)

    def hold(self, now_ms: int) -> None:
        """Time passes, prices do not: only taken depth comes back."""
        self.now_ms = now_ms
        self._ladders.clear()

    def house_levels(self, *, asks: bool) -> list[Level]:
        """The house's offers on one side, best first, less what was taken and has not come back."""
        if self.halted:
            return []
        ladder = self._ladders.get(asks)
        if ladder is None:
            ladder = self._depth.ladder(self.mid, asks=asks, tape_ms=self._tape_ms)
            if self.faults.depth != 1:
                ladder = [Level(level.price, int(level.lots * self.faults.depth), level.orders) for level in ladder]
                ladder = [level for level in ladder if level.lots]
            missing = self._taken[asks].at(self.now_ms)
            for number, level in enumerate(ladder):
                if level.lots > missing:
                    ladder = [Level(level.price, level.lots - missing, level.orders), *ladder[number + 1 :]]
                    break
                missing -= level.lots
            else:
                ladder = []
            self._ladders[asks] = ladder
        return ladder

    def take(self, lots: int, *, asks: bool) -> None:
        """The house sold (asks) or bought this many lots of its depth."""
        self._taken[asks].add(lots, self.now_ms)
        self._ladders.pop(asks, None)

    def levels(self, *, asks: bool, limit: int = 20) -> list[Level]:
        """The whole book's side: the house's offers and the resting orders, summed per price, best first."""
        sums: dict[int, tuple[int, int]] = {
            level.price: (level.lots, level.orders) for level in self.house_levels(asks=asks)
        }
        for order in self.asks if asks else self.bids:
            lots, count = sums.get(order.price, (0, 0))
            sums[order.price] = (lots + order.lots, count + 1)
        prices = sorted(sums, reverse=not asks)[:limit]
        return [Level(price, *sums[price]) for price in prices]

    def best(self) -> tuple[int, int]:
        """Best bid and ask, resting orders included; a side that was taken whole shows its last undisturbed price."""
        bid, ask = self._depth.best(self.mid)
        disturbed = self.faults.depth != 1
        if (disturbed or self._taken[False].at(self.now_ms)) and (levels := self.house_levels(asks=False)):
            bid = levels[0].price
        if (disturbed or self._taken[True].at(self.now_ms)) and (levels := self.house_levels(asks=True)):
            ask = levels[0].price
        if self.bids:
            bid = max(bid, self.bids[0].price)
        if self.asks:
            ask = min(ask, self.asks[0].price)
        return bid, ask

    def impact_prices(self) -> tuple[float, float]:
        """Average prices of selling and of buying the impact notional in the book as it stands."""
        undisturbed = self._depth.impact(self.mid)
        collapsed = self.faults.depth != 1
        disturbed = [bool(self.bids) or collapsed, bool(self.asks) or collapsed]
        disturbed[0] |= self._taken[False].at(self.now_ms) > 0
        disturbed[1] |= self._taken[True].at(self.now_ms) > 0
        bid = self._average(asks=False) if disturbed[0] else undisturbed[0]
        ask = self._average(asks=True) if disturbed[1] else undisturbed[1]
        return bid, ask

    def _average(self, *, asks: bool) -> float:
        left, lots = self._depth.impact_micro, 0.0
        side = self.levels(asks=asks, limit=1_000)
        for level in side:
            here = min(left, level.price * level.lots)
            lots += here / level.price
            left -= here
            if not left:
                break
        return (self._depth.impact_micro - left) / lots if lots else self.mid

    def premium(self) -> int:
        """(max(impact bid − oracle, 0) − max(oracle − impact ask, 0)) / oracle, × 1e10; on a builder-deployed dex the
        middle of the impact prices against the oracle."""
        bid, ask = self.impact_prices()
        if self.spec.dex:
            return round(((bid + ask) / 2 / self.oracle - 1) * RATE_SCALE)
        return round((max(bid - self.oracle, 0) - max(self.oracle - ask, 0)) / self.oracle * RATE_SCALE)

    def rest(self, order: Order) -> None:
        """Puts an order behind those of the same price."""
        if order.is_buy:
            insort(self.bids, order, key=lambda resting: (-resting.price, resting.oid))
        else:
            insort(self.asks, order, key=lambda resting: (resting.price, resting.oid))

    def remove(self, order: Order) -> None:
        (self.bids if order.is_buy else self.asks).remove(order)
