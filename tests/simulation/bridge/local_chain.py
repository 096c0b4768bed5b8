"""A real anvil with the stand-ins for HyperCore, for tests of what joins venues to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from keeper.chain.deployment import libraries_of, link
from keeper.devkeys import address_of, key_of
from keeper.world.node import LocalChain, start_anvil
from keeper.world.processes import Processes, free_port

OUT = Path(__file__).resolve().parents[3] / "out"
OWNER, BRIDGE, CUSTODY, CLIENT, MASTER = 0, 7, 8, 11, 9
CORE_WRITER = "0x3333333333333333333333333333333333333333"
PRECOMPILES = [f"0x{number:040x}" for number in (0x800, 0x801, 0x803, 0x806, 0x807, 0x809, 0x80A, 0x80F, 0x810, 0x813)]
USDC = 1_000_000


def account(index: int) -> str:
    return address_of(index).lower()


@dataclass
class Contracts:
    usdc: str
    state: str
    wallet: str

    def names(self) -> dict[str, str]:
        return {"usdc": self.usdc, "coreState": self.state, "coreDepositWallet": self.wallet, "coreWriter": CORE_WRITER}


class Chain(LocalChain):
    """Transactions by anvil's unlocked development accounts, and reads without ABIs."""

    mines_at_once = True

    async def set_automine(self, on: bool) -> None:
        self.mines_at_once = on
        await super().set_automine(on)

    async def send(self, sender: int | str, to: str | None, data: bytes) -> dict[str, Any]:
        """The receipt; with automine off an empty one."""
        who = account(sender) if isinstance(sender, int) else sender
        fields = {"from": who, "data": "0x" + data.hex(), "gas": hex(8_000_000)} | ({"to": to} if to else {})
        tx = await self.call("eth_sendTransaction", fields)
        while self.mines_at_once:
            receipt: dict[str, Any] | None = await self.call("eth_getTransactionReceipt", tx)
            if receipt is not None:
                assert receipt["status"] == "0x1", "the test's own transaction reverted"
                return receipt
            await asyncio.sleep(0.005)
        return {}

    async def deploy(self, name: str, types: Sequence[str], *values: Any) -> str:
        artifact = json.loads((OUT / f"{name}.sol" / f"{name}.json").read_text())
        libraries = {library: await self.deploy(library, []) for library in libraries_of(artifact["bytecode"])}
        code = bytes.fromhex(link(artifact["bytecode"], libraries).removeprefix("0x"))
        receipt = await self.send(OWNER, None, code + encode(types, values))
        address: str = receipt["contractAddress"]
        return address.lower()

    async def transact(self, sender: int | str, to: str, signature: str, *values: Any) -> dict[str, Any]:
        return await self.send(sender, to, call_data(signature, *values))

    async def read(self, to: str, data: bytes, block: str = "latest") -> bytes:
        answer = await self.call("eth_call", {"to": to, "data": "0x" + data.hex(), "gas": hex(200_000)}, block)
        return bytes.fromhex(answer[2:])

    async def summary(self, blocks: int = 16) -> str:
        """The newest blocks with what became of each transaction, and what waits: for a failing test to say."""
        head = int(await self.call("eth_blockNumber"), 16)
        lines = [f"block {head}, waiting: {await self.call('txpool_status')}"]
        for number in range(max(0, head - blocks), head + 1):
            block = await self.call("eth_getBlockByNumber", hex(number), True)
            lines.append(f"{number} at {int(block['timestamp'], 16)}, base fee {int(block['baseFeePerGas'], 16)}")
            for tx in block["transactions"]:
                receipt = await self.call("eth_getTransactionReceipt", tx["hash"])
                who = f"{tx['from']} {int(tx['nonce'], 16)}"
                lines.append(f"  {who} to {tx['to']} {tx['input'][:10]}: {receipt['status']}")
        return "\n".join(lines)

    async def balance(self, usdc: str, who: str) -> int:
        return int.from_bytes(await self.read(usdc, call_data("balanceOf(address)", who)), "big")


def call_data(signature: str, *values: Any) -> bytes:
    """Selector and arguments; none given: the selector alone."""
    types = signature[signature.index("(") + 1 : -1].split(",") if values else []
    return keccak(text=signature)[:4] + encode(types, values)


async def deploy_stand_ins(chain: Chain) -> Contracts:
    usdc = await chain.deploy("TestUSDC", ["address"], account(OWNER))
    state = await chain.deploy("CoreState", ["address"], account(BRIDGE))
    precompile = await chain.deploy("PrecompileSim", ["address"], state)
    writer = await chain.deploy("CoreWriterSim", [])
    wallet = await chain.deploy("CoreDepositWalletSim", ["address", "address"], usdc, account(BRIDGE))
    for source, targets in ((precompile, PRECOMPILES), (writer, [CORE_WRITER])):
        code = await chain.call("eth_getCode", source, "latest")
        for target in targets:
            await chain.call("anvil_setCode", target, code)
    for who in (wallet, account(CUSTODY), account(CLIENT)):
        await chain.transact(OWNER, usdc, "mint(address,uint256)", who, 10_000_000 * USDC)
    return Contracts(usdc, state, wallet)


async def running_chain(logs: Path) -> AsyncIterator[Chain]:
    with Processes(logs) as processes:
        port = free_port()
        start_anvil(processes, port)
        async with Chain(f"http://127.0.0.1:{port}") as chain:
            yield chain


def key(index: int) -> str:
    return key_of(index)
