"""POST /exchange: decode, recover the signer, admit the nonce, count, perform, answer in the venue's words."""

from typing import Any

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.errors import EXPIRED, VenueError
from keeper.venues.simulated.limits import EXPIRED_COST
from keeper.venues.simulated.server.commands import DEFAULT, Commands
from keeper.venues.simulated.server.replies import WRONG_SHAPE, BadRequest
from keeper.venues.simulated.wire import signing
from keeper.venues.simulated.wire.actions import (
    Action,
    BatchModify,
    Cancel,
    CancelByCloid,
    Envelope,
    Order,
    UserSignedAction,
    decode,
)


class Exchange:
    """Performs signed actions on one venue; `answer` takes the decoded JSON body."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._commands = Commands(venue)

    def answer(self, body: Any) -> dict[str, Any]:
        """HTTP 200's body; BadRequest for what does not decode into an action served here."""
        try:
            envelope = decode(body)
        except (msgspec.ValidationError, InputError, OverflowError) as error:
            raise BadRequest(422, WRONG_SHAPE) from error
        try:
            return self._perform(envelope)
        except (VenueError, InputError) as error:
            return {"status": "err", "response": str(error)}

    def _perform(self, envelope: Envelope) -> dict[str, Any]:
        now = self._venue.now_ms()
        action = envelope.action
        if isinstance(action, UserSignedAction):
            account = self._user_signer(envelope, action)
            self._venue.nonces.admit(account, envelope.nonce, now)
            self._count(account, 1, now)
            self._commands.money(account, action)
            return DEFAULT
        signer, account = self._l1_signer(envelope)
        if envelope.vaultAddress is not None:
            account = self._on_behalf(account, envelope.vaultAddress)
        self._venue.nonces.admit(signer, envelope.nonce, now)
        if envelope.expiresAfter is not None and now > envelope.expiresAfter:
            self._count(account, EXPIRED_COST, now)
            raise VenueError(EXPIRED)
        self._count(account, _size(action), now, cancels=isinstance(action, (Cancel, CancelByCloid)))
        return self._commands.trade(account, action)

    def _count(self, account: str, count: int, now_ms: int, *, cancels: bool = False) -> None:
        self._venue.limits.admit(self._venue.state.accounts[account], count, now_ms, cancels=cancels)

    def _on_behalf(self, account: str, vault: str) -> str:
        """A sub-account of the account, or the account itself."""
        return self._commands.family(account, vault)

    def _l1_signer(self, envelope: Envelope) -> tuple[str, str]:
        """(signer, account it acts for): source "b" first, then "a", whichever names somebody we know."""
        action = envelope.action
        assert not isinstance(action, UserSignedAction)
        digest = signing.action_hash(action, envelope.nonce, envelope.vaultAddress, envelope.expiresAfter)
        first: str | None = None
        for source in signing.SOURCES:
            signer = signing.recover(signing.l1_digest(digest, source), envelope.signature)
            if signer is None:
                continue
            first = first or signer
            agent = self._venue.agents.find(signer, self._venue.now_ms())
            if agent is not None:
                return signer, agent.account
            if self._venue.user_exists(signer):
                return signer, signer
        if first is None:
            raise VenueError("Unable to recover signer.")
        raise VenueError(f"User or API Wallet {first} does not exist.")

    def _user_signer(self, envelope: Envelope, action: UserSignedAction) -> str:
        """Always the signer's own account: an agent's approval is never asked."""
        own = getattr(action, "nonce", None) or getattr(action, "time", None)
        if own != envelope.nonce:
            raise VenueError(f"Invalid nonce: action has {own}, request has {envelope.nonce}")
        if envelope.vaultAddress is not None or envelope.expiresAfter is not None:
            raise VenueError("vaultAddress and expiresAfter are not supported for user signed actions")
        signer = signing.recover(signing.user_digest(action), envelope.signature)
        if signer is None:
            raise VenueError("Unable to recover signer.")
        if not self._venue.user_exists(signer):
            raise VenueError(f"Must deposit before performing actions. User: {signer}")
        return signer


def _size(action: Action) -> int:
    """A batch of n counts n."""
    match action:
        case Order():
            return len(action.orders)
        case Cancel() | CancelByCloid():
            return len(action.cancels)
        case BatchModify():
            return len(action.modifies)
        case _:
            return 1
