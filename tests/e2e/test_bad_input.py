"""Bad input through the real API and the real contract: what is wrong is named with the way to mend it, and nothing is
booked: the log holds no order of it, no account has changed, the vault has not either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from keeper.api.views import AccountView
from keeper.chain.calls import encode_call
from keeper.chain.transactor import Transactor
from keeper.demo.local_world import CLIENT_INDEXES
from keeper.devkeys import address_of, key_of
from keeper.errors import ChainError
from keeper.ledger.vault import TRADE
from keeper.model.amounts import MICRO
from keeper.model.events import ChainLogSeen, Event, LegIntent, OrderAccepted, OrderClosed, RouteDecided
from keeper.model.signed_orders import GTC
from tests.e2e.world import SEAT, FundedWorld, funded_world

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("e2e_bad_input"),
    pytest.mark.timeout(240),
]

OWNER = CLIENT_INDEXES[0]
STRANGER, DELEGATE = 20, 21
OF_AN_ORDER: tuple[type[Event], ...] = (OrderAccepted, RouteDecided, LegIntent, OrderClosed)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FundedWorld]:
    folder = tmp_path_factory.mktemp("bad-input")
    async with funded_world(folder, deposits=(1_000, 20_000, 20_000), attestors=(), settles=False) as world:
        await world.freeze_prices()
        yield world


async def booked(world: FundedWorld) -> tuple[dict[str, int], list[AccountView]]:
    """How many events of orders there are, and every account as the API shows it."""
    counts = {kind.__name__: len(world.events(kind)) for kind in OF_AN_ORDER}
    return counts, [await world.account(client) for client in world.clients]


@asynccontextmanager
async def nothing_booked(world: FundedWorld) -> AsyncIterator[None]:
    before = await booked(world)
    yield
    assert await booked(world) == before


async def refused(world: FundedWorld, body: bytes) -> tuple[str, str, str]:
    """(field, code, text) of the refusal."""
    async with nothing_booked(world):
        status, answer = await world.post(body)
    assert status == 400, answer
    assert answer.keys() == {"field", "code", "error"}
    return answer["field"], answer["code"], answer["error"]


@dataclass(frozen=True)
class Case:
    """What is wrong with an otherwise good order of client 1, and what the keeper has to say about it."""

    fields: dict[str, Any]
    field: str
    code: str
    text: str


CASES = {
    "unknown symbol": Case({"instrument": "DOGGO-PERP"}, "instrument", "unknown_symbol", "not listed; use "),
    "not a perpetual": Case({"instrument": "ETH"}, "instrument", "unknown_symbol", "such as BTC-PERP"),
    "a coin listed but not served": Case({"instrument": "BTCC-PERP"}, "instrument", "unknown_symbol", "not listed"),
    "size nought": Case({"size": Decimal(0)}, "quantity", "lot", "order at least one lot"),
    "size below a lot": Case({"size": Decimal("0.00005")}, "quantity", "lot", "0.00005 is below one lot of 0.0001"),
    "size between lots": Case({"size": Decimal("0.05005")}, "quantity", "lot", "not a multiple of the lot of 0.0001"),
    "below the minimum notional": Case(
        {"size": Decimal("0.001")}, "quantity", "min_notional", "below the minimum of 10 USDC; order more"
    ),
    "price off tick": Case({"limit": Decimal("2000.123")}, "limitPrice", "tick", "not a multiple of the tick of 0.1"),
    "insufficient margin": Case({"size": Decimal(20)}, "quantity", "insufficient_margin", "deposit more or order less"),
    "no such sub-account": Case({"subAccount": 99}, "subAccount", "sub_account", "no open sub-account 99; open one"),
    "somebody else's sub-account": Case({"subAccount": 2}, "signature", "wrong_signer", "sign with the owner's key"),
    "rests without a price": Case(
        {"timeInForce": GTC}, "limitPrice", "limit_price", "needs the price at which it does"
    ),
    "no such time in force": Case(
        {"timeInForce": 3}, "timeInForce", "time_in_force", "3 is not supported; use 0 (IOC)"
    ),
    "no such side": Case({"side": 2}, "side", "side", "neither 0 (buy) nor 1 (sell)"),
    "no such objective": Case({"objective": 2}, "objective", "objective", "use 0"),
    "terms that were not sent": Case({"objective": 1}, "terms", "terms", "needs signed terms; sign both anew"),
    "unknown venue": Case({"venues": ("0x" + "ab" * 20,)}, "venues", "unknown_venue", "is no venue of ours; use 0x"),
    "nothing to reduce": Case({"reduceOnly": True}, "reduceOnly", "reduce_only", "holds nothing in ETH-PERP"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_a_wrong_field_is_named(world: FundedWorld, case: Case) -> None:
    signed = world.sign(world.order(world.clients[0], **case.fields), OWNER)
    field, code, text = await refused(world, msgspec.json.encode(signed))
    assert (field, code) == (case.field, case.code)
    assert case.text in text


async def test_an_expired_order(world: FundedWorld) -> None:
    now_s = world.local.clock.now_ms() // 1000
    signed = world.sign(world.order(world.clients[0], deadline=now_s - 1), OWNER)
    field, code, text = await refused(world, msgspec.json.encode(signed))
    assert (field, code) == ("deadline", "expired")
    assert f"{now_s - 1} s has passed" in text
    assert "sign anew" in text


async def test_a_replayed_order(world: FundedWorld) -> None:
    signed = world.sign(world.order(world.clients[1]), CLIENT_INDEXES[1])
    done = await world.submit(signed)
    assert (done.status, done.filled) == ("filled", Decimal("0.05"))
    field, code, text = await refused(world, msgspec.json.encode(signed))
    assert (field, code) == ("nonce", "replayed")
    assert f"{signed.order.nonce} of {world.clients[1].address.lower()} is spent" in text
    other = world.sign(world.order(world.clients[1], nonce=signed.order.nonce, side=1), CLIENT_INDEXES[1])
    assert (await refused(world, msgspec.json.encode(other)))[:2] == ("nonce", "replayed")


async def test_wrong_signers(world: FundedWorld) -> None:
    order = world.order(world.clients[0])
    by_stranger = world.sign(order, STRANGER)
    field, code, text = await refused(world, msgspec.json.encode(by_stranger))
    assert (field, code) == ("signature", "wrong_signer")
    assert (
        f"signed by {address_of(STRANGER).lower()}, who is neither the owner of sub-account 1 nor its delegate" in text
    )
    other_vault = world.sign(order, OWNER, vault="0x" + "11" * 20)
    field, code, text = await refused(world, msgspec.json.encode(other_vault))
    assert (field, code) == ("signature", "wrong_signer")
    assert "for this vault and chain" in text
    changed = msgspec.structs.replace(world.sign(order, OWNER), order=world.order(world.clients[0], size=Decimal(1)))
    assert (await refused(world, msgspec.json.encode(changed)))[:2] == ("signature", "wrong_signer")
    broken = msgspec.structs.replace(world.sign(order, OWNER), signature="0x1234")
    field, code, text = await refused(world, msgspec.json.encode(broken))
    assert (field, code) == ("signature", "signature")
    assert "65 bytes" in text


async def set_rights(world: FundedWorld, who: str, rights: int, until: int) -> None:
    """By the owner of sub-account 1; returns when the keeper has booked it."""
    known = len(rights_logs(world))
    data = encode_call("PrimeVault", "setRights", world.clients[0].id, who, rights, until)
    transactor = Transactor(world.local.w3, key_of(OWNER))
    receipt = await transactor.send(f"rights {known}", "set rights", world.local.deployment.contracts.vault, data)
    assert receipt.ok, receipt.text

    async def seen() -> bool:
        return len(rights_logs(world)) > known

    await world.until("the right is booked", seen)


def rights_logs(world: FundedWorld) -> list[ChainLogSeen]:
    return [event for event in world.events(ChainLogSeen) if event.name == "RightsSet"]


async def test_a_delegate_trades_with_the_right_and_until_it_ends(world: FundedWorld) -> None:
    delegate = address_of(DELEGATE)

    def signed() -> bytes:
        return msgspec.json.encode(world.sign(world.order(world.clients[0]), DELEGATE))

    assert (await refused(world, signed()))[:2] == ("signature", "wrong_signer")
    until = world.local.clock.now_ms() // 1000 + 60
    await set_rights(world, delegate, TRADE, until)
    status, answer = await world.post(signed(), wait_s=30)
    assert (status, answer["status"]) == (200, "filled")
    await world.advance(65)
    field, code, text = await refused(world, signed())
    assert (field, code) == ("signature", "no_trade_right")
    assert f"{delegate.lower()} has no unexpired TRADE right on sub-account 1; the owner grants it by setRights" in text
    deposit_only = TRADE << 1
    await set_rights(world, delegate, deposit_only, until + 10_000)
    assert (await refused(world, signed()))[:2] == ("signature", "no_trade_right")


def body_of(order: Any, signature: Any = "0x" + "00" * 65) -> bytes:
    return msgspec.json.encode({"order": order, "signature": signature})


async def test_bodies_that_are_no_orders(world: FundedWorld) -> None:
    fields = msgspec.to_builtins(world.order(world.clients[0]))
    without = {name: value for name, value in fields.items() if name != "deadline"}
    bodies = {
        b'{"order": ': "body",
        b"[]": "order",
        body_of(fields).replace(b'"nonce"', b'"nonse"'): "nonse",
        body_of(without): "deadline",
        body_of(fields | {"quantity": "1"}): "quantity",
        body_of(fields | {"leverage": 50}): "leverage",
        body_of(fields, signature=7): "signature",
    }
    for body, name in bodies.items():
        field, code, text = await refused(world, body)
        assert (field, code) == (name, "malformed")
        assert name == "body" or "see /v1/openapi.json for the fields" in text


async def test_numbers_that_do_not_fit(world: FundedWorld) -> None:
    fields = msgspec.to_builtins(world.order(world.clients[0]))
    for name, value in {"side": -1, "maxSlippageBps": 1 << 16, "subAccount": 1 << 32, "deadline": 1 << 63 << 1}.items():
        field, code, text = await refused(world, body_of(fields | {name: value}))
        assert (field, code) == (name, "range")
        assert f"{value} does not fit uint" in text


async def test_a_limit_that_nobody_offers_sends_nothing(world: FundedWorld) -> None:
    """A good order, so it is taken and ends with the reason; its nonce is spent and no leg left."""
    order = world.order(world.clients[1], limit=Decimal(1_000), venues=(world.local.adapter(SEAT),))
    before = len(world.events(LegIntent))
    view = await world.submit(world.sign(order, CLIENT_INDEXES[1]))
    assert (view.status, view.filled, view.legs) == ("unfilled", Decimal(0), ())
    assert "nothing of 0.05 can be had within the limit" in view.text
    assert len(world.events(LegIntent)) == before


async def test_two_orders_with_one_nonce_at_once(world: FundedWorld) -> None:
    """One is taken; the other is refused although both arrived before either was booked."""
    first = world.order(world.clients[1])
    other = world.order(world.clients[1], nonce=first.nonce, size=Decimal("0.06"))
    before = len(world.events(OrderAccepted))
    bodies = [msgspec.json.encode(world.sign(order, CLIENT_INDEXES[1])) for order in (first, other)]
    answers = await asyncio.gather(*(world.post(body, wait_s=30) for body in bodies))
    assert sorted(status for status, _ in answers) == [200, 400]
    assert [(answer["field"], answer["code"]) for status, answer in answers if status == 400] == [("nonce", "replayed")]
    assert len(world.events(OrderAccepted)) == before + 1


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        (f"/v1/orders/0x{'00' * 32}", 404, "digest"),
        ("/v1/accounts/99", 404, "id"),
        ("/v1/accounts/one", 400, "id"),
    ],
)
async def test_questions_without_an_answer(world: FundedWorld, path: str, status: int, field: str) -> None:
    async with world.local.http.get(world.local.api + path) as response:
        assert response.status == status
        answer = await response.json()
    assert answer["field"] == field
    assert answer["error"]


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        pytest.param(1_000 * MICRO + 1, "WithdrawTooLarge", id="above the lane"),
        pytest.param(10 * MICRO - 1, "AmountTooSmall", id="below the least ticket"),
        pytest.param(0, "AmountTooSmall", id="nothing"),
    ],
)
async def test_withdrawals_that_the_contract_refuses(world: FundedWorld, amount: int, error: str) -> None:
    client = world.clients[0]
    async with nothing_booked(world):
        with pytest.raises(ChainError, match=error):
            await client.request_withdrawal(amount)
    assert await client.lane() == 1_000 * MICRO
    assert not [event for event in world.events(ChainLogSeen) if event.name == "WithdrawRequested"]
    assert (await world.account(client)).tickets == ()


async def test_a_stranger_withdraws_nothing(world: FundedWorld) -> None:
    stranger = Transactor(world.local.w3, key_of(STRANGER))
    data = encode_call("PrimeVault", "requestWithdraw", 1, 100 * MICRO, address_of(STRANGER))
    with pytest.raises(ChainError, match="withdraw: NotOwner"):
        await stranger.send("theft", "withdraw", world.local.deployment.contracts.vault, data)


async def test_a_route_is_explained_without_an_order(world: FundedWorld) -> None:
    wish = {"instrument": "ETH-PERP", "side": "buy", "quantity": "2"}
    async with nothing_booked(world):
        status, answer = await world.post(msgspec.json.encode(wish), path="/v1/route")
    assert status == 200, answer
    plan = answer["decision"]["plan"]
    assert (Decimal(plan["filled"]), plan["certificate"]["gap"]) == (Decimal(2), "0")
    assert {leg["venue"] for leg in plan["legs"]} <= answer["names"].keys()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instrument": "DOGGO-PERP"}, "instrument"),
        ({"instrument": "ETH"}, "instrument"),
        ({"side": "up"}, "side"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "two"}, "quantity"),
        ({"venues": ["0x" + "00" * 20]}, "venues"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_route_that_cannot_be_asked_for_names_the_field(
    world: FundedWorld, change: dict[str, Any], field: str
) -> None:
    wish = {"instrument": "ETH-PERP", "side": "buy", "quantity": "2"} | change
    status, answer = await world.post(msgspec.json.encode(wish), path="/v1/route")
    assert (status, answer["field"]) == (400, field), answer
