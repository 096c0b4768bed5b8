"""Requests that need no key."""

from collections.abc import Callable, Mapping
from typing import Any

from keeper.venues.simulated.dialects.aster import render
from keeper.venues.simulated.dialects.aster.errors import BAD_SYMBOL, AsterError, missing
from keeper.venues.simulated.dialects.aster.publisher import AsterPublisher
from keeper.venues.simulated.dialects.aster.symbols import ASSET, hours_of, symbol_of
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.candles import INTERVALS, candles

Params = Mapping[str, str]
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)


def number(params: Params, name: str, default: int | None = None) -> int | None:
    """An integer parameter; AsterError when it is there and is none."""
    text = params.get(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit():
        raise AsterError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def limited(params: Params, default: int, most: int) -> int:
    """The `limit` parameter, within its bounds."""
    return max(1, min(most, number(params, "limit", default) or default))


class Public:
    """`answer(path, params)`: path without /fapi and its version."""

    def __init__(self, publisher: AsterPublisher) -> None:
        self._venue, self._publisher = publisher.world.venue, publisher
        self._answers: Mapping[str, Callable[[Params], Any]] = {
            "ping": lambda params: {},
            "time": lambda params: {"serverTime": self._venue.now_ms()},
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "trades": self._trades,
            "aggTrades": self._agg_trades,
            "klines": self._klines,
            "premiumIndex": lambda params: self._one_or_all(params, lambda m: render.premium_index(self._venue, m)),
            "ticker/24hr": lambda params: self._one_or_all(params, lambda m: render.ticker(self._venue, m)),
            "ticker/price": lambda params: self._one_or_all(params, self._last_price),
            "ticker/bookTicker": lambda params: self._one_or_all(params, self._book_ticker),
            "fundingInfo": lambda params: [self._funding_info(market) for market in self.open_markets()],
            "fundingRate": self._funding_rates,
        }

    def answer(self, path: str, params: Params) -> Any:
        """The answer's JSON; KeyError for a path that is none of these."""
        return self._answers[path](params)

    def knows(self, path: str) -> bool:
        return path in self._answers

    def market(self, params: Params) -> Market:
        """The market that `symbol` names."""
        if not params.get("symbol"):
            raise missing("symbol")
        found = self._publisher.by_symbol.get(params["symbol"])
        if found is None:
            raise AsterError(*BAD_SYMBOL)
        return found

    def open_markets(self) -> list[Market]:
        return [market for market in self._venue.markets_of(0) if not market.halted]

    def _one_or_all(self, params: Params, row: Callable[[Market], dict[str, Any]]) -> Any:
        return row(self.market(params)) if params.get("symbol") else [row(market) for market in self.open_markets()]

    def _exchange_info(self, params: Params) -> dict[str, Any]:
        return {
            "timezone": "UTC",
            "serverTime": self._venue.now_ms(),
            "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}],
            "exchangeFilters": [],
            "assets": [{"asset": ASSET, "marginAvailable": True, "autoAssetExchange": "0"}],
            "symbols": [render.symbol_info(market) for market in self._venue.markets_of(0)],
        }

    def _depth(self, params: Params) -> dict[str, Any]:
        market = self.market(params)
        limit = number(params, "limit", 500)
        if limit not in DEPTHS:
            raise AsterError(-4021, f"Invalid depth limit '{limit}'.")
        bids, asks = render.levels(market, limit)
        now = self._venue.now_ms()
        return {
            "lastUpdateId": self._venue.block * 1_000 + market.spec.index,
            "E": now,
            "T": now,
            "bids": bids,
            "asks": asks,
        }

    def _trades(self, params: Params) -> list[dict[str, Any]]:
        rows = list(self.market(params).trades)[: limited(params, 500, 1000)]
        return [render.trade(row) for row in reversed(rows)]

    def _agg_trades(self, params: Params) -> list[dict[str, Any]]:
        rows = list(self.market(params).trades)[: limited(params, 500, 1000)]
        shown = [render.trade(row) for row in reversed(rows)]
        return [
            {
                "a": row["id"],
                "p": row["price"],
                "q": row["qty"],
                "f": row["id"],
                "l": row["id"],
                "T": row["time"],
                "m": row["isBuyerMaker"],
            }
            for row in shown
        ]

    def _klines(self, params: Params) -> list[list[Any]]:
        market, interval = self.market(params), params.get("interval", "")
        if interval not in INTERVALS:
            raise AsterError(-1120, "Invalid interval.")
        span = INTERVALS[interval] * 60_000
        start = number(params, "startTime", self._venue.now_ms() - limited(params, 500, 1500) * span) or 0
        rows = candles(self._venue, market, interval, start, number(params, "endTime"))
        return [
            [row["t"], row["o"], row["h"], row["l"], row["c"], row["v"], row["T"], "0", row["n"], "0", "0", "0"]
            for row in rows[: limited(params, 500, 1500)]
        ]

    def _last_price(self, market: Market) -> dict[str, Any]:
        last = market.last_trade or round(market.mid)
        return {
            "symbol": symbol_of(market.spec.coin),
            "price": render.price(market.spec, last),
            "time": self._venue.now_ms(),
        }

    def _book_ticker(self, market: Market) -> dict[str, Any]:
        bids, asks = render.levels(market, 1)
        (bid, bid_size), (ask, ask_size) = bids[0] if bids else ("0", "0"), asks[0] if asks else ("0", "0")
        return {
            "symbol": symbol_of(market.spec.coin),
            "bidPrice": bid,
            "bidQty": bid_size,
            "askPrice": ask,
            "askQty": ask_size,
            "time": self._venue.now_ms(),
            "lastUpdateId": self._venue.block * 1_000 + market.spec.index,
        }

    def _funding_info(self, market: Market) -> dict[str, Any]:
        return {
            "symbol": symbol_of(market.spec.coin),
            "interestRate": "0.00010000",
            "time": self._venue.now_ms(),
            "fundingIntervalHours": hours_of(market.spec.coin),
            "fundingFeeCap": "0.03",
            "fundingFeeFloor": "-0.03",
        }

    def _funding_rates(self, params: Params) -> list[dict[str, Any]]:
        """Settled rates, oldest first; without a start the newest."""
        markets = [self.market(params)] if params.get("symbol") else self.open_markets()
        start, end = number(params, "startTime"), number(params, "endTime")
        rows = [
            {
                "symbol": symbol_of(market.spec.coin),
                "fundingTime": row.time_ms,
                "fundingRate": render.rate(row.rate),
            }
            for market in markets
            for row in self._venue.funding_history(market.spec.index)
            if (start is None or row.time_ms >= start) and (end is None or row.time_ms <= end)
        ]
        rows.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
        limit = limited(params, 100, 1000)
        return rows[:limit] if start is not None else rows[-limit:]
