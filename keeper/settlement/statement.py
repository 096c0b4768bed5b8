"""Writes the statement of a commit; its format is told in `keeper.model.statements`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from keeper.ledger import Attribution, InsuranceItem, OrderView, SeatResult
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


def account_entry(
    id_: int, generation: int, before: int, pnl: int, attributions: Sequence[Attribution]
) -> dict[str, Any]:
    seats = [
        {
            "venue": item.venue,
            "trading": result.trading,
            "revaluation": result.revaluation,
            "fees": result.fees,
            "funding": result.funding,
            "withheldBefore": item.withheld_before.get(id_, 0),
            "withheld": item.withheld.get(id_, 0),
        }
        for item in attributions
        if id_ in item.for_lanes
        for result in (item.results.get(id_, SeatResult()),)
    ]
    positions = [
        {"venue": item.venue, "coin": coin, "size": plain(size)}
        for item in attributions
        for (owner, coin), size in sorted(item.positions.items())
        if owner == id_
    ]
    return {
        "id": id_,
        "generation": generation,
        "before": before,
        "pnl": pnl,
        "after": before + pnl,
        "seats": seats,
        "positions": positions,
    }
