"""Public data and a seat's records through ccxt: a MarketDataClient and AccountReader."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog

from keeper.clock import Clock
from keeper.errors import ConfigError, IntegrityError, PrimeError, UnknownOutcome, VenueError
from keeper.model.instruments import Instrument
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.monitoring import metrics
from keeper.venues.base import Book, FeeRates, MarketContext, StreamEvent
from keeper.venues.cards import formula_of
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.exchange import Credentials, close_exchange, lacks, open_exchange
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument, instrument
from keeper.venues.ccxt_adapter.numbers import exact, received
from keeper.venues.ccxt_adapter.outcomes import LAST, UnreadableError, require, translated
from keeper.venues.ccxt_adapter.quirks import Quirks, quirks_of
from keeper.venues.ccxt_adapter.stream import stream
from keeper.venues.limits import IpLimit
from keeper.venues.transport import read_with_retries

log = structlog.get_logger()

CONSISTENT_TRIES = 4
RATE_WITHIN_MS = 60_000
MOST_APART_MS = 30 * 86_400_000
"""A venue's clock is wrong, or its answer no time; ranges up to it would have no end."""
TOO_MANY = (418, 429)
"""The Binance family answers 418 to an address that went on after a 429."""
UNBOUNDED = 1e9
"""Requests a minute of a client opened without limits."""


