"""Gains in quarantine (rule D3): withheld from whom, released to whom, and nothing lost on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.ledger.withholding import INSURANCE, withhold
from tests.unit.ledger.world import SEAT, World, owner_of, two_clients

USDC = 1_000_000


@pytest.mark.parametrize(
    ("before", "results", "held", "after"),
    [
        ({}, {1: 30, 2: 10}, 0, {}),
        ({}, {1: 30, 2: 10}, 20, {1: 15, 2: 5}),
        ({}, {1: 30, 2: -50, 3: 10}, 20, {1: 15, 3: 5}),  # who lost has nothing withheld
        ({}, {1: 10, 2: 10, 3: 10}, 20, {INSURANCE: 2, 1: 6, 2: 6, 3: 6}),  # floored; the rest is insurance's
        ({}, {1: 5}, 20, {INSURANCE: 15, 1: 5}),  # a gift is in quarantine too
        ({1: 15, 2: 5}, {1: -8, 2: 3}, 20, {1: 15, 2: 5}),  # nothing more is held: results go to the lanes
        ({1: 15, 2: 5}, {2: 10}, 30, {1: 15, 2: 15}),  # only the rise, only from the new gains
        ({1: 15, 2: 5}, {1: 99}, 10, {INSURANCE: 1, 1: 7, 2: 2}),  # released pro rata to what is withheld
        ({INSURANCE: 1, 1: 7, 2: 2}, {}, 0, {}),
    ],
)
def test_whose_the_quarantine_is(
    before: dict[int, int], results: dict[int, int], held: int, after: dict[int, int]
) -> None:
    assert withhold(before, results, held) == after


amounts = st.integers(-(10**12), 10**12)
ids = st.integers(1, 6)


@given(marks=st.lists(st.tuples(st.dictionaries(ids, amounts), st.integers(0, 10**12)), max_size=12))
def test_what_is_withheld_is_what_is_held_and_nobody_owes(marks: list[tuple[dict[int, int], int]]) -> None:
    withheld: dict[int, int] = {}
    for results, held in marks:
        before, withheld = withheld, withhold(withheld, results, held)
        assert sum(withheld.values()) == held
        assert all(amount > 0 for amount in withheld.values())
        for id_ in withheld.keys() - {INSURANCE}:
            assert withheld[id_] - before.get(id_, 0) <= max(0, results.get(id_, 0))  # never more than it gained
    assert withhold(withheld, {}, 0) == {}


def gainers() -> World:
    """Two clients, 500 USDC at the seat; 1 gains 30 USDC, 2 gains 10."""
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.03"), Decimal(60_000))
    world.trade(2, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    return world


UP = {"BTC": Decimal(61_000)}


def test_a_withheld_gain_counts_for_margin_not_for_withdrawal() -> None:
    world = gainers()
    statement = world.settle(world.mark(UP, held=20 * USDC))
    assert world.lanes() == {1: 1_015 * USDC, 2: 1_005 * USDC}
    assert (world.books.withheld(1), world.books.withheld(2)) == (15 * USDC, 5 * USDC)
    assert world.books.equity(1, {(SEAT, "BTC"): UP["BTC"]}) == 1_030 * USDC
    assert statement["marks"][0]["held"] == 20 * USDC
    seat = statement["accounts"][0]["seats"][0]
    assert (seat["trading"], seat["withheldBefore"], seat["withheld"]) == (30 * USDC, 0, 15 * USDC)
    assert statement["accounts"][0]["pnl"] == 15 * USDC
    assert statement["insurance"] == []
    world.check_balance()

    world.log("WithdrawRequested", ticket=1, id=1, receiver=owner_of(1), amount=1_015 * USDC)
    world.settle(world.mark(UP, held=20 * USDC), required={1: 25 * USDC})
    approved = world.settle(world.mark(UP, held=20 * USDC), required={1: 25 * USDC})["approvals"]
    # 25 of margin: 15 are withheld, so that 10 of the lane stay.
    assert approved == [{"ticket": 1, "amount": 1_005 * USDC}]
    world.check_balance()


def test_a_withheld_gain_is_released_to_whom_it_belongs() -> None:
    world = gainers()
    world.settle(world.mark(UP, held=20 * USDC))
    world.trade(1, "BTC", "sell", Decimal("0.03"), Decimal(61_000))
    statement = world.settle(world.mark(UP, held=0))
    assert world.lanes() == {1: 1_030 * USDC, 2: 1_010 * USDC}
    assert (world.books.withheld(1), world.books.withheld(2)) == (0, 0)
    assert statement["accounts"][1]["seats"][0]["withheldBefore"] == 5 * USDC
    assert statement["totals"]["delta"] == 20 * USDC == statement["totals"]["pnl"]
    world.check_balance()


def test_a_loss_takes_the_quarantine_first_and_releases_it() -> None:
    world = gainers()
    world.settle(world.mark(UP, held=20 * USDC))
    world.trade(2, "BTC", "buy", Decimal("0.01"), Decimal(61_000), fee=10 * USDC)
    statement = world.settle(world.mark(UP, held=10 * USDC))
    assert statement["totals"]["delta"] == 0
    assert world.lanes() == {1: 1_022_500_000, 2: 997_500_000}  # +7.5 released; +2.5 released and 10 of fees
    world.check_balance()


def test_remainders_are_insurances_and_come_back() -> None:
    world = two_clients()
    world.open(3, 1_000 * USDC)
    for id_ in (1, 2, 3):
        world.trade(id_, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    insurance = world.books.vault.insurance
    mark = world.mark(UP, held=20 * USDC)
    statement = world.settle(mark)
    item = {"venue": SEAT, "kind": "withheld", "amount": -2, "reference": f"mark@{mark.as_of}"}
    assert statement["insurance"] == [item]
    assert world.books.vault.insurance == insurance - 2
    world.settle(world.mark(UP, held=0))
    assert world.books.vault.insurance == insurance
    assert world.lanes() == {1: 1_010 * USDC, 2: 1_010 * USDC, 3: 1_010 * USDC}
    world.check_balance()


def test_what_a_closed_sub_account_had_withheld_falls_to_insurance() -> None:
    world = gainers()
    world.settle(world.mark(UP, held=20 * USDC))
    world.log("WithdrawRequested", ticket=1, id=2, receiver=owner_of(2), amount=1_005 * USDC)
    world.trade(2, "BTC", "sell", Decimal("0.01"), Decimal(61_000))
    world.settle(world.mark(UP, held=20 * USDC))
    world.settle(world.mark(UP, held=20 * USDC))
    assert world.lanes()[2] == 0
    world.log("AccountClosed", id=2, generation=1)
    insurance = world.books.vault.insurance
    statement = world.settle(world.mark(UP, held=0))
    assert [(item["kind"], item["amount"]) for item in statement["insurance"]] == [("withheld", 5 * USDC)]
    assert world.lanes() == {1: 1_030 * USDC, 2: 0}
    assert world.books.vault.insurance == insurance + 5 * USDC
    world.check_balance()


def test_a_refused_quarantine_voids_the_unused_mark() -> None:
    world = gainers()
    world.mark(UP, held=20 * USDC)
    world.log("QuarantineRefused", venue=SEAT, amount=20 * USDC)
    assert SEAT not in world.books.vault.pending_marks
