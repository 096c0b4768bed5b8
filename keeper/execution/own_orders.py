"""Our own children on the seats that clients share (rules H2, H3), and what open orders may still do to an account.

A venue nets a seat's orders: it would cancel our resting order instead of trading it against another of ours, and its
reduce-only looks at the seat's net. So both are enforced here, for each sub-account, before anything is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from keeper.execution.ports import Place
from keeper.ledger import Books, OrderView
from keeper.model.events import LegIntent
from keeper.model.instruments import Side, coin_of, sign
from keeper.model.signed_orders import Order
from keeper.routing import VenueQuote

ZERO = Decimal(0)


def rests(leg: LegIntent) -> bool:
    """Whether it may stay in the venue's book."""
    return leg.time_in_force != "ioc"


def crosses(one: LegIntent, other: LegIntent) -> bool:
    """Whether two children on opposite sides would trade with each other."""
    buy, sell = (one, other) if one.side == "buy" else (other, one)
    return buy.limit_price >= sell.limit_price


class OwnOrders:
    """Reads the books anew at each call. `claim` keeps a place free of resting orders that would come back at once
    while somebody withdraws what is in its way there."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._claims: dict[Place, list[str]] = {}

    def left(self, leg: LegIntent) -> Decimal:
        """Of an open child: what is not filled yet, as booked."""
        return leg.size - self._books.leg_filled(leg.cloid)

    def in_the_way(self, leg: LegIntent) -> list[LegIntent]:
        """Open children beside which `leg` may not be sent: those of the other side at its place that it would trade
        with (H3), and reduce-only ones of the same sub-account and side, which might reduce too much after it (H2)."""
        owner, order = self._order(leg)
        found = []
        for other in self._books.open_legs():
            if other.coin != leg.coin or other.cloid == leg.cloid:
                continue
            if other.side != leg.side:
                if other.venue == leg.venue and (rests(leg) or rests(other)) and crosses(leg, other):
                    found.append(other)
                continue
            other_owner, other_order = self._order(other)
            if other_owner != owner or not other_order.reduceOnly:
                continue
            if not order.reduceOnly or (rests(other) and not rests(leg)):
                found.append(other)
        return found

    def closable(self, order: Order, venues: Collection[str], *, beside: Collection[str] = ()) -> dict[str, Decimal]:
        """By venue, how much of the sub-account's position the order's side may reduce, with every open child of that
        side filled; `beside`: children that do not count. The sum never passes what the net over all venues leaves."""
        coin, away = coin_of(order.instrument), sign(order.direction)
        pending: dict[str, Decimal] = {}
        for leg in self._books.open_legs():
            if (leg.coin, leg.side) != (coin, order.direction) or leg.cloid in beside:
                continue
            if self._books.sub_account_of(leg.cloid) == order.subAccount:
                pending[leg.venue] = pending.get(leg.venue, ZERO) + self.left(leg)
        positions = self._books.positions(order.subAccount)
        net = sum((size for (_, held), size in positions.items() if held == coin), ZERO)
        room = max(ZERO, -away * net - sum(pending.values(), ZERO))
        found: dict[str, Decimal] = {}
        for venue in venues:
            own = -away * positions.get((venue, coin), ZERO) - pending.get(venue, ZERO)
            if (size := min(own, room)) > 0:
                found[venue] = size
                room -= size
        return found

    def withdrawable(self, order: Order) -> set[str]:
        """Reduce-only resting children of the same sub-account and side: an order that takes has them withdrawn."""
        found = set()
        for leg in self._books.open_legs():
            if rests(leg) and leg.coin == coin_of(order.instrument) and leg.side == order.direction:
                owner, other = self._order(leg)
                if owner == order.subAccount and other.reduceOnly:
                    found.add(leg.cloid)
        return found

    def without_own(self, quotes: Sequence[VenueQuote], coin: str, side: Side) -> list[VenueQuote]:
        """The quotes less our own resting orders: what is ours cannot be taken."""
        own: dict[tuple[str, Decimal], Decimal] = {}
        for leg in self._books.open_legs():
            if rests(leg) and leg.coin == coin and leg.side != side:
                key = (leg.venue, leg.limit_price)
                own[key] = own.get(key, ZERO) + self.left(leg)
        if not own:
            return list(quotes)
        return [
            replace(
                quote,
                levels=tuple(
                    (price, left)
                    for price, size in quote.levels
                    if (left := size - own.get((quote.venue, price), ZERO)) > 0
                ),
            )
            for quote in quotes
        ]

    def claim(self, place: Place, digest: str) -> None:
        self._claims.setdefault(place, []).append(digest)

    def release(self, place: Place, digest: str) -> None:
        holders = self._claims[place]
        holders.remove(digest)
        if not holders:
            del self._claims[place]

    def claimed(self, place: Place, digest: str) -> bool:
        """By another order."""
        return any(holder != digest for holder in self._claims.get(place, ()))

    def _order(self, leg: LegIntent) -> tuple[int, Order]:
        view = self._books.order(leg.digest)
        assert view is not None, f"leg {leg.cloid} belongs to an order"
        return view.sub_account, view.signed.order


class Committed:
    """The books with open orders filled in the direction that makes each position larger: what margin is checked
    against. Orders that only reduce, or still wait, do not count; `but` names those left out. `places` are those with
    a mark price."""

    def __init__(self, books: Books, places: Collection[Place], *, but: Collection[str] = ()) -> None:
        self._books = books
        self._places = places
        self._but = but

    def equity(self, id: int, marks: Mapping[Place, Decimal]) -> int:
        return self._books.equity(id, marks)

    def positions(self, id: int) -> Mapping[Place, Decimal]:
        positions = dict(self._books.positions(id))
        pending: dict[str, dict[Side, list[tuple[str, Decimal]]]] = {}
        for order in self._books.open_orders():
            signed = order.signed.order
            if order.sub_account != id or signed.reduceOnly or order.started_ms is None or order.digest in self._but:
                continue
            coin, left = coin_of(signed.instrument), signed.size - self._books.order_filled(order.digest)
            venue = self._venue(order, coin)
            if left > 0 and venue is not None:
                pending.setdefault(coin, {"buy": [], "sell": []})[signed.direction].append((venue, left))
        for coin, sides in pending.items():
            net = sum((size for (_, held), size in positions.items() if held == coin), ZERO)
            bought, sold = (net + sign(side) * sum((s for _, s in sides[side]), ZERO) for side in ("buy", "sell"))
            worse: Side = "buy" if abs(bought) >= abs(sold) else "sell"
            for venue, left in sides[worse]:
                positions[venue, coin] = positions.get((venue, coin), ZERO) + sign(worse) * left
        return positions

    def _venue(self, order: OrderView, coin: str) -> str | None:
        """Where it was last sent, else the first that it allows. None without a mark: then it cannot be filled."""
        last = self._books.leg(order.legs[-1]) if order.legs else None
        allowed = [venue.lower() for venue in order.signed.order.venues]
        wanted = [last.venue] if last is not None else allowed or [venue for venue, _ in self._places]
        return next((venue for venue in wanted if (venue, coin) in self._places), None)
