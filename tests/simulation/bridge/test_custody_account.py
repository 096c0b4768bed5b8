"""A venue's custody account against a real anvil: transfers in are credited, withdrawals are paid once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from keeper.clock import TestClock
from keeper.errors import ChainError
from keeper.venues.simulated.bridge import ChainLink, attach
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.engine import Venue
from tests.simulation.bridge.local_chain import CLIENT, CUSTODY, MASTER, OWNER, USDC, Chain, Contracts, account, key

SEAT = account(MASTER)
FROM = account(CLIENT)


@pytest_asyncio.fixture
async def link(venue: Venue, chain: Chain, contracts: Contracts) -> AsyncIterator[ChainLink]:
    options = ChainOptions(
        rpc=chain.url, custody_key=key(CUSTODY), deposits=((FROM, SEAT),), contracts=contracts.names()
    )
    link = attach(venue, options)
    yield link
    await link.close()


async def ticks(venue: Venue, clock: TestClock, link: ChainLink, count: int) -> None:
    for _ in range(count):
        clock.advance(200)
        venue.step(clock.now_ms())
        await link.tick()


async def pay_in(chain: Chain, contracts: Contracts, sender: int, amount: int) -> str:
    receipt = await chain.transact(sender, contracts.usdc, "transfer(address,uint256)", account(CUSTODY), amount)
    tx: str = receipt["transactionHash"]
    return tx


async def test_transfers_are_credited_to_the_mapped_account(
    venue: Venue, clock: TestClock, link: ChainLink, chain: Chain, contracts: Contracts
) -> None:
    tx = await pay_in(chain, contracts, CLIENT, 1_000 * USDC)
    await ticks(venue, clock, link, 2)
    assert not venue.user_exists(SEAT), "not before two ticks have passed"
    await ticks(venue, clock, link, 1)
    assert venue.account_value(SEAT) == 1_000 * USDC
    row = venue.state.account(SEAT).ledger[-1]
    assert row.hash == tx
    assert not venue.user_exists(FROM)


async def test_an_unknown_sender_is_credited_itself_until_it_is_mapped(
    venue: Venue, clock: TestClock, link: ChainLink, chain: Chain, contracts: Contracts
) -> None:
    await chain.transact(OWNER, contracts.usdc, "mint(address,uint256)", account(12), 100 * USDC)
    await pay_in(chain, contracts, 12, 40 * USDC)
    await ticks(venue, clock, link, 4)
    assert venue.account_value(account(12)) == 40 * USDC
    assert link.custody is not None
    link.custody.map_deposits([(account(12), SEAT)])
    await pay_in(chain, contracts, 12, 60 * USDC)
    await ticks(venue, clock, link, 4)
    assert venue.account_value(SEAT) == 60 * USDC


async def test_withdrawals_are_paid_once_and_net(
    venue: Venue, clock: TestClock, link: ChainLink, chain: Chain, contracts: Contracts
) -> None:
    await pay_in(chain, contracts, CLIENT, 1_000 * USDC)
    await ticks(venue, clock, link, 4)
    home = account(25)
    venue.withdraw(SEAT, home, 101 * USDC, clock.now_ms())
    venue.withdraw(SEAT, home, 11 * USDC, clock.now_ms() + 1)
    await ticks(venue, clock, link, 6)
    assert await chain.balance(contracts.usdc, home) == 110 * USDC, "1 USDC of each is the venue's fee"
    assert venue.conservation().difference == 0


async def test_a_payment_the_chain_refuses_is_made_later(
    venue: Venue, clock: TestClock, link: ChainLink, chain: Chain, contracts: Contracts
) -> None:
    venue.deposit(SEAT, 200 * USDC, to_spot=False, hash="0x00")
    balance = await chain.balance(contracts.usdc, account(CUSTODY))
    await chain.transact(CUSTODY, contracts.usdc, "transfer(address,uint256)", FROM, balance)
    venue.withdraw(SEAT, account(25), 101 * USDC, clock.now_ms())
    await ticks(venue, clock, link, 3)
    assert await chain.balance(contracts.usdc, account(25)) == 0
    await chain.transact(OWNER, contracts.usdc, "mint(address,uint256)", account(CUSTODY), 200 * USDC)
    await ticks(venue, clock, link, 60)
    assert await chain.balance(contracts.usdc, account(25)) == 100 * USDC, "once"


async def test_a_lost_answer_does_not_pay_twice(
    venue: Venue,
    clock: TestClock,
    link: ChainLink,
    chain: Chain,
    contracts: Contracts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await pay_in(chain, contracts, CLIENT, 1_000 * USDC)
    await ticks(venue, clock, link, 4)
    call = link._node.call

    async def deaf(method: str, *parameters: object) -> object:
        answer = await call(method, *parameters)
        if method == "eth_sendRawTransaction":
            raise ChainError("rpc: the answer was lost")
        return answer

    venue.withdraw(SEAT, account(25), 101 * USDC, clock.now_ms())
    with monkeypatch.context() as patch:
        patch.setattr(link._node, "call", deaf)
        await ticks(venue, clock, link, 2)
    await ticks(venue, clock, link, 4)
    assert await chain.balance(contracts.usdc, account(25)) == 100 * USDC
