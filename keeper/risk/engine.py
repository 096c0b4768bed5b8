"""Margin checks of sub-accounts over the books, at the current marks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from keeper.errors import InputError
from keeper.model.amounts import plain, usdc
from keeper.model.instruments import Instrument, Side, sign
from keeper.model.venue_records import SeatState
from keeper.risk.margin import Place, RiskSettings, requirement
from keeper.risk.seats import leverage_of, seat_capacity

DEFAULT_LEVERAGE = 20
"""What the venue sets for a coin never touched, or the coin's own maximum if that is lower."""


class Accounts(Protocol):
    """What risk reads of the books."""

    def positions(self, id: int, /) -> Mapping[Place, Decimal]: ...
    def equity(self, id: int, marks: Mapping[Place, Decimal], /) -> int: ...


class Prices(Protocol):
    """What risk reads of market data."""

    def instruments(self) -> Mapping[str, Mapping[str, Instrument]]: ...
    def marks(self) -> Mapping[Place, Decimal]: ...
    def stale(self) -> frozenset[Place]: ...


class RiskEngine:
    """Reads `prices` anew at each call. Amounts micro-USDC."""

    def __init__(self, prices: Prices, settings: RiskSettings | None = None) -> None:
        self._prices = prices
        self._settings = settings or RiskSettings()

    def requirement(self, books: Accounts, id: int, marks: Mapping[Place, Decimal]) -> int:
        """Initial margin of what a sub-account holds, at the given marks."""
        return requirement(books.positions(id), marks, self._leverages(), self._settings, self._prices.stale())

    def free_collateral(self, books: Accounts, id: int) -> int:
        """Equity less requirement at the current marks; negative when short."""
        marks = self._prices.marks()
        return books.equity(id, marks) - self.requirement(books, id, marks)

    def check_order(
        self, books: Accounts, id: int, coin: str, side: Side, size: Decimal, venues: tuple[str, ...]
    ) -> None:
        """InputError `insufficient_margin` unless equity covers the requirement after the whole order at the dearest of
        `venues`; `stale_mark` or `no_mark` when no venue has a fresh mark. An order that does not raise the requirement
        is always acceptable."""
        marks, stale = self._prices.marks(), self._prices.stale()
        known = [venue for venue in venues if (venue, coin) in marks]
        if not known:
            raise InputError("instrument", f"no mark price of {coin} yet; wait until a venue is connected", "no_mark")
        after = max(self._after(books, id, coin, side, size, venue, marks) for venue in known)
        if after <= self.requirement(books, id, marks):
            return
        if all((venue, coin) in stale for venue in known):
            raise InputError("instrument", f"the mark price of {coin} is stale; wait for the venue", "stale_mark")
        equity = books.equity(id, marks)
        if equity < after:
            raise InputError(
                "quantity",
                f"needs {plain(usdc(after))} USDC of margin, sub-account {id} has {plain(usdc(equity))} USDC of "
                "equity; deposit more or order less",
                "insufficient_margin",
            )

    def capacity(self, state: SeatState, instrument: Instrument, side: Side) -> Decimal:
        """The largest order that a seat's own margin carries at its venue (see `seat_capacity`); 0 without a mark."""
        mark = self._prices.marks().get((instrument.venue, instrument.coin))
        if mark is None:
            return Decimal(0)
        leverage = leverage_of(state, instrument.coin, min(DEFAULT_LEVERAGE, instrument.max_leverage))
        return seat_capacity(state, instrument.coin, side, mark, leverage)

    def _after(
        self, books: Accounts, id: int, coin: str, side: Side, size: Decimal, venue: str, marks: Mapping[Place, Decimal]
    ) -> int:
        positions = dict(books.positions(id))
        positions[venue, coin] = positions.get((venue, coin), Decimal(0)) + sign(side) * size
        return requirement(positions, marks, self._leverages(), self._settings, self._prices.stale())

    def _leverages(self) -> dict[Place, int]:
        return {
            (venue, coin): instrument.max_leverage
            for venue, coins in self._prices.instruments().items()
            for coin, instrument in coins.items()
        }
