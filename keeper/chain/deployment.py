"""What a deployment is asked to be (the plan) and what it became (the record). Neither file holds a key.

In a plan an account is an index (anvil's published development account of that number) or an address.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from keeper.errors import ConfigError

Kind = TypeVar("Kind")
Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Index = Annotated[int, msgspec.Meta(ge=0, lt=30)]
# ape signs for the development accounts it knows: the first ten.
Signer = Annotated[int, msgspec.Meta(ge=0, lt=10)]
Party = Index | Address
Micro = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
FeeCap = Annotated[int, msgspec.Meta(ge=0, le=6_000)]
"""Parts per million of equity in a day (rule A8)."""


class PlanRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is who. `owner` deploys, names the guardians and mints test USDC; `curator` lists the venues and seeds the
    insurance."""

    owner: Signer = 0
    curator: Signer = 1
    keepers: tuple[Party, ...] = (2, 3)
    guardians: Annotated[tuple[Party, ...], msgspec.Meta(min_length=1)] = (14,)
    attestors: tuple[Party, ...] = (4, 5, 6)
    threshold: Annotated[int, msgspec.Meta(ge=1)] = 2
    bridge: Party = 7
    custody: Party = 8
    seatAccount: Party = 9  # noqa: N815 - the file's own name
    trader: Party = 10


class VenueLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`cap` in micro-USDC; the relative cap in basis points of all assets."""

    relativeCapBps: Bps  # noqa: N815
    cap: Micro = 100_000_000_000_000


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Amounts in micro-USDC.

    `mint` gives test USDC (and gas) to clients, by index or address; `reserve` is pre-minted for custody, and as much
    for the CoreDepositWallet, so that clients' profits are payable.
    """

    roles: PlanRoles = PlanRoles()
    hyperCoreVenue: VenueLimits = VenueLimits(relativeCapBps=6_000)  # noqa: N815
    seatVenue: VenueLimits = VenueLimits(relativeCapBps=3_000)  # noqa: N815
    # Where SeatVenue sends USDC; none: the custody account.
    seatDepositAddress: Party | None = None  # noqa: N815
    # Fees that accrue in a day, in parts per million of equity, and who is paid them; none: the owner.
    feeCapPpm: FeeCap = 0  # noqa: N815
    feeRecipient: Party | None = None  # noqa: N815
    insurance: Micro = 1_000_000_000
    reserve: Micro = 100_000_000_000_000
    mint: dict[str, Micro] = {}


class Contracts(msgspec.Struct, frozen=True):
    usdc: Address
    factory: Address
    vault: Address
    attestor: Address
    hyperCoreVenue: Address  # noqa: N815
    seatVenue: Address  # noqa: N815
    lens: Address
    coreWriter: Address  # noqa: N815
    coreState: Address  # noqa: N815
    coreDepositWallet: Address  # noqa: N815


class Roles(msgspec.Struct, frozen=True):
    owner: Address
    curator: Address
    keepers: tuple[Address, ...]
    guardians: tuple[Address, ...]
    attestors: tuple[Address, ...]
    threshold: int
    bridge: Address
    custody: Address
    seatAccount: Address  # noqa: N815
    trader: Address


class Deployment(msgspec.Struct, frozen=True):
    """The record `prime deploy` writes. `startBlock` is its first block, `block` its last."""

    chainId: int  # noqa: N815
    rpc: str
    startBlock: int  # noqa: N815
    block: int
    contracts: Contracts
    roles: Roles


def read_plan(path: Path) -> Plan:
    """Raises ConfigError naming the field when the plan is missing or wrong."""
    return _read(path, Plan, "a deployment plan")


def read_deployment(path: Path) -> Deployment:
    """Raises ConfigError when the record is missing or wrong."""
    return _read(path, Deployment, "a deployment record; `prime deploy` writes one")


def write_deployment(path: Path, deployment: Deployment) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(deployment), indent=2) + b"\n")


def libraries_of(bytecode: dict[str, Any]) -> list[str]:
    """Libraries that a built contract's code (forge's `bytecode`) calls and that must be deployed before it."""
    return [name for names in bytecode.get("linkReferences", {}).values() for name in names]


def link(bytecode: dict[str, Any], libraries: Mapping[str, str]) -> str:
    """The code as hex with each library's address where forge left room for it."""
    code: str = bytecode["object"].removeprefix("0x")
    for names in bytecode.get("linkReferences", {}).values():
        for name, places in names.items():
            target = libraries[name].removeprefix("0x").lower()
            for place in places:
                start, end = 2 * place["start"], 2 * (place["start"] + place["length"])
                code = code[:start] + target + code[end:]
    return "0x" + code


def _read(path: Path, kind: type[Kind], what: str) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); it should be {what}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not {what}: {error}") from error
