"""The impact model: finds the law it is fed, reports its error, and is not used when the book alone does better."""

import random
from decimal import Decimal

from keeper.routing.impact import LEAST_FILLS, ImpactSample, fit

D = Decimal


def samples(coefficient: float, noise: float, count: int, venue: str = "a") -> list[ImpactSample]:
    rng = random.Random(7)
    found = []
    for _ in range(count):
        share = rng.uniform(0.01, 1)
        extra = coefficient * share**0.5 + rng.gauss(0, noise)
        found.append(ImpactSample(venue, D(str(round(share, 6))), D(3), D(3) + D(str(round(extra, 6)))))
    return found


def test_the_law_is_found_and_beats_the_book() -> None:
    model = fit(samples(4, 0.5, 400))
    found = model.venues["a"]
    assert abs(found.coefficient - 4) < D("0.15")
    assert found.used
    assert found.model_rms_bps < D("0.7") < found.book_rms_bps
    assert abs(found.bias_bps) < D("0.15")
    assert abs(model.extra_bps("a", D(25), D(100)) - 2) < D("0.1")
    assert model.extra_bps("a", D(500), D(100)) == found.coefficient


def test_noise_is_not_taken_for_a_law() -> None:
    found = fit(samples(0, 2, 400)).venues["a"]
    assert not found.used
    assert abs(found.coefficient) < D("0.5")


def test_few_fills_or_an_unknown_venue_believe_the_book() -> None:
    model = fit(samples(4, 0.1, LEAST_FILLS - 1))
    assert not model.venues["a"].used
    assert model.extra_bps("a", D(1), D(2)) == model.extra_bps("b", D(1), D(2)) == 0


def test_fills_better_than_the_book_are_never_counted_on() -> None:
    model = fit(samples(-3, 0.1, 100))
    assert model.venues["a"].coefficient < 0
    assert model.extra_bps("a", D(1), D(2)) == 0


def test_venues_are_fitted_apart() -> None:
    model = fit(samples(1, 0.1, 60, "a") + samples(6, 0.1, 60, "b"))
    assert model.venues["a"].coefficient < 2 < 5 < model.venues["b"].coefficient
