"""Orders: price-time matching, TP/SL groups, modification, cancels.

At one price the accounts' resting orders go before the house's depth. Self-trade: the resting order is expired, nothing
is traded. A resting order that the tape reaches is filled by the house at the order's own price, as maker.
"""

from collections.abc import Sequence

from keeper.venues.simulated.accounts import Account, cross_margin_used, cross_value, position_margin
from keeper.venues.simulated.booking import Booking
from keeper.venues.simulated.checks import MIN_NOTIONAL, keeps_margin, reached, refusal
from keeper.venues.simulated.errors import INSUFFICIENT_MARGIN, NEVER_PLACED, VenueError
from keeper.venues.simulated.events import CanceledByVenue, OrderChanged
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import (
    Filled,
    Grouping,
    Order,
    OrderRequest,
    OrderStatus,
    Outcome,
    Refused,
    Resting,
    TimeInForce,
    Waiting,
)
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import ceil_to_tick, floor_to_tick

TRIGGER_SLIPPAGE = 0.1
CANNOT_MODIFY = "Cannot modify canceled or filled order."


class OrderDesk:
    """Places, matches and cancels on the shared state."""

    def __init__(self, state: State, booking: Booking) -> None:
        self._state = state
        self._booking = booking

    # --- placing ----------------------------------------------------------------------------------------------

    def place(self, account: Account, request: OrderRequest) -> Outcome:
        """One order, start to finish. The outcome is what the venue answers."""
        if request.cloid is not None and self._open_by_cloid(account, request.cloid) is not None:
            return Refused(f"Client order id is in use by an open order. asset={request.spec.index}")
        return self.enter(account, self.new_order(account, request))

    def place_group(self, account: Account, requests: Sequence[OrderRequest], grouping: Grouping) -> list[Outcome]:
        """Orders that belong together: an order with its TP/SL, or the TP/SL of a position."""
        if grouping is Grouping.NONE:
            return [self.place(account, request) for request in requests]
        if grouping is Grouping.POSITION_TPSL:
            orders = [self.new_order(account, request) for request in requests]
            for order in orders:
                order.of_position = True
                order.siblings = [other.oid for other in orders if other is not order]
            return [self.enter(account, order) for order in orders]
        parent = self.new_order(account, requests[0])
        children = [self.new_order(account, request) for request in requests[1:]]
        for child in children:
            child.parent = parent.oid
            child.siblings = [other.oid for other in children if other is not child]
            account.orders[child.oid] = child
        parent.children = [child.oid for child in children]
        outcome = self.enter(account, parent)
        if isinstance(outcome, Refused):
            return [outcome for _ in requests]
        waiting = "waitingForTrigger" if parent.status is OrderStatus.FILLED else "waitingForFill"
        return [outcome, *(Waiting(child.oid, waiting) for child in children)]

    def new_order(self, account: Account, request: OrderRequest) -> Order:
        now = self._state.now_ms
        return Order(
            oid=self._state.next_oid(),
            account=account.address,
            spec=request.spec,
            is_buy=request.is_buy,
            price=request.price,
            lots=request.lots,
            original=request.lots,
            tif=request.tif,
            reduce_only=request.reduce_only,
            cloid=request.cloid,
            time_ms=now,
            status=OrderStatus.OPEN,
            status_ms=now,
            trigger=request.trigger,
            waits=request.trigger is not None,
            builder=request.builder,
        )

    def enter(self, account: Account, order: Order) -> Outcome:
        """Checks, matches and rests an order that has its id."""
        market = self._state.market(order.spec.index)
        refused = refusal(self._state, account, market, order)
        if refused is not None:
            return self._refuse(order, *refused)
        if order.waits:
            self._await_trigger(account, market, order)
            return Resting(order.oid, order.cloid)
        filled, paid = self._match(account, market, order)
        if order.lots and order.status is OrderStatus.OPEN and order.tif.rests:
            self._rest(account, market, order)
            if not filled:
                return Resting(order.oid, order.cloid)
        elif not filled:
            text = "Order could not immediately match against any resting orders."
            return self._refuse(order, OrderStatus.IOC_REJECTED, text)
        else:
            self._finish(order, OrderStatus.CANCELED if order.lots else OrderStatus.FILLED)
        return Filled(order.oid, filled, paid // filled, order.cloid)

    # --- cancels and changes ----------------------------------------------------------------------------------

    def cancel(self, account: Account, asset: int, oid: int | None) -> str | None:
        """None when canceled, else the venue's words."""
        order = account.open_orders.get(oid) if oid is not None else None
        if order is None or order.spec.index != asset:
            return f"{NEVER_PLACED} asset={asset}"
        self.withdraw(order, OrderStatus.CANCELED)
        return None

    def cancel_by_cloid(self, account: Account, asset: int, cloid: str) -> str | None:
        return self.cancel(account, asset, account.by_cloid.get(cloid))

    def cancel_all(self, account: Account, status: OrderStatus, dex: int | None = None) -> None:
        """Everything the account has open (in one dex), by the venue."""
        for order in list(account.open_orders.values()):
            if order.oid in account.open_orders and (dex is None or (order.spec.dex == dex and not order.spec.is_spot)):
                self.withdraw(order, status, by_venue=True)

    def modify(self, account: Account, oid: int | str, request: OrderRequest, *, always: bool) -> Outcome:
        """Replaces an open order. Unless `always`, the new one may not trade at once: it becomes post-only. A new order
        that is refused leaves the old one where it was, its priority included."""
        old = account.open_orders.get(account.by_cloid.get(oid, 0) if isinstance(oid, str) else oid)
        if old is None:
            return Refused(CANNOT_MODIFY)
        market = self._state.market(request.spec.index)
        new = self.new_order(account, request)
        if not always and not new.waits and new.tif is not TimeInForce.ALO:
            if not new.tif.rests:
                return Refused("Cannot modify to an order that does not rest.")
            new.tif = TimeInForce.ALO
        self._take_off(old)
        refused = refusal(self._state, account, market, new)
        if refused is not None:
            self._put_back(account, old)
            return self._refuse(new, *refused)
        self._put_back(account, old)
        self.withdraw(old, OrderStatus.CANCELED)
        return self.enter(account, new)

    def _take_off(self, order: Order) -> None:
        market = self._state.market(order.spec.index)
        if order.waits:
            market.triggers.remove(order)
        else:
            market.remove(order)
        del self._state.accounts[order.account].open_orders[order.oid]

    def _put_back(self, account: Account, order: Order) -> None:
        market = self._state.market(order.spec.index)
        if order.waits:
            market.triggers.append(order)
        else:
            market.rest(order)
        account.open_orders[order.oid] = order

    # --- what time brings -------------------------------------------------------------------------------------

    def fill_reached(self, market: Market) -> None:
        """Fills the resting orders that the tape's prices have come to."""
        for orders, asks in ((market.bids, True), (market.asks, False)):
            while orders and not market.faults.halted:
                order = orders[0]
                levels = market.house_levels(asks=asks)
                if not levels or (levels[0].price > order.price if asks else levels[0].price < order.price):
                    break
                within = sum(
                    level.lots for level in levels if (level.price <= order.price) == asks or level.price == order.price
                )
                lots = min(self._fillable(order), within)
                if lots > 0:
                    market.take(lots, asks=asks)
                    self.fill(market, order.price, lots, maker=order, taker=None)

    def fire_triggers(self, market: Market) -> None:
        """Trigger orders whose price the mark has reached go to the book."""
        for order in [order for order in market.triggers if reached(market, order)]:
            if order in market.triggers and not market.faults.halted:
                self._fire(market, order)

    def _fire(self, market: Market, order: Order) -> None:
        assert order.trigger is not None
        account = self._state.accounts[order.account]
        self._take_off(order)
        order.waits = False
        order.status, order.status_ms = OrderStatus.TRIGGERED, self._state.now_ms
        self._changed(order)
        if order.of_position:
            order.lots = order.original = abs(account.size(order.spec.index))
        if order.reduce_only and self._allowed(account, order) <= 0:
            self._finish(order, OrderStatus.REDUCE_ONLY_CANCELED)
            return
        if order.trigger.is_market:
            order.tif = TimeInForce.FRONTEND_MARKET
            away = market.mark * (1 + TRIGGER_SLIPPAGE if order.is_buy else 1 - TRIGGER_SLIPPAGE)
            rounded = floor_to_tick if order.is_buy else ceil_to_tick
            order.price = rounded(away, order.spec.unit)
        order.status = OrderStatus.OPEN
        self.enter(account, order)

    # --- matching ---------------------------------------------------------------------------------------------

    def _match(self, account: Account, market: Market, order: Order) -> tuple[int, int]:
        """Lots filled and micro-USDC (of spot: USDC wei) paid for them."""
        filled = paid = 0
        while order.lots:
            allowed = self._allowed(account, order)
            resting = (market.asks if order.is_buy else market.bids)[:1]
            house = market.house_levels(asks=order.is_buy)[:1]
            prices = [entry.price for entry in resting] + [level.price for level in house]
            if not prices or allowed <= 0:
                break
            price = min(prices) if order.is_buy else max(prices)
            if price > order.price if order.is_buy else price < order.price:
                break
            if resting and resting[0].price == price:
                maker = resting[0]
                if maker.account == order.account:
                    self.withdraw(maker, OrderStatus.SELF_TRADE_CANCELED, by_venue=True)
                    continue
                lots = min(allowed, self._fillable(maker))
                if lots <= 0:
                    continue
                self.fill(market, price, lots, maker=maker, taker=order)
            else:
                lots = min(allowed, house[0].lots)
                market.take(lots, asks=order.is_buy)
                self.fill(market, price, lots, maker=None, taker=order)
            filled += lots
            paid += lots * price
        return filled, paid

    def fillable(self, order: Order) -> int:
        """Lots of a resting order that may trade now; nought when it had to be withdrawn instead."""
        return self._fillable(order)

    def _fillable(self, order: Order) -> int:
        account = self._state.accounts[order.account]
        lots = self._allowed(account, order)
        if lots <= 0:
            self.withdraw(order, OrderStatus.REDUCE_ONLY_CANCELED, by_venue=True)
        elif not keeps_margin(self._state, account, order):
            self.withdraw(order, OrderStatus.MARGIN_CANCELED, by_venue=True)
            return 0
        return lots

    def _allowed(self, account: Account, order: Order) -> int:
        """What of the order may trade: a reduce-only order never more than the position it closes."""
        if not order.reduce_only:
            return order.lots
        size = account.size(order.spec.index)
        return min(order.lots, max(0, -size if order.is_buy else size))

    def fill(self, market: Market, price: int, lots: int, *, maker: Order | None, taker: Order | None) -> None:
        """Books a trade and what follows from it for the orders."""
        self._booking.trade(market, price, lots, maker=maker, taker=taker)
        if maker is not None:
            if maker.lots:
                self._changed(maker)
            else:
                self.withdraw(maker, OrderStatus.FILLED)
        for order in (maker, taker):
            if order is not None and not self._state.accounts[order.account].size(order.spec.index):
                self._position_closed(market, order)

    def _position_closed(self, market: Market, by: Order) -> None:
        for order in [order for order in market.triggers if order.account == by.account and order.of_position]:
            if order in market.triggers:
                sibling = order.oid in by.siblings
                status = OrderStatus.SIBLING_FILLED_CANCELED if sibling else OrderStatus.REDUCE_ONLY_CANCELED
                self.withdraw(order, status, by_venue=True)

    # --- the life of an order ---------------------------------------------------------------------------------

    def _open_by_cloid(self, account: Account, cloid: str) -> Order | None:
        return account.open_orders.get(account.by_cloid.get(cloid, 0))

    def _rest(self, account: Account, market: Market, order: Order) -> None:
        self._open(account, order)
        market.rest(order)
        self._changed(order)

    def _await_trigger(self, account: Account, market: Market, order: Order) -> None:
        self._open(account, order)
        market.triggers.append(order)
        self._changed(order)

    def _open(self, account: Account, order: Order) -> None:
        account.orders[order.oid] = account.open_orders[order.oid] = order
        if order.cloid is not None:
            account.by_cloid[order.cloid] = order.oid

    def withdraw(self, order: Order, status: OrderStatus, *, by_venue: bool = False) -> None:
        """Takes an open order off the book for good."""
        self._take_off(order)
        self._finish(order, status)
        if by_venue:
            self._state.events.append(CanceledByVenue(order.account, order.spec, order.oid))

    def _refuse(self, order: Order, status: OrderStatus, text: str) -> Refused:
        self._finish(order, status)
        return Refused(f"{text} asset={order.spec.index}")

    def _finish(self, order: Order, status: OrderStatus) -> None:
        order.status, order.status_ms = status, self._state.now_ms
        account = self._state.accounts[order.account]
        account.orders[order.oid] = order
        if order.cloid is not None:
            account.by_cloid[order.cloid] = order.oid
        self._changed(order)
        self._finish_group(account, order)

    def _finish_group(self, account: Account, order: Order) -> None:
        """Children go live when their parent has filled and die with it otherwise; siblings of a filled one are off."""
        filled = order.status is OrderStatus.FILLED
        for oid in order.children:
            child = account.orders[oid]
            if child.status is OrderStatus.OPEN and oid not in account.open_orders:
                if filled:
                    self._await_trigger(account, self._state.market(child.spec.index), child)
                else:
                    self._finish(child, OrderStatus.CANCELED)
        for oid in order.siblings if filled else ():
            if oid in account.open_orders:
                self.withdraw(account.open_orders[oid], OrderStatus.SIBLING_FILLED_CANCELED, by_venue=True)

    def _changed(self, order: Order) -> None:
        self._state.events.append(
            OrderChanged(
                account=order.account,
                spec=order.spec,
                is_buy=order.is_buy,
                price=order.price,
                lots=order.lots,
                original=order.original,
                oid=order.oid,
                placed_ms=order.time_ms,
                reduce_only=order.reduce_only,
                cloid=order.cloid,
                status=order.status,
                status_ms=order.status_ms,
                trigger=order.trigger,
            )
        )


def leverage_refusal(state: State, account: Account, asset: int, leverage: int, *, cross: bool = True) -> str | None:
    """Sets the coin's leverage and margin mode, or says why not. A lower leverage of an isolated position draws the
    missing margin from the cash."""
    spec = state.spec(asset)
    if not 1 <= leverage <= spec.max_leverage:
        return f"Invalid leverage value. asset={asset}"
    if cross and spec.isolated_only:
        return "Cross margin is not allowed for this asset."
    position = account.positions.get(asset)
    if position is not None and position.szi and (position.isolated_usd is None) != cross:
        return "Cannot switch leverage type with open position."
    if position is not None:
        before, position.leverage = position.leverage, leverage
        if leverage < before and not _afford(state, account, asset):
            position.leverage = before
            return f"{INSUFFICIENT_MARGIN} asset={asset}"
    account.leverage[asset] = leverage
    if cross:
        account.isolated.discard(asset)
    else:
        account.isolated.add(asset)
    return None


def _afford(state: State, account: Account, asset: int) -> bool:
    spec, position = state.spec(asset), account.positions[asset]
    value = cross_value(account, state.mark, spec.dex)
    if position.isolated_usd is None:
        return cross_margin_used(account, state.mark, spec.dex) <= value
    needed = abs(position.szi) * state.mark(asset) // position.leverage
    missing = max(0, needed - position_margin(position, state.mark(asset)))
    if missing > value - cross_margin_used(account, state.mark, spec.dex):
        return False
    position.isolated_usd += missing
    account.pay(spec.dex, -missing)
    return True


__all__ = ["MIN_NOTIONAL", "OrderDesk", "VenueError", "leverage_refusal"]
