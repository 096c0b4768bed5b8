"""The engine's records as the venue's JSON."""

from typing import Any

from keeper.venues.simulated import accounts as books
from keeper.venues.simulated.accounts import Account, FundingRow, LedgerRow, Position
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.events import OrderChanged
from keeper.venues.simulated.funding import RateRow
from keeper.venues.simulated.market import RATE_SCALE, Market
from keeper.venues.simulated.orders import Fill, Order, TimeInForce, Trade
from keeper.venues.simulated.tape.depth import Level
from keeper.venues.simulated.units import AssetSpec, decimal_text, usdc_text

NO_HASH = "0x" + "0" * 64
RATE_DECIMALS = 10


def side(is_buy: bool) -> str:
    return "B" if is_buy else "A"


def rate_text(rate: int) -> str:
    return decimal_text(rate, RATE_DECIMALS)


def level(spec: AssetSpec, entry: Level) -> dict[str, Any]:
    return {"px": spec.price_text(entry.price), "sz": spec.size_text(entry.lots), "n": entry.orders}


def book(market: Market, time_ms: int) -> dict[str, Any]:
    sides = [[level(market.spec, entry) for entry in market.levels(asks=asks)] for asks in (False, True)]
    return {"coin": market.spec.coin, "time": time_ms, "levels": sides}


def bbo(market: Market, time_ms: int) -> dict[str, Any]:
    best = [market.levels(asks=asks, limit=1) for asks in (False, True)]
    sides = [level(market.spec, entries[0]) if entries else None for entries in best]
    return {"coin": market.spec.coin, "time": time_ms, "bbo": sides}


def mid(market: Market) -> str:
    """The middle of best bid and ask; the mark of a coin without a book."""
    if market.halted:
        return market.spec.price_text(market.mark)
    return decimal_text(sum(market.best()) * 5, market.spec.price_decimals + 1)


def asset_context(venue: Venue, market: Market) -> dict[str, Any]:
    spec, snapshot = market.spec, market.snapshot
    halted = market.halted
    impact = [decimal_text(round(price * 100), spec.price_decimals + 2) for price in market.impact_prices()]
    return {
        "funding": "0.0" if halted else rate_text(venue.funding_rate(spec.index)),
        "openInterest": snapshot.open_interest,
        "prevDayPx": snapshot.previous_day,
        "dayNtlVlm": snapshot.day_notional,
        "premium": None if halted else rate_text(market.premium()),
        "oraclePx": spec.price_text(market.oracle),
        "markPx": spec.price_text(market.mark),
        "midPx": None if halted else mid(market),
        "impactPxs": None if halted else impact,
        "dayBaseVlm": snapshot.day_base,
    }


def fill(row: Fill) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "coin": row.spec.coin,
        "px": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "side": side(row.is_buy),
        "time": row.time_ms,
        "startPosition": row.spec.size_text(row.start_position),
        "dir": row.direction,
        "closedPnl": usdc_text(row.closed_pnl),
        "hash": row.hash,
        "oid": row.oid,
        "crossed": row.crossed,
        "fee": usdc_text(row.fee),
        "tid": row.tid,
        "feeToken": "USDC",
        "twapId": None,
    }
    if row.cloid is not None:
        shown["cloid"] = row.cloid
    return shown


def trade(row: Trade) -> dict[str, Any]:
    return {
        "coin": row.spec.coin,
        "side": side(row.side_is_buy),
        "px": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "time": row.time_ms,
        "hash": row.hash,
        "tid": row.tid,
        "users": [row.buyer, row.seller],
    }


def basic_order(row: Order | OrderChanged) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "coin": row.spec.coin,
        "side": side(row.is_buy),
        "limitPx": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "oid": row.oid,
        "timestamp": row.time_ms if isinstance(row, Order) else row.placed_ms,
        "origSz": row.spec.size_text(row.original),
    }
    if row.cloid is not None:
        shown["cloid"] = row.cloid
    if row.reduce_only:
        shown["reduceOnly"] = True
    return shown


