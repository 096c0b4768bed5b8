"""`prime audit`, a program of its own, against a living world: it agrees to the micro-dollar, and names what is done to
the records behind everybody's back."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.utils.types import Cloid

from keeper.api.views import OrderView
from keeper.audit.seat_records import fill_cash
from keeper.cli.demo import run_audit
from keeper.demo.client import Wish
from keeper.demo.local_world import CLIENT_INDEXES, TRADER_INDEX
from keeper.devkeys import key_of
from keeper.model.amounts import plain
from keeper.model.venue_records import Fill
from tests.e2e.hostile import assert_every_commit_conserves, findings_of, seat_account, seat_name, statement_of
from tests.e2e.venue_proxy import forgetful_venue
from tests.e2e.world import FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("test_audit"),
    pytest.mark.timeout(300),
]

SIZE = Decimal("0.3")
STRAY = "0x" + "5a" * 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    async with funded_world(tmp_path_factory.mktemp("audit"), deposits=(60_000, 45_000, 25_000)) as world:
        yield world


async def order(world: FundedWorld, who: int, wish: Wish) -> OrderView:
    view = await world.clients[who].order(world.local.http, wish, world.local.clock.now_ms() // 1000)
    assert (view.status, view.filled) == ("filled", wish.size), view.text
    assert [leg.outcome for leg in view.legs] == ["filled"] * len(view.legs)
    return view


async def audit(world: FundedWorld) -> dict[str, Any]:
    return await asyncio.to_thread(run_audit, world.local)


def assert_agrees(report: dict[str, Any]) -> None:
    assert report["findings"] == []
    assert report["agrees"]
    assert [line["difference"] for line in report["accounts"]] == [0, 0, 0]


async def fills_of(world: FundedWorld, name: str) -> list[Fill]:
    async with world.reader(name) as reader:
        return await reader.fills(0)


async def test_a_long_and_b_short_on_one_seat_and_a_closes_reduce_only(lived: FundedWorld) -> None:
    """The seat is flat while both hold: a venue that judged reduce-only by its net would refuse the close."""
    seat = (lived.local.adapter(seat_name(2)),)
    await order(lived, 0, Wish("BTC-PERP", "buy", SIZE, venues=seat))
    await order(lived, 1, Wish("BTC-PERP", "sell", SIZE, venues=seat))
    async with lived.reader(seat_name(2)) as reader:
        assert (await reader.state()).positions == ()
    await lived.story.commit()
    assert_agrees(await audit(lived))

    close = await order(lived, 0, Wish("BTC-PERP", "sell", SIZE, venues=seat, reduce_only=True))
    assert close.side == "sell"
    one, two = [await lived.account(client) for client in lived.clients[:2]]
    assert one.positions == ()
    assert [(position.instrument, position.size) for position in two.positions] == [("BTC-PERP", -SIZE)]
    await order(lived, 2, Wish("ETH-PERP", "buy", Decimal(6)))
    await lived.story.funding_hour()
    report = await audit(lived)
    assert_agrees(report)
    assert report["epochs"] == await assert_every_commit_conserves(lived.local)
    assert [line["fills"] > 0 for line in report["accounts"]] == [True, True, True]


def first_order(world: FundedWorld) -> tuple[int, str]:
    """The digest of the first order in a statement, and the statement's epoch."""
    statements = (statement_of(world.local, epoch) for epoch in itertools.count(1))
    statement = next(statement for statement in statements if statement["orders"])
    return statement["epoch"], statement["orders"][0]["digest"]


async def test_a_fill_removed_from_the_venue_s_record_is_named(lived: FundedWorld) -> None:
    """The first of the fills with which client 1 got long: seat, coin, broken chain, size and cash, the order short."""
    name = seat_name(2)
    seat = lived.local.adapter(name)
    removed, following = [fill for fill in await fills_of(lived, name) if fill.coin == "BTC"][:2]
    number, bought = first_order(lived)
    urls = dict(lived.local.venue_urls)
    async with forgetful_venue(urls[name], removed.tid) as url:
        lived.local.venue_urls[name] = url
        report = await audit(lived)
    lived.local.venue_urls.update(urls)

    assert not report["agrees"]
    found = findings_of(report)
    size, cash = plain(removed.signed_size), fill_cash(removed)
    assert [finding for finding in found if finding[0] == "position_chain"] == [
        (
            "position_chain",
            f"{seat} BTC trade {following.tid}",
            f"position chain broken: a fill of +{size} BTC is missing between the beginning and this one",
        )
    ]
    epoch = f"epoch {number} {seat}"
    records = "more than the venue's records come to"
    assert ("missing_size", f"{epoch} BTC", f"missing size: the mark holds +{size} BTC {records}") in found
    assert ("missing_cash", epoch, f"missing cash: the mark has {cash:+} micro-USDC {records}") in found
    short = f"order {bought} (buy {SIZE}) is short by {size}"
    assert ("order_short", f"epoch {number} sub-account 1 {seat}", short) in found
    assert_agrees(await audit(lived))


async def test_an_order_that_no_client_signed_freezes_the_seat_and_is_named(lived: FundedWorld) -> None:
    """Placed with the trader's key itself, as whoever stole it would."""
    name = seat_name(2)
    seat = lived.local.adapter(name)
    thief = await asyncio.to_thread(
        Exchange,
        Account.from_key(key_of(TRADER_INDEX)),
        lived.local.venue_urls[name],
        account_address=seat_account(lived.local, 2),
    )
    answer = await asyncio.to_thread(thief.market_open, "SOL", True, 2, None, 0.05, cloid=Cloid.from_str(STRAY))
    assert "filled" in answer["response"]["data"]["statuses"][0], answer
    strays = [fill for fill in await fills_of(lived, name) if fill.cloid == STRAY]

    async def why_frozen() -> str | None:
        return next(view.frozen for view in (await lived.status()).seats if view.venue == seat)

    async def is_frozen() -> bool:
        return await why_frozen() is not None

    await lived.until("the seat is frozen", is_frozen)
    reason = await why_frozen()
    assert reason == f"unowned fill: SOL trade {strays[0].tid}, client order id {STRAY} derives from no order"
    refused = await lived.submit(
        lived.sign(
            lived.order(lived.clients[2], instrument="SOL-PERP", size=Decimal(1), venues=(seat,)), CLIENT_INDEXES[2]
        )
    )
    assert refused.filled == 0
    assert refused.legs == ()

    found = findings_of(await audit(lived))
    assert found == [
        (
            "unowned_fill",
            f"{seat} SOL trade {fill.tid}",
            f"buy {plain(fill.size)}: its client order id {STRAY} derives from no signed order",
        )
        for fill in strays
    ]
    assert strays
