"""WebSocket streams: `btcusdt@depth20` and its like for everybody, order and account updates per listen key."""

from typing import Any

from keeper.venues.simulated.dialects.aster import render
from keeper.venues.simulated.dialects.aster.symbols import ASSET, symbol_of
from keeper.venues.simulated.dialects.publisher import Publisher
from keeper.venues.simulated.events import Event, Filled, FundingPaid, LedgerChanged, OrderChanged, Traded
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Fill, Order, OrderStatus
from keeper.venues.simulated.server.world import World

EVERY_MS = {"depth": 250, "markPrice": 1_000, "ticker": 1_000, "bookTicker": 250}
BUILDER_SCALE = 10**6


class AsterPublisher(Publisher):
    """Topics: (stream name, "") for public streams, ("user", account) for an account's own."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.by_symbol = {symbol_of(market.spec.coin): market for market in world.venue.markets_of(0)}
        self.builder_rates: dict[int, int] = {}
        self.builder_fees: dict[tuple[int, int], int] = {}
        self._announced: set[int] = set()
        self._last_update: dict[str, int] = {}

    def forced_id(self, fill: Fill) -> str | None:
        """As Binance's kind of venue names them."""
        return "adl_autoclose" if fill.liquidation is None else f"autoclose-{fill.tid}"

    # --- an account's own -------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        match event:
            case Filled(fill=fill):
                self._charge_builder(fill)
                self._fill(fill)
            case OrderChanged():
                self._order(event)
            case Traded(trade=trade):
                name = symbol_of(trade.spec.coin)
                data = {
                    "e": "aggTrade",
                    "E": trade.time_ms,
                    "s": name,
                    "a": trade.tid,
                    "p": render.price(trade.spec, trade.price),
                    "q": render.size(trade.spec, trade.lots),
                    "f": trade.tid,
                    "l": trade.tid,
                    "T": trade.time_ms,
                    "m": not trade.side_is_buy,
                }
                self._stream(f"{name.lower()}@aggTrade", data)

    def finish(self, batch: list[Event]) -> None:
        touched: dict[tuple[str, str], set[int]] = {}
        for event in batch:
            match event:
                case Filled(fill=fill):
                    touched.setdefault((fill.account, "ORDER"), set()).add(fill.spec.index)
                case FundingPaid(account=account, row=row):
                    touched.setdefault((account, "FUNDING_FEE"), set()).add(row.spec.index)
                case LedgerChanged(account=account):
                    touched.setdefault((account, "DEPOSIT"), set())
        for (account, reason), assets in touched.items():
            self._account(account, reason, assets)

    def _charge_builder(self, fill: Fill) -> None:
        """An order that named a builder pays it on each fill, on top of the venue's fee."""
        scaled = self.builder_rates.get(fill.oid, 0)
        if scaled:
            fee = fill.price * fill.lots * scaled // BUILDER_SCALE
            state = self.world.venue.state
            state.accounts[fill.account].raw_usd -= fee
            state.fees += fee
            self.builder_fees[fill.oid, fill.tid] = fee

    def _fill(self, fill: Fill) -> None:
        order = self.world.venue.state.accounts[fill.account].orders[fill.oid]
        self._announce(fill.account, order)
        lots, micro = self.filled(fill.oid)
        status = "FILLED" if lots == order.original else "PARTIALLY_FILLED"
        fee = fill.fee + self.builder_fees.get((fill.oid, fill.tid), 0)
        trade = {
            "l": render.size(fill.spec, fill.lots),
            "L": render.price(fill.spec, fill.price),
            "n": render.dollars(fee),
            "N": ASSET,
            "T": fill.time_ms,
            "t": fill.tid,
            "m": not fill.crossed,
            "rp": render.dollars(fill.realised),
        }
        self._update(fill.account, order, "TRADE", status, (lots, micro), trade)

    def _order(self, event: OrderChanged) -> None:
        order = self.world.venue.state.accounts[event.account].orders[event.oid]
        if event.status in (OrderStatus.FILLED, *render.REJECTED):
            return
        self._announce(event.account, order)
        if event.status is not OrderStatus.OPEN:
            status = render.status_of(order)
            self._update(event.account, order, status, status, self.filled(event.oid), {"T": event.status_ms})

    def _announce(self, account: str, order: Order) -> None:
        if order.oid not in self._announced:
            self._announced.add(order.oid)
            self._update(account, order, "NEW", "NEW", (0, 0), {"T": order.time_ms})

    def _update(
        self, account: str, order: Order, kind: str, status: str, filled: tuple[int, int], extra: dict[str, Any]
    ) -> None:
        spec, shown = order.spec, render.order(order, filled)
        body = {
            "s": symbol_of(spec.coin),
            "c": shown["clientOrderId"],
            "S": shown["side"],
            "o": shown["type"],
            "f": shown["timeInForce"],
            "q": shown["origQty"],
            "p": shown["price"],
            "ap": shown["avgPrice"],
            "sp": "0",
            "x": kind,
            "X": status,
            "i": order.oid,
            "l": "0",
            "z": shown["executedQty"],
            "L": "0",
            "t": 0,
            "b": "0",
            "a": "0",
            "m": False,
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": shown["type"],
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
        } | extra
        self.to(
            ("user", account), {"e": "ORDER_TRADE_UPDATE", "E": self.world.venue.now_ms(), "T": body["T"], "o": body}
        )

    def _account(self, address: str, reason: str, assets: set[int]) -> None:
        venue = self.world.venue
        account = venue.state.accounts[address]
        held, _ = render.wallet(venue, account)
        positions = []
        for asset in sorted(assets):
            row = render.position_risk(venue, account, venue.market(asset))
            positions.append(
                {
                    "s": row["symbol"],
                    "pa": row["positionAmt"],
                    "ep": row["entryPrice"],
                    "cr": "0",
                    "up": row["unRealizedProfit"],
                    "mt": "cross",
                    "iw": "0",
                    "ps": "BOTH",
                    "ma": ASSET,
                }
            )
        wallet = {"a": ASSET, "wb": render.dollars(held), "cw": render.dollars(held), "bc": "0"}
        now = venue.now_ms()
        body = {"B": [wallet], "P": positions, "m": reason}
        self.to(("user", address), {"e": "ACCOUNT_UPDATE", "T": now, "E": now, "a": body})

    # --- everybody's ------------------------------------------------------------------------------------------

    def publish_markets(self, time_ms: int, *, force: bool = False) -> None:
        for topic in () if self.stale else sorted(self.topics()):
            name, separator, kind = topic[0].partition("@")
            market = self.by_symbol.get(name.upper()) if separator else None
            if market is None:
                continue
            plain = "depth" if kind.startswith("depth") else kind.partition("@")[0]
            if plain in EVERY_MS and self.due(topic, time_ms, EVERY_MS[plain], force=force):
                self._stream(topic[0], self._market(market, plain, kind, time_ms))

    def knows(self, stream: str) -> bool:
        """Whether there is such a public stream."""
        name, _, kind = stream.partition("@")
        plain = "depth" if kind.startswith("depth") else kind.partition("@")[0]
        return name.upper() in self.by_symbol and (plain in EVERY_MS or plain == "aggTrade")

    def _market(self, market: Market, plain: str, kind: str, time_ms: int) -> dict[str, Any]:
        venue, spec = self.world.venue, market.spec
        name = symbol_of(spec.coin)
        stamped = {"E": time_ms, "s": name}
        if plain == "markPrice":
            row = render.premium_index(venue, market)
            return {
                "e": "markPriceUpdate",
                "p": row["markPrice"],
                "P": row["estimatedSettlePrice"],
                "i": row["indexPrice"],
                "r": row["lastFundingRate"],
                "T": row["nextFundingTime"],
            } | stamped
        if plain == "ticker":
            row = render.ticker(venue, market)
            return {
                "e": "24hrTicker",
                "p": row["priceChange"],
                "P": row["priceChangePercent"],
                "w": row["weightedAvgPrice"],
                "c": row["lastPrice"],
                "Q": row["lastQty"],
                "o": row["openPrice"],
                "h": row["highPrice"],
                "l": row["lowPrice"],
                "v": row["volume"],
                "q": row["quoteVolume"],
                "O": row["openTime"],
                "C": row["closeTime"],
                "F": row["firstId"],
                "L": row["lastId"],
                "n": row["count"],
            } | stamped
        wanted = kind.removeprefix("depth").partition("@")[0]
        bids, asks = render.levels(market, int(wanted) if wanted.isdigit() else 20)
        number = venue.block * 1_000 + spec.index
        if plain == "bookTicker":
            (bid, bid_size), (ask, ask_size) = bids[0] if bids else ("0", "0"), asks[0] if asks else ("0", "0")
            best = {"b": bid, "B": bid_size, "a": ask, "A": ask_size}
            return {"e": "bookTicker", "u": number, "T": time_ms} | best | stamped
        previous = self._last_update.get(name, number)
        self._last_update[name] = number
        span = {"U": number, "u": number, "pu": previous}
        return {"e": "depthUpdate", "T": time_ms, "b": bids, "a": asks} | span | stamped

    def _stream(self, name: str, data: dict[str, Any]) -> None:
        self.to((name, ""), {"stream": name, "data": data})
