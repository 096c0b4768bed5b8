"""The plan, and the proof of it that anyone can check without the solver.

Weak duality. Let c be the all-in price and n the size of each run of whole lots that the quotes offer within the
request's limits. For any price λ, every plan that fills Q costs at least

    λ·Q + Σ min(0, c − λ)·n

since Σ c·x = λ·Q + Σ (c − λ)·x and 0 ≤ x ≤ n. The bound is highest at the marginal price, that of the dearest of the Q
cheapest units. Minimum notionals, `max_legs` and how differing lots combine are left out of it: they can only raise a
plan's cost, so the bound holds, and the gap tells how much they could matter at most. Without them the gap is 0 (or a
rounding far below 1e-20 USD, where a lot straddles two levels).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import combinations
from operator import itemgetter
from typing import ClassVar

from keeper.routing.books import Book, down, exact, prepare
from keeper.routing.errors import RoutingError
from keeper.routing.types import ZERO, BestSingle, Leg, RouteRequest, VenueQuote

RATIO = Context(prec=28, rounding=ROUND_HALF_EVEN)

Claim = tuple[tuple[Leg, ...], Decimal, Decimal, Decimal, BestSingle | None, Decimal | None]


@dataclass(frozen=True)
class Certificate:
    """What was decided (legs, filled, cost) and why nothing cheaper exists.

    `dual_price`: the marginal all-in price per unit, USD relative to the reference price (0 when nothing is filled).
    `lower_bound`: no plan that fills as much costs less. `gap` = cost − lower_bound ≥ 0.
    """

    _claim: ClassVar[Claim | None] = None
    """What the plan that holds this certificate says of itself, so that an altered plan does not verify. No field: each
    plan hands it over when it is made, and a certificate on its own answers for itself alone."""

    legs: tuple[Leg, ...]
    filled: Decimal
    cost: Decimal
    dual_price: Decimal
    lower_bound: Decimal
    gap: Decimal

    def verify(self, request: RouteRequest, quotes: Sequence[VenueQuote]) -> bool:
        """True only if every statement of the certificate, and of the plan that holds it, follows from the input.

        Re-derived from scratch: legs against lots, caps, levels, limits and minimums; every cost; that no plan fills
        more; the dual price and its bound; the gap; the best single venue and the improvement. Input that
        the router would refuse verifies nothing.
        """
        try:
            with exact():
                books = prepare(request, quotes)
                return (
                    self._numbers_are_finite()
                    and self._legs_hold(request, books)
                    and not fills_more(books, request.quantity, request.max_legs, self.filled)
                    and self._bound_holds(books)
                    and (self._claim is None or self._claim == self._derived(request, books))
                )
        except RoutingError:
            return False

    def _numbers_are_finite(self) -> bool:
        amounts = [self.filled, self.cost, self.dual_price, self.lower_bound, self.gap]
        for leg in self.legs:
            amounts += [leg.quantity, leg.limit_price, leg.expected_cost]
        return all(isinstance(amount, Decimal) and amount.is_finite() for amount in amounts)

    def _legs_hold(self, request: RouteRequest, books: Sequence[Book]) -> bool:
        by_name = {book.venue: book for book in books}
        if len({leg.venue for leg in self.legs}) != len(self.legs) or not {leg.venue for leg in self.legs} <= set(
            by_name
        ):
            return False
        if request.max_legs is not None and len(self.legs) > request.max_legs:
            return False
        for leg in self.legs:
            book = by_name[leg.venue]
            if not book.minimum <= leg.quantity <= book.capacity or leg.quantity % book.step:
                return False
            if book.fill(leg.quantity) != (leg.expected_cost, leg.limit_price):
                return False
        total = sum((leg.quantity for leg in self.legs), ZERO)
        return (self.filled, self.cost) == (total, sum((leg.expected_cost for leg in self.legs), ZERO))

    def _bound_holds(self, books: Sequence[Book]) -> bool:
        cheaper = sum((n for book in books for c, n in book.segments if c < self.dual_price), ZERO)
        as_cheap = sum((n for book in books for c, n in book.segments if c <= self.dual_price), ZERO)
        marginal = cheaper < self.filled <= as_cheap if self.filled else self.dual_price == 0
        bound = lower_bound(books, self.dual_price, self.filled)
        return marginal and bound == self.lower_bound and self.gap == self.cost - bound and self.gap >= 0

    def _derived(self, request: RouteRequest, books: Sequence[Book]) -> Claim:
        single = best_single(books, self.filled)
        gain = improvement(request, self.filled, self.cost, single)
        return self.legs, self.filled, request.quantity - self.filled, self.cost, single, gain


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The split. `cost` in USD against filling at the reference price, smaller is better; filled + unfilled = quantity.

    `price_improvement_bps` compares with `best_single`; both None when no single venue can fill what the plan fills.
    """

    legs: tuple[Leg, ...]
    filled: Decimal
    unfilled: Decimal
    cost: Decimal
    best_single: BestSingle | None
    price_improvement_bps: Decimal | None
    certificate: Certificate

    def __post_init__(self) -> None:
        claim = (self.legs, self.filled, self.unfilled, self.cost, self.best_single, self.price_improvement_bps)
        certificate = replace(self.certificate)
        object.__setattr__(certificate, "_claim", claim)
        object.__setattr__(self, "certificate", certificate)

    def verify(self, request: RouteRequest, quotes: Sequence[VenueQuote]) -> bool:
        """The certificate's verdict on this plan."""
        return self.certificate.verify(request, quotes)


