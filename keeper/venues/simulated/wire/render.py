"""Markets, orders, fills and payments as the venue's JSON."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from keeper.venues.simulated.accounts import FundingRow, LedgerRow
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.events import OrderChanged
from keeper.venues.simulated.funding import RateRow
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Fill, Order, TimeInForce, Trade, Trigger
from keeper.venues.simulated.tape.depth import Level
from keeper.venues.simulated.units import USDC_DECIMALS, AssetSpec, decimal_text, usdc_text

NO_HASH = "0x" + "0" * 64
RATE_DECIMALS = 10
SPOT_DECIMALS = 8


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


def spot_context(market: Market, recorded: dict[str, Any]) -> dict[str, Any]:
    """Volumes and supply are the recorded ones and what was traded here on top."""
    spec = market.spec
    return {
        "prevDayPx": recorded["prevDayPx"],
        "dayNtlVlm": _more(recorded["dayNtlVlm"], market.volume, SPOT_DECIMALS),
        "markPx": spec.price_text(market.mark),
        "midPx": mid(market),
        "circulatingSupply": recorded["circulatingSupply"],
        "coin": spec.coin,
        "totalSupply": recorded["totalSupply"],
        "dayBaseVlm": _more(recorded["dayBaseVlm"], market.base_volume, spec.size_decimals),
    }


def _more(recorded: str, traded: int, decimals: int) -> str:
    if not traded:
        return recorded
    text = f"{Decimal(recorded) + Decimal(traded).scaleb(-decimals):f}"
    return text.rstrip("0").rstrip(".") + ".0" if text.endswith("0") and text.rstrip("0").endswith(".") else text


def asset_context(venue: Venue, market: Market) -> dict[str, Any]:
    spec, snapshot = market.spec, market.snapshot
    halted = market.halted
    impact = [decimal_text(round(price * 100), spec.price_decimals + 2) for price in market.impact_prices()]
    return {
        "funding": "0.0" if halted else rate_text(venue.funding_rate(spec.index)),
        "openInterest": spec.size_text(venue.open_interest(spec.index)),
        "prevDayPx": snapshot.previous_day,
        "dayNtlVlm": _more(snapshot.day_notional, market.volume, USDC_DECIMALS),
        "premium": None if halted else rate_text(market.premium()),
        "oraclePx": spec.price_text(market.oracle),
        "markPx": spec.price_text(market.mark),
        "midPx": None if halted else mid(market),
        "impactPxs": None if halted else impact,
        "dayBaseVlm": _more(snapshot.day_base, market.base_volume, spec.size_decimals),
    }


def fill(row: Fill) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "coin": row.spec.coin,
        "px": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "side": side(row.is_buy),
        "time": row.time_ms,
        "startPosition": _start(row),
        "dir": row.direction,
        "closedPnl": decimal_text(row.closed_pnl, row.decimals),
        "hash": row.hash,
        "oid": row.oid,
        "crossed": row.crossed,
        "fee": decimal_text(row.fee, row.fee_decimals),
        "tid": row.tid,
        "feeToken": row.fee_token,
        "twapId": row.twap_id,
    }
    if row.cloid is not None:
        shown["cloid"] = row.cloid
    if row.builder_fee:
        shown["builderFee"] = usdc_text(row.builder_fee)
    if row.liquidation is not None:
        found = row.liquidation
        mark = row.spec.price_text(found.mark)
        shown["liquidation"] = {"liquidatedUser": found.user, "markPx": mark, "method": found.method}
    return shown


def _start(row: Fill) -> str:
    base = row.spec.base
    return row.spec.size_text(row.start_position) if base is None else decimal_text(row.start_position, base.decimals)


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


def frontend_order(row: Order, children: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    trigger = row.trigger
    return {
        "coin": row.spec.coin,
        "side": side(row.is_buy),
        "limitPx": row.spec.price_text(row.price),
        "sz": row.spec.size_text(row.lots),
        "oid": row.oid,
        "timestamp": row.time_ms,
        "triggerCondition": "N/A" if trigger is None else _condition(row, trigger),
        "isTrigger": trigger is not None,
        "triggerPx": "0.0" if trigger is None else row.spec.price_text(trigger.price),
        "children": list(children),
        "isPositionTpsl": row.of_position,
        "reduceOnly": row.reduce_only,
        "orderType": _order_type(row),
        "origSz": row.spec.size_text(row.original),
        "tif": None if trigger is not None else row.tif.value,
        "cloid": row.cloid,
    }


def _condition(row: Order, trigger: Trigger) -> str:
    above = trigger.take_profit != row.is_buy
    return f"Price {'above' if above else 'below'} {row.spec.price_text(trigger.price).removesuffix('.0')}"


def _order_type(row: Order) -> str:
    if row.trigger is not None:
        return (
            f"{'Take Profit' if row.trigger.take_profit else 'Stop'} {'Market' if row.trigger.is_market else 'Limit'}"
        )
    if row.twap_id is not None:
        return "Twap Slice"
    return "Market" if row.tif in (TimeInForce.FRONTEND_MARKET, TimeInForce.LIQUIDATION_MARKET) else "Limit"


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
