"""Liquidation in stages, and auto-deleveraging.

Equity below maintenance: the account's orders go, then market orders close its positions, of one above 100,000 USDC
only a fifth, and all of it when that was not enough within 30 s. Below two thirds of maintenance: the backstop vault
takes the positions at the mark with the margin that is left. Below nought, or when the vault could not carry them: the
winners on the other side are closed against it at the previous mark, the best ranked first, and the vault makes up what
is missing. An isolated position goes through the same stages by itself. (Hyperliquid docs: liquidations, ADL.)
"""

from collections.abc import Callable
from dataclasses import dataclass

from keeper.venues.simulated.accounts import UNIFIED, Account, Position, cross_maintenance, cross_value
from keeper.venues.simulated.booking import Booking
from keeper.venues.simulated.events import Liquidated
from keeper.venues.simulated.orders import Liquidation, Order, OrderRequest, OrderStatus, TimeInForce
from keeper.venues.simulated.state import INSURANCE, State
from keeper.venues.simulated.tiers import maintenance, maintenance_divisor
from keeper.venues.simulated.trading import OrderDesk
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO, ceil_to_tick, decimal_text, floor_to_tick, usdc_text

PARTIAL_ABOVE = 100_000 * MICRO
PARTIAL_SHARE = 5
COOLDOWN_MS = 30_000


@dataclass(frozen=True)
class Group:
    """What is liquidated together: an account's cross positions of a dex, or one isolated position."""

    account: Account
    dex: int
    assets: tuple[int, ...]
    isolated: bool
    equity: int
    needed: int


