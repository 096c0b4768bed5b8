"""The processes of the demo: a chain, two venues, a custodian, three attestors and the keeper, in the order they need.

Tier 1: the venue plays HyperCore for the chain and mines its blocks. Tier 2: the venue has a custody account there.
Business time starts 5 minutes after a full hour, so that exactly one funding instant lies in the story.
"""

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import msgspec

from keeper.chain.deployment import Deployment
from keeper.chain.rpc import Web3, connection
from keeper.cli.deploy import ROOT, run_deployment
from keeper.clock import OffsetClock, write_offset
from keeper.devkeys import address_of, key_of
from keeper.errors import ConfigError
from keeper.world.node import LocalChain, start_anvil
from keeper.world.processes import LOOPBACK, Process, Processes, free_port
from keeper.world.world import World

CLIENT_INDEXES = (11, 12, 13)
KEEPER_INDEX, SEAT_INDEX, TRADER_INDEX, BRIDGE_INDEX, CUSTODY_INDEX = 2, 9, 10, 7, 8
ATTESTOR_INDEXES = (4, 5, 6)
COINS = ("BTC", "ETH", "SOL")
HOUR_MS = 3_600_000
START_AFTER_HOUR_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class VenueSpec:
    """How a simulated venue differs from the recorded market and from the other one."""

    name: str
    tier: int
    taker_bps: str
    maker_bps: str
    basis_bps: str
    depth_scale: str
    funding_scale: str
    seed: int
    base_target_bps: int
    dialect: str = "hyperliquid"


VENUES = (
    VenueSpec("hl-core", 1, "4.5", "1.5", "0", "0.020", "1", 1, 1_000),
    VenueSpec("hl-seat", 2, "4.0", "1.2", "0.6", "0.018", "1.6", 2, 400),
)
WEIGHT_PER_MINUTE = 60_000
"""An hour passes here in seconds, with all that a keeper asks in an hour; the simulated venues do not count."""


