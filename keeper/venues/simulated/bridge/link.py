"""One venue's link to a chain. Each venue tick: read the new blocks, land what is due, send, and (if asked to) mine."""

from collections.abc import Mapping
from typing import Any

import structlog

from keeper.errors import ChainError, ConfigError
from keeper.venues.simulated.bridge.custody_account import CustodyAccount
from keeper.venues.simulated.bridge.hypercore import CORE_WRITER, HyperCore
from keeper.venues.simulated.bridge.node import Node, Request
from keeper.venues.simulated.bridge.outbox import Outbox
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.engine import Venue

LOCAL_CHAIN = 31337

log = structlog.get_logger()


def attach(venue: Venue, options: ChainOptions) -> "ChainLink":
    """Prepares a link; nothing is asked of the node before `start` or the first tick.

    ConfigError names the option that is missing. `options.contracts` uses the deployment record's names: usdc for a
    custody account; coreState, coreDepositWallet, coreWriter (has a default) and hyperCoreVenue for HyperCore.
    """
    if options.hypercore and not options.bridge_key:
        raise ConfigError("PRIME_BRIDGE_KEY: set this environment variable to the key that deployed CoreState names")
    if not options.hypercore and not options.custody_key:
        raise ConfigError("rpc: a chain was named, but neither --hypercore nor a custody key: nothing to join")
    return ChainLink(venue, options)


def _contract(contracts: Mapping[str, str], name: str) -> str:
    if name not in contracts:
        raise ConfigError(f"contracts: the address of {name} is missing; `prime deploy` prints it")
    return contracts[name].lower()


class ChainLink:
    """`tick` is called after each step of the venue, by the same task that steps it, so that nothing is half-done.

    A node that stops answering costs no money: blocks are read from where reading stopped, and what was to be sent
    waits. Only `start` raises ChainError.
    """

    def __init__(self, venue: Venue, options: ChainOptions) -> None:
        self._venue = venue
        self._mine = options.mine
        self._node = Node(options.rpc)
        self._outboxes: list[Outbox] = []
        self.hypercore: HyperCore | None = None
        self.custody: CustodyAccount | None = None
        if options.hypercore and options.bridge_key:
            outbox = self._outbox(options.bridge_key)
            self.hypercore = HyperCore(
                venue,
                outbox,
                state=_contract(options.contracts, "coreState"),
                wallet=_contract(options.contracts, "coreDepositWallet"),
                writer=options.contracts.get("coreWriter", CORE_WRITER),
                watched={options.contracts["hyperCoreVenue"].lower()}
                if "hyperCoreVenue" in options.contracts
                else set(),
            )
        if options.custody_key:
            usdc = _contract(options.contracts, "usdc")
            self.custody = CustodyAccount(
                venue, self._outbox(options.custody_key), usdc=usdc, deposits=options.deposits
            )
        self._next_block: int | None = None
        self._complaint = ""

    def _outbox(self, key: str) -> Outbox:
        outbox = Outbox(self._node, key, LOCAL_CHAIN)
        self._outboxes.append(outbox)
        return outbox

    async def start(self) -> None:
        """Asks the node who it is. ChainError when it does not answer; ConfigError on any chain but the local one.

        Blocks are read from the first: a venue that starts anew has credited nothing yet.
        """
        chain_id = int(await self._node.call("eth_chainId"), 16)
        if chain_id != LOCAL_CHAIN:
            raise ConfigError(
                f"rpc: chain {chain_id}: a simulated venue joins chain {LOCAL_CHAIN} (anvil) and no other"
            )
        self._next_block = 0

    async def tick(self) -> None:
        """One venue tick. Raises only if the link was never started and cannot be."""
        if self._next_block is None:
            await self.start()
        try:
            parent_time = await self._read()
            self._land()
            for outbox in self._outboxes:
                await outbox.send()
            if self._mine:
                stamp = max(parent_time, self._venue.now_ms() // 1000)
                await self._node.call("evm_mine", {"timestamp": stamp})
        except ChainError as error:
            if str(error) != self._complaint:
                log.warning("chain unreachable or refusing; trying again each tick", reason=str(error))
            self._complaint = str(error)
        else:
            self._complaint = ""

    async def close(self) -> None:
        await self._node.close()

    async def _read(self) -> int:
        """Reads what is new; the newest block's time. Nothing is skipped when this fails: the same is read again."""
        first = self._next_block or 0
        head = await self._node.call("eth_getBlockByNumber", "latest", False)
        last = int(head["number"], 16)
        parts = [part for part in (self.hypercore, self.custody) if part is not None]
        requests: list[Request] = [question for outbox in self._outboxes for question in outbox.questions()]
        receipts = len(requests)
        if last >= first:
            span = {"fromBlock": hex(first), "toBlock": hex(last)}
            requests += [("eth_getLogs", [span | part.filters()[0]]) for part in parts]
        answers = await self._node.batch(requests) if requests else []
        self._hear(answers[:receipts])
        for part, logs in zip(parts, answers[receipts:], strict=False):
            part.read(sorted(logs, key=lambda entry: (int(entry["blockNumber"], 16), int(entry["logIndex"], 16))))
        self._next_block = last + 1
        return int(head["timestamp"], 16)

    def _hear(self, receipts: list[Any]) -> None:
        for outbox in self._outboxes:
            count = len(outbox.flying)
            for message in outbox.hear(receipts[:count]):
                log.warning("chain refused a transaction", what=message.name, again=message.repeat)
                if self.hypercore is not None:
                    self.hypercore.refused(message)
            receipts = receipts[count:]

    def _land(self) -> None:
        if self.custody is not None:
            self.custody.land()
        if self.hypercore is not None:
            self.hypercore.land()
            self.hypercore.publish()
