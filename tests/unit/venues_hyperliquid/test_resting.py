"""Orders that rest, cancels, settings and transfers as they go over the wire, and what is refused before it does."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web
from eth_abi.abi import decode as abi_decode
from eth_account import Account
from eth_account.messages import encode_typed_data

from keeper.chain import calls
from keeper.clock import TestClock
from keeper.errors import ConfigError, InputError, VenueError
from keeper.model.instruments import Instrument
from keeper.venues.base import Confirmed, Refused, Unknown
from keeper.venues.hyperliquid.core_writer import cloid_number, core_order
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.hyperliquid.instruments import order_fault
from keeper.venues.hyperliquid.outcomes import outcome_of
from keeper.venues.hyperliquid.owner import HyperliquidOwner
from keeper.venues.hyperliquid.signing import SignerRegistry
from keeper.venues.limits import AccountLimit
from keeper.venues.resting import OrderTicket
from keeper.venues.transport import HttpTransport
from tests.unit.venues_hyperliquid.conftest import recorded
from tests.unit.venues_hyperliquid.test_commands import ETH, KEY, META, SEAT, recovered

D = Decimal
OK = {"status": "ok", "response": {"type": "default"}}
TICKET = OrderTicket(
    cloid="0x" + "0c" * 16, coin="ETH", side="sell", size=D("0.5"), limit_price=D("2500.5"), time_in_force="alo"
)


class Venue:
    """Keeps what it is sent and answers /info by type."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.info: dict[str, Any] = {"meta": META}
        self.answer: Any = OK

    async def on_info(self, request: web.Request) -> web.Response:
        asked = await request.json()
        found = self.info[asked["type"]]
        return web.json_response(found(asked) if callable(found) else found)

    async def on_exchange(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        return web.json_response(self.answer)


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
async def url(serve: Any, venue: Venue) -> str:
    found: str = await serve({"/info": venue.on_info, "/exchange": venue.on_exchange})
    return found


def client_of(url: str, **more: Any) -> HyperliquidClient:
    return HyperliquidClient(url, SEAT, "0x" + "11" * 20, KEY, TestClock(1_000), **more)


@pytest.mark.parametrize(("tif", "spelled"), [("ioc", "Ioc"), ("gtc", "Gtc"), ("alo", "Alo")])
async def test_an_order_of_each_time_in_force(url: str, venue: Venue, tif: Any, spelled: str) -> None:
    venue.answer = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 9}}]}}}
    async with client_of(url) as client:
        outcome = await client.place(msgspec.structs.replace(TICKET, time_in_force=tif, expires_ms=9_000))
    assert outcome == Confirmed(oid=9, text="resting")
    (body,) = venue.sent
    (order,) = body["action"]["orders"]
    assert order["t"] == {"limit": {"tif": spelled}}
    assert (order["a"], order["b"], order["p"], order["s"], order["c"]) == (4, False, "2500.5", "0.5", TICKET.cloid)
    assert body["expiresAfter"] == 9_000
    assert recovered(body, mainnet=False) == Account.from_key(KEY).address.lower()


async def test_cancels_by_either_name(url: str, venue: Venue) -> None:
    venue.answer = recorded("cancel.go.Cancel_DoubleCancel_2")
    async with client_of(url) as client:
        assert isinstance(await client.cancel("ETH", cloid=TICKET.cloid), Refused)
        assert isinstance(await client.cancel("ETH", oid=77), Refused)
        with pytest.raises(InputError, match="either cloid or oid"):
            await client.cancel("ETH")
    assert [body["action"] for body in venue.sent] == [
        {"type": "cancelByCloid", "cancels": [{"asset": 4, "cloid": TICKET.cloid}]},
        {"type": "cancel", "cancels": [{"a": 4, "o": 77}]},
    ]


async def test_margin_moves_of_an_agent(url: str, venue: Venue) -> None:
    async with client_of(url) as client:
        await client.add_isolated_margin("ETH", -1_000_000)
        await client.move_between_dexes(2_500_000, "", "spot", "USDC:0x00")
    margin, moved = (body["action"] for body in venue.sent)
    assert margin == {"type": "updateIsolatedMargin", "asset": 4, "isBuy": True, "ntli": -1_000_000}
    assert (moved["destination"], moved["amount"], moved["destinationDex"]) == (SEAT, "2.5", "spot")
    assert moved["nonce"] == venue.sent[1]["nonce"]
    assert all(recovered(body, mainnet=False) == Account.from_key(KEY).address.lower() for body in venue.sent)


