"""Records of the engine in the venue's own JSON. Every number is a string with its zeros, times are ms."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from keeper.venues.simulated.accounts import Account, Position, account_value, margin_used, transferable
from keeper.venues.simulated.dialects.aster.symbols import ASSET, base_of, symbol_of, tick_size
from keeper.venues.simulated.dialects.numbers import fixed
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import RATE_SCALE, Market
from keeper.venues.simulated.orders import Fill, Order, OrderStatus, TimeInForce, Trade
from keeper.venues.simulated.units import AssetSpec

DOLLAR_DECIMALS = 6
SHOWN = 8
TIFS = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.ALO: "GTX", TimeInForce.FRONTEND_MARKET: "GTC"}
REJECTED = (
    OrderStatus.MIN_NOTIONAL_REJECTED,
    OrderStatus.MARGIN_REJECTED,
    OrderStatus.REDUCE_ONLY_REJECTED,
    OrderStatus.POST_ONLY_REJECTED,
)
"""Refused at the door: the venue keeps no record of these."""


def dollars(micro: int) -> str:
    return fixed(micro, DOLLAR_DECIMALS, SHOWN)


def rate(scaled: int) -> str:
    """A rate × 1e10."""
    return fixed(scaled, len(str(RATE_SCALE)) - 1, SHOWN)


def price(spec: AssetSpec, units: int) -> str:
    return fixed(units, spec.price_decimals)


def size(spec: AssetSpec, lots: int) -> str:
    return fixed(lots, spec.size_decimals)


def average(spec: AssetSpec, lots: int, micro: int) -> str:
    """Average price of `lots` that cost `micro`, 8 decimals."""
    if not lots:
        return "0.00000000"
    return str((Decimal(micro) / lots / spec.unit).quantize(Decimal("1e-8")))


def symbol_info(market: Market) -> dict[str, Any]:
    spec = market.spec
    tick, step = price(spec, tick_size(market)), size(spec, 1)
    return {
        "symbol": symbol_of(spec.coin),
        "pair": symbol_of(spec.coin),
        "contractType": "PERPETUAL",
        "status": "BREAK" if market.halted else "TRADING",
        "baseAsset": base_of(spec.coin),
        "quoteAsset": ASSET,
        "marginAsset": ASSET,
        "pricePrecision": spec.price_decimals,
        "quantityPrecision": spec.size_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "maintMarginPercent": fixed(10**6 // (2 * spec.max_leverage), 4),
        "requiredMarginPercent": fixed(10**6 // spec.max_leverage, 4),
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "100000000", "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "100000000", "stepSize": step},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "10"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "GTX"],
    }


def premium_index(venue: Venue, market: Market) -> dict[str, Any]:
    spec, now = market.spec, venue.now_ms()
    return {
        "symbol": symbol_of(spec.coin),
        "markPrice": price(spec, market.mark),
        "indexPrice": price(spec, market.oracle),
        "estimatedSettlePrice": price(spec, market.oracle),
        "lastFundingRate": rate(venue.funding_rate(spec.index)),
        "interestRate": "0.00010000",
        "nextFundingTime": venue.next_funding_ms(spec.index),
        "time": now,
    }


def ticker(venue: Venue, market: Market) -> dict[str, Any]:
    spec, now = market.spec, venue.now_ms()
    last = market.last_trade or round(market.mid)
    opened = venue.tape_mid(spec.index, now - 86_400_000)
    change = last - opened
    percent = Decimal(change) / opened * 100 if opened else Decimal(0)
    return {
        "symbol": symbol_of(spec.coin),
        "priceChange": price(spec, change),
        "priceChangePercent": str(percent.quantize(Decimal("0.001"))),
        "weightedAvgPrice": price(spec, last),
        "lastPrice": price(spec, last),
        "lastQty": size(spec, market.trades[0].lots if market.trades else 0),
        "openPrice": price(spec, opened),
        "highPrice": price(spec, max(last, opened)),
        "lowPrice": price(spec, min(last, opened)),
        "volume": size(spec, market.volume // last if last else 0),
        "quoteVolume": dollars(market.volume),
        "openTime": now - 86_400_000,
        "closeTime": now,
        "firstId": market.trades[-1].tid if market.trades else 0,
        "lastId": market.trades[0].tid if market.trades else 0,
        "count": len(market.trades),
    }


def levels(market: Market, limit: int) -> tuple[list[list[str]], list[list[str]]]:
    """Bids and asks, best first."""
    sides = (market.levels(asks=asks, limit=limit) for asks in (False, True))
    spec = market.spec
    bids, asks = ([[price(spec, level.price), size(spec, level.lots)] for level in side] for side in sides)
    return bids, asks


def trade(row: Trade) -> dict[str, Any]:
    spec = row.spec
    return {
        "id": row.tid,
        "price": price(spec, row.price),
        "qty": size(spec, row.lots),
        "quoteQty": dollars(row.price * row.lots),
        "time": row.time_ms,
        "isBuyerMaker": not row.side_is_buy,
    }


def status_of(order: Order) -> str:
    """An IOC's rest and what the venue withdraws itself is EXPIRED; only the client's own cancel is CANCELED."""
    if order.status is OrderStatus.OPEN:
        return "NEW" if order.lots == order.original else "PARTIALLY_FILLED"
    if order.status is OrderStatus.FILLED:
        return "FILLED"
    if order.status is OrderStatus.CANCELED and order.tif.rests:
        return "CANCELED"
    return "REJECTED" if order.status in REJECTED else "EXPIRED"


def order(found: Order, filled: tuple[int, int]) -> dict[str, Any]:
    spec, (lots, micro) = found.spec, filled
    kind = "MARKET" if found.tif is TimeInForce.FRONTEND_MARKET else "LIMIT"
    return {
        "orderId": found.oid,
        "symbol": symbol_of(spec.coin),
        "status": status_of(found),
        "clientOrderId": found.cloid or f"web_{found.oid}",
        "price": "0" if kind == "MARKET" else price(spec, found.price),
        "avgPrice": average(spec, lots, micro),
        "origQty": size(spec, found.original),
        "executedQty": size(spec, lots),
        "cumQty": size(spec, lots),
        "cumQuote": dollars(micro),
        "timeInForce": TIFS[found.tif],
        "type": kind,
        "origType": kind,
        "reduceOnly": found.reduce_only,
        "closePosition": False,
        "side": "BUY" if found.is_buy else "SELL",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "time": found.time_ms,
        "updateTime": found.status_ms,
    }


def user_trade(fill: Fill, builder_fee: int) -> dict[str, Any]:
    spec = fill.spec
    return {
        "symbol": symbol_of(spec.coin),
        "id": fill.tid,
        "orderId": fill.oid,
        "side": "BUY" if fill.is_buy else "SELL",
        "price": price(spec, fill.price),
        "qty": size(spec, fill.lots),
        "realizedPnl": dollars(fill.realised),
        "marginAsset": ASSET,
        "quoteQty": dollars(fill.price * fill.lots),
        "commission": dollars(fill.fee + builder_fee),
        "commissionAsset": ASSET,
        "time": fill.time_ms,
        "positionSide": "BOTH",
        "maker": not fill.crossed,
        "buyer": fill.is_buy,
    }


def unrealised(position: Position, mark: int) -> int:
    """Micro-USDC at the mark price."""
    return position.szi * mark - position.cost


def position_risk(venue: Venue, account: Account | None, market: Market) -> dict[str, Any]:
    spec = market.spec
    position = (account.positions.get(spec.index) if account else None) or Position()
    notional = position.szi * market.mark
    return {
        "symbol": symbol_of(spec.coin),
        "positionAmt": size(spec, position.szi),
        "entryPrice": average(spec, abs(position.szi), position.entry_ntl),
        "markPrice": price(spec, market.mark),
        "unRealizedProfit": dollars(unrealised(position, market.mark)),
        "liquidationPrice": "0",
        "leverage": str(account.leverage_of(spec) if account else min(20, spec.max_leverage)),
        "maxNotionalValue": "100000000",
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notional": dollars(notional),
        "isolatedWallet": "0",
        "updateTime": venue.now_ms() if position.szi else 0,
    }


def wallet(venue: Venue, account: Account) -> tuple[int, int]:
    """Wallet balance and unrealised profit, micro-USDC: together the account's value at the mark prices."""
    profit = sum(unrealised(position, venue.mark_px(asset)) for asset, position in account.open_positions())
    return account_value(account, venue.state.mark) - profit, profit


