"""Orders: checks in the venue's order, price-time matching, fills, cancels.

A trade is between two accounts or an account and the house. At one price the accounts' resting orders go before the
house's depth. Self-trade: the resting order is expired, nothing is traded. A resting order that the tape reaches is
filled by the house at the order's own price, as maker.
"""

from keeper.venues.simulated.accounts import Account, account_value, direction, margin_used, margin_with_orders
from keeper.venues.simulated.errors import INSUFFICIENT_MARGIN, NEVER_PLACED, VenueError
from keeper.venues.simulated.events import CanceledByVenue, OrderChanged, Traded
from keeper.venues.simulated.events import Filled as FilledEvent
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import (
    Fill,
    Filled,
    Order,
    OrderRequest,
    OrderStatus,
    Outcome,
    Refused,
    Resting,
    TimeInForce,
    Trade,
)
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO

MIN_NOTIONAL = 10 * MICRO


class OrderDesk:
    """Places, matches and cancels on the shared state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def place(self, account: Account, request: OrderRequest) -> Outcome:
        """One order, start to finish. The outcome is what the venue answers."""
        market = self._state.markets[request.spec.index]
        if request.cloid is not None and self._open_by_cloid(account, request.cloid) is not None:
            return Refused(f"Client order id is in use by an open order. asset={request.spec.index}")
        order = self._new_order(account, request)
        refusal = self._refusal(account, market, order)
        if refusal is not None:
            return self._refuse(order, *refusal)
        filled, paid = self._match(account, market, order)
        if order.lots and order.status is OrderStatus.OPEN and order.tif.rests:
            self._rest(account, market, order)
            return (
                Resting(order.oid, order.cloid)
                if not filled
                else Filled(order.oid, filled, paid // filled, order.cloid)
            )
        if not filled:
            text = "Order could not immediately match against any resting orders."
            return self._refuse(order, OrderStatus.IOC_REJECTED, text)
        self._finish(order, OrderStatus.FILLED if not order.lots else OrderStatus.CANCELED)
        return Filled(order.oid, filled, paid // filled, order.cloid)

    def cancel(self, account: Account, asset: int, oid: int | None) -> str | None:
        """None when canceled, else the venue's words."""
        order = account.open_orders.get(oid) if oid is not None else None
        if order is None or order.spec.index != asset:
            return f"{NEVER_PLACED} asset={asset}"
        self._withdraw(order, OrderStatus.CANCELED)
        return None

    def cancel_by_cloid(self, account: Account, asset: int, cloid: str) -> str | None:
        return self.cancel(account, asset, account.by_cloid.get(cloid))

    def fill_reached(self, market: Market) -> None:
        """Fills the resting orders that the tape's prices have come to."""
        for orders, asks in ((market.bids, True), (market.asks, False)):
            while orders:
                order = orders[0]
                levels = market.house_levels(asks=asks)
                if not levels or (levels[0].price > order.price if asks else levels[0].price < order.price):
                    break
                within = sum(
                    level.lots for level in levels if (level.price <= order.price) == asks or level.price == order.price
                )
                lots = min(self._allowed(self._state.accounts[order.account], order), within)
                if lots <= 0:
                    self._withdraw(order, OrderStatus.REDUCE_ONLY_CANCELED, by_venue=True)
                    continue
                market.take(lots, asks=asks)
                self._trade(market, order.price, lots, maker=order, taker=None)

    def _open_by_cloid(self, account: Account, cloid: str) -> Order | None:
        return account.open_orders.get(account.by_cloid.get(cloid, 0))

    def _new_order(self, account: Account, request: OrderRequest) -> Order:
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
        )

    def _refusal(self, account: Account, market: Market, order: Order) -> tuple[OrderStatus, str] | None:
        """Why the order may not even be tried."""
        signed = order.lots if order.is_buy else -order.lots
        size = account.size(order.spec.index)
        if order.reduce_only and size * signed >= 0:
            return OrderStatus.REDUCE_ONLY_REJECTED, "Reduce only order would increase position."
        if not order.reduce_only and order.price * order.lots < MIN_NOTIONAL:
            return OrderStatus.MIN_NOTIONAL_REJECTED, "Order must have minimum value of $10."
        bid, ask = market.best()
        if order.tif is TimeInForce.ALO and (order.price >= ask if order.is_buy else order.price <= bid):
            texts = (order.spec.price_text(price).removesuffix(".0") for price in (bid, ask))
            return OrderStatus.POST_ONLY_REJECTED, (
                f"Post only order would have immediately matched, bbo was {'@'.join(texts)}."
            )
        if not order.reduce_only and not self._has_margin(account, order, signed):
            return OrderStatus.MARGIN_REJECTED, INSUFFICIENT_MARGIN
        return None

    def _has_margin(self, account: Account, order: Order, signed: int) -> bool:
        """Initial margin is asked of what adds risk: an order that only shrinks a position always passes."""
        mark = self._state.mark
        size = account.size(order.spec.index)
        if size * signed < 0 and abs(signed) <= abs(size):
            return True
        needed = margin_with_orders(account, mark, order.spec, signed)
        return needed <= account_value(account, mark)

    def _match(self, account: Account, market: Market, order: Order) -> tuple[int, int]:
        """Lots filled and micro-USDC paid for them."""
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
                    self._withdraw(maker, OrderStatus.SELF_TRADE_CANCELED, by_venue=True)
                    continue
                lots = min(allowed, self._allowed(self._state.accounts[maker.account], maker))
                if lots <= 0:
                    self._withdraw(maker, OrderStatus.REDUCE_ONLY_CANCELED, by_venue=True)
                    continue
                self._trade(market, price, lots, maker=maker, taker=order)
            else:
                lots = min(allowed, house[0].lots)
                market.take(lots, asks=order.is_buy)
                self._trade(market, price, lots, maker=None, taker=order)
            filled += lots
            paid += lots * price
        return filled, paid

    def _allowed(self, account: Account, order: Order) -> int:
        """What of the order may trade: a reduce-only order never more than the position it closes."""
        if not order.reduce_only:
            return order.lots
        size = account.size(order.spec.index)
        return min(order.lots, max(0, -size if order.is_buy else size))

    def _trade(self, market: Market, price: int, lots: int, *, maker: Order | None, taker: Order | None) -> None:
        """Books both legs; a side without an order is the house's."""
        tid = self._state.next_tid()
        tx_hash = self._state.hash_of("trade", tid)
        taker_buys = taker.is_buy if taker else not (maker and maker.is_buy)
        for order, crossed in ((taker, True), (maker, False)):
            if order is None:
                signed = lots if taker_buys == crossed else -lots
                self._house_leg(market, price, signed)
            else:
                self._leg(order, price, lots, tid, tx_hash, crossed=crossed)
        parties = {
            taker_buys: taker.account if taker else self._state.house.address,
            not taker_buys: maker.account if maker else self._state.house.address,
        }
        trade = Trade(
            market.spec, price, lots, taker_buys, self._state.now_ms, tx_hash, tid, parties[True], parties[False]
        )
        market.trades.appendleft(trade)
        market.last_trade = price
        market.volume += price * lots
        self._state.events.append(Traded(trade))

    def _house_leg(self, market: Market, price: int, signed: int) -> None:
        house = self._state.house
        house.position_to_trade(market.spec).apply(signed, price)
        house.raw_usd -= signed * price

    def _leg(self, order: Order, price: int, lots: int, tid: int, tx_hash: str, *, crossed: bool) -> None:
        account = self._state.accounts[order.account]
        position = account.position_to_trade(order.spec)
        signed = lots if order.is_buy else -lots
        before = position.szi
        closed_pnl = position.apply(signed, price)
        fee = self._state.options.fee(price * lots, taker=crossed)
        account.raw_usd -= signed * price + fee
        account.volume += price * lots
        self._state.fees += fee
        fill = Fill(
            account=account.address,
            spec=order.spec,
            price=price,
            lots=lots,
            is_buy=order.is_buy,
            time_ms=self._state.now_ms,
            start_position=before,
            direction=direction(before, signed),
            closed_pnl=closed_pnl,
            fee=fee,
            hash=tx_hash,
            oid=order.oid,
            tid=tid,
            crossed=crossed,
            cloid=order.cloid,
        )
        account.fills.append(fill)
        self._state.events.append(FilledEvent(fill))
        order.lots -= lots
        if order.oid in account.open_orders:
            if order.lots:
                self._changed(order)
            else:
                self._withdraw(order, OrderStatus.FILLED)

    def _rest(self, account: Account, market: Market, order: Order) -> None:
        account.orders[order.oid] = account.open_orders[order.oid] = order
        if order.cloid is not None:
            account.by_cloid[order.cloid] = order.oid
        market.rest(order)
        self._changed(order)

    def _withdraw(self, order: Order, status: OrderStatus, *, by_venue: bool = False) -> None:
        """Takes a resting order off the book for good."""
        self._state.markets[order.spec.index].remove(order)
        del self._state.accounts[order.account].open_orders[order.oid]
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
            )
        )


def leverage_refusal(state: State, account: Account, asset: int, leverage: int) -> str | None:
    """Sets the coin's leverage (cross), or says why not."""
    spec = state.spec(asset)
    if not 1 <= leverage <= spec.max_leverage:
        return f"Invalid leverage value. asset={asset}"
    position = account.positions.get(asset)
    if position is not None:
        before, position.leverage = position.leverage, leverage
        if margin_used(account, state.mark) > account_value(account, state.mark) and leverage < before:
            position.leverage = before
            return f"{INSUFFICIENT_MARGIN} asset={asset}"
    account.leverage[asset] = leverage
    return None


__all__ = ["MIN_NOTIONAL", "OrderDesk", "VenueError", "leverage_refusal"]
