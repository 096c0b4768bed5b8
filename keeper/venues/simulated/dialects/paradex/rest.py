"""REST: what each path answers. Lists come in pages, newest first, as `{"results": [...], "next": cursor}`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.dialects.numbers import on_grid, parse
from keeper.venues.simulated.dialects.paradex import render
from keeper.venues.simulated.dialects.paradex.errors import ParadexError, invalid
from keeper.venues.simulated.dialects.paradex.publisher import ParadexPublisher
from keeper.venues.simulated.dialects.paradex.signing import (
    ACCOUNT_HASH,
    CHAIN_ID,
    PROXY_HASH,
    Authority,
    Owner,
)
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Order, OrderRequest, OrderStatus, Refused, TimeInForce
from keeper.venues.simulated.units import floor_to_tick

Params = Mapping[str, str]
INSTRUCTIONS = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "POST_ONLY": TimeInForce.ALO}
CLIENT_ID = re.compile(r"^[!-~]{1,64}$")
MARKET_BAND = 0.1
PAGE, MOST = 100, 5_000


class Rest:
    """`public` and `private` answer GETs by path; commands have methods of their own. None = no content (204)."""

    def __init__(self, publisher: ParadexPublisher, authority: Authority) -> None:
        self._publisher, self._authority = publisher, authority
        self._world = publisher.world
        self._venue, self._funding = publisher.world.venue, publisher.funding
        self._public: Mapping[str, Callable[[Params], Any]] = {
            "system/config": lambda params: self._config(),
            "system/time": lambda params: {"server_time": self._venue.now_ms()},
            "system/state": lambda params: {"status": "ok"},
            "markets": self._markets,
            "markets/summary": lambda params: self._each(params, lambda one: render.summary(self._venue, one)),
            "trades": self._trades,
            "funding/data": self._funding_data,
        }
        self._private: Mapping[str, Callable[[Owner, Params], Any]] = {
            "orders": self._open_orders,
            "orders-history": self._history,
            "balance": self._balance,
            "account": lambda owner, params: self._account(owner),
            "account/margin": self._margin,
            "positions": self._positions,
            "fills": self._fills,
            "funding/payments": self._payments,
            "transfers": self._transfers,
        }

    # --- everybody's ------------------------------------------------------------------------------------------

    def public(self, path: str, params: Params) -> Any:
        """KeyError for a path that is not public."""
        head, _, name = path.partition("/")
        if head in ("orderbook", "bbo") and name:
            market = self._market(name)
            depth = int(params.get("depth", "20")) if params.get("depth", "20").isdigit() else 20
            now = self._venue.now_ms()
            head_ = {"market": name, "seq_no": self._venue.block, "last_updated_at": now}
            return head_ | render.levels(market, depth)
        return self._public[path](params)

    def _config(self) -> dict[str, Any]:
        return {
            "starknet_chain_id": CHAIN_ID,
            "l1_chain_id": "1",
            "paraclear_account_hash": ACCOUNT_HASH,
            "paraclear_account_proxy_hash": PROXY_HASH,
            "paraclear_decimals": 8,
            "bridged_tokens": [{"name": render.SETTLEMENT, "symbol": render.SETTLEMENT, "decimals": 6}],
        }

    def _market(self, name: object) -> Market:
        market = self._publisher.by_name.get(str(name))
        if market is None:
            raise ParadexError("MARKET_NOT_FOUND", f"market not found: {name}", 404)
        return market

    def _open_markets(self) -> list[Market]:
        return [market for market in self._publisher.by_name.values() if not market.halted]

    def _each(self, params: Params, row: Callable[[Market], dict[str, Any]]) -> dict[str, Any]:
        name = params.get("market", "ALL")
        markets = self._open_markets() if name == "ALL" else [self._market(name)]
        return {"results": [row(market) for market in markets]}

    def _markets(self, params: Params) -> dict[str, Any]:
        options = self._venue.state.options
        taker, maker = (format((bps / 10_000).normalize(), "f") for bps in (options.taker_bps, options.maker_bps))
        fees = {"api_fee": {"maker_fee": {"fee": maker}, "taker_fee": {"fee": taker}}}
        return self._each(params, lambda market: render.market_info(market) | {"fee_config": fees})

    def _trades(self, params: Params) -> dict[str, Any]:
        return _page([render.trade(row) for row in reversed(self._market(params.get("market")).trades)], params)

    def _funding_data(self, params: Params) -> dict[str, Any]:
        """One observation an hour of the rate and the index; a rate is for a whole period, so rows do not add up."""
        market = self._market(params.get("market"))
        rows = [
            render.funding_data(self._venue, self._funding, market)
            | {
                "funding_index": render.index(market.spec, index),
                "funding_rate": render.period_rate(row.rate),
                "funding_rate_8h": render.period_rate(row.rate),
                "created_at": row.time_ms,
            }
            for row, index in zip(
                self._venue.funding_history(market.spec.index), self._funding.hourly[market.spec.index], strict=True
            )
        ]
        return _page(rows, params)

    # --- orders -----------------------------------------------------------------------------------------------

    def place(self, owner: Owner, body: Any) -> dict[str, Any]:
        """The order as NEW: what came of it is told by its record and the channels, as at the venue."""
        if not isinstance(body, dict):
            raise invalid("order: an object is wanted")
        self._authority.check_order(owner, body)
        request = self._request(body)
        if self._is_used(owner, request.cloid):
            raise ParadexError("DUPLICATED_CLIENT_ID", "client_id is used by another order")
        try:
            outcome = self._venue.place(owner.ethereum, request)
        except VenueError as refusal:
            raise ParadexError("ACCOUNT_NOT_FOUND", str(refusal)) from refusal
        orders = self._venue.state.accounts[owner.ethereum].orders
        order = orders[max(orders)] if isinstance(outcome, Refused) else orders[outcome.oid]
        self._world.publish()
        if order.status is OrderStatus.MIN_NOTIONAL_REJECTED:
            raise invalid("order notional is below the market's min_notional of 10")
        return render.order(order, owner.account, (0, 0), new=True)

    def _is_used(self, owner: Owner, client_id: str | None) -> bool:
        """By an order of the account, open or closed: what was taken once is not taken again."""
        account = self._known(owner)
        order = account.orders.get(account.by_cloid.get(client_id or "", 0))
        return order is not None and order.status is not OrderStatus.MIN_NOTIONAL_REJECTED

    def place_batch(self, owner: Owner, body: Any) -> dict[str, Any]:
        if not isinstance(body, list) or not 0 < len(body) <= 10:
            raise ParadexError("BATCH_SIZE_OUT_OF_RANGE", "1 to 10 orders")
        orders: list[dict[str, Any] | None] = []
        errors: list[dict[str, str] | None] = []
        for one in body:
            try:
                orders.append(self.place(owner, one))
                errors.append(None)
            except ParadexError as error:
                orders.append(None)
                errors.append({"error": error.code, "message": error.text})
        return {"orders": orders, "errors": errors}

    def _request(self, body: Mapping[str, Any]) -> OrderRequest:
        market = self._market(body.get("market"))
        spec = market.spec
        if market.halted or market.faults.halted:
            raise ParadexError("MARKET_NOT_OPEN", f"{body['market']} is not open")
        if body.get("side") not in ("BUY", "SELL"):
            raise invalid("side: BUY or SELL")
        client_id = str(body.get("client_id") or "") or None
        if client_id is not None and not CLIENT_ID.match(client_id):
            raise invalid("client_id: at most 64 printable characters")
        amount = parse(body.get("size"))
        lots = on_grid(amount, spec.size_decimals) if amount is not None else None
        if lots is None or lots <= 0:
            raise invalid("size: a positive multiple of order_size_increment")
        buys = body["side"] == "BUY"
        price, tif = self._price(market, body, buys=buys)
        return OrderRequest(spec, buys, price, lots, tif, "REDUCE_ONLY" in (body.get("flags") or ()), client_id)

    def _price(self, market: Market, body: Mapping[str, Any], *, buys: bool) -> tuple[int, TimeInForce]:
        spec = market.spec
        if body.get("type") == "MARKET":
            far = market.mark * (1 + MARKET_BAND if buys else 1 - MARKET_BAND)
            return floor_to_tick(far, spec.unit), TimeInForce.FRONTEND_MARKET
        tif = INSTRUCTIONS.get(str(body.get("instruction")))
        if body.get("type") != "LIMIT" or tif is None:
            raise invalid("type: LIMIT or MARKET; instruction: GTC, IOC or POST_ONLY")
        number = parse(body.get("price"))
        price = on_grid(number, spec.price_decimals) if number is not None else None
        if price is None or price <= 0 or price % render.tick_size(market):
            raise ParadexError("INVALID_PRICE_PRECISION", "price is not a positive multiple of price_tick_size")
        return price, tif

    def find(self, owner: Owner, path: str) -> Order:
        """The order that `orders/{id}` or `orders/by_client_id/{id}` names."""
        account = self._known(owner)
        key = path.removeprefix("orders/")
        if key.startswith("by_client_id/"):
            order = account.orders.get(account.by_cloid.get(key.removeprefix("by_client_id/"), 0))
            code = "CLIENT_ORDER_ID_NOT_FOUND"
        else:
            order = account.orders.get(int(key)) if key.isdigit() else None
            code = "ORDER_ID_NOT_FOUND"
        if order is None or order.status is OrderStatus.MIN_NOTIONAL_REJECTED:
            raise ParadexError(code, "no such order", 404)
        return order

    def cancel(self, owner: Owner, path: str) -> None:
        order = self.find(owner, path)
        if self._venue.cancel(order.account, order.spec.index, order.oid) is not None:
            raise ParadexError("ORDER_IS_CLOSED", "order is closed already")
        self._world.publish()

    def cancel_all(self, owner: Owner, params: Params) -> None:
        name = params.get("market")
        for order in list(self._known(owner).open_orders.values()):
            if name in (None, render.name_of(order.spec.coin)):
                self._venue.cancel(order.account, order.spec.index, order.oid)
        self._world.publish()

    def set_margin(self, owner: Owner, name: str, body: Any) -> dict[str, Any]:
        market, leverage = self._market(name), body.get("leverage") if isinstance(body, dict) else None
        if not isinstance(leverage, int) or body.get("margin_type", "CROSS") != "CROSS":
            raise invalid("leverage: a whole number; margin_type: CROSS")
        try:
            self._venue.update_leverage(owner.ethereum, market.spec.index, leverage)
        except VenueError as refusal:
            raise invalid(str(refusal)) from refusal
        return {"account": owner.account, "market": name, "leverage": leverage, "margin_type": "CROSS"}

    # --- an account's own -------------------------------------------------------------------------------------

    def private(self, owner: Owner, path: str, params: Params) -> Any:
        """KeyError for a path that is none."""
        if path.startswith("orders/"):
            order = self.find(owner, path)
            return render.order(order, owner.account, self._publisher.filled(order.oid))
        return self._private[path](owner, params)

    def _known(self, owner: Owner) -> Account:
        return self._venue.find(owner.ethereum) or Account(owner.ethereum)

    def _named(self, params: Params, coin: str) -> bool:
        return params.get("market") in (None, render.name_of(coin))

    def _open_orders(self, owner: Owner, params: Params) -> dict[str, Any]:
        orders = [order for order in self._known(owner).open_orders.values() if self._named(params, order.spec.coin)]
        return {"results": [render.order(one, owner.account, self._publisher.filled(one.oid)) for one in orders]}

    def _history(self, owner: Owner, params: Params) -> dict[str, Any]:
        wanted = params.get("client_id")
        rows = [
            render.order(one, owner.account, self._publisher.filled(one.oid))
            for one in self._known(owner).orders.values()
            if self._named(params, one.spec.coin)
            and wanted in (None, one.cloid)
            and one.status is not OrderStatus.MIN_NOTIONAL_REJECTED
        ]
        return _page(rows, params)

    def _balance(self, owner: Owner, params: Params) -> dict[str, Any]:
        held = render.cash(self._venue, self._funding, self._known(owner))
        row = {"token": render.SETTLEMENT, "size": render.dollars(held), "last_updated_at": self._venue.now_ms()}
        return {"results": [row]}

    def _account(self, owner: Owner) -> dict[str, Any]:
        return render.account(self._venue, self._funding, self._known(owner), owner.account)

    def _margin(self, owner: Owner, params: Params) -> dict[str, Any]:
        spec, account = self._market(params.get("market")).spec, self._known(owner)
        row = {"market": params["market"], "leverage": account.leverage_of(spec), "margin_type": "CROSS"}
        return {"account": owner.account, "configs": [row]}

    def _positions(self, owner: Owner, params: Params) -> dict[str, Any]:
        account = self._known(owner)
        rows = [
            render.position(self._venue, self._funding, account, owner.account, asset)
            for asset, _ in account.open_positions()
        ]
        return {"results": rows}

    def _fills(self, owner: Owner, params: Params) -> dict[str, Any]:
        paid = {payment.tid: payment.amount for payment in self._funding.payments}
        left: dict[int, int] = {}
        account, rows = self._known(owner), []
        for fill in account.fills:
            left[fill.oid] = left.get(fill.oid, account.orders[fill.oid].original) - fill.lots
            if self._named(params, fill.spec.coin):
                rows.append(render.fill(fill, owner.account, left[fill.oid], paid.get(fill.tid, 0)))
        return _page(rows, params)

    def _payments(self, owner: Owner, params: Params) -> dict[str, Any]:
        specs = self._venue.assets
        rows = [
            render.payment(specs[row.asset], row, owner.account)
            for row in self._funding.payments
            if row.account == owner.ethereum and self._named(params, specs[row.asset].coin)
        ]
        return _page(rows, params)

    def _transfers(self, owner: Owner, params: Params) -> dict[str, Any]:
        kinds = {"deposit": "DEPOSIT", "withdraw": "WITHDRAWAL"}
        rows = [
            {
                "id": f"{row.time_ms}{number:04d}",
                "account": owner.account,
                "kind": kinds[row.delta["type"]],
                "status": "COMPLETED",
                "amount": render.trimmed(row.delta["usdc"]),
                "token": render.SETTLEMENT,
                "created_at": row.time_ms,
                "last_updated_at": row.time_ms,
                "txn_hash": row.hash,
                "external_txn_hash": "",
            }
            for number, row in enumerate(self._known(owner).ledger)
            if row.delta["type"] in kinds
        ]
        return _page(rows, params)


def _page(rows: list[dict[str, Any]], params: Params) -> dict[str, Any]:
    """One page of rows given oldest first: within [start_at, end_at], newest first, from the cursor on."""
    start, end, wanted, cursor = (params.get(name, "") for name in ("start_at", "end_at", "page_size", "cursor"))
    kept = [
        row
        for row in reversed(rows)
        if (not start.isdigit() or row["created_at"] >= int(start))
        and (not end.isdigit() or row["created_at"] <= int(end))
    ]
    size = max(1, min(MOST, int(wanted))) if wanted.isdigit() else PAGE
    first = int(cursor) if cursor.isdigit() else 0
    following = str(first + size) if first + size < len(kept) else None
    return {"next": following, "prev": None, "results": kept[first : first + size]}
