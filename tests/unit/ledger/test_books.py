"""Books: orders, fills, funding and cash become views; what cannot be true is refused before anything changes."""

from decimal import Decimal

import pytest

from keeper.errors import IntegrityError
from keeper.ledger import Books
from keeper.model.events import (
    ChainLogSeen,
    Event,
    FillSeen,
    LegClosed,
    OrderAccepted,
    OrderClosed,
    RouteDecided,
    SeatFrozen,
    SeatReleased,
    TxIntent,
    TxLanded,
)
from keeper.model.orders import OrderStatus
from tests.unit.ledger.world import SEAT, START_S, World, owner_of, two_clients


def refuse(world: World, event: Event, words: str) -> None:
    """The event is refused with these words, and nothing has changed."""
    before = world.books.dump()
    with pytest.raises(IntegrityError, match=words):
        world.books.apply(len(world.events) + 1, event)
    assert world.books.dump() == before


def test_equity_counts_fills_fees_and_funding_before_any_settlement() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=270_000)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_010))
    assert world.books.position(1, SEAT, "BTC") == Decimal("0.01")
    share = -60_010  # −0.01 × 60,010 × 0.0001 = −0.06001 USDC
    assert world.books.equity(1, {(SEAT, "BTC"): Decimal(60_500)}) == 1_000_000_000 + 5_000_000 - 270_000 + share
    assert world.books.equity(2, {}) == 1_000_000_000
    assert world.books.cash(1) == 1_000_000_000 - 600_000_000 - 270_000 + share
    with pytest.raises(IntegrityError, match="BTC"):
        world.books.equity(1, {})


def test_two_who_net_to_zero_are_both_charged_funding() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.trade(2, "BTC", "sell", Decimal("0.01"), Decimal(60_000))
    event = world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    assert event.paid is None
    assert world.books.seat_positions(SEAT) == {}
    assert world.books.balance("accrued:1") == 600_000_000 + 60_000
    assert world.books.balance("accrued:2") == -600_000_000 - 60_000


def test_a_fill_at_the_instant_of_the_payment_does_not_count_for_it() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.wait()
    event = world.make_funding("BTC", Decimal("0.0001"), Decimal(60_000))
    cloid = world.order(2, "BTC", "buy", Decimal("0.01"))
    world.tell(FillSeen(fill=world.make_fill(cloid, "BTC", "buy", Decimal("0.01"), Decimal(60_000))))
    world.tell(event)
    assert world.books.seat(SEAT).shares == [{1: -60_000}]


