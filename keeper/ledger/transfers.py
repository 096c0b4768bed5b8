"""Money that reached or left a seat without being anyone's result (rule H6).

Between two marks the vault's book of a seat changes by what it sent less what it collected, the seat's equity by its
ledger rows. Where the two differ, insurance wins or pays, and a row must say why:

    Σ rows − sent + collected + (uncollected − uncollected before)
        = Σ gifts − Σ costs,      uncollected = value − sheet equity (lies in the seat's contract, T2)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from keeper.ledger.errors import SeatBrokenError
from keeper.ledger.vault import Movement
from keeper.model.venue_records import LedgerRow

Kind = Literal["gift", "transfer cost", "funding remainder", "venue rounding", "bad debt", "withheld"]


@dataclass(frozen=True, slots=True)
class InsuranceItem:
    """One reason why insurance changes: `amount` micro-USDC, `reference` the row's own, or a funding instant's."""

    venue: str
    kind: Kind
    amount: int
    reference: str


def transfer_items(
    venue: str, rows: Sequence[LedgerRow], movements: Sequence[Movement], uncollected_change: int
) -> tuple[InsuranceItem, ...]:
    """The items, in the rows' order. SeatBrokenError when a send was not credited, money left that did not arrive
    (yet), or a cost has no row."""
    sends = [movement.amount for movement in movements if movement.kind == "sent"]
    collected = [movement for movement in movements if movement.kind == "collected"]
    credits = [row for row in rows if row.amount > 0]
    debits = [row for row in rows if row.amount < 0]

    items = _credited(venue, credits, sends)
    items += [InsuranceItem(venue, "transfer cost", -row.fee, row.reference) for row in debits if row.fee]

    home = left_for_home(rows)
    arrived = sum(movement.amount for movement in collected) + uncollected_change
    if arrived < home:
        raise SeatBrokenError(
            venue,
            f"{home} micro-USDC left it, only {arrived} arrived at its contract; mark it again once the rest is there",
        )
    if arrived > home:  # the chain is the evidence: anyone may send USDC to the seat's contract
        reference = collected[-1].tx if collected else "uncollected"
        items.append(InsuranceItem(venue, "gift", arrived - home, reference))
    return tuple(items)


def left_for_home(rows: Sequence[LedgerRow]) -> int:
    """What is to arrive of all that left the seat: its fees stay at the venue."""
    return sum(-row.amount - row.fee for row in rows if row.amount < 0)


def _credited(venue: str, credits: Sequence[LedgerRow], sends: Sequence[int]) -> list[InsuranceItem]:
    """Pairs each send with the row that credits it: of the same amount, else of that amount less its fee. Rows without
    a send are gifts."""
    gifts = list(credits)
    items: list[InsuranceItem] = []
    for amount in sends:
        row = next((row for row in gifts if row.amount == amount), None)
        if row is None:
            row = next((row for row in gifts if row.amount + row.fee == amount), None)
            if row is None:
                raise SeatBrokenError(venue, f"a send of {amount} micro-USDC has no row that credits it")
            items.append(InsuranceItem(venue, "transfer cost", -row.fee, row.reference))
        gifts.remove(row)
    return items + [InsuranceItem(venue, "gift", row.amount, row.reference) for row in gifts]
