"""What attestors sign: EIP-712 `Attestation`, as contracts/interfaces/IAttestor.sol defines it, and its proposal."""

from collections.abc import Sequence
from typing import Any

import msgspec
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.address import to_checksum_address

from keeper.chain.calls import attestation_bytes
from keeper.model.marks import MarkSheet
from keeper.model.signed_orders import digest_of

FIELDS: tuple[tuple[str, str], ...] = (
    ("chainId", "uint256"),
    ("vault", "address"),
    ("venue", "address"),
    ("nonce", "uint64"),
    ("asOf", "uint64"),
    ("equity", "int64"),
    ("received", "uint64"),
    ("returned", "uint64"),
    ("markSheet", "bytes32"),
)

TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Attestation": [{"name": name, "type": kind} for name, kind in FIELDS],
}


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a keeper asks attestors to sign; the body of `POST /v1/attest`. Micro-USDC, `sheet.as_of` in seconds.

    `received`: the seat's deposits, gross, as the venue credited them. `returned`: all USDC that ever arrived at the
    SeatVenue contract, but for what the vault put through it.
    """

    sheet: MarkSheet
    nonce: int
    received: int
    returned: int


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """The signed fields, in Python's names. `equity` micro-USDC, signed; `mark_sheet` the sheet's hash."""

    chain_id: int
    vault: str
    venue: str
    nonce: int
    as_of: int
    equity: int
    received: int
    returned: int
    mark_sheet: bytes

    def to_abi(self) -> dict[str, Any]:
        """Solidity's field names."""
        return {
            "chainId": self.chain_id,
            "vault": to_checksum_address(self.vault),
            "venue": to_checksum_address(self.venue),
            "nonce": self.nonce,
            "asOf": self.as_of,
            "equity": self.equity,
            "received": self.received,
            "returned": self.returned,
            "markSheet": self.mark_sheet,
        }

    def encode(self, signatures: Sequence[bytes]) -> bytes:
        """abi.encode(Attestation, bytes[]): what `PrimeVault.mark` takes. Signatures by ascending signer."""
        return attestation_bytes(self.to_abi(), signatures)


def attestation_of(proposal: Proposal, *, chain_id: int, vault: str) -> Attestation:
    """ValueError when a line's value is not a whole number of micro-USDC."""
    sheet = proposal.sheet
    return Attestation(
        chain_id=chain_id,
        vault=vault,
        venue=sheet.venue,
        nonce=proposal.nonce,
        as_of=sheet.as_of,
        equity=sheet.equity,
        received=proposal.received,
        returned=proposal.returned,
        mark_sheet=sheet.hash(),
    )


def signable(attestation: Attestation, *, attestor: str) -> SignableMessage:
    """`attestor`: the Attestor contract, which verifies."""
    return encode_typed_data(
        full_message={
            "types": TYPES,
            "primaryType": "Attestation",
            "domain": {
                "name": "Perp Prime Attestor",
                "version": "1",
                "chainId": attestation.chain_id,
                "verifyingContract": to_checksum_address(attestor),
            },
            "message": attestation.to_abi(),
        }
    )


def digest(attestation: Attestation, *, attestor: str) -> bytes:
    """The 32 bytes that `Attestor.digestOf` computes."""
    return digest_of(signable(attestation, attestor=attestor))


def sign(attestation: Attestation, *, attestor: str, key: str) -> bytes:
    """65 bytes r ‖ s ‖ v."""
    return bytes(Account.sign_message(signable(attestation, attestor=attestor), key).signature)


def signer_of(attestation: Attestation, signature: bytes, *, attestor: str) -> str:
    """The signer's address, lower case. ValueError when nothing can be recovered."""
    try:
        signer: str = Account.recover_message(signable(attestation, attestor=attestor), signature=signature)
    except Exception as error:  # eth-keys and eth-account raise a dozen kinds for a malformed signature
        raise ValueError(f"no signer can be recovered: {error}") from error
    return signer.lower()
