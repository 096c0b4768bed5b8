"""Moving margin into and out of an isolated position."""

from keeper.venues.simulated.accounts import Account, position_margin, withdrawable
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.state import State

INSUFFICIENT = "Insufficient margin to update isolated margin."


def change_margin(state: State, account: Account, asset: int, micro: int) -> None:
    """Adds `micro` (negative: takes). What stays must cover the initial margin and a tenth of the notional."""
    spec, position = state.spec(asset), account.positions.get(asset)
    if position is None or not position.szi or position.isolated_usd is None:
        raise VenueError("Cannot update isolated margin without an isolated position.")
    if micro < 0 and spec.strict_isolated:
        raise VenueError("Cannot remove margin from a strictly isolated position.")
    if micro > 0 and withdrawable(account, state.mark, spec.dex) < micro:
        raise VenueError(INSUFFICIENT)
    notional = abs(position.szi) * state.mark(asset)
    least = max(-(-notional // position.leverage), -(-notional // 10))
    if micro < 0 and position_margin(position, state.mark(asset)) + micro < least:
        raise VenueError(INSUFFICIENT)
    position.isolated_usd += micro
    account.pay(spec.dex, -micro)
