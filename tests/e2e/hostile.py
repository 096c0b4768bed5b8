"""Strangers and liars for the commit's tests: a keeper that pauses between building a commit and sending it, the
commit's neighbours off by one micro-dollar, and money from people whom nobody asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from eth_account import Account
from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from hyperliquid.exchange import Exchange
from msgspec.structs import replace
from pydantic import SecretStr
from web3.types import TxParams

from keeper.app import Keeper
from keeper.attest.client import TooFewSignatures
from keeper.chain import calls
from keeper.chain.abi import load
from keeper.chain.calls import encode_call
from keeper.chain.log_follower import ChainLog, LogFollower
from keeper.chain.rpc import Web3, node_errors
from keeper.chain.sender import Sender
from keeper.chain.transactor import Receipt, Transactor
from keeper.chain.vault import Vault
from keeper.config import KeeperConfig, KeeperKeys, read_config
from keeper.demo.local_world import KEEPER_INDEX, SEAT_INDEX, TRADER_INDEX, VENUES, LocalWorld
from keeper.devkeys import address_of, key_of
from keeper.errors import ChainError
from keeper.ledger import pack, unpack
from keeper.model.amounts import usdc
from keeper.model.marks import MarkSheet, SheetLine
from tests.e2e.world import FundedWorld

OWNER_INDEX, STRANGER_INDEX = 0, 20
SPOT_DEX = 2**32 - 1
RAINDROP = 1_000  # micro-USDC; no less, or the SDK would write it as 1e-06
FIRST_DROPS = 12

Plan = dict[str, Any]
"""Fields of Solidity's `Commit`, by name."""

BeforeCommit = Callable[[bytes], Awaitable[None]]


class PausingSender(Sender):
    """Before a commit leaves, `before_commit` gets its call data; then exactly these bytes are sent."""

    before_commit: BeforeCommit | None = None

    async def send(self, purpose: str, to: str, data: bytes) -> Receipt:
        if purpose.startswith("commit") and self.before_commit is not None:
            await self.before_commit(data)
        return await super().send(purpose, to, data)


class LyingOnce(Keeper):
    """Shows its attestors each sheet that they have signed once more, with a figure changed; `refused` keeps their
    answers, by figure."""

    def __init__(self, config: KeeperConfig, keys: KeeperKeys, w3: Web3) -> None:
        super().__init__(config, keys, w3)
        self.refused: dict[str, TooFewSignatures] = {}

    async def _attest(self, sheet: MarkSheet, nonce: int, received: int, returned: int) -> bytes:
        attestation = await super()._attest(sheet, nonce, received, returned)
        for figure, false in false_sheets(sheet).items():
            try:
                await super()._attest(false, nonce, received, returned)
            except ChainError as error:
                if not isinstance(error.__cause__, TooFewSignatures):
                    raise
                self.refused[figure] = error.__cause__
        return attestation


def false_sheets(sheet: MarkSheet) -> Mapping[str, MarkSheet]:
    """The sheet with its cash, a size or a price wrong, by what is wrong."""
    index, line = next((index, line) for index, line in enumerate(sheet.lines) if line.size)

    def with_line(false: SheetLine) -> MarkSheet:
        return replace(sheet, lines=(*sheet.lines[:index], false, *sheet.lines[index + 1 :]))

    return {
        "sheet.cash": replace(sheet, cash=sheet.cash + 1),
        f"sheet.lines.{line.coin}.size": with_line(replace(line, size=2 * line.size)),
        f"sheet.lines.{line.coin}.mark": with_line(replace(line, mark=2 * line.mark)),
    }


@asynccontextmanager
async def keeper_in_hand(world: FundedWorld) -> AsyncIterator[LyingOnce]:
    """Stops the world's keeper and opens one on the same books in this process, which settles only when told to;
    afterwards the world's own goes on."""
    local = world.local
    local.processes.forget(local.keeper)
    local.keeper.stop(30)
    keys = KeeperKeys(keeper_key=SecretStr(key_of(KEEPER_INDEX)), trader_key=SecretStr(key_of(TRADER_INDEX)))
    keeper = LyingOnce(read_config(local.config_file), keys, local.w3)
    keeper.sender = PausingSender(Transactor(local.w3, key_of(KEEPER_INDEX)), keeper.append, keeper.clock)
    try:
        await keeper.start()
        yield keeper
    finally:
        await keeper.close()
    await world.restart_keeper()


