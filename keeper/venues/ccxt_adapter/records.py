"""ccxt's structures in our words. Exact or not at all: UnknownOutcome names the field that cannot be read,
IntegrityError what is readable and cannot be."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from keeper.errors import IntegrityError, UnknownOutcome
from keeper.model.instruments import Side
from keeper.model.venue_records import Fill, FundingRate, LedgerRow, SeatPosition
from keeper.venues.base import Book, MarketContext, OrderReport, OrderState
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument
from keeper.venues.ccxt_adapter.numbers import exact, exact_or_none, level, number_of, paid, received
from keeper.venues.ccxt_adapter.quirks import Quirks
from keeper.venues.resting import RestingOrder

HOUR_MS = 3_600_000
LAST_TIME_MS = 10**14
MOST_FUNDING = Decimal("0.1")
"""No venue's cap on a settlement's rate exceeds this: a larger number is something else under that name."""

STATES: Mapping[str, OrderState] = {
    "open": "open",
    "closed": "filled",
    "canceled": "canceled",
    "expired": "canceled",
    "rejected": "rejected",
}


def book(venue: str, item: FixedStepInstrument, raw: Mapping[str, Any], read_ms: int) -> Book:
    """`read_ms` stands in for a venue that stamps no time. IntegrityError for a crossed or unsorted book,
    UnknownOutcome for one that is empty on both sides: ccxt makes that of an answer that it does not understand."""
    bids, asks = (_levels(item, raw[name], name) for name in ("bids", "asks"))
    if not bids and not asks:
        raise UnknownOutcome(f"{item.coin} at {venue}: no book at all")
    for rows, sign in ((bids, -1), (asks, 1)):
        if any(price <= 0 or size <= 0 for price, size in rows) or any(
            sign * (b[0] - a[0]) <= 0 for a, b in pairwise(rows)
        ):
            raise IntegrityError(f"{item.coin} at {venue}: levels are not positive and best first")
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise IntegrityError(f"{item.coin} at {venue}: book is crossed, {bids[0][0]} >= {asks[0][0]}")
    stamp = raw.get("timestamp")
    time_ms = read_ms if stamp is None else _instant(stamp, f"{item.coin} book")
    return Book(venue=venue, coin=item.coin, time_ms=time_ms, bids=bids, asks=asks)


def _levels(item: FixedStepInstrument, rows: Iterable[Any], name: str) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple(
        (level(row[0], f"{item.coin} {name} price"), level(row[1], f"{item.coin} {name} size") * item.contract_size)
        for row in rows
    )


def interval_ms(text: Any) -> int | None:
    """ccxt's `8h` in ms; None for an interval that is not known, with which nothing can be routed."""
    if not isinstance(text, str) or not text.endswith("h") or not text[:-1].isdigit() or not int(text[:-1]):
        return None
    return int(text[:-1]) * HOUR_MS


def context(coin: str, raw: Mapping[str, Any], interval: Any) -> MarketContext | None:
    """None when the venue names no interval, mark or index price: such a coin is not routable."""
    span = interval_ms(interval)
    mark, oracle = (exact_or_none(raw.get(name), f"{coin} {name}") for name in ("markPrice", "indexPrice"))
    rate = exact_or_none(raw.get("fundingRate"), f"{coin} fundingRate")
    if span is None or not mark or not oracle or rate is None:
        return None
    if abs(rate) > MOST_FUNDING:
        raise IntegrityError(f"{coin} fundingRate: {rate} is no funding rate")
    if mark <= 0 or oracle <= 0:
        raise IntegrityError(f"{coin}: mark {mark} and index {oracle} must be more than nought")
    due = raw.get("nextFundingTimestamp") or raw.get("fundingTimestamp")
    return MarketContext(
        coin=coin,
        mark=mark,
        oracle=oracle,
        funding=rate,
        funding_interval_ms=span,
        next_funding_ms=due if type(due) is int else None,
    )


def funding_rate(venue: str, coin: str, raw: Mapping[str, Any]) -> FundingRate:
    rate = exact(raw["fundingRate"], f"{coin} fundingRate")
    return FundingRate(venue=venue, coin=coin, time_ms=_time(raw, "funding rate"), rate=rate)


