"""An account's state as the venue's JSON."""

from decimal import ROUND_DOWN, Decimal
from typing import Any

from keeper.venues.simulated import accounts as books
from keeper.venues.simulated.accounts import Account, Position
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.market import RATE_SCALE, Market
from keeper.venues.simulated.orders import Order
from keeper.venues.simulated.twap import Twap
from keeper.venues.simulated.units import WEI_PER_MICRO, AssetSpec, decimal_text, usdc_text
from keeper.venues.simulated.wire.render import RATE_DECIMALS, frontend_order, side

LIQUIDATION_DECIMALS = 10


def clearinghouse(venue: Venue, account: Account | None, dex: int = 0) -> dict[str, Any]:
    time_ms = venue.read_time()
    found = account or Account("")
    mark, spec = venue.state.mark, venue.state.spec
    return {
        "marginSummary": {
            "accountValue": usdc_text(books.account_value(found, mark, dex)),
            "totalNtlPos": usdc_text(books.notional(found, mark, dex)),
            "totalRawUsd": usdc_text(books.raw_usd(found, dex)),
            "totalMarginUsed": usdc_text(books.margin_used(found, mark, dex)),
        },
        "crossMarginSummary": {
            "accountValue": usdc_text(_own_cross_value(found, venue, dex)),
            "totalNtlPos": usdc_text(books.cross_notional(found, mark, dex)),
            "totalRawUsd": usdc_text(found.cash(dex)),
            "totalMarginUsed": usdc_text(books.cross_margin_used(found, mark, dex)),
        },
        "crossMaintenanceMarginUsed": usdc_text(books.cross_maintenance(found, mark, spec, dex)),
        "withdrawable": usdc_text(books.withdrawable(found, mark, dex)),
        "assetPositions": [
            {"type": "oneWay", "position": _position(venue, venue.market(asset), position, found)}
            for asset, position in sorted(found.open_positions(dex))
        ],
        "time": time_ms,
    }


def _own_cross_value(account: Account, venue: Venue, dex: int) -> int:
    return account.cash(dex) + sum(
        position.szi * venue.state.mark(asset)
        for asset, position in account.open_positions(dex)
        if position.isolated_usd is None
    )


