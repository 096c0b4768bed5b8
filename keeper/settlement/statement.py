"""Writes the statement of a commit; its format is told in `keeper.model.statements`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from keeper.ledger import AccountView, Attribution, InsuranceItem, OrderView, SeatResult
from keeper.model.amounts import plain
from keeper.model.events import Cut
from keeper.model.funding import FundingInstant
from keeper.model.marks import VenueMark


def mark_entry(mark: VenueMark, cut: Cut) -> dict[str, Any]:
    lines = [{"coin": line.coin, "size": plain(line.size), "mark": plain(line.mark)} for line in mark.sheet.lines]
    return {
        "venue": mark.venue,
        "tier": mark.tier,
        "asOf": mark.as_of,
        "l1Block": mark.l1_block,
        "delta": mark.delta,
        "value": mark.value,
        "held": mark.held,
        "sheet": {"cash": mark.sheet.cash, "lines": lines},
        "cut": {
            "fillCount": cut.fill_count,
            "fundingCount": cut.funding_count,
            "rowCount": cut.row_count,
            "timeMs": cut.time_ms,
        },
    }


def order_entries(orders: Iterable[OrderView], legs_of: Callable[[OrderView], int]) -> list[dict[str, Any]]:
    """`legs_of`: how many leg numbers an order has used."""
    return [
        {
            "order": msgspec.to_builtins(order.signed.order),
            "signature": order.signed.signature,
            "terms": None if order.terms is None else msgspec.to_builtins(order.terms),
            "termsSignature": order.signed.termsSignature,
            "digest": order.digest,
            "legs": legs_of(order),
            "routingPpm": order.routing_ppm,
        }
        for order in orders
    ]


def funding_entry(instant: FundingInstant) -> dict[str, Any]:
    return {
        "venue": instant.venue,
        "coin": instant.coin,
        "time": instant.time_ms,
        "rate": plain(instant.rate),
        "oracle": plain(instant.oracle),
        "paid": instant.paid,
        "seatSize": plain(instant.seat_size),
        "shares": [
            {"id": id_, "position": plain(instant.positions[id_]), "share": share}
            for id_, share in sorted(instant.shares.items())
        ],
        "remainder": instant.remainder,
    }


def insurance_entry(item: InsuranceItem) -> dict[str, Any]:
    return {"venue": item.venue, "kind": item.kind, "amount": item.amount, "reference": item.reference}


def account_entries(
    accounts: Iterable[AccountView],
    before: Mapping[int, int],
    pnl: Mapping[int, int],
    attributions: Sequence[Attribution],
    routing: Mapping[int, int],
) -> list[dict[str, Any]]:
    """One entry per account; `before`, `pnl` and `routing` by sub-account."""
    lanes = [item.for_lanes.keys() for item in attributions]
    positions: dict[int, list[dict[str, Any]]] = {}
    for item in attributions:
        for (owner, coin), size in sorted(item.positions.items()):
            entry = {"venue": item.venue, "coin": coin, "size": plain(size)}
            positions.setdefault(owner, []).append(entry)
    return [
        {
            "id": account.id,
            "generation": account.generation,
            "before": before[account.id],
            "routing": routing.get(account.id, 0),
            "pnl": pnl.get(account.id, 0),
            "after": before[account.id] + pnl.get(account.id, 0),
            "seats": [
                _seat_entry(account.id, item)
                for item, ids in zip(attributions, lanes, strict=True)
                if account.id in ids
            ],
            "positions": positions.get(account.id, []),
        }
        for account in accounts
    ]


def _seat_entry(id_: int, item: Attribution) -> dict[str, Any]:
    result = item.results.get(id_, SeatResult())
    return {
        "venue": item.venue,
        "trading": result.trading,
        "revaluation": result.revaluation,
        "fees": result.fees,
        "funding": result.funding,
        "withheldBefore": item.withheld_before.get(id_, 0),
        "withheld": item.withheld.get(id_, 0),
    }
