"""Typed reads and decoded logs against a deployed vault."""

import pytest

from keeper.chain.abi import load
from keeper.chain.log_follower import LogFollower
from keeper.chain.rpc import Web3, connection, make_web3
from keeper.chain.vault import Vault
from keeper.errors import ChainError
from keeper.world.processes import free_port
from tests.simulation.chain.conftest import CLIENT, KEEPER, OWNER, Deployed, rpc, transact


async def test_reads_the_vault_at_one_block(w3: Web3, deployed: Deployed) -> None:
    vault = Vault(w3, deployed.vault)
    await vault.must_exist()
    state = await vault.state()
    assert (state.idle, state.sum_equity, state.insurance) == (1_150_000_000, 1_000_000_000, 150_000_000)
    assert (state.payables, state.fees_accrued, state.deficit, state.epoch) == (0, 0, 0, 0)
    assert state.free_cash == 1_000_000_000
    assert await vault.asset() == deployed.usdc
    assert await vault.curator() == OWNER.lower()
    assert await vault.is_keeper(KEEPER)
    assert not await vault.is_keeper(CLIENT)
    assert await vault.venues() == []
    assert await vault.account_count() == 1
    account = await vault.account_of(1)
    assert (account.owner, account.open, account.generation) == (CLIENT.lower(), True, 1)
    assert await vault.lane_of(1) == 1_000_000_000
    assert await vault.lane_of(1, block=state.block - 1) == 0
    assert await vault.statement_root_of(1) == "0x" + "00" * 32


async def test_tickets(w3: Web3, deployed: Deployed) -> None:
    vault = Vault(w3, deployed.vault)
    await transact(w3, CLIENT, "PrimeVault", deployed.vault, "requestWithdraw", 1, 50_000_000, CLIENT)
    ticket = await vault.pending_ticket_of(1)
    assert ticket is not None
    state = await vault.ticket_of(ticket)
    assert (state.account, state.remaining, state.payable, state.paid) == (1, 50_000_000, 0, 0)
    assert state.receiver == CLIENT.lower()


async def test_venue_not_listed_reads_as_not_listed(w3: Web3, deployed: Deployed) -> None:
    book = await Vault(w3, deployed.vault).venue_of(KEEPER)
    assert (book.book, book.listed, book.venue) == (0, False, KEEPER.lower())
    assert await Vault(w3, deployed.vault).pending_mark_of(KEEPER) is None


async def test_logs_in_order_decoded_and_never_twice(w3: Web3, deployed: Deployed) -> None:
    follower = LogFollower(w3, [deployed.vault], [load("PrimeVault")], span=2)
    first = await follower.poll()
    assert [log.name for log in first][-3:] == ["InsuranceFunded", "AccountOpened", "Deposited"]
    assert {log.name for log in first[:-3]} == {"OwnerSet", "CuratorSet", "KeeperAdded"}
    assert [(log.block, log.log_index) for log in first] == sorted((log.block, log.log_index) for log in first)
    opened = first[-2]
    assert opened.args == {"id": 1, "owner": CLIENT.lower(), "generation": 1}
    assert opened.address == deployed.vault
    assert opened.time_s == (await w3.eth.get_block(opened.block))["timestamp"]
    assert first[-1].args == {"id": 1, "from": CLIENT.lower(), "amount": 1_000_000_000}
    assert await follower.poll() == []
    await transact(w3, CLIENT, "PrimeVault", deployed.vault, "requestWithdraw", 1, 50_000_000, CLIENT)
    assert [log.name for log in await follower.poll()] == ["WithdrawRequested"]


async def test_confirmations_are_waited_for(w3: Web3, deployed: Deployed) -> None:
    head = await w3.eth.block_number
    follower = LogFollower(w3, [deployed.vault], [load("PrimeVault")], from_block=head, confirmations=1)
    assert await follower.poll() == []
    await rpc(w3, "evm_mine")
    assert [log.name for log in await follower.poll()] == ["AccountOpened", "Deposited"]


async def test_a_node_that_is_down_is_named_with_the_fix() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ChainError, match=rf"the node at {url} does not answer .*start it, or give the right URL"):
        async with connection(url):
            pytest.fail("nothing listens there")
    w3 = make_web3(url)
    with pytest.raises(ChainError, match=f"the node at {url} does not answer"):
        await LogFollower(w3, [OWNER], [load("PrimeVault")]).poll()
    await w3.provider.disconnect()


async def test_no_contract_at_the_address(w3: Web3) -> None:
    with pytest.raises(ChainError, match="no contract there"):
        await Vault(w3, CLIENT).must_exist()
