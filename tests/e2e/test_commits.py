"""Commits in a world that does not stand still: each conserves, none can be off by a micro-dollar, no stranger breaks
one, and the one lie that the contract cannot see is named by the auditor."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from keeper.attest.client import TooFewSignatures
from keeper.chain.vault import HyperCoreVenue, Vault
from keeper.cli.demo import run_audit
from keeper.demo.local_world import CLIENT_INDEXES, LocalWorld
from keeper.ledger import pack
from keeper.model.amounts import MICRO
from keeper.model.statements import statement_root
from keeper.settlement import CommitPlan, build
from keeper.settlement import engine as settlement_engine
from tests.e2e.hostile import (
    Plan,
    Stranger,
    assert_every_commit_conserves,
    assert_neighbours_revert,
    commit_with,
    findings_of,
    keeper_in_hand,
    plan_of,
    seat_account,
    seat_name,
    send_as,
    statement_of,
)
from tests.e2e.world import FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("test_commits"),
    pytest.mark.timeout(300),
]

DEPOSITS = (60_000, 45_000, 25_000)
INTERVAL_S = 605
MOVES, MOVE_S = 8, 15
DUST_VAULT, DUST_CORE, DUST_SEAT = 3, 70_001, 110_002
GIFT_CORE, GIFT_SPOT, GIFT_SEAT = 10_000, 1_234_567, 250_001
TICKET = 100 * MICRO
NO_VENUE = "0x" + "00" * 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    """A funded world whose clients have traded."""
    async with funded_world(tmp_path_factory.mktemp("commits"), deposits=DEPOSITS) as world:
        await world.story.trade()
        await world.story.commit()
        yield world


async def equity_now(world: LocalWorld) -> tuple[int, int]:
    """The newest block, and what the tier-1 seat is worth in it."""
    core = HyperCoreVenue(world.w3, world.adapter(seat_name(1)))
    block = await core.block_number()
    return block, (await core.equity(block))[0]


async def test_one_micro_dollar_off_reverts_and_no_stranger_stops_a_commit(lived: FundedWorld) -> None:
    world, story = lived.local, lived.story
    one, _, three = story.clients
    vault = Vault(world.w3, world.deployment.contracts.vault)
    core, seat = world.adapter(seat_name(1)), world.adapter(seat_name(2))
    stranger = Stranger(world)
    await stranger.earn(500 * MICRO)
    await one.request_withdrawal(TICKET)
    await three.request_withdrawal(TICKET)
    await story.commit()  # one must lie between a request and its approval (A7)
    plans: list[Plan] = []
    equities: dict[int, int] = {}

    async def meanwhile(data: bytes) -> None:
        plan = plan_of(world.w3, vault.address, data)
        plans.append(plan)
        await assert_neighbours_revert(world, plan, accounts=3)
        await stranger.open_account(150 * MICRO)
        await stranger.give(vault.address, DUST_VAULT)
        await stranger.give(core, DUST_CORE)
        await stranger.give(seat, DUST_SEAT)
        await stranger.give_at_venue(seat_name(1), seat_account(world, 1), GIFT_CORE)
        await stranger.deposit_to_spot(core, GIFT_SPOT)
        await stranger.give_at_venue(seat_name(2), seat_account(world, 2), GIFT_SEAT)
        await stranger.sync(NO_VENUE)
        await stranger.sync(core)
        await send_as(world, CLIENT_INDEXES[0], "PrimeVault", vault.address, "cancelWithdraw", one.ticket)
        for _ in range(MOVES):
            await world.world.advance(MOVE_S)
            block, equity = await equity_now(world)
            equities[block] = equity
        await assert_neighbours_revert(world, plan, accounts=4)

    downed = world.attestors.pop()
    world.processes.forget(downed)
    downed.kill()
    async with keeper_in_hand(lived) as keeper:
        await world.world.advance(INTERVAL_S)
        epoch = await commit_with(keeper, meanwhile)
        refused = keeper.refused

    [plan] = plans
    assert [approval["ticket"] for approval in plan["approvals"]] == [one.ticket, three.ticket]
    assert (await vault.ticket_of(one.ticket)).payable == 0
    assert (await vault.ticket_of(three.ticket)).payable == TICKET
    assert await vault.statement_root_of(epoch) == "0x" + plan["statementRoot"].hex()
    assert len(set(equities.values())) == len(equities) == MOVES, f"the tape stood still: {equities}"
    [value] = [mark["value"] for mark in statement_of(world, epoch)["marks"] if mark["venue"] == core]
    assert value not in equities.values()
    assert_only_true_sheets_were_signed(refused, world.attestor_urls)


def assert_only_true_sheets_were_signed(refused: dict[str, TooFewSignatures], attestors: list[str]) -> None:
    """Each false figure was refused by name by every attestor but the one that is down."""
    assert len(refused) == 3
    for figure, error in refused.items():
        answers = {url: answer.get("field") for url, answer in error.refusals.items()}
        assert answers == dict.fromkeys(attestors[:2], figure) | {attestors[2]: None}


async def test_gifts_become_insurance_by_name_and_everything_agrees(lived: FundedWorld) -> None:
    world, story = lived.local, lived.story
    core, seat = world.adapter(seat_name(1)), world.adapter(seat_name(2))
    epoch = await story.commit()
    gifts = sorted(
        (item["venue"], item["amount"]) for item in statement_of(world, epoch)["insurance"] if item["kind"] == "gift"
    )
    expected = [(core, DUST_CORE), (core, GIFT_CORE), (core, GIFT_SPOT), (seat, DUST_SEAT), (seat, GIFT_SEAT)]
    assert gifts == sorted(expected)

    assert await assert_every_commit_conserves(world) == epoch
    report = await asyncio.to_thread(run_audit, world)
    assert report["findings"] == []
    assert [line["difference"] for line in report["accounts"]] == [0, 0, 0, 0]


async def test_dust_on_every_block_stops_no_mark(lived: FundedWorld) -> None:
    """What a stranger sends at any moment is in a mark or after it, never in its way."""
    world = lived.local
    stranger = Stranger(world)
    await stranger.sync(world.adapter(seat_name(2)))
    async with keeper_in_hand(lived) as keeper:
        await world.world.advance(INTERVAL_S)
        async with stranger.raining_dust() as drops:
            before = dict(drops)
            epoch = await commit_with(keeper)
            assert all(drops[where] > before[where] for where in drops)
    marked = [mark["venue"] for mark in statement_of(world, epoch)["marks"]]
    assert marked == [world.adapter(seat_name(tier)) for tier in (1, 2)]


async def test_a_micro_dollar_moved_between_two_clients_passes_the_contract_and_not_the_audit(
    lived: FundedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = lived.local

    def build_a_lie(*arguments: Any, **named: Any) -> tuple[CommitPlan, dict[str, Any]]:
        """One micro-dollar of sub-account 2 given to sub-account 1, in the commit and in its statement."""
        plan, statement = build(*arguments, **named)
        pnl = {**plan.pnl, 1: plan.pnl[1] + 1, 2: plan.pnl[2] - 1}
        for account in statement["accounts"]:
            if account["id"] in (1, 2):
                change = pnl[account["id"]] - plan.pnl[account["id"]]
                account["pnl"] += change
                account["after"] += change
                account["seats"][0]["trading"] += change
        words, pnl4 = pack(pnl)
        root = "0x" + statement_root(statement).hex()
        return replace(plan, pnl=pnl, words=words, pnl4=pnl4, statement_root=root), statement

    monkeypatch.setattr(settlement_engine, "build", build_a_lie)
    async with keeper_in_hand(lived) as keeper:
        await world.world.advance(INTERVAL_S)
        epoch = await commit_with(keeper)
    assert await assert_every_commit_conserves(world) == epoch

    report = await asyncio.to_thread(run_audit, world)
    found = findings_of(report)
    assert ("moved", f"epoch {epoch}", "1 micro-USDC of sub-account 2 were given to sub-account 1") in found
    lanes = {where: what for kind, where, what in found if kind == "lane_delta"}
    assert lanes == {
        f"epoch {epoch} sub-account 1": "its lane was changed by +1 micro-USDC more than it earned",
        f"epoch {epoch} sub-account 2": "its lane was changed by -1 micro-USDC more than it earned",
    }
    assert {line["id"]: line["difference"] for line in report["accounts"]} == {1: -1, 2: 1, 3: 0, 4: 0}
    assert {kind for kind, _, _ in found} == {"moved", "lane_delta", "statement_account", "statement_result"}
