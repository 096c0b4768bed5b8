"""Execution quality of one order and of many, out of their trails. What was not measured is None, never 0; nothing is
clipped: an order that did worse than the best single venue says so."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from keeper.model.events import TopsSeen
from keeper.model.venue_records import Fill
from keeper.routing import RoutePlan, RouteRequest, VenueQuote, plan
from keeper.routing.impact import ImpactSample
from keeper.tca.check import read
from keeper.tca.journal import Episode, Trail
from keeper.tca.measures import (
    BPS,
    GRAIN,
    MATH,
    Executed,
    effective_spread,
    markout,
    mean,
    quoted_spread,
    realised_spread,
    shortfall,
)
from keeper.tca.sampler import HORIZONS_MS

MICRO = Decimal(1_000_000)
ZERO = Decimal(0)
LEAST_TOLERANCE_MS = 25
"""A look counts for a horizon when it was taken within so much, or a fifth of the horizon, of it."""


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """One order. Shortfall in bps of ordered quantity × mid at acceptance, the rest in bps of what was filled.

    `improvement_*_bps`: against the best single venue that could have filled the same quantity within the same limits
    and margin, on the books of the decision: as planned, and with the fills and fees as they came. None when no single
    venue could. Markouts by milliseconds after the fill, positive = the market went our way.
    """

    digest: str
    sub_account: int
    instrument: str
    side: str
    status: str
    ordered: Decimal
    filled: Decimal
    notional: Decimal
    delay_bps: Decimal | None
    trading_bps: Decimal | None
    opportunity_bps: Decimal | None
    fees_bps: Decimal | None
    shortfall_bps: Decimal | None
    effective_spread_bps: Decimal | None
    quoted_spread_bps: Decimal | None
    realised_spread_bps: dict[int, Decimal | None]
    markout_bps: dict[int, Decimal | None]
    planned_cost_bps: Decimal | None
    cost_bps: Decimal | None
    best_single_cost_bps: Decimal | None
    improvement_ex_ante_bps: Decimal | None
    improvement_ex_post_bps: Decimal | None
    decisions: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Many orders, weighted by notional. `without_single_venue`: orders that no single venue could have filled; they
    have no improvement. `measured`: how many orders stand behind each figure."""

    orders: int
    filled_orders: int
    without_single_venue: int
    notional: Decimal
    fill_ratio: Decimal | None
    shortfall_bps: Decimal | None
    effective_spread_bps: Decimal | None
    effective_to_quoted: Decimal | None
    realised_spread_bps: dict[int, Decimal | None]
    markout_bps: dict[int, Decimal | None]
    cost_bps: Decimal | None
    improvement_ex_ante_bps: Decimal | None
    improvement_ex_post_bps: Decimal | None
    worse_than_single_venue: int
    measured: dict[str, int]


def order_report(trail: Trail) -> OrderReport:
    """Measures one order as far as it has come."""
    order, fills = trail.signed.order, trail.fills
    filled = sum((fill.size for fill in fills), ZERO)
    value = sum((fill.size * fill.price for fill in fills), ZERO)
    routes = [_routed(episode) for episode in trail.episodes]
    return OrderReport(
        digest=trail.digest,
        sub_account=order.subAccount,
        instrument=order.instrument,
        side=order.direction,
        status=trail.status,
        ordered=order.size,
        filled=filled,
        notional=value,
        **_shortfall(trail),
        **_spreads(trail),
        **_improvement([route for route in routes if route is not None]),
        decisions=len(trail.decisions),
    )


