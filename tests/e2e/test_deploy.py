"""`prime deploy` against a real anvil: what it says it deployed is there, and what it refuses it names."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider, Web3

from keeper.chain.abi import load
from keeper.chain.deployment import Deployment, read_deployment, read_plan
from keeper.chain.dry_run import VAULT
from keeper.devkeys import address_of
from keeper.errors import ConfigError

COLD_LIMIT_S = 25
CLIENT = address_of(12)
PLAN = {
    "roles": {"keepers": [2, 3], "trader": 11},
    "hyperCoreVenue": {"relativeCapBps": 6000, "cap": 5_000_000_000_000},
    "mint": {"12": 250_000_000_000},
}


def prime_deploy(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keeper.cli.deploy", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(["anvil", "--port", str(port), "--hardfork", "cancun", "--silent", *options])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One deployment from a cold start of ape (a data folder of its own), timed."""
    folder = tmp_path_factory.mktemp("deploy")
    (folder / "plan.json").write_text(json.dumps(PLAN))
    with anvil() as rpc:
        start = time.monotonic()
        done = prime_deploy(
            *("--rpc", rpc, "--out", folder / "out.json", "--plan", folder / "plan.json", "--json"),
            APE_DATA_FOLDER=str(folder / "ape"),
        )
        took = time.monotonic() - start
        assert done.returncode == 0, done.stderr
        assert took < COLD_LIMIT_S
        assert json.loads(done.stdout) == json.loads((folder / "out.json").read_text())
        yield read_deployment(folder / "out.json")


@pytest.fixture
def chain(deployed: Deployment) -> Iterator[Web3]:
    w3 = Web3(HTTPProvider(deployed.rpc))
    yield w3
    provider = w3.provider
    assert isinstance(provider, HTTPProvider)
    for session in provider._request_session_manager.session_cache._data.values():
        session.close()


def contract(chain: Web3, name: str, address: str) -> Any:
    return chain.eth.contract(address=to_checksum_address(address), abi=list(load(name)))


def test_vault_has_its_roles_venues_caps_and_insurance(deployed: Deployment, chain: Web3) -> None:
    vault = contract(chain, "PrimeVault", deployed.contracts.vault).functions
    assert deployed.chainId == chain.eth.chain_id
    assert vault.asset().call() == deployed.contracts.usdc
    assert (vault.owner().call(), vault.curator().call()) == (deployed.roles.owner, deployed.roles.curator)
    assert deployed.roles.keepers == (address_of(2), address_of(3))
    assert all(vault.isKeeper(keeper).call() for keeper in deployed.roles.keepers)
    assert deployed.roles.guardians == (address_of(14),)
    assert all(vault.isGuardian(guardian).call() for guardian in deployed.roles.guardians)
    assert vault.insurance().call() == 1_000_000_000
    assert vault.venues().call() == [deployed.contracts.hyperCoreVenue, deployed.contracts.seatVenue]
    core, seat = (named(vault.venueOf, venue) for venue in vault.venues().call())
    assert (core["tier"], core["cap"], core["relativeCapBps"]) == (1, 5_000_000_000_000, 6000)
    assert (seat["tier"], seat["relativeCapBps"], seat["book"]) == (2, 3000, 0)


def test_vault_and_venues_come_from_the_factory(deployed: Deployment, chain: Web3) -> None:
    registry = contract(chain, "VaultFactory", deployed.contracts.factory).functions
    vault = contract(chain, "PrimeVault", deployed.contracts.vault).functions
    assert vault.factory().call() == deployed.contracts.factory
    assert registry.kindOf(deployed.contracts.vault).call() == VAULT
    assert registry.tierOf(deployed.contracts.hyperCoreVenue).call() == 1
    assert registry.tierOf(deployed.contracts.seatVenue).call() == 2


def test_the_lens_reads_the_vault(deployed: Deployment, chain: Web3) -> None:
    lens = contract(chain, "Lens", deployed.contracts.lens).functions
    vault = to_checksum_address(deployed.contracts.vault)
    assert lens.imbalance(vault).call() == 0
    assert [sheet[0] for sheet in lens.venues(vault).call()] == [
        deployed.contracts.hyperCoreVenue,
        deployed.contracts.seatVenue,
    ]
    assert lens.accounts(vault, "0x" + "00" * 20, 0, 10).call() == []
    assert lens.verifyStatement(vault, 1, b"entry", []).call() is False


def named(function: Any, *arguments: Any) -> dict[str, Any]:
    """A struct that a function returns, by the names of its members."""
    members = function.abi["outputs"][0]["components"]
    return dict(zip((member["name"] for member in members), function(*arguments).call(), strict=True))


def test_venues_belong_to_the_vault_and_its_attestor(deployed: Deployment, chain: Web3) -> None:
    core = contract(chain, "IHyperCoreVenue", deployed.contracts.hyperCoreVenue).functions
    seat = contract(chain, "ISeatVenue", deployed.contracts.seatVenue).functions
    attestor = contract(chain, "IAttestor", deployed.contracts.attestor).functions
    assert core.vault().call() == seat.vault().call() == attestor.vault().call() == deployed.contracts.vault
    assert core.account().call() == deployed.contracts.hyperCoreVenue
    assert core.confirmed().call() is True
    assert seat.attestor().call() == deployed.contracts.attestor
    assert (seat.account().call(), seat.depositAddress().call()) == (deployed.roles.seatAccount, deployed.roles.custody)
    assert attestor.threshold().call() == deployed.roles.threshold == 2
    assert attestor.attestorCount().call() == 3
    assert all(attestor.isAttestor(signer).call() for signer in deployed.roles.attestors)


