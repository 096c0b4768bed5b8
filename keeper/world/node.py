"""The local world's chain: one anvil, and the few things only anvil can be asked."""

from keeper.venues.simulated.bridge.node import Node
from keeper.world.processes import LOOPBACK, Process, Processes

BLOCK_GAS = 60_000_000


def start_anvil(processes: Processes, port: int, *, start_s: int | None = None, accounts: int = 30) -> Process:
    """Starts anvil on loopback, mining each transaction at once. `start_s`: the genesis block's time (default: now).

    The published development accounts hold 10,000 ether each. ProcessError when it does not come up.
    """
    command = ["anvil", "--host", LOOPBACK, "--port", str(port), "--silent", "--accounts", str(accounts)]
    command += ["--gas-limit", str(BLOCK_GAS), "--hardfork", "cancun"]
    if start_s is not None:
        command += ["--timestamp", str(start_s)]
    return processes.start("anvil", command, port=port)


class LocalChain(Node):
    """A node that is an anvil."""

    async def set_automine(self, on: bool) -> None:
        """On: each transaction makes its block. Off: blocks are made by whoever calls `mine` (a venue's link)."""
        await self.call("evm_setAutomine", on)

    async def mine(self, timestamp_s: int | None = None) -> None:
        """One block; its time may equal its parent's, never precede it."""
        await self.call("evm_mine", *([] if timestamp_s is None else [{"timestamp": timestamp_s}]))

    async def now_s(self) -> int:
        """The newest block's time."""
        return int((await self.call("eth_getBlockByNumber", "latest", False))["timestamp"], 16)

    async def set_next_time(self, timestamp_s: int) -> None:
        await self.call("evm_setNextBlockTimestamp", timestamp_s)

    async def snapshot(self) -> str:
        """The id that `revert` takes."""
        return str(await self.call("evm_snapshot"))

    async def revert(self, snapshot: str) -> None:
        """Back to a snapshot, which is used up by this. The chain's time goes on from the snapshot's."""
        await self.call("evm_revert", snapshot)
