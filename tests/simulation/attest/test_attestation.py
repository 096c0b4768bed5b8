"""Three attestors, the real contracts and a venue: a true sheet is signed with one of them down, a false one is not."""

from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
from eth_abi.abi import decode, encode

from keeper.attest.client import TooFewSignatures, collect
from keeper.attest.typed import Proposal, attestation_of, digest
from keeper.model.marks import MarkSheet, SheetLine
from tests.simulation.attest.seat_world import CHAIN_ID, SeatWorld, attestors
from tests.simulation.bridge.local_chain import CLIENT, CUSTODY, USDC, account, call_data

DEAD = "http://127.0.0.1:9"


async def ask(world: SeatWorld, urls: list[str], proposal: Proposal) -> tuple[bytes, Any]:
    return await collect(
        urls, proposal, 2, chain_id=CHAIN_ID, vault=world.names["vault"], attestor=world.names["attestor"]
    )


async def refused(world: SeatWorld, urls: list[str], proposal: Proposal) -> set[str]:
    """The fields the attestors name; fails if enough of them sign."""
    with pytest.raises(TooFewSignatures) as caught:
        await ask(world, urls, proposal)
    return {str(refusal.get("field")) for refusal in caught.value.refusals.values()}


def with_sheet(proposal: Proposal, **changes: Any) -> Proposal:
    return msgspec.structs.replace(proposal, sheet=msgspec.structs.replace(proposal.sheet, **changes))


def with_line(proposal: Proposal, number: int, **changes: Any) -> Proposal:
    lines = list(proposal.sheet.lines)
    lines[number] = msgspec.structs.replace(lines[number], **changes)
    return with_sheet(proposal, lines=tuple(lines))


async def test_two_of_three_are_enough_and_the_contract_agrees(world: SeatWorld) -> None:
    await world.funded(50_000 * USDC)
    world.trade("BTC", "0.2", buy=True)
    world.trade("ETH", "3", buy=False)
    async with attestors(world, (4, 6)) as urls:
        proposal = await world.proposal()
        assert [line.coin for line in proposal.sheet.lines] == ["BTC", "ETH"]
        attestation, refusals = await ask(world, [DEAD, *urls], proposal)
        assert await world.observe(attestation) == proposal.sheet.equity
        assert set(refusals) <= {DEAD}
        assert "no answer" in refusals[DEAD]["reason"]

        world.trade("BTC", "0.05", buy=False)
        again = await world.proposal()
        assert again.nonce == again.sheet.as_of > proposal.nonce
        sol = next(spec for spec in world.venue.assets if spec.coin == "SOL")
        mark = Decimal(world.venue.mark_px(sol.index)).scaleb(sol.size_decimals - 6)
        flat = SheetLine(coin="SOL", size=Decimal(0), mark=mark)
        again = with_sheet(again, lines=(*again.sheet.lines, flat))
        attestation, _ = await ask(world, urls, again)
        assert await world.observe(attestation) == again.sheet.equity, "a coin whose net is nought may be named"


async def test_a_false_sheet_is_not_signed(world: SeatWorld) -> None:
    await world.funded(50_000 * USDC)
    world.trade("BTC", "0.2", buy=True)
    world.trade("ETH", "3", buy=True)
    async with attestors(world) as urls:
        good = await world.proposal()
        sheet, btc = good.sheet, good.sheet.lines[0]
        off_market = (btc.mark * Decimal("1.0016")).quantize(Decimal(1))
        false: list[tuple[str, Proposal]] = [
            ("sheet.cash", with_sheet(good, cash=sheet.cash + 1)),
            ("sheet.cash", with_sheet(good, cash=sheet.cash - 1)),
            ("sheet.lines.BTC.size", with_line(good, 0, size=btc.size + Decimal("0.00001"))),
            ("sheet.lines.BTC.size", with_sheet(good, lines=sheet.lines[1:])),
            ("sheet.lines.BTC.mark", with_line(good, 0, mark=off_market)),
            ("sheet.lines", with_sheet(good, lines=sheet.lines[::-1])),
            ("sheet.venue", with_sheet(good, venue=account(CLIENT))),
            ("sheet.asOf", with_sheet(good, as_of=sheet.as_of + 60)),
            ("sheet.asOf", with_sheet(good, as_of=sheet.as_of - 90)),
            ("received", msgspec.structs.replace(good, received=good.received + 1)),
            ("returned", msgspec.structs.replace(good, returned=good.returned + 1)),
            ("nonce", msgspec.structs.replace(good, nonce=good.nonce + 1)),
        ]
        for field, proposal in false:
            assert await refused(world, urls, proposal) == {field}, f"{field} was to be named"
        attestation, _ = await ask(world, urls, good)
        other = with_line(good, 0, mark=btc.mark + 1)
        assert "sheet" in await refused(world, urls, other), "one instant has one value"
        assert await world.observe(attestation) == sheet.equity


