"""HyperCore as contracts see it: deposits and CoreWriter actions in, withdrawals and precompile answers out.

What a block holds is read a tick after it was mined. An action lands then at the earliest, a deposit two ticks later,
an order some seconds later; one that the venue refuses leaves no trace, as on the real chain.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import structlog
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from keeper.errors import VenueError
from keeper.venues.simulated.bridge.actions import (
    Action,
    AddAgent,
    CancelByCloid,
    CancelByOid,
    LimitOrder,
    SendAsset,
    SetAbstraction,
    UsdClassTransfer,
    decode_action,
)
from keeper.venues.simulated.bridge.node import address_of
from keeper.venues.simulated.bridge.outbox import Message, Outbox
from keeper.venues.simulated.bridge.replies import Key, Replies
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.orders import OrderRequest, Refused, TimeInForce
from keeper.venues.simulated.units import tick_of

CORE_WRITER = "0x3333333333333333333333333333333333333333"
RAW_ACTION = "0x" + keccak(text="RawAction(address,bytes)").hex()
DEPOSIT = "0x" + keccak(text="Deposit(address,uint256,uint32)").hex()
SET_REPLIES = keccak(text="set(address[],bytes[],bytes[])")[:4]
PAY = keccak(text="pay(address,uint256)")[:4]

DEPOSIT_TICKS = 3
ACTION_TICKS = 1
ORDER_TICKS = 15
SPOT_DEX = 2**32 - 1
MODES = (1, 2, 3)
TIFS = {1: TimeInForce.ALO, 2: TimeInForce.GTC, 3: TimeInForce.IOC}
WIRE_DECIMALS = 8
AGENT_LIFE_MS = 90 * 86_400_000
PAY_GAS = 150_000
REPLY_GAS = 30_000
REPLY_WORD_GAS = 23_000
TRANSACTION_GAS = 12_000_000

log = structlog.get_logger()


@dataclass(frozen=True)
class Deposit:
    """`amount` micro-USDC."""

    recipient: str
    amount: int
    to_spot: bool
    tx: str


@dataclass(frozen=True)
class Write:
    """An action of `user`; `existed`: whether it had an account when its block was read."""

    user: str
    action: Action
    existed: bool


class HyperCore:
    """One venue playing HyperCore for the contracts at `writer`, `wallet` and `state`."""

    def __init__(
        self, venue: Venue, outbox: Outbox, *, state: str, wallet: str, writer: str, watched: set[str]
    ) -> None:
        self._venue = venue
        self._outbox = outbox
        self._state = state
        self._wallet = wallet.lower()
        self._writer = writer.lower()
        self._watched = watched
        self._replies = Replies()
        self._tick = 0
        self._due: deque[tuple[int, Deposit | Write]] = deque()

    def filters(self) -> list[dict[str, Any]]:
        """What to ask the node's logs for."""
        return [{"address": [self._writer, self._wallet], "topics": [[RAW_ACTION, DEPOSIT]]}]

    def read(self, logs: list[dict[str, Any]]) -> None:
        """Queues what new blocks hold."""
        for entry in logs:
            item = self._understand(entry)
            if item is not None:
                self._due.append((self._tick + _ticks(item), item))

    def _understand(self, entry: dict[str, Any]) -> Deposit | Write | None:
        who, data = address_of(entry["topics"][1]), bytes.fromhex(entry["data"][2:])
        self._watched.add(who)
        if entry["topics"][0] == DEPOSIT and entry["address"].lower() == self._wallet:
            amount, dex = decode(["uint256", "uint32"], data)
            return Deposit(who, amount, dex == SPOT_DEX, entry["transactionHash"])
        try:
            action = decode_action(decode(["bytes"], data)[0])
        except DecodingError:
            action = None
        return None if action is None else Write(who, action, self._venue.user_exists(who))

    def land(self) -> None:
        """Executes what is due, deposits before actions."""
        self._tick += 1
        due = [item for tick, item in self._due if tick <= self._tick]
        self._due = deque(entry for entry in self._due if entry[0] > self._tick)
        for item in sorted(due, key=lambda item: isinstance(item, Write)):
            try:
                self._execute(item)
            except VenueError as error:
                log.debug("core dropped", item=str(item), reason=str(error))

    def _execute(self, item: Deposit | Write) -> None:
        if isinstance(item, Deposit):
            self._venue.deposit(item.recipient, item.amount, to_spot=item.to_spot, hash=item.tx)
        elif item.existed:
            self._act(item.user, item.action)

    def _act(self, user: str, action: Action) -> None:
        match action:
            case LimitOrder():
                self._place(user, action)
            case CancelByOid():
                _refuse(self._venue.cancel(user, action.asset, action.oid))
            case CancelByCloid():
                _refuse(self._venue.cancel_by_cloid(user, action.asset, _cloid(action.cloid)))
            case UsdClassTransfer():
                self._venue.usd_class_transfer(user, action.amount, action.to_perp)
            case AddAgent():
                self._venue.add_agent(user, action.agent, action.name, self._venue.now_ms() + AGENT_LIFE_MS)
            case SetAbstraction() if action.user == user and action.mode in MODES:
                self._venue.set_abstraction(user, action.mode)
            case SendAsset() if action.leaves_core:
                self._pay(user, self._venue.withdraw_spot_to_evm(user, action.wei))

    def _place(self, user: str, order: LimitOrder) -> None:
        """As over the API: off the grid or refused, it is dropped."""
        spec = next((spec for spec in self._venue.assets if spec.index == order.asset), None)
        tif = TIFS.get(order.tif)
        if spec is None or tif is None:
            raise VenueError(f"no such asset or time in force: {order}")
        price, odd_price = divmod(order.limit_price, 10 ** (WIRE_DECIMALS - spec.price_decimals))
        lots, odd_size = divmod(order.size, 10 ** (WIRE_DECIMALS - spec.size_decimals))
        if odd_price or odd_size or not price or not lots or price % tick_of(price, spec.unit):
            raise VenueError(f"off tick or off lot: {order}")
        cloid = _cloid(order.cloid) if order.cloid else None
        outcome = self._venue.place(
            user, OrderRequest(spec, order.is_buy, price, lots, tif, reduce_only=order.reduce_only, cloid=cloid)
        )
        _refuse(outcome.text if isinstance(outcome, Refused) else None)

    def _pay(self, recipient: str, amount: int) -> None:
        if amount:
            data = PAY + encode(["address", "uint256"], [recipient, amount])
            self._outbox.put(Message(f"pay {amount} to {recipient}", self._wallet, data, PAY_GAS, repeat=True))

    def refused(self, message: Message) -> None:
        """The chain refused a message of ours: if it was an update, all answers are sent anew."""
        if not message.repeat:
            self._replies.forget()

    def publish(self) -> None:
        """Puts the transaction(s) of changed answers into the outbox, unless the last ones are still on their way."""
        if any(not message.repeat for message in self._outbox.flying.values()):
            return
        changes = self._replies.changes(self._venue, sorted(self._watched))
        self._replies.sent(changes)
        batch: list[tuple[Key, bytes]] = []
        gas = 0
        for key, reply in changes.items():
            cost = REPLY_GAS + REPLY_WORD_GAS * (len(reply) // 32)
            if gas + cost > TRANSACTION_GAS:
                self._put(batch, gas)
                batch, gas = [], 0
            batch.append((key, reply))
            gas += cost
        self._put(batch, gas)

    def _put(self, batch: list[tuple[Key, bytes]], gas: int) -> None:
        columns = [key[0] for key, _ in batch], [key[1] for key, _ in batch], [reply for _, reply in batch]
        data = SET_REPLIES + encode(["address[]", "bytes[]", "bytes[]"], columns)
        calldata_gas = 16 * len(data)
        self._outbox.put(Message(f"{len(batch)} answers", self._state, data, 100_000 + calldata_gas + gas))


def _ticks(item: Deposit | Write) -> int:
    """How long it waits once it has been read."""
    if isinstance(item, Deposit):
        return DEPOSIT_TICKS
    return ORDER_TICKS if isinstance(item.action, LimitOrder) else ACTION_TICKS


def _cloid(number: int) -> str:
    """A client order id in the venue's notation."""
    return f"0x{number:032x}"


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise VenueError(reason)
