"""The keeper is killed (SIGKILL) where it hurts, started again, and has the books it would have had anyway.

One world, prices frozen, three clients with the same deposit who give the same split order one after another, taken
depth refilled in between: the first in peace, the second killed while the order is on its way to both venues, the third
killed when neither venue has taken it. So their fills and accounts must be equal in every figure.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import product

import pytest
import pytest_asyncio

from keeper.api.views import AccountView
from keeper.chain.abi import load
from keeper.chain.log_follower import LogFollower
from keeper.cli.demo import run_audit
from keeper.demo.local_world import ATTESTOR_INDEXES, CLIENT_INDEXES, VENUES
from keeper.demo.story import COMMIT_INTERVAL_S
from keeper.model.events import CommitPrepared, FillSeen, LegClosed, LegIntent, OrderClosed, TxIntent
from keeper.model.identifiers import client_order_id
from keeper.model.venue_records import Fill
from tests.e2e.world import CORE, SEAT, FundedWorld, funded_world, pause, resume

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_kill"),
    pytest.mark.timeout(240),
]

DEPOSIT = 30_000
SIZE = Decimal(6)
ON_ITS_WAY_MS = 1_500
TWO = ATTESTOR_INDEXES[:2]

Trade = tuple[str, str, str, Decimal, Decimal, int]


@dataclass(frozen=True)
class Outcome:
    """Everything about an order that a crash must not change: legs (venue, size, limit), fills, the account after."""

    legs: tuple[tuple[str, Decimal, Decimal], ...]
    fills: tuple[Trade, ...]
    balance: Decimal
    margin_required: Decimal
    positions: tuple[tuple[str, str, Decimal, Decimal | None], ...]
    equity: Decimal


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    folder = tmp_path_factory.mktemp("kill")
    async with funded_world(folder, deposits=(DEPOSIT,) * 3, attestors=TWO, settles=False) as world:
        await world.freeze_prices()
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(world: FundedWorld) -> Outcome:
    """The first client's order, with nothing going wrong."""
    await world.refill_depth()
    digest = await send(world, 0, wait_s=30)
    return await outcome(world, 0, digest)


async def send(world: FundedWorld, number: int, wait_s: float = 0) -> str:
    """Client `number`'s order; its digest."""
    order = world.order(world.clients[number], size=SIZE)
    return (await world.submit(world.sign(order, CLIENT_INDEXES[number]), wait_s)).digest


def legs_of(world: FundedWorld, digest: str) -> list[LegIntent]:
    return [leg for leg in world.events(LegIntent) if leg.digest == digest]


def fills_of(world: FundedWorld, digest: str) -> list[Fill]:
    cloids = {leg.cloid for leg in legs_of(world, digest)}
    return [event.fill for event in world.events(FillSeen) if event.fill.cloid in cloids]


async def outcome(world: FundedWorld, number: int, digest: str) -> Outcome:
    view: AccountView = await world.account(world.clients[number])
    final = {leg.leg: leg for leg in legs_of(world, digest)}
    return Outcome(
        legs=tuple((leg.venue, leg.size, leg.limit_price) for _, leg in sorted(final.items())),
        fills=tuple(
            sorted(
                (fill.venue, fill.coin, fill.side, fill.size, fill.price, fill.fee) for fill in fills_of(world, digest)
            )
        ),
        balance=view.balance,
        margin_required=view.margin_required,
        positions=tuple((item.instrument, item.venue, item.size, item.mark) for item in view.positions),
        equity=view.equity,
    )


async def must_be_closed_once(world: FundedWorld, digest: str) -> None:
    """Filled whole; every leg closed once, every trade booked once, and booked = what the venues show."""
    closed = [event for event in world.events(OrderClosed) if event.digest == digest]
    assert [(event.status, event.filled) for event in closed] == [("filled", SIZE)]
    ends = [event.cloid for event in world.events(LegClosed)]
    for leg in legs_of(world, digest):
        assert ends.count(leg.cloid) == 1, leg
    booked = [(event.fill.venue, event.fill.tid) for event in world.events(FillSeen)]
    assert len(set(booked)) == len(booked)
    for venue in (CORE, SEAT):
        async with world.reader(venue) as reader:
            shown = await reader.fills(0)
            held = {item.coin: item.size for item in (await reader.state()).positions}
        adapter = world.local.adapter(venue)
        assert [fill.tid for fill in shown] == [tid for place, tid in booked if place == adapter]
        clients = [await world.account(client) for client in world.clients]
        owned = sum((p.size for view in clients for p in view.positions if p.venue == adapter), Decimal(0))
        assert held == {"ETH": owned}


