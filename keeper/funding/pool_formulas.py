"""Funding of pools, virtual AMMs and venues that accrue continuously. Rates per hour, fractions of notional."""

from decimal import Decimal

from keeper.errors import InputError
from keeper.funding.inputs import FundingInputs
from keeper.funding.premium import average, clamp
from keeper.model.amounts import WIDE

SECONDS = Decimal(3600)


def derive_1(inputs: FundingInputs) -> Decimal:
    """Premium / convergence hours + interest per hour (0.00125% unless given), at most `cap` an hour either way."""
    interest = Decimal("0.0000125") if inputs.interest is None else inputs.interest
    cap = inputs.need("cap")
    return clamp(WIDE.add(WIDE.divide(average(inputs.premiums), inputs.need("convergence_hours")), interest), -cap, cap)


def virtual_amm_1(inputs: FundingInputs) -> Decimal:
    """(mean mark − mean index) / 24 per hour, relative to the index; mark / index within 0.95 … 1.05."""
    index = inputs.need("index_average")
    if index <= 0:
        raise InputError("index_average", f"must be positive, not {index}", "bad_index")
    ratio = clamp(WIDE.divide(inputs.need("mark_average"), index), Decimal("0.95"), Decimal("1.05"))
    return WIDE.divide(ratio - 1, Decimal(24))


def gmx_2(inputs: FundingInputs) -> Decimal:
    """What the larger side pays: factor × |ΔOI|^exponent / total OI per second, × 3600; positive = longs are larger.

    The smaller side receives it spread over its own open interest: `smaller_side_rate`.
    """
    long, short = inputs.need("long_interest"), inputs.need("short_interest")
    total = WIDE.add(long, short)
    if long < 0 or short < 0 or total == 0:
        raise InputError("long_interest", "open interest must not be negative, nor both sides nought", "bad_interest")
    imbalance = WIDE.subtract(long, short)
    if imbalance == 0:
        return Decimal(0)
    per_second = WIDE.divide(
        WIDE.multiply(inputs.need("factor"), WIDE.power(abs(imbalance), inputs.need("exponent"))), total
    )
    return WIDE.multiply(per_second, SECONDS).copy_sign(imbalance)


def smaller_side_rate(rate: Decimal, larger: Decimal, smaller: Decimal) -> Decimal:
    """What a pool's smaller side receives per unit of its open interest: rate × larger / smaller."""
    if smaller <= 0:
        raise InputError("smaller", "nobody is on the smaller side to receive", "bad_interest")
    return WIDE.divide(WIDE.multiply(abs(rate), larger), smaller)


def gmx_adaptive_step(
    saved: Decimal,
    *,
    long_interest: Decimal,
    short_interest: Decimal,
    seconds: int,
    increase_factor: Decimal,
    decrease_factor: Decimal,
    stable_threshold: Decimal,
    decrease_threshold: Decimal,
    maximum: Decimal,
) -> Decimal:
    """GMX's adaptive rate per second after `seconds`, positive = longs pay.

    Above `stable_threshold` of imbalance (or when the saved rate points the other way) it moves by imbalance ×
    `increase_factor` a second towards the larger side; below `decrease_threshold` it decays by `decrease_factor` a
    second towards nought; between the two it holds. Never beyond `maximum` either way.
    """
    total = WIDE.add(long_interest, short_interest)
    if total <= 0:
        raise InputError("long_interest", "there is no open interest", "bad_interest")
    skew = WIDE.divide(long_interest - short_interest, total)
    against = saved != 0 and skew != 0 and (saved > 0) != (skew > 0)
    if abs(skew) > stable_threshold or against:
        saved = WIDE.add(saved, WIDE.multiply(skew, increase_factor) * seconds)
    elif abs(skew) < decrease_threshold:
        decayed = max(Decimal(0), WIDE.subtract(abs(saved), decrease_factor * seconds))
        saved = decayed.copy_sign(saved)
    return clamp(saved, -maximum, maximum)


def borrowing_rate(usage: Decimal, optimal: Decimal, base: Decimal, above: Decimal) -> Decimal:
    """A pool's borrowing rate at usage u with a kink at u*: base·u, plus (above − base)·(u − u*)/(1 − u*) beyond it."""
    if not 0 < optimal < 1:
        raise InputError("optimal", f"must lie between 0 and 1, not {optimal}", "bad_usage")
    rate = WIDE.multiply(base, usage)
    if usage > optimal:
        rate += WIDE.divide(WIDE.multiply(above - base, usage - optimal), 1 - optimal)
    return rate


def virtual_amm_cost(k: Decimal, reserve: Decimal, size: Decimal) -> Decimal:
    """What buying `size` costs on the curve x·y = k at base reserve x: k/(x − size) − k/x; negative size sells."""
    if size >= reserve:
        raise InputError("size", f"the curve holds only {reserve}", "bad_size")
    return WIDE.subtract(WIDE.divide(k, reserve - size), WIDE.divide(k, reserve))
