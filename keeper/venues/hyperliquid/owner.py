"""What only the account's own key may do (user-signed actions, which the venue never takes from an agent): enrol an
agent with a name and an end, and move USDC between the account's perp and spot balances."""

from typing import Any

from eth_account import Account
from hyperliquid.utils.constants import MAINNET_API_URL
from hyperliquid.utils.signing import sign_agent, sign_usd_class_transfer_action

from keeper.clock import Clock
from keeper.errors import ConfigError, InputError, UnknownOutcome, VenueError
from keeper.model.amounts import plain, usdc
from keeper.venues.base import Outcome, Unknown
from keeper.venues.hyperliquid.outcomes import outcome_of
from keeper.venues.transport import HttpTransport

LONGEST_NAME = 16
LONGEST_MS = 180 * 86_400_000


class HyperliquidOwner:
    """One account's key. A command is sent once. `http` is shared with whoever talks to the same venue."""

    def __init__(self, http: HttpTransport, key: str, clock: Clock) -> None:
        try:
            self._wallet = Account.from_key(key)
        except Exception as error:  # noqa: BLE001 - eth-account and eth-keys raise a dozen kinds
            raise ConfigError("owner key: not a private key of 32 bytes in hex") from error.__cause__
        self._http = http
        self._clock = clock
        self._last = 0
        self._is_mainnet = http.base_url == MAINNET_API_URL

    @property
    def address(self) -> str:
        return str(self._wallet.address).lower()

    async def approve_agent(self, agent: str, name: str, valid_until_ms: int | None = None) -> Outcome:
        """Enrols `agent` under `name`, in place of the agent of that name before it. InputError for a name or an end
        that the venue would not take."""
        now = self._clock.now_ms()
        if not 0 < len(name) <= LONGEST_NAME or " valid_until " in name:
            raise InputError("name", f"{name!r} must have 1 to {LONGEST_NAME} characters")
        if valid_until_ms is not None and not now < valid_until_ms <= now + LONGEST_MS:
            raise InputError("valid_until_ms", f"{valid_until_ms} must be within 180 days from now ({now})")
        nonce, spelled = self._nonce(), name if valid_until_ms is None else f"{name} valid_until {valid_until_ms}"
        action = {"type": "approveAgent", "agentAddress": agent, "agentName": spelled, "nonce": nonce}
        return await self._send(action, nonce, sign_agent(self._wallet, action, self._is_mainnet))

    async def move_usdc(self, micro: int, *, to_perp: bool) -> Outcome:
        """Between the account's own perp and spot balances."""
        if micro <= 0:
            raise InputError("micro", f"{micro} must be positive")
        nonce = self._nonce()
        action = {"type": "usdClassTransfer", "amount": plain(usdc(micro)), "toPerp": to_perp, "nonce": nonce}
        return await self._send(action, nonce, sign_usd_class_transfer_action(self._wallet, action, self._is_mainnet))

    def _nonce(self) -> int:
        self._last = max(self._clock.now_ms(), self._last + 1)
        return self._last

    async def _send(self, action: dict[str, Any], nonce: int, signature: Any) -> Outcome:
        body = {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": None,
            "expiresAfter": None,
        }
        try:
            answer = await self._http.post("/exchange", body, purpose="order", call=str(action["type"]))
        except (UnknownOutcome, VenueError) as error:
            return Unknown(str(error))  # an error status may come from a proxy after the venue has acted
        return outcome_of(answer)
