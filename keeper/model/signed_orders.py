"""Clients' orders, signed by EIP-712 (rule I). The digest names the order everywhere after that."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data

from keeper.model.amounts import from_e8
from keeper.model.hashing import keccak
from keeper.model.instruments import Side
from keeper.model.terms import DOMAIN, Terms

SIDES: tuple[Side, Side] = ("buy", "sell")
IOC, GTC, ALO = 0, 1, 2
OBJECTIVE_ALL_IN = 0

FIELDS: tuple[tuple[str, str], ...] = (
    ("subAccount", "uint32"),
    ("instrument", "string"),
    ("side", "uint8"),
    ("quantity", "uint64"),
    ("limitPrice", "uint64"),
    ("timeInForce", "uint8"),
    ("objective", "uint8"),
    ("holdingHours", "uint32"),
    ("maxSlippageBps", "uint16"),
    ("venues", "address[]"),
    ("reduceOnly", "bool"),
    ("nonce", "uint64"),
    ("deadline", "uint64"),
)

TYPES: Mapping[str, list[dict[str, str]]] = {
    "EIP712Domain": DOMAIN,
    "Order": [{"name": name, "type": kind} for name, kind in FIELDS],
}


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client signs. Field names are those of the EIP-712 type.

    `side` 0 buy, 1 sell; `quantity` and `limitPrice` × 1e8; `limitPrice` 0 = bounded by `maxSlippageBps` alone;
    `venues` = adapter addresses, empty = all; `nonce` unique per signer; `deadline` in seconds.
    """

    subAccount: int  # noqa: N815 - the signed names
    instrument: str
    side: int
    quantity: int
    limitPrice: int = 0  # noqa: N815
    timeInForce: int = IOC  # noqa: N815
    objective: int = OBJECTIVE_ALL_IN
    holdingHours: int = 8  # noqa: N815
    maxSlippageBps: int = 50  # noqa: N815
    venues: tuple[str, ...] = ()
    reduceOnly: bool = False  # noqa: N815
    nonce: int
    deadline: int

    @property
    def direction(self) -> Side:
        return SIDES[self.side]

    @property
    def size(self) -> Decimal:
        return from_e8(self.quantity)

    @property
    def limit(self) -> Decimal | None:
        return from_e8(self.limitPrice) if self.limitPrice else None


class SignedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order with its 65-byte ECDSA signature in hex; with its terms and theirs when its objective says so."""

    order: Order
    signature: str
    terms: Terms | None = None
    termsSignature: str = ""  # noqa: N815 - as in the signed names


def typed_data(order: Order, *, chain_id: int, vault: str) -> dict[str, Any]:
    """The EIP-712 document that a wallet shows (`eth_signTypedData_v4`)."""
    return {
        "types": TYPES,
        "primaryType": "Order",
        "domain": {"name": "Perp Prime", "version": "1", "chainId": chain_id, "verifyingContract": vault},
        "message": {name: list(order.venues) if name == "venues" else getattr(order, name) for name, _ in FIELDS},
    }


def signable(order: Order, *, chain_id: int, vault: str) -> SignableMessage:
    """What is signed. Raises what eth-account raises when a field is out of its type's range."""
    return encode_typed_data(full_message=typed_data(order, chain_id=chain_id, vault=vault))


def digest_of(message: SignableMessage) -> bytes:
    """The 32-byte EIP-712 digest of a message."""
    return keccak(b"\x19" + message.version + message.header + message.body)


def sign_order(order: Order, *, chain_id: int, vault: str, key: str) -> SignedOrder:
    """Signs with a private key: for tests, scripts and the demo; a client's wallet does this itself."""
    signed = Account.sign_message(signable(order, chain_id=chain_id, vault=vault), key)
    return SignedOrder(order=order, signature="0x" + bytes(signed.signature).hex())


def recover(signed: SignedOrder, *, chain_id: int, vault: str) -> tuple[str, bytes]:
    """The signer's address (checksummed) and the order's digest. ValueError when nothing can be recovered."""
    message = signable(signed.order, chain_id=chain_id, vault=vault)
    try:
        signer: str = Account.recover_message(message, signature=signed.signature)
    except Exception as error:  # eth-keys and eth-account raise a dozen kinds for a malformed signature
        raise ValueError(f"no signer can be recovered: {error}") from error
    return signer, digest_of(message)
