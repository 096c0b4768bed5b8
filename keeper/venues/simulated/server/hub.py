"""WebSocket subscribers: who listens to what, and what goes out after every action, block and funding instant."""

import asyncio
from collections.abc import Iterable
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
    Liquidated,
    Notified,
    OrderChanged,
    Traded,
    TwapChanged,
)
from keeper.venues.simulated.server import topics
from keeper.venues.simulated.server.faults import Faults
from keeper.venues.simulated.server.info import Info
from keeper.venues.simulated.server.info_account import aggregated
from keeper.venues.simulated.server.snapshots import Snapshots, flat_funding
from keeper.venues.simulated.units import usdc_text
from keeper.venues.simulated.wire import render, render_account

Topic = topics.Topic
BOOK_EVERY_MS = 500
QUEUE_LIMIT = 20_000
SILENCE_S = 60
# channels that are sent again and again while somebody listens
PERIODS_MS = {
    "l2Book": BOOK_EVERY_MS,
    "bbo": 0,
    "allMids": 1_000,
    "activeAssetCtx": 1_000,
    "candle": 1_000,
    "assetCtxs": 1_000,
    "spotAssetCtxs": 1_000,
    "allDexsAssetCtxs": 3_000,
    "activeAssetData": 1_000,
    "webData2": 5_000,
    "webData3": 5_000,
    "clearinghouseState": 5_000,
    "openOrders": 5_000,
    "twapStates": 5_000,
    "spotState": 5_000,
    "allDexsClearinghouseState": 5_000,
}
ON_CHANGE = ("bbo",)


