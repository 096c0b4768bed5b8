"""What happened, in the order in which the keeper learned it. The event log stores nothing else.

Everything the keeper holds in memory is a projection of these records. Money `int` micro-USDC, prices and sizes
`Decimal`, times `_ms` milliseconds, `time_s` and `as_of` seconds; `venue` is the adapter contract's address in lower
case; digests, hashes and roots are `0x` and hex.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from keeper.model.instruments import Side
from keeper.model.marks import VenueMark
from keeper.model.signed_orders import SignedOrder
from keeper.model.venue_records import Fill, LedgerRow

LegOutcome = Literal["filled", "partial", "unfilled", "refused", "absent"]
OrderOutcome = Literal["filled", "partial", "unfilled", "refused"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True, tag_field="kind"):
    """What all kinds have in common."""


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a venue's booked fills, funding payments and rows (log order) a mark covers; `time_ms` of the last
    of them, 0 if there is none."""

    fill_count: int = 0
    funding_count: int = 0
    row_count: int = 0
    time_ms: int = 0


class OrderAccepted(_Event, frozen=True):
    """A client's order, checked and owed an answer. Stores its nonce: written before anything is sent."""

    digest: str
    signer: str
    signed: SignedOrder
    at_ms: int


class RouteDecided(_Event, frozen=True):
    """`decision`: request, quotes, plan and certificate as plain JSON (numbers as text)."""

    digest: str
    at_ms: int
    decision: dict[str, Any]


class LegIntent(_Event, frozen=True):
    """One child order, written before its message leaves. `nonce` is the venue's action nonce."""

    digest: str
    leg: int
    attempt: int
    cloid: str
    venue: str
    coin: str
    side: Side
    size: Decimal
    limit_price: Decimal
    expires_ms: int
    nonce: int
    at_ms: int


class LegClosed(_Event, frozen=True):
    """`absent`: the venue proved never to have seen it. `text` in the venue's words."""

    cloid: str
    outcome: LegOutcome
    filled: Decimal
    text: str
    at_ms: int


class OrderClosed(_Event, frozen=True):
    digest: str
    status: OrderOutcome
    filled: Decimal
    text: str
    at_ms: int


class FillSeen(_Event, frozen=True):
    fill: Fill


class FundingSeen(_Event, frozen=True):
    """A coin's funding at a venue at an instant. `paid` is the seat's row, None where the venue wrote none (net flat);
    `seat_size` is the signed size of that row, 0 without one."""

    venue: str
    coin: str
    time_ms: int
    rate: Decimal
    oracle: Decimal
    paid: int | None
    seat_size: Decimal


class LedgerRowSeen(_Event, frozen=True):
    row: LedgerRow


class ChainLogSeen(_Event, frozen=True):
    """A log of the vault. `args` by Solidity's names as plain JSON: integers of any size, booleans, lists, `0x` hex for
    addresses and bytes. Unique by (block, log_index)."""

    name: str
    block: int
    log_index: int
    tx: str
    time_s: int
    args: dict[str, Any]


class TxIntent(_Event, frozen=True):
    """A transaction, written before it is sent. `key` names the purpose once and for all: a retry is the same one.
    `tx` is its hash; a raised fee makes another record with the same key and nonce."""

    key: str
    purpose: str
    to: str
    data: str
    nonce: int
    tx: str
    at_ms: int


class TxLanded(_Event, frozen=True):
    key: str
    tx: str
    block: int
    ok: bool
    text: str
    at_ms: int


class MarkTaken(_Event, frozen=True):
    mark: VenueMark
    block: int
    tx: str


class CommitPrepared(_Event, frozen=True):
    """A settlement, written before its transaction is sent. `marks` venues, `approvals` (ticket, amount) pairs;
    `withheld` by venue and sub-account, after it."""

    epoch: int
    as_of: int
    fence: int
    root: str
    statement_file: str
    statement_sha256: str
    pnl: dict[int, int]
    insurance_delta: int
    fees: int
    new_deficit: int
    marks: tuple[str, ...]
    approvals: tuple[tuple[int, int], ...]
    cuts: dict[str, Cut]
    snapshot_block: int
    at_ms: int
    withheld: dict[str, dict[int, int]] = {}


class CommitLanded(_Event, frozen=True):
    epoch: int
    tx: str
    block: int
    at_ms: int


class SeatFrozen(_Event, frozen=True):
    venue: str
    reason: str
    at_ms: int


class SeatReleased(_Event, frozen=True):
    """The entry that closes a frozen seat's case. `explains`: differences that are known from now on."""

    venue: str
    reason: str
    at_ms: int
    explains: tuple[str, ...] = ()


Event: TypeAlias = (
    OrderAccepted
    | RouteDecided
    | LegIntent
    | LegClosed
    | OrderClosed
    | FillSeen
    | FundingSeen
    | LedgerRowSeen
    | ChainLogSeen
    | TxIntent
    | TxLanded
    | MarkTaken
    | CommitPrepared
    | CommitLanded
    | SeatFrozen
    | SeatReleased
)

KINDS: Final[Mapping[str, type[Event]]] = MappingProxyType({kind.__name__: kind for kind in Event.__args__})

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def kind_of(event: Event) -> str:
    """The tag under which an event is stored: its class's name."""
    return type(event).__name__


def encode(event: Event) -> str:
    """The one spelling of an event: JSON, keys sorted, no spaces. TypeError or ValueError for what it cannot carry."""
    plain = msgspec.to_builtins(event, str_keys=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def decode(text: str | bytes) -> Event:
    """Inverse of `encode`. msgspec.ValidationError for an unknown kind or field, or a missing one."""
    return _decoder.decode(text)


def time_of(event: Event) -> int:
    """When it happened (ms): by our clock for what we did, by the venue's or the chain's for what we learned."""
    match event:
        case FillSeen(fill=fill):
            return fill.time_ms
        case LedgerRowSeen(row=row):
            return row.time_ms
        case FundingSeen():
            return event.time_ms
        case ChainLogSeen():
            return event.time_s * 1000
        case MarkTaken(mark=mark):
            return mark.as_of * 1000
        case _:
            return event.at_ms
