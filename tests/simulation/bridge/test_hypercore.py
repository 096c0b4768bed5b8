"""The bridge against a real anvil: what contracts read, write, send and get back."""

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from eth_abi.abi import decode, encode

from keeper.clock import TestClock
from keeper.errors import ChainError, ConfigError
from keeper.venues.simulated.bridge import ChainLink, attach
from keeper.venues.simulated.bridge.actions import SPOT_DEX, USDC_SYSTEM
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.orders import OrderRequest, TimeInForce
from tests.simulation.bridge.local_chain import (
    BRIDGE,
    CLIENT,
    CORE_WRITER,
    USDC,
    Chain,
    Contracts,
    account,
    key,
)

ME = account(CLIENT)
TICK_MS = 200


class Joined:
    """A venue, its link, the chain and the hand that steps them."""

    def __init__(self, venue: Venue, clock: TestClock, link: ChainLink, chain: Chain) -> None:
        self.venue, self.clock, self.link, self.chain = venue, clock, link, chain

    async def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(TICK_MS)
            self.venue.step(self.clock.now_ms())
            await self.link.tick()

    async def until(self, condition: Callable[[], bool], ticks: int = 10) -> int:
        for count in range(ticks):
            if condition():
                return count
            await self.tick()
        raise AssertionError(f"not within {ticks} ticks; {await self.chain.summary()}")


@pytest_asyncio.fixture
async def joined(venue: Venue, clock: TestClock, chain: Chain, contracts: Contracts) -> AsyncIterator[Joined]:
    options = ChainOptions(
        rpc=chain.url,
        hypercore=True,
        bridge_key=key(BRIDGE),
        mine=True,
        contracts=contracts.names() | {"hyperCoreVenue": ME},
    )
    link = attach(venue, options)
    await link.start()
    await chain.set_automine(False)
    yield Joined(venue, clock, link, chain)
    await link.close()


async def deposit(chain: Chain, contracts: Contracts, amount: int, dex: int = SPOT_DEX) -> None:
    await chain.transact(CLIENT, contracts.usdc, "approve(address,uint256)", contracts.wallet, amount)
    await chain.transact(CLIENT, contracts.wallet, "deposit(uint256,uint32)", amount, dex)


async def act(chain: Chain, action: int, types: list[str], *values: object, sender: int = CLIENT) -> None:
    payload = b"\x01" + action.to_bytes(3, "big") + encode(types, values)
    await chain.transact(sender, CORE_WRITER, "sendRawAction(bytes)", payload)


async def spot(chain: Chain, block: str = "latest") -> int:
    answer = await chain.read(f"0x{0x801:040x}", encode(["address", "uint64"], [ME, 0]), block)
    return int(decode(["uint64", "uint64", "uint64"], answer)[0])


async def funded(joined: Joined, chain: Chain, contracts: Contracts, amount: int) -> None:
    await deposit(chain, contracts, amount)
    await joined.until(lambda: joined.venue.user_exists(ME))
    await act(chain, 7, ["uint64", "bool"], amount - 10 * USDC, True)
    await joined.until(lambda: joined.venue.account_value(ME) > 0)
    await joined.tick()


async def test_deposit_is_credited_late_and_shown_by_precompile(
    joined: Joined, chain: Chain, contracts: Contracts
) -> None:
    await joined.tick()
    exists = f"0x{0x810:040x}"
    assert int.from_bytes(await chain.read(exists, encode(["address"], [ME])), "big") == 0
    await deposit(chain, contracts, 100 * USDC)
    ticks = await joined.until(lambda: joined.venue.user_exists(ME))
    assert ticks >= 3, "one to be mined, two of delay"
    assert await spot(chain) == 99 * USDC * 100, "1 USDC is the activation"
    assert int.from_bytes(await chain.read(exists, encode(["address"], [ME])), "big") == 1


