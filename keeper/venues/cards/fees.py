"""What a schedule charges: the tier of a volume, discounts, and the rounding of one fill's fee."""

from decimal import ROUND_DOWN, Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE
from keeper.venues.base import FeeRates
from keeper.venues.cards.types import Fees, FeeTier

ZERO = Decimal(0)
BPS = Decimal("0.0001")


def tier_of(fees: Fees, volume_usd: Decimal) -> FeeTier:
    """The tier that a volume over the schedule's period reaches."""
    if volume_usd < 0:
        raise InputError("volume_usd", f"must not be negative, not {volume_usd}", "bad_volume")
    return max((tier for tier in fees.tiers if tier.volume_usd <= volume_usd), key=lambda tier: tier.volume_usd)


def rates(
    fees: Fees,
    volume_usd: Decimal = ZERO,
    *,
    maker_share: Decimal = ZERO,
    staking_discount: Decimal = ZERO,
    referral_discount: Decimal = ZERO,
    builder_market: bool = False,
) -> FeeRates:
    """The rates in basis points. Discounts and the factor of builder-deployed markets touch positive rates only;
    a maker rebate of the account's share takes the place of the tier's maker rate."""
    tier = tier_of(fees, volume_usd)
    rebates = [item for item in fees.rebates if item.maker_share <= maker_share and item.volume_usd <= volume_usd]
    maker = max(rebates, key=lambda item: item.maker_share).maker_bps if rebates else tier.maker_bps
    factor = WIDE.multiply(1 - staking_discount, 1 - referral_discount)
    if builder_market:
        if fees.builder_market_factor is None:
            raise InputError(
                "builder_market", "this venue's card has no factor for builder-deployed markets", "unknown"
            )
        factor = WIDE.multiply(factor, fees.builder_market_factor.value)
    return FeeRates(taker_bps=_scaled(tier.taker_bps, factor), maker_bps=_scaled(maker, factor))


def fill_fee(price: Decimal, size: Decimal, rate_bps: Decimal, decimals: int = 6) -> Decimal:
    """price × size × rate in the quote, cut toward nought: how Hyperliquid prints the fee (and rebate) of a fill."""
    exact = WIDE.multiply(WIDE.multiply(price, size), WIDE.multiply(rate_bps, BPS))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN, WIDE)


def _scaled(rate: Decimal, factor: Decimal) -> Decimal:
    return WIDE.multiply(rate, factor) if rate > 0 else rate