async def commit_with(keeper: Keeper, before_commit: BeforeCommit | None = None) -> int:
    """One commit of a keeper in hand; its epoch."""
    sender = keeper.sender
    assert isinstance(sender, PausingSender)
    sender.before_commit = before_commit
    plan = await keeper.settlement.settle()
    assert plan is not None
    return plan.epoch


# a commit and its neighbours


def plan_of(w3: Web3, vault: str, data: bytes) -> Plan:
    """The commit that a transaction's call data holds."""
    contract = w3.eth.contract(address=to_checksum_address(vault), abi=list(load("PrimeVault")))
    _, arguments = contract.decode_function_input(data)
    plan: Plan = dict(arguments["c"])
    return plan


def neighbours(plan: Plan, accounts: int) -> Mapping[str, Plan]:
    """The commit with one figure off by a micro-dollar, by what was changed; sub-accounts are 1 … `accounts`. Fees and
    deficit are 0 here: there is no less of them."""
    found: dict[str, Plan] = {
        "insuranceDelta+1": plan | {"insuranceDelta": plan["insuranceDelta"] + 1},
        "insuranceDelta-1": plan | {"insuranceDelta": plan["insuranceDelta"] - 1},
        "newDeficit+1": plan | {"newDeficit": plan["newDeficit"] + 1},
        "fees+1": plan | {"fees": plan["fees"] + 1},
    }
    pnl = unpack(plan["words"], plan["pnl4"])
    for number in range(1, accounts + 1):
        for amount in (1, -1):
            words, pnl4 = pack({**pnl, number: pnl.get(number, 0) + amount})
            found[f"pnl of {number} {amount:+}"] = plan | {"words": words, "pnl4": list(pnl4)}
    return found


async def answer_to(w3: Web3, vault: str, plan: Plan, block: int | None = None) -> str:
    """What the vault says to a keeper who sends this commit now: its error's name, or "accepted"."""
    call: TxParams = {
        "from": to_checksum_address(address_of(KEEPER_INDEX)),
        "to": to_checksum_address(vault),
        "data": "0x" + calls.commit(plan).hex(),  # type: ignore[typeddict-item]
    }
    try:
        with node_errors(w3):
            await w3.eth.call(call, "latest" if block is None else block)
    except ChainError as error:
        return str(error).partition("(")[0]
    return "accepted"


# what every commit must be


async def committed(world: LocalWorld) -> list[tuple[ChainLog, int]]:
    """Each Committed log, and Σ of the deltas of the marks it used."""
    vault = Vault(world.w3, world.deployment.contracts.vault)
    logs = await LogFollower(world.w3, [vault.address], [load("PrimeVault")]).fetch(0, await vault.block_number())
    deltas: dict[str, int] = {}
    found = []
    for log in logs:
        if log.name == "Marked":
            deltas[log.args["venue"]] = log.args["delta"]
        if log.name == "Committed":
            found.append((log, sum(deltas.pop(venue) for venue in log.args["marked"])))
    return found


async def assert_every_commit_conserves(world: LocalWorld) -> int:
    """Of each commit: rule A2; the balance identity in its block; in the block before, the vault would have taken it
    and none of its neighbours. How many commits there are."""
    vault = Vault(world.w3, world.deployment.contracts.vault)
    commits = await committed(world)
    for log, delta in commits:
        event = log.args
        assert event["pnl"] + event["fees"] + event["insuranceDelta"] - event["newDeficit"] == delta, event
        state = await vault.state(log.block)
        books = [(await vault.venue_of(venue, log.block)).book for venue in await vault.venues(log.block)]
        liabilities = state.sum_equity + state.payables + state.insurance + state.fees_accrued
        assert liabilities == state.idle + sum(books) + state.deficit, event
        sent = await world.w3.eth.get_transaction(HexStr(log.tx))
        plan = plan_of(world.w3, vault.address, bytes(sent["input"]))
        await assert_neighbours_revert(world, plan, await vault.account_count(log.block - 1), log.block - 1)
    return len(commits)


async def assert_neighbours_revert(world: LocalWorld, plan: Plan, accounts: int, block: int | None = None) -> None:
    """The vault takes the commit, and none that is off by a micro-dollar; `block`: on the state after it."""
    vault = world.deployment.contracts.vault
    near = neighbours(plan, accounts)
    assert len(near) == 4 + 2 * accounts
    answers = {name: await answer_to(world.w3, vault, other, block) for name, other in near.items()}
    # Once the fee allowance has accrued (A8), a fee nobody earned fails on conservation instead.
    wanted = {name: {"NotConserved", "FeeAboveCap"} if name == "fees+1" else {"NotConserved"} for name in near}
    assert all(answers[name] in wanted[name] for name in near), answers
    assert await answer_to(world.w3, vault, plan, block) == "accepted"


