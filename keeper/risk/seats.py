"""What a seat can still carry by its venue's margin. Amounts micro-USDC, sizes in base units."""

from decimal import Decimal

from keeper.model.amounts import WIDE, usdc
from keeper.model.instruments import Side, sign
from keeper.model.venue_records import SeatState

HEADROOM = Decimal("0.95")
"""The part of free margin that a leg may use: fees and the move until the fill come out of the rest."""


def free_margin(state: SeatState) -> int:
    """Perp account value less the initial margin in use; never below 0."""
    return max(0, state.equity - state.margin_used)


def seat_capacity(state: SeatState, coin: str, side: Side, price: Decimal, leverage: int) -> Decimal:
    """The largest order the seat's margin carries: headroom × free × leverage / price, plus what only turns the seat's
    position in the coin around (its close frees the margin that the same size on the other side needs)."""
    fresh = WIDE.divide(WIDE.multiply(usdc(free_margin(state)), HEADROOM * leverage), price)
    held = sum((item.size for item in state.positions if item.coin == coin), Decimal(0))
    against = -held * sign(side)
    return WIDE.add(fresh, 2 * against) if against > 0 else fresh


def leverage_of(state: SeatState, coin: str, default: int) -> int:
    """The seat's leverage setting for a coin, as its position shows it; `default` while it holds none."""
    return next((item.leverage for item in state.positions if item.coin == coin), default)
