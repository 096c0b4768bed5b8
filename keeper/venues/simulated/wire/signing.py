"""Who signed: the hash of an L1 action, the EIP-712 digest of a user-signed one, and recovery of the signer.

L1: keccak(msgpack(action) ‖ nonce ‖ vault ‖ [expiry]) is the `connectionId` of a phantom agent signed under chain id
1337, `source` "a" on the main network and "b" anywhere else. User-signed: the action's own fields under the chain id
the wallet was on. Both as in hyperliquid-python-sdk, `utils/signing.py`.
"""

from typing import Final

import msgspec
from eth_abi.abi import encode
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from keeper.errors import InputError
from keeper.venues.simulated.wire.actions import (
    ApproveAgent,
    ApproveBuilderFee,
    CDeposit,
    CWithdraw,
    L1Action,
    SendAsset,
    SignatureWire,
    SpotSend,
    TokenDelegate,
    UsdClassTransfer,
    UsdSend,
    UserDexAbstraction,
    UserSetAbstraction,
    UserSignedAction,
    Withdraw3,
)

_DOMAIN_TYPE: Final = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_AGENT_TYPE: Final = keccak(text="Agent(string source,bytes32 connectionId)")
_PREFIX = "HyperliquidTransaction:"
_TYPES: Final[dict[type, tuple[str, str]]] = {
    ApproveAgent: ("ApproveAgent", "address agentAddress,string agentName,uint64 nonce"),
    ApproveBuilderFee: ("ApproveBuilderFee", "string maxFeeRate,address builder,uint64 nonce"),
    UsdSend: ("UsdSend", "string destination,string amount,uint64 time"),
    SpotSend: ("SpotSend", "string destination,string token,string amount,uint64 time"),
    Withdraw3: ("Withdraw", "string destination,string amount,uint64 time"),
    UsdClassTransfer: ("UsdClassTransfer", "string amount,bool toPerp,uint64 nonce"),
    SendAsset: (
        "SendAsset",
        "string destination,string sourceDex,string destinationDex,string token,string amount,"
        "string fromSubAccount,uint64 nonce",
    ),
    UserSetAbstraction: ("UserSetAbstraction", "address user,string abstraction,uint64 nonce"),
    UserDexAbstraction: ("UserDexAbstraction", "address user,bool enabled,uint64 nonce"),
    TokenDelegate: ("TokenDelegate", "address validator,uint64 wei,bool isUndelegate,uint64 nonce"),
    CDeposit: ("CDeposit", "uint64 wei,uint64 nonce"),
    CWithdraw: ("CWithdraw", "uint64 wei,uint64 nonce"),
}
SOURCES: Final = ("b", "a")


def _domain(name: str, chain_id: int) -> bytes:
    parts = [_DOMAIN_TYPE, keccak(text=name), keccak(text="1"), chain_id, "0x" + "00" * 20]
    return keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], parts))


_EXCHANGE_DOMAIN: Final = _domain("Exchange", 1337)


def action_hash(action: L1Action, nonce: int, vault: str | None, expires_after: int | None) -> bytes:
    """`connectionId` of a canonical action."""
    data = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault[2:])
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)


def l1_digest(connection_id: bytes, source: str) -> bytes:
    struct = keccak(encode(["bytes32", "bytes32", "bytes32"], [_AGENT_TYPE, keccak(text=source), connection_id]))
    return keccak(b"\x19\x01" + _EXCHANGE_DOMAIN + struct)


def user_digest(action: UserSignedAction) -> bytes:
    """The EIP-712 digest under the wallet's chain id; InputError when that id is not a hex number."""
    try:
        chain_id = int(action.signatureChainId, 16)
        domain = _domain("HyperliquidSignTransaction", chain_id)
    except (ValueError, OverflowError) as error:
        raise InputError("signatureChainId", f"not a hex number: {action.signatureChainId}") from error
    name, rest = _TYPES[type(action)]
    fields = [tuple(field.split(" ")) for field in f"string hyperliquidChain,{rest}".split(",")]
    kinds, values = ["bytes32"], [keccak(text=f"{_PREFIX}{name}(string hyperliquidChain,{rest})")]
    for kind, field in fields:
        value = getattr(action, field)
        if kind == "string":
            kinds.append("bytes32")
            values.append(keccak(text=value if isinstance(value, str) else ""))
        else:
            kinds.append(kind)
            values.append(value)
    return keccak(b"\x19\x01" + domain + keccak(encode(kinds, values)))


def recover(digest: bytes, signature: SignatureWire) -> str | None:
    """The signer's address, or None when nothing can be recovered. r and s may be short or odd hex: plain integers."""
    try:
        r, s = int(signature.r, 16), int(signature.s, 16)
        made = Signature(vrs=(signature.v - 27 if signature.v >= 27 else signature.v, r, s))
        return str(made.recover_public_key_from_msg_hash(digest).to_address())
    except (ValueError, BadSignature, ValidationError, TypeError):
        return None