class Connection:
    """One socket: its topics and a queue that its own task writes out, so that a slow reader holds nobody up.
    `silence_s`: how long its venue leaves one open that has nothing to say; None = for ever."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        faults: Faults | None = None,
        ip: str = "",
        silence_s: float | None = SILENCE_S,
    ) -> None:
        self.socket, self.ip, self._silence_s = socket, ip, silence_s
        self.topics: dict[Topic, dict[str, Any]] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_LIMIT)
        self._faults = faults
        self.overflowed = False

    def close_soon(self) -> None:
        """The writer closes the socket instead of writing on."""
        self.overflowed = True
        self._queue.put_nowait("")

    def send(self, text: str) -> None:
        for each in self._faults.on_socket(self, text) if self._faults is not None else (text,):
            try:
                self._queue.put_nowait(each)
            except asyncio.QueueFull:
                self.overflowed = True

    def send_message(self, channel: str, data: Any) -> None:
        self.send(encode(channel, data))

    async def write(self) -> None:
        """Writes until the socket closes; one that fell QUEUE_LIMIT messages behind, or that was sent nothing for so
        long (its client did not ping either), is closed."""
        while not self.socket.closed and not self.overflowed:
            try:
                async with asyncio.timeout(self._silence_s):
                    text = await self._queue.get()
            except TimeoutError:
                if self._faults is not None and self._faults.is_silent(self):
                    continue
                break
            if not self.overflowed:
                await self.socket.send_str(text)
        await self.socket.close()


def encode(channel: str, data: Any) -> str:
    return msgspec.json.encode({"channel": channel, "data": data}).decode()


class Hub:
    """Publishes one venue to its connections."""

    def __init__(self, venue: Venue, info: Info) -> None:
        self._venue, self._info = venue, info
        self.snapshots = Snapshots(venue, info)
        self.connections: set[Connection] = set()
        self._sent_ms: dict[Topic, int] = {}
        self._last: dict[Topic, Any] = {}
        self.stale = False

    def publish_events(self, events: Iterable[Event]) -> None:
        """User channels and trades, in the order things happened; one message per account and kind."""
        fills: dict[str, list[Any]] = {}
        slices: dict[str, list[Any]] = {}
        updates: dict[str, list[Any]] = {}
        trades: dict[str, list[Any]] = {}
        for event in events:
            if isinstance(event, Filled):
                shown = render.fill(event.fill)
                fills.setdefault(event.fill.account, []).append(shown)
                if event.fill.twap_id is not None:
                    slices.setdefault(event.fill.account, []).append({"fill": shown, "twapId": event.fill.twap_id})
            elif isinstance(event, OrderChanged):
                updates.setdefault(event.account, []).append(render.order_update(event))
            elif isinstance(event, Traded):
                trades.setdefault(event.trade.spec.coin, []).append(render.trade(event.trade))
            else:
                self._single(event)
        for account, rows in updates.items():
            self._to(("orderUpdates", account), "orderUpdates", rows)
            self._rows("userHistoricalOrders", account, "orderHistory", self._with_detail(account, rows))
        for account, rows in fills.items():
            self._rows("userFills", account, "fills", rows)
            data = {"user": account, "fills": aggregated(rows), "isSnapshot": False}
            self._to(("userFills", f"{account},aggregated"), "userFills", data)
            self._to(("userEvents", account), "user", {"fills": rows})
        for account, rows in slices.items():
            self._rows("userTwapSliceFills", account, "twapSliceFills", rows)
            self._to(("userEvents", account), "user", {"twapSliceFills": rows})
        for coin, rows in trades.items():
            self._to(("trades", coin), "trades", rows)
        for account in {*updates, *fills}:
            self._state_changed(account)

    def _single(self, event: Event) -> None:
        match event:
            case CanceledByVenue():
                canceled = {"nonUserCancel": [{"coin": event.spec.coin, "oid": event.oid}]}
                self._to(("userEvents", event.account), "user", canceled)
            case FundingPaid():
                row = flat_funding(event.row)
                self._to(("userEvents", event.account), "user", {"funding": row})
                self._rows("userFundings", event.account, "fundings", [row])
            case LedgerChanged():
                rows = [render.ledger(event.row)]
                self._rows("userNonFundingLedgerUpdates", event.account, "nonFundingLedgerUpdates", rows)
            case Liquidated():
                shown = {
                    "lid": event.lid,
                    "liquidator": event.liquidator,
                    "liquidated_user": event.account,
                    "liquidated_ntl_pos": usdc_text(event.notional),
                    "liquidated_account_value": usdc_text(event.account_value),
                }
                self._to(("userEvents", event.account), "user", {"liquidation": shown})
            case TwapChanged():
                twap = self._venue.twaps.find(event.twap_id)
                assert twap is not None
                rows = [render_account.twap_history(self._venue, twap)]
                self._rows("userTwapHistory", event.account, "history", rows)
                self._to(("userEvents", event.account), "user", {"twapHistory": rows})
            case Notified():
                self._to(("notification", event.account), "notification", {"notification": event.text})

    def _rows(self, kind: str, account: str, field: str, rows: list[Any]) -> None:
        self._to((kind, account), kind, {"user": account, field: rows, "isSnapshot": False})

    def _with_detail(self, account: str, rows: list[Any]) -> list[Any]:
        if not self._listened(("userHistoricalOrders", account)):
            return []
        orders = self._venue.state.accounts[account].orders
        return [
            row | {"order": render.frontend_order(orders[row["order"]["oid"]])}
            for row in rows
            if row["order"]["oid"] in orders
        ]

    def _state_changed(self, account: str) -> None:
        """State channels follow what happened at once, not only their period."""
        for kind in ("clearinghouseState", "openOrders", "spotState"):
            topic = (kind, account)
            if self._listened(topic):
                self._send_now(topic, self._venue.now_ms())

    def publish_markets(self, time_ms: int, *, force: bool = False) -> None:
        """What is sent again and again, to whoever listens; `force` also inside a channel's usual interval. Nothing
        of it while `stale`: the venue's books then stand still for their listeners, as when its publisher hangs."""
        if self.stale:
            return
        wanted = {topic for connection in self.connections for topic in connection.topics}
        for topic in sorted(wanted):
            period = PERIODS_MS.get(topic[0])
            if period is not None and self._due(topic, time_ms, period, force):
                self._send_now(topic, time_ms)

    def _send_now(self, topic: Topic, time_ms: int) -> None:
        message = self.snapshots.of(topic, time_ms)
        if message is None:
            return
        channel, data = message
        if topic[0] in ON_CHANGE:
            if self._last.get(topic) == data["bbo"]:
                return
            self._last[topic] = data["bbo"]
        self._to(topic, channel, data)

    def snapshot(self, connection: Connection, topic: Topic) -> None:
        """What a new subscriber gets at once."""
        message = self.snapshots.of(topic, self._venue.now_ms())
        if message is not None:
            connection.send_message(*message)

    def _due(self, topic: Topic, time_ms: int, every_ms: int, force: bool) -> bool:
        if not force and time_ms - self._sent_ms.get(topic, 0) < every_ms:
            return False
        self._sent_ms[topic] = time_ms
        return True

    def _listened(self, topic: Topic) -> bool:
        return any(topic in connection.topics for connection in self.connections)

    def _to(self, topic: Topic, channel: str, data: Any) -> None:
        listeners = [connection for connection in self.connections if topic in connection.topics]
        if listeners:
            text = encode(channel, data)
            for connection in listeners:
                connection.send(text)