class LocalWorld:
    """Enter it to start everything; leave it to stop everything. `folder` holds records, logs, books and statements.
    `specs`: the tier-1 and the tier-2 venue. With `frozen` prices never move, so that two worlds in which the same
    happens end in the same figures."""

    specs: tuple[VenueSpec, VenueSpec] = VENUES
    coins: tuple[str, ...] = COINS
    limits: ClassVar[Mapping[str, Any]] = {}
    """What the plan of the deployment says, beside what is usual."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """What the keeper is told, beside what is usual."""

    def __init__(self, folder: Path, api_port: int | None = None) -> None:
        self.folder = folder
        self.clock_file = folder / "clock.json"
        self.statements = folder / "statements"
        self.config_file = folder / "keeper.json"
        self.database = f"sqlite:///{folder / 'keeper.db'}"
        self.clock = OffsetClock(self.clock_file)
        self.processes = Processes(folder / "logs")
        self.rpc_port = free_port()
        self.rpc = f"http://{LOOPBACK}:{self.rpc_port}"
        self.api_port = api_port or free_port()
        self.api = f"http://{LOOPBACK}:{self.api_port}"
        self.venues: dict[str, Process] = {}
        self.venue_urls: dict[str, str] = {}
        self.admin_urls: dict[str, str] = {}
        self.attestor_urls: list[str] = []
        self.attestors: list[Process] = []
        self.settle_by_itself = True
        self.frozen = False
        self.keeper: Process
        self.deployment: Deployment
        self.chain: LocalChain
        self.world: World
        self.w3: Web3
        self.http: aiohttp.ClientSession
        self._stack = AsyncExitStack()
        self._tape_start_ms = 0

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.statements.mkdir(exist_ok=True)
        self._set_clock()
        self._stack.callback(self.processes.stop_all)
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _set_clock(self) -> None:
        now = time.time_ns() // 1_000_000
        start = now - now % HOUR_MS + HOUR_MS + START_AFTER_HOUR_MS
        write_offset(self.clock_file, start - now)
        self._tape_start_ms = start

    def adapter(self, name: str) -> str:
        """The adapter contract of a venue, lower case."""
        contracts = self.deployment.contracts
        return (contracts.hyperCoreVenue if name == self.specs[0].name else contracts.seatVenue).lower()

    # in the order they are called

    async def start_chain(self) -> None:
        start_anvil(self.processes, self.rpc_port, start_s=self.clock.now_ms() // 1000 - 60)
        self.chain = LocalChain(self.rpc)
        self._stack.push_async_callback(self.chain.close)
        self.w3 = await self._stack.enter_async_context(connection(self.rpc))

    def deploy(self, deposits: int) -> None:
        """The contracts, by ape; every client gets `deposits` micro-USDC and some to spare."""
        plan = self.folder / "plan.json"
        mint = {str(index): deposits for index in CLIENT_INDEXES}
        plan.write_bytes(msgspec.json.encode({"mint": mint, **self.limits}))
        self.deployment = run_deployment(self.rpc, self.folder / "deployment.json", plan)

    async def start_venues(self) -> None:
        await self.chain.set_automine(False)
        for spec in self.specs:
            self._start_venue(spec)
        self.processes.wait_all()
        self.world = World(venue_admin_urls=list(self.admin_urls.values()), rpc=self.rpc, clock_file=self.clock_file)
        self._stack.push_async_callback(self.world.close)

    def _start_venue(self, spec: VenueSpec) -> None:
        port, admin = free_port(), free_port()
        command = [
            *prime("sim", "serve", "--dialect", spec.dialect),
            *("--port", str(port), "--admin-port", str(admin), "--clock-file", str(self.clock_file)),
            *("--taker-bps", spec.taker_bps, "--maker-bps", spec.maker_bps, "--basis-bps", spec.basis_bps),
            *("--depth-scale", spec.depth_scale, "--funding-scale", spec.funding_scale, "--seed", str(spec.seed)),
            *("--tape-start-ms", str(self._tape_start_ms)),
            *("--rpc", self.rpc, "--contracts", str(self.folder / "deployment.json")),
            *(["--frozen"] if self.frozen else []),
        ]
        if spec.tier == 1:
            command += ["--hypercore", "--mine"]
            env = {"PRIME_BRIDGE_KEY": key_of(BRIDGE_INDEX)}
        else:
            command += ["--deposit", f"{self.adapter(spec.name)}={address_of(SEAT_INDEX)}"]
            env = {"PRIME_CUSTODY_KEY": key_of(CUSTODY_INDEX)}
        self.venue_urls[spec.name] = f"http://{LOOPBACK}:{port}"
        self.admin_urls[spec.name] = f"http://{LOOPBACK}:{admin}"
        self.venues[spec.name] = self.processes.start(spec.name, command, env=env, port=port, wait=False)

    def start_custodian(self) -> None:
        seat = self.specs[1].name
        self.processes.start(
            "custodian",
            [
                *prime("custodian", "run"),
                *("--rpc", self.rpc, "--seat-venue", self.adapter(seat), "--venue-url", self.venue_urls[seat]),
                *("--approve-agent", address_of(TRADER_INDEX), "--clock-file", str(self.clock_file)),
            ],
            env={"PRIME_CUSTODIAN_KEY": key_of(SEAT_INDEX)},
        )

    def start_attestors(self, indexes: Sequence[int] = ATTESTOR_INDEXES) -> None:
        seat = self.specs[1].name
        for number, index in enumerate(indexes, start=1):
            port = free_port()
            process = self.processes.start(
                f"attestor-{number}",
                [
                    *prime("attestor", "run"),
                    *("--port", str(port), "--rpc", self.rpc, "--vault", self.deployment.contracts.vault),
                    *("--seat-venue", self.adapter(seat), "--venue-url", self.venue_urls[seat]),
                    *("--clock-file", str(self.clock_file), "--poll-ms", "500", "--weight-per-minute", "12000"),
                ],
                env={"PRIME_ATTESTOR_KEY": key_of(index)},
                port=port,
                wait=False,
            )
            self.attestors.append(process)
            self.attestor_urls.append(f"http://{LOOPBACK}:{port}")

    def start_keeper(self) -> None:
        self.write_config()
        self.keeper = self._run_keeper("keeper")

    def start_standby(self) -> Process:
        """A second keeper on the same books, which waits until nobody else leads. From now on `api` is its own."""
        self.api_port = free_port()
        self.api = f"http://{LOOPBACK}:{self.api_port}"
        self.write_config()
        return self._run_keeper(f"standby-{self.api_port}", "--standby")

    def _run_keeper(self, name: str, *options: str) -> Process:
        return self.processes.start(
            name,
            [*prime("keeper", "run"), "--config", str(self.config_file), *options],
            env=self.keeper_keys(),
            port=self.api_port,
            wait=False,
        )

    def keeper_keys(self) -> dict[str, str]:
        return {"PRIME_KEEPER_KEY": key_of(KEEPER_INDEX), "PRIME_TRADER_KEY": key_of(TRADER_INDEX)}

    def wait_for_all(self) -> None:
        self.processes.wait_all()

    def reached(self, spec: VenueSpec) -> dict[str, Any]:
        """How the keeper's settings say where and what the venue is."""
        return {"url": self.venue_urls[spec.name]}

    def write_config(self) -> None:
        page = ROOT / "dapp" / "dist"
        contracts = self.deployment.contracts
        settings = {
            "chain_id": self.deployment.chainId,
            "rpc": self.rpc,
            "vault": contracts.vault,
            "usdc": contracts.usdc,
            "start_block": self.deployment.startBlock,
            "venues": [
                {
                    "name": spec.name,
                    "adapter": self.adapter(spec.name),
                    "tier": spec.tier,
                    "base_target_bps": spec.base_target_bps,
                    "weight_per_minute": WEIGHT_PER_MINUTE,
                    **self.reached(spec),
                }
                for spec in self.specs
            ],
            "coins": self.coins,
            "attestors": self.attestor_urls,
            "collect_s": 2,
            "database": self.database,
            "statements": str(self.statements),
            "clock_file": str(self.clock_file),
            "settle_by_itself": self.settle_by_itself,
            "api_port": self.api_port,
            "page": str(page) if (page / "index.html").is_file() else None,
            **self.settings,
        }
        self.config_file.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2))


def prime(*words: str) -> list[str]:
    """The command line of a `prime` subcommand, run by this same interpreter."""
    return [sys.executable, "-m", "keeper", *words]


def check_tools() -> None:
    """ConfigError when the chain's programs are not on PATH: `./dev` puts them there."""
    for tool in ("anvil", "ape"):
        if shutil.which(tool) is None:
            raise ConfigError(f"{tool}: not found; run the demo through ./dev, which brings it")
