"""Adding up rows, and remembering prices: no sockets."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from keeper.attest.prices import PriceHistory, is_close
from keeper.attest.tally import Tally
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow

VENUE = "0x" + "11" * 20


def fill(time_ms: int, lots: int, price: int) -> Fill:
    return Fill(
        venue=VENUE,
        coin="BTC",
        side="buy" if lots > 0 else "sell",
        price=Decimal(price) / 10,
        size=Decimal(abs(lots)).scaleb(-5),
        time_ms=time_ms,
        start_position=Decimal(0),
        fee=7,
        closed_pnl=0,
        oid=1,
        tid=time_ms,
    )


def row(time_ms: int, kind: str, amount: int, fee: int = 0) -> LedgerRow:
    return LedgerRow(venue=VENUE, kind=kind, time_ms=time_ms, amount=amount, fee=fee, reference="0xAB")


times = st.integers(0, 1_000)
fills = st.lists(st.builds(fill, times, st.integers(-50, 50).filter(bool), st.integers(1, 10**6)), max_size=20)
payments = st.lists(
    st.builds(
        lambda at, amount: FundingPayment(
            venue=VENUE, coin="BTC", time_ms=at, amount=amount, size=Decimal(1), rate=Decimal(0)
        ),
        times,
        st.integers(-(10**9), 10**9),
    ),
    max_size=20,
)
rows = st.lists(st.builds(row, times, st.sampled_from(["deposit", "withdraw", "send"]), st.integers(1, 9)), max_size=20)


@given(fills, payments, rows, times, times)
def test_two_steps_make_what_one_makes(
    some: list[Fill], paid: list[FundingPayment], moved: list[LedgerRow], first: int, second: int
) -> None:
    first, second = sorted((first, second))
    at_once = Tally().extend(second, some, paid, moved)
    assert Tally().extend(first, some, paid, moved).extend(second, some, paid, moved) == at_once
    if second == 1_000:
        value = sum(int(f.signed_size * f.price * 10**6) + f.fee for f in some)
        assert at_once.cash == sum(r.amount for r in moved) + sum(p.amount for p in paid) - value


def test_a_withdrawal_counts_net_and_a_deposit_gross() -> None:
    tally = Tally().extend(10, [], [], [row(1, "deposit", 90, fee=10), row(2, "withdraw", -41, fee=1)])
    assert (tally.cash, tally.withdrawn, tally.deposits) == (49, 40, {"0xab": 100})


def test_a_closed_position_leaves_no_line() -> None:
    tally = Tally().extend(10, [fill(1, 5, 1_000), fill(2, -5, 1_010)], [], [])
    assert tally.sizes == {}
    assert tally.cash == 5 * 10 - 14, "5e-5 BTC, 1 USDC apart, two fees of 7"


def test_prices_across_a_jump_are_not_used() -> None:
    history = PriceHistory()
    hour = 3_600_000
    for before, after, mark in ((0, 50, 1), (500, hour, 2), (hour + 500, hour + 550, 3)):
        history.add(before, after, {"BTC": Decimal(mark)})
    assert history.around("BTC", hour) == [Decimal(3)]
    assert history.around("BTC", 0) == [], "old samples are dropped"
    assert history.nearest("ETH", hour, Decimal(1)) is None


def test_only_prices_within_ten_seconds_count() -> None:
    history = PriceHistory()
    for second in range(0, 60, 5):
        history.add(second * 1000, second * 1000, {"BTC": Decimal(100 + second)})
    assert history.around("BTC", 30_000) == [Decimal(price) for price in (120, 125, 130, 135, 140)]
    assert history.nearest("BTC", 30_000, Decimal(127)) == Decimal(125)


def test_five_basis_points() -> None:
    assert is_close(Decimal("100.05"), Decimal(100))
    assert not is_close(Decimal("100.0501"), Decimal(100))
    assert is_close(Decimal("99.95"), Decimal(100))
