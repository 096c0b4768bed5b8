"""Funding: premium samples every 5 s, the rate, and the payment between the accounts and the house.

`F8 = P + clamp(0.0001 − P, ±0.0005)`, P the average of the interval's samples; the rate of an interval of n hours is
F8 × n / 8, at most 4% an hour either way; rates are × 1e10 integers. Every coin settles hourly unless the venue's
options give it another interval, which ends at the hours of the UTC day that it divides. On a builder-deployed dex the
interest is half. Where the venue's real rates of those hours were recorded, they (times the funding scale) are paid.
The prices of the full hour's instant are the ones paid on; the payment is stamped some tens of milliseconds later, as
at the venue, and fills stamped before it count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from keeper.venues.simulated.accounts import Account, FundingRow
from keeper.venues.simulated.events import FundingPaid
from keeper.venues.simulated.market import RATE_SCALE
from keeper.venues.simulated.state import State
from keeper.venues.simulated.tape.noise import uniform
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording

SAMPLE_MS = 5_000
INTEREST = RATE_SCALE // 10_000
CLAMP = RATE_SCALE // 2_000
CAP = RATE_SCALE // 25
STAMP_FIRST_MS = 20
STAMP_SPREAD_MS = 70


@dataclass(frozen=True, slots=True)
class RateRow:
    """One hour's rate and average premium, × 1e10, as fundingHistory shows them."""

    time_ms: int
    rate: int
    premium: int


@dataclass
class _Premium:
    total: int = 0
    count: int = 0
    history: list[RateRow] = field(default_factory=list)

    @property
    def average(self) -> int:
        return _toward_zero(self.total, self.count) if self.count else 0


def rate_from_premium(premium: int, hours: int = 1, interest: int = INTEREST) -> int:
    """The rate × 1e10 of an interval that an average premium × 1e10 makes."""
    eight_hours = premium + max(-CLAMP, min(CLAMP, interest - premium))
    return max(-CAP * hours, min(CAP * hours, _toward_zero(eight_hours * hours, 8)))


def payment(szi: int, oracle: int, rate: int) -> int:
    """What a position receives, micro-USDC: −szi × oracle × rate, rounded toward nought."""
    return _toward_zero(-szi * oracle * rate, RATE_SCALE)


def _toward_zero(numerator: int, denominator: int) -> int:
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


class Funding:
    """Samples and pays on the shared state. `tape_ms` maps business time to the tape's; `times_paid`: by address, how
    often a payment is made there, where that is not once."""

    def __init__(self, state: State, recording: Recording, scale: Decimal, tape_ms: Callable[[int], int]) -> None:
        self._state, self._recording, self._scale, self._tape_ms = state, recording, scale, tape_ms
        self._premiums = [_Premium() for _ in state.markets]
        self._dex_premiums = {market.spec.index: _Premium() for market in state.others if not market.spec.is_spot}
        self._due_ms: int | None = None
        self.flip = False
        self.times_paid: dict[str, int] = {}

    @property
    def pending(self) -> bool:
        """The hour has struck and its payment is not stamped yet: prices stand still until it is."""
        return self._due_ms is not None

    def _all_premiums(self) -> Iterator[tuple[int, _Premium]]:
        yield from enumerate(self._premiums)
        yield from self._dex_premiums.items()

    def _premium(self, asset: int) -> _Premium:
        return self._dex_premiums[asset] if asset in self._dex_premiums else self._premiums[asset]

    def sample(self) -> None:
        for asset, premium in self._all_premiums():
            market = self._state.market(asset)
            if not market.halted:
                premium.total += market.premium()
                premium.count += 1

    def strike(self, hour_ms: int) -> None:
        """The full hour: its payment becomes due a moment later."""
        self._due_ms = hour_ms + STAMP_FIRST_MS + int(STAMP_SPREAD_MS * uniform(self._state.options.seed, hour_ms))

    def pay_due(self, now_ms: int) -> None:
        if self._due_ms is None or now_ms < self._due_ms:
            return
        stamp, self._due_ms = self._due_ms, None
        for asset, premium in self._all_premiums():
            market = self._state.market(asset)
            if market.halted or stamp // HOUR_MS % self.hours(asset):
                continue
            rate = self.rate(asset, stamp // HOUR_MS * HOUR_MS)
            premium.history.append(RateRow(stamp, rate, premium.average))
            premium.total = premium.count = 0
            for account in self._state.accounts.values():
                if account.size(asset):
                    self._pay(account, asset, rate, stamp)

    def hours(self, asset: int) -> int:
        """Hours between two settlements of this coin."""
        return self._state.options.funding_hours.get(self._state.spec(asset).coin, 1)

    def next_ms(self, asset: int, now_ms: int) -> int:
        span = self.hours(asset) * HOUR_MS
        return (now_ms // span + 1) * span

    def rate(self, asset: int, hour_ms: int) -> int:
        """The rate × 1e10 settled at this full hour: recorded where it was recorded, else from the samples so far.
        Of the running interval, `hour_ms` is when it ends. `flip` turns it round."""
        hours = self.hours(asset)
        recorded = [self._recorded(asset, hour_ms - back * HOUR_MS) for back in range(hours)]
        if None in recorded:
            interest = INTEREST // 2 if self._state.spec(asset).dex else INTEREST
            rate = rate_from_premium(self._premium(asset).average, hours, interest)
        else:
            rate = sum(part for part in recorded if part is not None)
        scaled = int((Decimal(rate) * self._scale).to_integral_value())
        scaled = max(-CAP * hours, min(CAP * hours, scaled))
        return -scaled if self.flip else scaled

    def history(self, asset: int) -> list[RateRow]:
        return self._premium(asset).history

    def _recorded(self, asset: int, hour_ms: int) -> int | None:
        """The first recorded settlement at or after this instant of the tape."""
        rates = self._recording.funding.get(self._state.spec(asset).coin)
        hour = -((self._recording.funding_start_ms - self._tape_ms(hour_ms)) // HOUR_MS)
        return rates[max(0, hour)] if rates and hour < len(rates) else None

    def _pay(self, account: Account, asset: int, rate: int, stamp_ms: int) -> None:
        market, position = self._state.market(asset), account.positions[asset]
        row = FundingRow(stamp_ms, market.spec, payment(position.szi, market.oracle, rate), position.szi, rate)
        times = self.times_paid.get(account.address, 1)
        usdc = times * row.usdc
        if position.isolated_usd is None:
            account.pay(market.spec.dex, usdc)
        else:
            position.isolated_usd += usdc
        self._state.house.raw_usd -= usdc
        position.funding_since_open -= usdc
        position.funding_since_change -= usdc
        account.funding_paid[asset] = account.funding_paid.get(asset, 0) - usdc
        if times:
            account.fundings.append(row)
            self._state.events.append(FundingPaid(account.address, row))
