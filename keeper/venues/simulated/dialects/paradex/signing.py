"""Accounts, tokens and signatures: Starknet typed data (SNIP-12, revision 0), hashed by the code ccxt carries along.

ccxt signs with that code too, so a fault in its hash would go unseen; the curve's arithmetic here is our own.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from keeper.clock import Clock
from keeper.venues.simulated.dialects.numbers import on_grid, parse
from keeper.venues.simulated.dialects.paradex import curve
from keeper.venues.simulated.dialects.paradex.errors import ParadexError

CHAIN_ID: Final = "0x505249564154455f534e5f50415241434c4541525f4d41494e4e4554"  # "PRIVATE_SN_PARACLEAR_MAINNET"
ACCOUNT_HASH: Final = "0x41cb0280ebadaa75f996d8d92c6f265f6d040bb3ba442e5f86a554f1765244e"
PROXY_HASH: Final = "0x3530cc4759d78042f1b543bf797f5f3d647cde0388c33734cf91b7f7b9314a9"
"""The classes an account's address is computed from, as the venue's /system/config names them."""

DOMAIN: Final = {"name": "Paradex", "chainId": CHAIN_ID, "version": 1}
TOKEN_LIFE_S = 300
WINDOW_S = 60
SCALE_DECIMALS = 8
ORDER_FIELDS = ("timestamp", "market", "side", "orderType", "size", "price")
REQUEST_FIELDS = ("method", "path", "body", "timestamp", "expiration")


@dataclass(frozen=True)
class Owner:
    """A Starknet account and the Ethereum address that opened it: the engine's account."""

    account: str
    public_key: int
    ethereum: str