async def attempts_at_venues(world: FundedWorld, digest: str) -> dict[str, list[int]]:
    """By venue, which attempts of the order's two legs it knows itself, of the first three that could be derived."""
    vault, raw = world.local.deployment.contracts.vault.lower(), bytes.fromhex(digest.removeprefix("0x"))
    found: dict[str, list[int]] = {}
    for venue in (CORE, SEAT):
        async with world.reader(venue) as reader:
            found[venue] = [
                attempt
                for leg, attempt in product(range(2), range(3))
                if await reader.status(client_order_id(vault, raw, leg, attempt)) is not None
            ]
    return found


async def received(world: FundedWorld) -> None:
    """Both venues have got the request to trade that was to fail."""

    async def both() -> bool:
        return not any([await world.faults_left(venue) for venue in (CORE, SEAT)])

    await world.until("the order has left", both, pause_s=0.02)


async def finish(world: FundedWorld, digest: str) -> None:
    async def closed() -> bool:
        return (await world.order_view(digest)).status in ("filled", "partial", "unfilled", "refused")

    await world.until("the order is closed", closed)


async def test_the_undisturbed_order_is_split(world: FundedWorld, undisturbed: Outcome) -> None:
    assert {venue for venue, _, _ in undisturbed.legs} == {world.local.adapter(spec.name) for spec in VENUES}
    assert sum(size for _, _, size, _ in undisturbed.positions) == SIZE
    assert sum(size for _, _, _, size, _, _ in undisturbed.fills) == SIZE
    fees = sum(fee for *_, fee in undisturbed.fills)
    assert fees > 0
    assert undisturbed.equity < undisturbed.balance == DEPOSIT


async def test_killed_while_the_order_is_on_its_way(world: FundedWorld, undisturbed: Outcome) -> None:
    """It arrives and fills at both venues after the keeper's death."""
    await world.refill_depth()
    for venue in (CORE, SEAT):
        await world.fail_next_order(venue, "delay", ON_ITS_WAY_MS)
    digest = await send(world, 1)
    await received(world)
    world.kill_keeper()
    await asyncio.sleep(ON_ITS_WAY_MS / 1000)
    assert len(legs_of(world, digest)) == 2
    assert not fills_of(world, digest)
    assert await attempts_at_venues(world, digest) == {CORE: [0], SEAT: [0]}
    await world.restart_keeper()
    await finish(world, digest)
    assert await attempts_at_venues(world, digest) == {CORE: [0], SEAT: [0]}
    assert [leg.attempt for leg in legs_of(world, digest)] == [0, 0]
    await must_be_closed_once(world, digest)
    assert await outcome(world, 1, digest) == undisturbed


