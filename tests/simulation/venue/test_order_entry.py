"""Order entry over the socket against the venue itself, on good and on bad days: what is answered is what happened."""

import pytest

from keeper.clock import LiveClock
from keeper.venues.base import Confirmed, Refused, Unknown
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.resting import OrderTicket
from tests.simulation.conftest import SimVenue

TIMEOUT_S = 1.0


def client_of(venue: SimVenue) -> HyperliquidClient:
    return HyperliquidClient(
        venue.url, venue.seat, venue.venue_id, venue.agent_key, LiveClock(), command_timeout_s=TIMEOUT_S, socket=True
    )


async def ticket(client: HyperliquidClient, number: int) -> OrderTicket:
    """A bid far below the book, which rests."""
    eth = next(item for item in await client.instruments() if item.coin == "ETH")
    best = (await client.book("ETH")).bids[0][0]
    return OrderTicket(
        cloid=f"0x{number:032x}",
        coin="ETH",
        side="buy",
        size=eth.round_size(100 / best),
        limit_price=eth.round_price(best * 8 / 10, "buy"),
        time_in_force="gtc",
    )


async def test_an_order_rests_and_is_taken_back_over_the_socket(sim_venue: SimVenue) -> None:
    async with client_of(sim_venue) as client:
        order = await ticket(client, 1)
        placed = await client.place(order)
        assert isinstance(placed, Confirmed)
        assert [found.oid for found in await client.open_orders()] == [placed.oid]
        assert isinstance(await client.cancel("ETH", cloid=order.cloid), Confirmed)
        again = await client.cancel("ETH", cloid=order.cloid)
        assert isinstance(again, Refused)
        assert "never placed, already canceled, or filled" in again.text


@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        ("drop_request", False), ("drop_ack", True), ("error_after", True), ("error", False), ("too_many", False),
        ("half_open", False),
    ],
)  # fmt: skip
async def test_a_failure_is_unknown_whatever_has_happened(sim_venue: SimVenue, kind: str, happened: bool) -> None:
    async with client_of(sim_venue) as client:
        order = await ticket(client, int(kind.encode().hex(), 16))
        sim_venue.fault(kind)
        assert isinstance(await client.place(order), Unknown)
        known = await client.status(order.cloid)
        assert (known is not None) == happened
        if happened:
            assert isinstance(await client.cancel("ETH", cloid=order.cloid), Confirmed)


@pytest.mark.parametrize(("kind", "ms"), [("delay", 200), ("duplicate", 0)])
async def test_a_late_or_repeated_command_is_taken_once(sim_venue: SimVenue, kind: str, ms: int) -> None:
    async with client_of(sim_venue) as client:
        order = await ticket(client, int(kind.encode().hex(), 16))
        sim_venue.fault(kind, ms=ms)
        assert isinstance(await client.place(order), Confirmed)
        assert [found.cloid for found in await client.open_orders()] == [order.cloid]
        assert isinstance(await client.cancel("ETH", cloid=order.cloid), Confirmed)
