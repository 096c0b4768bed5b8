"""A real anvil in its own process, and a vault deployed on it."""

import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import RPCEndpoint

from keeper.chain.deployment import libraries_of, link
from keeper.chain.dry_run import VAULT, Artifact, create2_address
from keeper.chain.rpc import Web3, connection
from keeper.world.processes import free_port

OUT = Path(__file__).resolve().parents[3] / "out"
# anvil's published development accounts 0, 1 and 2
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)
OWNER, KEEPER, CLIENT = (to_checksum_address(Account.from_key(key).address) for key in KEYS)


@pytest.fixture
def anvil_url() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(["anvil", "--silent", "--port", str(port), "--disable-code-size-limit"])
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "anvil does not listen"
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def w3(anvil_url: str) -> AsyncIterator[Web3]:
    async with connection(anvil_url) as w3:
        yield w3


async def rpc(w3: Web3, method: str, *params: Any) -> Any:
    answer = await w3.provider.make_request(RPCEndpoint(method), list(params))
    assert "error" not in answer, answer
    return answer["result"]


async def deploy(w3: Web3, name: str, *arguments: Any, sender: str = OWNER) -> str:
    artifact = json.loads((OUT / f"{name}.sol" / f"{name}.json").read_text())
    libraries = {library: await deploy(w3, library) for library in libraries_of(artifact["bytecode"])}
    contract = w3.eth.contract(abi=artifact["abi"], bytecode=link(artifact["bytecode"], libraries))
    tx = await contract.constructor(*arguments).transact({"from": to_checksum_address(sender)})
    receipt = await w3.eth.wait_for_transaction_receipt(tx)
    return str(receipt["contractAddress"]).lower()


async def make(w3: Web3, factory: str, name: str, kind: int, tier: int, *arguments: Any) -> str:
    """A contract made by OWNER's factory, of code listed for it."""
    artifact = json.loads((OUT / f"{name}.sol" / f"{name}.json").read_text())
    libraries = {library: await deploy(w3, library) for library in libraries_of(artifact["bytecode"])}
    code = bytes.fromhex(link(artifact["bytecode"], libraries).removeprefix("0x"))
    init_code = Artifact(name=name, built=artifact, linked=code).init_code(arguments)
    await transact(w3, OWNER, "VaultFactory", factory, "addTemplate", keccak(code), kind, tier, len(code))
    await transact(w3, OWNER, "VaultFactory", factory, "create", keccak(code), init_code, bytes(32))
    return create2_address(factory, OWNER, bytes(32), init_code).lower()


async def transact(w3: Web3, sender: str, name: str, address: str, function: str, *arguments: Any) -> None:
    """Through anvil's unlocked accounts, past the transactor under test."""
    abi = json.loads((OUT / f"{name}.sol" / f"{name}.json").read_text())["abi"]
    contract = w3.eth.contract(address=to_checksum_address(address), abi=abi)
    tx = await contract.functions[function](*arguments).transact({"from": to_checksum_address(sender)})
    receipt = await w3.eth.wait_for_transaction_receipt(tx)
    assert receipt["status"] == 1


@dataclass(frozen=True)
class Deployed:
    usdc: str
    factory: str
    vault: str


@pytest.fixture
async def deployed(w3: Web3) -> Deployed:
    """A vault with insurance and one sub-account of 1,000 USDC: id 1, of CLIENT."""
    usdc = await deploy(w3, "TestUSDC", OWNER)
    keepers = [to_checksum_address(KEEPER), to_checksum_address(OWNER)]
    factory = await deploy(w3, "VaultFactory", OWNER, 0, OWNER)
    vault = await make(w3, factory, "PrimeVault", VAULT, 0, usdc, OWNER, OWNER, keepers)
    spender = to_checksum_address(vault)
    for who, amount in ((OWNER, 200_000_000), (CLIENT, 1_000_000_000)):
        await transact(w3, OWNER, "TestUSDC", usdc, "mint", who, amount)
        await transact(w3, who, "TestUSDC", usdc, "approve", spender, amount)
    await transact(w3, OWNER, "PrimeVault", vault, "fundInsurance", 150_000_000)
    await transact(w3, CLIENT, "PrimeVault", vault, "openAccount", CLIENT, 1_000_000_000)
    return Deployed(usdc, factory, vault)
