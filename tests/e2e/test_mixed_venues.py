"""One keeper, two kinds of venue: a Hyperliquid seat and a seat at an aster that is spoken to through ccxt."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from keeper.api.views import ReconciliationView
from keeper.demo.local_world import CLIENT_INDEXES, SEAT_INDEX, VENUES, LocalWorld, VenueSpec, check_tools
from keeper.demo.story import Story
from keeper.devkeys import key_of
from keeper.model.amounts import MICRO
from keeper.model.events import FillSeen, FundingSeen
from tests.conformance.ccxt_dialects import urls
from tests.e2e.world import FundedWorld

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_mixed"),
    pytest.mark.timeout(300),
]

DEPOSITS = (60_000, 45_000, 25_000)
COIN = "DOGE"
"""Settled every hour at both venues."""
HOUR_S = 3_600
CORE, ASTER = VENUES[0].name, "aster-seat"


class MixedWorld(LocalWorld):
    """The local world with an aster in place of its tier-2 venue. The seat's key signs, as there is no custodian."""

    specs = (VENUES[0], replace(VENUES[1], name=ASTER, dialect="aster", base_target_bps=1_000))
    coins = (COIN, "ETH")

    def reached(self, spec: VenueSpec) -> dict[str, Any]:
        if spec.dialect != "aster":
            return super().reached(spec)
        credentials = {"private_key": "PRIME_ASTER_KEY"}
        where = urls("aster", self.venue_urls[spec.name])
        return {"kind": "ccxt", "dialect": "aster", "urls": where, "credentials": credentials}

    def keeper_keys(self) -> dict[str, str]:
        return super().keeper_keys() | {"PRIME_ASTER_KEY": key_of(SEAT_INDEX)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    check_tools()
    async with MixedWorld(tmp_path_factory.mktemp("mixed")) as local:
        local.settle_by_itself = False
        await local.start_chain()
        await asyncio.to_thread(local.deploy, max(DEPOSITS) * MICRO)
        await local.start_venues()
        local.start_keeper()
        local.wait_for_all()
        story = Story(local, lambda _: None)
        it = FundedWorld(local, story)
        await it.ready()
        for client, amount in zip(story.clients, DEPOSITS, strict=True):
            await client.open(amount * MICRO)
        await story.fund_seats()
        await it.freeze_prices()
        yield it


async def book(world: FundedWorld, venue: str) -> tuple[list[list[str]], list[list[str]]]:
    """Bids and asks of the coin, straight from the venue."""
    http, url = world.local.http, world.local.venue_urls[venue]
    if venue == CORE:
        async with http.post(f"{url}/info", json={"type": "l2Book", "coin": COIN}) as answer:
            sides = (await answer.json())["levels"]
        bids, asks = ([[level["px"], level["sz"]] for level in side] for side in sides)
        return bids, asks
    async with http.get(f"{url}/fapi/v3/depth", params={"symbol": f"{COIN}USDT"}) as answer:
        found = await answer.json()
    return found["bids"], found["asks"]


def near(levels: Iterable[list[str]], best: Decimal) -> Decimal:
    """What is offered within 20 bps of the best price."""
    return sum(
        (Decimal(size) for price, size in levels if abs(Decimal(price) / best - 1) < Decimal("0.002")), Decimal(0)
    )


async def test_one_order_is_routed_filled_funded_and_reconciled_over_both_kinds(world: FundedWorld) -> None:
    core, aster = (world.local.adapter(name) for name in (CORE, ASTER))
    asks = {name: (await book(world, name))[1] for name in (CORE, ASTER)}
    best = min(Decimal(levels[0][0]) for levels in asks.values())
    size = sum(near(levels, best) for levels in asks.values()) * Decimal("0.8")
    order = world.order(
        world.clients[0],
        instrument=f"{COIN}-PERP",
        size=size.to_integral_value(ROUND_FLOOR),
        maxSlippageBps=200,
    )
    done = await world.submit(world.sign(order, CLIENT_INDEXES[0]))
    assert done.status == "filled", done
    assert {leg.venue for leg in done.legs if leg.filled} == {core, aster}
    seen = [event.fill for event in world.events(FillSeen)]
    for venue in (core, aster):
        booked = sum(fill.signed_size for fill in seen if fill.venue == venue)
        assert booked == sum(leg.filled for leg in done.legs if leg.venue == venue)

    now = world.local.clock.now_ms() // 1000
    await world.advance(HOUR_S - now % HOUR_S + 30)

    async def funded() -> bool:
        return {event.venue for event in world.events(FundingSeen) if event.paid} >= {core, aster}

    await world.until("funding of both seats is booked", funded)
    for event in world.events(FundingSeen):
        if event.paid is not None:
            held = sum(fill.signed_size for fill in seen if fill.venue == event.venue)
            assert event.seat_size == held
            assert abs(event.paid + held * event.oracle * event.rate * MICRO) <= 1

    await reconciled(world)


async def reconciled(world: FundedWorld) -> None:
    """Two looks from now on find no difference at any seat, nor on chain."""
    since = world.local.clock.now_ms()
    await world.advance(70)

    async def looked() -> bool:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "keeper", "reconcile", "--json", "--api", world.local.api),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        view = msgspec.json.decode(output, type=ReconciliationView)
        if any(seat.read_ms <= since or seat.records_read_ms <= since for seat in view.seats):
            return False
        assert not [one for seat in view.seats for one in seat.breaks], view
        assert process.returncode == 0, view
        return True

    await world.until("both seats are read and agree", looked)