def frontend_order(row: Order) -> dict[str, Any]:
    return {
        "coin": row.spec.coin,
        "side": side(row.is_buy),
        "limitPx": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "oid": row.oid,
        "timestamp": row.time_ms,
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": row.reduce_only,
        "orderType": "Market" if row.tif is TimeInForce.FRONTEND_MARKET else "Limit",
        "origSz": row.spec.size_text(row.original),
        "tif": row.tif.value,
        "cloid": row.cloid,
    }


def order_status(row: Order) -> dict[str, Any]:
    return {"order": frontend_order(row), "status": row.status.value, "statusTimestamp": row.status_ms}


def order_update(event: OrderChanged) -> dict[str, Any]:
    return {"order": basic_order(event), "status": event.status.value, "statusTimestamp": event.status_ms}


def funding_delta(row: FundingRow) -> dict[str, Any]:
    return {
        "coin": row.spec.coin,
        "usdc": usdc_text(row.usdc),
        "szi": row.spec.size_text(row.szi),
        "fundingRate": rate_text(row.rate),
        "nSamples": None,
    }


def user_funding(row: FundingRow) -> dict[str, Any]:
    return {"time": row.time_ms, "hash": NO_HASH, "delta": {"type": "funding", **funding_delta(row)}}


def ledger(row: LedgerRow) -> dict[str, Any]:
    return {"time": row.time_ms, "hash": row.hash, "delta": row.delta}


def funding_history(spec: AssetSpec, row: RateRow) -> dict[str, Any]:
    return {
        "coin": spec.coin,
        "fundingRate": rate_text(row.rate),
        "premium": rate_text(row.premium),
        "time": row.time_ms,
    }


def clearinghouse(venue: Venue, account: Account | None) -> dict[str, Any]:
    time_ms = venue.read_time()
    found = account or Account("")
    mark = venue.state.mark
    summary = {
        "accountValue": usdc_text(books.account_value(found, mark)),
        "totalNtlPos": usdc_text(books.notional(found, mark)),
        "totalRawUsd": usdc_text(found.raw_usd),
        "totalMarginUsed": usdc_text(books.margin_used(found, mark)),
    }
    maintenance = sum(
        abs(position.szi) * mark(asset) // (2 * venue.state.spec(asset).max_leverage)
        for asset, position in found.open_positions()
    )
    return {
        "marginSummary": summary,
        "crossMarginSummary": dict(summary),
        "crossMaintenanceMarginUsed": usdc_text(maintenance),
        "withdrawable": usdc_text(books.withdrawable(found, mark)),
        "assetPositions": [
            {"type": "oneWay", "position": _position(venue.market(asset), position, found)}
            for asset, position in sorted(found.open_positions())
        ],
        "time": time_ms,
    }


def _position(market: Market, position: Position, account: Account) -> dict[str, Any]:
    spec, szi = market.spec, position.szi
    value = abs(szi) * market.mark
    cost = position.entry_ntl
    pnl = szi * market.mark - cost if szi > 0 else cost + szi * market.mark
    return {
        "coin": spec.coin,
        "szi": spec.size_text(szi),
        "leverage": {"type": "cross", "value": position.leverage},
        "entryPx": spec.price_text(position.entry_price),
        "positionValue": usdc_text(value),
        "unrealizedPnl": usdc_text(pnl),
        "returnOnEquity": decimal_text(pnl * position.leverage * RATE_SCALE // max(1, cost), RATE_DECIMALS),
        "liquidationPx": None,
        "marginUsed": usdc_text(value // position.leverage),
        "maxLeverage": spec.max_leverage,
        "cumFunding": {
            "allTime": usdc_text(account.funding_paid.get(spec.index, 0)),
            "sinceOpen": usdc_text(position.funding_since_open),
            "sinceChange": usdc_text(position.funding_since_change),
        },
    }
