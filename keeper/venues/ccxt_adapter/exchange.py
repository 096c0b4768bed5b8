"""ccxt's exchanges, opened as we want them: exact numbers, no retries, no builder, answers on record, one per key, and
our limiter in place of theirs."""

import hashlib
import importlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from keeper.errors import ConfigError
from keeper.venues.ccxt_adapter.outcomes import LAST, Answer
from keeper.venues.ccxt_adapter.quirks import Quirks
from keeper.venues.limits import IpLimit

MOST_IGNORED = 10
LIGHT_COST = 5.0
COMMANDING: ContextVar[bool] = ContextVar("commanding", default=False)
"""Whether the running task is inside a command."""
UNREADABLE = "unreadable message"
NEEDED = ("createOrder", "fetchOrder", "fetchMyTrades", "fetchPositions", "fetchBalance", "fetchFundingHistory")

_keys_in_use: set[tuple[str, str]] = set()


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever the venue asks for; never shown."""

    private_key: str | None = None
    wallet: str | None = None
    api_key: str | None = None
    secret: str | None = None
    password: str | None = None
    account_id: str | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"

    def config(self) -> dict[str, str]:
        """By ccxt's names."""
        named = {
            "privateKey": self.private_key,
            "walletAddress": self.wallet,
            "apiKey": self.api_key,
            "secret": self.secret,
            "password": self.password,
            "accountId": self.account_id,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without showing them."""
        return hashlib.sha256(repr(sorted(self.config().items())).encode()).hexdigest()


def open_exchange(
    quirks: Quirks,
    *,
    credentials: Credentials | None = None,
    urls: Mapping[str, Any] | None = None,
    timeout_ms: int = 5_000,
    rate_limit: bool = True,
    limit: IpLimit | None = None,
) -> Any:
    """An exchange of ccxt.pro. ConfigError when its key is in use already: its nonces live in the instance.

    `urls` replaces ccxt's own, in ccxt's shape; without it the venue's are used. With `limit` each read waits for that
    limiter with the cost that ccxt counts for it, instead of in ccxt's own queue, which lets nobody pass. Close it with
    `close_exchange`.
    """
    key = None
    if credentials is not None:
        key = quirks.exchange, credentials.fingerprint
        if key in _keys_in_use:
            raise ConfigError(f"{quirks.exchange}: this key is in use already; one instance per key")
    config: dict[str, Any] = {
        "enableRateLimit": rate_limit or limit is not None,
        "timeout": timeout_ms,
        "newUpdates": True,
        "options": {"defaultType": "swap", "maxRetriesOnFailure": 0} | dict(quirks.options),
    }
    if credentials is not None:
        config |= credentials.config()
    if urls is not None:
        config["urls"] = {"api": dict(urls)}
    exchange = _class_for(quirks)(config)
    exchange.options |= dict(quirks.options)  # the constructor merges: what is to be empty would stay full
    exchange.number = str
    exchange.ip_limit = limit
    if key is not None:
        _keys_in_use.add(key)
        exchange.key_in_use = key
    return exchange


def lacks(quirks: Quirks) -> tuple[str, ...]:
    """What this ccxt cannot do at a venue, of all that the books of a seat need."""
    has = _class_for(quirks)().has
    return tuple(name for name in NEEDED if not has.get(name))


async def close_exchange(exchange: Any) -> None:
    """Closes its connections and frees its key."""
    _keys_in_use.discard(getattr(exchange, "key_in_use", ("", "")))
    await exchange.close()


def _class_for(quirks: Quirks) -> Any:
    library = importlib.import_module("ccxt.pro")
    base = getattr(library, quirks.exchange, None)
    if base is None:
        raise ConfigError(f"venue {quirks.exchange}: this ccxt has no WebSocket class for it")
    bases = (Recorded, *FIXES.get(quirks.exchange, ()), base)
    return type(quirks.exchange, bases, {})


class Recorded:
    """Keeps the last HTTP exchange of the running task, so that an exception can be judged by what was answered."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        """aiohttp would repeat a DELETE (a cancel) by itself when an old connection breaks, and show us only the second
        answer: no such order."""
        super().open(*args, **kwargs)  # type: ignore[misc]
        exchange: Any = self
        exchange.session._retry_connection = False

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        LAST.set(Answer())
        return await super().fetch(*args, **kwargs)  # type: ignore[misc]

    async def throttle(self, cost: float | None = None) -> None:
        """Commands have waited already, before their turn: see `COMMANDING`."""
        exchange: Any = self
        weight = 1.0 if cost is None else float(cost)
        if exchange.ip_limit is None:
            await super().throttle(cost)  # type: ignore[misc]
        elif not COMMANDING.get():
            await exchange.ip_limit.acquire(weight, "light" if weight <= LIGHT_COST else "heavy")

    def on_rest_response(
        self, code: int, reason: str, url: str, method: str, headers: Any, body: str, *rest: Any
    ) -> Any:
        LAST.set(Answer(code, body))
        return super().on_rest_response(code, reason, url, method, headers, body, *rest)  # type: ignore[misc]

    def client(self, url: str) -> Any:
        found = super().client(url)  # type: ignore[misc]
        if not getattr(found, "guarded", False):
            guard(found)
        return found


def guard(client: Any) -> None:
    """Makes a socket of ccxt fail aloud. By itself it stops reading for ever at the first message that it cannot
    handle, and drops those that it does not know: either way its watchers would wait without a word."""
    handle, resolve = client.handle_text_or_binary_message, client.resolve
    ignored = 0

    def guarded(data: Any) -> None:
        nonlocal ignored
        ignored += 1
        try:
            handle(data)
        except Exception as error:  # noqa: BLE001 - whatever a message does to a parser, the socket is done with
            client.on_error(_network_error(f"{UNREADABLE}: {type(error).__name__} {error}"))
        if ignored > MOST_IGNORED:
            client.on_error(_network_error(f"{UNREADABLE}: {ignored} in a row that mean nothing"))

    def resolved(*args: Any) -> Any:
        nonlocal ignored
        ignored = 0
        return resolve(*args)

    client.handle_text_or_binary_message, client.resolve, client.guarded = guarded, resolved, True


def _network_error(text: str) -> Exception:
    error: Exception = importlib.import_module("ccxt").NetworkError(text)
    return error


class Aster:
    """ccxt 4.5.90's aster takes the key's own account for the user's whatever it is told, writes `True` where JSON has
    `true`, and its private streams ask for a market type that they never set."""

    def sign(self, *args: Any, **kwargs: Any) -> Any:
        """With `walletAddress` the key may be that account's agent ("API wallet")."""
        exchange: Any = self
        if exchange.walletAddress and exchange.privateKey:
            exchange.options |= {
                "signerAddress": exchange.eth_get_address_from_private_key(exchange.privateKey),
                "cachedWalletAddress": exchange.walletAddress,
                "privateKeyHashForCachedWalletAddress": exchange.hash(
                    exchange.encode(exchange.privateKey), "keccak", "hex"
                ),
            }
        return super().sign(*args, **kwargs)  # type: ignore[misc]

    def encode_values_with_json(self, values: Mapping[str, Any]) -> Any:
        words = {key: str(value).lower() if isinstance(value, bool) else value for key, value in values.items()}
        return super().encode_values_with_json(words)  # type: ignore[misc]

    async def watch_my_trades(self, *_: Any, **__: Any) -> Any:
        exchange: Any = self
        await exchange.load_markets()
        await exchange.authenticate("swap")
        url = exchange.get_private_url("swap")
        exchange.set_balance_cache(exchange.client(url), "swap")
        return await exchange.watch_multiple(url, ["myTrades"], None, ["swap"])


FIXES: Mapping[str, tuple[type, ...]] = {"aster": (Aster,)}
