"""Commits: losses beyond lanes, insurance and deficit, approvals, and the statement that goes with them."""

from decimal import Decimal

import pytest
from eth_utils.address import to_checksum_address

from keeper.errors import IntegrityError
from keeper.ledger import SeatBrokenError
from keeper.model.statements import canonical, statement_root
from tests.unit.ledger.world import OTHER, SEAT, World, owner_of, prepared, two_clients

BTC = {"BTC": Decimal(60_000)}


def request(world: World, ticket: int, id_: int, amount: int) -> None:
    world.wait()
    world.log("WithdrawRequested", ticket=ticket, id=id_, receiver=owner_of(id_), amount=amount)
    world.wait()
    world.commit(world.plan()[0])  # one must lie between a request and its approval (A7)
    world.wait()


def test_a_plan_is_the_contracts_argument() -> None:
    world = two_clients()
    world.trade(2, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=270_000)
    mark = world.mark({"BTC": Decimal(60_100)})
    plan, statement = world.plan(mark)
    assert plan.pnl == {2: 730_000}
    assert plan.to_abi() == (
        1,
        mark.as_of,
        1,
        statement_root(statement),
        0,
        0,
        0,
        b"\x00",
        [730_000 << 64],
        [to_checksum_address(SEAT)],
        [],
    )
    assert plan.snapshot_block == statement["snapshotBlock"] == world.block
    world.commit(plan)
    assert world.lanes() == {1: 1_000_000_000, 2: 1_000_730_000}
    world.check_balance()


def test_the_statement_says_it_all() -> None:
    world = two_clients()
    world.trade(2, "BTC", "buy", Decimal("0.010"), Decimal(60_000), fee=270_000)
    funding = world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    mark = world.mark({"BTC": Decimal("60100.0")})
    world.log("Deposited", **{"from": owner_of(2)}, id=2, amount=5)  # after the snapshot
    plan, statement = world.plan(mark)
    assert plan.snapshot_block == world.block  # the world's plan takes the newest block
    assert canonical(statement)
    order = world.books.orders()[0]
    assert [entry["digest"] for entry in statement["orders"]] == [order.digest]
    assert statement["orders"][0]["order"]["quantity"] == 1_000_000
    assert statement["funding"] == [
        {
            "venue": SEAT,
            "coin": "BTC",
            "time": funding.time_ms,
            "rate": "0.0001",
            "oracle": "60000",
            "paid": -60_000,
            "seatSize": "0.01",
            "shares": [{"id": 2, "position": "0.01", "share": -60_000}],
            "remainder": 0,
        }
    ]
    assert statement["accounts"][1] == {
        "id": 2,
        "generation": 1,
        "before": 1_000_000_005,
        "routing": 0,
        "pnl": 670_000,
        "after": 1_000_670_005,
        "seats": [
            {
                "venue": SEAT,
                "trading": 1_000_000,
                "revaluation": 0,
                "fees": 270_000,
                "funding": -60_000,
                "withheldBefore": 0,
                "withheld": 0,
            }
        ],
        "positions": [{"venue": SEAT, "coin": "BTC", "size": "0.01"}],
    }
    assert statement["totals"] == {"pnl": 670_000, "fees": 0, "insuranceDelta": 0, "newDeficit": 0, "delta": 670_000}
    assert statement["marks"][0]["sheet"]["lines"] == [{"coin": "BTC", "size": "0.01", "mark": "60100"}]


def test_before_is_the_lane_at_the_snapshot() -> None:
    world = two_clients()
    world.mark({})
    snapshot = world.block
    world.log("Deposited", **{"from": owner_of(2)}, id=2, amount=5)
    assert world.books.vault.lanes_at(snapshot)[2] == 1_000_000_000
    assert world.books.vault.lanes_at(world.block)[2] == 1_000_000_005