def fill(venue: str, quirks: Quirks, item: FixedStepInstrument, raw: Mapping[str, Any], cloid: str | None) -> Fill:
    """`start_position` is left at nought: see `chained`. A fee in another currency than the seat's is refused."""
    name = f"fill {raw.get('id')}"
    info = _part(raw, "info", name)
    profit = exact_or_none(info.get(quirks.closed_pnl), f"{name} profit") if quirks.closed_pnl else None
    return Fill(
        venue=venue,
        coin=item.coin,
        side=_side(raw, name),
        price=exact(raw["price"], f"{name} price"),
        size=exact(raw["amount"], f"{name} amount") * item.contract_size,
        time_ms=_time(raw, name),
        start_position=Decimal(0),
        fee=_fee(raw, quirks, name),
        closed_pnl=received(profit) if profit is not None else 0,
        oid=number_of(raw.get("order"), f"{name} order"),
        tid=number_of(raw.get("id"), "fill id"),
        cloid=cloid,
        crossed=raw.get("takerOrMaker") != "maker",
    )


def chained(fills: Sequence[Fill], now: Mapping[str, Decimal]) -> list[Fill]:
    """The fills (oldest first, all up to now) with the position before each, walked back from the positions `now`."""
    sizes = dict(now)
    found = []
    for one in reversed(fills):
        sizes[one.coin] = sizes.get(one.coin, Decimal(0)) - one.signed_size
        found.append(msgspec.structs.replace(one, start_position=sizes[one.coin]))
    return found[::-1]


def order_report(quirks: Quirks, item: FixedStepInstrument, raw: Mapping[str, Any], cloid: str) -> OrderReport:
    name = f"order {raw.get('id')}"
    state = STATES.get(str(raw.get("status")))
    if state is None:
        raise UnknownOutcome(f"{name} status: {raw.get('status')!r} is none of {sorted(STATES)}")
    filled = (exact_or_none(raw.get("filled"), f"{name} filled") or Decimal(0)) * item.contract_size
    size = exact(raw["amount"], f"{name} amount") * item.contract_size
    if not 0 <= filled <= size:
        raise UnknownOutcome(f"{name}: {filled} filled of {size}")
    if state == "filled" and filled != size:
        state = "canceled"  # closed with a rest: an IOC that was filled in part
    info = raw.get("info") or {}
    return OrderReport(
        cloid=cloid,
        oid=number_of(raw.get("id"), name),
        coin=item.coin,
        side=_side(raw, name),
        size=size,
        filled=filled,
        state=state,
        text=str(info.get("cancel_reason") or info.get("status") or raw["status"]),
        time_ms=_instant(raw.get("lastUpdateTimestamp") or raw.get("timestamp") or 0, name),
    )


def resting(quirks: Quirks, item: FixedStepInstrument, raw: Mapping[str, Any], cloid: str | None) -> RestingOrder:
    """An open order. UnknownOutcome for one that is not open, or without a price."""
    found = order_report(quirks, item, raw, cloid or "")
    price = exact(raw.get("price"), f"order {found.oid} price")
    if found.state != "open" or price <= 0:
        raise UnknownOutcome(f"order {found.oid}: {found.state} at {price} among the open orders")
    return RestingOrder(
        oid=found.oid,
        cloid=cloid,
        coin=found.coin,
        side=found.side,
        size=found.size,
        left=found.size - found.filled,
        limit_price=price,
        time_ms=_instant(raw.get("timestamp") or 0, f"order {found.oid}"),
    )


def position(item: FixedStepInstrument, raw: Mapping[str, Any]) -> SeatPosition:
    """ccxt counts contracts without a sign."""
    name = f"position in {item.coin}"
    contracts = exact(raw["contracts"], f"{name} contracts") * item.contract_size
    if raw.get("side") not in ("long", "short") and contracts:
        raise UnknownOutcome(f"{name}: side is {raw.get('side')!r}")
    margin = exact_or_none(raw.get("initialMargin"), f"{name} margin")
    leverage = exact_or_none(raw.get("leverage"), f"{name} leverage")
    return SeatPosition(
        coin=item.coin,
        size=-contracts if raw.get("side") == "short" else contracts,
        entry_price=exact_or_none(raw.get("entryPrice"), f"{name} entry price"),
        margin_used=paid(margin) if margin is not None else 0,
        leverage=int(leverage) if leverage is not None else 1,
    )


