"""Signed requests: orders, account, records."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.dialects.aster import income, render
from keeper.venues.simulated.dialects.aster.errors import (
    BAD_SYMBOL,
    CANCEL_REJECTED,
    NO_SUCH_ORDER,
    AsterError,
    from_engine,
    missing,
)
from keeper.venues.simulated.dialects.aster.public import Params, Public, limited, number
from keeper.venues.simulated.dialects.aster.publisher import BUILDER_SCALE, AsterPublisher
from keeper.venues.simulated.dialects.aster.signing import Signed
from keeper.venues.simulated.dialects.aster.symbols import symbol_of, tick_size
from keeper.venues.simulated.dialects.numbers import fixed, on_grid, parse
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Order, OrderRequest, OrderStatus, Refused, TimeInForce
from keeper.venues.simulated.units import floor_to_tick

TIFS = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "GTX": TimeInForce.ALO}
CLIENT_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
MARKET_BAND = 0.1
BATCH = 5
WEEK_MS = 7 * 86_400_000


class Private:
    """`answer(method, path, signed)`; listen keys are handed out here and looked up by the socket."""

    def __init__(self, publisher: AsterPublisher, public: Public) -> None:
        self._publisher, self._public = publisher, public
        self._world = publisher.world
        self._venue = publisher.world.venue
        self._builders: dict[str, dict[str, dict[str, Any]]] = {}
        self.listen_keys: dict[str, str] = {}
        self._answers: Mapping[tuple[str, str], Callable[[Signed], Any]] = {
            ("GET", "builder"): lambda signed: list(self._builders.get(signed.user, {}).values()),
            ("POST", "approveBuilder"): self._approve_builder,
            ("POST", "order"): lambda signed: self._place(signed.user, signed.params),
            ("POST", "batchOrders"): self._place_batch,
            ("GET", "order"): lambda signed: self._shown(self._find(signed)),
            ("GET", "openOrder"): self._open_order,
            ("GET", "openOrders"): self._open_orders,
            ("GET", "allOrders"): self._all_orders,
            ("DELETE", "order"): lambda signed: self._cancel(self._find(signed, CANCEL_REJECTED)),
            ("DELETE", "allOpenOrders"): self._cancel_all,
            ("DELETE", "batchOrders"): self._cancel_batch,
            ("GET", "balance"): self._balance,
            ("GET", "account"): self._account_totals,
            ("GET", "positionRisk"): self._position_risk,
            ("GET", "userTrades"): self._user_trades,
            ("GET", "income"): self._income,
            ("GET", "leverageBracket"): self._brackets,
            ("GET", "commissionRate"): self._commission,
            ("POST", "leverage"): self._leverage,
            ("POST", "marginType"): self._margin_type,
            ("GET", "positionSide/dual"): lambda signed: {"dualSidePosition": False},
            ("GET", "multiAssetsMargin"): lambda signed: {"multiAssetsMargin": False},
            ("POST", "listenKey"): self._listen_key,
            ("PUT", "listenKey"): self._listen_key,
            ("DELETE", "listenKey"): self._forget_listen_key,
        }

    def knows(self, method: str, path: str) -> bool:
        return (method, path) in self._answers

    def answer(self, method: str, path: str, signed: Signed) -> Any:
        return self._answers[method, path](signed)

    # --- orders -----------------------------------------------------------------------------------------------

    def _place(self, user: str, params: Params) -> dict[str, Any]:
        request = self._request(params)
        rate = self._builder_rate(user, params)
        try:
            outcome = self._venue.place(user, request)
        except VenueError as refusal:
            raise from_engine(str(refusal)) from refusal
        if isinstance(outcome, Refused):
            if not outcome.text.startswith("Order could not immediately match"):
                self._world.publish()
                raise from_engine(outcome.text)
            oid = max(self._venue.state.accounts[user].orders)
        else:
            oid = outcome.oid
        if rate:
            self._publisher.builder_rates[oid] = rate
        self._world.publish()
        order = self._venue.state.accounts[user].orders[oid]
        shown = self._shown(order)
        if params.get("newOrderRespType", "ACK") == "ACK":
            nothing = {"executedQty": "0", "cumQty": "0", "cumQuote": "0", "avgPrice": "0.00000"}
            return shown | nothing | {"status": "NEW"}
        return shown

    def _request(self, params: Params) -> OrderRequest:
        market = self._public.market(params)
        if market.halted:
            raise AsterError(-4108, "This symbol is on delivering or delivered or settling or closed or pre-trading.")
        spec = market.spec
        for name in ("side", "type", "quantity"):
            if not params.get(name):
                raise missing(name)
        if params["side"] not in ("BUY", "SELL"):
            raise AsterError(-1117, "Invalid side.")
        cloid = params.get("newClientOrderId")
        if cloid is not None and not CLIENT_ID.match(cloid):
            raise AsterError(-4015, "Client order id is not valid.")
        quantity = parse(params["quantity"])
        lots = on_grid(quantity, spec.size_decimals) if quantity is not None else None
        if lots is None:
            raise AsterError(-1111, "Precision is over the maximum defined for this asset.")
        if lots <= 0:
            raise AsterError(-4003, "Quantity less than or equal to zero.")
        buys = params["side"] == "BUY"
        price, tif = self._price(market, params, buys=buys)
        reduce_only = params.get("reduceOnly", "false").lower() == "true"
        return OrderRequest(spec, buys, price, lots, tif, reduce_only, cloid)

    def _price(self, market: Market, params: Params, *, buys: bool) -> tuple[int, TimeInForce]:
        spec = market.spec
        if params["type"] == "MARKET":
            far = market.mark * (1 + MARKET_BAND if buys else 1 - MARKET_BAND)
            return floor_to_tick(far, spec.unit), TimeInForce.FRONTEND_MARKET
        if params["type"] != "LIMIT":
            raise AsterError(-1116, "Invalid orderType.")
        for name in ("price", "timeInForce"):
            if not params.get(name):
                raise missing(name)
        tif = TIFS.get(params["timeInForce"])
        if tif is None:
            raise AsterError(-1115, "Invalid timeInForce.")
        number_ = parse(params["price"])
        price = on_grid(number_, spec.price_decimals) if number_ is not None else None
        if price is None:
            raise AsterError(-1111, "Precision is over the maximum defined for this asset.")
        if price <= 0:
            raise AsterError(-4001, "Price less than 0.")
        if price % tick_size(market):
            raise AsterError(-4014, "Price not increased by tick size.")
        return price, tif

    def _place_batch(self, signed: Signed) -> list[dict[str, Any]]:
        """Each order by itself: one that is refused shows its error in its place."""
        answers = []
        for wanted in _listed(signed.params, "batchOrders"):
            params = {
                name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in wanted.items()
            }
            try:
                answers.append(self._place(signed.user, params))
            except AsterError as error:
                answers.append({"code": error.code, "msg": error.text})
        return answers

    def _builder_rate(self, user: str, params: Params) -> int:
        """The builder's share × 1e6; an order naming one that the account never approved is refused."""
        builder = params.get("builder")
        if builder is None:
            return 0
        approved = self._builders.get(user, {}).get(builder.lower())
        rate, most = parse(params.get("feeRate")), parse(approved["maxFeeRate"]) if approved else None
        if rate is None or most is None or not 0 <= rate <= most:
            raise AsterError(-2017, "Builder fee has not been approved.")
        return int(rate * BUILDER_SCALE)

    def _approve_builder(self, signed: Signed) -> dict[str, Any]:
        row = {
            "userAddress": signed.user,
            "builderAddress": signed.params["builder"],
            "maxFeeRate": signed.params["maxFeeRate"],
            "builderName": signed.params.get("builderName", ""),
        }
        self._builders.setdefault(signed.user, {})[signed.params["builder"].lower()] = row
        return {"code": 200, "msg": "success"}

    def _shown(self, order: Order) -> dict[str, Any]:
        return render.order(order, self._publisher.filled(order.oid))

    def _find(self, signed: Signed, absent: tuple[int, str] = NO_SUCH_ORDER) -> Order:
        """The account's order by orderId or origClientOrderId, whatever its state; refused ones were never recorded."""
        market, account = self._public.market(signed.params), self._venue.find(signed.user)
        cloid, oid = signed.params.get("origClientOrderId"), number(signed.params, "orderId")
        if cloid is None and oid is None:
            raise AsterError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        if account is not None:
            oid = account.by_cloid.get(cloid, 0) if cloid is not None else oid
            order = account.orders.get(oid or 0)
            if order is not None and order.spec == market.spec and order.status not in render.REJECTED:
                return order
        raise AsterError(*absent)

    def _open_order(self, signed: Signed) -> dict[str, Any]:
        order = self._find(signed)
        if order.status is not OrderStatus.OPEN:
            raise AsterError(*NO_SUCH_ORDER)
        return self._shown(order)

    def _open_orders(self, signed: Signed) -> list[dict[str, Any]]:
        account = self._venue.find(signed.user)
        symbol = signed.params.get("symbol")
        orders = account.open_orders.values() if account else ()
        return [self._shown(order) for order in orders if symbol in (None, symbol_of(order.spec.coin))]

    def _all_orders(self, signed: Signed) -> list[dict[str, Any]]:
        market, account = self._public.market(signed.params), self._venue.find(signed.user)
        start, end = number(signed.params, "startTime", 0) or 0, number(signed.params, "endTime")
        rows = [
            order
            for order in (account.orders.values() if account else ())
            if order.spec == market.spec
            and order.status not in render.REJECTED
            and order.time_ms >= start
            and (end is None or order.time_ms <= end)
        ]
        rows.sort(key=lambda order: order.oid)
        return [self._shown(order) for order in rows[-limited(signed.params, 500, 1000) :]]

    def _cancel(self, order: Order) -> dict[str, Any]:
        if self._venue.cancel(order.account, order.spec.index, order.oid) is not None:
            raise AsterError(*CANCEL_REJECTED)
        self._world.publish()
        return self._shown(order)

    def _cancel_all(self, signed: Signed) -> dict[str, Any]:
        market, account = self._public.market(signed.params), self._venue.find(signed.user)
        for order in list(account.open_orders.values()) if account else ():
            if order.spec == market.spec:
                self._cancel(order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _cancel_batch(self, signed: Signed) -> list[dict[str, Any]]:
        name = "orderIdList" if "orderIdList" in signed.params else "origClientOrderIdList"
        key = "orderId" if name == "orderIdList" else "origClientOrderId"
        answers = []
        for one in _listed(signed.params, name):
            single = Signed(signed.user, {"symbol": signed.params.get("symbol", ""), key: str(one)})
            try:
                answers.append(self._cancel(self._find(single, CANCEL_REJECTED)))
            except AsterError as error:
                answers.append({"code": error.code, "msg": error.text})
        return answers

    # --- the account ------------------------------------------------------------------------------------------

    def _known(self, user: str) -> Account:
        return self._venue.find(user) or Account(user)

    def _balance(self, signed: Signed) -> list[dict[str, Any]]:
        return [render.balance(self._venue, self._known(signed.user))]

    def _account_totals(self, signed: Signed) -> dict[str, Any]:
        return render.account(self._venue, self._known(signed.user), self._public.open_markets())

    def _position_risk(self, signed: Signed) -> list[dict[str, Any]]:
        symbol, account = signed.params.get("symbol"), self._venue.find(signed.user)
        markets = [self._public.market(signed.params)] if symbol else self._public.open_markets()
        return [render.position_risk(self._venue, account, market) for market in markets]

    def _user_trades(self, signed: Signed) -> list[dict[str, Any]]:
        """Of one symbol, oldest first; at most a week, the last one unless a start is named."""
        market, params = self._public.market(signed.params), signed.params
        account, after = self._venue.find(signed.user), number(params, "fromId")
        start, end = number(params, "startTime"), number(params, "endTime")
        if start is not None and end is not None and end - start > WEEK_MS:
            raise AsterError(-4165, "Invalid time interval.")
        if start is not None and end is None:
            end = start + WEEK_MS
        rows = [
            fill
            for fill in (account.fills if account else ())
            if fill.spec == market.spec
            and (after is None or fill.tid >= after)
            and (start is None or fill.time_ms >= start)
            and (end is None or fill.time_ms <= end)
        ]
        limit = limited(params, 500, 1000)
        rows = rows[:limit] if start is not None or after is not None else rows[-limit:]
        fees = self._publisher.builder_fees
        return [render.user_trade(fill, fees.get((fill.oid, fill.tid), 0)) for fill in rows]

    def _income(self, signed: Signed) -> list[dict[str, Any]]:
        params, account = signed.params, self._venue.find(signed.user)
        start, end = number(params, "startTime"), number(params, "endTime")
        kind, symbol = params.get("incomeType"), params.get("symbol")
        if symbol and symbol not in self._publisher.by_symbol:
            raise AsterError(*BAD_SYMBOL)
        rows = [
            row
            for row in (income.rows(account, self._publisher) if account else ())
            if kind in (None, row["incomeType"])
            and symbol in (None, row["symbol"])
            and (start is None or row["time"] >= start)
            and (end is None or row["time"] <= end)
        ]
        limit = limited(params, 100, 1000)
        return rows[:limit] if start is not None else rows[-limit:]

    def _brackets(self, signed: Signed) -> list[dict[str, Any]]:
        return [
            {
                "symbol": symbol_of(market.spec.coin),
                "brackets": [
                    {
                        "bracket": 1,
                        "initialLeverage": market.spec.max_leverage,
                        "notionalCap": 100_000_000,
                        "notionalFloor": 0,
                        "maintMarginRatio": fixed(10**6 // (2 * market.spec.max_leverage), 6),
                        "cum": 0,
                    }
                ],
            }
            for market in self._public.open_markets()
        ]

    def _commission(self, signed: Signed) -> dict[str, Any]:
        options = self._venue.state.options
        return {
            "symbol": symbol_of(self._public.market(signed.params).spec.coin),
            "makerCommissionRate": format((options.maker_bps / 10_000).normalize(), "f"),
            "takerCommissionRate": format((options.taker_bps / 10_000).normalize(), "f"),
        }

    def _leverage(self, signed: Signed) -> dict[str, Any]:
        market, leverage = self._public.market(signed.params), number(signed.params, "leverage")
        if leverage is None:
            raise missing("leverage")
        try:
            self._venue.update_leverage(signed.user, market.spec.index, leverage)
        except VenueError as refusal:
            raise from_engine(str(refusal)) from refusal
        return {"leverage": leverage, "maxNotionalValue": "100000000", "symbol": symbol_of(market.spec.coin)}

    def _margin_type(self, signed: Signed) -> dict[str, Any]:
        self._public.market(signed.params)
        if signed.params.get("marginType") != "CROSSED":
            raise AsterError(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode.")
        raise AsterError(-4046, "No need to change margin type.")

    # --- listen keys ------------------------------------------------------------------------------------------

    def _listen_key(self, signed: Signed) -> dict[str, Any]:
        key = next((key for key, user in self.listen_keys.items() if user == signed.user), None)
        if key is None:
            key = secrets.token_hex(32)
            self.listen_keys[key] = signed.user
        return {"listenKey": key}

    def _forget_listen_key(self, signed: Signed) -> dict[str, Any]:
        self.listen_keys = {key: user for key, user in self.listen_keys.items() if user != signed.user}
        return {}


def _listed(params: Params, name: str) -> list[Any]:
    try:
        wanted = json.loads(params.get(name, ""))
    except ValueError as error:
        raise missing(name) from error
    if not isinstance(wanted, list) or not 0 < len(wanted) <= BATCH:
        raise AsterError(-4082, "Invalid number of batch place orders.")
    return wanted
