"""Every bad order is refused with the field's name and a way to mend it; nothing is booked."""

from typing import Any

import msgspec
import pytest

from keeper.errors import InputError
from keeper.model.signed_orders import SignedOrder
from tests.unit.execution.conftest import DELEGATE_KEY, NOW_S, OWNER, STRANGER_KEY, A, B, Desk, order, sign


@pytest.fixture
async def desk() -> Desk:
    return await Desk().start()


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"instrument": "BTC"}, "instrument", "unknown_symbol"),
        ({"instrument": "NOPE-PERP"}, "instrument", "unknown_symbol"),
        ({"quantity": 0}, "quantity", "lot"),
        ({"quantity": 10**4}, "quantity", "lot"),  # 0.0001, a tenth of a lot
        ({"quantity": 10**8 + 10**4}, "quantity", "lot"),
        ({"quantity": 10**5}, "quantity", "min_notional"),  # 0.001 at 1000
        ({"limitPrice": 1_000_0000_0000 + 1}, "limitPrice", "tick"),
        ({"limitPrice": 123_456 * 10**6}, "limitPrice", "tick"),  # 1234.56
        ({"deadline": NOW_S}, "deadline", "expired"),
        ({"timeInForce": 1}, "limitPrice", "limit_price"),
        ({"timeInForce": 2, "limitPrice": 10**11}, "timeInForce", "time_in_force"),
        ({"timeInForce": 3, "limitPrice": 10**11}, "timeInForce", "time_in_force"),
        ({"objective": 1}, "terms", "terms"),
        ({"objective": 2}, "objective", "objective"),
        ({"side": 2}, "side", "side"),
        ({"subAccount": 9}, "subAccount", "sub_account"),
        ({"venues": ("0x" + "77" * 20,)}, "venues", "unknown_venue"),
        ({"reduceOnly": True}, "reduceOnly", "reduce_only"),
        ({"quantity": 1_000 * 10**8}, "quantity", "insufficient_margin"),
    ],
)
async def test_bad_orders_are_refused_by_name(desk: Desk, changes: dict[str, Any], field: str, code: str) -> None:
    before = len(desk.journal.events)
    with pytest.raises(InputError) as caught:
        await desk.engine.submit(sign(**changes))
    assert (caught.value.field, caught.value.code) == (field, code)
    assert len(desk.journal.events) == before
    assert not desk.a.sent + desk.b.sent


async def test_a_field_that_does_not_fit_its_type(desk: Desk) -> None:
    for changes in ({"nonce": 1 << 64}, {"quantity": -1}, {"maxSlippageBps": 1 << 16}):
        name = next(iter(changes))
        with pytest.raises(InputError, match=f"{name}: .* does not fit uint"):
            desk.engine.check(SignedOrder(order=order(**changes), signature="0x" + "00" * 65))
    with pytest.raises(InputError, match="venues: 'hl' is not an address"):
        desk.engine.check(SignedOrder(order=order(venues=("hl",)), signature="0x" + "00" * 65))


async def test_signatures_are_checked_against_owner_delegate_vault_and_chain(desk: Desk) -> None:
    assert desk.engine.check(sign()).signer == OWNER
    assert desk.engine.check(sign(DELEGATE_KEY)).order.subAccount == 1
    with pytest.raises(InputError, match="neither the owner") as caught:
        desk.engine.check(sign(STRANGER_KEY))
    assert caught.value.code == "wrong_signer"
    altered = msgspec.structs.replace(sign(), order=order(quantity=2 * 10**8))
    with pytest.raises(InputError, match="neither the owner"):
        desk.engine.check(altered)
    with pytest.raises(InputError, match="no signer can be recovered"):
        desk.engine.check(msgspec.structs.replace(sign(), signature="0x1234"))


async def test_a_delegate_whose_right_has_expired(desk: Desk) -> None:
    desk.clock.advance(61_000)
    with pytest.raises(InputError, match="no unexpired TRADE right") as caught:
        desk.engine.check(sign(DELEGATE_KEY, deadline=NOW_S + 600))
    assert (caught.value.field, caught.value.code) == ("signature", "no_trade_right")


async def test_a_nonce_is_spent_once_per_signer(desk: Desk) -> None:
    await desk.engine.submit(sign(nonce=5))
    with pytest.raises(InputError, match=r"nonce: 5 .* is spent") as caught:
        await desk.engine.submit(sign(nonce=5, quantity=2 * 10**8))
    assert caught.value.code == "replayed"
    desk.engine.check(sign(DELEGATE_KEY, nonce=5))


async def test_venues_may_be_named_in_any_case(desk: Desk) -> None:
    assert desk.engine.check(sign(venues=(B.upper().replace("0X", "0x"),))).venues == (B,)
    assert desk.engine.check(sign()).venues == (A, B)