async def test_answers_equal_the_venue(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 50_000 * USDC)
    btc = next(spec for spec in joined.venue.assets if spec.coin == "BTC")
    price = joined.venue.market(btc.index).best()[1] * 101 // 100
    price -= price % btc.unit
    lots = 10**btc.size_decimals // 10
    joined.venue.place(ME, OrderRequest(btc, True, price, lots, TimeInForce.IOC, reduce_only=False))
    await joined.tick()
    venue = joined.venue

    who_asset = encode(["address", "uint16"], [ME, btc.index])
    struct = ["int64", "uint64", "int64", "uint32", "bool"]
    position = decode(struct, await chain.read(f"0x{0x800:040x}", who_asset))
    held = venue.position(ME, btc.index)
    assert held is not None
    assert position == (lots, held.entry_ntl, 0, held.leverage, False)
    assert decode(struct, await chain.read(f"0x{0x813:040x}", who_asset)) == position
    summary = decode(
        ["int64", "uint64", "uint64", "int64"],
        await chain.read(f"0x{0x80F:040x}", encode(["uint32", "address"], [0, ME])),
    )
    assert summary == (venue.account_value(ME), venue.margin_used(ME), venue.notional(ME), venue.raw_usd(ME))
    for number, expected in (
        (0x806, venue.mark_px(btc.index)),
        (0x807, venue.oracle_px(btc.index)),
    ):
        assert int.from_bytes(await chain.read(f"0x{number:040x}", encode(["uint32"], [btc.index])), "big") == expected
    assert int.from_bytes(await chain.read(f"0x{0x803:040x}", encode(["address"], [ME])), "big") == venue.withdrawable(
        ME
    )
    assert int.from_bytes(await chain.read(f"0x{0x809:040x}", b""), "big") == venue.block


async def test_asset_info_has_the_decimals_of_size(joined: Joined, chain: Chain) -> None:
    await joined.tick()
    for spec in joined.venue.assets:
        answer = await chain.read(f"0x{0x80A:040x}", encode(["uint32"], [spec.index]))
        info = decode(["(string,uint32,uint8,uint8,bool)"], answer)[0]
        assert info == (spec.coin, spec.margin_table, spec.size_decimals, spec.max_leverage, False)


ORDER = ["uint32", "bool", "uint64", "uint64", "bool", "uint8", "uint128"]


async def test_orders_land_after_seconds_and_bad_ones_never(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 50_000 * USDC)
    venue = joined.venue
    btc = next(spec for spec in venue.assets if spec.coin == "BTC")
    dollars = venue.market(btc.index).best()[1] // btc.unit
    size = 10**8 // 10  # 0.1 BTC
    above, below = (dollars + 1_000) * 10**8, (dollars - 5_000) * 10**8
    for values in (
        (btc.index, True, above + 1, size, False, 3, 1),  # off tick
        (btc.index, True, above, 1, False, 3, 2),  # off lot
        (btc.index, True, above, size, True, 3, 3),  # nothing to reduce
        (btc.index, True, above, size, False, 4, 4),  # no such time in force
        (9_999, True, above, size, False, 3, 5),
    ):
        await act(chain, 1, ORDER, *values)
    await joined.tick(20)
    assert venue.position(ME, btc.index) is None

    await act(chain, 1, ORDER, btc.index, True, above, size, False, 3, 6)
    await joined.tick(10)
    assert venue.position(ME, btc.index) is None, "orders wait longer than transfers"
    await joined.until(lambda: venue.position(ME, btc.index) is not None, ticks=20)
    held = venue.position(ME, btc.index)
    assert held is not None
    assert held.szi == 10**btc.size_decimals // 10
    await act(chain, 1, ORDER, btc.index, False, below, 2 * size, True, 3, 7)
    await joined.until(lambda: not venue.state.account(ME).size(btc.index), ticks=20)


