"""A seat as in the local world: anvil, the real contracts, a simulated venue behind sockets with a custody account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from eth_abi.abi import decode

from keeper.attest.server import AttestorOptions, run
from keeper.attest.typed import Proposal
from keeper.clock import LiveClock
from keeper.model.marks import MarkSheet, SheetLine
from keeper.venues.simulated.bridge import ChainLink, attach
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.engine import EngineOptions, Venue
from keeper.venues.simulated.orders import OrderRequest, TimeInForce
from keeper.venues.simulated.server.app import serve
from keeper.venues.simulated.server.world import World
from keeper.venues.simulated.tape.recording import load
from keeper.world.processes import free_port
from tests.simulation.bridge.local_chain import (
    CUSTODY,
    MASTER,
    OWNER,
    Chain,
    Contracts,
    account,
    call_data,
    deploy_stand_ins,
    key,
    running_chain,
)

ATTESTORS = (4, 5, 6)
KEEPERS = (2, 3)
CURATOR = 1
CHAIN_ID = 31337


class SeatWorld:
    """Everything a test of attestors or custodians asks for."""

    def __init__(self, chain: Chain, contracts: Contracts, world: World, port: int, names: dict[str, str]) -> None:
        self.chain, self.contracts, self.world, self.names = chain, contracts, world, names
        self.venue_url = f"http://127.0.0.1:{port}"
        self.master = account(MASTER)
        self.attestor_urls: list[str] = []

    @property
    def venue(self) -> Venue:
        return self.world.venue

    @property
    def seat(self) -> str:
        return self.names["seat"]

    async def send(self, amount: int) -> None:
        """As the vault's send: USDC to the seat contract, which forwards it to the venue."""
        await self.chain.transact(OWNER, self.contracts.usdc, "mint(address,uint256)", self.names["vault"], amount)
        await self.chain.transact(
            self.names["vault"], self.contracts.usdc, "transfer(address,uint256)", self.seat, amount
        )
        await self.chain.transact(self.names["vault"], self.seat, "send(uint64)", amount)

    async def cut_off(self) -> ChainLink | None:
        """The venue sees no new block from here on, and pays nothing out: a step that was under way has ended. Gives
        back what joined the two."""
        async with self.world._stepping:
            link, self.world.link = self.world.link, None
        return link

    async def until(self, condition: Any, timeout_s: float = 10.0) -> None:
        """Waits for a condition, which may be a coroutine function."""
        async with asyncio.timeout(timeout_s):
            while True:
                answer = condition()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.02)

    async def funded(self, amount: int) -> None:
        before = self.venue.account_value(self.master)
        await self.send(amount)
        await self.until(lambda: self.venue.account_value(self.master) >= before + amount)

    def trade(self, coin: str, size: str, *, buy: bool) -> None:
        spec = next(spec for spec in self.venue.assets if spec.coin == coin)
        bid, ask = self.venue.market(spec.index).best()
        price = ask * 102 // 100 if buy else bid * 98 // 100
        price -= price % spec.unit
        lots = int(Decimal(size) * 10**spec.size_decimals)
        self.venue.place(self.master, OrderRequest(spec, buy, price, lots, TimeInForce.IOC, reduce_only=False))

    async def next_second(self) -> int:
        """Waits for the next full second of business time; returns it. What was done before lies before it."""
        target = self.venue.now_ms() // 1000 + 1
        await self.until(lambda: self.venue.now_ms() > target * 1000)
        return target

    def sheet(self, as_of: int) -> MarkSheet:
        """The seat now, by the engine's own state."""
        lines = []
        for spec in sorted(self.venue.assets, key=lambda spec: spec.coin):
            position = self.venue.position(self.master, spec.index)
            if position is not None:
                size = Decimal(position.szi).scaleb(-spec.size_decimals)
                mark = Decimal(self.venue.mark_px(spec.index)).scaleb(spec.size_decimals - 6)
                lines.append(SheetLine(coin=spec.coin, size=size, mark=mark))
        cash = self.venue.raw_usd(self.master) + self.venue.spot_wei(self.master) // 100
        return MarkSheet(venue=self.seat, as_of=as_of, cash=cash, lines=tuple(lines))

    async def proposal(self) -> Proposal:
        """A true one, of the last full second."""
        as_of = await self.next_second()
        sent = int.from_bytes(await self.chain.read(self.seat, call_data("sentTotal()")), "big")
        nonce = int.from_bytes(await self.chain.read(self.seat, call_data("lastNonce()")), "big")
        returned = int.from_bytes(await self.chain.read(self.seat, call_data("returnedTotal()")), "big")
        sheet = self.sheet(as_of)
        return Proposal(sheet=sheet, nonce=sheet.nonce(nonce), received=sent, returned=returned)

    async def observe(self, attestation: bytes) -> int:
        """The value that the real SeatVenue takes from an attestation; uses it up."""
        await self.chain.mine()
        data = call_data("observe(bytes)", attestation)
        call = {"from": self.names["vault"], "to": self.seat, "data": "0x" + data.hex()}
        answer = bytes.fromhex((await self.chain.call("eth_call", call, "latest"))[2:])
        await self.chain.transact(self.names["vault"], self.seat, "observe(bytes)", attestation)
        return int(decode(["int128", "uint64", "uint64", "bytes32"], answer)[0])