# people


async def send_as(world: LocalWorld, index: int, contract: str, to: str, function: str, *arguments: Any) -> Receipt:
    """A transaction of anvil's account number `index`."""
    transactor = Transactor(world.w3, key_of(index))
    receipt = await transactor.send(function, function, to, encode_call(contract, function, *arguments))
    assert receipt.ok, receipt.text
    return receipt


class Stranger:
    """Somebody with USDC on the chain and at both venues, who is no client yet."""

    def __init__(self, world: LocalWorld) -> None:
        self._world = world
        self._contracts = world.deployment.contracts
        self._account = Account.from_key(key_of(STRANGER_INDEX))

    async def earn(self, amount: int) -> None:
        """`amount` micro-USDC on the chain, and ether; 100 USDC at each venue."""
        address = self._account.address
        await self._world.chain.call("anvil_setBalance", address, hex(10**19))
        await send_as(self._world, OWNER_INDEX, "TestUSDC", self._contracts.usdc, "mint", address, amount)
        for admin in self._world.admin_urls.values():
            await self._world.world.post(admin, "fund", {"account": address, "usdc": "100"})

    async def open_account(self, amount: int) -> None:
        vault = self._contracts.vault
        await self._send("TestUSDC", self._contracts.usdc, "approve", vault, amount)
        await self._send("PrimeVault", vault, "openAccount", self._account.address, amount)

    async def give(self, to: str, amount: int) -> Receipt:
        """USDC on the EVM."""
        return await self._send("TestUSDC", self._contracts.usdc, "transfer", to, amount)

    async def deposit_to_spot(self, account: str, amount: int) -> Receipt:
        """USDC from the EVM to somebody's spot account on HyperCore."""
        wallet = self._contracts.coreDepositWallet
        await self._send("TestUSDC", self._contracts.usdc, "approve", wallet, amount)
        return await self._send("CoreDepositWalletSim", wallet, "depositFor", account, amount, SPOT_DEX)

    async def sync(self, venue: str) -> Receipt:
        return await self._send("PrimeVault", self._contracts.vault, "sync", venue)

    async def give_at_venue(self, name: str, account: str, amount: int) -> None:
        """From account to account of a venue."""
        exchange = await asyncio.to_thread(Exchange, self._account, self._world.venue_urls[name])
        answer = await asyncio.to_thread(exchange.usd_transfer, float(usdc(amount)), account)  # the SDK takes a float
        assert answer["status"] == "ok", answer

    @asynccontextmanager
    async def raining_dust(self) -> AsyncIterator[dict[str, int]]:
        """Some micro-dollars without end to the tier-2 seat's contract, and to both seats at their venues, while the
        block lasts and for some drops before it; how many have fallen, by where."""
        seat = self._world.adapter(seat_name(2))
        accounts = {seat_name(tier): seat_account(self._world, tier) for tier in (1, 2)}
        drops = dict.fromkeys(("chain", *accounts), 0)
        enough = asyncio.Event()
        exchanges = {
            name: await asyncio.to_thread(Exchange, self._account, self._world.venue_urls[name]) for name in accounts
        }

        async def rain(where: str) -> None:
            while True:
                amount = RAINDROP + drops[where]
                if where == "chain":
                    await self.give(seat, amount)
                else:
                    await asyncio.to_thread(exchanges[where].usd_transfer, float(usdc(amount)), accounts[where])
                    await asyncio.sleep(0.1)
                drops[where] += 1
                if min(drops.values()) >= FIRST_DROPS:
                    enough.set()

        tasks = [asyncio.create_task(rain(where)) for where in drops]
        try:
            await enough.wait()
            yield drops
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, contract: str, to: str, function: str, *arguments: Any) -> Receipt:
        return await send_as(self._world, STRANGER_INDEX, contract, to, function, *arguments)


def seat_name(tier: int) -> str:
    return next(spec.name for spec in VENUES if spec.tier == tier)


def seat_account(world: LocalWorld, tier: int) -> str:
    """The seat's account at its venue."""
    return world.adapter(seat_name(tier)) if tier == 1 else address_of(SEAT_INDEX)


def statement_of(world: LocalWorld, epoch: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.statements / f"epoch-{epoch:06d}.json").read_text())
    return found


def findings_of(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(kind, where, what) of each finding."""
    return [(finding["kind"], finding["where"], finding["what"]) for finding in report["findings"]]