class CcxtReadClient:
    """`name` is a venue of `quirks.VENUES`, `venue_id` the adapter contract's address, `opened_ms` when the seat was
    opened (no record is older); `coins` limits what is traded and asked for (default: all in the venue's currency);
    `ip_limit` is shared by the clients of one address, and there is none of either side's without `rate_limit`.

    ConfigError for credentials at a venue where ccxt cannot read what a seat's books need (`exchange.lacks`).
    Call `start()` first. Times in ms, ranges inclusive. Reads are retried while their outcome is unknown. Raises
    VenueError when the venue (or ccxt for it) says no, UnknownOutcome when it cannot be reached or understood,
    IntegrityError when its records contradict or a number is not exact.
    """

    def __init__(
        self,
        name: str,
        venue_id: str,
        clock: Clock,
        *,
        opened_ms: int,
        credentials: Credentials | None = None,
        urls: Mapping[str, Any] | None = None,
        coins: Sequence[str] | None = None,
        timeout_s: float = 5.0,
        rate_limit: bool = True,
        ip_limit: IpLimit | None = None,
    ) -> None:
        self.quirks: Quirks = quirks_of(name)
        lacking = lacks(self.quirks) if credentials is not None else ()
        if lacking:
            raise ConfigError(
                f"venue {name}: ccxt cannot keep the books of a seat there, it lacks {', '.join(lacking)}"
            )
        self._venue, self._clock, self._coins, self._opened_ms = venue_id.lower(), clock, coins, opened_ms
        per_minute = self.quirks.requests_per_minute if rate_limit else UNBOUNDED
        limit = self._limit = ip_limit or IpLimit(self.quirks.exchange, per_minute)
        timeout_ms = round(timeout_s * 1000)
        self.exchange = open_exchange(
            self.quirks, credentials=credentials, urls=urls, timeout_ms=timeout_ms, rate_limit=rate_limit, limit=limit
        )
        self.feed = open_exchange(self.quirks, urls=urls, timeout_ms=timeout_ms, rate_limit=rate_limit, limit=limit)
        self.listed: dict[str, FixedStepInstrument] = {}
        self._by_market: dict[str, FixedStepInstrument] = {}
        self._intervals: dict[str, str] | None = None
        self._formula = formula_of(self.quirks.exchange)
        self.has_key = credentials is not None
        self.sent: dict[str, str] = {}
        """Coin of each of our ids that this process sent an order under."""
        self._expiries: dict[str, int] = {}
        self._ids: dict[str, str | None] = {}
        self._one_command = asyncio.Lock()

    @property
    def venue(self) -> str:
        return self._venue

    def clock_ms(self) -> int:
        """Business time here, for what a venue does not stamp itself."""
        return self._clock.now_ms()

    async def start(self) -> None:
        """Learns the markets. Raises what a read raises."""
        for item in await self.instruments():
            assert isinstance(item, FixedStepInstrument)
            self.listed[item.coin] = item
            self._by_market[item.market] = item
        if self.has_key and hasattr(self.exchange, "load_leverage_brackets"):
            await self.call("load_leverage_brackets")  # ccxt would fetch them in the middle of a later read

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """A read of the exchange, its errors in ours; repeated while the venue cannot be reached."""
        try:
            return await read_with_retries(lambda: self._attempt(self.exchange, method, *args, **kwargs))
        except UnreadableError as error:
            raise UnknownOutcome(str(error)) from error

    async def once(self, exchange: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """The same in one attempt, of either exchange."""
        try:
            return await self._attempt(exchange, method, *args, **kwargs)
        except UnreadableError as error:
            raise UnknownOutcome(str(error)) from error

    async def _attempt(self, exchange: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        LAST.set(None)
        waits = method.startswith("watch_")  # for news, as long as there are none
        started, result = time.monotonic(), "unknown"
        try:
            answer = await getattr(exchange, method)(*args, **kwargs)
            require(self.quirks.fields.get(method), method, LAST.get())
            result = "ok"
        except PrimeError:
            raise
        except Exception as error:  # ccxt lets KeyErrors and their like escape when an answer is not what it expects
            failure = translated(error, LAST.get())
            result = "refused" if isinstance(failure, VenueError) else "unknown"
            raise failure from error
        finally:
            if not waits:
                self._observe(method, result, started)
        return answer

    def _observe(self, call: str, result: str, started_s: float) -> None:
        answer = LAST.get()
        if answer is not None and answer.status in TOO_MANY:
            self._limit.refused()
        seconds = time.monotonic() - started_s
        metrics.venue_latency.labels(self.quirks.exchange, call, result).observe(seconds)

    # --- public -----------------------------------------------------------------------------------------------

    async def now_ms(self) -> int:
        """The venue's own time; this machine's where it does not tell it. UnknownOutcome for one that is none."""
        if not self.exchange.has.get("fetchTime"):
            return self._clock.now_ms()
        told, ours = await self.call("fetch_time"), self._clock.now_ms()
        if type(told) is not int or abs(told - ours) > MOST_APART_MS:
            raise UnknownOutcome(f"{self.quirks.exchange}: its time is {str(told)[:40]}, ours is {ours}")
        return told

    async def instruments(self) -> list[Instrument]:
        """Linear perpetuals margined in the seat's currency that can be traded, and whose steps are known."""
        await read_with_retries(lambda: self.once(self.feed, "load_markets"))
        markets: dict[str, Any] = await self.call("load_markets")
        found: list[Instrument] = []
        for index, market in enumerate(markets.values()):
            wanted = market.get("swap") and market.get("linear") and market.get("settle") == self.quirks.settle
            if not wanted or market.get("active") is False:
                continue
            try:
                item = instrument(self._venue, index, market)
            except UnknownOutcome as error:
                log.warning("instrument_left_out", venue=self._venue, market=market["symbol"], error=str(error))
                continue
            if self._coins is None or item.coin in self._coins:
                found.append(item)
        return found

    async def contexts(self) -> dict[str, MarketContext]:
        """Coins whose mark, index, rate and funding interval are all known; the others cannot be routed."""
        rows: dict[str, Any] = await self.call("fetch_funding_rates", self._markets_or_all())
        found = {}
        for market, raw in rows.items():
            item = self._by_market.get(market)
            if item is None:
                continue
            interval = raw.get("interval") or (await self._interval(market))
            known = records.context(item.coin, raw, interval)
            if known is not None:
                found[item.coin] = msgspec.structs.replace(
                    known,
                    funding_method="accrued in an index" if self.quirks.index_funding else "settled at intervals",
                    funding_formula=self._formula,
                )
        return found

    async def _interval(self, market: str) -> str | None:
        """From the venue's own list of intervals, read once."""
        if self._intervals is None:
            rows: dict[str, Any] = {}
            if self.exchange.has.get("fetchFundingIntervals") is True:
                rows = await self.call("fetch_funding_intervals")
            self._intervals = {name: row["interval"] for name, row in rows.items() if row.get("interval")}
        return self._intervals.get(market)

    async def book(self, coin: str) -> Book:
        item = self.item(coin)
        raw = await self.call("fetch_order_book", item.market)
        return records.book(self._venue, item, raw, self._clock.now_ms())

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        """Settled rates; none where the venue accrues an index, whose observations are no settlements."""
        if self.quirks.index_funding:
            return []
        item = self.item(coin)
        rows = await self._pages("fetch_funding_rate_history", item.market, since_ms, until_ms, _stamp)
        return [records.funding_rate(self._venue, coin, raw) for raw in rows]

    # --- the seat ---------------------------------------------------------------------------------------------

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        """Each with the position before it, which no such venue reports: walked back from the position now."""
        for _ in range(CONSISTENT_TRIES):
            before = await self.positions()
            found = await self._raw_fills(since_ms)
            if before == await self.positions():
                chain = records.chained(found, before)
                return [one for one in chain if until_ms is None or one.time_ms <= until_ms]
        raise UnknownOutcome(f"{self.quirks.exchange}: positions kept moving while the fills were read")

    async def _raw_fills(self, since_ms: int) -> list[Fill]:
        markets: list[str | None] = [None]
        if "fills" in self.quirks.per_coin:
            markets = [item.market for item in self.listed.values()]
        found: list[Fill] = []
        for market in markets:
            rows = await self._pages("fetch_my_trades", market, since_ms, None, _id)
            ids = await self._ids_by_order(market, rows)
            for raw in rows:
                item = self._by_market.get(raw["symbol"])
                if item is None:
                    raise IntegrityError(f"fill {raw['id']} is in {raw['symbol']}, which this seat does not trade")
                found.append(records.fill(self._venue, self.quirks, item, raw, ids(raw)))
        return sorted(found, key=lambda one: (one.time_ms, one.tid))

    async def _ids_by_order(
        self, market: str | None, rows: Sequence[Mapping[str, Any]]
    ) -> Callable[[Mapping[str, Any]], str | None]:
        """How to find our id of a raw fill: in the fill, or in the order it belongs to."""
        field, ids = self.quirks.id_in_fills, self.quirks.ids
        if field is not None:
            return lambda raw: ids.from_venue((raw.get("info") or {}).get(field), self.sent)
        if not rows:
            return lambda raw: None
        known = self._ids  # an order's id of ours is what it was placed with: asked once
        for number in {str(raw["order"]) for raw in rows} - known.keys():
            named = next(str(raw["symbol"]) for raw in rows if str(raw["order"]) == number)
            order = await self.call("fetch_order", number, market or named)
            known[number] = ids.from_venue(order.get("clientOrderId"), self.sent)
        return lambda raw: known[str(raw["order"])]

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        """Each with the seat's size then, from its fills, and the rate settled then (nought where an index is paid)."""
        markets: list[str | None] = [None]
        if "funding" in self.quirks.per_coin:
            markets = [item.market for item in self.listed.values()]
        rows = []
        for market in markets:
            rows += await self._pages("fetch_funding_history", market, since_ms, until_ms, _id)
        if not rows:
            return []
        fills = await self.fills(min(int(raw["timestamp"]) for raw in rows))
        now = await self.positions()
        rates: dict[str, list[FundingRate]] = {}
        found = []
        for raw in sorted(rows, key=lambda raw: int(raw["timestamp"])):
            item, stamp = self._by_market[raw["symbol"]], int(raw["timestamp"])
            if item.coin not in rates:
                rates[item.coin] = await self.funding_rates(item.coin, since_ms - RATE_WITHIN_MS, until_ms)
            found.append(
                FundingPayment(
                    venue=self._venue,
                    coin=item.coin,
                    time_ms=stamp,
                    amount=received(exact(raw["amount"], f"funding payment {raw['id']}")),
                    size=_size_at(item.coin, stamp, fills, now),
                    rate=_rate_at(stamp, rates[item.coin]),
                )
            )
        return found

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        """Money from and to outside: from the venue's ledger where its kinds are known, else deposits, withdrawals."""
        if self.quirks.income:
            rows = await self._pages("fetch_ledger", None, since_ms, until_ms, _id_and_kind)
            return records.ledger_rows(self._venue, self.quirks, rows)
        found: list[LedgerRow] = []
        for method in ("fetch_deposits", "fetch_withdrawals"):
            rows = await self._pages(method, None, since_ms, until_ms, _id)
            found += [row for raw in rows if (row := records.transfer_row(self._venue, self.quirks, raw))]
        return sorted(found, key=lambda row: row.time_ms)

    async def positions(self) -> dict[str, Decimal]:
        """Signed sizes of the open positions."""
        return {one.coin: one.size for one in (await self._positions())[0]}

    async def _positions(self) -> tuple[list[Any], list[Mapping[str, Any]]]:
        raws = [raw for raw in await self.call("fetch_positions") if raw["symbol"] in self._by_market]
        found = [records.position(self._by_market[raw["symbol"]], raw) for raw in raws]
        return [one for one in found if one.size], raws

    async def state(self) -> SeatState:
        """No spot. `cash` = the wallet less what the open positions cost, exactly, where the venue tells its wallet;
        else equity less the positions' value at the venue's mark prices, read a moment apart."""
        for _ in range(CONSISTENT_TRIES):
            positions, raws = await self._positions()
            equity, used, free, wallet = await self._totals(raws)
            if wallet is None or [one.size for one in (await self._positions())[0]] == [one.size for one in positions]:
                break
        else:
            raise UnknownOutcome(f"{self.quirks.exchange}: positions kept moving while the account was read")
        if wallet is not None:
            cash = wallet - sum((records.cost(self._by_market[raw["symbol"]], raw) for raw in raws), Decimal(0))
        else:
            contexts = await self.contexts() if positions else {}
            cash = equity - sum((one.size * _mark(one.coin, contexts) for one in positions), Decimal(0))
        return SeatState(
            venue=self._venue,
            time_ms=await self.now_ms(),
            equity=received(equity),
            cash=received(cash),
            spot=0,
            margin_used=received(used),
            withdrawable=received(free),
            positions=tuple(positions),
        )

    async def _totals(self, raws: Sequence[Mapping[str, Any]]) -> tuple[Decimal, Decimal, Decimal, Decimal | None]:
        """Equity, margin used, what may leave, and the wallet's balance if it is told."""
        if self.quirks.account is not None:
            method, fields = self.quirks.account
            if self.quirks.exchange == "paradex":
                await self.call("authenticate_rest")
            answer = await self.call(method)
            if not isinstance(answer, Mapping):
                raise UnknownOutcome(f"account: {str(answer)[:60]!r} is no account")
            equity, used, free = (exact(answer.get(name), f"account {name}") for name in fields)
            wallet = self.quirks.wallet
            return equity, used, free, None if wallet is None else exact(answer.get(wallet), f"account {wallet}")
        balance = (await self.call("fetch_balance")).get(self.quirks.settle) or {}
        total, free, used = (exact(balance.get(name) or 0, f"balance {name}") for name in ("total", "free", "used"))
        profit = sum((exact(raw.get("unrealizedPnl") or 0, "unrealised profit") for raw in raws), Decimal(0))
        return total + profit, used, free, None

    async def fees(self) -> FeeRates:
        coin = next(iter(self.listed))
        rates = await self.call("fetch_trading_fee", self.listed[coin].market)
        taker, maker = (exact(rates[name], f"{name} fee") * 10_000 for name in ("taker", "maker"))
        return FeeRates(taker_bps=taker, maker_bps=maker)

    def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        """Books and contexts of `coins`, and the seat's fills, for ever; close the generator to stop."""
        return stream(self, coins)

    # --- parts ------------------------------------------------------------------------------------------------

    def item(self, coin: str) -> FixedStepInstrument:
        """VenueError for a coin the venue does not list (or before `start`)."""
        found = self.listed.get(coin)
        if found is None:
            raise VenueError(f"{self.quirks.exchange}: no perpetual of {coin!r} in {self.quirks.settle}")
        return found

    def _markets_or_all(self) -> list[str] | None:
        return None if self._coins is None else [item.market for item in self.listed.values()]

    async def _pages(
        self, method: str, first: str | None, since_ms: int, until_ms: int | None, key: Callable[[Any], str]
    ) -> list[Any]:
        """All rows of a range, oldest first, each once. A full page says nothing of what it left out, nor of which
        end: its range is halved until no page is full."""
        end = until_ms if until_ms is not None else await self.now_ms()
        span, page = self.quirks.span_ms or end, self.quirks.page
        start = max(self._opened_ms, since_ms)
        open_ranges = [(low, min(end, low + span)) for low in range(start, end + 1, span + 1)]
        found: dict[str, Any] = {}
        while open_ranges:
            low, high = open_ranges.pop()
            rows = await self.call(method, first, low, page, {"until": high + 1})
            if len(rows) >= page:
                if low == high:
                    raise IntegrityError(f"{self.quirks.exchange} {method}: {page} rows or more at {low}")
                middle = (low + high) // 2
                open_ranges += [(low, middle), (middle + 1, high)]
            else:
                found |= {key(raw): raw for raw in rows if low <= int(raw["timestamp"]) <= high}
        return sorted(found.values(), key=lambda raw: int(raw["timestamp"]))

    async def close(self) -> None:
        await asyncio.gather(close_exchange(self.exchange), close_exchange(self.feed))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _id(raw: Mapping[str, Any]) -> str:
    return str(raw["id"])


def _stamp(raw: Mapping[str, Any]) -> str:
    return str(raw["timestamp"])


def _id_and_kind(raw: Mapping[str, Any]) -> str:
    """The Binance family gives a trade's profit and commission one id."""
    return f"{raw['id']} {raw['info'].get('incomeType')}"


def _size_at(coin: str, time_ms: int, fills: Sequence[Fill], now: Mapping[str, Decimal]) -> Decimal:
    """The position just before an instant: fills stamped at it belong after it, as where the fill pays the funding."""
    later = [one for one in fills if one.coin == coin and one.time_ms >= time_ms]
    return later[0].start_position if later else now.get(coin, Decimal(0))


def _rate_at(time_ms: int, rates: Sequence[FundingRate]) -> Decimal:
    """The rate settled within a minute of an instant; nought when none was."""
    near = [one for one in rates if abs(one.time_ms - time_ms) <= RATE_WITHIN_MS]
    return min(near, key=lambda one: abs(one.time_ms - time_ms)).rate if near else Decimal(0)


def _mark(coin: str, contexts: Mapping[str, MarketContext]) -> Decimal:
    found = contexts.get(coin)
    if found is None:
        raise UnknownOutcome(f"no mark price of {coin}, in which the seat holds a position")
    return found.mark
