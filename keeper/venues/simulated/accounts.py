"""Accounts: perpetual cash, positions, spot balances, and the margin arithmetic over them (all integers).

`raw_usd` is cash with every cross position's cost taken off: cross value = raw_usd + Σ szi × mark. An isolated position
carries its own `isolated_usd` of the same kind. Each builder-deployed exchange (dex) has a cash pool of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from keeper.venues.simulated.orders import Fill, Order
from keeper.venues.simulated.tiers import maintenance
from keeper.venues.simulated.units import WEI_PER_MICRO, AssetSpec, dex_of

DEFAULT_LEVERAGE = 20
UNIFIED = 2
_EXACT_LIMIT = 1 << 128


@dataclass(slots=True)
class Position:
    """`szi` in lots, signed. `entry` is the exact average entry price in price units; it does not change when the
    position shrinks. The cumulative fundings are micro-USDC, positive = paid. `isolated_usd` is None when cross."""

    szi: int = 0
    entry: Fraction = Fraction(0)
    leverage: int = 1
    funding_since_open: int = 0
    funding_since_change: int = 0
    isolated_usd: int | None = None

    @property
    def entry_price(self) -> int:
        """The average entry truncated to a price unit: what the venue shows and what closed PnL is counted from
        (219 of 221 recorded round trips agree to the micro-dollar, with the exact average 136)."""
        return self.entry.numerator // self.entry.denominator

    @property
    def entry_ntl(self) -> int:
        """Cost of the open size, micro-USDC, unsigned."""
        return int(self.entry * abs(self.szi))

    @property
    def cost(self) -> int:
        """The same with the position's sign."""
        return self.entry_ntl if self.szi > 0 else -self.entry_ntl

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
class Holding:
    """A spot token's wei, and what they cost in USDC wei."""

    wei: int = 0
    cost: int = 0


@dataclass(slots=True)
class Account:
    """One address's balances and records. `net_in` is the micro-USDC (spot included) that came in less what went out;
    `volumes` per UTC day micro-USDC as [taker, maker], spot counted twice; `master` names a sub-account's owner."""

    address: str
    raw_usd: int = 0
    spot_wei: int = 0
    positions: dict[int, Position] = field(default_factory=dict)
    leverage: dict[int, int] = field(default_factory=dict)
    isolated: set[int] = field(default_factory=set)
    dex_usd: dict[int, int] = field(default_factory=dict)
    holdings: dict[int, Holding] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    by_cloid: dict[str, int] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    fundings: list[FundingRow] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    funding_paid: dict[int, int] = field(default_factory=dict)
    volumes: dict[int, list[int]] = field(default_factory=dict)
    volume: int = 0
    requests: int = 0
    reserved: int = 0
    abstraction: int = 0
    master: str | None = None
    name: str = ""
    net_in: int = 0
    history: list[tuple[int, int, int]] = field(default_factory=list)
    builders: dict[str, int] = field(default_factory=dict)
    referrer: str | None = None
    big_blocks: bool = False
    always_cross: bool = False

    def size(self, asset: int) -> int:
        position = self.positions.get(asset)
        return position.szi if position else 0

    def leverage_of(self, spec: AssetSpec) -> int:
        return self.leverage.get(spec.index, min(DEFAULT_LEVERAGE, spec.max_leverage))

    def is_isolated(self, spec: AssetSpec) -> bool:
        return not self.always_cross and (spec.isolated_only or spec.index in self.isolated)

    def position_to_trade(self, spec: AssetSpec) -> Position:
        return self.positions.setdefault(spec.index, Position(leverage=self.leverage_of(spec)))

    def open_positions(self, dex: int = 0) -> Iterable[tuple[int, Position]]:
        """Of one dex."""
        return (
            (asset, position) for asset, position in self.positions.items() if position.szi and dex_of(asset) == dex
        )

    def cash(self, dex: int = 0) -> int:
        return self.dex_usd.get(dex, 0) if dex else self.raw_usd

    def pay(self, dex: int, micro: int) -> None:
        """Adds to (or, negative, takes from) a dex's cash."""
        if dex:
            self.dex_usd[dex] = self.dex_usd.get(dex, 0) + micro
        else:
            self.raw_usd += micro

    def holding(self, token: int) -> Holding:
        return self.holdings.setdefault(token, Holding())

    def spot_total(self, token: int) -> int:
        """Wei of a token; token 0 is USDC."""
        if token == 0:
            return self.spot_wei
        return self.holdings[token].wei if token in self.holdings else 0

    def spot_hold(self, token: int) -> int:
        """Wei that the resting spot orders have reserved."""
        held = 0
        for order in self.open_orders.values():
            base = order.spec.base
            if base is None or order.waits:
                continue
            if order.is_buy and token == 0:
                held += order.price * order.lots
            elif not order.is_buy and base.index == token:
                held += order.lots * base.lot
        return held


