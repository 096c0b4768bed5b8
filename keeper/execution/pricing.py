"""The worst price of every child: never beyond the client's limit, nor beyond the slippage that it allows, which is
measured against one reference price for the order's whole life."""

from decimal import ROUND_FLOOR, Decimal

from keeper.model.instruments import Instrument, sign
from keeper.model.signed_orders import Order

BPS = Decimal(10_000)


def worst_price(order: Order, reference: Decimal) -> Decimal:
    """The tighter of the limit and reference × (1 ± slippage)."""
    away = sign(order.direction)
    bound = reference * (1 + away * Decimal(order.maxSlippageBps) / BPS)
    if order.limit is not None:
        bound = min(bound, order.limit) if away > 0 else max(bound, order.limit)
    return bound


def padded(price: Decimal, worst: Decimal, order: Order, padding_bps: Decimal, instrument: Instrument) -> Decimal:
    """A child's limit: a little beyond the worst level seen, since books move, but not beyond `worst`; on the tick."""
    away = sign(order.direction)
    beyond = price * (1 + away * padding_bps / BPS)
    return instrument.round_price(min(beyond, worst) if away > 0 else max(beyond, worst), order.direction)


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The nearest price on a tick that is at most one."""
    return price.quantize(tick) if tick < 1 else price.quantize(Decimal(1))


def median(prices: list[Decimal]) -> Decimal:
    """Of at least one price."""
    ordered = sorted(prices)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def lots_within(size: Decimal, lot: Decimal) -> Decimal:
    """Down to whole lots."""
    return (size / lot).to_integral_value(ROUND_FLOOR) * lot


def reached(mark: Decimal, trigger: int, price: Decimal) -> bool:
    """Whether a mark price is at or beyond a trigger's (1 = at or above, 2 = at or below)."""
    return mark >= price if trigger == 1 else mark <= price
