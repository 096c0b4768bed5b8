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
    f: bool | UnsetType = UNSET


class CancelByCloid(Struct, tag_field="type", tag="cancelByCloid", forbid_unknown_fields=True):
    cancels: list[CancelByCloidWire]
    f: bool | UnsetType = UNSET


class ModifyWire(Struct):
    oid: int | str
    order: OrderWire


class Modify(Struct, tag_field="type", tag="modify", forbid_unknown_fields=True):
    oid: int | str
    order: OrderWire
    a: bool | UnsetType = UNSET


class BatchModify(Struct, tag_field="type", tag="batchModify", forbid_unknown_fields=True):
    modifies: list[ModifyWire]
    a: bool | UnsetType = UNSET


class ScheduleCancel(Struct, tag_field="type", tag="scheduleCancel", forbid_unknown_fields=True):
    time: int | UnsetType | None = UNSET


class UpdateLeverage(Struct, tag_field="type", tag="updateLeverage", forbid_unknown_fields=True):
    asset: int
    isCross: bool  # noqa: N815 - wire name
    leverage: int


class UpdateIsolatedMargin(Struct, tag_field="type", tag="updateIsolatedMargin", forbid_unknown_fields=True):
    asset: int
    isBuy: bool  # noqa: N815 - wire name
    ntli: int


class TwapWire(Struct):
    a: int
    b: bool
    s: str
    r: bool
    m: int
    t: bool


class TwapOrder(Struct, tag_field="type", tag="twapOrder", forbid_unknown_fields=True):
    twap: TwapWire


class TwapCancel(Struct, tag_field="type", tag="twapCancel", forbid_unknown_fields=True):
    a: int
    t: int


class VaultTransfer(Struct, tag_field="type", tag="vaultTransfer", forbid_unknown_fields=True):
    vaultAddress: str  # noqa: N815 - wire name
    isDeposit: bool  # noqa: N815 - wire name
    usd: int


class CreateSubAccount(Struct, tag_field="type", tag="createSubAccount", forbid_unknown_fields=True):
    name: str


class SubAccountTransfer(Struct, tag_field="type", tag="subAccountTransfer", forbid_unknown_fields=True):
    subAccountUser: str  # noqa: N815 - wire name
    isDeposit: bool  # noqa: N815 - wire name
    usd: int


class SubAccountSpotTransfer(Struct, tag_field="type", tag="subAccountSpotTransfer", forbid_unknown_fields=True):
    subAccountUser: str  # noqa: N815 - wire name
    isDeposit: bool  # noqa: N815 - wire name
    token: str
    amount: str


class AgentSendAsset(Struct, tag_field="type", tag="agentSendAsset", forbid_unknown_fields=True):
    destination: str
    sourceDex: str  # noqa: N815 - wire name
    destinationDex: str  # noqa: N815 - wire name
    token: str
    amount: str
    fromSubAccount: str  # noqa: N815 - wire name
    nonce: int


class AgentSetAbstraction(Struct, tag_field="type", tag="agentSetAbstraction", forbid_unknown_fields=True):
    abstraction: Literal["i", "u", "p"]


class AgentEnableDexAbstraction(Struct, tag_field="type", tag="agentEnableDexAbstraction", forbid_unknown_fields=True):
    pass


class SetReferrer(Struct, tag_field="type", tag="setReferrer", forbid_unknown_fields=True):
    code: str


class ClaimRewards(Struct, tag_field="type", tag="claimRewards", forbid_unknown_fields=True):
    pass


class ReserveRequestWeight(Struct, tag_field="type", tag="reserveRequestWeight", forbid_unknown_fields=True):
    weight: int


class EvmUserModify(Struct, tag_field="type", tag="evmUserModify", forbid_unknown_fields=True):
    usingBigBlocks: bool  # noqa: N815 - wire name


class Noop(Struct, tag_field="type", tag="noop", forbid_unknown_fields=True):
    pass


class _UserSigned(Struct, forbid_unknown_fields=True, kw_only=True):
    signatureChainId: str  # noqa: N815 - wire name
    hyperliquidChain: Literal["Mainnet", "Testnet"]  # noqa: N815 - wire name


class ApproveAgent(_UserSigned, tag_field="type", tag="approveAgent", kw_only=True):
    agentAddress: str  # noqa: N815 - wire name
    agentName: str | UnsetType | None = UNSET  # noqa: N815 - wire name
    nonce: int


class ApproveBuilderFee(_UserSigned, tag_field="type", tag="approveBuilderFee", kw_only=True):
    maxFeeRate: str  # noqa: N815 - wire name
    builder: str
    nonce: int


