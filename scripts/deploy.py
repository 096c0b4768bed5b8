"""Deploys Perp Prime and the stand-ins for HyperCore to a local chain. `prime deploy` runs it through ape:

    APE_FOUNDRY_HOST=http://127.0.0.1:8545 ape run deploy --network ethereum:local:foundry

Inputs by environment: PRIME_DEPLOY_PLAN (a plan; none: the default plan) and PRIME_DEPLOY_OUT (where the record goes).
The contracts come from forge's out/, so that what is tested is what is deployed and nothing is compiled here.
"""

import json
import os
from pathlib import Path
from typing import Any

from ape import accounts, networks
from ape.contracts import ContractContainer
from eth_utils.crypto import keccak
from ethpm_types import ContractType

from keeper.chain.deployment import (
    Contracts,
    Deployment,
    Party,
    Plan,
    Roles,
    libraries_of,
    link,
    read_plan,
    write_deployment,
)
from keeper.chain.dry_run import TIER_ATTESTED, TIER_READ, VAULT, VENUE, Artifact
from keeper.devkeys import address_of
from keeper.errors import ConfigError

OUT = Path(__file__).resolve().parent.parent / "out"
LOCAL_CHAIN = 31337
CORE_WRITER = "0x3333333333333333333333333333333333333333"
PRECOMPILES = [f"0x{address:040x}" for address in range(0x800, 0x814)]
SPOT_DEX = 2**32 - 1
# 2 USDC create the account on Core: one pays for its activation, the rest stays on spot.
ACTIVATION = 2_000_000
GAS_MONEY = hex(10**22)


def main() -> None:
    plan_path, out = os.environ.get("PRIME_DEPLOY_PLAN"), os.environ.get("PRIME_DEPLOY_OUT")
    plan = read_plan(Path(plan_path)) if plan_path else Plan()
    deployment = deploy(plan)
    if out:
        write_deployment(Path(out), deployment)
    print(f"PrimeVault {deployment.contracts.vault} at block {deployment.block}")


def deploy(plan: Plan) -> Deployment:
    """Everything one process can do: what HyperCore must answer first (set-up, enrolment) is the keeper's."""
    check_node()
    start = networks.provider.get_block("latest").number + 1
    roles = resolve_roles(plan)
    owner, curator = accounts.test_accounts[plan.roles.owner], accounts.test_accounts[plan.roles.curator]

    usdc = owner.deploy(container("TestUSDC"), owner)
    state = owner.deploy(container("CoreState"), roles.bridge)
    wallet = owner.deploy(container("CoreDepositWalletSim"), usdc, roles.bridge)
    install_stand_ins(owner, state)

    factory = Factory(owner)
    vault = factory.make("PrimeVault", VAULT, 0, usdc.address, roles.owner, roles.curator, roles.keepers)
    for guardian in roles.guardians:
        vault.addGuardian(guardian, sender=owner)
    core = factory.make("HyperCoreVenue", VENUE, TIER_READ, vault.address, usdc.address, wallet.address, CORE_WRITER)
    attestor = owner.deploy(container("Attestor"), vault, list(roles.attestors), roles.threshold)
    lens = owner.deploy(container("Lens"))
    deposit_address = roles.custody if plan.seatDepositAddress is None else address(plan.seatDepositAddress)
    seat = factory.make(
        *("SeatVenue", VENUE, TIER_ATTESTED, vault.address, usdc.address, attestor.address),
        *(roles.seatAccount, deposit_address),
    )

    vault.addVenue(core, plan.hyperCoreVenue.cap, plan.hyperCoreVenue.relativeCapBps, sender=curator)
    vault.addVenue(seat, plan.seatVenue.cap, plan.seatVenue.relativeCapBps, sender=curator)
    core.approveTrader(roles.trader, sender=curator)
    if plan.feeCapPpm:
        recipient = roles.owner if plan.feeRecipient is None else address(plan.feeRecipient)
        vault.setFeeRecipient(recipient, sender=curator)
        vault.increaseFeeCap(plan.feeCapPpm, sender=curator)

    give_gas(plan, roles)
    mint(plan, roles, usdc, wallet, owner)
    usdc.approve(vault, plan.insurance, sender=curator)
    vault.fundInsurance(plan.insurance, sender=curator)
    usdc.approve(wallet, ACTIVATION, sender=owner)
    wallet.depositFor(core, ACTIVATION, SPOT_DEX, sender=owner)

    return Deployment(
        chainId=LOCAL_CHAIN,
        rpc=networks.provider.http_uri,
        startBlock=start,
        block=networks.provider.get_block("latest").number,
        contracts=Contracts(
            usdc=usdc.address,
            factory=factory.contract.address,
            vault=vault.address,
            attestor=attestor.address,
            hyperCoreVenue=core.address,
            seatVenue=seat.address,
            lens=lens.address,
            coreWriter=CORE_WRITER,
            coreState=state.address,
            coreDepositWallet=wallet.address,
        ),
        roles=roles,
    )


