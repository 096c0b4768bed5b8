"""Whose the change of a seat's equity is (design §5): exact, per sub-account, nothing left over.

pnl_i = Σ fills s·q·(mark − price) + position before·(mark − mark before) − fees + funding share

of which the lane gets pnl_i − (withheld_i − withheld_i before): see `withholding`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from keeper.errors import IntegrityError
from keeper.ledger.chart import UNOWNED, notional
from keeper.ledger.errors import SeatBrokenError, unowned_text
from keeper.ledger.transfers import InsuranceItem
from keeper.ledger.withholding import INSURANCE, withhold
from keeper.model.funding import FundingInstant
from keeper.model.marks import MarkSheet, VenueMark
from keeper.model.venue_records import Fill


@dataclass(frozen=True, slots=True)
class SeatResult:
    """A sub-account's result at one seat, micro-USDC; `fees` positive = paid."""

    trading: int = 0
    revaluation: int = 0
    fees: int = 0
    funding: int = 0

    @property
    def pnl(self) -> int:
        return self.trading + self.revaluation - self.fees + self.funding


@dataclass(frozen=True, slots=True)
class Attribution:
    """One seat between two marks. Σ `for_lanes` + Σ insurance items == delta."""

    venue: str
    delta: int
    results: Mapping[int, SeatResult]
    insurance: tuple[InsuranceItem, ...]
    instants: tuple[FundingInstant, ...]
    positions: Mapping[tuple[int, str], Decimal]
    withheld_before: Mapping[int, int] = field(default_factory=dict)
    withheld: Mapping[int, int] = field(default_factory=dict)

    @property
    def for_lanes(self) -> dict[int, int]:
        """What each sub-account's lane gets: its result, less what is withheld now, plus what is released."""
        ids = sorted({*self.results, *self.withheld_before, *self.withheld} - {INSURANCE})
        return {id_: self.results.get(id_, SeatResult()).pnl - self.newly_withheld(id_) for id_ in ids}

    @property
    def pnl(self) -> int:
        return sum(self.for_lanes.values())

    @property
    def unexplained(self) -> int:
        return self.delta - self.pnl - sum(item.amount for item in self.insurance)

    def newly_withheld(self, id_: int) -> int:
        """Negative: released."""
        return self.withheld.get(id_, 0) - self.withheld_before.get(id_, 0)

    def check(self) -> None:
        """SeatBrokenError unless it conserves to the micro-dollar."""
        if self.unexplained:
            raise SeatBrokenError(
                self.venue, f"{self.unexplained} micro-USDC of its change of {self.delta} are unexplained"
            )


def attribute(
    mark: VenueMark,
    sheet_before: MarkSheet | None,
    positions_before: Mapping[tuple[int, str], Decimal],
    fills: Sequence[tuple[Fill, int]],
    instants: Sequence[FundingInstant],
    transfers: Sequence[InsuranceItem],
    rounding: int = 0,
    withheld_before: Mapping[int, int] | None = None,
) -> Attribution:
    """Splits `mark.delta`, and `mark.held` beside it.

    `positions_before` by (sub-account, coin) at the last settled mark, whose sheet is `sheet_before`; `fills` (with
    their owners), `instants` and `transfers` are those between the two. `rounding`: micro-dollars that the venue's own
    rounding of rows may explain; they become an insurance item. `withheld_before`: after the last settled mark.

    Raises SeatBrokenError: a fill of nobody's, a position the sheets do not price, sizes that are not the sheet's,
    funding that rounding does not explain, or a difference left over.
    """
    _refuse_unowned(mark.venue, fills)
    positions = dict(positions_before)
    for fill, owner in fills:
        positions[owner, fill.coin] = positions.get((owner, fill.coin), Decimal(0)) + fill.signed_size
    positions = {key: size for key, size in positions.items() if size}
    _compare_sizes(mark.sheet, positions)

    before = sheet_before.marks() if sheet_before else {}
    marks = _marks(mark.sheet, before, positions, fills)
    results: dict[int, SeatResult] = {}
    for fill, owner in fills:
        trading = notional(fill.signed_size, marks[fill.coin]) - notional(fill.signed_size, fill.price)
        _add(results, owner, SeatResult(trading=trading, fees=fill.fee))
    for (owner, coin), size in sorted(positions_before.items()):
        revaluation = notional(size, marks[coin]) - notional(size, before[coin])
        _add(results, owner, SeatResult(revaluation=revaluation))
    for instant in instants:
        _check_instant(instant)
        for owner, share in instant.shares.items():
            _add(results, owner, SeatResult(funding=share))

    remainders = tuple(
        InsuranceItem(mark.venue, "funding remainder", instant.remainder, f"{instant.coin}@{instant.time_ms}")
        for instant in instants
        if instant.remainder
    )
    withheld_before = withheld_before or {}
    attribution = Attribution(
        venue=mark.venue,
        delta=mark.delta + mark.held - sum(withheld_before.values()),  # of the attested equity
        results=dict(sorted(results.items())),
        insurance=(*remainders, *transfers),
        instants=tuple(instants),
        positions=positions,
    )
    if 0 < abs(attribution.unexplained) <= rounding:
        item = InsuranceItem(mark.venue, "venue rounding", attribution.unexplained, f"mark@{mark.as_of}")
        attribution = replace(attribution, insurance=(*attribution.insurance, item))
    attribution = _withheld(attribution, mark, withheld_before)
    attribution.check()
    return attribution