class Authority:
    """Who is onboarded, who holds a token. `wall` is the clock that clients sign with: the machine's."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._owners: dict[int, Owner] = {}
        self._tokens: dict[str, tuple[Owner, int]] = {}

    def onboard(self, headers: Mapping[str, str], public_key: object) -> Owner:
        """Opens an account: the key signs `Onboarding`, and the address must be the one that key's contract gets."""
        account, ethereum = _felt(headers.get("PARADEX-STARKNET-ACCOUNT")), headers.get("PARADEX-ETHEREUM-ACCOUNT", "")
        key = _felt(public_key)
        if len(ethereum) != 42 or _felt(ethereum) is None:
            raise ParadexError("INVALID_ETHEREUM_ADDRESS", "invalid ethereum address")
        if account is None or key is None or account != address_of(key):
            raise ParadexError("INVALID_STARKNET_ADDRESS", "starknet address is not the one of the public key")
        digest = typed_hash("Constant", ("action",), {"action": "Onboarding"}, account)
        self._require(digest, headers.get("PARADEX-STARKNET-SIGNATURE"), key, "STARKNET_SIGNATURE_VERIFICATION_FAILED")
        wanted = Owner(hex(account), key, ethereum.lower())
        for owner in self._owners.values():
            if (owner.account == wanted.account) != (owner.ethereum == wanted.ethereum):
                raise ParadexError("ETHEREUM_ADDRESS_ALREADY_ONBOARDED", "address and account belong to others")
        return self._owners.setdefault(account, wanted)

    def authenticate(self, headers: Mapping[str, str]) -> str:
        """A token for a signed request to /v1/auth."""
        owner = self._owners.get(_felt(headers.get("PARADEX-STARKNET-ACCOUNT")) or 0)
        if owner is None:
            raise ParadexError("NOT_ONBOARDED", "User has never called /onboarding endpoint")
        times = [headers.get(name, "") for name in ("PARADEX-TIMESTAMP", "PARADEX-SIGNATURE-EXPIRATION")]
        if not all(text.isdigit() for text in times):
            raise ParadexError("INVALID_TIMESTAMP", "timestamp and expiration are seconds")
        signed_s, until_s = map(int, times)
        now_s = self._wall.now_ms() // 1000
        if abs(signed_s - now_s) > WINDOW_S or not now_s < until_s <= signed_s + 7 * 86_400:
            raise ParadexError("INVALID_SIGNATURE_EXPIRATION", "signature has expired or was made at another time")
        message = {"method": "POST", "path": "/v1/auth", "body": "", "timestamp": signed_s, "expiration": until_s}
        digest = typed_hash("Request", REQUEST_FIELDS, message, int(owner.account, 16))
        signature = headers.get("PARADEX-STARKNET-SIGNATURE")
        self._require(digest, signature, owner.public_key, "STARKNET_SIGNATURE_VERIFICATION_FAILED")
        token = secrets.token_urlsafe(48)
        self._tokens[token] = owner, now_s + TOKEN_LIFE_S
        return token

    def bearer(self, token: str | None) -> Owner:
        """Whose token it is."""
        owner, until_s = self._tokens.get(token or "", (None, 0))
        if owner is None or self._wall.now_ms() // 1000 >= until_s:
            raise ParadexError("INVALID_TOKEN", "invalid or expired bearer token", 401)
        return owner

    def check_order(self, owner: Owner, order: Mapping[str, Any]) -> None:
        """The order's own signature, over its market, side, type, size, price and time."""
        stamp = order.get("signature_timestamp")
        if not isinstance(stamp, int) or abs(stamp // 1000 - self._wall.now_ms() // 1000) > WINDOW_S:
            raise ParadexError("INVALID_ORDER_SIGNATURE", "signature_timestamp is not now")
        market = "MARKET" in str(order.get("type"))
        message = {
            "timestamp": stamp,
            "market": _text(order.get("market")),
            "side": "1" if order.get("side") == "BUY" else "2",
            "orderType": _text(order.get("type")),
            "size": _scaled(order.get("size")),
            "price": "0" if market else _scaled(order.get("price")),
        }
        digest = typed_hash("Order", ORDER_FIELDS, message, int(owner.account, 16))
        self._require(digest, order.get("signature"), owner.public_key, "INVALID_ORDER_SIGNATURE")

    def _require(self, digest: int, signature: object, key: int, code: str) -> None:
        try:
            r, s = (int(part, 16) for part in json.loads(str(signature)))
        except (ValueError, TypeError) as error:
            raise ParadexError(code, "signature is not a pair of numbers") from error
        if not curve.verify(digest, r, s, key):
            raise ParadexError(code, "signature does not verify", 401)


def typed_hash(kind: str, fields: tuple[str, ...], message: Mapping[str, Any], account: int) -> int:
    """The digest an account signs."""
    from ccxt.static_dependencies.starknet.utils.typed_data import TypedData  # type: ignore[import-untyped]

    felt = [{"name": name, "type": "felt"} for name in fields]
    domain = [{"name": name, "type": "felt"} for name in DOMAIN]
    types = {"StarkNetDomain": domain, kind: felt}
    document = {"domain": DOMAIN, "primaryType": kind, "types": types, "message": dict(message)}
    digest: int = TypedData.from_dict(document).message_hash(account)
    return digest


def address_of(public_key: int) -> int:
    """The address of the account contract that belongs to a key."""
    from ccxt.static_dependencies.starknet.hash.address import compute_address  # type: ignore[import-untyped]
    from ccxt.static_dependencies.starknet.hash.selector import get_selector_from_name  # type: ignore[import-untyped]

    call = [int(ACCOUNT_HASH, 16), get_selector_from_name("initialize"), 2, public_key, 0]
    address: int = compute_address(class_hash=int(PROXY_HASH, 16), constructor_calldata=call, salt=public_key)
    return address


def _felt(text: object) -> int | None:
    try:
        return int(str(text), 16)
    except ValueError:
        return None


def _text(value: object) -> str:
    return "0x" + str(value).encode().hex()


def _scaled(value: object) -> str:
    """A number × 1e8; one that has more decimals can be signed by nobody."""
    number = parse(value)
    scaled = on_grid(number, SCALE_DECIMALS) if number is not None else None
    if scaled is None or scaled < 0:
        raise ParadexError("INVALID_ORDER_SIGNATURE", "size and price are numbers of at most 8 decimals")
    return str(scaled)
