"""Reads of Hyperliquid's `/info`, with no key: the same client for the keeper, the auditor and the attestors."""

from collections.abc import AsyncGenerator, Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from keeper.errors import ConfigError, IntegrityError, UnknownOutcome, VenueError
from keeper.model.instruments import Instrument
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow, SeatState
from keeper.venues.base import Book, FeeRates, MarketContext, OrderReport, StreamEvent
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.instruments import instruments
from keeper.venues.hyperliquid.stream import stream
from keeper.venues.hyperliquid.wire import INFO, decode
from keeper.venues.hyperliquid.wire.account import AgentOf, FundingRow, KnownOrder, UserFill
from keeper.venues.hyperliquid.wire.ledger import LedgerUpdate
from keeper.venues.hyperliquid.wire.market import FundingRateRow
from keeper.venues.limits import IpLimit
from keeper.venues.resting import RestingOrder
from keeper.venues.transport import HttpTransport, read_with_retries

WEIGHT_PER_MINUTE = 1200
"""Of one IP address, over all requests (docs, rate limits)."""
FILLS_PER_PAGE = 2000
ROWS_PER_PAGE = 500

LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
"""Requests of weight 2; userRole weighs 60, the rest 20 (docs, rate limits)."""

RowT = TypeVar("RowT", UserFill, FundingRow, FundingRateRow, LedgerUpdate)


class SpotHolding(msgspec.Struct, frozen=True):
    """`hold` of `total` is bound by orders."""

    total: Decimal
    hold: Decimal


class AgentEntry(msgspec.Struct, frozen=True):
    name: str
    address: str
    valid_until_ms: int | None


