"""WebSocket channels, named as the venue names them: `order_book.BTC-USD-PERP.snapshot@15@100ms`, `fills.ALL`, ..."""

from collections.abc import Callable
from typing import Any

from keeper.venues.simulated.dialects.continuous_funding import ContinuousFunding
from keeper.venues.simulated.dialects.paradex import render
from keeper.venues.simulated.dialects.publisher import Publisher
from keeper.venues.simulated.events import Event, Filled, OrderChanged, Traded
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.topics import Topic
from keeper.venues.simulated.server.world import World

PRIVATE = ("orders", "fills", "positions", "account", "funding_payments")
EVERY_MS = {"order_book": 250, "markets_summary": 1_000, "funding_data": 5_000, "bbo": 250}
MARKET_KINDS = (*EVERY_MS, "trades")
ALL = "ALL"


class ParadexPublisher(Publisher):
    """Topics: (channel, "") for public channels, (channel, ethereum address) for an account's own."""

    def __init__(self, world: World, funding: ContinuousFunding) -> None:
        super().__init__(world)
        self.funding = funding
        self.accounts: dict[str, str] = {}
        self.by_name = {render.name_of(market.spec.coin): market for market in world.venue.markets_of(0)}
        self._sequence = 0

    def knows(self, channel: str) -> bool:
        """Whether there is such a channel."""
        kind, _, rest = channel.partition(".")
        name = rest.partition(".")[0]
        if kind in ("positions", "account", "markets_summary", "funding_data") and not rest:
            return True
        return kind in (*MARKET_KINDS, "orders", "fills", "funding_payments") and (name in self.by_name or name == ALL)

    def account_id(self, address: str) -> str:
        """The Starknet account of an engine's account."""
        return self.accounts.get(address, address)

    def on_event(self, event: Event) -> None:
        match event:
            case Filled(fill=fill):
                before = len(self.funding.payments)
                self.funding.realise(fill)
                paid = self.funding.payments[before:]
                for row in paid:
                    data = render.payment(fill.spec, row, self.account_id(fill.account))
                    self._own("funding_payments", render.name_of(fill.spec.coin), fill.account, data)
                order = self.world.venue.state.accounts[fill.account].orders[fill.oid]
                left = order.original - self.filled(fill.oid)[0]
                data = render.fill(fill, self.account_id(fill.account), left, sum(row.amount for row in paid))
                self._own("fills", render.name_of(fill.spec.coin), fill.account, data)
            case OrderChanged():
                order = self.world.venue.state.accounts[event.account].orders[event.oid]
                data = render.order(order, self.account_id(event.account), self.filled(event.oid))
                self._own("orders", render.name_of(event.spec.coin), event.account, data)
            case Traded(trade=trade):
                name, data = render.name_of(trade.spec.coin), render.trade(trade)
                for channel in (f"trades.{name}", f"trades.{ALL}"):
                    self._send((channel, ""), channel, data)

    def finish(self, batch: list[Event]) -> None:
        touched: dict[str, set[int]] = {}
        for event in batch:
            if isinstance(event, Filled):
                touched.setdefault(event.fill.account, set()).add(event.fill.spec.index)
        venue = self.world.venue
        for address, assets in touched.items():
            found, name = venue.state.accounts[address], self.account_id(address)
            for asset in sorted(assets):
                data = render.position(venue, self.funding, found, name, asset)
                self._send(("positions", address), "positions", data)
            self._send(("account", address), "account", render.account(venue, self.funding, found, name))

    def publish_markets(self, time_ms: int, *, force: bool = False) -> None:
        for topic in () if self.stale else sorted(self.topics()):
            kind, _, rest = topic[0].partition(".")
            if kind in EVERY_MS and self.due(topic, time_ms, EVERY_MS[kind], force=force):
                self.snapshot_of(topic[0], kind, rest.partition(".")[0], time_ms)

    def snapshot_of(self, channel: str, kind: str, name: str, time_ms: int) -> None:
        """What a public channel says now, to all its listeners."""
        market = self.by_name.get(name)
        markets = [market] if market is not None else [one for one in self.by_name.values() if not one.halted]
        venue = self.world.venue
        rows: dict[str, Callable[[Market], dict[str, Any]]] = {
            "order_book": lambda one: self._book(one, time_ms),
            "markets_summary": lambda one: render.summary(venue, one),
            "funding_data": lambda one: render.funding_data(venue, self.funding, one),
            "bbo": lambda one: self._best(one, time_ms),
        }
        for one in markets:
            self._send((channel, ""), channel, rows[kind](one))

    def _book(self, market: Market, time_ms: int) -> dict[str, Any]:
        self._sequence += 1
        sides = render.levels(market, 15)
        inserts = [
            {"side": side, "price": price, "size": size}
            for side, name in (("BUY", "bids"), ("SELL", "asks"))
            for price, size in sides[name]
        ]
        return {
            "seq_no": self._sequence,
            "market": render.name_of(market.spec.coin),
            "last_updated_at": time_ms,
            "update_type": "s",
            "inserts": inserts,
            "updates": [],
            "deletes": [],
        }

    def _best(self, market: Market, time_ms: int) -> dict[str, Any]:
        sides = render.levels(market, 1)
        (bid, bid_size), (ask, ask_size) = ((sides[name] or [["0", "0"]])[0] for name in ("bids", "asks"))
        best = {"bid": bid, "bid_size": bid_size, "ask": ask, "ask_size": ask_size}
        return best | {"market": render.name_of(market.spec.coin), "last_updated_at": time_ms, "seq_no": self._sequence}

    def _own(self, kind: str, name: str, address: str, data: dict[str, Any]) -> None:
        for channel in (f"{kind}.{name}", f"{kind}.{ALL}"):
            self._send((channel, address), channel, data)

    def _send(self, topic: Topic, channel: str, data: dict[str, Any]) -> None:
        message = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
        self.to(topic, message)
