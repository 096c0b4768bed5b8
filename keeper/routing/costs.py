"""What trading at a venue costs beyond the price in its book, term by term, and how the terms reach the router.

Per unit of notional on venue v, held for H:

    taker fee + exit fee + expected funding + margin · κ · H + risk + impact,   and once: gas + bridge + withdrawal

Every term is kept beside the quote it went into, so that a decision shows what it was made of.
"""

from dataclasses import dataclass, field, fields
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

from keeper.routing.errors import RoutingError
from keeper.routing.types import ZERO, VenueQuote

GRAIN = Decimal("0.0001")
"""Terms are given to a ten-thousandth of a basis point: the router adds exactly, and few digits keep it fast."""

BPS = Decimal(10_000)
HOURS_PER_YEAR = 8_760
MATH = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTerms:
    """Positive = cost. `_bps` of notional, `_usd` once if the venue is used. `settlements`: funding instants crossed;
    `funding_method` how their rates were expected; `risk_version` which inputs the risk charge came from."""

    taker_bps: Decimal
    exit_bps: Decimal = ZERO
    funding_bps: Decimal = ZERO
    margin_bps: Decimal = ZERO
    risk_bps: Decimal = ZERO
    impact_bps: Decimal = ZERO
    gas_usd: Decimal = ZERO
    bridge_usd: Decimal = ZERO
    withdrawal_usd: Decimal = ZERO
    settlements: int = 0
    funding_method: str = ""
    risk_version: str = ""

    @property
    def holding_bps(self) -> Decimal:
        """What the position costs after it is opened: funding, the margin it binds, the fee of closing it."""
        return self.funding_bps + self.margin_bps + self.exit_bps

    @property
    def surcharge_bps(self) -> Decimal:
        """What is charged for the venue's own risk and for our effect on it."""
        return self.risk_bps + self.impact_bps

    @property
    def fixed_usd(self) -> Decimal:
        return self.gas_usd + self.bridge_usd + self.withdrawal_usd


@dataclass(frozen=True, slots=True)
class CostedQuote(VenueQuote):
    """A quote that knows what its costs are made of."""

    terms: CostTerms | None = field(default=None, compare=False)


def charge(quote: VenueQuote, terms: CostTerms, max_quantity: Decimal | None = None) -> CostedQuote:
    """The quote with the terms as its fee, holding cost, risk and fixed cost; `max_quantity` may lower its cap."""
    named = {item.name: getattr(quote, item.name) for item in fields(VenueQuote)}
    caps = [cap for cap in (quote.max_quantity, max_quantity) if cap is not None]
    named |= {
        "taker_fee_bps": terms.taker_bps,
        "holding_cost_bps": terms.holding_bps,
        "risk_bps": terms.surcharge_bps,
        "fixed_cost": terms.fixed_usd,
        "max_quantity": min(caps, default=None),
    }
    return CostedQuote(**named, terms=terms)


def margin_cost_bps(rate_per_year: Decimal, margin_fraction: Decimal, hours: int) -> Decimal:
    """What the margin could have earned elsewhere: κ · margin · H, in bps of notional."""
    year = MATH.divide(MATH.multiply(rate_per_year * margin_fraction, Decimal(hours)), Decimal(HOURS_PER_YEAR))
    return (year * BPS).quantize(GRAIN, ROUND_CEILING, MATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRisk:
    """How far a venue is trusted. Scores 0 (worst) .. 1: `security` (incidents and how they were made good), `audits`,
    `reliability` (uptime, withdrawals honoured). `version` names the assessment. `cap_usd`: the most notional that one
    order may place there; None = no cap of this kind."""

    version: str
    security: Decimal
    audits: Decimal
    reliability: Decimal
    cap_usd: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("security", "audits", "reliability"):
            if not 0 <= getattr(self, name) <= 1:
                raise RoutingError("contradictory_limits", name, f"a score is 0 to 1, not {getattr(self, name)}")
        if self.cap_usd is not None and self.cap_usd < 0:
            raise RoutingError("contradictory_limits", "cap_usd", f"must not be negative, not {self.cap_usd}")

    @property
    def score(self) -> Decimal:
        """Security counts half, the others a quarter each."""
        return (2 * self.security + self.audits + self.reliability) / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskScale:
    """`worst_bps` is what a venue of score 0 would be charged, in proportion to what is missing to 1; one below
    `least_score` gets no flow at all."""

    worst_bps: Decimal = Decimal(10)
    least_score: Decimal = Decimal("0.4")

    def charge_bps(self, risk: VenueRisk) -> Decimal:
        return (self.worst_bps * (1 - risk.score)).quantize(GRAIN, ROUND_CEILING, MATH)

    def cap(self, risk: VenueRisk, reference_price: Decimal) -> Decimal | None:
        """The largest leg in base units; 0 = none, None = not capped."""
        if risk.score < self.least_score:
            return ZERO
        return None if risk.cap_usd is None else MATH.divide(risk.cap_usd, reference_price)
