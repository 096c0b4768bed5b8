"""A venue's own account on the chain: USDC that reaches it is credited, withdrawals are paid out of it."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from keeper.errors import VenueError
from keeper.venues.simulated.bridge.node import address_of, address_word
from keeper.venues.simulated.bridge.outbox import Message, Outbox
from keeper.venues.simulated.engine import Venue

TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
SEND_TRANSFER = keccak(text="transfer(address,uint256)")[:4]
DEPOSIT_TICKS = 3
TRANSFER_GAS = 150_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Arrival:
    """`amount` micro-USDC, from an EVM address."""

    sender: str
    amount: int
    tx: str


class CustodyAccount:
    """`deposits` says whose account a sender's money is for; an unknown sender's is for itself."""

    def __init__(self, venue: Venue, outbox: Outbox, *, usdc: str, deposits: Iterable[tuple[str, str]] = ()) -> None:
        self._venue = venue
        self._outbox = outbox
        self._usdc = usdc.lower()
        self._deposits: dict[str, str] = {}
        self.map_deposits(deposits)
        self._tick = 0
        self._due: deque[tuple[int, Arrival]] = deque()
        self._paid: set[tuple[str, int]] = set()

    def map_deposits(self, pairs: Iterable[tuple[str, str]]) -> None:
        """From now on what comes from the first address of a pair is credited to the second."""
        self._deposits |= {sender.lower(): account.lower() for sender, account in pairs}

    def filters(self) -> list[dict[str, Any]]:
        here = "0x" + address_word(self._outbox.address).hex()
        return [{"address": self._usdc, "topics": [TRANSFER, None, here]}]

    def read(self, logs: list[dict[str, Any]]) -> None:
        for entry in logs:
            if entry["topics"][0] == TRANSFER and entry["address"].lower() == self._usdc:
                arrival = Arrival(address_of(entry["topics"][1]), int(entry["data"], 16), entry["transactionHash"])
                self._due.append((self._tick + DEPOSIT_TICKS, arrival))

    def land(self) -> None:
        """Credits what has waited long enough, and pays what was withdrawn: once per account and nonce."""
        self._tick += 1
        while self._due and self._due[0][0] <= self._tick:
            self._credit(self._due.popleft()[1])
        for withdrawal in self._venue.take_withdrawals():
            once = (withdrawal.account, withdrawal.nonce)
            if once in self._paid:
                continue
            self._paid.add(once)
            data = SEND_TRANSFER + encode(["address", "uint256"], [withdrawal.destination, withdrawal.net_micro])
            name = f"withdrawal {withdrawal.nonce} of {withdrawal.account}"
            self._outbox.put(Message(name, self._usdc, data, TRANSFER_GAS, repeat=True))

    def _credit(self, arrival: Arrival) -> None:
        account = self._deposits.get(arrival.sender, arrival.sender)
        try:
            self._venue.deposit(account, arrival.amount, to_spot=False, hash=arrival.tx)
        except VenueError as error:
            log.warning("deposit not credited", sender=arrival.sender, amount=arrival.amount, reason=str(error))