def balance(venue: Venue, account: Account) -> dict[str, Any]:
    held, profit = wallet(venue, account)
    free = max(0, held + profit - margin_used(account, venue.state.mark))
    return {
        "accountAlias": account.address[2:18],
        "asset": ASSET,
        "balance": dollars(held),
        "crossWalletBalance": dollars(held),
        "crossUnPnl": dollars(profit),
        "availableBalance": dollars(free),
        "maxWithdrawAmount": dollars(transferable(account, venue.state.mark)),
        "marginAvailable": True,
        "updateTime": venue.now_ms(),
    }


def account(venue: Venue, found: Account, markets: Sequence[Market]) -> dict[str, Any]:
    """/v4/account: totals and positions."""
    held, profit = wallet(venue, found)
    used = margin_used(found, venue.state.mark)
    positions = [
        position_risk(venue, found, market)
        | {"initialMargin": dollars(abs(found.size(market.spec.index)) * market.mark // found.leverage_of(market.spec))}
        for market in markets
    ]
    return {
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "feeTier": 0,
        "updateTime": venue.now_ms(),
        "totalWalletBalance": dollars(held),
        "totalUnrealizedProfit": dollars(profit),
        "totalMarginBalance": dollars(held + profit),
        "totalInitialMargin": dollars(used),
        "totalPositionInitialMargin": dollars(used),
        "availableBalance": dollars(max(0, held + profit - used)),
        "maxWithdrawAmount": dollars(transferable(found, venue.state.mark)),
        "assets": [balance(venue, found) | {"walletBalance": dollars(held), "marginBalance": dollars(held + profit)}],
        "positions": positions,
    }