class HyperliquidReadClient:
    """`account` is the seat's own address at the venue (never an agent's), `venue_id` the adapter contract's.

    Times in ms, ranges inclusive. Every read is retried while its outcome is unknown. Raises VenueError when the venue
    refuses, UnknownOutcome when it cannot be reached or understood, IntegrityError when its records contradict.
    """

    def __init__(
        self,
        base_url: str,
        account: str,
        venue_id: str,
        *,
        weight_per_minute: float = WEIGHT_PER_MINUTE,
        timeout_s: float = 5.0,
        ip_limit: IpLimit | None = None,
    ) -> None:
        self.account = account.lower()
        self._venue = venue_id.lower()
        self.tap: Callable[[Book], None] | None = None
        """Given each book of the stream in the step in which it is read; set before `stream`."""
        self._http = HttpTransport(base_url, timeout_s=timeout_s, weight_per_minute=weight_per_minute, limit=ip_limit)

    @property
    def venue(self) -> str:
        return self._venue

    @property
    def base_url(self) -> str:
        return self._http.base_url

    async def info(self, kind: str, **fields: Any) -> Any:
        """One typed answer of `/info`; `kind` is a key of `wire.INFO`, `fields` the request's own."""
        payload = {"type": kind} | fields
        weight = 2 if kind in LIGHT else 60 if kind == "userRole" else 20
        body = await read_with_retries(lambda: self._http.post("/info", payload, weight=weight, call=kind))
        try:
            return decode(body, INFO[kind])
        except msgspec.MsgspecError as error:
            raise UnknownOutcome(f"{self.base_url}/info {kind}: not the record it should be: {error}") from error

    async def now_ms(self) -> int:
        """The venue's own time."""
        return int((await self.info("exchangeStatus")).time)

    async def dexes(self) -> list[str]:
        """Names of the builder-deployed exchanges (HIP-3); the n-th of them has asset ids from 100000 + n × 10000."""
        return [dex.name for dex in await self.info("perpDexs") if dex is not None]

    async def instruments(self, dex: str = "") -> list[Instrument]:
        """Perpetuals that can be traded: of the main exchange, or of the builder-deployed one of that name."""
        if not dex:
            return instruments(self._venue, await self.info("meta"))
        listed = await self.info("perpDexs")
        index = next((n for n, entry in enumerate(listed) if entry is not None and entry.name == dex), None)
        if index is None:
            raise VenueError(f"{self.base_url}: no exchange {dex!r}; there are: {', '.join(await self.dexes())}")
        return instruments(self._venue, await self.info("meta", dex=dex), index)

    async def contexts(self, dex: str = "") -> dict[str, MarketContext]:
        """Mark, oracle, funding of every coin, delisted ones too."""
        meta, ctxs = await self.info("metaAndAssetCtxs", **({"dex": dex} if dex else {}))
        if len(meta.universe) != len(ctxs):
            raise UnknownOutcome(f"{self.base_url}: {len(meta.universe)} coins and {len(ctxs)} contexts")
        return {asset.name: records.context(asset.name, ctx) for asset, ctx in zip(meta.universe, ctxs, strict=True)}

    async def book(self, coin: str) -> Book:
        """The 20 best levels of each side. VenueError for a coin the venue does not know."""
        wire = await self.info("l2Book", coin=coin)
        if wire is None:
            raise VenueError(f"{self.base_url}: no book for coin {coin!r}")
        return records.book(self._venue, wire)

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
        rows = await self._pages(
            "fundingHistory", {"coin": coin}, since_ms, until_ms, ROWS_PER_PAGE, FundingRateRow, lambda row: row.time
        )
        return [FundingRate(venue=self._venue, coin=row.coin, time_ms=row.time, rate=row.funding_rate) for row in rows]

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]:
        """The seat's fills, oldest first. The venue keeps the newest 10,000 only."""
        rows = await self._pages(
            "userFillsByTime", self._user, since_ms, until_ms, FILLS_PER_PAGE, UserFill, lambda row: row.time
        )
        return [records.fill(self._venue, row) for row in rows]

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]:
        rows = await self._pages(
            "userFunding", self._user, since_ms, until_ms, ROWS_PER_PAGE, FundingRow, lambda row: row.time
        )
        return [records.payment(self._venue, row) for row in rows]

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        """Deposits, withdrawals, transfers; each with its effect on perp account value + spot USDC."""
        rows = await self._pages(
            "userNonFundingLedgerUpdates",
            self._user,
            since_ms,
            until_ms,
            ROWS_PER_PAGE,
            LedgerUpdate,
            lambda row: row.time,
        )
        return [records.ledger_row(self._venue, self.account, row) for row in rows]

    async def state(self) -> SeatState:
        perp = await self.info("clearinghouseState", user=self.account)
        spot = await self.info("spotClearinghouseState", user=self.account)
        return records.seat_state(self._venue, perp, spot)

    async def spot_balances(self) -> dict[str, SpotHolding]:
        """Everything the account holds on spot, by token."""
        state = await self.info("spotClearinghouseState", user=self.account)
        return {item.coin: SpotHolding(item.total, item.hold) for item in state.balances}

    async def open_orders(self) -> list[RestingOrder]:
        return [records.resting(order) for order in await self.info("openOrders", user=self.account)]

    async def agents(self) -> list[AgentEntry]:
        """The named agents of the account, each with its end (None = the venue gave it none)."""
        found = await self.info("extraAgents", user=self.account)
        return [AgentEntry(entry.name, entry.address.lower(), entry.valid_until) for entry in found]

    async def allowance(self) -> tuple[int, int]:
        """Commands used and allowed, as the venue counts them for the account."""
        limit = await self.info("userRateLimit", user=self.account)
        return limit.n_requests_used, limit.n_requests_cap

    async def check_agent(self, agent: str) -> None:
        """ConfigError naming the mistake when `agent` may not trade for the account: the three addresses (account,
        agent, vault contract) are easily taken for one another. Costs 60 of the rate limit."""
        role = await self.info("userRole", user=agent)
        if role.role != "agent":
            hint = "it is an account of its own" if role.role == "user" else f"the venue calls it {role.role}"
            raise ConfigError(f"trader key: {agent} is no agent of {self.account} ({hint}); approve it first")
        if not isinstance(role.data, AgentOf) or role.data.user.lower() != self.account:
            raise ConfigError(f"trader key: {agent} is an agent of another account than {self.account}")

    async def fees(self) -> FeeRates:
        rates = await self.info("userFees", user=self.account)
        return FeeRates(taker_bps=rates.user_cross_rate * 10_000, maker_bps=rates.user_add_rate * 10_000)

    async def status(self, cloid: str) -> OrderReport | None:
        """The order of that client id; None = the venue knows none (for up to a second after an order, docs say)."""
        answer = await self.info("orderStatus", user=self.account, oid=cloid)
        return records.order_report(cloid, answer.order) if isinstance(answer, KnownOrder) else None

    @property
    def _user(self) -> dict[str, str]:
        return {"user": self.account}

    def stream(self, coins: Sequence[str]) -> AsyncGenerator[StreamEvent, None]:
        """Books and contexts of `coins`, and the seat's fills, for ever; close the generator to stop."""
        return stream(self.base_url, self._venue, self.account, coins, self.tap)

    async def _pages(
        self,
        kind: str,
        fields: dict[str, str],
        since_ms: int,
        until_ms: int | None,
        cap: int,
        row_type: type[RowT],
        time_of: Callable[[RowT], int],
    ) -> Sequence[RowT]:
        """All rows of a range. A full page is followed by one from its last instant on, whose rows come again whole."""
        found: list[RowT] = []
        start = since_ms
        while True:
            bounds = {"startTime": start} if until_ms is None else {"startTime": start, "endTime": until_ms}
            page: list[RowT] = await self.info(kind, **fields, **bounds)
            if any(time_of(a) > time_of(b) for a, b in pairwise(page)):
                raise IntegrityError(f"{self.base_url}/info {kind}: rows are not oldest first")
            if len(page) < cap:
                return found + page
            last = time_of(page[-1])
            if last == start:
                raise IntegrityError(f"{self.base_url}/info {kind}: over {cap} {row_type.__name__} rows at {last}")
            found += [row for row in page if time_of(row) < last]
            start = last

    async def close(self) -> None:
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
