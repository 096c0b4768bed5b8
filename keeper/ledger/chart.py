"""Chart of accounts. Every event's postings sum to zero; positive = debit (an asset grows or a debt shrinks).

The vault's own books (they equal the chain's storage at every log):
  vault:idle, seat:<venue>             assets: cash in the vault, `book` of a venue
  client:<id>, payable:<ticket>        debts: the lane is −balance; approved, unclaimed withdrawals
  exit:<id>                            what exit has paid a sub-account; its lane stays as it was when exit started
  insurance, fees, deficit             −insurance, −fees accrued, +deficit
  settlement                           between the two logs of one commit; zero otherwise

What happened at the venues, before a commit settles it (running totals, never reset):
  venue:<venue>                        the seat's cash and notional: fills, fees, funding, money rows
  accrued:<id>, accrued:unowned        the sub-account's side of its fills, fees and funding shares
  rounding:<venue>                     funding remainders, which fall to insurance
  fees:routing                         what the broker takes of fills; what a commit waives goes back
  in-flight:<venue>                    sent and not credited yet, or paid out and not collected yet; gifts lower it
  transfers:<venue>                    the vault's side of the same: Σ collected − Σ sent

Fees of venues by kind, beside the above (`borne` is the other side, by who bore them):
  fees:taker:<venue>, fees:maker:<venue>   of fills; a maker's below zero is a rebate
  fees:transfer:<venue>                    activations and withdrawals: part of the money rows, borne by insurance
  borne:<id>, borne:unowned
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from keeper.errors import IntegrityError
from keeper.model.funding import exact_cost
from keeper.model.venue_records import Fill, LedgerRow

Posting: TypeAlias = tuple[str, int]

IDLE = "vault:idle"
INSURANCE = "insurance"
FEES = "fees"
DEFICIT = "deficit"
SETTLEMENT = "settlement"
ROUTING = "fees:routing"

UNOWNED = 0
"""The id under which fills of nobody's order are kept; ids of sub-accounts start at 1."""


def seat(venue: str) -> str:
    return f"seat:{venue}"


def client(id_: int) -> str:
    return f"client:{id_}"


def exit_paid(id_: int) -> str:
    return f"exit:{id_}"


def payable(ticket: int) -> str:
    return f"payable:{ticket}"


def venue_side(venue: str) -> str:
    return f"venue:{venue}"


def accrued(id_: int) -> str:
    return f"accrued:{id_}" if id_ != UNOWNED else "accrued:unowned"


def transfers(venue: str) -> str:
    return f"transfers:{venue}"


def in_flight(venue: str) -> str:
    return f"in-flight:{venue}"


def rounding(venue: str) -> str:
    return f"rounding:{venue}"


def venue_fees(venue: str, kind: Literal["taker", "maker", "transfer"]) -> str:
    return f"fees:{kind}:{venue}"


def borne(id_: int) -> str:
    return f"borne:{id_}" if id_ != UNOWNED else "borne:unowned"


def move(debit: str, credit: str, amount: int) -> tuple[Posting, ...]:
    """`amount` from `credit` to `debit`; nothing for 0."""
    return ((debit, amount), (credit, -amount)) if amount else ()


def fill_cash(fill: Fill) -> int:
    """What a fill does to its sub-account's cash: −s·q·price − fee, micro-USDC; IntegrityError if that would round."""
    return -notional(fill.signed_size, fill.price) - fill.fee


def fill_postings(fill: Fill, id_: int, cash: int, routing: int) -> tuple[Posting, ...]:
    """`cash`: its `fill_cash`; `routing`: the broker's fee."""
    fees = venue_fees(fill.venue, "taker" if fill.crossed else "maker")
    return (
        *move(venue_side(fill.venue), accrued(id_), cash),
        *move(fees, borne(id_), fill.fee),
        *move(accrued(id_), ROUTING, routing),
    )


def row_postings(row: LedgerRow) -> tuple[Posting, ...]:
    """A fee is part of what left, or missing in what came."""
    lines = (
        (venue_side(row.venue), row.amount),
        (venue_fees(row.venue, "transfer"), row.fee),
        (in_flight(row.venue), -row.amount - row.fee),
    )
    return tuple(line for line in lines if line[1])


def waived_postings(waived: Mapping[int, int]) -> tuple[Posting, ...]:
    """Routing fees by sub-account that a commit did not take."""
    return tuple(line for id_, amount in sorted(waived.items()) for line in move(ROUTING, accrued(id_), amount))


def funding_postings(venue: str, payment: int, shares: Mapping[int, int]) -> tuple[Posting, ...]:
    """The payment on the seat, its shares on the sub-accounts, the rest on rounding."""
    remainder = payment - sum(shares.values())
    lines = [(venue_side(venue), payment)]
    lines += [(accrued(id_), -share) for id_, share in sorted(shares.items())]
    lines += [(rounding(venue), -remainder)]
    return tuple(line for line in lines if line[1])


def balances(postings: tuple[Posting, ...], totals: dict[str, int]) -> None:
    """Adds postings to running totals."""
    for account, amount in postings:
        totals[account] = totals.get(account, 0) + amount


def notional(size: Decimal, mark: Decimal) -> int:
    """Value of a signed position at a price, exact; IntegrityError if that would round."""
    try:
        return exact_cost(size, mark)
    except ValueError as error:
        raise IntegrityError(str(error)) from error