@pytest.mark.parametrize(
    ("size", "price", "says"),
    [
        ("0.00001", "2500", "no multiple of 0.0001"),
        ("0.5", "2500.55", "2500.5 and 2500.6 are on it"),
        ("0.5", "1.2345678", "1.23 and 1.24 are on it"),
        ("0", "2500", "must be positive"),
        ("-1", "2500", "must be positive"),
        ("1", "-2500", "must be positive"),
        ("NaN", "2500", "not numbers"),
    ],
)
async def test_what_the_venue_would_drop_is_refused_unsent(
    url: str, venue: Venue, size: str, price: str, says: str
) -> None:
    async with client_of(url) as client:
        outcome = await client.place(msgspec.structs.replace(TICKET, size=D(size), limit_price=D(price)))
    assert isinstance(outcome, Refused)
    assert says in outcome.text
    assert venue.sent == []


def test_whole_dollars_are_always_valid_and_figures_count_from_the_first() -> None:
    btc = Instrument("v", "BTC", 0, 5, 40)
    assert order_fault(btc, D("0.00001"), D(123_456)) is None
    assert order_fault(btc, D("0.00001"), D("12345.6")) is not None
    assert order_fault(Instrument("v", "X", 0, 0, 3), D(1), D("0.001234")) is None


async def test_an_allowance_used_up_refuses_orders_and_lets_cancels_through(url: str, venue: Venue) -> None:
    allowance = AccountLimit(allowance=2, per_s=0, reserve=1)
    async with client_of(url, account_limit=allowance) as client:
        assert isinstance(await client.place(TICKET), Confirmed)
        refused = await client.place(TICKET)
        assert isinstance(refused, Refused)
        assert "nothing was sent" in refused.text
        assert isinstance(await client.cancel("ETH", oid=1), Confirmed)
        venue.info["userRateLimit"] = recorded("userRateLimit.sdk.user_rate_limit")
        await client.learn_allowance()
        assert allowance.left > 1_000
        assert isinstance(await client.place(TICKET), Confirmed)
    assert len(venue.sent) == 3


async def test_clients_with_one_key_share_one_signer(url: str, venue: Venue) -> None:
    signer = SignerRegistry(TestClock(1_000)).of(url, KEY)
    async with client_of(url, signer=signer) as one, client_of(url, signer=signer) as other:
        await asyncio.gather(*(client.set_leverage("ETH", 3) for client in (one, other) for _ in range(10)))
    nonces = [body["nonce"] for body in venue.sent]
    assert sorted(nonces) == list(range(1_000, 1_020))


def test_a_registry_has_one_signer_for_a_key_at_a_venue() -> None:
    registry = SignerRegistry(TestClock(1))
    assert registry.of("http://127.0.0.1:1", KEY) is registry.of("http://127.0.0.1:1/", KEY)
    assert registry.of("http://127.0.0.1:2", KEY) is not registry.of("http://127.0.0.1:1", KEY)


def test_an_answer_to_a_copy_of_a_message_says_nothing_of_the_first() -> None:
    body = json.dumps({"status": "err", "response": "Invalid nonce: duplicate nonce 1500"}).encode()
    assert isinstance(outcome_of(body), Unknown)
    low = json.dumps({"status": "err", "response": "Invalid nonce: nonce too low 1 < 2"}).encode()
    assert isinstance(outcome_of(low), Refused)


async def test_reads_of_agents_orders_spot_and_allowance(url: str, venue: Venue) -> None:
    venue.info |= {
        "extraAgents": recorded("extraAgents.sdk.extra_agents"),
        "openOrders": recorded("openOrders.sdk.get_open_orders"),
        "spotClearinghouseState": recorded("spotClearinghouseState.go.SpotUserState"),
        "userRateLimit": recorded("userRateLimit.sdk.user_rate_limit"),
    }
    async with client_of(url) as client:
        agents = await client.agents()
        assert [agent.address for agent in agents] == [row["address"].lower() for row in venue.info["extraAgents"]]
        assert agents[0].valid_until_ms == venue.info["extraAgents"][0]["validUntil"]
        orders, rows = await client.open_orders(), venue.info["openOrders"]
        assert [(o.oid, o.side, o.left) for o in orders] == [
            (row["oid"], "buy" if row["side"] == "B" else "sell", D(row["sz"])) for row in rows
        ]
        held = await client.spot_balances()
        assert {coin: item.total for coin, item in held.items()} == {
            row["coin"]: D(row["total"]) for row in venue.info["spotClearinghouseState"]["balances"]
        }
        used, cap = await client.allowance()
        assert (used, cap) == (
            venue.info["userRateLimit"]["nRequestsUsed"],
            venue.info["userRateLimit"]["nRequestsCap"],
        )


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ({"role": "user"}, "an account of its own"),
        ({"role": "missing"}, "the venue calls it missing"),
        ({"role": "agent", "data": {"user": "0x" + "bb" * 20}}, "another account"),
    ],
)
async def test_a_mixed_up_address_is_named(url: str, venue: Venue, role: Any, says: str) -> None:
    venue.info["userRole"] = role
    async with client_of(url) as client:
        with pytest.raises(ConfigError, match=says):
            await client.check_agent(client.agent)
        venue.info["userRole"] = {"role": "agent", "data": {"user": SEAT}}
        await client.check_agent(client.agent)