def marginal_price(books: Sequence[Book], filled: Decimal) -> Decimal:
    """The all-in price of the dearest of the `filled` cheapest units; 0 when nothing is filled."""
    price, left = ZERO, filled
    for unit, size in sorted((pair for book in books for pair in book.segments), key=itemgetter(0)):
        if left <= 0:
            break
        price, left = unit, left - size
    return price


def lower_bound(books: Sequence[Book], dual_price: Decimal, filled: Decimal) -> Decimal:
    """No plan that fills `filled` costs less, whatever `dual_price` is (formula above); filling nothing costs 0."""
    if not filled:
        return ZERO
    saved = sum(((c - dual_price) * n for book in books for c, n in book.segments if c < dual_price), ZERO)
    return dual_price * filled + saved


def best_single(books: Sequence[Book], filled: Decimal) -> BestSingle | None:
    """The cheapest venue that can fill `filled` alone within limits, cap, lot and minimum; of equals, the first."""
    able = [book for book in books if filled and book.minimum <= filled <= book.capacity and not filled % book.step]
    return min(
        (BestSingle(book.venue, book.fill(filled)[0]) for book in able), key=lambda single: single.cost, default=None
    )


def improvement(request: RouteRequest, filled: Decimal, cost: Decimal, single: BestSingle | None) -> Decimal | None:
    """(best single cost − cost) / (filled·reference price) · 1e4, to 28 digits."""
    if single is None:
        return None
    return RATIO.divide((single.cost - cost) * 10_000, filled * request.reference_price)


def fills_more(books: Sequence[Book], quantity: Decimal, max_legs: int | None, filled: Decimal) -> bool:
    """Whether some plan fills more than `filled`. Tries venue sets only when neither quantity nor depth settles it."""
    usable = [book for book in books if book.capacity]
    legs = len(usable) if max_legs is None else min(max_legs, len(usable))
    depth = sum(sorted((book.capacity for book in usable), reverse=True)[:legs], ZERO)
    finest = min((book.step for book in usable), default=quantity)
    if filled >= min(depth, down(quantity, finest)):
        return False
    sets = (chosen for size in range(1, legs + 1) for chosen in combinations(usable, size))
    return any(_most(chosen, quantity) > filled for chosen in sets)


def _most(chosen: Sequence[Book], quantity: Decimal) -> Decimal:
    """The most that exactly these venues can fill: their minimums, then coarse lots first (steps divide each other)."""
    left = quantity - sum((book.minimum for book in chosen), ZERO)
    if left < 0:
        return ZERO
    for book in sorted(chosen, key=lambda book: book.step, reverse=True):
        left -= min(down(left, book.step), book.capacity - book.minimum)
    return quantity - left
