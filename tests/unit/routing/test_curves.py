"""Pools beside books: the ladder is the curve, and routing over it is the best split of the curve."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.routing import RouteRequest, RoutingError, VenueQuote, plan
from keeper.routing.curves import ConstantProduct, Curve, OraclePool, Side, ladder

D = Decimal
FINE = D("0.0000000001")


def pool(imbalance: int, exponent: str = "2") -> OraclePool:
    return OraclePool(
        oracle=D(100),
        imbalance_usd=D(imbalance),
        exponent=D(exponent),
        positive_factor=D("0.00001"),
        negative_factor=D("0.00002"),
        spread_bps=D(5),
    )


CURVES: list[Curve] = [ConstantProduct(D(1_000), D(100_000)), pool(0), pool(900), pool(-900), pool(500, "1.5")]


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("curve", CURVES)
def test_a_ladder_of_single_lots_is_the_curve_at_every_lot(curve: Curve, side: Side) -> None:
    found = ladder(curve, side, D(60), D(1), FINE)
    assert found.overstated_bps == 0
    paid = D(0)
    for count, (price, size) in enumerate(found.levels, 1):
        paid += price * size
        assert abs(paid - curve.total(side, D(count))) <= FINE * count
    prices = [price for price, _ in found.levels]
    assert prices == sorted(prices, reverse=side == "sell")


@pytest.mark.parametrize("side", ["buy", "sell"])
@given(lots=st.integers(1, 5_000), levels=st.integers(2, 60))
def test_a_coarse_ladder_never_promises_less_than_the_curve_takes(side: Side, lots: int, levels: int) -> None:
    curve, lot = ConstantProduct(D(1_000), D(100_000)), D("0.1")
    found = ladder(curve, side, lots * lot, lot, D("0.01"), levels)
    assert sum(size for _, size in found.levels) == lots * lot
    assert len(found.levels) <= levels + 1
    assert all((b[0] - a[0]) * (1 if side == "buy" else -1) >= 0 for a, b in pairwise(found.levels))
    paid = sum(price * size for price, size in found.levels)
    true = curve.total(side, lots * lot)
    assert paid >= true if side == "buy" else paid <= true


def test_a_pool_holds_no_more_than_it_has() -> None:
    found = ladder(ConstantProduct(D(10), D(1_000)), "buy", D(50), D(1), D("0.01"))
    assert sum(size for _, size in found.levels) == 9
    capped = OraclePool(
        oracle=D(100), imbalance_usd=D(0), exponent=D(2), positive_factor=D(0), negative_factor=D(0), open_usd=D(1_050)
    )
    assert sum(size for _, size in ladder(capped, "sell", D(50), D(1), D("0.01")).levels) == 10


def test_shrinking_the_imbalance_is_paid_growing_it_charged() -> None:
    longs_ahead = pool(1_000)
    assert longs_ahead.total("sell", D(5)) > longs_ahead.total("sell", D(0)) + 500 * D("0.9995")
    assert longs_ahead.total("buy", D(5)) > 500 * D("1.0005")
    through = longs_ahead.total("sell", D(20))  # 1,000 down to balance is paid, 1,000 beyond it charged
    assert through == 2_000 * D("0.9995") + D("0.00001") * 1_000**2 - D("0.00002") * 1_000**2


@pytest.mark.parametrize("quantity", [7, 25, 40])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_routing_over_a_book_and_two_pools_is_the_best_of_all_splits(side: Side, quantity: int) -> None:
    curves: dict[str, Curve] = {"amm": ConstantProduct(D(1_000), D(100_000)), "oracle": pool(900)}
    sign = 1 if side == "buy" else -1
    book = [(D(100) + sign * D(step) / 4, D(4)) for step in range(12)]
    quotes = [
        VenueQuote("book", book, D(2), lot_size=D(1), tick_size=FINE),
        *(
            VenueQuote(name, ladder(curve, side, D(quantity), D(1), FINE).levels, D(1), lot_size=D(1), tick_size=FINE)
            for name, curve in curves.items()
        ),
    ]
    route = plan(RouteRequest(side, D(quantity), D(100)), quotes)

    def cost(parts: dict[str, int]) -> D:
        total, left = D(0), parts["book"]
        for price, size in book:
            taken = min(left, int(size))
            total += sign * taken * (price - 100) + taken * price * 2 / 10_000
            left -= taken
        for name, curve in curves.items():
            value = curve.total(side, D(parts[name]))
            total += sign * (value - 100 * parts[name]) + value / 10_000
        return total

    best = min(
        cost({"book": a, "amm": b, "oracle": quantity - a - b})
        for a in range(min(quantity, 48) + 1)
        for b in range(quantity - a + 1)
    )
    assert abs(route.cost - best) < D("1e-6")
    assert route.verify(RouteRequest(side, D(quantity), D(100)), quotes)


@pytest.mark.parametrize(
    ("changes", "field"), [({"exponent": D("0.5")}, "exponent"), ({"positive_factor": D(1)}, "positive_factor")]
)
def test_a_pool_that_is_not_convex_is_refused(changes: dict[str, D], field: str) -> None:
    terms = {
        "oracle": D(100), "imbalance_usd": D(0), "exponent": D(2), "positive_factor": D(0), "negative_factor": D(0)
    }  # fmt: skip
    with pytest.raises(RoutingError) as refusal:
        OraclePool(**(terms | changes))
    assert refusal.value.field == field


def test_nothing_can_be_had_of_nothing() -> None:
    with pytest.raises(RoutingError, match="lot_size"):
        ladder(CURVES[0], "buy", D(1), D(0), D(1))
    assert ladder(CURVES[0], "buy", D("0.5"), D(1), D(1)).levels == ()
