"""One signer per key: it alone holds the key, signs as the venue's SDK does and hands out nonces that never repeat."""

from typing import Any

import eth_account
import structlog
from eth_keys.backends import get_backend
from eth_keys.backends.coincurve import CoinCurveECCBackend
from hyperliquid.utils.constants import MAINNET_API_URL
from hyperliquid.utils.signing import order_wires_to_order_action

from keeper.clock import Clock
from keeper.errors import ConfigError
from keeper.model import hashing
from keeper.model.amounts import plain, usdc
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument
from keeper.venues.hyperliquid import l1
from keeper.venues.hyperliquid.ioc import IocWriter
from keeper.venues.resting import OrderTicket

log = structlog.get_logger()


def require_fast_signatures() -> None:
    """ConfigError unless libsecp256k1 signs for us: pure Python takes milliseconds for each order, while nothing else
    runs. A slow keccak costs microseconds: that is said in the log."""
    if not isinstance(get_backend(), CoinCurveECCBackend):
        raise ConfigError("coincurve: not importable, so that every signature would take ~30 ms; install coincurve")
    if not hashing.FAST_KECCAK:
        log.warning("slow_keccak", text="safe-pysha3 is not importable: each signature takes half as long again")


class ActionSigner:
    """Signs actions of one agent key for the account that approved it (no vault address: the agent acts as it).

    `base_url` decides the network that is signed for: anything but the mainnet address signs as the test network, as
    the SDK does. ConfigError for a malformed key; the key itself is never shown.
    """

    def __init__(self, key: str, clock: Clock, base_url: str) -> None:
        require_fast_signatures()
        try:
            wallet = eth_account.Account.from_key(key)
        except Exception as error:  # noqa: BLE001 - eth-account and eth-keys raise a dozen kinds
            raise ConfigError("trader key: not a private key of 32 bytes in hex") from error.__cause__
        self._key = l1.L1Key(bytes(wallet.key), is_mainnet=base_url.rstrip("/") == MAINNET_API_URL)
        self.address = str(wallet.address).lower()
        self._clock = clock
        self._last = 0

    def next_nonce(self) -> int:
        """Milliseconds of business time, or one more than the last when that is not later."""
        self._last = max(self._clock.now_ms(), self._last + 1)
        return self._last

    def ioc_writer(self, instrument: Instrument) -> IocWriter:
        """Writes and signs IOC orders of one instrument in one go."""
        return IocWriter(instrument, self._key.sign_digest)

    def signed(self, action: dict[str, Any], nonce: int, expires_after: int | None = None) -> dict[str, Any]:
        """The body for `/exchange`."""
        return {
            "action": action,
            "nonce": nonce,
            "signature": self._key.sign(action, nonce, None, expires_after),
            "vaultAddress": None,
            "expiresAfter": expires_after,
        }


class SignerActor:
    """The one that signs with a key, in this process: commands are signed one after the other in the order in which
    they came (nothing is awaited between), and a command without a nonce gets the next one at its turn."""

    def __init__(self, signer: ActionSigner) -> None:
        self._signer = signer

    @property
    def address(self) -> str:
        return self._signer.address

    def next_nonce(self) -> int:
        return self._signer.next_nonce()

    def ioc_writer(self, instrument: Instrument) -> IocWriter:
        """For orders that have their nonce."""
        return self._signer.ioc_writer(instrument)

    def sign(
        self, action: dict[str, Any], nonce: int | None = None, expires_after: int | None = None
    ) -> dict[str, Any]:
        """The body for `/exchange`; `nonce` when one was handed out (and written down) before."""
        own = self._signer.next_nonce() if nonce is None else nonce
        if action["type"] == "agentSendAsset":
            action = action | {"nonce": own}  # the venue wants it inside too
        return self._signer.signed(action, own, expires_after)


class SignerRegistry:
    """The one signer of each (venue, key): two clients with one key would hand out the same nonces."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._actors: dict[tuple[str, str], SignerActor] = {}

    def of(self, base_url: str, key: str) -> SignerActor:
        """ConfigError for a malformed key."""
        signer = ActionSigner(key, self._clock, base_url)
        return self._actors.setdefault((base_url.rstrip("/"), signer.address), SignerActor(signer))


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


TIFS = {"ioc": "Ioc", "gtc": "Gtc", "alo": "Alo"}


def order_action(ticket: OrderTicket, instrument: Instrument) -> dict[str, Any]:
    wire = {
        "a": instrument.asset,
        "b": ticket.side == "buy",
        "p": plain(ticket.limit_price),
        "s": plain(ticket.size),
        "r": ticket.reduce_only,
        "t": {"limit": {"tif": TIFS[ticket.time_in_force]}},
        "c": ticket.cloid,
    }
    action: dict[str, Any] = order_wires_to_order_action([wire])
    return action


def cancel_action(asset: int, cloid: str | None, oid: int | None) -> dict[str, Any]:
    """By cloid when there is one, else by oid."""
    if cloid is not None:
        return {"type": "cancelByCloid", "cancels": [{"asset": asset, "cloid": cloid}]}
    return {"type": "cancel", "cancels": [{"a": asset, "o": oid}]}


def isolated_margin_action(asset: int, micro: int) -> dict[str, Any]:
    return {"type": "updateIsolatedMargin", "asset": asset, "isBuy": True, "ntli": micro}


def own_transfer_action(account: str, micro: int, source: str, destination: str, token: str) -> dict[str, Any]:
    """Without its nonce, which the signer puts in."""
    return {
        "type": "agentSendAsset",
        "destination": account,
        "sourceDex": source,
        "destinationDex": destination,
        "token": token,
        "amount": plain(usdc(micro)),
        "fromSubAccount": "",
    }


def leverage_action(asset: int, leverage: int) -> dict[str, Any]:
    return {"type": "updateLeverage", "asset": asset, "isCross": True, "leverage": leverage}
