"""Orders that are signed before they are needed: sent once, in time, or never."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from keeper.clock import TestClock
from keeper.errors import InputError
from keeper.venues.base import Confirmed, Refused
from keeper.venues.hyperliquid.armed import MOST_ARMED, NEWER_NONCES, ArmedOrders
from keeper.venues.hyperliquid.signing import ActionSigner, SignerActor
from keeper.venues.resting import OrderTicket
from tests.unit.venues_hyperliquid.test_commands import ETH, KEY, LOCAL, recovered
from tests.unit.venues_hyperliquid.test_order_entry import Venue
from tests.unit.venues_hyperliquid.test_resting import client_of

NOW = 1_000
CLOSE = OrderTicket(
    cloid="0x" + "0c" * 16, coin="ETH", side="sell", size=Decimal("0.5"), limit_price=Decimal("2400"),
    time_in_force="ioc", reduce_only=True, expires_ms=60_000,
)  # fmt: skip


def close(number: int, **more: Any) -> OrderTicket:
    return msgspec.structs.replace(CLOSE, cloid=f"0x{number:032x}", **more)


@pytest.fixture
def signer() -> SignerActor:
    return SignerActor(ActionSigner(KEY, TestClock(NOW), LOCAL))


@pytest.fixture
def pool(signer: SignerActor) -> ArmedOrders:
    return ArmedOrders(signer)


def test_an_armed_order_is_signed_with_a_nonce_of_its_own_and_handed_out_once(
    pool: ArmedOrders, signer: SignerActor
) -> None:
    for number in (1, 2):
        pool.arm(close(number), ETH, NOW)
    first, second = (pool.take(close(number).cloid, NOW) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert recovered(first, mainnet=False) == recovered(second, mainnet=False) == signer.address
    assert (first["nonce"], second["nonce"], first["expiresAfter"]) == (NOW, NOW + 1, 60_000)
    (order,) = first["action"]["orders"]
    assert (order["r"], order["c"]) == (True, close(1).cloid)
    assert pool.take(close(1).cloid, NOW) is None
    assert pool.ready(NOW) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reduce_only": False}, "reduce_only"),
        ({"expires_ms": None}, "expires_ms"),
        ({"expires_ms": NOW}, "expires_ms"),
    ],
)
def test_what_may_not_lie_about_signed(pool: ArmedOrders, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        pool.arm(close(1, **change), ETH, NOW)
    assert caught.value.field == field
    assert pool.ready(NOW) == []


def test_a_client_id_is_armed_once_for_ever(pool: ArmedOrders) -> None:
    pool.arm(close(1), ETH, NOW)
    assert pool.disarm(close(1).cloid)
    assert not pool.disarm(close(1).cloid)
    with pytest.raises(InputError, match="armed before"):
        pool.arm(close(1), ETH, NOW)


def test_an_expired_one_is_not_handed_out(pool: ArmedOrders) -> None:
    pool.arm(close(1), ETH, NOW)
    assert pool.ready(59_999) == [close(1).cloid]
    assert pool.take(close(1).cloid, 60_000) is None


def test_one_whose_nonce_the_venue_would_find_too_low_is_not_handed_out(pool: ArmedOrders, signer: SignerActor) -> None:
    pool.arm(close(1), ETH, NOW)
    for _ in range(NEWER_NONCES - 1):
        signer.next_nonce()
    assert pool.ready(NOW) == [close(1).cloid]
    signer.next_nonce()
    assert pool.take(close(1).cloid, NOW) is None


def test_the_pool_is_small(pool: ArmedOrders) -> None:
    for number in range(MOST_ARMED):
        pool.arm(close(number), ETH, NOW)
    with pytest.raises(InputError, match="disarm one first"):
        pool.arm(close(MOST_ARMED), ETH, NOW)
    assert pool.disarm(close(5).cloid)
    pool.arm(close(MOST_ARMED), ETH, NOW)
    assert len(pool.ready(NOW)) == MOST_ARMED


@pytest.mark.parametrize("socket", [True, False])
async def test_a_client_fires_it_once(serve: Any, socket: bool) -> None:
    venue = Venue()
    url = await serve({"/info": venue.on_info, "/exchange": venue.on_exchange, "/ws": venue.on_socket})
    async with client_of(url, socket=socket) as client:
        client.arm(close(1))
        assert isinstance(await client.fire(close(1).cloid), Confirmed)
        again = await client.fire(close(1).cloid)
        assert isinstance(again, Refused)
        assert "nothing was sent" in again.text
        with pytest.raises(InputError, match="no multiple"):
            client.arm(close(2, size=Decimal("0.00001")))
    assert len(venue.by_socket + venue.by_http) == 1
    assert len(venue.by_socket) == socket