def _position(venue: Venue, market: Market, position: Position, account: Account) -> dict[str, Any]:
    spec, szi = market.spec, position.szi
    value = abs(szi) * market.mark
    cost = position.entry_ntl
    pnl = szi * market.mark - cost if szi > 0 else cost + szi * market.mark
    leverage: dict[str, Any] = {"type": "cross", "value": position.leverage}
    if position.isolated_usd is not None:
        leverage = {"type": "isolated", "value": position.leverage, "rawUsd": usdc_text(position.isolated_usd)}
    return {
        "coin": spec.coin,
        "szi": spec.size_text(szi),
        "leverage": leverage,
        "entryPx": spec.price_text(position.entry_price),
        "positionValue": usdc_text(value),
        "unrealizedPnl": usdc_text(pnl),
        "returnOnEquity": decimal_text(pnl * position.leverage * RATE_SCALE // max(1, cost), RATE_DECIMALS),
        "liquidationPx": _liquidation_price(venue, account, spec),
        "marginUsed": usdc_text(books.position_margin(position, market.mark)),
        "maxLeverage": spec.max_leverage,
        "cumFunding": {
            "allTime": usdc_text(account.funding_paid.get(spec.index, 0)),
            "sinceOpen": usdc_text(position.funding_since_open),
            "sinceChange": usdc_text(position.funding_since_change),
        },
    }


def _liquidation_price(venue: Venue, account: Account, spec: AssetSpec) -> str | None:
    if account.address not in venue.state.accounts:
        return None
    price = venue.liquidation_px(account.address, spec.index)
    if price is None:
        return None
    exact = Decimal(price).scaleb(-spec.price_decimals)
    text = f"{exact.quantize(Decimal(1).scaleb(-LIQUIDATION_DECIMALS), ROUND_DOWN):f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def spot_state(venue: Venue, account: Account | None) -> dict[str, Any]:
    """Only tokens the account has or reserves. A unified account's dollars and what its positions hold of them are all
    here (docs, account abstraction modes)."""
    balances = []
    for index in (0, *account.holdings) if account else ():
        assert account is not None
        token, total, hold = venue.state.token(index), account.spot_total(index), account.spot_hold(index)
        if account.abstraction == books.UNIFIED and not index:
            total += account.cash(0) * WEI_PER_MICRO
            hold += books.cross_margin_used(account, venue.state.mark) * WEI_PER_MICRO
        if not total:
            continue
        cost = account.holdings[token.index].cost if token.index else 0
        balances.append(
            {
                "coin": token.name,
                "token": token.index,
                "total": decimal_text(total, token.decimals),
                "hold": decimal_text(hold, token.decimals),
                "entryNtl": decimal_text(cost, 8),
            }
        )
    return {"balances": balances}


def open_frontend_orders(account: Account | None, dex: int) -> list[dict[str, Any]]:
    """Newest first; the children of a resting order are shown inside it."""
    orders = list(reversed(account.open_orders.values())) if account else []
    return [frontend_order(order, _children(account, order)) for order in orders if in_dex(order, dex)]


def in_dex(order: Order, dex: int) -> bool:
    """Spot orders are shown with the main dex's."""
    return order.spec.dex == dex


def _children(account: Account | None, order: Order) -> list[dict[str, Any]]:
    if account is None:
        return []
    return [frontend_order(account.orders[oid]) for oid in order.children if oid not in account.open_orders]


def asset_data(venue: Venue, address: str, account: Account | None, market: Market) -> dict[str, Any]:
    """What may be bought and sold now, in coins and in dollars of margin."""
    spec = market.spec
    found = account or Account("")
    mark = venue.state.mark
    leverage = found.leverage_of(spec)
    free = max(0, books.cross_value(found, mark, spec.dex) - books.margin_with_orders(found, mark, spec, 0))
    size = found.size(spec.index)
    back = 2 * abs(size) * market.mark // leverage
    sides = [free + (back if size < 0 else 0), free + (back if size > 0 else 0)]
    shown: dict[str, Any] = {"type": "isolated" if found.is_isolated(spec) else "cross", "value": leverage}
    if shown["type"] == "isolated":
        position = found.positions.get(spec.index)
        shown["rawUsd"] = usdc_text((position.isolated_usd or 0) if position else 0)
    return {
        "user": address,
        "coin": spec.coin,
        "leverage": shown,
        "maxTradeSzs": [spec.size_text(side * leverage // market.mark) for side in sides],
        "availableToTrade": [usdc_text(side) for side in sides],
        "markPx": spec.price_text(market.mark),
    }


def twap_state(venue: Venue, twap: Twap) -> dict[str, Any]:
    spec = twap.spec
    return {
        "coin": spec.coin,
        "user": twap.account,
        "side": side(twap.is_buy),
        "sz": spec.size_text(twap.lots),
        "executedSz": spec.size_text(twap.executed),
        "executedNtl": usdc_text(twap.executed_ntl // (WEI_PER_MICRO if spec.is_spot else 1)),
        "minutes": twap.minutes,
        "reduceOnly": twap.reduce_only,
        "randomize": twap.randomize,
        "timestamp": twap.start_ms,
    }


def twap_history(venue: Venue, twap: Twap) -> dict[str, Any]:
    return {
        "time": twap.status_ms // 1000,
        "state": twap_state(venue, twap),
        "status": {"status": twap.status},
        "twapId": twap.id,
    }


def portfolio(venue: Venue, account: Account | None) -> list[Any]:
    """Day, week, month and all time, of everything and of the perpetuals."""
    now = venue.now_ms()
    day_ms = 86_400_000
    spans = (("day", day_ms), ("week", 7 * day_ms), ("month", 30 * day_ms), ("allTime", now))
    shown = []
    for perp in (False, True):
        for name, span in spans:
            rows = [row for row in account.history if row[0] > now - span] if account else []
            volume = 0
            if account is not None:
                first = (now - span) // day_ms
                volume = sum(sum(parts) for day, parts in account.volumes.items() if day > first)
                value = venue.state.value_of(account) if perp else venue.state.total_value(account)
                rows = [*rows, (now, value, venue.state.total_value(account) - account.net_in)]
            base = rows[0][2] if rows else 0
            shown.append(
                [
                    f"perp{name[0].upper()}{name[1:]}" if perp else name,
                    {
                        "accountValueHistory": [[at, usdc_text(value)] for at, value, _ in rows],
                        "pnlHistory": [[at, usdc_text(pnl - base)] for at, _, pnl in rows],
                        "vlm": usdc_text(volume),
                    },
                ]
            )
    return shown
