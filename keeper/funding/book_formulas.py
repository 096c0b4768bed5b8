"""Funding rates of venues with order books, one function per version of a venue's formula.

Each returns the rate per settlement interval of the symbol, a fraction of notional, positive = longs pay. The common
shape is P + clamp(I − P, ±c): while interest and premium are closer than c the rate is exactly the interest.
Sources are named beside each version in `keeper.funding.registry`.
"""

from decimal import ROUND_DOWN, Decimal

from keeper.funding.inputs import FundingInputs
from keeper.funding.premium import average, clamp, ramp_average
from keeper.model.amounts import WIDE

EIGHT = Decimal(8)
INTEREST = Decimal("0.0001")
"""0.01% per 8 hours."""

DEAD_BAND = Decimal("0.0005")
HYPERLIQUID_CAP = Decimal("0.04")
PPM = Decimal("0.000001")


def dead_band(premium: Decimal, interest: Decimal, width: Decimal) -> Decimal:
    """P + clamp(I − P, ±width)."""
    return WIDE.add(premium, clamp(WIDE.subtract(interest, premium), -width, width))


def _or(value: Decimal | None, default: Decimal) -> Decimal:
    return default if value is None else value


def _capped(rate: Decimal, inputs: FundingInputs) -> Decimal:
    """Between the symbol's floor (default −cap) and cap, where it has one."""
    if inputs.cap is None:
        return rate
    return clamp(rate, _or(inputs.floor, -inputs.cap), inputs.cap)


def _plain(inputs: FundingInputs) -> Decimal:
    """The eight-hour rate of the plain mean."""
    return dead_band(average(inputs.premiums), _or(inputs.interest, INTEREST), _or(inputs.clamp, DEAD_BAND))


def hyperliquid_1(inputs: FundingInputs) -> Decimal:
    """Every 8 hours: P + clamp(0.0001 − P, ±0.0003)."""
    return dead_band(average(inputs.premiums), INTEREST, Decimal("0.0003"))


def hyperliquid_2(inputs: FundingInputs) -> Decimal:
    """Hourly: an eighth of version 1."""
    return WIDE.divide(hyperliquid_1(inputs), EIGHT)


def hyperliquid_3(inputs: FundingInputs) -> Decimal:
    """Hourly: P / 8, no interest."""
    return WIDE.divide(average(inputs.premiums), EIGHT)


def hyperliquid_5(inputs: FundingInputs) -> Decimal:
    """Hourly: (P + clamp(0.0001 − P, ±0.0002)) / 8."""
    return WIDE.divide(dead_band(average(inputs.premiums), INTEREST, Decimal("0.0002")), EIGHT)


def hyperliquid_6(inputs: FundingInputs) -> Decimal:
    """Hourly: (P + clamp(0.0001 − P, ±0.0005)) / 8, at most 4% an hour either way. P = 1% makes 0.11875% an hour.

    Pacifica's is the same.
    """
    return clamp(WIDE.divide(_plain(inputs), EIGHT), -HYPERLIQUID_CAP, HYPERLIQUID_CAP)


def hyperliquid_builder_1(inputs: FundingInputs) -> Decimal:
    """HIP-3: as hyperliquid/6 on middle premiums, the deployer's eight-hour `interest`, times its `coefficient`."""
    rate = WIDE.multiply(WIDE.divide(_plain(inputs), EIGHT), _or(inputs.coefficient, Decimal(1)))
    return clamp(rate, -HYPERLIQUID_CAP, HYPERLIQUID_CAP)


def binance_1(inputs: FundingInputs) -> Decimal:
    """The interest is scaled to N hours, the premium is not: P + clamp(I × N/8 − P, ±0.05%)."""
    interest = WIDE.divide(WIDE.multiply(_or(inputs.interest, INTEREST), inputs.interval_hours), EIGHT)
    return _capped(dead_band(average(inputs.premiums), interest, _or(inputs.clamp, DEAD_BAND)), inputs)


def binance_2(inputs: FundingInputs) -> Decimal:
    """[P + clamp(I − P, ±0.05%)] / (8/N), between floor and cap; I is the symbol's, 0.01% unless given."""
    return _capped(WIDE.divide(WIDE.multiply(_plain(inputs), inputs.interval_hours), EIGHT), inputs)


def htx_whole(inputs: FundingInputs) -> Decimal:
    """P + clamp(0.01% − P, ±c), not scaled to the interval. Of the interval before in htx/1, of this one in htx/2."""
    return _capped(_plain(inputs), inputs)


