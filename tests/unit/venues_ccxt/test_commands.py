"""Commands through ccxt before they leave: who may send, what is left of the limits, and whose name they carry."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from keeper.devkeys import address_of, key_of
from keeper.errors import InputError
from keeper.venues.base import Confirmed, Refused
from keeper.venues.ccxt_adapter.exchange import Credentials, close_exchange, open_exchange
from keeper.venues.ccxt_adapter.quirks import quirks_of
from keeper.venues.limits import AccountLimit
from keeper.venues.resting import OrderTicket
from keeper.venues.simulated.dialects.aster.signing import message
from tests.unit.venues_ccxt.test_fuzz import SIZE, AsterRig


@pytest.fixture
async def rig() -> AsyncIterator[AsterRig]:
    made = AsterRig()
    await made.client.start()
    yield made
    await made.client.close()


async def ticket(rig: AsterRig, number: int, **fields: Any) -> OrderTicket:
    """A bid behind the others."""
    price = (await rig.client.book("DOGE")).bids[-1][0]
    cloid = f"0x{number:032x}"
    values: dict[str, Any] = {
        "cloid": cloid,
        "coin": "DOGE",
        "side": "buy",
        "size": SIZE,
        "limit_price": price,
        "time_in_force": "gtc",
    }
    return OrderTicket(**(values | fields))


async def test_nothing_leaves_a_keeper_that_does_not_lead(rig: AsterRig) -> None:
    rig.client._may_send = lambda: False
    for outcome in (await rig.client.place(await ticket(rig, 1)), await rig.client.cancel("DOGE", oid=1)):
        assert isinstance(outcome, Refused)
        assert "does not lead" in outcome.text
    assert await rig.client.open_orders() == []


async def test_the_last_commands_of_an_account_are_for_cancels(rig: AsterRig) -> None:
    rig.client._allowance = AccountLimit(allowance=4, per_s=0, reserve=2)
    placed = [await rig.client.place(await ticket(rig, number)) for number in (1, 2, 3)]
    assert [type(outcome) for outcome in placed] == [Confirmed, Confirmed, Refused]
    gone = [await rig.client.cancel("DOGE", cloid=f"0x{number:032x}") for number in (1, 2)]
    assert [type(outcome) for outcome in gone] == [Confirmed, Confirmed]
    assert await rig.client.open_orders() == []


async def test_an_order_and_its_cancel_by_either_name(rig: AsterRig) -> None:
    wanted = await ticket(rig, 1)
    placed = await rig.client.place(wanted)
    (shown,) = await rig.client.open_orders()
    assert isinstance(placed, Confirmed)
    assert (shown.oid, shown.cloid, shown.left) == (placed.oid, wanted.cloid, SIZE)
    with pytest.raises(InputError):
        await rig.client.cancel("DOGE")
    assert isinstance(await rig.client.cancel("DOGE", oid=shown.oid), Confirmed)
    assert isinstance(await rig.client.cancel("DOGE", oid=shown.oid), Refused)
    assert isinstance(await rig.client.cancel("DOGE", cloid=wanted.cloid), Refused)


async def test_what_may_not_rest_at_a_venue_is_never_sent(rig: AsterRig) -> None:
    rig.client.quirks = quirks_of("okx")
    outcome = await rig.client.place(await ticket(rig, 1, time_in_force="alo"))
    assert isinstance(outcome, Refused)
    assert "nothing was sent" in outcome.text
    assert not rig.client.sent


@pytest.mark.parametrize("signer", [9, 10])
async def test_aster_is_told_the_account_and_who_signs_for_it(signer: int) -> None:
    """The key may be the account's own or its agent's."""
    credentials = Credentials(private_key=key_of(signer), wallet=address_of(9).lower())
    exchange = open_exchange(quirks_of("aster"), credentials=credentials)
    try:
        request = exchange.sign("v3/order", ["fapiPrivate"], "POST", {"symbol": "BTCUSDT", "reduceOnly": True})
    finally:
        await close_exchange(exchange)
    text, _, signature = request["body"].rpartition("&signature=")
    sent = dict(parse_qsl(text))
    assert (sent["user"], sent["signer"].lower()) == (address_of(9).lower(), address_of(signer).lower())
    assert sent["reduceOnly"] == "true"
    recovered = Account.recover_message(encode_typed_data(full_message=message(text)), signature=signature)
    assert recovered == address_of(signer)
