"""`prime deploy --dry-run` for public networks: carried out on a local chain, the list leaves what it says it would."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, TxParams

from keeper.chain.dry_run import create2_address, create_address, gas_at_least

ROOT = Path(__file__).resolve().parents[2]
SMALL_BLOCK = 3_000_000


@pytest.fixture
def web3() -> Iterator[Web3]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    node = subprocess.Popen(["anvil", "--port", str(port), "--hardfork", "cancun", "--silent"])
    try:
        web3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}"))
        for _ in range(100):
            if web3.is_connected():
                break
            time.sleep(0.05)
        yield web3
    finally:
        node.terminate()
        node.wait()


def cheat(web3: Web3, method: str, *parameters: str) -> None:
    web3.provider.make_request(RPCEndpoint(method), list(parameters))


def dry_run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keeper.cli.deploy", "--dry-run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def carried_out(web3: Web3, record: Any) -> None:
    """Every step that needs no USDC and no Core, by its own sender."""
    made = {record["contracts"][name] for name in ("PrimeVault", "VaultFactory")}
    for step in record["steps"]:
        if step["what"] == "fundInsurance" or step["to"] not in {None, *made}:
            continue
        cheat(web3, "anvil_impersonateAccount", step["sender"])
        cheat(web3, "anvil_setBalance", step["sender"], hex(10**20))
        if step["role"] == "deployer":
            # The list counts the deployer's own calls too, carried out or not.
            cheat(web3, "anvil_setNonce", step["sender"], hex(nonce_of(record, step)))
        transaction: TxParams = {"from": step["sender"], "data": step["data"], "gas": 20_000_000}
        if step["to"]:
            transaction["to"] = step["to"]
        receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(transaction))
        assert receipt["status"] == 1, step["what"]
        assert receipt["gasUsed"] >= step["gasAtLeast"], step["what"]
        assert step["bigBlock"] or record["chainId"] != 999 or receipt["gasUsed"] < SMALL_BLOCK, step["what"]


def nonce_of(record: Any, step: Any) -> int:
    mine = [one for one in record["steps"] if one["role"] == "deployer"]
    return mine.index(step)


@pytest.mark.parametrize(
    ("network", "tiers"),
    [("hyperevm", {"HyperCoreVenue": 1, "SeatVenue": 2}), ("arbitrum", {"SeatVenue": 2})],
)
def test_the_list_leaves_what_it_says(network: str, tiers: dict[str, int], web3: Web3, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    done = dry_run("--network", network, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "nothing was sent" in done.stdout
    record = read(out)
    carried_out(web3, record)
    for name, where in record["contracts"].items():
        assert web3.eth.get_code(where), name
    factory = read(ROOT / "out" / "VaultFactory.sol" / "VaultFactory.json")["abi"]
    vault = read(ROOT / "out" / "PrimeVault.sol" / "PrimeVault.json")["abi"]
    registry = web3.eth.contract(address=record["contracts"]["VaultFactory"], abi=factory)
    functions = web3.eth.contract(address=record["contracts"]["PrimeVault"], abi=vault).functions
    assert functions.factory().call() == record["contracts"]["VaultFactory"]
    guardians = [step["arguments"][0] for step in record["steps"] if step["what"] == "addGuardian"]
    assert guardians == read(ROOT / "scripts" / "networks" / "roles.example.json")["guardians"]
    assert all(functions.isGuardian(guardian).call() for guardian in guardians)
    listed = functions.venues().call()
    assert listed == [record["contracts"][name] for name in tiers]
    for name, tier in tiers.items():
        assert registry.functions.tierOf(record["contracts"][name]).call() == tier


def test_the_verification_input_compiles_to_what_is_deployed(tmp_path: Path) -> None:
    done = dry_run("--network", "hyperevm", "--out", tmp_path / "plan.json", "--json")
    assert json.loads(done.stdout)["dryRun"] is True
    record, folder = read(tmp_path / "plan.json"), tmp_path / "plan-verify"
    assert {path.stem for path in folder.iterdir()} == set(record["contracts"])
    assert {"Lens", "PrimeVault", "VaultFactory"} < set(record["contracts"])
    built = read(ROOT / "out" / "VaultFactory.sol" / "VaultFactory.json")
    given = (folder / "VaultFactory.json").read_text()
    compiled = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"], input=given, capture_output=True, text=True, timeout=60
    )
    contract = json.loads(compiled.stdout)["contracts"]["contracts/VaultFactory.sol"]["VaultFactory"]
    assert "0x" + contract["evm"]["bytecode"]["object"] == built["bytecode"]["object"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--network", "mars"], "network: mars is not known; one of arbitrum, hyperevm"),
        (["--network", "hyperevm", "--plan", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--network", "hyperevm", "--out", "nowhere/plan.json"], "nowhere is no folder"),
    ],
)
def test_what_is_wrong_is_named(arguments: list[str], said: str) -> None:
    done = dry_run(*arguments)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_public_network_is_never_sent_to() -> None:
    command = [sys.executable, "-m", "keeper.cli.deploy", "--network", "hyperevm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "add --dry-run" in done.stderr


def test_a_role_missing_is_named(tmp_path: Path) -> None:
    roles = read(ROOT / "scripts" / "networks" / "roles.example.json")
    del roles["curator"]
    plan = tmp_path / "roles.json"
    plan.write_text(json.dumps(roles))
    done = dry_run("--network", "hyperevm", "--plan", plan)
    assert "curator" in done.stderr


def test_gas_at_least() -> None:
    # 21,000, two bytes at 16 and one at 4; a creation adds 32,000, one word and 200 a byte.
    assert gas_at_least(bytes([1, 0, 2])) == 21_036
    assert gas_at_least(bytes([1, 0, 2]), 10) == 21_036 + 32_000 + 2 + 2_000


def test_create_addresses() -> None:
    # Nonce 0 of the address in the Ethereum yellow paper's common example (web3.js documentation).
    assert (
        create_address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", 0) == "0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d"
    )
    one = create2_address("0x" + "11" * 20, "0x" + "22" * 20, bytes(32), b"code")
    assert one != create2_address("0x" + "11" * 20, "0x" + "33" * 20, bytes(32), b"code")
