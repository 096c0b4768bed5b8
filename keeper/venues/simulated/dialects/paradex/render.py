"""Records of the engine in the venue's own JSON: strings without needless zeros, times in ms."""

from typing import Any

from keeper.venues.simulated.accounts import Account, account_value, margin_used, notional
from keeper.venues.simulated.dialects.aster.render import unrealised
from keeper.venues.simulated.dialects.continuous_funding import INDEX_SCALE, ContinuousFunding, Payment
from keeper.venues.simulated.dialects.numbers import fixed
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import RATE_SCALE, Market
from keeper.venues.simulated.orders import Fill, Order, OrderStatus, TimeInForce, Trade
from keeper.venues.simulated.units import AssetSpec, tick_of

PERIOD_HOURS = 8
SETTLEMENT = "USDC"
INSTRUCTIONS = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.ALO: "POST_ONLY",
    TimeInForce.FRONTEND_MARKET: "IOC",
}
REASONS = {
    OrderStatus.CANCELED: "USER_CANCELED",
    OrderStatus.SELF_TRADE_CANCELED: "SELF_TRADE",
    OrderStatus.REDUCE_ONLY_CANCELED: "REDUCE_ONLY_WILL_INCREASE",
    OrderStatus.REDUCE_ONLY_REJECTED: "REDUCE_ONLY_WILL_INCREASE",
    OrderStatus.MARGIN_REJECTED: "NOT_ENOUGH_MARGIN",
    OrderStatus.POST_ONLY_REJECTED: "POST_ONLY_WOULD_CROSS",
    OrderStatus.IOC_REJECTED: "REMAINING_IOC_CANCEL",
}


def trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def name_of(coin: str) -> str:
    return f"{coin}-USD-PERP"


def price(spec: AssetSpec, units: int) -> str:
    return trimmed(fixed(units, spec.price_decimals))


def size(spec: AssetSpec, lots: int) -> str:
    return trimmed(fixed(lots, spec.size_decimals))


def dollars(micro: int) -> str:
    return trimmed(fixed(micro, 6))


def period_rate(hourly: int) -> str:
    """An hourly rate × 1e10 as the rate of a whole period."""
    return trimmed(fixed(hourly * PERIOD_HOURS, len(str(RATE_SCALE)) - 1))


def rate(venue: Venue, asset: int) -> str:
    """The running rate for a whole period."""
    return period_rate(venue.funding_rate(asset))


