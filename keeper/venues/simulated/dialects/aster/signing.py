"""Who signed a private request: EIP-712 over the query string (API v3), by the account's own key or its agent's.

Domain `{AsterSignTransaction, 1, 1666, zero address}`, message `Message(string msg)` with `msg` the parameters as sent,
in their order, without `signature`. The nonce is the time in microseconds and may be used once per command.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from eth_account import Account
from eth_account.messages import encode_typed_data

from keeper.clock import Clock
from keeper.venues.simulated.dialects.aster.errors import BAD_NONCE, BAD_SIGNATURE, NOT_AUTHORISED, AsterError, missing
from keeper.venues.simulated.engine import Venue

CHAIN_ID = 1666
WINDOW_MS = 60_000
KEPT_NONCES = 10_000
DOMAIN = {
    "name": "AsterSignTransaction",
    "version": "1",
    "chainId": CHAIN_ID,
    "verifyingContract": "0x" + "0" * 40,
}
DOMAIN_TYPE = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
APPROVE_BUILDER = (
    ("Builder", "string"),
    ("MaxFeeRate", "string"),
    ("BuilderName", "string"),
    ("AsterChain", "string"),
    ("User", "string"),
    ("Nonce", "uint256"),
)


@dataclass(frozen=True)
class Signed:
    """A request whose signature is good: the account it is for (lower case) and its parameters."""

    user: str
    params: dict[str, str]


class Authority:
    """Checks requests. `wall` is the clock that clients sign with: the machine's, whatever the venue's time is."""

    def __init__(self, venue: Venue, wall: Clock) -> None:
        self._venue, self._wall = venue, wall
        self._used: deque[tuple[str, int]] = deque(maxlen=KEPT_NONCES)

    def check(self, raw: str, *, command: bool, approves_builder: bool = False) -> Signed:
        """The signed request, or AsterError in the venue's words."""
        text, separator, signature = raw.rpartition("&signature=")
        if not separator:
            raise missing("signature")
        params = dict(parse_qsl(text, keep_blank_values=True))
        for name in ("user", "nonce"):
            if not params.get(name):
                raise missing(name)
        user = params["user"].lower()
        document = approval(params) if approves_builder else message(text)
        try:
            recovered = str(
                Account.recover_message(encode_typed_data(full_message=document), signature=signature)
            ).lower()
        except Exception as error:  # eth-keys and eth-account raise a dozen kinds for a malformed signature
            raise AsterError(*BAD_SIGNATURE, status=401) from error
        named = user if approves_builder else params.get("signer", user).lower()
        if recovered != named:
            raise AsterError(*BAD_SIGNATURE, status=401)
        if named != user and not self._is_agent(named, user):
            raise AsterError(*NOT_AUTHORISED, status=401)
        self._admit(named, params["nonce"], command=command)
        return Signed(user, params)

    def _is_agent(self, signer: str, user: str) -> bool:
        agent = self._venue.agents.find(signer, self._venue.now_ms())
        return agent is not None and agent.account == user

    def _admit(self, signer: str, text: str, *, command: bool) -> None:
        if not text.isdigit() or abs(int(text) // 1000 - self._wall.now_ms()) > WINDOW_MS:
            raise AsterError(*BAD_NONCE)
        if command:
            if (signer, int(text)) in self._used:
                raise AsterError(*BAD_NONCE)
            self._used.append((signer, int(text)))


def message(text: str) -> dict[str, Any]:
    """The typed data of an ordinary request."""
    return {
        "types": {"EIP712Domain": DOMAIN_TYPE, "Message": [{"name": "msg", "type": "string"}]},
        "primaryType": "Message",
        "domain": DOMAIN,
        "message": {"msg": text},
    }


def approval(params: dict[str, str]) -> dict[str, Any]:
    """The typed data of /approveBuilder: named fields instead of the query string."""
    named = {name[:1].upper() + name[1:]: value for name, value in params.items()}
    values = {name: named.get(name, "") for name, _ in APPROVE_BUILDER}
    return {
        "types": {
            "EIP712Domain": DOMAIN_TYPE,
            "ApproveBuilder": [{"name": name, "type": kind} for name, kind in APPROVE_BUILDER],
        },
        "primaryType": "ApproveBuilder",
        "domain": DOMAIN,
        "message": values | {"Nonce": int(values["Nonce"]) if values["Nonce"].isdigit() else 0},
    }