def bybit_1(inputs: FundingInputs) -> Decimal:
    """P + clamp(I − P, ±0.05%) with P weighted 1, 2, …, n; and I × N/8 for I, the interval's share."""
    interest = WIDE.divide(WIDE.multiply(_or(inputs.interest, INTEREST), inputs.interval_hours), EIGHT)
    return _capped(dead_band(ramp_average(inputs.premiums), interest, _or(inputs.clamp, DEAD_BAND)), inputs)


def okx_1(inputs: FundingInputs) -> Decimal:
    """clamp(mean(P − I), floor, cap), with middle premiums and interest 0."""
    return _capped(WIDE.subtract(average(inputs.premiums), _or(inputs.interest, Decimal(0))), inputs)


def dydx_4(inputs: FundingInputs) -> Decimal:
    """(mean of the hour's minutes + I), whole millionths, at most 6 × (IMF − MMF) either way, / 8. I is 0 unless given.

    The documents print the bound's factor as "6000000 [6%]": it is parts per million, that is 600%.
    """
    bound = 6 * (inputs.need("initial_margin") - inputs.need("maintenance_margin"))
    eight_hours = clamp(WIDE.add(average(inputs.premiums), _or(inputs.interest, Decimal(0))), -bound, bound)
    return WIDE.divide(eight_hours.quantize(PPM, ROUND_DOWN), EIGHT)


def lighter_1(inputs: FundingInputs) -> Decimal:
    """clamp(P + clamp(0.01% − P, ±0.05%), ±4%) / 8, cut to four decimals of a percent."""
    eight_hours = clamp(_plain(inputs), Decimal("-0.04"), Decimal("0.04"))
    return WIDE.divide(eight_hours, EIGHT).quantize(PPM, ROUND_DOWN)


def kraken_1(inputs: FundingInputs) -> Decimal:
    """Relative rate of hour h + 1: mean premium of hour h / `coefficient`, at most `cap` either way.

    The absolute rate, USD per unit, is this times the index price.
    """
    return _capped(WIDE.divide(average(inputs.premiums), inputs.need("coefficient")), inputs)


def coinbase_1(inputs: FundingInputs) -> Decimal:
    """0.75 × mean(P)/24 + 0.25 × the rate of the hour before, P = (mark − index) / index; weight 6/(7 + 1)."""
    weight = Decimal("0.75")
    fresh = WIDE.divide(average(inputs.premiums), Decimal(24))
    return WIDE.add(weight * fresh, (1 - weight) * inputs.need("previous_rate"))


def bitmex_1(inputs: FundingInputs) -> Decimal:
    """P + clamp(I − P, ±0.05%), `interest` = (quote rate − base rate) per day / 3; P includes the fair basis."""
    return _capped(dead_band(average(inputs.premiums), inputs.need("interest"), _or(inputs.clamp, DEAD_BAND)), inputs)


def bitfinex_1(inputs: FundingInputs) -> Decimal:
    """P + clamp(I − P, ±clamp cap); both parameters come from the venue's API."""
    return dead_band(average(inputs.premiums), inputs.need("interest"), inputs.need("clamp"))


def extended_1(inputs: FundingInputs) -> Decimal:
    """Hourly: P / 8 with P weighted 1, 2, …, 60 by minute, at most `cap` either way."""
    return _capped(WIDE.divide(ramp_average(inputs.premiums), EIGHT), inputs)


def extended_2(inputs: FundingInputs) -> Decimal:
    """Hourly: (P + clamp(0.01% − P, ±0.05%)) / 8, weighted and capped as before."""
    premium = ramp_average(inputs.premiums)
    eight_hours = dead_band(premium, _or(inputs.interest, INTEREST), _or(inputs.clamp, DEAD_BAND))
    return _capped(WIDE.divide(eight_hours, EIGHT), inputs)


def paradex_1(inputs: FundingInputs) -> Decimal:
    """Eight-hour rate, accrued continuously: basis + clamp(0.01% − basis, ±0.05%), at most `cap` (5% unless given).

    `coefficient` is the market's multiplier (0.5 for traditional assets). The premiums are fair bases, smoothed.
    """
    cap = _or(inputs.cap, Decimal("0.05"))
    return clamp(WIDE.multiply(_plain(inputs), _or(inputs.coefficient, Decimal(1))), -cap, cap)
