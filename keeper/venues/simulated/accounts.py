"""Accounts: perpetual cash, positions, spot dollars, and the margin arithmetic over them (all integers).

`raw_usd` is cash with every position's cost taken off, as the venue reports it: account value = raw_usd + Σ szi × mark.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from keeper.venues.simulated.orders import Fill, Order
from keeper.venues.simulated.units import AssetSpec

DEFAULT_LEVERAGE = 20
_EXACT_LIMIT = 1 << 128


@dataclass(slots=True)
class Position:
    """`szi` in lots, signed. `entry` is the exact average entry price in price units; it does not change when the
    position shrinks. The cumulative fundings are micro-USDC, positive = paid."""

    szi: int = 0
    entry: Fraction = Fraction(0)
    leverage: int = 1
    funding_since_open: int = 0
    funding_since_change: int = 0

    @property
    def entry_price(self) -> int:
        """The average entry truncated to a price unit: what the venue shows and what closed PnL is counted from
        (219 of 221 recorded round trips agree to the micro-dollar, with the exact average 136)."""
        return self.entry.numerator // self.entry.denominator

    @property
    def entry_ntl(self) -> int:
        """Cost of the open size, micro-USDC, unsigned."""
        return int(self.entry * abs(self.szi))

    def apply(self, signed_lots: int, price: int) -> int:
        """Trades `signed_lots` at `price`; returns the closed PnL in micro-USDC."""
        before, after = self.szi, self.szi + signed_lots
        closed = min(abs(before), abs(signed_lots)) if before * signed_lots < 0 else 0
        pnl = (price - self.entry_price) * closed * (1 if before > 0 else -1)
        if before * after <= 0 and before != 0:
            self.funding_since_open = 0
        if after == 0:
            self.entry = Fraction(0)
        elif before * after <= 0:
            self.entry = Fraction(price)
        elif closed == 0:
            self.entry = _bounded((self.entry * abs(before) + price * abs(signed_lots)) / abs(after))
        self.szi = after
        self.funding_since_change = 0
        return pnl


def _bounded(value: Fraction) -> Fraction:
    """Keeps a long-lived position's average from growing without end; exact for any realistic number of fills."""
    return value if value.denominator < _EXACT_LIMIT else Fraction(int(value * 10**24), 10**24)


def direction(before: int, signed_lots: int) -> str:
    """The venue's words for what a fill does to a position."""
    after = before + signed_lots
    if before * after < 0:
        return "Long > Short" if before > 0 else "Short > Long"
    if before == 0 or before * signed_lots > 0:
        return "Open Long" if signed_lots > 0 else "Open Short"
    return "Close Long" if before > 0 else "Close Short"


@dataclass(frozen=True, slots=True)
class FundingRow:
    """`usdc` micro-USDC received (negative = paid); `rate` × 1e10."""

    time_ms: int
    spec: AssetSpec
    usdc: int
    szi: int
    rate: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A movement that is neither a fill nor funding; `delta` is the venue's JSON for it."""

    time_ms: int
    hash: str
    delta: dict[str, Any]


@dataclass(slots=True)
class Account:
    """One address's balances and records."""

    address: str
    raw_usd: int = 0
    spot_wei: int = 0
    positions: dict[int, Position] = field(default_factory=dict)
    leverage: dict[int, int] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    by_cloid: dict[str, int] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    fundings: list[FundingRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    funding_paid: dict[int, int] = field(default_factory=dict)
    volume: int = 0
    requests: int = 0
    abstraction: int = 0

    def size(self, asset: int) -> int:
        position = self.positions.get(asset)
        return position.szi if position else 0

    def leverage_of(self, spec: AssetSpec) -> int:
        return self.leverage.get(spec.index, min(DEFAULT_LEVERAGE, spec.max_leverage))

    def position_to_trade(self, spec: AssetSpec) -> Position:
        return self.positions.setdefault(spec.index, Position(leverage=self.leverage_of(spec)))

    def open_positions(self) -> Iterable[tuple[int, Position]]:
        return ((asset, position) for asset, position in self.positions.items() if position.szi)


Mark = Callable[[int], int]


def account_value(account: Account, mark: Mark) -> int:
    return account.raw_usd + sum(position.szi * mark(asset) for asset, position in account.open_positions())


def notional(account: Account, mark: Mark) -> int:
    return sum(abs(position.szi) * mark(asset) for asset, position in account.open_positions())


def margin_used(account: Account, mark: Mark) -> int:
    """Initial margin of the open positions at their leverage, each rounded down to a micro-dollar."""
    return sum(abs(position.szi) * mark(asset) // position.leverage for asset, position in account.open_positions())


def withdrawable(account: Account, mark: Mark) -> int:
    """What the venue shows: account value less margin used, never below nought."""
    return max(0, account_value(account, mark) - margin_used(account, mark))


def transferable(account: Account, mark: Mark) -> int:
    """What may really leave: account value less max(initial margin, a tenth of the notional)."""
    needed = max(margin_used(account, mark), -(-notional(account, mark) // 10))
    return max(0, account_value(account, mark) - needed)


def margin_with_orders(account: Account, mark: Mark, spec: AssetSpec, signed_lots: int) -> int:
    """Initial margin if the resting orders and one more of `signed_lots` filled, on each coin's costlier side."""
    extremes = {asset: [position.szi, position.szi] for asset, position in account.open_positions()}
    leverages = {asset: position.leverage for asset, position in account.open_positions()}
    for order in account.open_orders.values():
        if not order.reduce_only:
            _widen(extremes, order.spec.index, order.lots if order.is_buy else -order.lots)
            leverages.setdefault(order.spec.index, account.leverage_of(order.spec))
    _widen(extremes, spec.index, signed_lots)
    leverages.setdefault(spec.index, account.leverage_of(spec))
    return sum(
        max(abs(long), abs(short)) * mark(asset) // leverages[asset] for asset, (long, short) in extremes.items()
    )


def _widen(extremes: dict[int, list[int]], asset: int, signed_lots: int) -> None:
    extremes.setdefault(asset, [0, 0])[0 if signed_lots > 0 else 1] += signed_lots