def test_money_is_where_it_must_be_before_the_bridge_starts(deployed: Deployment, chain: Web3) -> None:
    usdc = contract(chain, "TestUSDC", deployed.contracts.usdc).functions
    wallet = contract(chain, "CoreDepositWalletSim", deployed.contracts.coreDepositWallet)
    assert usdc.balanceOf(CLIENT).call() == 250_000_000_000
    assert usdc.balanceOf(deployed.roles.custody).call() == 100_000_000_000_000
    assert usdc.balanceOf(wallet.address).call() == 100_000_000_000_000 + 2_000_000
    assert usdc.balanceOf(deployed.contracts.vault).call() == 1_000_000_000
    [deposit] = wallet.events.Deposit().get_logs(from_block=deployed.startBlock)
    assert deposit["args"] == {"recipient": deployed.contracts.hyperCoreVenue, "amount": 2_000_000, "dex": 2**32 - 1}
    for party in (*deployed.roles.keepers, deployed.roles.bridge, deployed.roles.trader, CLIENT):
        assert chain.eth.get_balance(to_checksum_address(party)) > 0


def test_bridge_sets_what_every_precompile_answers(deployed: Deployment, chain: Web3) -> None:
    state = contract(chain, "CoreState", deployed.contracts.coreState)
    targets = [to_checksum_address(f"0x{number:040x}") for number in range(0x800, 0x814)]
    question, replies = b"any input", [encode(["uint64"], [number]) for number in range(20)]
    sender = {"from": to_checksum_address(deployed.roles.bridge)}
    state.functions.set(targets, [question] * 20, replies).transact(sender)
    assert [bytes(chain.eth.call({"to": target, "data": question})) for target in targets] == replies


def test_hypercore_venue_reads_its_equity_by_precompile(deployed: Deployment, chain: Web3) -> None:
    account = deployed.contracts.hyperCoreVenue
    replies = {
        (0x801, encode(["address", "uint64"], [account, 0])): encode(["uint64"] * 3, [7_00000099, 0, 0]),
        (0x80F, encode(["uint32", "address"], [0, account])): encode(["int64"] * 4, [5_000_000, 0, 0, 0]),
    }
    targets = [to_checksum_address(f"0x{number:040x}") for number, _ in replies]
    state = contract(chain, "CoreState", deployed.contracts.coreState)
    sender = {"from": to_checksum_address(deployed.roles.bridge)}
    state.functions.set(targets, [question for _, question in replies], list(replies.values())).transact(sender)
    value, as_of = contract(chain, "IHyperCoreVenue", account).functions.equity().call()
    assert value == 12_000_000
    assert as_of > 0


def test_a_node_that_is_down_is_named(tmp_path: Path) -> None:
    rpc = f"http://127.0.0.1:{free_port()}"
    done = prime_deploy("--rpc", rpc, "--out", tmp_path / "out.json")
    assert done.returncode == 1
    assert done.stderr == f"prime: rpc: no node answers at {rpc}; start one (anvil) or name it with --rpc\n"
    assert not (tmp_path / "out.json").exists()


def test_published_keys_are_refused_on_another_chain(tmp_path: Path) -> None:
    with anvil("--chain-id", "999") as rpc:
        done = prime_deploy("--rpc", rpc, "--out", tmp_path / "out.json")
    assert done.returncode == 1
    assert "is chain 999" in done.stderr
    assert "refused on any chain but 31337" in done.stderr


@pytest.mark.parametrize(
    ("plan", "named_field"),
    [
        ('{"roles": {"curator": 10}}', "$.roles.curator"),
        ('{"roles": {"keepers": ["0x12"]}}', "$.roles.keepers[0]"),
        ('{"insurence": 1}', "insurence"),
        ('{"hyperCoreVenue": {"relativeCapBps": 10001}}', "$.hyperCoreVenue.relativeCapBps"),
        ("{", "truncated"),
    ],
)
def test_a_wrong_plan_is_refused_by_field(tmp_path: Path, plan: str, named_field: str) -> None:
    (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(ConfigError, match=r"plan\.json: not a deployment plan") as refused:
        read_plan(tmp_path / "plan.json")
    assert named_field in str(refused.value)


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    done = prime_deploy("--plan", tmp_path / "none.json", "--out", tmp_path / "out.json")
    assert done.returncode == 1
    assert "none.json: cannot be read (No such file or directory); it should be a deployment plan" in done.stderr


def test_a_node_that_does_not_mine_is_named(tmp_path: Path) -> None:
    with anvil("--no-mining") as rpc:
        done = prime_deploy("--rpc", rpc, "--out", tmp_path / "out.json")
    assert done.returncode == 1
    assert "the node does not mine at once" in done.stderr
