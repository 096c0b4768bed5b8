"""What a client signs beside an order: the terms under which it is worked, and taking orders back.

An order of objective 1 (`OBJECTIVE_TERMS`) may be worked under its terms only: a second EIP-712 message of the same
domain that names the order's digest. An order of objective 0 has none. So nobody can drop the terms of an order, and
client order ids still derive from the order alone (rule H1).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data

from keeper.model.amounts import from_e8

OBJECTIVE_TERMS = 1

NO_TRIGGER, AT_OR_ABOVE, AT_OR_BELOW = 0, 1, 2
NOBODY = "0x" + "00" * 32

TERMS_FIELDS: tuple[tuple[str, str], ...] = (
    ("order", "bytes32"),
    ("trigger", "uint8"),
    ("triggerPrice", "uint64"),
    ("after", "bytes32"),
    ("afterWhole", "bool"),
    ("group", "bytes32"),
    ("replaces", "bytes32"),
    ("duration", "uint32"),
    ("slices", "uint16"),
    ("participationBps", "uint16"),
)

CANCEL_FIELDS: tuple[tuple[str, str], ...] = (
    ("subAccount", "uint32"),
    ("orders", "bytes32[]"),
    ("nonce", "uint64"),
    ("deadline", "uint64"),
)

DOMAIN: list[dict[str, str]] = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Field names are those of the EIP-712 type. What is left out does not apply.

    `order`: the order's digest. `trigger` 1 or 2 with `triggerPrice` (× 1e8): nothing is sent before the median of its
    venues' fresh mark prices is at or above (at or below) it. `after`: nothing is sent before that order has ended with
    a fill (with all of it when `afterWhole`); if it ends otherwise, so does this one. `group`: of all orders naming it,
    together no more is filled than the one asks for, and the first to trigger takes back the others. `replaces`: that
    order is taken back first, and what it filled counts as filled here. `slices` over `duration` seconds: an equal part
    at each step, what was missed is caught up; each part takes at most `participationBps` of the depth in sight (0 = no
    cap).
    """

    order: str
    trigger: int = NO_TRIGGER
    triggerPrice: int = 0  # noqa: N815 - the signed names
    after: str = NOBODY
    afterWhole: bool = False  # noqa: N815
    group: str = NOBODY
    replaces: str = NOBODY
    duration: int = 0
    slices: int = 0
    participationBps: int = 0  # noqa: N815

    @property
    def trigger_price(self) -> Decimal:
        return from_e8(self.triggerPrice)

    @property
    def waits(self) -> bool:
        """For its trigger or another order's end."""
        return self.trigger != NO_TRIGGER or self.after != NOBODY or self.replaces != NOBODY


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Takes back orders of a sub-account by digest; none named = all that are open. `nonce` is one of the signer's, as
    an order's is; `deadline` in seconds."""

    subAccount: int  # noqa: N815
    orders: tuple[str, ...] = ()
    nonce: int
    deadline: int


class SignedCancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With its 65-byte ECDSA signature in hex."""

    cancel: Cancel
    signature: str


def typed_data(message: Terms | Cancel, *, chain_id: int, vault: str) -> dict[str, Any]:
    """The EIP-712 document that a wallet shows (`eth_signTypedData_v4`)."""
    fields, name = (TERMS_FIELDS, "Terms") if isinstance(message, Terms) else (CANCEL_FIELDS, "Cancel")
    values: Mapping[str, Any] = {field: _plain(getattr(message, field)) for field, _ in fields}
    return {
        "types": {"EIP712Domain": DOMAIN, name: [{"name": field, "type": kind} for field, kind in fields]},
        "primaryType": name,
        "domain": {"name": "Perp Prime", "version": "1", "chainId": chain_id, "verifyingContract": vault},
        "message": values,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def signable(message: Terms | Cancel, *, chain_id: int, vault: str) -> SignableMessage:
    """What is signed. Raises what eth-account raises when a field is out of its type's range."""
    return encode_typed_data(full_message=typed_data(message, chain_id=chain_id, vault=vault))


def sign(message: Terms | Cancel, *, chain_id: int, vault: str, key: str) -> str:
    """The signature in hex, with a private key: for tests, scripts and the command line."""
    signed = Account.sign_message(signable(message, chain_id=chain_id, vault=vault), key)
    return "0x" + bytes(signed.signature).hex()


def signer_of(message: Terms | Cancel, signature: str, *, chain_id: int, vault: str) -> str:
    """The signer's address in lower case. ValueError when nothing can be recovered."""
    try:
        signer: str = Account.recover_message(signable(message, chain_id=chain_id, vault=vault), signature=signature)
    except Exception as error:  # eth-keys and eth-account raise a dozen kinds for a malformed signature
        raise ValueError(f"no signer can be recovered: {error}") from error
    return signer.lower()
