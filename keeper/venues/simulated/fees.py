"""What a trade costs: tiers by the volume of 14 whole UTC days, and a referred account's discount.

The table is the venue's (docs, fees) for its own base rates; a venue started with other base rates scales it. Volume of
the running day does not count before the day is over; spot volume counts twice; a sub-account shares its master's tier.
"""

from collections.abc import Callable
from decimal import Decimal

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.units import MICRO

DAY_MS = 86_400_000
TIER_DAYS = 14
FEE_SCALE = 10**9
BASE_TAKER, BASE_MAKER = Decimal("4.5"), Decimal("1.5")
SPOT_TAKER, SPOT_MAKER = Decimal("7"), Decimal("4")
Rates = tuple[Decimal, Decimal, Decimal, Decimal]
# volume in USDC from which on, then taker, maker, spot taker, spot maker in basis points
TIERS: tuple[tuple[int, Rates], ...] = (
    (5_000_000, (Decimal("4.0"), Decimal("1.2"), Decimal("6.0"), Decimal("3.0"))),
    (25_000_000, (Decimal("3.5"), Decimal("0.8"), Decimal("5.0"), Decimal("2.0"))),
    (100_000_000, (Decimal("3.0"), Decimal("0.4"), Decimal("4.0"), Decimal("1.0"))),
    (500_000_000, (Decimal("2.8"), Decimal(0), Decimal("3.5"), Decimal(0))),
    (2_000_000_000, (Decimal("2.6"), Decimal(0), Decimal("3.0"), Decimal(0))),
    (7_000_000_000, (Decimal("2.4"), Decimal(0), Decimal("2.5"), Decimal(0))),
)
MAKER_REBATES = (("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"))
REFERRAL_DISCOUNT = Decimal("0.04")
REFERRAL_LIMIT = 25_000_000 * MICRO


class FeeSchedule:
    """Rates in basis points, as Decimal; `master_of` finds whose volume counts."""

    def __init__(self, taker_bps: Decimal, maker_bps: Decimal, master_of: Callable[[Account], Account]) -> None:
        self.taker_bps, self.maker_bps, self._master_of = taker_bps, maker_bps, master_of

    def tiers(self) -> list[tuple[int, Rates]]:
        """(cutoff in USDC, (taker, maker, spot taker, spot maker)), the base tier first."""
        rows = [(0, (self.taker_bps, self.maker_bps, SPOT_TAKER, SPOT_MAKER))]
        for cutoff, (taker, maker, spot_taker, spot_maker) in TIERS:
            ours = (self.taker_bps * taker / BASE_TAKER, self.maker_bps * maker / BASE_MAKER, spot_taker, spot_maker)
            rows.append((cutoff, ours))
        return rows

    def rates(self, account: Account, now_ms: int) -> Rates:
        """(taker, maker, spot taker, spot maker) of this account today, discounts included."""
        volume = self.volume_of_tier(account, now_ms)
        rates = [rates for cutoff, rates in self.tiers() if volume >= cutoff * MICRO][-1]
        kept = 1 - self.discount(account)
        taker, maker, spot_taker, spot_maker = (rate * kept if rate > 0 else rate for rate in rates)
        return taker, maker, spot_taker, spot_maker

    def volume_of_tier(self, account: Account, now_ms: int) -> int:
        """Micro-USDC traded in the 14 whole days before today."""
        today = now_ms // DAY_MS
        volumes = self._master_of(account).volumes
        return sum(sum(volumes[day]) for day in range(today - TIER_DAYS, today) if day in volumes)

    def discount(self, account: Account) -> Decimal:
        """A referred account's, for its first 25 million; never a sub-account's."""
        if account.master is None and account.referrer is not None and account.volume < REFERRAL_LIMIT:
            return REFERRAL_DISCOUNT
        return Decimal(0)

    def book_volume(self, account: Account, micro: int, now_ms: int, *, taker: bool, spot: bool) -> None:
        for each in {account.address: account, self._master_of(account).address: self._master_of(account)}.values():
            day = each.volumes.setdefault(now_ms // DAY_MS, [0, 0])
            day[0 if taker else 1] += micro * (2 if spot else 1)
        account.volume += micro


def share(amount: int, bps: Decimal) -> int:
    """floor(amount × rate); a rebate is floored in size too."""
    rate = int(bps * (FEE_SCALE // 10_000))
    return amount * rate // FEE_SCALE if rate >= 0 else -(amount * -rate // FEE_SCALE)
