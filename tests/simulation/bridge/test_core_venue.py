"""The real HyperCoreVenue contract over the bridge: set up, funded, its trader enrolled, and its money brought home."""

from collections.abc import AsyncIterator

import pytest_asyncio
from eth_abi.abi import decode

from keeper.clock import TestClock
from keeper.venues.simulated.bridge import attach
from keeper.venues.simulated.bridge.actions import SPOT_DEX
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.engine import Venue
from tests.simulation.bridge.local_chain import (
    BRIDGE,
    CLIENT,
    CORE_WRITER,
    OWNER,
    USDC,
    Chain,
    Contracts,
    account,
    call_data,
    key,
)

CURATOR, KEEPER, TRADER = 1, 2, 10


class CoreSeat:
    """A vault's HyperCoreVenue, and the hands that move everything around it."""

    def __init__(self, chain: Chain, contracts: Contracts, venue: Venue, clock: TestClock) -> None:
        self.chain, self.contracts, self.venue, self.clock = chain, contracts, venue, clock
        self.vault = self.address = ""

    async def deploy(self) -> None:
        self.vault = await self.chain.deploy(
            "PrimeVault",
            ["address", "address", "address", "address[]"],
            self.contracts.usdc,
            account(OWNER),
            account(CURATOR),
            [account(KEEPER), account(KEEPER + 1)],
        )
        self.address = await self.chain.deploy(
            "HyperCoreVenue", ["address"] * 4, self.vault, self.contracts.usdc, self.contracts.wallet, CORE_WRITER
        )
        await self.chain.call("anvil_impersonateAccount", self.vault)
        await self.chain.call("anvil_setBalance", self.vault, hex(10**20))
        await self.chain.transact(
            CLIENT, self.contracts.usdc, "approve(address,uint256)", self.contracts.wallet, USDC * 10
        )
        options = ChainOptions(
            rpc=self.chain.url,
            hypercore=True,
            bridge_key=key(BRIDGE),
            mine=True,
            contracts=self.contracts.names() | {"hyperCoreVenue": self.address},
        )
        self.link = attach(self.venue, options)
        await self.link.start()
        await self.chain.set_automine(False)
        await self.tick(2)

    async def tick(self, count: int = 6, step_ms: int = 200) -> None:
        for _ in range(count):
            self.clock.advance(step_ms)
            self.venue.step(self.clock.now_ms())
            await self.link.tick()

    async def do(self, sender: int | str, to: str, signature: str, *values: object) -> None:
        """A transaction, mined with the next tick, and what it sets off."""
        await self.chain.transact(sender, to, signature, *values)
        await self.tick()

    async def flag(self, name: str) -> bool:
        return bool(int.from_bytes(await self.chain.read(self.address, call_data(name + "()")), "big"))

    async def equity(self) -> int:
        return int(decode(["int64", "uint64"], await self.chain.read(self.address, call_data("equity()")))[0])


@pytest_asyncio.fixture
async def seat(chain: Chain, contracts: Contracts, venue: Venue, clock: TestClock) -> AsyncIterator[CoreSeat]:
    seat = CoreSeat(chain, contracts, venue, clock)
    await seat.deploy()
    yield seat
    await seat.link.close()


async def test_from_activation_to_money_home(seat: CoreSeat) -> None:
    keeper, venue, here = KEEPER, seat.venue, seat.address
    await seat.do(CLIENT, seat.contracts.wallet, "depositFor(address,uint256,uint32)", here, 2 * USDC, SPOT_DEX)
    assert venue.spot_wei(here) == USDC * 100, "1 of 2 USDC went for the activation"

    await seat.do(keeper, here, "setUp()")
    assert venue.state.account(here).abstraction == 1

    await seat.do(CURATOR, here, "approveTrader(address)", account(TRADER))
    until = seat.clock.now_ms() // 1000 + 6 * 86_400
    await seat.do(keeper, here, "authorizeTrader(address,uint40)", account(TRADER), until)
    agent = venue.agents.find(account(TRADER), venue.now_ms())
    assert agent is not None
    assert agent.account == here

    usdc = seat.contracts.usdc
    await seat.do(OWNER, usdc, "mint(address,uint256)", here, 1_000 * USDC)
    await seat.do(seat.vault, here, "send(uint64)", 1_000 * USDC)
    assert not await seat.flag("quiet")
    await seat.do(CLIENT, here, "confirm()")
    assert await seat.equity() == 1_001 * USDC
    await seat.do(keeper, here, "toPerp(uint64)", 900 * USDC)
    assert venue.account_value(here) == 900 * USDC
    assert await seat.equity() == 1_001 * USDC
    await seat.tick(1, step_ms=61_000)
    await seat.tick(3)
    assert await seat.flag("quiet")

    await seat.do(seat.vault, here, "recall(uint64)", 500 * USDC)
    assert venue.account_value(here) == 900 * USDC - (500 - 96) * USDC, "what spot lacks, but for a reserve of 5"
    await seat.do(seat.vault, here, "advance()")
    assert await seat.chain.balance(usdc, here) == 500 * USDC
    await seat.do(seat.vault, here, "collect()")
    assert await seat.chain.balance(usdc, seat.vault) == 500 * USDC
    assert await seat.equity() == 501 * USDC
    await seat.tick(1, step_ms=61_000)
    await seat.tick(3)
    assert await seat.flag("quiet")
    assert venue.conservation().difference == 0