def _withheld(attribution: Attribution, mark: VenueMark, before: Mapping[int, int]) -> Attribution:
    """From the attested equity's change to the book's."""
    results = {id_: result.pnl for id_, result in attribution.results.items()}
    after = withhold(before, results, mark.held)
    part = after.get(INSURANCE, 0) - before.get(INSURANCE, 0)
    items = (InsuranceItem(mark.venue, "withheld", -part, f"mark@{mark.as_of}"),) if part else ()
    return replace(
        attribution,
        delta=mark.delta,
        withheld_before=before,
        withheld=after,
        insurance=(*attribution.insurance, *items),
    )


def _refuse_unowned(venue: str, fills: Sequence[tuple[Fill, int]]) -> None:
    for fill, owner in fills:
        if owner == UNOWNED:
            raise SeatBrokenError(venue, unowned_text(fill))


def _compare_sizes(sheet: MarkSheet, positions: Mapping[tuple[int, str], Decimal]) -> None:
    held: dict[str, Decimal] = {}
    for (_, coin), size in positions.items():
        held[coin] = held.get(coin, Decimal(0)) + size
    marked = sheet.sizes()
    for coin in sorted({*held, *marked}):
        if held.get(coin, 0) != marked.get(coin, 0):
            raise SeatBrokenError(
                sheet.venue, f"{coin}: sub-accounts hold {held.get(coin, 0)}, the mark says {marked.get(coin, 0)}"
            )


def _marks(
    sheet: MarkSheet,
    before: Mapping[str, Decimal],
    positions: Mapping[tuple[int, str], Decimal],
    fills: Sequence[tuple[Fill, int]],
) -> Mapping[str, Decimal]:
    """The sheet's mark prices. A coin in which everyone ended flat needs none, as its price cancels out: the one before
    then stands in, or the last fill's. A coin in which sub-accounts face each other must be on the sheet, at size 0."""
    marks = {fill.coin: fill.price for fill, _ in fills} | dict(before) | sheet.marks()
    for _, coin in sorted(positions):
        if coin not in sheet.marks():
            raise SeatBrokenError(sheet.venue, f"{coin}: sub-accounts hold it, but the mark sheet has no price of it")
    return marks


def _check_instant(instant: FundingInstant) -> None:
    try:
        instant.check()
    except IntegrityError as error:
        raise SeatBrokenError(instant.venue, str(error)) from error


def _add(results: dict[int, SeatResult], owner: int, part: SeatResult) -> None:
    old = results.get(owner, SeatResult())
    results[owner] = replace(
        old,
        trading=old.trading + part.trading,
        revaluation=old.revaluation + part.revaluation,
        fees=old.fees + part.fees,
        funding=old.funding + part.funding,
    )
