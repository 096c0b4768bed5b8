"""The actions the simulated venue understands, as typed structs.

Field order is the venue's canonical order, because the server hashes what it decoded, re-encoded, never the received
text. Values are canonical after `canonical`: numbers without trailing zeros, hex in lower case. Whatever is not
described here does not decode, which the venue answers with 422.
"""

import re
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from keeper.errors import InputError

_NUMBER = re.compile(r"\d{1,30}(\.\d{1,40})?")
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{40}")
_CLOID = re.compile(r"0x[0-9a-fA-F]{32}")
WIRE_DECIMALS = 8


class LimitType(Struct):
    tif: Literal["Gtc", "Ioc", "Alo", "FrontendMarket"]


class TriggerType(Struct):
    isMarket: bool  # noqa: N815 - wire name
    triggerPx: str  # noqa: N815 - wire name
    tpsl: Literal["tp", "sl"]


class OrderType(Struct):
    limit: LimitType | UnsetType = UNSET
    trigger: TriggerType | UnsetType = UNSET


class OrderWire(Struct):
    a: int
    b: bool
    p: str
    s: str
    r: bool
    t: OrderType
    c: str | UnsetType | None = UNSET


class Builder(Struct):
    b: str
    f: int


class CancelWire(Struct):
    a: int
    o: int


class CancelByCloidWire(Struct):
    asset: int
    cloid: str


class Order(Struct, tag_field="type", tag="order", forbid_unknown_fields=True):
    orders: list[OrderWire]
    grouping: Literal["na", "normalTpsl", "positionTpsl"]
    builder: Builder | UnsetType | None = UNSET


class Cancel(Struct, tag_field="type", tag="cancel", forbid_unknown_fields=True):
    cancels: list[CancelWire]


class CancelByCloid(Struct, tag_field="type", tag="cancelByCloid", forbid_unknown_fields=True):
    cancels: list[CancelByCloidWire]


class UpdateLeverage(Struct, tag_field="type", tag="updateLeverage", forbid_unknown_fields=True):
    asset: int
    isCross: bool  # noqa: N815 - wire name
    leverage: int


class Noop(Struct, tag_field="type", tag="noop", forbid_unknown_fields=True):
    pass


class _UserSigned(Struct, forbid_unknown_fields=True, kw_only=True):
    signatureChainId: str  # noqa: N815 - wire name
    hyperliquidChain: Literal["Mainnet", "Testnet"]  # noqa: N815 - wire name


class ApproveAgent(_UserSigned, tag_field="type", tag="approveAgent", kw_only=True):
    agentAddress: str  # noqa: N815 - wire name
    agentName: str | UnsetType | None = UNSET  # noqa: N815 - wire name
    nonce: int


class UsdSend(_UserSigned, tag_field="type", tag="usdSend", kw_only=True):
    destination: str
    amount: str
    time: int


class Withdraw3(_UserSigned, tag_field="type", tag="withdraw3", kw_only=True):
    destination: str
    amount: str
    time: int


class UsdClassTransfer(_UserSigned, tag_field="type", tag="usdClassTransfer", kw_only=True):
    amount: str
    toPerp: bool  # noqa: N815 - wire name
    nonce: int


L1Action = Order | Cancel | CancelByCloid | UpdateLeverage | Noop
UserSignedAction = ApproveAgent | UsdSend | Withdraw3 | UsdClassTransfer
Action = L1Action | UserSignedAction


class SignatureWire(Struct):
    r: str
    s: str
    v: int


class Envelope(Struct, forbid_unknown_fields=True):
    """The body of POST /exchange."""

    action: Action
    nonce: int
    signature: SignatureWire
    vaultAddress: str | None = None  # noqa: N815 - wire name
    expiresAfter: int | None = None  # noqa: N815 - wire name


_DECODER = msgspec.json.Decoder(Envelope)


def decode(body: bytes | Any) -> Envelope:
    """The typed, canonical envelope; msgspec.ValidationError or InputError when it is not one (HTTP 422)."""
    envelope = _DECODER.decode(body) if isinstance(body, bytes) else msgspec.convert(body, Envelope)
    canonical(envelope.action)
    if envelope.vaultAddress is not None:
        envelope.vaultAddress = address(envelope.vaultAddress, "vaultAddress")
    return envelope


def canonical(action: Action) -> None:
    """Rewrites the action's numbers, addresses and ids in the form that is hashed."""
    if isinstance(action, Order):
        for order in action.orders:
            _canonical_order(order)
        if isinstance(action.builder, Builder):
            action.builder.b = address(action.builder.b, "builder.b")
        else:
            action.builder = UNSET
    elif isinstance(action, CancelByCloid):
        for cancel in action.cancels:
            cancel.cloid = cloid(cancel.cloid)
    elif isinstance(action, ApproveAgent):
        action.agentAddress = address(action.agentAddress, "agentAddress")
        if action.agentName is None:
            action.agentName = UNSET


def _canonical_order(order: OrderWire) -> None:
    if (order.t.limit is UNSET) == (order.t.trigger is UNSET):
        raise InputError("t", "exactly one of limit and trigger")
    order.p, order.s = number(order.p, "p"), number(order.s, "s")
    if isinstance(order.t.trigger, TriggerType):
        order.t.trigger.triggerPx = number(order.t.trigger.triggerPx, "triggerPx")
    order.c = cloid(order.c) if isinstance(order.c, str) else UNSET


def number(text: str, field: str) -> str:
    """A plain decimal of at most 8 decimals, without trailing zeros."""
    if not _NUMBER.fullmatch(text):
        raise InputError(field, f"not a plain decimal number: {text}")
    plain = f"{Decimal(text):f}"
    whole, _, part = plain.partition(".")
    part = part.rstrip("0")
    if len(part) > WIRE_DECIMALS:
        raise InputError(field, f"more than {WIRE_DECIMALS} decimals: {text}")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{part}" if part else whole


def address(text: str, field: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise InputError(field, f"not an address: {text}")
    return "0x" + text[-40:].lower()


def cloid(text: str) -> str:
    if not _CLOID.fullmatch(text):
        raise InputError("cloid", f"not 0x and 32 hex digits: {text}")
    return text.lower()
