"""What one key sends: its nonce, its messages on their way, and which of them the chain refused."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address

from keeper.errors import ChainError
from keeper.venues.simulated.bridge.node import Node, Request

GWEI = 10**9
PRIORITY_FEE = 10 * GWEI
"""Above what others bid, so that in a block the venue's state comes before those who read it."""
MAX_FEE = 1_000 * GWEI
RETRY_ROUNDS = 25
SEEN_BEFORE = ("already known", "already imported", "nonce too low")


@dataclass(frozen=True)
class Message:
    """`name` is for people. `repeat`: sent again when the chain refuses it (money that is owed)."""

    name: str
    to: str
    data: bytes
    gas: int
    repeat: bool = False


class Outbox:
    """Sends in order; a message leaves `flying` once its receipt was seen."""

    def __init__(self, node: Node, key: str, chain_id: int) -> None:
        self._node = node
        self._account = Account.from_key(key)
        self.address: str = self._account.address.lower()
        self._chain_id = chain_id
        self._nonce: int | None = None
        self._signed: tuple[str, str] | None = None
        self._waiting: deque[Message] = deque()
        self._later: deque[tuple[int, Message]] = deque()
        self._round = 0
        self.flying: dict[str, Message] = {}

    def put(self, message: Message) -> None:
        self._waiting.append(message)

    def questions(self) -> list[Request]:
        """Requests whose answers `hear` takes: the receipts of all that is flying."""
        return [("eth_getTransactionReceipt", [tx]) for tx in self.flying]

    def hear(self, receipts: list[Mapping[str, Any] | None]) -> list[Message]:
        """Takes the answers; returns the messages that the chain refused, those to be repeated after a
        while. Called once a tick."""
        refused = []
        for tx, receipt in zip(list(self.flying), receipts, strict=True):
            if receipt is None:
                continue
            message = self.flying.pop(tx)
            if int(receipt["status"], 16) != 1:
                refused.append(message)
                if message.repeat:
                    self._later.append((self._round + RETRY_ROUNDS, message))
        self._round += 1
        while self._later and self._later[0][0] <= self._round:
            self._waiting.append(self._later.popleft()[1])
        return refused

    async def send(self) -> None:
        """Sends all that waits; a ChainError leaves the rest waiting. What may have been sent is sent again as the same
        bytes, never signed anew: a payment happens once however often this is called."""
        while self._waiting:
            if self._signed is None:
                self._signed = await self._sign(self._waiting[0])
            raw, tx = self._signed
            try:
                await self._node.call("eth_sendRawTransaction", raw)
            except ChainError as error:
                if not any(words in str(error).lower() for words in SEEN_BEFORE):
                    raise
                if await self._node.call("eth_getTransactionByHash", tx) is None:
                    self._nonce = self._signed = None  # the nonce went to somebody else's use of the key
                    continue
            self._signed = None
            self._nonce = self._nonce + 1 if self._nonce is not None else None
            self.flying[tx] = self._waiting.popleft()

    async def _sign(self, message: Message) -> tuple[str, str]:
        """The raw transaction and its hash."""
        if self._nonce is None:
            self._nonce = int(await self._node.call("eth_getTransactionCount", self.address, "pending"), 16)
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": self._nonce,
                "to": to_checksum_address(message.to),
                "value": 0,
                "data": message.data,
                "gas": message.gas,
                "maxFeePerGas": MAX_FEE,
                "maxPriorityFeePerGas": PRIORITY_FEE,
            }
        )
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()
