"""The keeper's settings: one JSON file, frozen once read. Keys come by environment variable and never touch a file."""

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from keeper.errors import ConfigError
from keeper.model.fees import MOST_PPM

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$"), AfterValidator(str.lower)]

ANVIL_CHAIN_ID = 31337

PRIVATE_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Score = Annotated[Decimal, Field(ge=0, le=1)]


class TrustConfig(Frozen):
    """How far a venue is trusted, 0 (not at all) to 1; `version` names the assessment. Below 0.4 in all (security
    counts half) it gets no orders; `order_cap_usd` is the most notional of one order there."""

    version: str
    security: Score
    audits: Score
    reliability: Score
    order_cap_usd: Annotated[Decimal, Field(ge=0)] | None = None


VariableName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="of an environment variable")]


class CredentialNames(Frozen):
    """The environment variables that hold what a ccxt venue asks for; the values never touch a file."""

    private_key: VariableName | None = None
    api_key: VariableName | None = None
    secret: VariableName | None = None
    password: VariableName | None = None


class VenueConfig(Frozen):
    """A seat: where its venue answers, and which adapter contract holds it.

    Hyperliquid is found at `url`. A venue of kind `ccxt` is named by `dialect` (see `prime venues`) and found where
    ccxt finds it, or at `urls`, in ccxt's own shape; `credentials` names the environment variables of its keys.
    """

    name: str
    kind: Literal["hyperliquid", "ccxt"] = "hyperliquid"
    url: str = ""
    dialect: str = ""
    urls: dict[str, Any] | None = None
    credentials: CredentialNames | None = None
    adapter: Address
    tier: Literal[1, 2]
    base_target_bps: Annotated[int, Field(ge=0, le=10_000, description="of all equity, held even with no position")]
    weight_per_minute: Annotated[int, Field(ge=1, description="what the venue lets one address ask in a minute")] = (
        1_200
    )
    risk_bps: Annotated[Decimal, Field(ge=0, description="charged on top of what the scores give")] = Decimal(0)
    gas_usd: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    bridge_usd: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    withdrawal_usd: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    trust: TrustConfig | None = None

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> Self:
        wanted, foreign = ["url"], ["dialect", "urls", "credentials"]
        if self.kind == "ccxt":
            wanted, foreign = ["dialect", "credentials"], ["url"]
        missing = [name for name in wanted if not getattr(self, name)]
        beside = [name for name in foreign if getattr(self, name)]
        if missing or beside:
            what = [f"{name}: a seat of kind {self.kind} needs it" for name in missing]
            what += [f"{name}: a seat of kind {self.kind} takes none" for name in beside]
            raise ValueError(", ".join(what))
        if self.kind == "ccxt" and self.tier != 2:
            raise ValueError("tier: only Hyperliquid's equity is read by contract; a seat of kind ccxt is tier 2")
        return self


class KeeperConfig(Frozen):
    """Everything but the keys. Times in seconds, money in USDC."""

    chain_id: int
    rpc: str
    vault: Address
    usdc: Address
    start_block: int = 0
    venues: tuple[VenueConfig, ...]
    coins: tuple[str, ...]
    attestors: tuple[str, ...] = ()
    attestor_threshold: int = 2
    database: Annotated[str, Field(description="a file, or the URL of a SQLite or PostgreSQL database")]
    collect_s: Annotated[int, Field(ge=1, description="between two collections of venue records")] = 10
    lease_s: Annotated[int, Field(ge=1, description="silence after which a standby takes over")] = 10
    statements: Path
    clock_file: Path | None = None
    api_host: str = "127.0.0.1"
    api_port: int = 8800
    page: Path | None = None
    commit_interval_s: Annotated[int, Field(ge=600)] = 600
    settle_by_itself: bool = True
    order_expiry_s: int = 10
    venue_heartbeat_s: Annotated[float, Field(gt=0, description="a venue silent for so long leaves routing")] = 5.0
    stress_bps: int = 1_000
    top_up_bps: int = 12_500
    routing_fee_ppm: Annotated[
        int, Field(ge=0, le=MOST_PPM, description="of the notional of clients' fills, for the broker; 100 is 1 bp")
    ] = 0
    margin_rate_per_year: Annotated[Decimal, Field(ge=0, description="what margin could earn")] = Decimal("0.05")

    def name_of(self, venue: str) -> str:
        """The display name of an adapter's address."""
        return next((entry.name for entry in self.venues if entry.adapter == venue), venue)


class KeeperKeys(BaseSettings):
    """The keeper's two keys: PRIME_KEEPER_KEY signs transactions, PRIME_TRADER_KEY is an agent at the venues."""

    model_config = SettingsConfigDict(env_prefix="PRIME_", frozen=True)

    keeper_key: SecretStr
    trader_key: SecretStr


def read_config(path: Path) -> KeeperConfig:
    """Reads and checks a settings file. ConfigError names each wrong setting."""
    try:
        return KeeperConfig.model_validate(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `prime demo --keep` prints a working one") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def read_keys(chain_id: int) -> KeeperKeys:
    """Reads the keys from the environment. Refuses anvil's published keys on any chain but its own."""
    try:
        keys = KeeperKeys()  # type: ignore[call-arg]  # the environment fills it
    except ValidationError as error:
        missing = ", ".join("PRIME_" + str(part["loc"][0]).upper() for part in error.errors())
        raise ConfigError(f"environment: {missing} must hold a private key (hex)") from error
    for name, value in (("PRIME_KEEPER_KEY", keys.keeper_key), ("PRIME_TRADER_KEY", keys.trader_key)):
        _must_be_key(name, value.get_secret_value())
        refuse_published_key(name, value.get_secret_value(), chain_id)
    return keys


def _must_be_key(name: str, value: str) -> None:
    if not PRIVATE_KEY.fullmatch(value):
        raise ConfigError(f"{name}: set this environment variable to a private key (64 hex digits)")


def refuse_published_key(name: str, key: str, chain_id: int) -> None:
    """Raises ConfigError when a published development key is about to be used where money is real."""
    from keeper.devkeys import is_published

    if chain_id != ANVIL_CHAIN_ID and is_published(key):
        raise ConfigError(f"{name}: this is a published development key; it is refused on chain {chain_id}")


def _explain(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())


def environment_secret(name: str, setting: str) -> str:
    """What the environment variable `name` holds; ConfigError naming the setting that names it when it is not set."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError(f"{setting}: the environment variable {name} is not set")
    return value


def environment_key(name: str) -> str:
    """A private key from the environment, for the small programs that hold one key each."""
    value = os.environ.get(name, "")
    _must_be_key(name, value)
    return value
