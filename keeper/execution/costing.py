"""Puts all costs on the quotes that an order is routed over: fees, funding, margin, risk, impact and fixed costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from keeper.funding import Outlook, SettledHour, expected_funding
from keeper.model.funding import HOUR_MS
from keeper.model.instruments import Instrument
from keeper.model.signed_orders import Order
from keeper.routing import VenueQuote
from keeper.routing.costs import CostTerms, RiskScale, VenueRisk, charge, margin_cost_bps
from keeper.routing.impact import ImpactModel, ImpactSample, fit
from keeper.venues.base import MarketContext

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePolicy:
    """What the operator says of a venue. `gas_usd` per order sent there; `bridge_usd` and `withdrawal_usd` of the money
    movement that using it causes, 0 where the seat is funded anyway; `risk_bps` on top of what the score gives."""

    gas_usd: Decimal = ZERO
    bridge_usd: Decimal = ZERO
    withdrawal_usd: Decimal = ZERO
    risk_bps: Decimal = ZERO
    risk: VenueRisk | None = None


class Prices(Protocol):
    """What is read of the market."""

    def context(self, venue: str, coin: str) -> MarketContext | None: ...
    def instruments(self) -> Mapping[str, Mapping[str, Instrument]]: ...


class CostModel:
    """The cost terms of each venue for an order. `learn` gives it a symbol's settled rates and `learn_impact` our own
    fills; without them the current rate is held and the book is believed."""

    def __init__(
        self,
        policies: Mapping[str, VenuePolicy] | None = None,
        *,
        scale: RiskScale | None = None,
        margin_rate_per_year: Decimal = Decimal("0.05"),
        counts_exit: bool = True,
    ) -> None:
        self._policies = policies or {}
        self._scale = scale or RiskScale()
        self._margin_rate = margin_rate_per_year
        self._counts_exit = counts_exit
        self._outlooks: dict[tuple[str, str], Outlook | None] = {}
        self.impact = ImpactModel({})

    def learn(self, venue: str, coin: str, settled: Sequence[SettledHour]) -> None:
        """Takes a symbol's settlements, oldest first, in place of those known."""
        self._outlooks[venue, coin] = Outlook.fit(settled)

    def learn_impact(self, samples: Sequence[ImpactSample]) -> None:
        """Refits the impact from our own fills, in order of time."""
        self.impact = fit(samples)

    def charged(
        self, order: Order, coin: str, quotes: Sequence[VenueQuote], prices: Prices, now_ms: int
    ) -> list[VenueQuote]:
        """The quotes with every term in them; a venue that is not trusted at all is left out."""
        found: list[VenueQuote] = []
        for quote in quotes:
            context = prices.context(quote.venue, coin)
            assert context is not None, f"{quote.venue} is quoted, so its context is known"
            policy = self._policies.get(quote.venue, VenuePolicy())
            cap = None if policy.risk is None else self._scale.cap(policy.risk, context.mark)
            if cap is not None and cap < quote.lot_size:
                continue
            terms = self._terms(order, coin, quote, policy, context, prices.instruments()[quote.venue][coin], now_ms)
            found.append(charge(quote, terms, cap))
        return found

    def _terms(
        self,
        order: Order,
        coin: str,
        quote: VenueQuote,
        policy: VenuePolicy,
        context: MarketContext,
        instrument: Instrument,
        now_ms: int,
    ) -> CostTerms:
        hours = order.holdingHours
        interval_ms = context.funding_interval_ms
        funding = expected_funding(
            order.direction,
            context.funding,
            Decimal(interval_ms) / HOUR_MS,
            context.next_funding_ms or now_ms // interval_ms * interval_ms + interval_ms,
            now_ms,
            hours,
            self._outlooks.get((quote.venue, coin)),
        )
        opens = hours > 0 and not order.reduceOnly
        depth = sum((size for _, size in quote.levels), ZERO)
        risk = policy.risk
        return CostTerms(
            taker_bps=quote.taker_fee_bps,
            exit_bps=quote.taker_fee_bps if opens and self._counts_exit else ZERO,
            funding_bps=funding.bps,
            margin_bps=margin_cost_bps(self._margin_rate, 1 / Decimal(instrument.max_leverage), hours)
            if opens
            else ZERO,
            risk_bps=policy.risk_bps + (ZERO if risk is None else self._scale.charge_bps(risk)),
            impact_bps=self.impact.extra_bps(quote.venue, min(order.size, depth), depth),
            gas_usd=policy.gas_usd,
            bridge_usd=policy.bridge_usd,
            withdrawal_usd=policy.withdrawal_usd,
            settlements=funding.instants,
            funding_method=funding.method,
            risk_version="" if risk is None else risk.version,
        )