def test_an_order_is_told_once_unless_its_fill_comes_later() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    first = world.settle(world.mark(BTC))
    world.trade(2, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    second = world.settle(world.mark(BTC))
    assert [entry["order"]["subAccount"] for entry in first["orders"] + second["orders"]] == [1, 2]


def test_insurance_pays_what_a_lane_cannot() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.03"), Decimal(60_000))
    world.trade(2, "BTC", "sell", Decimal("0.01"), Decimal(60_000))
    statement = world.settle(world.mark({"BTC": Decimal(20_000)}))  # −1,200 and +400 USDC
    assert world.lanes() == {1: 0, 2: 1_400_000_000}
    assert world.books.vault.insurance == 800_000_000
    assert world.books.vault.deficit == 0
    assert statement["insurance"] == [
        {"venue": "", "kind": "bad debt", "amount": -200_000_000, "reference": "sub-account 1"}
    ]
    world.check_balance()


def test_what_insurance_cannot_pay_is_new_deficit_and_nothing_is_approved() -> None:
    world = two_clients()
    request(world, 1, 2, 100_000_000)
    world.trade(1, "BTC", "buy", Decimal("0.06"), Decimal(60_000))
    statement = world.settle(world.mark({"BTC": Decimal(20_000)}))  # −2,400 USDC: lane 1,000, insurance 1,000
    assert (statement["totals"]["insuranceDelta"], statement["totals"]["newDeficit"]) == (-1_000_000_000, 400_000_000)
    assert (world.books.vault.insurance, world.books.vault.deficit) == (0, 400_000_000)
    assert statement["approvals"] == []
    world.check_balance()
    assert world.settle(world.mark({"BTC": Decimal(20_000)}))["approvals"] == []
    repaid = world.settle(world.mark({"BTC": Decimal(40_000)}))  # +1,200 to sub-account 1: deficits are insurance's
    assert world.lanes()[1] == 1_200_000_000
    assert repaid["totals"]["newDeficit"] == 0
    world.check_balance()


def test_approvals_are_oldest_first_and_stop_at_the_cash() -> None:
    world = two_clients()
    request(world, 2, 2, 900_000_000)
    request(world, 1, 1, 1_000_000_000)
    idle = world.books.vault.idle
    statement = world.settle(world.mark({}))
    assert statement["approvals"] == [{"ticket": 2, "amount": 900_000_000}, {"ticket": 1, "amount": 1_000_000_000}]
    assert idle == 2_500_000_000
    world.check_balance()

    world = two_clients()
    world.send(1_500_000_000)
    request(world, 2, 2, 900_000_000)
    request(world, 1, 1, 1_000_000_000)
    statement = world.settle(world.mark({}))
    assert statement["approvals"] == [{"ticket": 2, "amount": 900_000_000}, {"ticket": 1, "amount": 100_000_000}]
    assert world.books.pending_tickets()[0].remaining == 900_000_000
    world.check_balance()


def test_an_approval_leaves_the_margin_and_counts_the_result() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    request(world, 1, 1, 1_000_000_000)
    statement = world.settle(world.mark({"BTC": Decimal(59_000)}), required={1: 30_000_000})
    assert statement["approvals"] == [{"ticket": 1, "amount": 1_000_000_000 - 10_000_000 - 30_000_000}]
    assert world.lanes()[1] == 30_000_000
    nothing = world.settle(world.mark({"BTC": Decimal(59_000)}), required={1: 30_000_000})
    assert nothing["approvals"] == []


def test_nothing_is_approved_in_a_commit_that_is_not_full() -> None:
    world = World(SEAT, OTHER)
    world.open(1, 1_000_000_000)
    world.send(100_000_000)
    world.send(100_000_000, OTHER)
    request(world, 1, 1, 50_000_000)
    assert world.settle(world.mark({}, OTHER))["approvals"] == []  # tier 1 is not marked
    assert world.settle(world.mark({}, SEAT))["approvals"] == [{"ticket": 1, "amount": 50_000_000}]
    world.log("Claimed", ticket=1, receiver=owner_of(1), amount=50_000_000)
    request(world, 2, 1, 50_000_000)
    world.mark({}, OTHER)  # marked, but not used
    assert world.settle(world.mark({}, SEAT))["approvals"] == []
    world.wait(25 * 3600)
    assert world.settle(world.mark({}, SEAT), world.mark({}, OTHER))["approvals"] != []
    world.check_balance()


def test_an_attested_venue_not_marked_for_a_day_makes_a_commit_partial() -> None:
    world = World(SEAT, OTHER)
    world.open(1, 1_000_000_000)
    world.send(100_000_000, OTHER)
    world.settle(world.mark({}, OTHER))
    request(world, 1, 1, 50_000_000)
    world.wait(24 * 3600 + 60)
    plan, _ = world.plan(world.mark({}, SEAT))
    assert plan.approvals == ()


def test_one_broken_seat_leaves_the_others_settleable() -> None:
    world = World(SEAT, OTHER)
    world.open(1, 1_000_000_000)
    world.send(100_000_000)
    world.send(100_000_000, OTHER)
    world.venues[OTHER].cash += 1_000
    good, bad = world.mark({}, SEAT), world.mark({}, OTHER)
    with pytest.raises(SeatBrokenError) as caught:
        world.plan(good, bad)
    assert caught.value.venue == OTHER
    world.settle(good)
    assert world.books.epoch == 1


def test_the_books_must_have_followed_the_chain() -> None:
    world = two_clients()
    mark = world.mark({})
    world.mark({})
    with pytest.raises(IntegrityError, match="not the mark last recorded"):
        world.plan(mark)
    plan, _ = world.plan(world.mark({}))
    world.commit(plan)
    with pytest.raises(IntegrityError, match="commit 1 after 1"):
        world.tell(prepared(plan, 1))


def test_a_request_newer_than_the_last_commit_waits_for_the_next() -> None:
    world = two_clients()
    world.log("WithdrawRequested", ticket=1, id=1, receiver=owner_of(1), amount=900_000_000)
    assert world.settle(world.mark({}))["approvals"] == []
    world.wait()
    assert world.settle(world.mark({}))["approvals"] == [{"ticket": 1, "amount": 900_000_000}]


def test_a_commit_without_marks_only_approves() -> None:
    world = World()
    world.open(1, 100_000_000)
    request(world, 1, 1, 40_000_000)
    plan, statement = world.plan()
    assert plan.marked == ()
    assert statement["approvals"] == [{"ticket": 1, "amount": 40_000_000}]
