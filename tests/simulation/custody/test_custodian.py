"""The custodian against a real anvil and a venue behind sockets: home comes what was asked for, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from keeper.custody import custodian as module
from keeper.custody.service import CustodianOptions, run
from keeper.errors import ChainError, ConfigError
from keeper.venues.simulated.server.faults import Fault
from tests.simulation.attest.seat_world import SeatWorld
from tests.simulation.bridge.local_chain import CUSTODY, MASTER, USDC, account, key

AGENT = account(10)


@asynccontextmanager
async def custodian(world: SeatWorld, agent: str | None = None) -> AsyncIterator["asyncio.Task[None]"]:
    options = CustodianOptions(
        rpc=world.chain.url, seat_venue=world.seat, venue_url=world.venue_url, approve_agent=agent, poll_ms=100
    )
    task = asyncio.create_task(run(options, key(MASTER)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def recall(world: SeatWorld, amount: int) -> None:
    await world.chain.transact(world.names["vault"], world.seat, "recall(uint64)", amount)


async def home(world: SeatWorld) -> int:
    return await world.chain.balance(world.contracts.usdc, world.seat)


async def came_home(world: SeatWorld, amount: int) -> None:
    async def arrived() -> bool:
        return await home(world) >= amount

    await world.until(arrived)


def withdrawals(world: SeatWorld) -> list[str]:
    rows = world.venue.state.account(world.master).ledger
    return [str(row.delta["usdc"]) for row in rows if row.delta["type"] == "withdraw"]


async def test_what_is_asked_for_arrives_net_and_once(world: SeatWorld) -> None:
    await world.funded(1_000 * USDC)
    async with custodian(world):
        await recall(world, 250 * USDC)
        await came_home(world, 250 * USDC)
    async with custodian(world):
        await asyncio.sleep(1)
    assert withdrawals(world) == ["250.0"], "a new start reads the same event again and withdraws nothing"
    assert world.venue.account_value(world.master) == 749 * USDC, "the venue's fee is on top"
    assert await home(world) == 250 * USDC


async def test_a_lost_answer_does_not_withdraw_twice(world: SeatWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.2)
    await world.funded(1_000 * USDC)
    world.world.faults.order(Fault(kind="drop_ack", count=1))
    async with custodian(world):
        await recall(world, 100 * USDC)
        await came_home(world, 100 * USDC)
        await asyncio.sleep(0.6)
    assert withdrawals(world) == ["100.0"]


async def test_waits_until_there_is_enough(world: SeatWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.2)
    await world.funded(100 * USDC)
    async with custodian(world):
        await recall(world, 100 * USDC)
        await asyncio.sleep(0.6)
        assert withdrawals(world) == [], "the fee is not there"
        await world.send(50 * USDC)  # gone again as soon as it is there, so nobody can wait to see it
        await came_home(world, 100 * USDC)
    assert withdrawals(world) == ["100.0"]


async def test_a_refusal_is_tried_again_under_the_next_nonce(world: SeatWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the venue shows as withdrawable ignores its own rule of a tenth of the notional."""
    monkeypatch.setattr(module, "PAUSE_S", 0.1)
    await world.funded(1_000 * USDC)
    world.trade("BTC", "0.04", buy=True)
    asked = world.venue.withdrawable(world.master) - 20 * USDC
    real = module.Custodian._exchange
    answers: list[str | None] = []

    async def noted(self: module.Custodian, body: dict[str, object]) -> str | None:
        answers.append(await real(self, body))
        return answers[-1]

    monkeypatch.setattr(module.Custodian, "_exchange", noted)
    async with custodian(world):
        await recall(world, asked)
        await world.until(lambda: answers)
        await world.send(500 * USDC)
        await came_home(world, asked)
    assert "Insufficient" in str(answers[0])
    assert answers.index(None) == len(answers) - 1, "refused until it could be done, then done once"


async def test_the_agent_is_approved_once_there_is_money(world: SeatWorld) -> None:
    async with custodian(world, AGENT):
        await asyncio.sleep(0.5)
        assert world.venue.agents.find(AGENT, world.venue.now_ms()) is None
        await world.funded(100 * USDC)
        await world.until(lambda: world.venue.agents.find(AGENT, world.venue.now_ms()) is not None)
    agent = world.venue.agents.find(AGENT, world.venue.now_ms())
    assert agent is not None
    assert agent.account == world.master
    assert agent.valid_until_ms is not None
    assert agent.valid_until_ms <= world.venue.now_ms() + 7 * 86_400_000


async def test_bad_set_up_is_named(world: SeatWorld) -> None:
    good = CustodianOptions(rpc=world.chain.url, seat_venue=world.seat, venue_url=world.venue_url)
    with pytest.raises(ConfigError, match="PRIME_CUSTODIAN_KEY"):
        await run(good, key(CUSTODY))
    with pytest.raises(ConfigError, match="PRIME_CUSTODIAN_KEY"):
        await run(good, "0x" + "00" * 32)
    with pytest.raises(ChainError, match="no contract there"):
        await run(CustodianOptions(rpc=good.rpc, seat_venue=account(1), venue_url=good.venue_url), key(MASTER))
    dead = CustodianOptions(rpc="http://127.0.0.1:9", seat_venue=world.seat, venue_url=good.venue_url)
    with pytest.raises(ChainError, match="start it"):
        await run(dead, key(MASTER))
