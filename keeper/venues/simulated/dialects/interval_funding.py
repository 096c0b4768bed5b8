"""Funding settled every N hours, N by symbol: the Binance family's convention.

`F = (P + clamp(0.01% − P, ±0.05%)) / (8 / N)`, P the average premium of the N hours (Binance's formula; N = 8 is the
original). On a tape with recorded hourly rates the settlement hour's rate counts N times. Rates have 8 decimals.
"""

from collections.abc import Callable

from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.funding import Funding, RateRow
from keeper.venues.simulated.tape.recording import HOUR_MS

STEP = 100  # of rates × 1e10: 8 decimals
CAP = 3 * 10**8  # 3% a settlement either way


class IntervalFunding(Funding):
    """The engine's funding, settled at the hours of the day that `hours_of(coin)` divides."""

    hours_of: Callable[[str], int]

    def pay_due(self, now_ms: int) -> None:
        if self._due_ms is None or now_ms < self._due_ms:
            return
        stamp, self._due_ms = self._due_ms, None
        hour = stamp // HOUR_MS
        for market, premium in zip(self._state.markets, self._premiums, strict=True):
            if market.halted or hour % self.hours_of(market.spec.coin):
                continue
            asset = market.spec.index
            rate = self.rate(asset, hour * HOUR_MS)
            premium.history.append(RateRow(stamp, rate, premium.average))
            premium.total = premium.count = 0
            for account in self._state.accounts.values():
                if account.size(asset):
                    self._pay(account, asset, rate, stamp)

    def rate(self, asset: int, hour_ms: int) -> int:
        hours = self.hours_of(self._state.spec(asset).coin)
        whole = super().rate(asset, hour_ms) * hours
        rounded = round(whole / STEP) * STEP
        return max(-CAP, min(CAP, rounded))


def settle_every(venue: Venue, hours_of: Callable[[str], int]) -> None:
    """Makes a fresh venue settle each coin's funding at its own interval, in hours."""
    funding = venue._funding
    replaced = IntervalFunding(funding._state, funding._recording, funding._scale, funding._tape_ms)
    replaced.hours_of = hours_of
    venue._funding = replaced


def next_settlement_ms(now_ms: int, hours: int) -> int:
    """The first settlement instant after now."""
    span = hours * HOUR_MS
    return (now_ms // span + 1) * span
