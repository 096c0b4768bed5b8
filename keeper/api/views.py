"""What the API answers. Amounts are USDC as decimal strings, times milliseconds."""

from decimal import Decimal
from typing import Any

import msgspec

from keeper.model.terms import Terms
from keeper.tca import OrderReport, Summary


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    instrument: str
    venue: str
    size: Decimal
    mark: Decimal | None
    notional: Decimal | None


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    ticket: int
    receiver: str
    remaining: Decimal
    payable: Decimal


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """A sub-account. `balance` is its lane on chain; `withheld` its gains in quarantine, which count for margin and not
    for withdrawal; `equity` adds the profit and loss since the last commit to both."""

    id: int
    owner: str
    generation: int
    open: bool
    balance: Decimal
    withheld: Decimal
    equity: Decimal
    margin_required: Decimal
    positions: tuple[PositionView, ...]
    tickets: tuple[TicketView, ...]


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    venue: str
    cloid: str
    size: Decimal
    limit_price: Decimal
    time_in_force: str
    state: str
    outcome: str | None
    filled: Decimal
    average_price: Decimal | None


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order and what became of it; `filled` counts fills of children that still rest. `price_improvement_bps`
    against the best single venue that could have filled it; None when there was none. `routing_fee_ppm`: what the
    broker takes of its fills' notional, in parts per million."""

    digest: str
    sub_account: int
    instrument: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: str
    reduce_only: bool
    terms: Terms | None
    filled: Decimal
    average_price: Decimal | None
    status: str
    text: str
    legs: tuple[LegView, ...]
    price_improvement_bps: Decimal | None
    best_single_venue: str | None
    routing_fee_ppm: int = 0


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """What the router would do now. `decision` holds request, quotes and plan with its certificate, numbers as text;
    `names` calls the venues what the operator calls them."""

    instrument: str
    names: dict[str, str]
    decision: dict[str, Any]


class ImpactView(msgspec.Struct, frozen=True, kw_only=True):
    """How the impact model does at a venue: errors out of sample in bps, of the model and of the book alone. It is used
    only while it does better."""

    fills: int
    used: bool
    coefficient_bps: Decimal
    bias_bps: Decimal
    model_rms_bps: Decimal
    book_rms_bps: Decimal


class TcaView(msgspec.Struct, frozen=True, kw_only=True):
    """Execution quality: each order, all together, and the impact model by venue's name."""

    orders: tuple[OrderReport, ...]
    summary: Summary
    impact: dict[str, ImpactView]


class CancelView(msgspec.Struct, frozen=True, kw_only=True):
    """The orders that are being taken back; each ends when its venue has shown the end of all that rested."""

    orders: tuple[OrderView, ...]


class SeatView(msgspec.Struct, frozen=True, kw_only=True):
    """A seat. `equity` as its venue shows it now, `book` as the vault counts it; `out_of_routing` says why nothing
    new is sent there, None while it may be."""

    venue: str
    name: str
    tier: int
    equity: Decimal
    book: Decimal
    target: Decimal
    cap: Decimal
    frozen: str | None
    out_of_routing: str | None
    live_books: int


class TopUpView(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer the rebalancer started by itself, with the numbers that made it due."""

    venue: str
    target: Decimal
    equity_before: Decimal
    amount: Decimal
    equity_after: Decimal | None
    at_ms: int


class StatusView(msgspec.Struct, frozen=True, kw_only=True):
    state: str
    time_ms: int
    chain_id: int
    block: int
    vault: str
    epoch: int
    committed_at: int
    idle: Decimal
    insurance: Decimal
    deficit: Decimal
    payables: Decimal
    total_equity: Decimal
    seats: tuple[SeatView, ...]
    top_ups: tuple[TopUpView, ...]
    open_orders: int
    events: int
    head: str


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused: the field, what is wrong with it and how to mend it."""

    error: str
    field: str
    code: str


class VenueAddress(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    adapter: str
    tier: int


class PageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a page needs to talk to the chain itself."""

    chainId: int  # noqa: N815 - the page is TypeScript
    rpc: str
    vault: str
    usdc: str
    instruments: tuple[str, ...]
    venues: tuple[VenueAddress, ...]


class SeatLookView(msgspec.Struct, frozen=True, kw_only=True):
    """A seat as reconciliation last saw it; times ms, 0 = never. `case`: its name while the seat is frozen."""

    venue: str
    name: str
    read_ms: int
    records_read_ms: int
    unread_since_ms: int
    breaks: tuple[str, ...]
    explained: tuple[str, ...]
    frozen: str | None
    case: str | None


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """Venues against books, books against chain."""

    time_ms: int
    chain_id: int
    vault: str
    chain_read_ms: int
    chain_breaks: tuple[str, ...]
    seats: tuple[SeatLookView, ...]


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What closes a case: `why` for people, `signature` of a keeper of the vault (EIP-191) over case and why."""

    case: str
    why: str
    signature: str
