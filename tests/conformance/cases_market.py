"""C-01 to C-12: instruments, prices, books and rates by request."""

import pytest

from keeper.errors import VenueError
from keeper.market_data.checks import book_fault, context_fault
from tests.conformance.cases import case
from tests.conformance.harness import World

HOUR_MS = 3_600_000


@case(1, "instruments are listed once each, with a lot and a leverage")
async def instruments(w: World) -> None:
    listed = await w.market.instruments()
    assert set(w.adapter.coins) <= {item.coin for item in listed}
    assert len({item.coin for item in listed}) == len(listed)
    assert all(item.lot_size > 0 and item.max_leverage >= 1 for item in listed)


@case(2, "instruments carry the venue's id")
async def instruments_of_the_venue(w: World) -> None:
    assert {item.venue for item in await w.market.instruments()} == {w.market.venue}


@case(3, "every best price is on the tick, every size a whole number of lots")
async def steps(w: World) -> None:
    instrument, book = await w.instrument(), await w.book()
    for price, size in (*book.bids, *book.asks):
        assert instrument.is_valid_price(price), price
        assert instrument.round_size(size) == size


@case(4, "a rounded price is valid and never worse")
async def rounding(w: World) -> None:
    instrument, book = await w.instrument(), await w.book()
    raw = book.asks[0][0] * 100_001 / 100_000
    down, up = instrument.round_price(raw, "buy"), instrument.round_price(raw, "sell")
    assert down <= raw <= up
    assert instrument.is_valid_price(down)
    assert instrument.is_valid_price(up)


@case(5, "prices of every coin are plausible")
async def contexts(w: World) -> None:
    found = await w.market.contexts()
    assert set(w.adapter.coins) <= set(found)
    assert {coin: fault for coin in w.adapter.coins if (fault := context_fault(found[coin]))} == {}


@case(6, "a funding rate has its interval, method and formula")
async def funding_terms(w: World) -> None:
    context = (await w.market.contexts())[w.coin]
    assert context.funding_interval_ms % HOUR_MS == 0
    assert context.funding_method
    assert "/" in context.funding_formula


@case(7, "the book is best first, uncrossed and near the mark")
async def book(w: World) -> None:
    mark = (await w.market.contexts())[w.coin].mark
    found = await w.market.book(w.coin)
    assert found.bids
    assert found.asks
    assert book_fault(found, mark) is None
    assert found.bids[0][0] < found.asks[0][0]


@case(8, "a book names its venue and coin, and its time is the venue's")
async def book_identity(w: World) -> None:
    found, now = await w.market.book(w.coin), await w.market.now_ms()
    assert (found.venue, found.coin) == (w.market.venue, w.coin)
    assert abs(now - found.time_ms) < 10_000


@case(9, "an unknown coin is refused in words")
async def unknown_coin(w: World) -> None:
    with pytest.raises(VenueError):
        await w.market.book("NOSUCHCOIN")


@case(10, "the venue's time advances and never goes back")
async def venue_time(w: World) -> None:
    times = [await w.market.now_ms() for _ in range(5)]
    assert times == sorted(times)


@case(11, "settled rates come oldest first, once each, within the range", "advance")
async def funding_history(w: World) -> None:
    since = await w.market.now_ms()
    await w.do(w.server.advance, 2 * HOUR_MS + 60_000)
    rates = await w.market.funding_rates(w.coin, since)
    assert len(rates) >= 2
    times = [rate.time_ms for rate in rates]
    assert times == sorted(set(times))
    assert await w.market.funding_rates(w.coin, times[1], times[1]) == rates[1:2]
    assert await w.market.funding_rates(w.coin, since, times[0] - 1) == []


@case(12, "the account's settled rates are the market's", "advance")
async def funding_history_of_the_account(w: World) -> None:
    now = await w.market.now_ms()
    since = now - 24 * HOUR_MS
    assert await w.account.funding_rates(w.coin, since, now) == await w.market.funding_rates(w.coin, since, now)