def index(spec: AssetSpec, value: int) -> str:
    """The funding index in dollars per coin, 8 decimals."""
    return trimmed(fixed(value * 10**8 // INDEX_SCALE // spec.unit, 8))


def tick_size(market: Market) -> int:
    """One fixed step per market, in price units: the engine's step at the snapshot's price."""
    return tick_of(round(market.snapshot.mark * market.spec.unit), market.spec.unit)


def market_info(market: Market) -> dict[str, Any]:
    spec = market.spec
    return {
        "symbol": name_of(spec.coin),
        "base_currency": spec.coin,
        "quote_currency": "USD",
        "settlement_currency": SETTLEMENT,
        "order_size_increment": size(spec, 1),
        "price_tick_size": price(spec, tick_size(market)),
        "min_notional": "10",
        "open_at": 0,
        "expiry_at": 0,
        "asset_kind": "PERP",
        "market_kind": "cross",
        "position_limit": "100000000",
        "price_bands_width": "0.2",
        "max_open_orders": 200,
        "max_funding_rate": "0.05",
        "funding_period_hours": PERIOD_HOURS,
        "interest_rate": "0.0001",
        "delta1_cross_margin_params": {
            "imf_base": trimmed(fixed(10**6 // spec.max_leverage, 6)),
            "imf_shift": "0",
            "imf_factor": "0",
            "mmf_factor": "0.5",
        },
        "max_order_size": "100000000",
    }


def summary(venue: Venue, market: Market) -> dict[str, Any]:
    spec = market.spec
    bid, ask = market.best()
    return {
        "symbol": name_of(spec.coin),
        "mark_price": price(spec, market.mark),
        "oracle_price": price(spec, market.oracle),
        "underlying_price": price(spec, market.oracle),
        "last_traded_price": price(spec, market.last_trade or round(market.mid)),
        "bid": price(spec, bid),
        "ask": price(spec, ask),
        "volume_24h": dollars(market.volume),
        "total_volume": dollars(market.volume),
        "created_at": venue.now_ms(),
        "open_interest": market.snapshot.open_interest,
        "funding_rate": rate(venue, spec.index),
        "price_change_rate_24h": "0",
    }


def funding_data(venue: Venue, funding: ContinuousFunding, market: Market) -> dict[str, Any]:
    spec = market.spec
    return {
        "market": name_of(spec.coin),
        "funding_index": index(spec, funding.indices[spec.index]),
        "funding_premium": price(spec, market.mark - market.oracle),
        "funding_rate": rate(venue, spec.index),
        "funding_rate_8h": rate(venue, spec.index),
        "funding_period_hours": PERIOD_HOURS,
        "created_at": venue.now_ms(),
    }


def levels(market: Market, depth: int) -> dict[str, list[list[str]]]:
    spec = market.spec
    return {
        name: [[price(spec, level.price), size(spec, level.lots)] for level in market.levels(asks=asks, limit=depth)]
        for name, asks in (("bids", False), ("asks", True))
    }


def trade(row: Trade) -> dict[str, Any]:
    return {
        "id": str(row.tid),
        "market": name_of(row.spec.coin),
        "side": "BUY" if row.side_is_buy else "SELL",
        "size": size(row.spec, row.lots),
        "price": price(row.spec, row.price),
        "created_at": row.time_ms,
        "trade_type": "FILL",
    }


def order(found: Order, account: str, filled: tuple[int, int], *, new: bool = False) -> dict[str, Any]:
    """`new`: as the venue answers a placement, before anything has been matched."""
    spec, (lots, micro) = found.spec, filled
    closed = found.status is not OrderStatus.OPEN and not new
    average = price(spec, micro // lots) if lots and not new else ""
    reason = REASONS.get(found.status, "") if closed else ""
    if found.status is OrderStatus.CANCELED and not found.tif.rests and not new:
        reason = "REMAINING_IOC_CANCEL"
    return {
        "id": str(found.oid),
        "account": account,
        "market": name_of(spec.coin),
        "side": "BUY" if found.is_buy else "SELL",
        "type": "MARKET" if found.tif is TimeInForce.FRONTEND_MARKET else "LIMIT",
        "size": size(spec, found.original),
        "remaining_size": size(spec, found.original if new else found.original - lots),
        "price": "0" if found.tif is TimeInForce.FRONTEND_MARKET else price(spec, found.price),
        "status": "NEW" if new else "CLOSED" if closed else "OPEN",
        "created_at": found.time_ms,
        "last_updated_at": found.time_ms if new else found.status_ms,
        "timestamp": found.time_ms,
        "cancel_reason": reason,
        "client_id": found.cloid or "",
        "instruction": INSTRUCTIONS[found.tif],
        "avg_fill_price": average,
        "stp": "EXPIRE_MAKER",
        "flags": ["REDUCE_ONLY"] if found.reduce_only else [],
        "trigger_price": "0",
        "seq_no": found.status_ms * 1_000 + found.oid % 1_000,
    }


def fill(row: Fill, account: str, left: int, funding: int) -> dict[str, Any]:
    return {
        "id": str(row.tid),
        "account": account,
        "market": name_of(row.spec.coin),
        "side": "BUY" if row.is_buy else "SELL",
        "liquidity": "TAKER" if row.crossed else "MAKER",
        "order_id": str(row.oid),
        "client_id": row.cloid or "",
        "price": price(row.spec, row.price),
        "size": size(row.spec, row.lots),
        "remaining_size": size(row.spec, left),
        "fee": dollars(row.fee),
        "fee_currency": SETTLEMENT,
        "realized_pnl": dollars(row.realised),
        "realized_funding": dollars(funding),
        "created_at": row.time_ms,
        "fill_type": "FILL",
    }


def payment(spec: AssetSpec, row: Payment, account: str) -> dict[str, Any]:
    return {
        "id": f"{row.tid}-funding",
        "account": account,
        "market": name_of(spec.coin),
        "payment": dollars(row.amount),
        "index": index(spec, row.index),
        "fill_id": str(row.tid),
        "created_at": row.time_ms,
    }


def position(venue: Venue, funding: ContinuousFunding, found: Account, account: str, asset: int) -> dict[str, Any]:
    market = venue.market(asset)
    spec, held = market.spec, found.positions[asset]
    return {
        "id": f"{account}-{name_of(spec.coin)}",
        "account": account,
        "market": name_of(spec.coin),
        "status": "OPEN" if held.szi else "CLOSED",
        "side": "SHORT" if held.szi < 0 else "LONG",
        "size": size(spec, held.szi),
        "average_entry_price": price(spec, held.entry_price),
        "average_entry_price_usd": price(spec, held.entry_price),
        "realized_pnl": "0",
        "unrealized_pnl": dollars(unrealised(held, market.mark)),
        "unrealized_funding_pnl": dollars(funding.unrealised(found.address, asset)),
        "leverage": str(held.leverage),
        "cost": dollars(held.cost),
        "cost_usd": dollars(held.cost),
        "cached_funding_index": index(spec, funding.indices[asset]),
        "created_at": venue.now_ms(),
        "last_updated_at": venue.now_ms(),
        "last_fill_id": "",
        "seq_no": venue.block,
        "liquidation_price": "",
    }


def cash(venue: Venue, funding: ContinuousFunding, found: Account) -> int:
    """What a balance shows: the account's value less everything unrealised, micro-USDC."""
    open_ = [
        unrealised(held, venue.mark_px(asset)) + funding.unrealised(found.address, asset)
        for asset, held in found.open_positions()
    ]
    return account_value(found, venue.state.mark) - sum(open_)


def account(venue: Venue, funding: ContinuousFunding, found: Account, account_id: str) -> dict[str, Any]:
    value, used = account_value(found, venue.state.mark), margin_used(found, venue.state.mark)
    maintenance = notional(found, venue.state.mark) // 40
    return {
        "account": account_id,
        "account_value": dollars(value),
        "total_collateral": dollars(cash(venue, funding, found)),
        "free_collateral": dollars(max(0, value - used)),
        "initial_margin_requirement": dollars(used),
        "maintenance_margin_requirement": dollars(maintenance),
        "margin_cushion": dollars(value - maintenance),
        "settlement_asset": SETTLEMENT,
        "status": "ACTIVE",
        "seq_no": venue.block,
        "updated_at": venue.now_ms(),
    }
