"""The master key's two uses, signed with the venue's SDK: withdraw3 to the seat's contract, and approveAgent."""

from typing import Any

from eth_account import Account
from hyperliquid.utils.constants import MAINNET_API_URL
from hyperliquid.utils.signing import sign_agent, sign_withdraw_from_bridge_action

from keeper.errors import ConfigError
from keeper.model.amounts import plain, usdc


class Master:
    """`base_url` decides the network that is signed for, as in the SDK: anything but the mainnet address is a test."""

    def __init__(self, key: str, base_url: str) -> None:
        try:
            self._wallet = Account.from_key(key)
        except Exception as error:  # noqa: BLE001 - eth-account and eth-keys raise a dozen kinds
            raise ConfigError("PRIME_CUSTODIAN_KEY: not a private key of 32 bytes in hex") from error.__cause__
        self._is_mainnet = base_url.rstrip("/") == MAINNET_API_URL

    @property
    def address(self) -> str:
        return str(self._wallet.address).lower()

    def withdraw(self, destination: str, micro: int, nonce: int) -> dict[str, Any]:
        """The body of a withdraw3: `micro` leaves the account, the venue's fee is taken out of it."""
        action = {"destination": destination, "amount": plain(usdc(micro)), "time": nonce, "type": "withdraw3"}
        signature = sign_withdraw_from_bridge_action(self._wallet, action, self._is_mainnet)
        return _body(action, nonce, signature)

    def approve_agent(self, agent: str, name: str, nonce: int) -> dict[str, Any]:
        """The body of an approveAgent; `name` may end in ` valid_until <ms>`."""
        action = {"type": "approveAgent", "agentAddress": agent, "agentName": name, "nonce": nonce}
        signature = sign_agent(self._wallet, action, self._is_mainnet)
        return _body(action, nonce, signature)


def _body(action: dict[str, Any], nonce: int, signature: Any) -> dict[str, Any]:
    return {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}