def check_node() -> None:
    provider = networks.provider
    if provider.chain_id != LOCAL_CHAIN:
        raise ConfigError(
            f"chain {provider.chain_id}: this deployment uses published development keys and stand-ins for HyperCore, "
            f"which are refused on any chain but {LOCAL_CHAIN}"
        )
    if not rpc("anvil_getAutomine"):
        raise ConfigError(
            "the node does not mine at once; start anvil without --no-mining and --block-time, or anvil_setAutomine"
        )


class Libraries:
    """Deploys each library once, those it needs itself first."""

    def __init__(self, deployer: Any) -> None:
        self._deployer = deployer
        self._deployed: dict[str, str] = {}

    def link(self, bytecode: dict[str, Any]) -> str:
        for name in libraries_of(bytecode):
            if name not in self._deployed:
                self._deployed[name] = self._deployer.deploy(container(name, self)).address
        return link(bytecode, self._deployed)


class Factory:
    """A VaultFactory of `owner`'s. Code is listed the first time something is made of it; venues get their tier so."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._libraries = Libraries(owner)
        self.contract = owner.deploy(container("VaultFactory"), owner, 0, owner)

    def make(self, name: str, kind: int, tier: int, *arguments: Any) -> Any:
        built = built_contract(name)
        code = bytes.fromhex(self._libraries.link(built["bytecode"]).removeprefix("0x"))
        init_code = Artifact(name=name, built=built, linked=code).init_code(arguments)
        self.contract.addTemplate(keccak(code), kind, tier, len(code), sender=self._owner)
        made = self.contract.predict(self._owner, init_code, bytes(32))
        self.contract.create(keccak(code), init_code, bytes(32), sender=self._owner)
        return ContractContainer(ContractType.model_validate({"contractName": name, "abi": built["abi"]})).at(made)


def built_contract(name: str) -> dict[str, Any]:
    """As forge built it."""
    path = OUT / f"{name}.sol" / f"{name}.json"
    if not path.exists():
        raise ConfigError(f"{name} is not built; run ./dev build")
    built: dict[str, Any] = json.loads(path.read_text())
    if not built.get("bytecode", {}).get("object", "0x").removeprefix("0x"):
        raise ConfigError(f"out/ holds no code for {name}; run ./dev run forge build --force --skip test")
    return built


def container(name: str, libraries: Libraries | None = None) -> ContractContainer:
    """One that calls libraries needs them to be deployed."""
    built = built_contract(name)
    kind = {"contractName": name, "abi": built["abi"]}
    if libraries is None:
        kind["deploymentBytecode"] = {"bytecode": built["bytecode"]["object"]}
    else:
        kind["deploymentBytecode"] = {"bytecode": libraries.link(built["bytecode"])}
    return ContractContainer(ContractType.model_validate(kind))


def rpc(method: str, *parameters: Any) -> Any:
    return networks.provider.make_request(method, list(parameters))


def install_stand_ins(owner: Any, state: Any) -> None:
    """Copies runtime code, immutables included, to the addresses where HyperEVM has its system contracts."""
    precompile = owner.deploy(container("PrecompileSim"), state)
    writer = owner.deploy(container("CoreWriterSim"))
    code = rpc("eth_getCode", precompile.address, "latest")
    for target in PRECOMPILES:
        rpc("anvil_setCode", target, code)
    rpc("anvil_setCode", CORE_WRITER, rpc("eth_getCode", writer.address, "latest"))


def address(party: Party) -> str:
    return address_of(party) if isinstance(party, int) else party


def minted(plan: Plan) -> dict[str, int]:
    """The plan's clients by address: JSON has only text for keys, so an index comes as one."""
    return {address(int(party) if party.isdecimal() else party): amount for party, amount in plan.mint.items()}


def resolve_roles(plan: Plan) -> Roles:
    given = plan.roles
    return Roles(
        owner=address(given.owner),
        curator=address(given.curator),
        keepers=tuple(map(address, given.keepers)),
        guardians=tuple(map(address, given.guardians)),
        attestors=tuple(map(address, given.attestors)),
        threshold=given.threshold,
        bridge=address(given.bridge),
        custody=address(given.custody),
        seatAccount=address(given.seatAccount),
        trader=address(given.trader),
    )


def give_gas(plan: Plan, roles: Roles) -> None:
    """Accounts beyond anvil's first ten have no ether of their own."""
    for party in {
        *roles.keepers,
        *roles.guardians,
        *roles.attestors,
        roles.bridge,
        roles.custody,
        roles.trader,
        *minted(plan),
    }:
        if int(rpc("eth_getBalance", party, "latest"), 16) == 0:
            rpc("anvil_setBalance", party, GAS_MONEY)


def mint(plan: Plan, roles: Roles, usdc: Any, wallet: Any, owner: Any) -> None:
    amounts = {roles.owner: ACTIVATION, roles.curator: plan.insurance, wallet.address: plan.reserve}
    amounts[roles.custody] = amounts.get(roles.custody, 0) + plan.reserve
    for party, amount in [*amounts.items(), *minted(plan).items()]:
        usdc.mint(party, amount, sender=owner)
