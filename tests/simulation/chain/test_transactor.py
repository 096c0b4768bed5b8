"""The transactor on a real node: order, refusals, raised fees, crashes, gaps."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest
from hexbytes import HexBytes
from web3.types import RPCEndpoint

from keeper.chain import calls
from keeper.chain.abi import load
from keeper.chain.calls import encode_call
from keeper.chain.rpc import Web3
from keeper.chain.sender import Sender
from keeper.chain.transactor import Transactor, TxRecord
from keeper.chain.vault import Vault
from keeper.clock import TestClock
from keeper.errors import ChainError, NotLeader, UnknownOutcome
from keeper.model.events import Event, TxIntent
from tests.simulation.chain.conftest import CLIENT, KEEPER, KEYS, OWNER, Deployed, rpc, transact

FUND = encode_call("PrimeVault", "fundInsurance", 1_000_000)


async def test_sends_in_order_and_records_each_before_it_leaves(w3: Web3, deployed: Deployed) -> None:
    transactor = Transactor(w3, KEYS[0])
    await transactor.start()
    first_nonce = await w3.eth.get_transaction_count(OWNER)
    seen: list[tuple[TxRecord, int]] = []

    async def store(record: TxRecord) -> None:
        seen.append((record, await w3.eth.get_transaction_count(OWNER, "pending")))

    receipts = await asyncio.gather(
        *(transactor.send(f"fund-{i}", "fund insurance", deployed.vault, FUND, on_intent=store) for i in range(3))
    )
    assert [receipt.nonce for receipt in receipts] == [first_nonce, first_nonce + 1, first_nonce + 2]
    assert all(receipt.ok for receipt in receipts)
    assert [record.key for record, _ in seen] == ["fund-0", "fund-1", "fund-2"]
    # stored while the chain knew nothing of it yet
    assert [known for _, known in seen] == [record.nonce for record, _ in seen]
    assert (await Vault(w3, deployed.vault).state()).insurance == 153_000_000


async def test_a_call_that_would_revert_is_not_sent_and_names_the_error(w3: Web3, deployed: Deployed) -> None:
    client = Transactor(w3, KEYS[2])
    before = await w3.eth.get_transaction_count(CLIENT)
    seen: list[TxRecord] = []
    with pytest.raises(ChainError, match=r"send to a venue: NotKeeper\(\): this key is not a keeper of the vault"):
        await client.send("s", "send to a venue", deployed.vault, calls.send(OWNER, 1), on_intent=seen.append)
    assert seen == []
    assert await w3.eth.get_transaction_count(CLIENT) == before


async def test_a_keeper_that_does_not_lead_any_more_sends_nothing(w3: Web3, deployed: Deployed) -> None:
    """It was frozen between writing a transaction down and sending it. Leading again, it goes on with that nonce."""
    stored: list[Event] = []
    leads = [False, True]

    def append(*events: Event) -> int:
        stored.extend(events)
        return len(stored)

    sender = Sender(Transactor(w3, KEYS[0]), append, TestClock(), leads.pop)
    await sender.send("fund insurance", deployed.vault, FUND)
    before = await w3.eth.get_transaction_count(OWNER, "pending")
    with pytest.raises(NotLeader, match="fund insurance: this keeper's lease has run out; nothing was sent"):
        await sender.send("fund insurance", deployed.vault, FUND)
    assert await w3.eth.get_transaction_count(OWNER, "pending") == before
    leads.append(True)
    await sender.send("fund insurance", deployed.vault, FUND)
    intents = [event.nonce for event in stored if isinstance(event, TxIntent)]
    assert intents == [before - 1, before, before]


async def test_fee_rises_by_an_eighth_on_the_same_nonce_until_it_lands(w3: Web3, deployed: Deployed) -> None:
    await rpc(w3, "evm_setAutomine", False)
    transactor = Transactor(w3, KEYS[0], bump_after_s=0.2, give_up_after_s=20)
    seen: list[TxRecord] = []
    task = asyncio.create_task(transactor.send("fund", "fund insurance", deployed.vault, FUND, on_intent=seen.append))
    await eventually(lambda: len(seen) == 3)
    await rpc(w3, "evm_mine")
    receipt = await task
    assert receipt.ok
    assert receipt.tx in {record.hash for record in seen}
    assert len({record.nonce for record in seen}) == 1
    assert len({record.hash for record in seen}) == len(seen)
    assert (await Vault(w3, deployed.vault).state()).insurance == 151_000_000


async def test_unknown_then_resumed_with_the_receipt(w3: Web3, deployed: Deployed) -> None:
    await rpc(w3, "evm_setAutomine", False)
    transactor = Transactor(w3, KEYS[0], bump_after_s=5, give_up_after_s=0.2)
    seen: list[TxRecord] = []
    with pytest.raises(UnknownOutcome, match="no receipt after"):
        await transactor.send("fund", "fund insurance", deployed.vault, FUND, on_intent=seen.append)
    await rpc(w3, "evm_mine")

    after_restart = Transactor(w3, KEYS[0])
    receipt = await after_restart.resume("fund", seen[0].nonce, [seen[0].hash])
    assert receipt is not None
    assert receipt.ok
    assert receipt.key == "fund"
    assert (await Vault(w3, deployed.vault).state()).insurance == 151_000_000


async def test_crash_before_it_left_burns_the_nonce_so_that_it_can_never_land(w3: Web3, deployed: Deployed) -> None:
    class CrashError(Exception):
        pass

    recorded: list[TxRecord] = []

    def crash(record: TxRecord) -> None:
        recorded.append(record)
        raise CrashError

    with pytest.raises(CrashError):
        await Transactor(w3, KEYS[0]).send("fund", "fund insurance", deployed.vault, FUND, on_intent=crash)

    after_restart = Transactor(w3, KEYS[0])
    assert await after_restart.resume("fund", recorded[0].nonce, [recorded[0].hash]) is None
    answer = await w3.provider.make_request(
        RPCEndpoint("eth_sendRawTransaction"), [HexBytes(recorded[0].raw).to_0x_hex()]
    )
    assert "nonce too low" in str(answer["error"])
    assert (await after_restart.send("again", "fund insurance", deployed.vault, FUND)).ok
    assert (await Vault(w3, deployed.vault).state()).insurance == 151_000_000


async def test_stuck_in_the_pool_is_replaced_when_it_does_not_land(w3: Web3, deployed: Deployed) -> None:
    await rpc(w3, "evm_setAutomine", False)
    transactor = Transactor(w3, KEYS[0], bump_after_s=5, give_up_after_s=0.1)
    seen: list[TxRecord] = []
    with pytest.raises(UnknownOutcome):
        await transactor.send("fund", "fund insurance", deployed.vault, FUND, on_intent=seen.append)

    after_restart = Transactor(w3, KEYS[0], bump_after_s=0.2)
    task = asyncio.create_task(after_restart.resume("fund", seen[0].nonce, [seen[0].hash]))
    await eventually(lambda: replaced(w3, seen[0]))
    await rpc(w3, "evm_mine")
    assert await task is None
    assert (await Vault(w3, deployed.vault).state()).insurance == 150_000_000


async def waiting(w3: Web3) -> list[str]:
    pool = await rpc(w3, "txpool_content")
    return [tx["hash"] for group in pool["pending"].values() for tx in group.values()]


async def replaced(w3: Web3, record: TxRecord) -> bool:
    hashes = await waiting(w3)
    return bool(hashes) and record.hash not in hashes


async def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.02)


async def test_a_gap_left_by_a_dropped_transaction_is_filled_at_start(w3: Web3, deployed: Deployed) -> None:
    nonce = await w3.eth.get_transaction_count(OWNER)
    behind_the_gap = w3.eth.account.sign_transaction(
        {
            "chainId": 31337,
            "type": 2,
            "nonce": nonce + 2,
            "to": KEEPER,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
        },
        KEYS[0],
    )
    await w3.eth.send_raw_transaction(behind_the_gap.raw_transaction)
    assert await w3.eth.get_transaction_count(OWNER) == nonce
    transactor = Transactor(w3, KEYS[0])
    await transactor.start()
    assert await w3.eth.get_transaction_count(OWNER) == nonce + 3
    assert (await transactor.send("fund", "fund insurance", deployed.vault, FUND)).nonce == nonce + 3


async def test_reverted_in_its_block_says_so(w3: Web3, deployed: Deployed) -> None:
    """It passed the simulation, then the client's own transaction went first."""
    await transact(w3, OWNER, "TestUSDC", deployed.usdc, "mint", CLIENT, 5)
    await transact(w3, CLIENT, "TestUSDC", deployed.usdc, "approve", KEEPER, 5)
    await rpc(w3, "evm_setAutomine", False)
    take = encode_call("TestUSDC", "transferFrom", CLIENT, KEEPER, 5)
    task = asyncio.create_task(Transactor(w3, KEYS[1]).send("take", "take the allowance", deployed.usdc, take))
    await eventually(lambda: waiting(w3))
    withdraw = "0x" + encode_call("TestUSDC", "approve", KEEPER, 0).hex()
    dearer = {"from": CLIENT, "to": deployed.usdc, "data": withdraw, "gas": hex(100_000), "gasPrice": hex(10**11)}
    await rpc(w3, "eth_sendTransaction", dearer)
    await rpc(w3, "evm_mine")
    receipt = await task
    assert not receipt.ok
    assert receipt.text == "reverted in its block though it would have passed in the one before"


async def test_the_abis_know_the_vaults_errors() -> None:
    assert {"NotKeeper", "CommitTooEarly"} <= {
        entry["name"] for entry in load("PrimeVault") if entry["type"] == "error"
    }
