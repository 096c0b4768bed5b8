"""One signer per key: it alone holds the key, signs with the venue's SDK and hands out nonces that never repeat."""

from typing import Any

import eth_account
from eth_keys.backends import get_backend
from eth_keys.backends.coincurve import CoinCurveECCBackend
from hyperliquid.utils.constants import MAINNET_API_URL
from hyperliquid.utils.signing import order_wires_to_order_action, sign_l1_action

from keeper.clock import Clock
from keeper.errors import ConfigError
from keeper.model.amounts import plain
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument


def require_fast_signatures() -> None:
    """ConfigError unless libsecp256k1 signs for us: pure Python takes tens of milliseconds for each order."""
    if not isinstance(get_backend(), CoinCurveECCBackend):
        raise ConfigError("coincurve: not importable, so that every signature would take ~30 ms; install coincurve")


class ActionSigner:
    """Signs actions of one agent key for the account that approved it (no vault address: the agent acts as it).

    `base_url` decides the network that is signed for: anything but the mainnet address signs as the test network, as
    the SDK does. ConfigError for a malformed key; the key itself is never shown.
    """

    def __init__(self, key: str, clock: Clock, base_url: str) -> None:
        require_fast_signatures()
        try:
            self._wallet = eth_account.Account.from_key(key)
        except Exception as error:  # noqa: BLE001 - eth-account and eth-keys raise a dozen kinds
            raise ConfigError("trader key: not a private key of 32 bytes in hex") from error.__cause__
        self._clock = clock
        self._is_mainnet = base_url.rstrip("/") == MAINNET_API_URL
        self._last = 0

    @property
    def address(self) -> str:
        return str(self._wallet.address).lower()

    def next_nonce(self) -> int:
        """Milliseconds of business time, or one more than the last when that is not later."""
        self._last = max(self._clock.now_ms(), self._last + 1)
        return self._last

    def signed(self, action: dict[str, Any], nonce: int, expires_after: int | None = None) -> dict[str, Any]:
        """The body for `/exchange`."""
        signature = sign_l1_action(self._wallet, action, None, nonce, expires_after, self._is_mainnet)
        return {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": None,
            "expiresAfter": expires_after,
        }


def ioc_order(leg: LegIntent, instrument: Instrument) -> dict[str, Any]:
    """The action of a leg. Never reduce-only at the venue: that would act on the seat's net (rule H2)."""
    wire = {
        "a": instrument.asset,
        "b": leg.side == "buy",
        "p": plain(leg.limit_price),
        "s": plain(leg.size),
        "r": False,
        "t": {"limit": {"tif": "Ioc"}},
        "c": leg.cloid,
    }
    action: dict[str, Any] = order_wires_to_order_action([wire])
    return action


def leverage_action(asset: int, leverage: int) -> dict[str, Any]:
    return {"type": "updateLeverage", "asset": asset, "isCross": True, "leverage": leverage}