def summary(reports: Iterable[OrderReport]) -> Summary:
    """All of them together."""
    found = list(reports)
    filled = [report for report in found if report.filled]

    def together(name: str, horizon: int | None = None) -> Decimal | None:
        pairs = []
        for report in filled:
            value = getattr(report, name) if horizon is None else getattr(report, name)[horizon]
            if value is not None:
                pairs.append((value, report.notional))
        return _grain(mean(pairs))

    effective, quoted = together("effective_spread_bps"), together("quoted_spread_bps")
    counted = ("shortfall_bps", "effective_spread_bps", "improvement_ex_ante_bps", "improvement_ex_post_bps")
    ordered = sum((report.ordered * report.notional / report.filled for report in filled), ZERO)
    post = [report.improvement_ex_post_bps for report in filled]
    return Summary(
        orders=len(found),
        filled_orders=len(filled),
        without_single_venue=sum(value is None for value in post),
        notional=sum((report.notional for report in filled), ZERO),
        fill_ratio=_grain(MATH.divide(sum((report.notional for report in filled), ZERO), ordered)) if ordered else None,
        shortfall_bps=together("shortfall_bps"),
        effective_spread_bps=effective,
        effective_to_quoted=_grain(MATH.divide(effective, quoted)) if effective is not None and quoted else None,
        realised_spread_bps={horizon: together("realised_spread_bps", horizon) for horizon in HORIZONS_MS},
        markout_bps={horizon: together("markout_bps", horizon) for horizon in HORIZONS_MS},
        cost_bps=together("cost_bps"),
        improvement_ex_ante_bps=together("improvement_ex_ante_bps"),
        improvement_ex_post_bps=together("improvement_ex_post_bps"),
        worse_than_single_venue=sum(value is not None and value < 0 for value in post),
        measured={name: sum(getattr(report, name) is not None for report in filled) for name in counted},
    )


def impact_samples(trails: Iterable[Trail]) -> list[ImpactSample]:
    """What our fills say of impact: each venue of each decision that filled something, in order of time."""
    found = []
    for trail in trails:
        for episode in trail.episodes:
            route = _routed(episode)
            if route is None:
                continue
            for quote in route.quotes:
                fills = [fill for fill in episode.fills if fill.venue == quote.venue]
                filled = sum((fill.size for fill in fills), ZERO)
                depth = sum((size for _, size in quote.levels), ZERO)
                if filled and filled <= depth:
                    promised = _walked(quote.levels, filled)
                    paid = sum((fill.size * fill.price for fill in fills), ZERO)
                    basis = filled * route.request.reference_price
                    found.append(
                        ImpactSample(
                            quote.venue,
                            MATH.divide(filled, depth),
                            _bps(trail.sign * (promised - basis), basis),
                            _bps(trail.sign * (paid - basis), basis),
                        )
                    )
    return found


class _Routed(msgspec.Struct, frozen=True):
    """A decision read back, with what came of it."""

    request: RouteRequest
    quotes: list[VenueQuote]
    plan: RoutePlan
    fills: list[Fill]

    @property
    def sign(self) -> int:
        return 1 if self.request.side == "buy" else -1

    @property
    def filled(self) -> Decimal:
        return sum((fill.size for fill in self.fills), ZERO)

    def cost(self) -> Decimal:
        """The all-in cost of the fills as they came: the router's formula, with the prices and fees that were paid."""
        total, reference = ZERO, self.request.reference_price
        by_name = {quote.venue: quote for quote in self.quotes}
        for fill in self.fills:
            quote = by_name[fill.venue]
            total += self.sign * fill.size * (fill.price - reference) + Decimal(fill.fee) / MICRO
            total += fill.size * reference * (quote.holding_cost_bps + quote.risk_bps) / BPS
        return total + sum((by_name[venue].fixed_cost for venue in {fill.venue for fill in self.fills}), ZERO)

    def best_single_cost(self) -> Decimal | None:
        """What the best venue that could have filled the same quantity alone would have cost on the books of the
        decision."""
        costs = []
        for quote in self.quotes:
            if self.filled < quote.lot_size:
                continue
            alone = plan(replace(self.request, quantity=self.filled), [quote])
            if not alone.unfilled:
                costs.append(alone.cost)
        return min(costs, default=None)


def _routed(episode: Episode) -> _Routed | None:
    """None for legs that no decision of the router's led to, or at a venue that it did not quote."""
    if not {"request", "quotes", "plan"} <= episode.decision.keys():
        return None
    request, quotes, made = read(episode.decision)
    if not {fill.venue for fill in episode.fills} <= {quote.venue for quote in quotes}:
        return None
    return _Routed(request, quotes, made, episode.fills)