Mark = Callable[[int], int]


def account_value(account: Account, mark: Mark, dex: int = 0) -> int:
    value = account.cash(dex)
    for asset, position in account.open_positions(dex):
        value += position.szi * mark(asset) + (position.isolated_usd or 0)
    return value


def raw_usd(account: Account, dex: int = 0) -> int:
    """Cash of the dex, the isolated positions' own included."""
    return account.cash(dex) + sum(position.isolated_usd or 0 for _, position in account.open_positions(dex))


def cross_value(account: Account, mark: Mark, dex: int = 0) -> int:
    """What the cross positions live on. In unified mode the spot dollars count too."""
    value = account.cash(dex)
    if account.abstraction == UNIFIED and not dex:
        value += (account.spot_wei - account.spot_hold(0)) // WEI_PER_MICRO
    for asset, position in account.open_positions(dex):
        if position.isolated_usd is None:
            value += position.szi * mark(asset)
    return value


def notional(account: Account, mark: Mark, dex: int = 0) -> int:
    return sum(abs(position.szi) * mark(asset) for asset, position in account.open_positions(dex))


def cross_notional(account: Account, mark: Mark, dex: int = 0) -> int:
    return sum(
        abs(position.szi) * mark(asset)
        for asset, position in account.open_positions(dex)
        if position.isolated_usd is None
    )


def position_margin(position: Position, price: int) -> int:
    """Initial margin at the position's leverage, rounded down to a micro-dollar; all its equity when isolated."""
    if position.isolated_usd is not None:
        return position.isolated_usd + position.szi * price
    return abs(position.szi) * price // position.leverage


def margin_used(account: Account, mark: Mark, dex: int = 0) -> int:
    return sum(position_margin(position, mark(asset)) for asset, position in account.open_positions(dex))


def cross_margin_used(account: Account, mark: Mark, dex: int = 0) -> int:
    return sum(
        position_margin(position, mark(asset))
        for asset, position in account.open_positions(dex)
        if position.isolated_usd is None
    )


def cross_maintenance(account: Account, mark: Mark, spec: Callable[[int], AssetSpec], dex: int = 0) -> int:
    return sum(
        maintenance(spec(asset), abs(position.szi) * mark(asset))
        for asset, position in account.open_positions(dex)
        if position.isolated_usd is None
    )


def withdrawable(account: Account, mark: Mark, dex: int = 0) -> int:
    """What the venue shows: account value less margin used, never below nought."""
    return max(0, cross_value(account, mark, dex) - cross_margin_used(account, mark, dex))


def transferable(account: Account, mark: Mark, dex: int = 0) -> int:
    """What may really leave: account value less max(initial margin, a tenth of the notional)."""
    needed = max(cross_margin_used(account, mark, dex), -(-cross_notional(account, mark, dex) // 10))
    value = cross_value(account, mark, dex)
    if account.abstraction == UNIFIED and not dex:
        value -= (account.spot_wei - account.spot_hold(0)) // WEI_PER_MICRO
    return max(0, value - needed)


def margin_with_orders(account: Account, mark: Mark, spec: AssetSpec, signed_lots: int) -> int:
    """Margin asked of the dex's cross value if the resting orders and one more of `signed_lots` filled, on each coin's
    costlier side. An isolated position has its margin already: only what the orders would add to it is counted."""
    extremes = {asset: [position.szi, position.szi] for asset, position in account.open_positions(spec.dex)}
    leverages = {asset: position.leverage for asset, position in account.open_positions(spec.dex)}
    own = {
        asset: abs(position.szi)
        for asset, position in account.open_positions(spec.dex)
        if position.isolated_usd is not None
    }
    for order in account.open_orders.values():
        if not order.reduce_only and not order.spec.is_spot and not order.waits and order.spec.dex == spec.dex:
            _widen(extremes, order.spec.index, order.lots if order.is_buy else -order.lots)
            leverages.setdefault(order.spec.index, account.leverage_of(order.spec))
    _widen(extremes, spec.index, signed_lots)
    leverages.setdefault(spec.index, account.leverage_of(spec))
    return sum(
        max(0, max(abs(long), abs(short)) - own.get(asset, 0)) * mark(asset) // leverages[asset]
        for asset, (long, short) in extremes.items()
    )


def _widen(extremes: dict[int, list[int]], asset: int, signed_lots: int) -> None:
    extremes.setdefault(asset, [0, 0])[0 if signed_lots > 0 else 1] += signed_lots
