"""The client of a seat, made as its settings say: the one place that knows which adapter a kind of venue takes."""

from collections.abc import Callable

from keeper.clock import Clock
from keeper.config import KeeperConfig, VenueConfig, environment_secret, refuse_published_key
from keeper.errors import ConfigError, UnknownOutcome, VenueError
from keeper.market_data import HyperliquidMark
from keeper.market_data.mark_replica import MarkReplica
from keeper.venues.ccxt_adapter.exchange import Credentials
from keeper.venues.ccxt_adapter.execution import CcxtClient
from keeper.venues.ccxt_adapter.quirks import quirks_of
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.hyperliquid.signing import SignerRegistry
from keeper.venues.limits import LimitRegistry

SeatClient = HyperliquidClient | CcxtClient

MARK_RULES: dict[str, Callable[[], MarkReplica]] = {"hyperliquid": HyperliquidMark}
"""By the kind of a venue: the rule that its mark price is held against."""


class SeatClients:
    """Opens clients that share limiters and signers. `may_send` is asked before each of their commands."""

    def __init__(self, config: KeeperConfig, trader_key: str, clock: Clock, may_send: Callable[[], bool]) -> None:
        self._config, self._trader_key, self._clock, self._may_send = config, trader_key, clock, may_send
        self._limits = LimitRegistry()
        self._signers = SignerRegistry(clock)

    def open(self, entry: VenueConfig, account: str, opened_ms: int) -> SeatClient:
        """Not started yet. `opened_ms`: no record of the seat is older. ConfigError names the setting that is wrong."""
        return self._ccxt(entry, account, opened_ms) if entry.kind == "ccxt" else self._hyperliquid(entry, account)

    def _hyperliquid(self, entry: VenueConfig, account: str) -> HyperliquidClient:
        return HyperliquidClient(
            entry.url,
            account,
            entry.adapter,
            self._trader_key,
            self._clock,
            ip_limit=self._limits.of_ip(entry.url, entry.weight_per_minute),
            account_limit=self._limits.of_account(entry.url, account),
            signer=self._signers.of(entry.url, self._trader_key),
            socket=True,
            may_send=self._may_send,
        )

    def _ccxt(self, entry: VenueConfig, account: str, opened_ms: int) -> CcxtClient:
        where = f"venue {entry.name}"
        try:
            quirks = quirks_of(entry.dialect)
        except ConfigError as error:
            raise ConfigError(f"{where}: dialect: {error}") from error
        if quirks.index_funding:
            raise ConfigError(
                f"{where}: dialect: {entry.dialect} accrues funding in an index and settles no rates; clients who "
                "share a seat could not be charged their parts of it"
            )
        per_minute = quirks.orders_per_minute
        return CcxtClient(
            entry.dialect,
            entry.adapter,
            self._clock,
            opened_ms=opened_ms,
            credentials=self._credentials(entry, account),
            urls=entry.urls,
            coins=self._config.coins,
            ip_limit=self._limits.of_ip(quirks.exchange, entry.weight_per_minute),
            account_limit=self._limits.of_account(
                quirks.exchange, account, allowance=per_minute, per_s=per_minute / 60, reserve=per_minute / 20
            ),
            may_send=self._may_send,
        )

    def _credentials(self, entry: VenueConfig, account: str) -> Credentials:
        found: dict[str, str] = {}
        for field, name in (entry.credentials.model_dump() if entry.credentials else {}).items():
            if name is not None:
                found[field] = environment_secret(name, f"venue {entry.name}: credentials.{field}")
                refuse_published_key(name, found[field], self._config.chain_id)
        if not found:
            raise ConfigError(f"venue {entry.name}: credentials: name at least one environment variable")
        return Credentials(wallet=account, **found)


async def start(client: SeatClient, entry: VenueConfig) -> None:
    """ConfigError when the venue does not answer."""
    try:
        await client.start()
    except (UnknownOutcome, VenueError) as error:
        where = entry.url or entry.dialect
        raise ConfigError(f"venue {entry.name}: {where} does not answer ({error}); start it first") from error
