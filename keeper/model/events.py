"""What happened, in the order in which the keeper learned it. The event log stores nothing else.

Everything the keeper holds in memory is a projection of these records. Money `int` micro-USDC, prices and sizes
`Decimal`, times `_ms` milliseconds, `time_s` and `as_of` seconds; `venue` is the adapter contract's address in lower
case; digests, hashes and roots are `0x` and hex.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from keeper.model.decisions import pack, unpack
from keeper.model.instruments import Side
from keeper.model.marks import VenueMark
from keeper.model.signed_orders import SignedOrder
from keeper.model.statements import LogHead
from keeper.model.terms import SignedCancel
from keeper.model.venue_records import Fill, LedgerRow

LegOutcome = Literal["filled", "partial", "unfilled", "refused", "absent"]
OrderOutcome = Literal["filled", "partial", "unfilled", "refused", "cancelled", "expired"]
TimeInForce = Literal["ioc", "gtc", "alo"]
"""Immediate or cancel; good until cancelled; add liquidity only (post-only)."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True, tag_field="kind"):
    """What all kinds have in common."""


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a venue's booked fills, funding payments and rows (log order) a mark covers; `time_ms` of the last
    of them, 0 if there is none."""

    fill_count: int = 0
    funding_count: int = 0
    row_count: int = 0
    time_ms: int = 0


class RiskPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a margin check read of a coin at a venue; `mark` None: nothing yet."""

    venue: str
    coin: str
    mark: Decimal | None
    stale: bool
    max_leverage: int | None


class RiskDecided(_Event, frozen=True):
    """The margin check of an order, with all that it read besides the books. Requirements `before` and `after` the
    order and `equity` in micro-USDC, None where it ended before it came to them. `code` and `text` say why not; empty:
    it may be taken. `buffer`, `stress` and `stale_factor` are the settings in force."""

    sub_account: int
    coin: str
    side: Side
    size: Decimal
    venues: tuple[str, ...]
    prices: tuple[RiskPrice, ...]
    buffer: Decimal
    stress: Decimal
    stale_factor: Decimal
    before: int | None
    after: int | None
    equity: int | None
    code: str
    text: str
    at_ms: int


class OrderAccepted(_Event, frozen=True):
    """A client's order, checked and owed an answer. Stores its nonce: written before anything is sent. `routing_ppm`:
    what the broker takes of its fills' notional, as published when it was taken."""

    digest: str
    signer: str
    signed: SignedOrder
    at_ms: int
    routing_ppm: int = 0


class OrderStarted(_Event, frozen=True):
    """What the order waited for has come: `text` says what, with the price seen."""

    digest: str
    text: str
    at_ms: int


class CancelAsked(_Event, frozen=True):
    """Orders are to be taken back. `signed` is the client's word (its nonce is stored by this), None when it is the
    keeper's own; `text` says why."""

    digests: tuple[str, ...]
    signer: str
    signed: SignedCancel | None
    text: str
    at_ms: int


class RouteDecided(_Event, frozen=True):
    """`decision`: request, quotes, plan and certificate as plain JSON (numbers as text)."""

    digest: str
    at_ms: int
    decision: dict[str, Any]


class TopsSeen(_Event, frozen=True):
    """The best (bid, ask) of the order's coin at every venue with a live book, looked at to measure its execution:
    when it was accepted, routed and closed, and some times after each fill."""

    digest: str
    moment: Literal["accepted", "routed", "closed", "after"]
    tops: dict[str, tuple[Decimal, Decimal]]
    at_ms: int


class LegIntent(_Event, frozen=True):
    """One child order, written before its message leaves. `nonce` is the venue's action nonce; after `expires_ms` of
    its own time the venue does not take the message any more."""

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
    time_in_force: TimeInForce = "ioc"


class LegRested(_Event, frozen=True):
    """The venue has the child in its book; `oid` is its number there, when it told."""

    cloid: str
    oid: int | None
    at_ms: int


class LegCancelAsked(_Event, frozen=True):
    """A resting child is to be withdrawn, written before the message leaves; `text` says why."""

    cloid: str
    text: str
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


