"""One order over two venues as the log would have it: routed, filled, looked at."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from keeper.execution import decision_record
from keeper.model.events import Event, FillSeen, LegIntent, OrderAccepted, OrderClosed, RouteDecided, TopsSeen
from keeper.model.instruments import Side
from keeper.model.signed_orders import Order, SignedOrder
from keeper.model.venue_records import Fill
from keeper.routing import RouteRequest, VenueQuote, plan
from keeper.routing.costs import CostedQuote, CostTerms, charge
from keeper.tca import TcaJournal, Trail

D = Decimal
DIGEST = "0x" + "ab" * 32
T0 = 1_770_336_000_000
REFERENCE = D(1000)


def quotes(side: Side, deep: str = "9") -> list[CostedQuote]:
    """a: cheap and thin; b: dearer, holding `deep`."""
    sign = 1 if side == "buy" else -1
    books = {
        "a": [(REFERENCE + sign * D("0.5"), D(2)), (REFERENCE + sign * 3, D(3))],
        "b": [(REFERENCE + sign, D(deep))],
    }
    return [
        charge(VenueQuote(name, levels, D(0), lot_size=D("0.001")), CostTerms(taker_bps=D(5), funding_bps=D("0.25")))
        for name, levels in books.items()
    ]


def decision(side: Side = "buy", quantity: str = "4", deep: str = "9") -> dict[str, Any]:
    request, offered = RouteRequest(side, D(quantity), REFERENCE), quotes(side, deep)
    return decision_record(request, offered, plan(request, offered))


def accepted(side: Side = "buy", quantity: str = "4") -> OrderAccepted:
    order = Order(
        subAccount=1,
        instrument="ETH-PERP",
        side=0 if side == "buy" else 1,
        quantity=int(D(quantity) * 10**8),
        nonce=1,
        deadline=T0 // 1000 + 60,
    )
    return OrderAccepted(digest=DIGEST, signer="0x", signed=SignedOrder(order=order, signature="0x"), at_ms=T0)


def leg(venue: str, side: Side = "buy", number: int = 0) -> LegIntent:
    return LegIntent(
        digest=DIGEST,
        leg=number,
        attempt=0,
        cloid=f"cloid-{venue}",
        venue=venue,
        coin="ETH",
        side=side,
        size=D(2),
        limit_price=D(1005),
        expires_ms=T0 + 5_000,
        nonce=1,
        at_ms=T0 + 20,
    )


def fill(venue: str, price: str, size: str, side: Side = "buy", fee: int = 1_000_000) -> FillSeen:
    return FillSeen(
        fill=Fill(
            venue=venue,
            coin="ETH",
            side=side,
            price=D(price),
            size=D(size),
            time_ms=T0 + 100,
            start_position=D(0),
            fee=fee,
            closed_pnl=0,
            oid=1,
            tid=1,
            cloid=f"cloid-{venue}",
        )
    )


def look(moment: Any, mid: str, at_ms: int, venues: str = "ab") -> TopsSeen:
    """Best prices 0.5 around the mid at each venue."""
    top = (D(mid) - D("0.5"), D(mid) + D("0.5"))
    return TopsSeen(digest=DIGEST, moment=moment, tops=dict.fromkeys(venues, top), at_ms=at_ms)


def closed(status: Any = "filled", filled: str = "4") -> OrderClosed:
    return OrderClosed(digest=DIGEST, status=status, filled=D(filled), text="", at_ms=T0 + 200)


def story(side: Side = "buy", price_a: str = "1000.5", price_b: str = "1001") -> list[Event]:
    """All that happens to an order of 4 that is filled 2 and 2; later looks come with the markouts."""
    return [
        accepted(side),
        RouteDecided(digest=DIGEST, at_ms=T0 + 10, decision=decision(side)),
        leg("a", side),
        leg("b", side, 1),
        fill("a", price_a, "2", side),
        fill("b", price_b, "2", side),
        closed(),
        look("accepted", "1000", T0),
        look("routed", "1000", T0 + 10),
        look("closed", "1001", T0 + 200),
        look("after", "1002", T0 + 1_100),
        look("after", "1004", T0 + 10_150),
    ]


def trail(events: list[Event]) -> Trail:
    journal = TcaJournal()
    for event in events:
        journal.apply(event)
    return replace(journal.trails[DIGEST])