async def test_money_on_its_way_blocks_the_attestation(world: SeatWorld) -> None:
    await world.funded(1_000 * USDC)
    async with attestors(world) as urls:
        link = await world.cut_off()
        await world.send(500 * USDC)
        assert await refused(world, urls, await world.proposal()) == {"received"}
        world.world.link = link
        await world.until(lambda: world.venue.account_value(world.master) == 1_500 * USDC)
        await ask(world, urls, await world.proposal())

        await world.cut_off()
        world.venue.withdraw(world.master, world.seat, 101 * USDC, world.venue.now_ms())
        assert await refused(world, urls, await world.proposal()) == {"returned"}
        world.world.link = link
        await world.until(lambda: balance_is(world, world.seat, 100 * USDC))
        attestation, _ = await ask(world, urls, await world.proposal())
        assert await world.observe(attestation) == 1_499 * USDC, "what came home still counts; the fee is lost"


async def balance_is(world: SeatWorld, who: str, amount: int) -> bool:
    return await world.chain.balance(world.contracts.usdc, who) == amount


async def test_a_strangers_gift_is_equity_but_not_received(world: SeatWorld) -> None:
    await world.funded(1_000 * USDC)
    assert world.world.link is not None
    assert world.world.link.custody is not None
    world.world.link.custody.map_deposits([(account(CLIENT), world.master)])
    await world.chain.transact(CLIENT, world.contracts.usdc, "transfer(address,uint256)", account(CUSTODY), 7 * USDC)
    await world.chain.transact(CLIENT, world.contracts.usdc, "transfer(address,uint256)", world.seat, 3 * USDC)
    await world.until(lambda: world.venue.account_value(world.master) == 1_007 * USDC)
    async with attestors(world) as urls:
        proposal = await world.proposal()
        assert (proposal.received, proposal.returned) == (1_000 * USDC, 3 * USDC)
        attestation, _ = await ask(world, urls, proposal)
        assert await world.observe(attestation) == 1_010 * USDC


async def test_what_is_no_proposal_gets_a_clear_answer(world: SeatWorld) -> None:
    async with attestors(world, (4,)) as urls, aiohttp.ClientSession() as session:
        for body, words in ((b"{}", "sheet"), (b"no json", "not a proposal"), (b'{"sheet": 1}', "$.sheet")):
            async with session.post(urls[0] + "/v1/attest", data=body) as response:
                assert response.status == 400
                assert words in (await response.json())["reason"]


async def test_the_digest_is_the_contracts(world: SeatWorld) -> None:
    sheet = MarkSheet(venue=world.seat, as_of=1_770_336_000, cash=-5, lines=())
    proposal = Proposal(sheet=sheet, nonce=3, received=7, returned=11)
    attestation = attestation_of(proposal, chain_id=CHAIN_ID, vault=world.names["vault"])
    kind = "(uint256,address,address,uint64,uint64,int64,uint64,uint64,bytes32)"
    data = call_data(f"digestOf({kind})")[:4] + encode([kind], [tuple(attestation.to_abi().values())])
    assert await world.chain.read(world.names["attestor"], data) == digest(
        attestation, attestor=world.names["attestor"]
    )
    decoded, signatures = decode([kind, "bytes[]"], attestation.encode([b"\x01" * 65]))
    assert decoded[5] == -5
    assert signatures == (b"\x01" * 65,)
