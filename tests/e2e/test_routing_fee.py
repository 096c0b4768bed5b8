"""The broker's own fee, from the keeper's setting to the recipient's account: on a real chain, and audited."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import ClassVar

import pytest
import pytest_asyncio
from eth_utils.address import to_checksum_address

from keeper.chain.calls import encode_call
from keeper.chain.vault import Contract, Vault
from keeper.cli.demo import run_audit
from keeper.demo.client import Wish
from keeper.demo.local_world import LocalWorld
from keeper.devkeys import address_of
from keeper.model.amounts import MICRO, micro_floor
from keeper.model.events import CommitPrepared, FillSeen
from tests.e2e.world import FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_routing_fee"),
    pytest.mark.timeout(300),
]

PPM = 200
DEPOSITS = (60_000, 45_000, 25_000)


class Charging(LocalWorld):
    """2 bps of each fill, while the vault lets 0.6% of equity accrue in a day."""

    limits: ClassVar[dict[str, int]] = {"feeCapPpm": 6_000, "feeRecipient": 14}
    settings: ClassVar[dict[str, int]] = {"routing_fee_ppm": PPM}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    async with funded_world(tmp_path_factory.mktemp("fee"), deposits=DEPOSITS, kind=Charging) as it:
        await it.freeze_prices()
        yield it


async def test_fees_of_fills_reach_their_recipient_and_the_auditor_agrees(world: FundedWorld) -> None:
    vault = Vault(world.local.w3, world.local.deployment.contracts.vault)
    client, other = world.clients[:2]

    await world.story.commit()
    lane = await other.lane()
    bought = await client.order(
        world.local.http, Wish("ETH-PERP", "buy", Decimal(1)), world.local.clock.now_ms() // 1000
    )
    assert bought.status == "filled", bought
    assert bought.routing_fee_ppm == PPM
    expected = sum(micro_floor(seen.fill.size * seen.fill.price * PPM / MICRO) for seen in world.events(FillSeen))
    assert expected > MICRO // 10
    await world.story.commit()
    assert (await vault.state()).fees_accrued == expected
    prepared = world.events(CommitPrepared)[-1]
    assert (prepared.fees, prepared.routing) == (expected, {client.id: expected})
    assert await other.lane() == lane, "nobody else paid"

    recipient = address_of(14)
    usdc = Contract(world.local.w3, world.local.deployment.contracts.usdc, "TestUSDC")
    held = await usdc.read("balanceOf", recipient)
    await world.local.w3.eth.wait_for_transaction_receipt(
        await world.local.w3.eth.send_transaction(
            {"from": recipient, "to": to_checksum_address(vault.address), "data": encode_call("PrimeVault", "payFees")}
        )
    )
    assert await usdc.read("balanceOf", recipient) - held == expected
    assert (await vault.state()).fees_accrued == 0
    await world.story.commit()
    report = await asyncio.to_thread(run_audit, world.local)
    assert report["findings"] == []
    assert report["agrees"]
