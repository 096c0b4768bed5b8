"""CoreWriter's actions: 0x01, three bytes of action id, then the ABI-encoded fields.

A payload counts only if it is byte for byte what an encoder would have made of its fields: Core drops anything else.
Actions that a venue contract of ours never sends are not known here, and dropped like the malformed ones.
"""

from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

SPOT_DEX = 2**32 - 1
USDC_TOKEN = 0
USDC_SYSTEM = "0x2000000000000000000000000000000000000000"
NO_SUB_ACCOUNT = "0x" + "0" * 40


@dataclass(frozen=True)
class LimitOrder:
    """Action 1: price and size × 1e8; tif 1 ALO, 2 GTC, 3 IOC; cloid 0 is none."""

    asset: int
    is_buy: bool
    limit_price: int
    size: int
    reduce_only: bool
    tif: int
    cloid: int


@dataclass(frozen=True)
class CancelByOid:
    """Action 10."""

    asset: int
    oid: int


@dataclass(frozen=True)
class CancelByCloid:
    """Action 11."""

    asset: int
    cloid: int


@dataclass(frozen=True)
class UsdClassTransfer:
    """Action 7: micro-USDC between perp and spot."""

    amount: int
    to_perp: bool


@dataclass(frozen=True)
class AddAgent:
    """Action 9: the agent of that name, in place of the one before."""

    agent: str
    name: str


@dataclass(frozen=True)
class SendAsset:
    """Action 13: `wei` in the token's own decimals (USDC 1e-8); to the system address: out to the EVM."""

    destination: str
    sub_account: str
    source_dex: int
    destination_dex: int
    token: int
    wei: int

    @property
    def leaves_core(self) -> bool:
        """USDC of the spot balance, to the sender's own address on the EVM."""
        return (
            self.destination == USDC_SYSTEM
            and self.sub_account == NO_SUB_ACCOUNT
            and self.source_dex == self.destination_dex == SPOT_DEX
            and self.token == USDC_TOKEN
        )


@dataclass(frozen=True)
class SetAbstraction:
    """Action 16: an account's mode; 1 disabled, 2 unified, 3 portfolio margin."""

    user: str
    mode: int


Action = LimitOrder | CancelByOid | CancelByCloid | UsdClassTransfer | AddAgent | SendAsset | SetAbstraction

KINDS: dict[int, tuple[type[Action], tuple[str, ...]]] = {
    1: (LimitOrder, ("uint32", "bool", "uint64", "uint64", "bool", "uint8", "uint128")),
    7: (UsdClassTransfer, ("uint64", "bool")),
    9: (AddAgent, ("address", "string")),
    10: (CancelByOid, ("uint32", "uint64")),
    11: (CancelByCloid, ("uint32", "uint128")),
    13: (SendAsset, ("address", "address", "uint32", "uint32", "uint64", "uint64")),
    16: (SetAbstraction, ("address", "uint8")),
}


def decode_action(payload: bytes) -> Action | None:
    """The action, or None for what Core would drop: unknown, malformed or not canonically encoded."""
    if payload[:1] != b"\x01" or len(payload) < 4:
        return None
    kind, types = KINDS.get(int.from_bytes(payload[1:4], "big"), (None, ()))
    if kind is None:
        return None
    try:
        fields = decode(types, payload[4:])
        if encode(types, fields) != payload[4:]:
            return None
    except (DecodingError, UnicodeDecodeError):
        return None
    return kind(*fields)
