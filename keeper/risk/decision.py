"""The margin check of an order as a pure function, so that it can be run again on what it was run on."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from keeper.errors import InputError
from keeper.model.amounts import plain, usdc
from keeper.model.events import RiskDecided, RiskPrice
from keeper.model.instruments import Side, sign
from keeper.risk.margin import Place, RiskSettings, requirement


class Accounts(Protocol):
    """What risk reads of the books."""

    def positions(self, id: int, /) -> Mapping[Place, Decimal]: ...
    def equity(self, id: int, marks: Mapping[Place, Decimal], /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An order, and the prices of its coin at its venues and of all that the sub-account holds."""

    id: int
    coin: str
    side: Side
    size: Decimal
    venues: tuple[str, ...]
    marks: Mapping[Place, Decimal]
    stale: frozenset[Place]
    max_leverage: Mapping[Place, int]
    settings: RiskSettings


@dataclass(slots=True)
class Answer:
    """Micro-USDC; None where the check ended before it came to it. `refusal` None: the order may be taken."""

    before: int | None = None
    after: int | None = None
    equity: int | None = None
    refusal: InputError | None = None


def decide(books: Accounts, asked: Question) -> Answer:
    """Refused: `insufficient_margin` unless equity covers the requirement after the whole order at the dearest of the
    venues; `stale_mark` or `no_mark` when no venue has a fresh mark. An order that does not raise the requirement may
    always be taken."""
    answer = Answer()
    try:
        _decide(books, asked, answer)
    except InputError as refusal:
        answer.refusal = refusal
    return answer


def _decide(books: Accounts, asked: Question, answer: Answer) -> None:
    coin, marks = asked.coin, asked.marks
    known = [venue for venue in asked.venues if (venue, coin) in marks]
    if not known:
        raise InputError("instrument", f"no mark price of {coin} yet; wait until a venue is connected", "no_mark")
    held = books.positions(asked.id)
    answer.after = max(_required(asked, _with_order(held, asked, venue)) for venue in known)
    answer.before = _required(asked, held)
    if answer.after <= answer.before:
        return
    if all((venue, coin) in asked.stale for venue in known):
        raise InputError("instrument", f"the mark price of {coin} is stale; wait for the venue", "stale_mark")
    answer.equity = books.equity(asked.id, marks)
    if answer.equity < answer.after:
        raise InputError(
            "quantity",
            f"needs {plain(usdc(answer.after))} USDC of margin, sub-account {asked.id} has "
            f"{plain(usdc(answer.equity))} USDC of equity; deposit more or order less",
            "insufficient_margin",
        )


def _required(asked: Question, positions: Mapping[Place, Decimal]) -> int:
    return requirement(positions, asked.marks, asked.max_leverage, asked.settings, asked.stale)


def _with_order(held: Mapping[Place, Decimal], asked: Question, venue: str) -> dict[Place, Decimal]:
    place = venue, asked.coin
    return {**held, place: held.get(place, Decimal(0)) + sign(asked.side) * asked.size}


def recorded(books: Accounts, asked: Question, answer: Answer, at_ms: int) -> RiskDecided:
    """What the log keeps of a check."""
    places = sorted({*books.positions(asked.id), *((venue, asked.coin) for venue in asked.venues)})
    return RiskDecided(
        sub_account=asked.id,
        coin=asked.coin,
        side=asked.side,
        size=asked.size,
        venues=asked.venues,
        prices=tuple(
            RiskPrice(
                venue=place[0],
                coin=place[1],
                mark=asked.marks.get(place),
                stale=place in asked.stale,
                max_leverage=asked.max_leverage.get(place),
            )
            for place in places
        ),
        buffer=asked.settings.buffer,
        stress=asked.settings.stress,
        stale_factor=asked.settings.stale_factor,
        before=answer.before,
        after=answer.after,
        equity=answer.equity,
        code=answer.refusal.code if answer.refusal else "",
        text=answer.refusal.text if answer.refusal else "",
        at_ms=at_ms,
    )


def rerun(books: Accounts, event: RiskDecided) -> RiskDecided:
    """The event that the same check gives now. `books` as they were just before `event`."""
    asked = Question(
        id=event.sub_account,
        coin=event.coin,
        side=event.side,
        size=event.size,
        venues=event.venues,
        marks={(price.venue, price.coin): price.mark for price in event.prices if price.mark is not None},
        stale=frozenset((price.venue, price.coin) for price in event.prices if price.stale),
        max_leverage={
            (price.venue, price.coin): price.max_leverage for price in event.prices if price.max_leverage is not None
        },
        settings=RiskSettings(buffer=event.buffer, stress=event.stress, stale_factor=event.stale_factor),
    )
    return recorded(books, asked, decide(books, asked), event.at_ms)
