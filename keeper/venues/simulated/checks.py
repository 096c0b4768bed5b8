"""Why the venue refuses an order before trying it: the checks in its order, with its words."""

from keeper.venues.simulated.accounts import Account, cross_value, margin_with_orders
from keeper.venues.simulated.errors import INSUFFICIENT_MARGIN
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Order, OrderStatus, TimeInForce
from keeper.venues.simulated.state import State
from keeper.venues.simulated.tiers import max_leverage_at
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO

MIN_NOTIONAL = 10 * MICRO
OPEN_ORDERS = 1_000
OPEN_ORDERS_MOST = 5_000
VOLUME_PER_ORDER = 5_000_000 * MICRO
OI_AWAY_PERCENT = 1  # at an open-interest cap, how far beyond the oracle an order may be priced (ours: no source)

Refusal = tuple[OrderStatus, str]


def refusal(state: State, account: Account, market: Market, order: Order) -> Refusal | None:
    """Why the order may not even be tried; None when it may."""
    if market.faults.halted:
        return OrderStatus.REJECTED, "Trading is halted."
    if len(account.open_orders) >= min(OPEN_ORDERS_MOST, OPEN_ORDERS + account.volume // VOLUME_PER_ORDER):
        return OrderStatus.REJECTED, "Too many open orders."
    if order.trigger is not None and order.waits:
        return _trigger_refusal(market, order)
    signed = order.lots if order.is_buy else -order.lots
    size = account.size(order.spec.index)
    if order.reduce_only and size * signed >= 0:
        return OrderStatus.REDUCE_ONLY_REJECTED, "Reduce only order would increase position."
    if _too_small(order):
        least = "10 USDC" if order.spec.is_spot else "$10"
        return OrderStatus.MIN_NOTIONAL_REJECTED, f"Order must have minimum value of {least}."
    bid, ask = market.best()
    if order.tif is TimeInForce.ALO and (order.price >= ask if order.is_buy else order.price <= bid):
        texts = (order.spec.price_text(price).removesuffix(".0") for price in (bid, ask))
        return OrderStatus.POST_ONLY_REJECTED, (
            f"Post only order would have immediately matched, bbo was {'@'.join(texts)}."
        )
    if order.tif is TimeInForce.FRONTEND_MARKET and not market.levels(asks=order.is_buy, limit=1):
        return OrderStatus.NO_LIQUIDITY_REJECTED, "No liquidity available for market order."
    if order.spec.is_spot:
        return _spot_refusal(account, order)
    if order.reduce_only:
        return None
    return _risk_refusal(state, account, market, order)


def _too_small(order: Order) -> bool:
    dollar = WEI_PER_MICRO if order.spec.is_spot else 1
    exempt = order.reduce_only or order.twap_id is not None
    return not exempt and order.price * order.lots < MIN_NOTIONAL * dollar


def reached(market: Market, order: Order) -> bool:
    """The mark is where the order waits for it."""
    assert order.trigger is not None
    above = order.trigger.take_profit != order.is_buy  # a sale takes profit, and a purchase stops a loss, above
    return market.mark >= order.trigger.price if above else market.mark <= order.trigger.price


def _trigger_refusal(market: Market, order: Order) -> Refusal | None:
    if reached(market, order) and order.parent is None:
        return OrderStatus.TRIGGER_REJECTED, "Invalid TP/SL price."
    return None


def _spot_refusal(account: Account, order: Order) -> Refusal | None:
    base = order.spec.base
    assert base is not None
    token, needed = (0, order.price * order.lots) if order.is_buy else (base.index, order.lots * base.lot)
    if account.spot_total(token) - account.spot_hold(token) < needed:
        return OrderStatus.SPOT_BALANCE_REJECTED, "Insufficient spot balance"
    return None


def _risk_refusal(state: State, account: Account, market: Market, order: Order) -> Refusal | None:
    signed = order.lots if order.is_buy else -order.lots
    size = account.size(order.spec.index)
    capped = _cap_refusal(state, market, order, size, signed)
    if capped is not None:
        return capped
    if size * signed < 0 and abs(signed) <= abs(size):
        return None  # what only shrinks a position needs no margin
    leverage = account.leverage_of(order.spec)
    if leverage > max_leverage_at(order.spec, abs(size + signed) * market.mark):
        text = "Order would cause position to exceed margin tier limit at current leverage"
        return OrderStatus.MAX_POSITION_REJECTED, text
    needed = margin_with_orders(account, state.mark, order.spec, signed)
    if needed > cross_value(account, state.mark, order.spec.dex):
        return OrderStatus.MARGIN_REJECTED, INSUFFICIENT_MARGIN
    return None


def open_interest(state: State, market: Market) -> int:
    """Lots open: the recorded ones and those of this venue's own accounts (one side of each pair)."""
    asset = market.spec.index
    sizes = [account.size(asset) for account in state.accounts.values()]
    sizes.append(state.house.size(asset))
    return market.recorded_interest + sum(size for size in sizes if size > 0)


def at_cap(state: State, market: Market) -> bool:
    cap = market.open_interest_cap
    return cap is not None and open_interest(state, market) * market.mark >= cap


def _cap_refusal(state: State, market: Market, order: Order, size: int, signed: int) -> Refusal | None:
    if market.open_interest_cap is None or not at_cap(state, market):
        return None
    away = market.oracle * OI_AWAY_PERCENT // 100
    if order.price > market.oracle + away if order.is_buy else order.price < market.oracle - away:
        text = "Order rejected due to price more aggressive than oracle while at open interest cap"
        return OrderStatus.OI_AGGRESSIVE_REJECTED, text
    if size * signed >= 0:
        text = "Order would increase open interest while open interest is capped"
        return OrderStatus.OI_INCREASE_REJECTED, text
    if abs(signed) > abs(size):
        return OrderStatus.OI_FLIP_REJECTED, "Order would increase open interest while open interest is capped"
    return None


def keeps_margin(state: State, account: Account, order: Order) -> bool:
    """Whether a resting order may still fill: it only shrinks the position, or the margin of all of them is there."""
    if order.spec.is_spot or order.reduce_only:
        return True
    signed = order.lots if order.is_buy else -order.lots
    size = account.size(order.spec.index)
    if size * signed < 0 and abs(signed) <= abs(size):
        return True
    return margin_with_orders(account, state.mark, order.spec, 0) <= cross_value(account, state.mark, order.spec.dex)
