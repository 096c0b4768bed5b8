"""What a deployment to a public network would do, without a node and without a key.

Addresses follow from the deployer and its nonce (CREATE) and from the factory's salts (CREATE2), so that the whole
list, with every constructor argument, can be read and signed off before anything is sent. Code comes from forge's out/.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from eth_abi.abi import encode
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from web3.types import Nonce
from web3.utils.address import get_create_address

from keeper.chain.deployment import Address, FeeCap, VenueLimits, libraries_of, link
from keeper.errors import ConfigError

Kind = TypeVar("Kind")

# Hyperliquid's spot dex, and 2 USDC that create an account there (one pays for its activation).
SPOT_DEX = 2**32 - 1
ACTIVATION = 2_000_000
# Kinds as in IVaultFactory.sol.
VAULT, POOL, VENUE = 1, 2, 3
TIER_READ, TIER_ATTESTED = 1, 2


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of scripts/networks/. Without `coreWriter` the chain is not Hyperliquid's."""

    name: str
    chainId: int  # noqa: N815 - the file's own name
    rpc: str
    usdc: Address
    coreDepositWallet: Address | None  # noqa: N815
    coreWriter: Address | None  # noqa: N815
    # Transactions above it need big blocks; none: no such thing here.
    smallBlockGas: int | None  # noqa: N815
    notes: tuple[str, ...] = ()


class NetworkPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is who, and the limits. Amounts in micro-USDC."""

    deployer: Address
    deployerNonce: Annotated[int, msgspec.Meta(ge=0)]  # noqa: N815
    owner: Address
    curator: Address
    keepers: Annotated[tuple[Address, ...], msgspec.Meta(min_length=2)]
    guardians: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1)]
    attestors: tuple[Address, ...]
    threshold: Annotated[int, msgspec.Meta(ge=1)]
    seatAccount: Address  # noqa: N815
    seatDepositAddress: Address  # noqa: N815
    protocolRecipient: Address  # noqa: N815
    protocolBps: Annotated[int, msgspec.Meta(ge=0, le=3_000)]  # noqa: N815
    insurance: Annotated[int, msgspec.Meta(ge=100_000_000, le=2**63 - 1)]
    hyperCoreVenue: VenueLimits  # noqa: N815
    seatVenue: VenueLimits  # noqa: N815
    feeCapPpm: FeeCap = 0  # noqa: N815
    feeRecipient: Address | None = None  # noqa: N815


class Step(msgspec.Struct, frozen=True):
    """One transaction: `data` from `sender` to `to` (none: a creation), leaving a contract at `creates`.

    `gasAtLeast`: what its data, and the code it leaves behind, cost for certain.
    """

    role: str
    sender: str
    what: str
    arguments: tuple[str, ...]
    to: str | None
    creates: str | None
    gasAtLeast: int  # noqa: N815
    bigBlock: bool  # noqa: N815
    data: str


class DryRun(msgspec.Struct, frozen=True):
    """The record: what would be where, and by which steps."""

    network: str
    chainId: int  # noqa: N815
    dryRun: bool  # noqa: N815
    contracts: dict[str, str]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def read_network(path: Path) -> Network:
    """Raises ConfigError naming the file and the field."""
    return _read(path, Network, "a network")


def read_network_plan(path: Path) -> NetworkPlan:
    """Raises ConfigError naming the file and the field."""
    return _read(path, NetworkPlan, "a plan for a public network")


def _read(path: Path, kind: type[Kind], what: str) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); it should be {what}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not {what}: {error}") from error


def create_address(deployer: str, nonce: int) -> str:
    """Where `deployer` creates with `nonce`."""
    return str(get_create_address(to_checksum_address(deployer), Nonce(nonce)))


def create2_address(factory: str, creator: str, salt: bytes, init_code: bytes) -> str:
    """Where VaultFactory.create makes `init_code` for `creator` (EIP-1014; the salt is mixed with the creator)."""
    mixed = keccak(encode(["address", "bytes32"], [creator, salt]))
    return to_checksum_address(keccak(b"\xff" + to_canonical_address(factory) + mixed + keccak(init_code))[-20:])


def gas_at_least(data: bytes, runtime_bytes: int = 0) -> int:
    """Transaction and data (EIP-2028), and for a creation its opcode, init code words (EIP-3860) and stored code."""
    gas = 21_000 + sum(16 if byte else 4 for byte in data)
    if runtime_bytes:
        gas += 32_000 + 2 * -(-len(data) // 32) + 200 * runtime_bytes
    return gas


def call_data(signature: str, *arguments: Any) -> bytes:
    """Selector and ABI-encoded arguments of a function of plain types."""
    kinds = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]
    return keccak(signature.encode())[:4] + encode(kinds, arguments)


class Artifact(msgspec.Struct):
    """A built contract. `linked` has no hole left."""

    name: str
    built: dict[str, Any]
    linked: bytes

    def init_code(self, arguments: Sequence[Any]) -> bytes:
        kinds = [
            one["type"] for entry in self.built["abi"] if entry["type"] == "constructor" for one in entry["inputs"]
        ]
        return self.linked + encode(kinds, arguments)

    @property
    def runtime_bytes(self) -> int:
        return len(self.built["deployedBytecode"]["object"].removeprefix("0x")) // 2


class DryRunner:
    """Builds the list step by step; every address is known when it is first used."""

    def __init__(self, network: Network, plan: NetworkPlan, out: Path) -> None:
        self.network = network
        self.plan = plan
        self.out = out
        self.nonce = plan.deployerNonce
        self.steps: list[Step] = []
        self.contracts: dict[str, str] = {}
        self.libraries: dict[str, str] = {}

    def run(self) -> DryRun:
        """Raises ConfigError when out/ lacks a contract."""
        plan, usdc = self.plan, self.network.usdc
        self._libraries("PrimeVault")
        factory = self._deploy("VaultFactory", plan.owner, plan.protocolBps, plan.protocolRecipient)
        venues = [("SeatVenue", VENUE, TIER_ATTESTED)]
        if self.network.coreWriter:
            venues.insert(0, ("HyperCoreVenue", VENUE, TIER_READ))
        for name, kind, tier in [("PrimeVault", VAULT, 0), ("PooledAccount", POOL, 0), *venues]:
            code = self._artifact(name).linked
            signature = "addTemplate(bytes32,uint8,uint8,uint32)"
            self._call("owner", factory, signature, keccak(code), kind, tier, len(code), what=f"list {name}")
        vault = self._make(factory, "PrimeVault", usdc, plan.owner, plan.curator, list(plan.keepers))
        for guardian in plan.guardians:
            self._call("owner", vault, "addGuardian(address)", guardian)
        attestor = self._deploy("Attestor", vault, list(plan.attestors), plan.threshold)
        wallet, writer = self.network.coreDepositWallet, self.network.coreWriter
        if wallet and writer:
            core = self._make(factory, "HyperCoreVenue", vault, usdc, wallet, writer)
            self._list(vault, core, plan.hyperCoreVenue)
            self._call("deployer", usdc, "approve(address,uint256)", wallet, ACTIVATION)
            self._call("deployer", wallet, "depositFor(address,uint256,uint32)", core, ACTIVATION, SPOT_DEX)
            self._call("keeper", core, "setUp()", what="setUp, once the account exists on Core")
        seat = self._make(factory, "SeatVenue", vault, usdc, attestor, plan.seatAccount, plan.seatDepositAddress)
        self._list(vault, seat, plan.seatVenue)
        if plan.feeCapPpm:
            self._call("curator", vault, "setFeeRecipient(address)", plan.feeRecipient or plan.owner)
            self._call("curator", vault, "increaseFeeCap(uint16)", plan.feeCapPpm)
        self._call("curator", usdc, "approve(address,uint256)", vault, plan.insurance)
        self._call("curator", vault, "fundInsurance(uint64)", plan.insurance)
        self._deploy("Lens")
        return DryRun(
            network=self.network.name,
            chainId=self.network.chainId,
            dryRun=True,
            contracts=self.contracts,
            steps=tuple(self.steps),
            notes=self.network.notes,
        )

    def verification(self, root: Path) -> dict[str, bytes]:
        """Standard-JSON compiler input per contract, by file name: what block explorers ask for."""
        return {f"{name}.json": self._standard_json(name, root) for name in sorted(self.contracts)}

    def _libraries(self, name: str) -> None:
        for library in libraries_of(self._built(name)["bytecode"]):
            if library not in self.libraries:
                self._libraries(library)
                self.libraries[library] = self._deploy(library)

    def _deploy(self, name: str, *arguments: Any) -> str:
        artifact = self._artifact(name)
        code = artifact.init_code(arguments)
        where = create_address(self.plan.deployer, self.nonce)
        self.contracts[name] = where
        self._add("deployer", f"new {name}", arguments, None, where, code, artifact.runtime_bytes)
        return where

    def _make(self, factory: str, name: str, *arguments: Any) -> str:
        artifact = self._artifact(name)
        code, salt = artifact.init_code(arguments), bytes(32)
        where = create2_address(factory, self.plan.deployer, salt, code)
        self.contracts[name] = where
        data = call_data("create(bytes32,bytes,bytes32)", keccak(artifact.linked), code, salt)
        self._add("deployer", f"create {name}", arguments, factory, where, data, artifact.runtime_bytes)
        return where

    def _list(self, vault: str, venue: str, limits: VenueLimits) -> None:
        signature = "addVenue(address,uint64,uint16)"
        self._call("curator", vault, signature, venue, limits.cap, limits.relativeCapBps)

    def _call(self, role: str, to: str, signature: str, *arguments: Any, what: str | None = None) -> None:
        what = what or signature.partition("(")[0]
        self._add(role, what, arguments, to, None, call_data(signature, *arguments), 0)

    def _add(
        self,
        role: str,
        what: str,
        arguments: Sequence[Any],
        to: str | None,
        creates: str | None,
        data: bytes,
        runtime_bytes: int,
    ) -> None:
        plan = self.plan
        senders = {"deployer": plan.deployer, "owner": plan.owner, "curator": plan.curator, "keeper": plan.keepers[0]}
        sender = senders[role]
        if sender.lower() == plan.deployer.lower():
            self.nonce += 1
        gas, small = gas_at_least(data, runtime_bytes), self.network.smallBlockGas
        self.steps.append(
            Step(
                role=role,
                sender=to_checksum_address(sender),
                what=what,
                arguments=_shown(arguments),
                to=to_checksum_address(to) if to else None,
                creates=creates,
                gasAtLeast=gas,
                # A constructor's own work comes on top: near the limit counts as above it.
                bigBlock=small is not None and 5 * gas > 4 * small,
                data="0x" + data.hex(),
            )
        )

    def _built(self, name: str) -> dict[str, Any]:
        path = self.out / f"{name}.sol" / f"{name}.json"
        try:
            built: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(f"{name} is not built; run ./dev build") from error
        return built

    def _artifact(self, name: str) -> Artifact:
        built = self._built(name)
        code = bytes.fromhex(link(built["bytecode"], self.libraries).removeprefix("0x"))
        return Artifact(name=name, built=built, linked=code)

    def _standard_json(self, name: str, root: Path) -> bytes:
        metadata = self._built(name)["metadata"]
        settings = dict(metadata["settings"])
        (target,) = settings.pop("compilationTarget")
        settings["libraries"] = self._library_settings(metadata["sources"], root)
        settings["outputSelection"] = {target: {name: ["abi", "evm.bytecode", "evm.deployedBytecode", "metadata"]}}
        sources = {path: {"content": (root / path).read_text()} for path in metadata["sources"]}
        return msgspec.json.encode({"language": "Solidity", "sources": sources, "settings": settings}, order="sorted")

    def _library_settings(self, sources: Mapping[str, Any], root: Path) -> dict[str, dict[str, str]]:
        """Which of the deployed libraries these sources declare."""
        found: dict[str, dict[str, str]] = {}
        for path in sources:
            for library in re.findall(r"^library (\w+)", (root / path).read_text(), re.MULTILINE):
                if library in self.libraries:
                    found.setdefault(path, {})[library] = self.libraries[library]
        return found


def _shown(arguments: Sequence[Any]) -> tuple[str, ...]:
    return tuple(
        ", ".join(one) if isinstance(one, list) else f"0x{one.hex()}" if isinstance(one, bytes) else str(one)
        for one in arguments
    )
