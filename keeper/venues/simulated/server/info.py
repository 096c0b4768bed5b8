"""POST /info. Every read is of the account asked about; an agent's address is an account of its own, usually none."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.engine import ABSTRACTIONS, Venue
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Fill, Order
from keeper.venues.simulated.server.candles import candles
from keeper.venues.simulated.server.replies import WRONG_SHAPE, BadRequest
from keeper.venues.simulated.tape.depth import Level
from keeper.venues.simulated.units import decimal_text, usdc_text
from keeper.venues.simulated.wire import render
from keeper.venues.simulated.wire.actions import address

_T = TypeVar("_T")
FILLS_CAP = 2_000
RANGE_CAP = 500
INITIAL_REQUESTS = 10_000
USDC = {
    "name": "USDC",
    "szDecimals": 8,
    "weiDecimals": 8,
    "index": 0,
    "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
    "isCanonical": True,
    "evmContract": None,
    "fullName": None,
    "deployerTradingFeeShare": "0.0",
}


class CandleRequest(msgspec.Struct):
    coin: str
    interval: str
    startTime: int  # noqa: N815 - wire name
    endTime: int | None = None  # noqa: N815 - wire name


class InfoRequest(msgspec.Struct):
    """The union of the fields of every request served here; which of them a type needs, its handler says."""

    type: str
    user: str | None = None
    coin: str | None = None
    oid: int | str | None = None
    startTime: int | None = None  # noqa: N815 - wire name
    endTime: int | None = None  # noqa: N815 - wire name
    reversed: bool = False
    nSigFigs: int | None = None  # noqa: N815 - wire name
    mantissa: int | None = None
    req: CandleRequest | None = None


class Info:
    """Answers on one venue; `answer` takes the decoded JSON body."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._handlers: dict[str, Callable[[InfoRequest], Any]] = {
            "meta": lambda _: self._meta(),
            "metaAndAssetCtxs": lambda _: [self._meta(), self._contexts()],
            "spotMeta": lambda _: {"universe": [], "tokens": [USDC]},
            "spotMetaAndAssetCtxs": lambda _: [{"universe": [], "tokens": [USDC]}, []],
            "allMids": lambda _: self.all_mids(),
            "perpDexs": lambda _: [None],
            "exchangeStatus": lambda _: {"time": venue.now_ms(), "specialStatuses": None},
            "l2Book": self._book,
            "recentTrades": lambda request: [render.trade(trade) for trade in self._market(request).trades],
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "clearinghouseState": lambda request: render.clearinghouse(venue, self._account(request)),
            "spotClearinghouseState": self._spot,
            "openOrders": lambda request: [render.basic_order(order) for order in self._open(request)],
            "frontendOpenOrders": lambda request: [render.frontend_order(order) for order in self._open(request)],
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userFills": lambda request: [render.fill(fill) for fill in reversed(self._fills(request)[-FILLS_CAP:])],
            "userFillsByTime": self._fills_by_time,
            "userFunding": self._user_funding,
            "userNonFundingLedgerUpdates": self._ledger,
            "userRole": self._role,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userAbstraction": self._abstraction,
            "extraAgents": self._extra_agents,
        }

    def answer(self, body: Any) -> Any:
        """The JSON answer; BadRequest for what the venue cannot read or does not know."""
        try:
            request = msgspec.convert(body, InfoRequest)
            handler = self._handlers[request.type]
            self._venue.read_time()
            return handler(request)
        except (msgspec.ValidationError, InputError, KeyError) as error:
            raise BadRequest(422, WRONG_SHAPE) from error

    def all_mids(self) -> dict[str, str]:
        return {market.spec.coin: render.mid(market) for market in self._venue.state.markets}

    def _meta(self) -> dict[str, Any]:
        recording = self._venue.recording
        return {"universe": recording.universe, "marginTables": recording.margin_tables, "collateralToken": 0}

    def _contexts(self) -> list[dict[str, Any]]:
        return [render.asset_context(self._venue, market) for market in self._venue.state.markets]

    def _market(self, request: InfoRequest) -> Market:
        market = self._venue.market_of(_needed(request.coin, "coin"))
        if market is None:
            raise BadRequest(500, "null")
        return market

    def _account(self, request: InfoRequest) -> Account | None:
        return self._venue.find(_user(request))

    def _book(self, request: InfoRequest) -> Any:
        market = self._venue.market_of(_needed(request.coin, "coin"))
        if market is None:
            return None
        book = render.book(market, self._venue.now_ms())
        if request.nSigFigs is None:
            if request.mantissa is not None:
                raise BadRequest(500, "null")
            return book
        if request.nSigFigs not in (2, 3, 4, 5) or (
            request.mantissa is not None and (request.nSigFigs != 5 or request.mantissa not in (2, 5))
        ):
            raise BadRequest(500, "null")
        book["levels"] = [
            [
                render.level(market.spec, level)
                for level in _aggregated(market, asks, request.nSigFigs, request.mantissa or 1)
            ]
            for asks in (False, True)
        ]
        return book

    def _candles(self, request: InfoRequest) -> Any:
        wanted = _needed(request.req, "req")
        market = self._venue.market_of(wanted.coin)
        if market is None:
            raise BadRequest(500, "null")
        return candles(self._venue, market, wanted.interval, wanted.startTime, wanted.endTime)

    def _funding_history(self, request: InfoRequest) -> Any:
        spec = self._market(request).spec
        rows = self._venue.funding_history(spec.index)
        chosen = [row for row in rows if _within(row.time_ms, request)]
        return [render.funding_history(spec, row) for row in chosen[:RANGE_CAP]]

    def _spot(self, request: InfoRequest) -> Any:
        account = self._account(request)
        if account is None or not account.spot_wei:
            return {"balances": []}
        total = decimal_text(account.spot_wei, 8)
        return {"balances": [{"coin": "USDC", "token": 0, "total": total, "hold": "0.0", "entryNtl": "0.0"}]}

    def _open(self, request: InfoRequest) -> list[Order]:
        account = self._account(request)
        return list(reversed(account.open_orders.values())) if account else []

    def _order_status(self, request: InfoRequest) -> Any:
        wanted = _needed(request.oid, "oid")
        account = self._account(request)
        if account is not None:
            oid = wanted if isinstance(wanted, int) else account.by_cloid.get(str(wanted).lower(), 0)
            order = account.orders.get(oid)
            if order is not None:
                return {"status": "order", "order": render.order_status(order)}
        return {"status": "unknownOid"}

    def _historical_orders(self, request: InfoRequest) -> Any:
        account = self._account(request)
        orders = sorted(account.orders.values(), key=lambda order: order.oid, reverse=True) if account else []
        return [render.order_status(order) for order in orders[:FILLS_CAP]]

    def _fills(self, request: InfoRequest) -> list[Fill]:
        account = self._account(request)
        return account.fills if account else []

    def _fills_by_time(self, request: InfoRequest) -> Any:
        _needed(request.startTime, "startTime")
        chosen = [fill for fill in self._fills(request) if _within(fill.time_ms, request)]
        if request.reversed:
            chosen.reverse()
        return [render.fill(fill) for fill in chosen[:FILLS_CAP]]

    def _user_funding(self, request: InfoRequest) -> Any:
        account = self._account(request)
        rows = [row for row in account.fundings if _within(row.time_ms, request)] if account else []
        return [render.user_funding(row) for row in rows[:RANGE_CAP]]

    def _ledger(self, request: InfoRequest) -> Any:
        account = self._account(request)
        rows = [row for row in account.ledger if _within(row.time_ms, request)] if account else []
        return [render.ledger(row) for row in rows[:RANGE_CAP]]

    def _role(self, request: InfoRequest) -> Any:
        user = _user(request)
        if self._venue.user_exists(user):
            return {"role": "user"}
        agent = self._venue.agents.find(user, self._venue.now_ms())
        return {"role": "missing"} if agent is None else {"role": "agent", "data": {"user": agent.account}}

    def _fees(self, request: InfoRequest) -> Any:
        _user(request)
        options = self._venue.state.options
        cross, add = (decimal_text(int(bps * 10**6), 10) for bps in (options.taker_bps, options.maker_bps))
        return {
            "dailyUserVlm": [],
            "feeSchedule": {
                "cross": cross,
                "add": add,
                "spotCross": "0.0007",
                "spotAdd": "0.0004",
                "tiers": {"vip": [], "mm": []},
                "referralDiscount": "0.04",
                "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
            },
            "userCrossRate": cross,
            "userAddRate": add,
            "userSpotCrossRate": "0.0007",
            "userSpotAddRate": "0.0004",
            "activeReferralDiscount": "0.0",
            "trial": None,
            "feeTrialEscrow": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }

    def _rate_limit(self, request: InfoRequest) -> Any:
        account = self._account(request)
        volume, used = (account.volume, account.requests) if account else (0, 0)
        return {
            "cumVlm": usdc_text(volume),
            "nRequestsUsed": used,
            "nRequestsCap": INITIAL_REQUESTS + volume // 10**6,
            "nRequestsSurplus": 0,
        }

    def _abstraction(self, request: InfoRequest) -> Any:
        account = self._account(request)
        return ABSTRACTIONS[account.abstraction if account else 0]

    def _extra_agents(self, request: InfoRequest) -> Any:
        agents = self._venue.agents.of(_user(request), self._venue.now_ms())
        return [
            {"address": agent.address, "name": agent.name, "validUntil": agent.valid_until_ms}
            for agent in agents
            if agent.name
        ]


def _needed(value: _T | None, field: str) -> _T:
    if value is None:
        raise InputError(field, "is missing")
    return value


def _user(request: InfoRequest) -> str:
    return address(_needed(request.user, "user"), "user")


def _within(time_ms: int, request: InfoRequest) -> bool:
    return (request.startTime or 0) <= time_ms and (request.endTime is None or time_ms <= request.endTime)


def _aggregated(market: Market, asks: bool, figures: int, mantissa: int) -> list[Level]:
    sums: dict[int, tuple[int, int]] = {}
    for level in market.levels(asks=asks, limit=1_000):
        step = max(1, 10 ** (len(str(level.price)) - figures)) * mantissa
        price = -(-level.price // step) * step if asks else level.price // step * step
        lots, orders = sums.get(price, (0, 0))
        sums[price] = (lots + level.lots, orders + level.orders)
    return [Level(price, *total) for price, total in sums.items()][:20]
