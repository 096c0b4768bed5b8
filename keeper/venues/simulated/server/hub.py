"""WebSocket subscribers: who listens to what, and what goes out after every action, block and funding instant."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from aiohttp import web

from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.events import (
    CanceledByVenue,
    Event,
    Filled,
    FundingPaid,
    LedgerChanged,
    OrderChanged,
    Traded,
)
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.info import Info
from keeper.venues.simulated.wire import render

BOOK_EVERY_MS = 500
CONTEXT_EVERY_MS = 1_000
QUEUE_LIMIT = 20_000

Topic = tuple[str, str]  # (subscription type, coin or user or "")


class Connection:
    """One socket: its topics and a queue that its own task writes out, so that a slow reader holds nobody up."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.topics: dict[Topic, dict[str, Any]] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_LIMIT)
        self.overflowed = False

    def send(self, text: str) -> None:
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            self.overflowed = True

    def send_message(self, channel: str, data: Any) -> None:
        self.send(encode(channel, data))

    async def write(self) -> None:
        """Writes until the socket closes; one that fell QUEUE_LIMIT messages behind is closed."""
        while not self.socket.closed and not self.overflowed:
            await self.socket.send_str(await self._queue.get())
        await self.socket.close()


def encode(channel: str, data: Any) -> str:
    return msgspec.json.encode({"channel": channel, "data": data}).decode()


class Hub:
    """Publishes one venue to its connections."""

    def __init__(self, venue: Venue, info: Info) -> None:
        self._venue, self._info = venue, info
        self.connections: set[Connection] = set()
        self._sent_ms: dict[Topic, int] = {}
        self._last_bbo: dict[str, Any] = {}

    def publish_events(self, events: Iterable[Event]) -> None:
        """User channels and trades, in the order things happened; one message per account and kind."""
        fills: dict[str, list[Any]] = {}
        updates: dict[str, list[Any]] = {}
        trades: dict[str, list[Any]] = {}
        for event in events:
            if isinstance(event, Filled):
                fills.setdefault(event.fill.account, []).append(render.fill(event.fill))
            elif isinstance(event, OrderChanged):
                updates.setdefault(event.account, []).append(render.order_update(event))
            elif isinstance(event, Traded):
                trades.setdefault(event.trade.spec.coin, []).append(render.trade(event.trade))
            elif isinstance(event, CanceledByVenue):
                canceled = {"nonUserCancel": [{"coin": event.spec.coin, "oid": event.oid}]}
                self._to(("userEvents", event.account), "user", canceled)
            elif isinstance(event, FundingPaid):
                self._funding(event)
            elif isinstance(event, LedgerChanged):
                row = render.ledger(event.row)
                data = {"user": event.account, "nonFundingLedgerUpdates": [row]}
                self._to(("userNonFundingLedgerUpdates", event.account), "userNonFundingLedgerUpdates", data)
        for account, rows in updates.items():
            self._to(("orderUpdates", account), "orderUpdates", rows)
        for account, rows in fills.items():
            self._to(("userFills", account), "userFills", {"user": account, "fills": rows, "isSnapshot": False})
            self._to(("userEvents", account), "user", {"fills": rows})
        for coin, rows in trades.items():
            self._to(("trades", coin), "trades", rows)

    def publish_markets(self, time_ms: int, *, force: bool = False) -> None:
        """Books, best prices, mids and contexts to whoever listens; `force` also inside a channel's usual interval."""
        wanted = {topic for connection in self.connections for topic in connection.topics}
        for topic in sorted(wanted):
            kind, coin = topic
            if kind == "allMids" and self._due(topic, time_ms, CONTEXT_EVERY_MS, force):
                self._to(topic, "allMids", {"mids": self._info.all_mids()})
            market = self._venue.market_of(coin) if kind in ("l2Book", "bbo", "activeAssetCtx") else None
            if market is not None:
                self._publish_market(topic, market, time_ms, force)

    def _publish_market(self, topic: Topic, market: Market, time_ms: int, force: bool) -> None:
        kind, coin = topic
        if kind == "l2Book" and self._due(topic, time_ms, BOOK_EVERY_MS, force):
            self._to(topic, "l2Book", render.book(market, time_ms))
        elif kind == "bbo":
            best = render.bbo(market, time_ms)
            if self._last_bbo.get(coin) != best["bbo"]:
                self._last_bbo[coin] = best["bbo"]
                self._to(topic, "bbo", best)
        elif kind == "activeAssetCtx" and self._due(topic, time_ms, CONTEXT_EVERY_MS, force):
            self._to(topic, "activeAssetCtx", {"coin": coin, "ctx": render.asset_context(self._venue, market)})

    def snapshot(self, connection: Connection, topic: Topic) -> None:
        """What a new subscriber gets at once."""
        kind, subject = topic
        now = self._venue.now_ms()
        market = self._venue.market_of(subject)
        if market is not None:
            builders: dict[str, Callable[[], Any]] = {
                "l2Book": lambda: render.book(market, now),
                "bbo": lambda: render.bbo(market, now),
                "activeAssetCtx": lambda: {"coin": subject, "ctx": render.asset_context(self._venue, market)},
                "trades": lambda: [render.trade(trade) for trade in market.trades],
            }
            connection.send_message(kind, builders[kind]())
            return
        if kind == "allMids":
            connection.send_message(kind, {"mids": self._info.all_mids()})
            return
        question = {"user": subject, "startTime": 0}
        if kind == "userFills":
            rows = self._info.answer({"type": "userFills", **question})
            connection.send_message(kind, {"user": subject, "fills": rows, "isSnapshot": True})
        elif kind == "userFundings":
            account = self._venue.find(subject)
            rows = [_flat_funding(row) for row in account.fundings[-500:]] if account else []
            connection.send_message(kind, {"user": subject, "fundings": rows, "isSnapshot": True})
        elif kind == "userNonFundingLedgerUpdates":
            rows = self._info.answer({"type": "userNonFundingLedgerUpdates", **question})
            connection.send_message(kind, {"user": subject, "nonFundingLedgerUpdates": rows, "isSnapshot": True})

    def _funding(self, event: FundingPaid) -> None:
        row = _flat_funding(event.row)
        self._to(("userEvents", event.account), "user", {"funding": row})
        data = {"user": event.account, "fundings": [row], "isSnapshot": False}
        self._to(("userFundings", event.account), "userFundings", data)

    def _due(self, topic: Topic, time_ms: int, every_ms: int, force: bool) -> bool:
        if not force and time_ms - self._sent_ms.get(topic, 0) < every_ms:
            return False
        self._sent_ms[topic] = time_ms
        return True

    def _to(self, topic: Topic, channel: str, data: Any) -> None:
        listeners = [connection for connection in self.connections if topic in connection.topics]
        if listeners:
            text = encode(channel, data)
            for connection in listeners:
                connection.send(text)


def _flat_funding(row: Any) -> dict[str, Any]:
    return {"time": row.time_ms, **render.funding_delta(row)}
