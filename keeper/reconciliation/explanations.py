"""Explanations are signed (EIP-191): only who may run the keeper may let a frozen seat trade again."""

from typing import Protocol

from eth_account import Account
from eth_account.messages import SignableMessage, encode_defunct

from keeper.errors import InputError


class Explained(Protocol):
    """A case, why it is closed, and the signature over both."""

    @property
    def case(self) -> str: ...

    @property
    def why(self) -> str: ...

    @property
    def signature(self) -> str: ...


def message_of(chain_id: int, vault: str, case: str, why: str) -> SignableMessage:
    return encode_defunct(text=f"Perp Prime {chain_id} {vault.lower()}\nclose case {case}:\n{why}")


def signer_of_explanation(explanation: Explained, chain_id: int, vault: str) -> str:
    """The signer's address, lower case. InputError when nothing can be recovered."""
    message = message_of(chain_id, vault, explanation.case, explanation.why)
    try:
        signer: str = Account.recover_message(message, signature=explanation.signature)
    except Exception as error:  # eth-keys and eth-account raise a dozen kinds for a malformed signature
        raise InputError("signature", f"no signer can be recovered: {error}") from error
    return signer.lower()