async def test_killed_when_the_order_never_arrived(world: FundedWorld, undisturbed: Outcome) -> None:
    """Both venues swallowed it. That is proven after its expiry, then it is sent once more under the next id."""
    await world.refill_depth()
    for venue in (CORE, SEAT):
        await world.fail_next_order(venue, "drop_request")
    digest = await send(world, 2)
    await received(world)
    world.kill_keeper()
    assert [leg.attempt for leg in legs_of(world, digest)] == [0, 0]
    assert await attempts_at_venues(world, digest) == {CORE: [], SEAT: []}
    await world.restart_keeper()
    await finish(world, digest)
    assert sorted((leg.leg, leg.attempt) for leg in legs_of(world, digest)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    ends = {event.cloid: event.outcome for event in world.events(LegClosed)}
    assert [ends[leg.cloid] for leg in legs_of(world, digest)] == ["absent", "absent", "filled", "filled"]
    assert await attempts_at_venues(world, digest) == {CORE: [1], SEAT: [1]}
    await must_be_closed_once(world, digest)
    assert await outcome(world, 2, digest) == undisturbed
    views = [await world.account(client) for client in world.clients]
    assert len({(view.balance, view.equity, view.margin_required) for view in views}) == 1


async def commits_on_chain(world: FundedWorld) -> list[tuple[int, int]]:
    """(epoch, fence) of every Committed log that the vault has written."""
    deployment = world.local.deployment
    follower = LogFollower(
        world.local.w3, [deployment.contracts.vault], [load("PrimeVault")], from_block=deployment.startBlock
    )
    logs = await follower.fetch(deployment.startBlock, await follower.head())
    return [(int(log.args["epoch"]), int(log.args["fence"])) for log in logs if log.name == "Committed"]


async def prepared(world: FundedWorld, count: int) -> None:
    """Returns within some milliseconds of a commit's being written down, before it is sent."""
    end = time.monotonic() + 60
    while len(world.events(CommitPrepared)) <= count:
        assert time.monotonic() < end, "no commit was prepared"
        await asyncio.sleep(0.002)


async def next_commit_is_due(world: FundedWorld) -> tuple[int, int]:
    """(commits prepared so far, the epoch to come); then time passes until it is due."""
    epoch = (await world.status()).epoch + 1
    count = len(world.events(CommitPrepared))
    await world.advance(COMMIT_INTERVAL_S + 5)
    return count, epoch


async def reaches(world: FundedWorld, epoch: int) -> None:
    async def there() -> bool:
        return (await world.status()).epoch >= epoch

    await world.until(f"epoch {epoch}", there)


async def must_agree(world: FundedWorld, epoch: int) -> None:
    """One commit per epoch, and the auditor, who knows nothing of the crash, finds nothing."""
    assert (await world.status()).epoch == epoch
    assert [number for number, _ in await commits_on_chain(world)] == list(range(1, epoch + 1))
    report = await asyncio.to_thread(run_audit, world.local)
    assert report["findings"] == []
    assert report["agrees"]


async def test_killed_when_a_commit_is_prepared(world: FundedWorld, undisturbed: Outcome) -> None:
    """Written down, not sent: the restart prepares that epoch anew, and it is the only one."""
    count, epoch = len(world.events(CommitPrepared)), (await world.status()).epoch + 1
    world.kill_keeper()
    world.local.settle_by_itself = True  # the first commit is due at once
    world.local.start_keeper()
    await prepared(world, count)
    world.kill_keeper()
    await world.restart_keeper()
    await reaches(world, epoch)
    await must_agree(world, epoch)


async def a_commit_waits_for_a_block(world: FundedWorld) -> int:
    """Pauses the miner between a commit's being prepared and its block; the epoch. A block that comes first (the
    machine decides) uses up a try."""
    for _ in range(3):
        count, epoch = await next_commit_is_due(world)
        await prepared(world, count)
        pause(world.local.venues[CORE])
        await world.until("the commit has been sent", partial(is_known, world, f"commit {epoch}"), pause_s=0.01)
        if epoch not in [number for number, _ in await commits_on_chain(world)]:
            return epoch
        resume(world.local.venues[CORE])
        await reaches(world, epoch)
    raise AssertionError("no commit could be caught before its block")


async def is_known(world: FundedWorld, purpose: str) -> bool:
    """The node has the last transaction recorded for this purpose."""
    intents = [event.tx for event in world.events(TxIntent) if event.purpose == purpose]
    return bool(intents) and await world.local.chain.call("eth_getTransactionByHash", intents[-1]) is not None


async def test_killed_when_a_commit_is_sent(world: FundedWorld, undisturbed: Outcome) -> None:
    """The transaction waits for a block while the keeper dies; it lands, and no second one is made."""
    try:
        epoch = await a_commit_waits_for_a_block(world)
        world.kill_keeper()
        assert epoch not in [number for number, _ in await commits_on_chain(world)]
    finally:
        resume(world.local.venues[CORE])
    await world.restart_keeper()
    await reaches(world, epoch)
    assert len([event for event in world.events(CommitPrepared) if event.epoch == epoch]) == 1
    await must_agree(world, epoch)
    await next_commit_is_due(world)
    await reaches(world, epoch + 1)
    (_, before), (_, after) = (await commits_on_chain(world))[-2:]
    assert after > before, "the keeper that was killed could still commit"