async def test_resting_orders_are_cancelled_by_either_number(
    joined: Joined, chain: Chain, contracts: Contracts
) -> None:
    await funded(joined, chain, contracts, 50_000 * USDC)
    venue = joined.venue
    btc = next(spec for spec in venue.assets if spec.coin == "BTC")
    low = (venue.market(btc.index).best()[0] // btc.unit // 2) * 10**8
    orders = venue.state.account(ME).open_orders
    for cloid in (8, 9):
        await act(chain, 1, ORDER, btc.index, True, low, 10**7, False, 2, cloid)
    await joined.until(lambda: len(orders) == 2, ticks=25)
    await act(chain, 11, ["uint32", "uint128"], btc.index, 8)
    await joined.until(lambda: len(orders) == 1)
    await act(chain, 10, ["uint32", "uint64"], btc.index, next(iter(orders)))
    await joined.until(lambda: not orders)


async def test_unknown_input_fails(joined: Joined, chain: Chain) -> None:
    await joined.tick()
    with pytest.raises(ChainError):
        await chain.read(f"0x{0x806:040x}", encode(["uint32"], [9_999]))


async def test_past_blocks_keep_their_answers(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await deposit(chain, contracts, 100 * USDC)
    await joined.until(lambda: joined.venue.user_exists(ME))
    before = await chain.call("eth_blockNumber")
    await deposit(chain, contracts, 7 * USDC)
    await joined.until(lambda: joined.venue.spot_wei(ME) == 106 * USDC * 100, ticks=20)
    await joined.tick()
    assert await spot(chain, before) == 99 * USDC * 100
    assert await spot(chain) == 106 * USDC * 100


async def test_withdrawal_goes_out_through_the_wallet(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 100 * USDC)
    left = joined.venue.spot_wei(ME)
    held = await chain.balance(contracts.usdc, ME)
    fields = ["address", "address", "uint32", "uint32", "uint64", "uint64"]
    await act(chain, 13, fields, USDC_SYSTEM, "0x" + "0" * 40, SPOT_DEX, SPOT_DEX, 0, 4 * USDC * 100)
    await joined.tick(4)
    assert joined.venue.spot_wei(ME) == left - 4 * USDC * 100
    assert await chain.balance(contracts.usdc, ME) == held + 4 * USDC
    await joined.tick(3)
    assert await chain.balance(contracts.usdc, ME) == held + 4 * USDC, "paid once"


async def test_agent_and_mode(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 100 * USDC)
    agent = account(20)
    await act(chain, 9, ["address", "string"], agent, "perp-prime")
    await act(chain, 16, ["address", "uint8"], ME, 1)
    now = joined.clock.now_ms
    await joined.until(lambda: joined.venue.agents.find(agent, now()) is not None)
    await joined.until(lambda: joined.venue.state.account(ME).abstraction == 1)


async def test_invalid_actions_vanish(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 100 * USDC)
    before = joined.venue.account_value(ME), joined.venue.spot_wei(ME)
    await act(chain, 7, ["uint64", "bool"], 10**12, True)
    await act(chain, 16, ["address", "uint8"], account(BRIDGE), 1)
    await act(chain, 9, ["address", "string"], account(20), "a name that is far too long")
    await act(chain, 99, ["uint64"], 1)
    await act(chain, 7, ["uint64", "bool"], 1, True, sender=CLIENT + 1)
    await joined.tick(4)
    assert (joined.venue.account_value(ME), joined.venue.spot_wei(ME)) == before
    assert not joined.venue.agents.of(ME, joined.clock.now_ms())


async def test_blocks_follow_business_time(joined: Joined, chain: Chain) -> None:
    await joined.tick()
    head = int(await chain.call("eth_blockNumber"), 16)
    await joined.tick(10)
    assert int(await chain.call("eth_blockNumber"), 16) == head + 10, "one block a tick"
    assert await chain.now_s() == joined.clock.now_ms() // 1000
    joined.clock.advance(3_600_000)
    await joined.tick()
    assert await chain.now_s() == joined.clock.now_ms() // 1000


async def test_a_tick_is_cheap(joined: Joined, chain: Chain, contracts: Contracts) -> None:
    await funded(joined, chain, contracts, 100 * USDC)
    started, count = time.process_time(), 20
    for _ in range(count):
        joined.clock.advance(TICK_MS)
        joined.venue.step(joined.clock.now_ms())
    stepping = time.process_time() - started
    await joined.tick(count)
    ours = (time.process_time() - started - 2 * stepping) / count
    assert ours < 0.04, "seconds of CPU per tick of the link"


async def test_a_node_that_goes_away_loses_nothing(
    joined: Joined, chain: Chain, contracts: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await joined.tick()
    await deposit(chain, contracts, 100 * USDC)
    await joined.tick()
    node = joined.link._node
    with monkeypatch.context() as patch:
        patch.setattr(node, "url", "http://127.0.0.1:9")
        await joined.tick(3)
        assert not joined.venue.user_exists(ME)
    await joined.until(lambda: joined.venue.user_exists(ME))
    await joined.tick(2)
    assert await spot(chain) == 99 * USDC * 100


async def test_start_names_what_is_wrong(venue: Venue) -> None:
    with pytest.raises(ConfigError, match="PRIME_BRIDGE_KEY"):
        attach(venue, ChainOptions(rpc="http://127.0.0.1:9", hypercore=True))
    with pytest.raises(ConfigError, match="coreState"):
        attach(venue, ChainOptions(rpc="http://127.0.0.1:9", hypercore=True, bridge_key=key(BRIDGE)))
    link = attach(venue, ChainOptions(rpc="http://127.0.0.1:9", custody_key=key(BRIDGE), contracts={"usdc": ME}))
    with pytest.raises(ChainError, match="start it"):
        await link.tick()
    await link.close()