class SeatSeen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a round of rebalancing read of a seat. `equity` is perp and spot, `base_bps` its seat's share of all equity,
    `headroom` what its caps allow, `coming` what has been recalled and is not home. `is_at_rest`: nothing is on its way
    there or home."""

    venue: str
    tier: int
    base_bps: int
    equity: int
    margin_used: int
    notional: int
    withdrawable: int
    spot: int
    headroom: int
    coming: int
    is_at_rest: bool
    is_frozen: bool


class CashMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    venue: str
    amount: int


class RebalanceDecided(_Event, frozen=True):
    """Cash to call home and cash to send, with all that it was decided from; stored before the first of it is done.
    `idle`, `payables`, `free_cash` and `sum_equity` are the vault's, `wanted` is what withdrawals wait for.
    `may_recall` and `may_send`: whether there was time for it before the next commit. micro-USDC."""

    seats: tuple[SeatSeen, ...]
    idle: int
    payables: int
    free_cash: int
    sum_equity: int
    wanted: int
    may_recall: bool
    may_send: bool
    stress_bps: int
    top_up_bps: int
    at_ms: int
    recalls: tuple[CashMove, ...] = ()
    top_ups: tuple[CashMove, ...] = ()


class MarkTaken(_Event, frozen=True):
    mark: VenueMark
    block: int
    tx: str


class SettlementInputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a settlement was built from besides the books: the vault's own figures, read after the marks, the margin
    that sub-accounts needed by then, and the log's head, which the statement names."""

    chain_id: int
    vault: str
    idle: int
    payables: int
    insurance: int
    deficit: int
    requirements: dict[int, int]
    log: LogHead
    fee_allowance: int = 0


class CommitPrepared(_Event, frozen=True):
    """A settlement, written before its transaction is sent. `marks` venues, `approvals` (ticket, amount) pairs;
    `withheld` by venue and sub-account, after it; `routing` by sub-account: the routing fees taken, which `pnl` is net
    of and which add up to `fees`. With `inputs` the same commit can be built again."""

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
    inputs: SettlementInputs | None = None
    routing: dict[int, int] = {}


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
    RiskDecided
    | OrderAccepted
    | OrderStarted
    | CancelAsked
    | RouteDecided
    | TopsSeen
    | LegIntent
    | LegRested
    | LegCancelAsked
    | LegClosed
    | OrderClosed
    | FillSeen
    | FundingSeen
    | LedgerRowSeen
    | ChainLogSeen
    | TxIntent
    | TxLanded
    | RebalanceDecided
    | MarkTaken
    | CommitPrepared
    | CommitLanded
    | SeatFrozen
    | SeatReleased
)

KINDS: Final[Mapping[str, type[Event]]] = MappingProxyType({kind.__name__: kind for kind in Event.__args__})

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)

SCHEMA: Final = 1
"""Version of this vocabulary, stored with every event. New kinds, and new fields that have a default, need no new one.
Any other change does, and then `STEPS` says how the plain JSON of a version becomes that of the next."""

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Final[Mapping[int, Step]] = MappingProxyType({})
"""By the version that a step leads away from."""


def kind_of(event: Event) -> str:
    """The tag under which an event is stored: its class's name."""
    return type(event).__name__


def encode(event: Event) -> str:
    """The one spelling of an event: JSON, keys sorted, no spaces. TypeError or ValueError for what it cannot carry."""
    plain = msgspec.to_builtins(event, str_keys=True)
    if isinstance(event, RouteDecided):
        plain["decision"] = pack(plain["decision"])
    return _ENCODER.encode(plain)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def decode(text: str | bytes, schema: int = SCHEMA) -> Event:
    """Inverse of `encode`, of any version up to ours. msgspec.ValidationError for an unknown version, kind or field, or
    a missing one."""
    event = _decoder.decode(text if schema == SCHEMA else carried_forward(text, schema, STEPS, SCHEMA))
    if isinstance(event, RouteDecided):
        try:
            return msgspec.structs.replace(event, decision=unpack(event.decision))
        except ValueError as error:
            raise msgspec.ValidationError(str(error)) from error
    return event


def carried_forward(text: str | bytes, schema: int, steps: Mapping[int, Step], to: int) -> bytes:
    """A body of version `schema` as one of version `to`; the stored one stays as it is."""
    if not 1 <= schema <= to:
        raise msgspec.ValidationError(f"version {schema} of the events; this program knows 1 to {to}")
    body = json.loads(text)
    for version in range(schema, to):
        body = steps[version](body)
    return json.dumps(body).encode()


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