class UsdSend(_UserSigned, tag_field="type", tag="usdSend", kw_only=True):
    destination: str
    amount: str
    time: int


class SpotSend(_UserSigned, tag_field="type", tag="spotSend", kw_only=True):
    destination: str
    token: str
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


class SendAsset(_UserSigned, tag_field="type", tag="sendAsset", kw_only=True):
    destination: str
    sourceDex: str  # noqa: N815 - wire name
    destinationDex: str  # noqa: N815 - wire name
    token: str
    amount: str
    fromSubAccount: str  # noqa: N815 - wire name
    nonce: int


class UserSetAbstraction(_UserSigned, tag_field="type", tag="userSetAbstraction", kw_only=True):
    user: str
    abstraction: Literal["disabled", "unifiedAccount", "portfolioMargin"]
    nonce: int


class UserDexAbstraction(_UserSigned, tag_field="type", tag="userDexAbstraction", kw_only=True):
    user: str
    enabled: bool
    nonce: int


class TokenDelegate(_UserSigned, tag_field="type", tag="tokenDelegate", kw_only=True):
    validator: str
    wei: int
    isUndelegate: bool  # noqa: N815 - wire name
    nonce: int


class CDeposit(_UserSigned, tag_field="type", tag="cDeposit", kw_only=True):
    wei: int
    nonce: int


class CWithdraw(_UserSigned, tag_field="type", tag="cWithdraw", kw_only=True):
    wei: int
    nonce: int


L1Action = (
    Order
    | Cancel
    | CancelByCloid
    | Modify
    | BatchModify
    | ScheduleCancel
    | UpdateLeverage
    | UpdateIsolatedMargin
    | TwapOrder
    | TwapCancel
    | VaultTransfer
    | CreateSubAccount
    | SubAccountTransfer
    | SubAccountSpotTransfer
    | AgentSendAsset
    | AgentSetAbstraction
    | AgentEnableDexAbstraction
    | SetReferrer
    | ClaimRewards
    | ReserveRequestWeight
    | EvmUserModify
    | Noop
)
UserSignedAction = (
    ApproveAgent
    | ApproveBuilderFee
    | UsdSend
    | SpotSend
    | Withdraw3
    | UsdClassTransfer
    | SendAsset
    | UserSetAbstraction
    | UserDexAbstraction
    | TokenDelegate
    | CDeposit
    | CWithdraw
)
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


_ADDRESSES = (
    "agentAddress",
    "builder",
    "destination",
    "fromSubAccount",
    "subAccountUser",
    "user",
    "validator",
    "vaultAddress",
)
"""Fields that are typed addresses: hashed in lower case, however they came. What a wallet signs as text stays."""


def canonical(action: Action) -> None:
    """Rewrites the action's numbers, addresses and ids in the form that is hashed."""
    if isinstance(action, Order):
        for order in action.orders:
            _canonical_order(order)
        if isinstance(action.builder, Builder):
            action.builder.b = address(action.builder.b, "builder.b")
        else:
            action.builder = UNSET
    elif isinstance(action, Modify):
        action.oid = _oid(action.oid)
        _canonical_order(action.order)
    elif isinstance(action, BatchModify):
        for modify in action.modifies:
            modify.oid = _oid(modify.oid)
            _canonical_order(modify.order)
    elif isinstance(action, CancelByCloid):
        for cancel in action.cancels:
            cancel.cloid = cloid(cancel.cloid)
    elif isinstance(action, TwapOrder):
        action.twap.s = number(action.twap.s, "s")
    elif isinstance(action, (ApproveAgent, ApproveBuilderFee, UserSetAbstraction, UserDexAbstraction, TokenDelegate)):
        _lower(action)
        if isinstance(action, ApproveAgent) and action.agentName is None:
            action.agentName = UNSET
    elif isinstance(action, (VaultTransfer, SubAccountTransfer, SubAccountSpotTransfer)):
        _lower(action)
    for flag in ("a", "f"):
        if getattr(action, flag, True) is False and not isinstance(action, TwapCancel):
            setattr(action, flag, UNSET)
    if isinstance(action, ScheduleCancel) and action.time is None:
        action.time = UNSET


def _lower(action: Struct) -> None:
    for name in _ADDRESSES:
        value = getattr(action, name, None)
        if isinstance(value, str):
            setattr(action, name, address(value, name))


def _oid(oid: int | str) -> int | str:
    return cloid(oid) if isinstance(oid, str) else oid


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
