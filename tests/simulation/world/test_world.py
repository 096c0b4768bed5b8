"""Time passes alike in two venue processes, on the chain and in the clock file."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from keeper.clock import OffsetClock
from keeper.world.node import LocalChain, start_anvil
from keeper.world.processes import Processes, free_port
from keeper.world.world import World, WorldError, wait_healthy
from tests.simulation.bridge.local_chain import BRIDGE, CLIENT, CUSTODY, Chain, account, deploy_stand_ins, key


class Local:
    def __init__(self, chain: Chain, world: World, admins: list[str], clock_file: Path) -> None:
        self.chain, self.world, self.admins, self.clock_file = chain, world, admins, clock_file

    async def venue_times(self) -> list[int]:
        times = []
        async with aiohttp.ClientSession() as session:
            for admin in self.admins:
                async with session.get(admin + "/admin/state") as response:
                    times.append(int((await response.json(content_type=None))["now_ms"]))
        return times


@pytest_asyncio.fixture
async def local(tmp_path: Path) -> AsyncIterator[Local]:
    clock_file = tmp_path / "clock.json"
    with Processes(tmp_path) as processes:
        port = free_port()
        start_anvil(processes, port)
        rpc = f"http://127.0.0.1:{port}"
        async with Chain(rpc) as chain:
            contracts = await deploy_stand_ins(chain)
            names = [word for pair in contracts.names().items() for word in ("--contract", "=".join(pair))]
            ports = [free_port() for _ in range(4)]
            for name, options, env, place in (
                ("seat", [], {"PRIME_CUSTODY_KEY": key(CUSTODY)}, ports[:2]),
                ("core", ["--hypercore", "--mine"], {"PRIME_BRIDGE_KEY": key(BRIDGE)}, ports[2:]),
            ):
                command = [sys.executable, "-m", "keeper.cli.sim", "serve", "--rpc", rpc, *names, *options]
                command += ["--port", str(place[0]), "--admin-port", str(place[1]), "--clock-file", str(clock_file)]
                processes.start(name, command, env=env, port=place[1], wait=False)
            processes.wait_all()
            await chain.set_automine(False)
            admins = [f"http://127.0.0.1:{ports[1]}", f"http://127.0.0.1:{ports[3]}"]
            async with World(venue_admin_urls=admins, rpc=rpc, clock_file=clock_file) as world:
                yield Local(chain, world, admins, clock_file)


async def test_an_hour_passes_everywhere(local: Local) -> None:
    before = OffsetClock(local.clock_file).now_ms()
    started = time.monotonic()
    for _ in range(2):
        await local.world.advance(3_600)
    spent = time.monotonic() - started
    now = OffsetClock(local.clock_file).now_ms()
    assert 7_200_000 <= now - before <= 7_200_000 + spent * 1000 + 50
    for venue_ms in await local.venue_times():
        assert abs(venue_ms - now) < 500, "the venues have the same time as everybody else"
    chain_s = await local.chain.now_s()
    assert 0 <= now // 1000 - chain_s <= 2
    assert spent < 20


async def test_transactions_land_with_the_venues_ticks(local: Local) -> None:
    head = int(await local.chain.call("eth_blockNumber"), 16)
    await asyncio.sleep(1.0)
    grown = int(await local.chain.call("eth_blockNumber"), 16) - head
    assert 3 <= grown <= 6, "five ticks a second"
    fields = {"from": account(CLIENT), "to": account(1), "value": "0x1"}
    tx = await local.chain.call("eth_sendTransaction", fields)
    await asyncio.sleep(1.0)
    assert await local.chain.call("eth_getTransactionReceipt", tx) is not None


async def test_without_a_miner_the_chain_is_moved_too(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        port = free_port()
        start_anvil(processes, port)
        rpc, clock_file = f"http://127.0.0.1:{port}", tmp_path / "clock.json"
        async with World(venue_admin_urls=(), rpc=rpc, clock_file=clock_file, mined_by_venue=False) as world:
            await world.advance(86_400)
            assert 0 <= world.clock.now_ms() // 1000 - await world.chain.now_s() <= 1
            snapshot = await world.chain.snapshot()
            await world.chain.mine()
            await world.chain.revert(snapshot)


async def test_what_does_not_follow_is_named(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9"
    async with World(venue_admin_urls=[dead], rpc=dead, clock_file=tmp_path / "clock.json") as world:
        with pytest.raises(WorldError, match="/admin/advance: no answer"):
            await world.advance(1)
    assert not (tmp_path / "clock.json").exists()
    with pytest.raises(WorldError, match="not healthy"):
        await wait_healthy(dead, deadline_s=0.2)


async def test_a_block_may_share_its_parents_time(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        port = free_port()
        start_anvil(processes, port, start_s=1_800_000_000)
        async with LocalChain(f"http://127.0.0.1:{port}") as chain:
            for stamp in (1_800_000_005, 1_800_000_005, 1_800_000_006):
                await chain.mine(stamp)
                assert await chain.now_s() == stamp
