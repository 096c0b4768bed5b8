"""Margin checks of sub-accounts over the books, at the current marks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Protocol, TypeAlias

from keeper.errors import InputError
from keeper.model.amounts import plain
from keeper.model.instruments import Instrument, Side
from keeper.model.venue_records import SeatState
from keeper.risk.decision import Accounts, Answer, Question, decide
from keeper.risk.margin import Place, RiskSettings, requirement
from keeper.risk.room import largest
from keeper.risk.seats import leverage_of, seat_capacity

Record: TypeAlias = Callable[[Accounts, Question, Answer], None]
"""Keeps a check: at once or with the next event, before anything else changes the books."""

DEFAULT_LEVERAGE = 20
"""What the venue sets for a coin never touched, or the coin's own maximum if that is lower."""


class Prices(Protocol):
    """What risk reads of market data."""

    def instruments(self) -> Mapping[str, Mapping[str, Instrument]]: ...
    def marks(self) -> Mapping[Place, Decimal]: ...
    def stale(self) -> frozenset[Place]: ...


class RiskEngine:
    """Reads `prices` anew at each call; `record` is told of every check of an order. Amounts micro-USDC."""

    def __init__(self, prices: Prices, settings: RiskSettings | None = None, record: Record | None = None) -> None:
        self._prices = prices
        self._settings = settings or RiskSettings()
        self._record = record

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
        """InputError with the reason of `decide` when the sub-account may not take the order, and with the size that it
        may take where margin is the reason. Every check is recorded, whatever it says."""
        question = Question(
            id=id,
            coin=coin,
            side=side,
            size=size,
            venues=venues,
            marks=self._prices.marks(),
            stale=self._prices.stale(),
            max_leverage=self._leverages(),
            settings=self._settings,
        )
        answer = decide(books, question)
        if self._record is not None:
            self._record(books, question, answer)
        if answer.refusal is not None:
            raise self._with_room(books, question, answer.refusal)

    def _with_room(self, books: Accounts, asked: Question, refusal: InputError) -> InputError:
        """The refusal of an order that is too large for its margin says how large it might be."""
        if refusal.code != "insufficient_margin":
            return refusal
        instruments = self._prices.instruments()
        listed = [instruments.get(venue, {}).get(asked.coin) for venue in asked.venues]
        lot = min(instrument.lot_size for instrument in listed if instrument is not None)

        def check(lots: int) -> None:
            if (less := decide(books, replace(asked, size=lots * lot)).refusal) is not None:
                raise less

        room = largest(check, int(asked.size / lot)) * lot
        text = f"{refusal.text}; at most {plain(room)} {asked.coin} fits" if room else refusal.text
        return InputError(refusal.field, text, refusal.code)

    def capacity(self, state: SeatState, instrument: Instrument, side: Side) -> Decimal:
        """The largest order that a seat's own margin carries at its venue (see `seat_capacity`); 0 without a mark."""
        mark = self._prices.marks().get((instrument.venue, instrument.coin))
        if mark is None:
            return Decimal(0)
        leverage = leverage_of(state, instrument.coin, min(DEFAULT_LEVERAGE, instrument.max_leverage))
        return seat_capacity(state, instrument.coin, side, mark, leverage)

    def _leverages(self) -> dict[Place, int]:
        return {
            (venue, coin): instrument.max_leverage
            for venue, coins in self._prices.instruments().items()
            for coin, instrument in coins.items()
        }