async def test_instruments_of_a_builder_deployed_exchange(url: str, venue: Venue) -> None:
    dexes = recorded("perpDexs.go.PerpDexs")
    name = dexes[1]["name"]
    own = {"universe": [{"name": f"{name}:TSLA", "szDecimals": 3, "maxLeverage": 10}]}
    venue.info |= {"perpDexs": dexes, "meta": lambda asked: own if asked.get("dex") == name else META}
    async with client_of(url) as client:
        assert (await client.dexes())[0] == name
        listed = await client.instruments(name)
        assert [(item.coin, item.asset) for item in listed] == [(f"{name}:TSLA", 110_000)]
        with pytest.raises(VenueError, match="no exchange 'nope'"):
            await client.instruments("nope")


async def test_the_owner_enrols_agents_and_moves_usdc(url: str, venue: Venue) -> None:
    async with HttpTransport(url) as http:
        owner = HyperliquidOwner(http, KEY, TestClock(1_000))
        agent = "0x" + "22" * 20
        assert isinstance(await owner.approve_agent(agent, "keeper", 90_000), Confirmed)
        assert isinstance(await owner.move_usdc(1_500_000, to_perp=False), Confirmed)
        with pytest.raises(InputError, match="16 characters"):
            await owner.approve_agent(agent, "x" * 17)
        with pytest.raises(InputError, match="180 days"):
            await owner.approve_agent(agent, "k", 10**12 * 2)
        with pytest.raises(InputError, match="micro"):
            await owner.move_usdc(0, to_perp=True)
    enrolled, moved = (body["action"] for body in venue.sent)
    assert (enrolled["agentName"], enrolled["nonce"]) == ("keeper valid_until 90000", 1_000)
    assert (moved["amount"], moved["toPerp"], moved["nonce"]) == ("1.5", False, 1_001)
    assert signer_of(venue.sent[1]) == owner.address
    with pytest.raises(ConfigError, match="owner key"):
        HyperliquidOwner(HttpTransport(url), "0xzz", TestClock(0))


def signer_of(body: dict[str, Any]) -> str:
    """Of a usdClassTransfer, by the typed data of the venue's documentation."""
    action, fields = body["action"], ["hyperliquidChain:string", "amount:string", "toPerp:bool", "nonce:uint64"]
    types = [{"name": name, "type": kind} for name, kind in (field.split(":") for field in fields)]
    domain_types = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]
    message = {
        "domain": {
            "name": "HyperliquidSignTransaction",
            "version": "1",
            "chainId": int(action["signatureChainId"], 16),
            "verifyingContract": "0x" + "00" * 20,
        },
        "types": {"HyperliquidTransaction:UsdClassTransfer": types, "EIP712Domain": domain_types},
        "primaryType": "HyperliquidTransaction:UsdClassTransfer",
        "message": {name: action[name] for name in ("hyperliquidChain", "amount", "toPerp", "nonce")},
    }
    given = body["signature"]
    vrs = (given["v"], int(given["r"], 16), int(given["s"], 16))
    return str(Account.recover_message(encode_typed_data(full_message=message), vrs=vrs)).lower()


def test_an_order_through_the_venue_contract() -> None:
    fields = core_order(TICKET, ETH)
    data = calls.place_order(fields)
    kinds = "(uint32,bool,uint64,uint64,bool,uint8,uint128)"
    assert abi_decode([kinds], data[4:]) == ((4, False, 250_050_000_000, 50_000_000, False, 1, int("0c" * 16, 16)),)
    number = cloid_number(TICKET.cloid)
    assert abi_decode(["uint32", "uint128"], calls.cancel_by_cloid(4, number)[4:]) == (4, number)
    assert abi_decode(["uint32", "uint64"], calls.cancel_by_oid(4, 77)[4:]) == (4, 77)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"limit_price": D("2500.55")}, "price"),
        ({"size": D("0.00001")}, "size"),
        ({"cloid": "0x" + "00" * 16}, "cloid"),
        ({"cloid": "0x12"}, "cloid"),
        ({"cloid": "0x" + "zz" * 16}, "cloid"),
        ({"coin": "BTC"}, "coin"),
        ({"expires_ms": 5}, "expires_ms"),
    ],
)
def test_what_core_would_drop_silently_is_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        core_order(msgspec.structs.replace(TICKET, **changed), ETH)
    assert caught.value.field == field
    with pytest.raises(InputError, match="main exchange"):
        core_order(TICKET, Instrument("v", "ETH", 110_000, 4, 25))
