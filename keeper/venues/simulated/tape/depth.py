"""The synthetic depth of one coin: what the house offers around the tape's mid.

Two facts are recorded per coin: the mid and, per side, the *impact price*, the average price of taking the impact
notional (20,000 USDC for BTC and ETH, 6,000 elsewhere). The tighter side's impact price is taken as its best price,
mirrored for the other; the impact notional is spread evenly, in size, between the best price and as far beyond the
impact price, so that its average is the impact price to within a tick. Beyond that the notional within d basis points
of the mid is `A × d^e`: e and A fitted to recorded BTC books, A scaled by each coin's recorded daily volume.
Synthetic: the levels' spacing, and sizes that breathe ±25% every few seconds with the venue's seed.
"""

from dataclasses import dataclass

from keeper.venues.simulated.tape.noise import text_key, uniform
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO, ceil_to_tick, floor_to_tick, tick_of

IMPACT_USD_MAJOR = 20_000
IMPACT_USD = 6_000
MAJORS = ("BTC", "ETH")
NEAR_LEVELS = 8
FAR_LEVELS = 36
FIRST_STEP_BPS = 0.24
STEP_GROWTH = 1.18
BREATH_MS = 4_000


@dataclass(frozen=True)
class Level:
    """`price` in price units, `lots`, and how many orders the level pretends to be."""

    price: int
    lots: int
    orders: int


class DepthModel:
    """In price units and lots of the coin; `scale` multiplies every size, the impact notional included."""

    def __init__(self, recording: Recording, index: int, scale: float, seed: int) -> None:
        spec, snapshot = recording.specs[index], recording.snapshots[index]
        self._unit = spec.unit
        self._key = text_key(spec.coin) ^ (seed << 8)
        dollar = MICRO * WEI_PER_MICRO if spec.is_spot else MICRO  # what price × lots counts of a dollar
        self.impact_micro = int((IMPACT_USD_MAJOR if spec.coin in MAJORS else IMPACT_USD) * dollar * scale)
        volume = float(snapshot.day_notional) / recording.reference_notional
        self._growth_micro = recording.depth_usd_at_1bp * volume * dollar * scale
        self._exponent = recording.depth_exponent
        self._half_spread = self._impact_bid = self._impact_ask = 0.0
        if snapshot.mid is not None and snapshot.impact_bid is not None and snapshot.impact_ask is not None:
            self._impact_bid = 1 - snapshot.impact_bid / snapshot.mid
            self._impact_ask = snapshot.impact_ask / snapshot.mid - 1
            self._half_spread = min(self._impact_bid, self._impact_ask)

    def best(self, mid: float) -> tuple[int, int]:
        """Best bid and ask for a mid in price units (a float: the mid may lie between ticks)."""
        bid = floor_to_tick(mid * (1 - self._half_spread), self._unit)
        ask = ceil_to_tick(mid * (1 + self._half_spread), self._unit)
        return bid, ask if ask > bid else ask + tick_of(ask, self._unit)

    def impact(self, mid: float) -> tuple[float, float]:
        """The impact bid and ask: average prices of selling and buying the impact notional, undisturbed."""
        bid, ask = self.best(mid)
        return min(float(bid), mid * (1 - self._impact_bid)), max(float(ask), mid * (1 + self._impact_ask))

    def ladder(self, mid: float, *, asks: bool, tape_ms: int) -> list[Level]:
        """One side of the undisturbed book, best first."""
        bid, ask = self.best(mid)
        best, target = (ask, self.impact(mid)[1]) if asks else (bid, self.impact(mid)[0])
        levels = self._near(best, target)
        outward = 1 if asks else -1
        edge, breath = levels[-1].price, tape_ms // BREATH_MS
        distance = abs(edge - mid) / mid * 1e4
        reached = distance**self._exponent
        step = FIRST_STEP_BPS
        if len(levels) == 1:  # nothing pins the size at the best price from above: it takes its share of the growth
            first = distance + tick_of(best, self._unit) / mid * 5e3
            extra = first**self._exponent * self._growth_micro * self._breath(asks, 0, breath) / best
            levels = [Level(best, levels[0].lots + int(extra), 2)]
            reached = first**self._exponent
        price = edge
        for number in range(1, FAR_LEVELS + 1):
            tick = tick_of(price, self._unit)
            distance = max(distance + step, (abs(price - mid) + tick) / mid * 1e4)
            step *= STEP_GROWTH
            exact = mid * (1 + outward * distance / 1e4)
            price = (
                max(price + tick, ceil_to_tick(exact, self._unit))
                if asks
                else min(price - tick, floor_to_tick(exact, self._unit))
            )
            if price <= 0:
                break
            grown = distance**self._exponent
            lots = int((grown - reached) * self._growth_micro * self._breath(asks, number, breath) / price)
            reached = grown
            if lots > 0:
                levels.append(Level(price, lots, 1 + number % 7))
        return levels

    def _near(self, best: int, target: float) -> list[Level]:
        """The impact notional, evenly from the best price to as far beyond the target."""
        tick = tick_of(best, self._unit)
        reach = int(2 * abs(target - best) / tick + 0.5)
        count = min(NEAR_LEVELS, reach + 1)
        outward = 1 if target >= best else -1
        lots = max(1, -int(-self.impact_micro / (count * target) // 1))
        prices = (
            [best] if count == 1 else [best + outward * tick * round(i * reach / (count - 1)) for i in range(count)]
        )
        return [Level(price, lots, 2) for price in prices]

    def _breath(self, asks: bool, number: int, breath: int) -> float:
        return 0.75 + 0.5 * uniform(self._key, int(asks), number, breath)
