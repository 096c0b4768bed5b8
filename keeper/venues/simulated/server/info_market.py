"""What /info tells of the markets."""

from collections.abc import Callable
from typing import Any

from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.candles import candles
from keeper.venues.simulated.server.replies import BadRequest
from keeper.venues.simulated.server.requests import InfoRequest, dex_of, market_of, needed, within
from keeper.venues.simulated.tape.depth import Level
from keeper.venues.simulated.units import usdc_text
from keeper.venues.simulated.wire import render

RANGE_CAP = 500
MARKET_ORDER_NTLS = ((25, 30_000_000), (20, 5_000_000), (10, 2_000_000), (0, 500_000))


class MarketInfo:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def handlers(self) -> dict[str, Callable[[InfoRequest], Any]]:
        venue = self._venue
        return {
            "meta": lambda request: self.meta(dex_of(venue, request)),
            "allPerpMetas": lambda _: [self.meta(dex) for dex in range(len(venue.dex_names) + 1)],
            "metaAndAssetCtxs": lambda request: self.meta_and_contexts(dex_of(venue, request)),
            "spotMeta": lambda _: self.spot_meta(),
            "spotMetaAndAssetCtxs": lambda _: [self.spot_meta(), self.spot_contexts()],
            "tokenDetails": self._token,
            "allMids": lambda request: self.all_mids(dex_of(venue, request)),
            "perpDexs": lambda _: [None, *self._dexs()],
            "perpDexLimits": self._dex_limits,
            "perpDexStatus": self._dex_status,
            "perpsAtOpenInterestCap": lambda request: self.at_cap(dex_of(venue, request)),
            "marginTable": self._margin_table,
            "maxMarketOrderNtls": lambda _: [[leverage, f"{usdc}.0"] for leverage, usdc in MARKET_ORDER_NTLS],
            "predictedFundings": lambda _: self._predicted(),
            "perpDeployAuctionStatus": lambda _: self.auction(),
            "exchangeStatus": lambda _: {"time": venue.read_time(), "specialStatuses": None},
            "usdcRouting": lambda _: {"depositRoute": "bridge", "withdrawalRoute": "bridge"},
            "l2Book": self._book,
            "recentTrades": lambda request: [render.trade(trade) for trade in market_of(venue, request).trades],
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
        }

    def meta(self, dex: int) -> dict[str, Any]:
        recording = self._venue.recording.dex if dex else self._venue.recording
        assert recording is not None
        return {"universe": recording.universe, "marginTables": recording.margin_tables, "collateralToken": 0}

    def contexts(self, dex: int) -> list[dict[str, Any]]:
        return [render.asset_context(self._venue, market) for market in self._venue.markets_of(dex)]

    def meta_and_contexts(self, dex: int) -> list[Any]:
        return [self.meta(dex), self.contexts(dex)]

    def spot_meta(self) -> dict[str, Any]:
        spot = self._venue.recording.spot
        return {"universe": spot.universe if spot else [], "tokens": spot.record["tokens"] if spot else []}

    def spot_contexts(self) -> list[dict[str, Any]]:
        spot = self._venue.recording.spot
        recorded = {context["coin"]: context for context in spot.record["contexts"]} if spot else {}
        return [render.spot_context(market, recorded[market.spec.coin]) for market in self._venue.spot_markets()]

    def all_mids(self, dex: int = 0) -> dict[str, str]:
        spot = [] if dex else self._venue.spot_markets()
        return {market.spec.coin: render.mid(market) for market in [*self._venue.markets_of(dex), *spot]}

    def at_cap(self, dex: int) -> list[str]:
        return [
            market.spec.coin
            for market in self._venue.markets_of(dex)
            if self._venue.at_open_interest_cap(market.spec.index)
        ]

    def _dexs(self) -> list[Any]:
        dex = self._venue.recording.dex
        return [dex.record["record"]] if dex is not None else []

    def _dex_limits(self, request: InfoRequest) -> Any:
        dex = self._venue.recording.dex
        return dex.record["limits"] if dex is not None and dex_of(self._venue, request) else None

    def _dex_status(self, request: InfoRequest) -> Any:
        number = dex_of(self._venue, request)
        total = sum(account.cash(number) for account in self._venue.state.accounts.values())
        return {"totalNetDeposit": usdc_text(total)}

    def _margin_table(self, request: InfoRequest) -> Any:
        wanted = needed(request.id, "id")
        if wanted < 50:
            return {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": wanted}]}
        found = [table for number, table in self._venue.recording.margin_tables if number == wanted]
        if not found:
            raise BadRequest(500, "null")
        return found[0]

    def _predicted(self) -> list[Any]:
        """Only this venue's own: no other venue's rates exist here."""
        rows = []
        for market in self._venue.markets_of(0):
            asset = market.spec.index
            if not market.halted:
                shown = {
                    "fundingRate": render.rate_text(self._venue.funding_rate(asset)),
                    "nextFundingTime": self._venue.next_funding_ms(asset),
                    "fundingIntervalHours": self._venue.funding_hours(asset),
                }
                rows.append([market.spec.coin, [["HlPerp", shown]]])
        return rows

    def auction(self) -> dict[str, Any]:
        """An auction that nobody bids in: its price falls over the venue's 31 hours, then starts anew."""
        span = 31 * 3_600
        now = self._venue.now_ms() // 1000
        start = now // span * span
        current = 500 - 400 * (now - start) / span
        return {
            "startTimeSeconds": start,
            "durationSeconds": span,
            "startGas": "500.0",
            "currentGas": f"{current:.8f}",
            "endGas": None,
        }

    def _token(self, request: InfoRequest) -> Any:
        wanted = needed(request.tokenId, "tokenId")
        spot = self._venue.recording.spot
        token = next((entry for entry in spot.record["tokens"] if entry["tokenId"] == wanted), None) if spot else None
        if token is None:
            raise BadRequest(500, "null")
        fields = ("name", "szDecimals", "weiDecimals")
        market = next(
            (
                market
                for market in self._venue.spot_markets()
                if market.spec.base and market.spec.base.name == token["name"]
            ),
            None,
        )
        price = "1.0" if market is None else market.spec.price_text(market.mark)
        return {name: token[name] for name in fields} | {"midPx": price, "markPx": price, "prevDayPx": price}

    def _book(self, request: InfoRequest) -> Any:
        market = self._venue.market_of(needed(request.coin, "coin"))
        if market is None:
            return None
        return book(market, self._venue.now_ms(), request.nSigFigs, request.mantissa)

    def _candles(self, request: InfoRequest) -> Any:
        wanted = needed(request.req, "req")
        market = self._venue.market_of(wanted.coin)
        if market is None:
            raise BadRequest(500, "null")
        return candles(self._venue, market, wanted.interval, wanted.startTime, wanted.endTime)

    def _funding_history(self, request: InfoRequest) -> Any:
        spec = market_of(self._venue, request).spec
        rows = self._venue.funding_history(spec.index)
        chosen = [row for row in rows if within(row.time_ms, request)]
        return [render.funding_history(spec, row) for row in chosen[:RANGE_CAP]]


def book(market: Market, time_ms: int, figures: int | None, mantissa: int | None) -> dict[str, Any]:
    """The book, its prices rounded outward to so many figures; BadRequest for figures the venue does not know."""
    shown = render.book(market, time_ms)
    if figures is None:
        if mantissa is not None:
            raise BadRequest(500, "null")
        return shown
    if figures not in (2, 3, 4, 5) or (mantissa is not None and (figures != 5 or mantissa not in (2, 5))):
        raise BadRequest(500, "null")
    shown["levels"] = [
        [render.level(market.spec, level) for level in _aggregated(market, asks, figures, mantissa or 1)]
        for asks in (False, True)
    ]
    if all(shown["levels"]):
        bid, ask = market.best()
        shown["spread"] = market.spec.price_text(ask - bid)
    return shown


def _aggregated(market: Market, asks: bool, figures: int, mantissa: int) -> list[Level]:
    sums: dict[int, tuple[int, int]] = {}
    for level in market.levels(asks=asks, limit=1_000):
        step = max(1, 10 ** (len(str(level.price)) - figures)) * mantissa
        price = -(-level.price // step) * step if asks else level.price // step * step
        lots, orders = sums.get(price, (0, 0))
        sums[price] = (lots + level.lots, orders + level.orders)
    return [Level(price, *total) for price, total in sums.items()][:20]


__all__ = ["MarketInfo", "book"]