def test_a_fill_learned_after_a_later_payment_is_charged_all_the_same() -> None:
    world = two_clients()
    cloid = world.order(1, "BTC", "buy", Decimal("0.01"))
    fill = world.make_fill(cloid, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    assert world.books.seat(SEAT).shares == [{}]
    world.tell(FillSeen(fill=fill))
    assert world.books.seat(SEAT).shares == [{1: -60_000}]
    assert world.books.balance("accrued:1") == 600_000_000 + 60_000
    assert world.books.balance(f"rounding:{SEAT}") == 0


def test_an_order_lives_by_the_table() -> None:
    world = two_clients()
    cloid = world.order(1, "BTC", "buy", Decimal("0.02"))
    digest = world.books.orders()[0].digest
    assert world.books.open_legs() == (world.books.leg(cloid),)
    assert world.books.sub_account_of(cloid) == 1
    assert world.books.nonce_used(owner_of(1).upper().replace("X", "x"), 1)

    closed = OrderClosed(digest=digest, status="partial", filled=Decimal("0.01"), text="", at_ms=1)
    refuse(world, closed, "still open")
    refuse(world, RouteDecided(digest=digest, at_ms=1, decision={}), "still open")
    refuse(world, LegClosed(cloid=cloid, outcome="filled", filled=Decimal("0.03"), text="", at_ms=1), "0.03 of 0.02")
    refuse(world, LegClosed(cloid="0x1", outcome="absent", filled=Decimal(0), text="", at_ms=1), "never sent")
    world.tell(LegClosed(cloid=cloid, outcome="partial", filled=Decimal("0.01"), text="", at_ms=1))
    refuse(world, LegClosed(cloid=cloid, outcome="absent", filled=Decimal(0), text="", at_ms=1), "closed already")
    refuse(
        world, OrderClosed(digest=digest, status="filled", filled=Decimal("0.02"), text="", at_ms=1), "legs say 0.01"
    )
    world.tell(closed)
    order = world.books.order(digest)
    assert order is not None
    assert order.status is OrderStatus.PARTIALLY_FILLED
    refuse(world, closed, "partial -> partial is not a step")
    accepted = next(event for event in world.events if isinstance(event, OrderAccepted))
    refuse(world, accepted, "accepted twice")


def test_a_nonce_is_spent_once() -> None:
    world = two_clients()
    world.order(1, "BTC", "buy", Decimal("0.02"))
    accepted = next(event for event in world.events if isinstance(event, OrderAccepted))
    again = OrderAccepted(digest="0x99", signer=accepted.signer, signed=accepted.signed, at_ms=1)
    refuse(world, again, "nonce 1 .* is spent")


def test_records_are_booked_once_and_in_order() -> None:
    world = two_clients()
    fill = world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    assert world.books.has_fill(fill)
    refuse(world, FillSeen(fill=fill), "twice")
    funding = world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    assert world.books.has_funding(SEAT, "BTC", funding.time_ms)
    refuse(world, funding, "twice")
    row = next(event for event in world.events if type(event).__name__ == "LedgerRowSeen")
    refuse(world, row, "twice")
    log = next(event for event in world.events if isinstance(event, ChainLogSeen))
    refuse(world, log, "not after the last")


def test_a_missing_fill_is_noticed_by_the_next_one() -> None:
    world = two_clients()
    world.make_fill(world.order(1, "BTC", "buy", Decimal("0.01")), "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    cloid = world.order(1, "BTC", "buy", Decimal("0.01"))
    second = world.make_fill(cloid, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    refuse(world, FillSeen(fill=second), "a fill is missing")


def test_a_fill_of_nobodys_order_is_kept_apart() -> None:
    world = two_clients()
    fill = world.make_fill("0x" + "77" * 16, "BTC", "buy", Decimal("0.01"), Decimal(60_000))
    world.tell(FillSeen(fill=fill))
    assert world.books.unowned(SEAT) == (fill,)
    assert f"BTC trade {fill.tid}" in (world.books.frozen(SEAT) or "")
    assert world.books.seat_positions(SEAT) == {"BTC": Decimal("0.01")}
    assert world.books.positions(1) == {}


def test_a_fill_on_the_wrong_side_of_a_leg_is_nobodys() -> None:
    world = two_clients()
    cloid = world.order(1, "BTC", "buy", Decimal("0.01"))
    world.tell(FillSeen(fill=world.make_fill(cloid, "BTC", "sell", Decimal("0.01"), Decimal(60_000))))
    assert len(world.books.unowned(SEAT)) == 1


def test_rights_end_with_time_and_generation() -> None:
    world = two_clients()
    friend, now = "0x" + "Ef" * 20, START_S
    world.log("RightsSet", id=1, generation=1, who=friend, rights=1, until=now + 10)
    world.log("RightsSet", id=1, generation=1, who=owner_of(5), rights=2, until=now + 10)
    assert world.books.may_trade(1, owner_of(1), now)
    assert world.books.may_trade(1, friend.lower(), now + 10)
    assert not world.books.may_trade(1, friend, now + 11)
    assert not world.books.may_trade(1, owner_of(5), now)
    assert not world.books.may_trade(2, friend, now)
    assert not world.books.may_trade(3, friend, now)
    world.log("AccountOpened", id=1, owner=owner_of(7), generation=2)
    assert not world.books.may_trade(1, friend, now)
    assert world.books.may_trade(1, owner_of(7), now)


def test_tickets_wait_are_approved_claimed_and_cancelled() -> None:
    world = two_clients()
    world.log("WithdrawRequested", ticket=1, id=2, receiver=owner_of(2), amount=50_000_000)
    world.wait()
    world.log("WithdrawRequested", ticket=2, id=1, receiver=owner_of(1), amount=70_000_000)
    assert [ticket.id for ticket in world.books.pending_tickets()] == [1, 2]
    world.log("WithdrawApproved", ticket=1, id=2, epoch=1, amount=30_000_000)
    assert world.lanes()[2] == 970_000_000
    world.check_balance()
    world.log("Redirected", ticket=1, receiver=owner_of(8))
    world.log("Claimed", ticket=1, receiver=owner_of(8), amount=30_000_000)
    world.log("WithdrawCancelled", ticket=2, id=1, amount=70_000_000)
    waiting = world.books.pending_tickets()
    assert [(ticket.id, ticket.remaining, ticket.paid, ticket.receiver) for ticket in waiting] == [
        (1, 20_000_000, 30_000_000, owner_of(8))
    ]
    world.check_balance()


def test_insurance_repays_a_deficit_first() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.1"), Decimal(60_000))
    world.settle(world.mark({"BTC": Decimal(20_000)}))
    assert (world.books.vault.insurance, world.books.vault.deficit) == (0, 2_000_000_000)
    assert world.lanes() == {1: 0, 2: 1_000_000_000}
    world.check_balance()
    world.log("InsuranceFunded", **{"from": owner_of(9)}, amount=2_500_000_000)
    assert (world.books.vault.insurance, world.books.vault.deficit) == (500_000_000, 0)
    world.check_balance()


def test_what_is_left_in_a_removed_venue_is_taken_from_insurance() -> None:
    world = World()
    world.send(5_000_000)
    world.log("VenueRemoved", venue=SEAT)
    assert world.books.vault.insurance == 995_000_000
    assert world.books.venues() == ()
    world.check_balance()


def test_a_seat_is_frozen_and_released() -> None:
    world = two_clients()
    assert world.books.frozen(SEAT) is None
    world.tell(SeatFrozen(venue=SEAT, reason="a break", at_ms=1))
    assert world.books.frozen(SEAT) == "a break"
    world.tell(SeatReleased(venue=SEAT, reason="explained", at_ms=2))
    assert world.books.frozen(SEAT) is None


def test_transactions_are_followed_by_key() -> None:
    world = two_clients()
    intent = TxIntent(key="mark:1", purpose="mark", to=SEAT, data="0x", nonce=1, tx="0x1", at_ms=1)
    world.tell(intent)
    assert world.books.unsettled_transactions() == (intent,)
    landed = TxLanded(key="mark:1", tx="0x1", block=2, ok=True, text="", at_ms=2)
    world.tell(landed)
    assert world.books.unsettled_transactions() == ()
    assert world.books.transaction("mark:1") == (intent, landed)
    world.tell(intent)
    assert world.books.unsettled_transactions() == (intent,)
    dearer = TxIntent(key="mark:1", purpose="mark", to=SEAT, data="0x", nonce=1, tx="0x2", at_ms=3)
    world.tell(dearer)
    assert world.books.unsettled_transactions() == (intent, dearer), "either may be the one that lands"
    refuse(world, TxLanded(key="mark:2", tx="0x1", block=2, ok=True, text="", at_ms=2), "never sent")


def test_a_commit_of_another_keeper_is_refused() -> None:
    world = two_clients()
    args = {"epoch": 1, "statementRoot": "0x" + "11" * 32}
    log = ChainLogSeen(name="Committed", block=99, log_index=0, tx="0x", time_s=1, args=args)
    refuse(world, log, "not prepared by these books")


def test_an_event_is_applied_once_and_in_order() -> None:
    books = Books()
    event = SeatFrozen(venue=SEAT, reason="x", at_ms=1)
    books.apply(1, event)
    for seq in (1, 3):
        with pytest.raises(IntegrityError, match="cannot follow event 1"):
            books.apply(seq, event)