class Liquidator:
    """`run` once a block; `deleverage` also on command."""

    def __init__(self, state: State, desk: OrderDesk, booking: Booking) -> None:
        self._state, self._desk, self._booking = state, desk, booking
        self._partial_ms: dict[tuple[str, int, bool], int] = {}
        self._announced_ms: dict[tuple[str, tuple[int, ...]], int] = {}
        self._count = 0

    def run(self) -> None:
        for account in list(self._state.accounts.values()):
            if account.address == INSURANCE:
                continue
            for group in self.groups(account):
                if group.equity < group.needed:
                    self._stage(group)

    def groups(self, account: Account) -> list[Group]:
        found: list[Group] = []
        mark, spec = self._state.mark, self._state.spec
        for dex in (0, *account.dex_usd):
            positions = list(account.open_positions(dex))
            crossed = tuple(asset for asset, position in positions if position.isolated_usd is None)
            if crossed:
                needed = cross_maintenance(account, mark, spec, dex)
                found.append(Group(account, dex, crossed, False, cross_value(account, mark, dex), needed))
            for asset, position in positions:
                if position.isolated_usd is not None:
                    value = abs(position.szi) * mark(asset)
                    equity = position.isolated_usd + position.szi * mark(asset)
                    found.append(Group(account, dex, (asset,), True, equity, maintenance(spec(asset), value)))
        return found

    def _stage(self, group: Group) -> None:
        self._announce(group)
        if group.account.abstraction == UNIFIED and not group.dex:  # its spot dollars are collateral
            micro = group.account.spot_wei // WEI_PER_MICRO
            group.account.spot_wei -= micro * WEI_PER_MICRO
            group.account.raw_usd += micro
        if 3 * group.equity < 2 * group.needed:
            if group.equity < 0 or not self._vault_can_carry(group):
                self._wipe_out(group)
            else:
                self._backstop(group)
            return
        self._cancel_orders(group)
        for asset in sorted(group.assets, key=self._notional_of(group), reverse=True):
            now = next((fresh for fresh in self.groups(group.account) if asset in fresh.assets), None)
            if now is None or now.equity >= now.needed:
                return
            self._close_at_market(now, asset)

    def _notional_of(self, group: Group) -> Callable[[int], int]:
        return lambda asset: abs(group.account.size(asset)) * self._state.mark(asset)

    def _announce(self, group: Group) -> None:
        """Once per liquidation, however many blocks it takes."""
        key = (group.account.address, group.assets)
        if self._state.now_ms - self._announced_ms.get(key, -COOLDOWN_MS) < COOLDOWN_MS:
            return
        self._announced_ms[key] = self._state.now_ms
        self._count += 1
        notional = sum(map(self._notional_of(group), group.assets))
        liquidator = INSURANCE
        self._state.events.append(Liquidated(group.account.address, liquidator, self._count, notional, group.equity))
        delta = {
            "type": "liquidation",
            "liquidatedNtlPos": usdc_text(notional),
            "accountValue": usdc_text(group.equity),
            "leverageType": "Isolated" if group.isolated else "Cross",
            "liquidatedPositions": [
                {
                    "coin": self._state.spec(asset).coin,
                    "szi": decimal_text(group.account.size(asset), self._state.spec(asset).size_decimals),
                }
                for asset in group.assets
            ],
        }
        self._state.record(group.account, delta, self._state.hash_of("liquidation", self._count))

    def _cancel_orders(self, group: Group) -> None:
        """Of a cross group everything in its dex, of an isolated one that coin's."""
        for order in list(group.account.open_orders.values()):
            if order.oid not in group.account.open_orders or order.spec.is_spot:
                continue
            if order.spec.index in group.assets or (not group.isolated and order.spec.dex == group.dex):
                self._desk.withdraw(order, OrderStatus.LIQUIDATED_CANCELED, by_venue=True)

    def _close_at_market(self, group: Group, asset: int) -> None:
        market = self._state.market(asset)
        size = group.account.size(asset)
        lots = abs(size)
        key = (group.account.address, asset, group.isolated)
        within = self._state.now_ms - self._partial_ms.get(key, -COOLDOWN_MS) < COOLDOWN_MS
        if lots * market.mark > PARTIAL_ABOVE and not within:
            self._partial_ms[key] = self._state.now_ms
            lots = -(-lots // PARTIAL_SHARE)
        price = self._worst_price(group, asset)
        request = OrderRequest(market.spec, size < 0, price, lots, TimeInForce.LIQUIDATION_MARKET, reduce_only=True)
        order: Order = self._desk.new_order(group.account, request)
        order.liquidated = True
        self._desk.enter(group.account, order)

    def _worst_price(self, group: Group, asset: int) -> int:
        """Where the group's equity would be nought: a market order does not make an account owe."""
        market, size = self._state.market(asset), group.account.size(asset)
        spec = market.spec
        if size > 0:
            return ceil_to_tick(max(1.0, market.mark - group.equity / size), spec.unit)
        return floor_to_tick(market.mark + group.equity / -size, spec.unit)

    # --- backstop and auto-deleveraging -----------------------------------------------------------------------

    def _vault_can_carry(self, group: Group) -> bool:
        """Its equity with what it takes over covers maintenance of all its positions."""
        vault = self._state.open_account(INSURANCE)
        mark, spec = self._state.mark, self._state.spec
        needed = cross_maintenance(vault, mark, spec, group.dex)
        equity = cross_value(vault, mark, group.dex) + (vault.cash() if group.dex else 0)
        return equity + group.equity >= needed + group.needed

    def _backstop(self, group: Group) -> None:
        """Positions at the mark, and all the margin, to the vault."""
        self._cancel_orders(group)
        vault = self._state.open_account(INSURANCE)
        for asset in group.assets:
            size = group.account.size(asset)
            market = self._state.market(asset)
            legs = (group.account, vault) if size < 0 else (vault, group.account)
            words = f"Liquidated {'Isolated' if group.isolated else 'Cross'} {'Long' if size > 0 else 'Short'}"
            liquidation = Liquidation(group.account.address, market.mark, "backstop")
            before = group.account.cash(group.dex)
            self._booking.forced(market, market.mark, legs, abs(size), words, liquidation)
            if group.isolated:
                self._to_vault(group.account, group.dex, group.account.cash(group.dex) - before)
        if not group.isolated:
            self._to_vault(group.account, group.dex, group.account.cash(group.dex))

    def _to_vault(self, account: Account, dex: int, micro: int) -> None:
        account.pay(dex, -micro)
        self._state.open_account(INSURANCE).pay(dex, micro)

    def _wipe_out(self, group: Group) -> None:
        """Closes the positions against the winners; what is then missing, the vault pays."""
        self._cancel_orders(group)
        before = group.account.cash(group.dex)
        for asset in group.assets:
            self.deleverage(group.account, asset, abs(group.account.size(asset)))
        after = group.account.cash(group.dex)
        missing = after - before if group.isolated else after
        if missing < 0:
            self._to_vault(group.account, group.dex, missing)

    def deleverage(self, account: Account, asset: int, lots: int) -> int:
        """Closes `lots` of an account's position against the best ranked of the other side, the house last, at the
        previous mark. Returns the lots closed."""
        size = account.size(asset)
        left = min(lots, abs(size))
        for winner in self.ranked(asset, short=size > 0):
            taken = min(left, abs(winner.size(asset)))
            if taken:
                self._deleverage(account, winner, asset, taken)
                left -= taken
        if left:
            self._deleverage(account, self._state.house, asset, left)
        return min(lots, abs(size))

    def _deleverage(self, account: Account, winner: Account, asset: int, lots: int) -> None:
        market = self._state.market(asset)
        legs = (winner, account) if account.size(asset) > 0 else (account, winner)
        liquidation = Liquidation(account.address, market.mark, "adl")
        self._booking.forced(market, market.previous_mark, legs, lots, "Auto-Deleveraging", liquidation)

    def ranked(self, asset: int, *, short: bool) -> list[Account]:
        """The other side's accounts, the first to be deleveraged first: (mark / entry) × (notional / account value), of
        shorts entry / mark."""
        holders = [
            account
            for account in self._state.accounts.values()
            if account.address != INSURANCE and (account.size(asset) < 0 if short else account.size(asset) > 0)
        ]
        return sorted(holders, key=lambda account: (-self.score(account, asset), account.address))

    def score(self, account: Account, asset: int) -> float:
        mark, position = self._state.mark(asset), account.positions[asset]
        gain = mark / float(position.entry) if position.szi > 0 else float(position.entry) / mark
        equity = cross_value(account, self._state.mark, self._state.spec(asset).dex)
        if position.isolated_usd is not None:
            equity = position.isolated_usd + position.szi * mark
        return gain * abs(position.szi) * mark / max(1, equity)


def price_without_margin(price: float, side: int, size: float, available: float, rate: float) -> float:
    """price − side × available / size / (1 − rate × side): where equity meets maintenance, if at `price` it is
    `available` above it and maintenance grows by `rate` of the notional (Hyperliquid docs; the formulas of Binance and
    dYdX are the same line seen from another point)."""
    return price - side * available / size / (1 - rate * side)


def liquidation_price(state: State, account: Account, asset: int, position: Position) -> float | None:
    """In price units; None when no price liquidates."""
    spec, mark = state.spec(asset), state.mark(asset)
    side = 1 if position.szi > 0 else -1
    size = abs(position.szi)
    rate = 1 / maintenance_divisor(spec, size * mark)
    if position.isolated_usd is not None:
        available = position.isolated_usd + position.szi * mark - maintenance(spec, size * mark)
    else:
        available = cross_value(account, state.mark, spec.dex) - cross_maintenance(
            account, state.mark, state.spec, spec.dex
        )
    price = price_without_margin(mark, side, size, available, rate)
    return price if price > 0 else None
