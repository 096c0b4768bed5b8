"""What a funding formula may ask for. A formula takes what it needs and names what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class FundingInputs:
    """One symbol at one instant. All rates and premiums are fractions of notional; None = the formula's own default.

    `premiums`: samples of the interval, oldest first, one per minute or as often as the venue samples; for formulas
    of method "previous" those of the interval before. `interval_hours`: the symbol's own. `interest`, `clamp`, `cap`
    and `floor`: the symbol's terms in the unit of the venue's formula (a formula's docstring says which).
    `previous_rate`: the rate of the interval before. `initial_margin`, `maintenance_margin`: fractions (dYdX).
    `coefficient`: Kraken's `fundingRateCoefficient`, or the multiplier of a builder dex. `convergence_hours`: Derive.
    `mark_average`, `index_average`: time-weighted prices of the hour (vAMM). `long_interest`, `short_interest`: open
    interest in USD, `factor` and `exponent`: the market's (GMX).
    """

    premiums: Sequence[Decimal] = ()
    interval_hours: Decimal = Decimal(8)
    interest: Decimal | None = None
    clamp: Decimal | None = None
    cap: Decimal | None = None
    floor: Decimal | None = None
    previous_rate: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    coefficient: Decimal | None = None
    convergence_hours: Decimal | None = None
    mark_average: Decimal | None = None
    index_average: Decimal | None = None
    long_interest: Decimal | None = None
    short_interest: Decimal | None = None
    factor: Decimal | None = None
    exponent: Decimal | None = None

    def need(self, field: str) -> Decimal:
        """The value of a field this formula cannot do without. InputError when it was not given."""
        value = getattr(self, field)
        if value is None:
            raise InputError(field, "this venue's funding formula needs it", "missing")
        assert isinstance(value, Decimal)
        return value
