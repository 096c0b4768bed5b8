"""Logs of some contracts in order, decoded to plain JSON: what the event log stores and the auditor re-derives from."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_abi.abi import decode
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.types import FilterParams, LogReceipt

from keeper.chain.abi import Entry, merge, signature_of, type_of
from keeper.chain.rpc import Web3, node_errors
from keeper.errors import IntegrityError

SPAN = 2_000
"""Blocks asked for at once: public nodes refuse much more."""

UNKNOWN = "unknown"
"""Name of a log whose event none of the ABIs has; its args hold the raw topics and data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLog:
    """One log. `args`: ints, booleans, strings, lists; bytes as 0x hex; addresses lower case."""

    address: str
    name: str
    args: dict[str, Any]
    block: int
    log_index: int
    tx: str
    time_s: int


def as_json(kind: str, value: Any) -> Any:
    """A decoded ABI value as JSON can hold it."""
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return [as_json(inner, item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value.lower() if kind == "address" else value


def decode_event(entry: Entry, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
    """Arguments by name. An indexed argument of a dynamic type is only its hash, as the chain keeps no more."""
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    values = dict(
        zip((p["name"] for p in plain), decode([type_of(parameter) for parameter in plain], data), strict=True)
    )
    for parameter, topic in zip(indexed, topics[1:], strict=True):
        kind = type_of(parameter)
        dynamic = kind in ("string", "bytes") or kind.endswith(("]", ")"))
        values[parameter["name"]] = topic if dynamic else decode([kind], topic)[0]
    return {p["name"]: as_json(type_of(p), values[p["name"]]) for p in entry["inputs"]}


class LogFollower:
    """`poll()` gives what is new since the last one; `fetch()` any range. `confirmations` blocks are left unread."""

    def __init__(
        self,
        w3: Web3,
        addresses: Iterable[str],
        abis: Iterable[Iterable[Entry]],
        *,
        from_block: int = 0,
        confirmations: int = 0,
        span: int = SPAN,
    ) -> None:
        self._w3 = w3
        self._addresses: list[ChecksumAddress] = [to_checksum_address(address) for address in addresses]
        self._events = {keccak(text=signature_of(entry)): entry for entry in merge(abis) if entry["type"] == "event"}
        self._confirmations = confirmations
        self._span = span
        self.next_block = from_block

    async def head(self) -> int:
        """The last block that may be read; −1 before there is one."""
        with node_errors(self._w3):
            return int(await self._w3.eth.block_number) - self._confirmations

    async def fetch(self, from_block: int, to_block: int) -> list[ChainLog]:
        """Logs of both ends' blocks and between, by (block, log index). ChainError when the node does not answer."""
        found: list[ChainLog] = []
        for start in range(from_block, to_block + 1, self._span):
            end = min(start + self._span - 1, to_block)
            request: FilterParams = {"address": self._addresses, "fromBlock": start, "toBlock": end}
            with node_errors(self._w3):
                logs = await self._w3.eth.get_logs(request)
            found += await self._decode_all(logs)
        return found

    async def poll(self) -> list[ChainLog]:
        """Everything since the last poll. After a failure the same blocks are read again: nothing is skipped."""
        head = await self.head()
        if head < self.next_block:
            return []
        logs = await self.fetch(self.next_block, head)
        self.next_block = head + 1
        return logs

    async def _decode_all(self, logs: Sequence[LogReceipt]) -> list[ChainLog]:
        ordered = sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))
        blocks = sorted({int(log["blockNumber"]) for log in ordered})
        with node_errors(self._w3):
            headers = await asyncio.gather(*(self._w3.eth.get_block(cast(Any, block)) for block in blocks))
        times = dict(zip(blocks, (int(header["timestamp"]) for header in headers), strict=True))
        return [self._decode(log, times[int(log["blockNumber"])]) for log in ordered]

    def _decode(self, log: LogReceipt, time_s: int) -> ChainLog:
        if log.get("removed"):
            raise IntegrityError(f"block {log['blockNumber']}: the node took a log back (reorganisation)")
        topics = [bytes(topic) for topic in log["topics"]]
        data = bytes(log["data"])
        entry = self._events.get(topics[0]) if topics else None
        if entry is None:
            name, args = UNKNOWN, {"topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + data.hex()}
        else:
            name, args = entry["name"], decode_event(entry, topics, data)
        return ChainLog(
            address=log["address"].lower(),
            name=name,
            args=args,
            block=int(log["blockNumber"]),
            log_index=int(log["logIndex"]),
            tx="0x" + bytes(log["transactionHash"]).hex(),
            time_s=time_s,
        )
