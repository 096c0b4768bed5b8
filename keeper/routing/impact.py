"""What our own fills cost beyond what the book had promised, as a function of how much of it they took.

    extra(q) = Y · √(q / visible depth)      in bps of notional, per venue

The square root is the law that large orders follow (Donier & Bonart, arXiv 1412.4503). Y is refitted from our fills by
least squares through the origin, held towards 0 by a PRIOR. It is used only when it
predicts better than the book alone, each fill predicted from those before it: that error is reported with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

LEAST_FILLS = 20
PRIOR = Decimal(1)
"""As much as one fill of all visible depth that found no impact weighs."""
GRAIN = Decimal("0.0001")
MATH = Context(prec=28, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ImpactSample:
    """One leg that was filled. `participation`: filled / depth visible at the decision, above 0, at most 1 counts;
    `expected_bps` and `realised_bps`: its average price against the reference, as the book promised and as it came."""

    venue: str
    participation: Decimal
    expected_bps: Decimal
    realised_bps: Decimal

    @property
    def root(self) -> Decimal:
        return MATH.sqrt(min(self.participation, Decimal(1)))

    @property
    def extra_bps(self) -> Decimal:
        return self.realised_bps - self.expected_bps


@dataclass(frozen=True, slots=True)
class Calibration:
    """One venue's fit. Errors in bps, out of sample: `bias` of the model (realised − predicted), root mean square of
    the model's and of the book's own. `used`: the model was the better one, and saw LEAST_FILLS fills."""

    fills: int
    coefficient: Decimal
    bias_bps: Decimal
    model_rms_bps: Decimal
    book_rms_bps: Decimal

    @property
    def used(self) -> bool:
        return self.fills >= LEAST_FILLS and self.coefficient > 0 and self.model_rms_bps < self.book_rms_bps


@dataclass(frozen=True, slots=True)
class ImpactModel:
    """The fits by venue; an unknown venue has no extra cost."""

    venues: Mapping[str, Calibration]

    def extra_bps(self, venue: str, quantity: Decimal, depth: Decimal) -> Decimal:
        """What taking `quantity` of `depth` is expected to cost beyond the book, never below 0."""
        known = self.venues.get(venue)
        if known is None or not known.used or depth <= 0:
            return ZERO
        share = min(MATH.divide(quantity, depth), Decimal(1))
        return MATH.multiply(known.coefficient, MATH.sqrt(share)).quantize(GRAIN, context=MATH)


def fit(samples: Sequence[ImpactSample]) -> ImpactModel:
    """From our fills in order of time."""
    return ImpactModel({venue: _calibrate([one for one in samples if one.venue == venue]) for venue in _names(samples)})


def _names(samples: Sequence[ImpactSample]) -> list[str]:
    return sorted({one.venue for one in samples})


def _calibrate(samples: Sequence[ImpactSample]) -> Calibration:
    """Walks forward: each fill is predicted by the coefficient that those before it give."""
    products, squares = ZERO, PRIOR
    errors: list[Decimal] = []
    for one in samples:
        errors.append(one.extra_bps - MATH.multiply(MATH.divide(products, squares), one.root))
        products += MATH.multiply(one.root, one.extra_bps)
        squares += MATH.multiply(one.root, one.root)
    return Calibration(
        fills=len(samples),
        coefficient=MATH.divide(products, squares).quantize(GRAIN, context=MATH),
        bias_bps=MATH.divide(sum(errors, ZERO), Decimal(len(errors))).quantize(GRAIN, context=MATH),
        model_rms_bps=_root_mean_square(errors),
        book_rms_bps=_root_mean_square([one.extra_bps for one in samples]),
    )


def _root_mean_square(errors: Sequence[Decimal]) -> Decimal:
    total = sum((MATH.multiply(error, error) for error in errors), ZERO)
    return MATH.sqrt(MATH.divide(total, Decimal(len(errors)))).quantize(GRAIN, context=MATH)
