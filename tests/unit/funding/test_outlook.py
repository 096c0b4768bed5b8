"""Expected funding: the instants really crossed, the decay to the mean, the pessimistic far end."""

from decimal import Decimal

import pytest

from keeper.errors import InputError
from keeper.funding import Outlook, SettledHour, expected_funding
from keeper.model.funding import HOUR_MS
from keeper.model.instruments import Side

D = Decimal
BP = D("0.0001")


def history(rates: list[D], interval: int = 1) -> list[SettledHour]:
    return [SettledHour((n + 1) * interval * HOUR_MS, rate, D(interval)) for n, rate in enumerate(rates)]


def decaying(phi: D, count: int = 400, mean: D = BP) -> list[SettledHour]:
    """Shocks every 50 hours that fade by `phi` an hour, around `mean`."""
    rates, above = [], D(0)
    for hour in range(count):
        above = D(20) * BP * (1 if hour // 50 % 2 else -1) if hour % 50 == 0 else above * phi
        rates.append(mean + above)
    return history(rates)


@pytest.mark.parametrize(
    ("now_min", "hours", "instants"),
    [(0, 8, 1), (1, 8, 1), (479, 8, 1), (1, 7, 0), (479, 0, 0), (420, 1, 1), (0, 24, 3), (60, 24, 3)],
)
def test_instants_crossed_are_counted_not_hours_divided(now_min: int, hours: int, instants: int) -> None:
    found = expected_funding("buy", BP, D(8), 8 * HOUR_MS, now_min * 60_000, hours, None)
    assert found.instants == found.bps == instants
    assert expected_funding("sell", BP, D(8), 8 * HOUR_MS, now_min * 60_000, hours, None).bps == -instants


def test_the_half_life_comes_out_of_the_history() -> None:
    outlook = Outlook.fit(decaying(D("0.9")))
    assert outlook is not None
    assert D(5) < outlook.half_life_hours < D(8)  # ln ½ / ln 0.9 = 6.6
    assert abs(outlook.mean - BP) < D("0.2") * BP


def test_the_sum_is_that_of_the_formula() -> None:
    outlook = Outlook(mean=BP, half_life_hours=D(4), settled=())
    found = expected_funding("buy", 5 * BP, D(1), HOUR_MS, 0, 6, outlook, quantile=None)
    by_hand = sum(1 + 4 * 2 ** (-hour / 4) for hour in range(1, 7))
    assert abs(float(found.bps) - by_hand) < 1e-4
    assert (found.instants, found.method) == (6, "decay to the mean")


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_beyond_the_half_life_the_far_end_is_pessimistic(side: Side) -> None:
    outlook = Outlook.fit(decaying(D("0.9")))
    assert outlook is not None
    near = expected_funding(side, BP, D(1), HOUR_MS, 0, 4, outlook)
    far, mean = (expected_funding(side, BP, D(1), HOUR_MS, 0, 72, outlook, quantile=q) for q in (D("0.75"), None))
    assert near.method == "decay to the mean"
    assert far.method == "decay to the pessimistic quantile"
    assert far.bps > mean.bps


def test_a_calm_history_is_its_mean() -> None:
    outlook = Outlook.fit(history([BP] * 60, interval=8))
    assert outlook is not None
    assert expected_funding("sell", 8 * BP, D(8), 8 * HOUR_MS, 0, 72, outlook).bps == -72


def test_too_short_a_history_says_nothing() -> None:
    assert Outlook.fit(history([BP] * 47)) is None


def test_a_settlement_in_the_past_is_refused() -> None:
    with pytest.raises(InputError, match="next_ms"):
        expected_funding("buy", BP, D(1), HOUR_MS, HOUR_MS, 1, None)