@asynccontextmanager
async def seat_world(logs: Path) -> AsyncIterator[SeatWorld]:
    """The chain mines at once here; the venue steps by itself every 200 ms."""
    async for chain in running_chain(logs):
        contracts = await deploy_stand_ins(chain)
        vault = await chain.deploy(
            "PrimeVault",
            ["address", "address", "address", "address[]"],
            contracts.usdc,
            account(OWNER),
            account(CURATOR),
            [account(index) for index in KEEPERS],
        )
        attestor = await chain.deploy(
            "Attestor", ["address", "address[]", "uint256"], vault, [account(index) for index in ATTESTORS], 2
        )
        seat = await chain.deploy(
            "SeatVenue", ["address"] * 5, vault, contracts.usdc, attestor, account(MASTER), account(CUSTODY)
        )
        await chain.call("anvil_impersonateAccount", vault)
        await chain.call("anvil_setBalance", vault, hex(10**20))
        world = World(load(), LiveClock(), EngineOptions())
        link = attach(
            world.venue,
            ChainOptions(
                rpc=chain.url,
                custody_key=key(CUSTODY),
                deposits=((seat, account(MASTER)),),
                contracts=contracts.names(),
            ),
        )
        world.link = link
        port = free_port()
        serving = asyncio.create_task(serve(world, "127.0.0.1", port, None))
        try:
            yield SeatWorld(chain, contracts, world, port, {"vault": vault, "attestor": attestor, "seat": seat})
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            await link.close()


@asynccontextmanager
async def attestors(world: SeatWorld, indices: tuple[int, ...] = ATTESTORS) -> AsyncIterator[list[str]]:
    """That many attestors, each on its own port; ready when each has prices."""
    tasks, urls = [], []
    for index in indices:
        options = AttestorOptions(
            port=free_port(),
            rpc=world.chain.url,
            vault=world.names["vault"],
            seat_venue=world.seat,
            venue_url=world.venue_url,
            poll_ms=150,
            weight_per_minute=1_000_000,
        )
        tasks.append(asyncio.create_task(run(options, key(index))))
        urls.append(f"http://127.0.0.1:{options.port}")
    try:
        for url, task in zip(urls, tasks, strict=True):
            await world.until(lambda url=url, task=task: healthy(url, task))
        yield urls
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def healthy(url: str, task: "asyncio.Task[None]") -> bool:
    if task.done():
        task.result()
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(url + "/healthz") as response:
            return response.status == 200
    return False
