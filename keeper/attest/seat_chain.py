"""What the chain says of a seat's USDC: what was sent to the venue, what came back, and from whom."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import FilterParams

from keeper.chain.rpc import Web3, node_errors

TRANSFER = HexStr("0x" + keccak(text="Transfer(address,address,uint256)").hex())
SPAN = 2_000
"""Blocks asked for at once: public nodes refuse much more."""


@dataclass(frozen=True)
class Transfer:
    """`amount` micro-USDC; addresses lower case; `time_s` of its block."""

    sender: str
    recipient: str
    amount: int
    tx: str
    time_s: int


class SeatTransfers:
    """All USDC transfers from and to `seat`, kept up to date by `update`."""

    def __init__(self, w3: Web3, *, usdc: str, seat: str, from_block: int = 0) -> None:
        self._w3 = w3
        self._usdc = to_checksum_address(usdc)
        self._seat = seat.lower()
        self._next_block = from_block
        self._found: list[Transfer] = []

    async def update(self) -> None:
        """Reads new blocks. ChainError when the node does not answer; then nothing was skipped."""
        with node_errors(self._w3):
            head = int(await self._w3.eth.block_number)
            while self._next_block <= head:
                last = min(head, self._next_block + SPAN - 1)
                self._found += await self._read(self._next_block, last)
                self._next_block = last + 1

    async def _read(self, first: int, last: int) -> list[Transfer]:
        me = HexStr("0x" + self._seat[2:].rjust(64, "0"))
        requests: list[FilterParams] = [
            {"address": self._usdc, "fromBlock": first, "toBlock": last, "topics": topics}
            for topics in ([TRANSFER, me], [TRANSFER, None, me])
        ]
        logs = [log for part in await asyncio.gather(*map(self._w3.eth.get_logs, requests)) for log in part]
        blocks = sorted({int(log["blockNumber"]) for log in logs})
        headers = await asyncio.gather(*(self._w3.eth.get_block(cast(Any, block)) for block in blocks))
        times = dict(zip(blocks, (int(header["timestamp"]) for header in headers), strict=True))
        return [
            Transfer(
                sender="0x" + bytes(log["topics"][1]).hex()[-40:],
                recipient="0x" + bytes(log["topics"][2]).hex()[-40:],
                amount=int.from_bytes(bytes(log["data"]), "big"),
                tx="0x" + bytes(log["transactionHash"]).hex(),
                time_s=times[int(log["blockNumber"])],
            )
            for log in logs
        ]

    def sent(self, deposit_address: str) -> dict[str, int]:
        """What the seat sent to the venue's deposit address, by transaction."""
        sums: dict[str, int] = {}
        for transfer in self._found:
            if transfer.sender == self._seat and transfer.recipient == deposit_address:
                sums[transfer.tx] = sums.get(transfer.tx, 0) + transfer.amount
        return sums

    def arrived(self, as_of_s: int, *, sender: str | None = None, but_from: str | None = None) -> int:
        """Σ of what reached the seat in blocks up to `as_of_s`: from one sender, or from all but one."""
        return sum(
            transfer.amount
            for transfer in self._found
            if transfer.recipient == self._seat
            and transfer.time_s <= as_of_s
            and (sender is None or transfer.sender == sender)
            and transfer.sender != but_from
        )
