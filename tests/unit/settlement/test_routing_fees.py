"""The broker's own fee: of each fill's notional, taken by commits as far as lanes and the vault's cap allow."""

from dataclasses import replace
from decimal import Decimal

import pytest

from keeper.errors import IntegrityError
from keeper.model.events import FillSeen
from keeper.model.fees import routing_fee
from tests.unit.ledger.world import SEAT, World, owner_of, prepared, two_clients

BTC = {"BTC": Decimal(60_000)}
SIZE, PRICE = Decimal("0.01"), Decimal(60_000)
FEE = 120_000
"""2 bps of 600 USDC."""


def charging(allowance: int = 10**9) -> World:
    world = two_clients()
    world.routing_ppm, world.fee_allowance = 200, allowance
    return world


def test_the_fee_is_floored_whatever_the_side() -> None:
    assert routing_fee(4_999, 200) == routing_fee(-4_999, 200) == 0
    assert routing_fee(5_000, 200) == routing_fee(-5_000, 200) == 1
    assert routing_fee(10**12, 0) == 0


def test_a_fill_is_charged_at_once_and_the_commit_takes_it() -> None:
    world = charging()
    world.trade(1, "BTC", "buy", SIZE, PRICE)
    world.trade(2, "BTC", "sell", SIZE, PRICE)
    assert world.books.balance("fees:routing") == -2 * FEE
    assert world.books.equity(1, {(SEAT, "BTC"): PRICE}) == 1_000_000_000 - FEE
    statement = world.settle(world.mark(BTC))
    assert statement["totals"]["fees"] == 2 * FEE
    assert [entry["routing"] for entry in statement["accounts"]] == [FEE, FEE]
    assert [entry["pnl"] for entry in statement["accounts"]] == [-FEE, -FEE]
    assert [entry["routingPpm"] for entry in statement["orders"]] == [200, 200]
    assert world.lanes() == {1: 1_000_000_000 - FEE, 2: 1_000_000_000 - FEE}
    assert world.books.vault.fees == 2 * FEE
    assert world.books.equity(1, {(SEAT, "BTC"): PRICE}) == 1_000_000_000 - FEE
    world.check_balance()


def test_the_rate_is_the_one_when_the_order_was_taken() -> None:
    world = charging()
    cloid = world.order(1, "BTC", "buy", SIZE)
    world.routing_ppm = 300
    fill = world.make_fill(cloid, "BTC", "buy", SIZE, PRICE)
    world.tell(FillSeen(fill=fill))
    assert world.books.balance("fees:routing") == -FEE


def test_what_the_vault_does_not_allow_is_waived() -> None:
    world = charging(allowance=FEE + 7)
    world.trade(1, "BTC", "buy", SIZE, PRICE)
    world.trade(2, "BTC", "sell", SIZE, PRICE)
    world.settle(world.mark(BTC))
    assert world.lanes() == {1: 1_000_000_000 - FEE, 2: 1_000_000_000 - 7}
    assert world.books.balance("fees:routing") == -(FEE + 7)
    assert world.books.equity(2, {(SEAT, "BTC"): PRICE}) == 1_000_000_000 - 7
    world.settle(world.mark(BTC))  # what was waived is not asked for again
    assert world.books.vault.fees == FEE + 7
    world.check_balance()


def test_no_lane_pays_what_it_does_not_have_and_insurance_never_does() -> None:
    world = charging()
    world.trade(1, "BTC", "buy", Decimal(1), PRICE)
    world.trade(2, "BTC", "sell", Decimal(1), PRICE)
    plan, _ = world.plan(world.mark({"BTC": Decimal(59_000)}))
    assert plan.pnl == {1: -1_000_000_000, 2: 1_000_000_000 - 100 * FEE}
    assert (plan.fees, plan.routing, plan.insurance_delta) == (100 * FEE, {2: 100 * FEE}, 0)


def test_nothing_is_taken_while_the_vault_is_short() -> None:
    world = charging()
    world.trade(1, "BTC", "buy", Decimal(1), PRICE)
    world.trade(2, "BTC", "sell", Decimal(1), PRICE)
    plan, _ = world.plan(world.mark({"BTC": Decimal(57_500)}))
    assert plan.new_deficit > 0
    assert (plan.fees, plan.routing) == (0, {})


def test_a_commit_that_takes_more_than_is_due_is_refused() -> None:
    world = charging()
    world.trade(1, "BTC", "buy", SIZE, PRICE)
    plan, _ = world.plan(world.mark(BTC))
    for routing in ({1: FEE + 1}, {2: 1}, {1: FEE, 2: -1}):
        forged = replace(plan, routing=routing, fees=sum(routing.values()))
        with pytest.raises(IntegrityError, match="takes fees"):
            world.tell(prepared(forged, world.now_ms))
    with pytest.raises(IntegrityError, match="takes fees"):
        world.tell(prepared(replace(plan, fees=FEE - 1), world.now_ms))
    world.commit(plan)


def test_a_fill_after_the_mark_owes_its_fee_until_the_next_commit() -> None:
    world = charging()
    world.trade(1, "BTC", "buy", SIZE, PRICE)
    mark = world.mark(BTC)
    world.trade(2, "BTC", "sell", SIZE, PRICE)
    world.settle(mark)
    assert world.lanes() == {1: 1_000_000_000 - FEE, 2: 1_000_000_000}
    assert world.books.equity(2, {(SEAT, "BTC"): PRICE}) == 1_000_000_000 - FEE
    world.settle(world.mark(BTC))
    assert world.lanes() == {1: 1_000_000_000 - FEE, 2: 1_000_000_000 - FEE}


def test_no_approval_reaches_for_what_the_fee_takes() -> None:
    world = charging()
    world.wait()
    world.log("WithdrawRequested", ticket=1, id=1, receiver=owner_of(1), amount=1_000_000_000)
    world.wait()
    world.settle(world.mark({}))  # one must lie between a request and its approval (A7)
    world.trade(1, "BTC", "buy", SIZE, PRICE)
    world.trade(1, "BTC", "sell", SIZE, PRICE)
    plan, _ = world.plan(world.mark(BTC))
    assert plan.approvals == ((1, 1_000_000_000 - 2 * FEE),)