def _shortfall(trail: Trail) -> dict[str, Any]:
    looks = [trail.look(moment) for moment in ("accepted", "routed", "closed")]
    known = [look for look in looks if look is not None]
    venues = set.intersection(*(set(look.tops) for look in known)) if len(known) == len(looks) else set()
    if not venues:
        names = ("delay_bps", "trading_bps", "opportunity_bps", "fees_bps", "shortfall_bps")
        return dict.fromkeys(names)
    decided, arrived, ended = (_mid(look, venues) for look in known)
    fees = sum((Decimal(fill.fee) for fill in trail.fills), ZERO) / MICRO
    found = shortfall(
        trail.sign,
        trail.signed.order.size,
        [Executed(fill.price, fill.size) for fill in trail.fills],
        decided,
        arrived,
        ended,
        fees,
    )
    return {
        "delay_bps": found.delay,
        "trading_bps": found.trading,
        "opportunity_bps": found.opportunity,
        "fees_bps": found.fees,
        "shortfall_bps": found.total,
    }


def _spreads(trail: Trail) -> dict[str, Any]:
    """Each fill against the mid of its own venue, weighted by notional, so that a lasting difference between venues is
    no spread."""
    arrived = trail.look("routed")
    priced = [] if arrived is None else [fill for fill in trail.fills if fill.venue in arrived.tops]
    effective, quoted = [], []
    for fill in priced:
        assert arrived is not None
        bid, ask = arrived.tops[fill.venue]
        weight = fill.size * fill.price
        effective.append((effective_spread(trail.sign, fill.price, (bid + ask) / 2), weight))
        quoted.append((quoted_spread(bid, ask), weight))
    realised: dict[int, Decimal | None] = {}
    markouts: dict[int, Decimal | None] = {}
    for horizon in HORIZONS_MS:
        kept, gone = [], []
        for fill in priced:
            later = trail.look_at(fill.time_ms + horizon, max(LEAST_TOLERANCE_MS, horizon // 5))
            if later is None or fill.venue not in later.tops:
                continue
            assert arrived is not None
            weight, mid_later = fill.size * fill.price, _mid(later, {fill.venue})
            kept.append((realised_spread(trail.sign, fill.price, _mid(arrived, {fill.venue}), mid_later), weight))
            gone.append((markout(trail.sign, fill.price, mid_later), weight))
        realised[horizon], markouts[horizon] = _grain(mean(kept)), _grain(mean(gone))
    return {
        "effective_spread_bps": _grain(mean(effective)),
        "quoted_spread_bps": _grain(mean(quoted)),
        "realised_spread_bps": realised,
        "markout_bps": markouts,
    }


def _improvement(routes: Sequence[_Routed]) -> dict[str, Any]:
    """Over all decisions of the order. A part that no single venue could have filled leaves the order without one."""
    filled = [route for route in routes if route.filled]
    basis = sum((route.filled * route.request.reference_price for route in filled), ZERO)
    planned_basis = sum((route.plan.filled * route.request.reference_price for route in routes), ZERO)
    singles = [route.best_single_cost() for route in filled]
    cost = sum((route.cost() for route in filled), ZERO)
    best = None if None in singles or not singles else sum((one for one in singles if one is not None), ZERO)
    plans = [(route.plan, route.plan.filled * route.request.reference_price) for route in routes]
    known = [(found, weight) for made, weight in plans if (found := made.price_improvement_bps) is not None]
    return {
        "planned_cost_bps": _bps(sum((route.plan.cost for route in routes), ZERO), planned_basis)
        if planned_basis
        else None,
        "cost_bps": _bps(cost, basis) if basis else None,
        "best_single_cost_bps": _bps(best, basis) if basis and best is not None else None,
        "improvement_ex_ante_bps": _grain(mean(known)) if len(known) == len(plans) else None,
        "improvement_ex_post_bps": _bps(best - cost, basis) if basis and best is not None else None,
    }


def _walked(levels: Sequence[tuple[Decimal, Decimal]], quantity: Decimal) -> Decimal:
    """Quantity × price of taking it from the front."""
    total, left = ZERO, quantity
    for price, size in levels:
        taken = min(left, size)
        total, left = total + taken * price, left - taken
    return total


def _mid(look: TopsSeen, venues: set[str]) -> Decimal:
    """The mean of the venues' mids."""
    return MATH.divide(sum((sum(look.tops[venue]) for venue in sorted(venues)), ZERO), Decimal(2 * len(venues)))


def _bps(amount: Decimal, basis: Decimal) -> Decimal:
    return (MATH.divide(amount, basis) * BPS).quantize(GRAIN, context=MATH)


def _grain(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(GRAIN, context=MATH)
