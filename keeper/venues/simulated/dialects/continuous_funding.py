"""Funding that never settles: an index grows all the time, a position owes what it grew by since it last changed.

`index += oracle × rate_8h × Δt / 8 h`, and a position gains `−size × Δindex` (Paradex docs, funding mechanism). The
money moves with every sample, so that an account's value is always right; it counts as *unrealised* until a fill
changes the position, which writes the payment row and makes it part of the cash balance.
"""

from dataclasses import dataclass

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.funding import SAMPLE_MS, Funding, RateRow
from keeper.venues.simulated.market import RATE_SCALE
from keeper.venues.simulated.orders import Fill
from keeper.venues.simulated.tape.recording import HOUR_MS

INDEX_SCALE = RATE_SCALE * HOUR_MS
"""The index counts price units × 1e10 × ms, so that a sample's step is a whole number."""


@dataclass(frozen=True)
class Payment:
    """A realised payment: micro-USDC received, the index at which, and the fill that realised it."""

    account: str
    asset: int
    time_ms: int
    amount: int
    index: int
    oid: int
    tid: int


@dataclass
class Accrual:
    """What a position has gained since its last change: exact, and what of it was paid in whole micro-dollars."""

    exact: int = 0
    paid: int = 0


class ContinuousFunding(Funding):
    """The engine's funding with an index per coin; `history` gets a row an hour, `hourly` the index then."""

    def start(self) -> None:
        self.indices = [0] * len(self._state.markets)
        self.hourly: list[list[int]] = [[] for _ in self._state.markets]
        self.payments: list[Payment] = []
        self._open: dict[tuple[str, int], Accrual] = {}

    @property
    def pending(self) -> bool:
        return False

    def sample(self) -> None:
        super().sample()
        now = self._state.now_ms
        for market in self._state.markets:
            if market.halted:
                continue
            asset = market.spec.index
            step = market.oracle * self.rate(asset, (now // HOUR_MS + 1) * HOUR_MS) * SAMPLE_MS
            self.indices[asset] += step
            for account in self._state.accounts.values():
                if account.size(asset):
                    self._accrue(account, asset, -account.size(asset) * step)

    def strike(self, hour_ms: int) -> None:
        """An hour's average premium starts anew; nothing is settled."""
        for market, premium in zip(self._state.markets, self._premiums, strict=True):
            if not market.halted:
                rate = self.rate(market.spec.index, hour_ms)
                premium.history.append(RateRow(hour_ms, rate, premium.average))
                premium.total = premium.count = 0
                self.hourly[market.spec.index].append(self.indices[market.spec.index])

    def _accrue(self, account: Account, asset: int, exact: int) -> None:
        accrual = self._open.setdefault((account.address, asset), Accrual())
        accrual.exact += exact
        whole = abs(accrual.exact) // INDEX_SCALE * (1 if accrual.exact >= 0 else -1)
        due, accrual.paid = whole - accrual.paid, whole
        account.raw_usd += due
        self._state.house.raw_usd -= due
        position = account.positions[asset]
        position.funding_since_open -= due
        position.funding_since_change -= due

    def unrealised(self, account: str, asset: int) -> int:
        """Micro-USDC that a position has gained since its last change."""
        accrual = self._open.get((account, asset))
        return accrual.paid if accrual else 0

    def realise(self, fill: Fill) -> None:
        """A fill changes the position: what it had gained becomes a payment; a rest below a micro-dollar lapses."""
        accrual = self._open.pop((fill.account, fill.spec.index), None)
        if accrual is not None and accrual.paid:
            index = self.indices[fill.spec.index]
            self.payments.append(
                Payment(fill.account, fill.spec.index, fill.time_ms, accrual.paid, index, fill.oid, fill.tid)
            )


def accrue_continuously(venue: Venue) -> ContinuousFunding:
    """Makes a fresh venue's funding continuous."""
    funding = venue._funding
    replaced = ContinuousFunding(funding._state, funding._recording, funding._scale, funding._tape_ms)
    replaced.start()
    venue._funding = replaced
    return replaced