def cost(item: FixedStepInstrument, raw: Mapping[str, Any]) -> Decimal:
    """What an open position cost, signed: its value less its profit, both at the mark price of the same answer."""
    held = position(item, raw)
    if not held.size:
        return Decimal(0)
    mark, profit = (exact(raw.get(key), f"{item.coin} {key}") for key in ("markPrice", "unrealizedPnl"))
    return held.size * mark - profit


def ledger_rows(venue: str, quirks: Quirks, rows: Iterable[Mapping[str, Any]]) -> list[LedgerRow]:
    """Entries of ccxt's ledger that moved money from or to outside; ccxt gives their size and direction apart. Plain
    transfers go by the names `deposit` and `withdraw`, others by the venue's own."""
    found = []
    for raw in rows:
        info = raw.get("info") or {}
        kind = str(info.get("incomeType") or info.get("type") or raw.get("type"))
        if kind in quirks.income or raw.get("currency") != quirks.settle:
            continue
        amount = exact(raw["amount"], f"ledger row {raw.get('id')} amount")
        signed = amount if raw.get("direction") == "in" else -amount
        if kind in quirks.moves:
            kind = "deposit" if signed > 0 else "withdraw"
        found.append(
            LedgerRow(
                venue=venue,
                kind=kind,
                time_ms=_time(raw, "ledger row"),
                amount=received(signed),
                fee=0,
                reference=str(raw.get("id")),
            )
        )
    return found


def transfer_row(venue: str, quirks: Quirks, raw: Mapping[str, Any]) -> LedgerRow | None:
    """A deposit or withdrawal; None for one that is not done or in another currency."""
    if raw.get("status") not in ("ok", None) or raw.get("currency") != quirks.settle:
        return None
    name = f"transfer {raw.get('id')}"
    amount = exact(raw["amount"], f"{name} amount")
    fee = exact_or_none((raw.get("fee") or {}).get("cost"), f"{name} fee") or Decimal(0)
    incoming = raw.get("type") == "deposit"
    return LedgerRow(
        venue=venue,
        kind="deposit" if incoming else "withdraw",
        time_ms=_time(raw, name),
        amount=received(amount - fee if incoming else -amount - fee),
        fee=paid(fee),
        reference=str(raw.get("txid") or raw.get("id")),
    )


def _fee(raw: Mapping[str, Any], quirks: Quirks, name: str) -> int:
    fee = _part(raw, "fee", name)
    stated = (raw.get("info") or {}).get(quirks.fee) if quirks.fee else fee.get("cost")
    cost = exact_or_none(stated, f"{name} fee")
    if cost is None:
        raise UnknownOutcome(f"{name}: the venue names no fee")
    if cost and fee.get("currency") not in (quirks.settle, None):
        raise IntegrityError(f"{name}: the fee is in {fee.get('currency')}, not in {quirks.settle}")
    return paid(cost)


def _part(raw: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    found = raw.get(key) or {}
    if not isinstance(found, Mapping):
        raise UnknownOutcome(f"{name} {key}: not an object: {found!r}")
    return found


def _side(raw: Mapping[str, Any], name: str) -> Side:
    if raw.get("side") == "buy":
        return "buy"
    if raw.get("side") == "sell":
        return "sell"
    raise UnknownOutcome(f"{name}: side is {raw.get('side')!r}")


def _time(raw: Mapping[str, Any], name: str) -> int:
    return _instant(raw.get("timestamp"), name)


def _instant(value: Any, name: str) -> int:
    """ms. UnknownOutcome for what is no time."""
    if type(value) is not int or not 0 <= value < LAST_TIME_MS:
        raise UnknownOutcome(f"{name}: its time is {str(value)[:40]}")
    return int(value)
