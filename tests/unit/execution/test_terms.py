"""Signed terms and cancels: what is checked before they are taken, and what a client's desk signs."""

import itertools
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from keeper.client import ClientDesk
from keeper.errors import InputError, IntegrityError
from keeper.model.events import CancelAsked
from keeper.model.signed_orders import GTC, SignedOrder
from keeper.model.terms import AT_OR_ABOVE, AT_OR_BELOW, NOBODY, Terms, signer_of
from keeper.model.terms import sign as sign_message
from tests.unit.execution.conftest import CHAIN_ID, NOW_S, OWNER, OWNER_KEY, STRANGER_KEY, VAULT, Desk

D = Decimal
OTHER = "0x" + "11" * 32


def client(key: str = OWNER_KEY, **changes: Any) -> ClientDesk:
    fields: dict[str, Any] = {"account": 1, "now_s": NOW_S, "nonces": itertools.count(1), "life_s": 60}
    return ClientDesk(chain_id=CHAIN_ID, vault=VAULT, key=key, **(fields | changes))


@pytest.fixture
async def desk() -> Desk:
    return await Desk().start()


def with_terms(**terms: Any) -> SignedOrder:
    return client().order("BTC-PERP", "buy", D(1), terms=terms)


@pytest.mark.parametrize(
    ("terms", "field", "code"),
    [
        ({"trigger": 3, "triggerPrice": 1}, "trigger", "trigger"),
        ({"trigger": AT_OR_ABOVE}, "triggerPrice", "trigger"),
        ({"triggerPrice": 10**8}, "triggerPrice", "trigger"),
        ({"slices": 3}, "slices", "slices"),
        ({"duration": 3}, "slices", "slices"),
        ({"participationBps": 3}, "participationBps", "slices"),
        ({"slices": 3, "duration": 3, "participationBps": 10_001}, "participationBps", "range"),
        ({"after": OTHER}, "after", "unknown"),
        ({"replaces": OTHER}, "replaces", "unknown"),
    ],
)
async def test_terms_that_cannot_be_are_refused_by_name(
    desk: Desk, terms: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        desk.engine.check(with_terms(**terms))
    assert (caught.value.field, caught.value.code) == (field, code)


async def test_terms_and_objective_go_together_and_are_signed_by_the_same(desk: Desk) -> None:
    good = with_terms(trigger=AT_OR_BELOW, triggerPrice=10**10)
    assert desk.engine.check(good).waits
    assert good.terms is not None
    without = msgspec.structs.replace(good, terms=None)
    with pytest.raises(InputError, match="needs signed terms"):
        desk.engine.check(without)
    plain = client().order("BTC-PERP", "buy", D(1))
    with pytest.raises(InputError, match="need an order of objective 1"):
        desk.engine.check(msgspec.structs.replace(plain, terms=good.terms))
    stranger = sign_message(good.terms, chain_id=CHAIN_ID, vault=VAULT, key=STRANGER_KEY)
    with pytest.raises(InputError, match="termsSignature: not by"):
        desk.engine.check(msgspec.structs.replace(good, termsSignature=stranger))
    elsewhere = msgspec.structs.replace(good.terms, order=OTHER)
    signature = sign_message(elsewhere, chain_id=CHAIN_ID, vault=VAULT, key=OWNER_KEY)
    with pytest.raises(InputError, match="the terms are for"):
        desk.engine.check(msgspec.structs.replace(good, terms=elsewhere, termsSignature=signature))
    altered = msgspec.structs.replace(good.terms, triggerPrice=10**9)
    with pytest.raises(InputError, match="termsSignature: not by"):
        desk.engine.check(msgspec.structs.replace(good, terms=altered))


async def test_terms_are_found_again_in_the_log(desk: Desk) -> None:
    taken = desk.engine.take(with_terms(trigger=AT_OR_ABOVE, triggerPrice=10**14))
    assert (taken.status, taken.terms is not None) == ("waiting", True)
    again = Desk(type(desk.journal)(*desk.journal.events))
    view = again.journal.books.order(taken.digest)
    assert view is not None
    assert view.terms == taken.terms
    await desk.engine.close()


async def test_a_cancel_is_the_owners_and_is_used_once(desk: Desk) -> None:
    mine = client(nonces=itertools.count(10))
    waiting = desk.engine.take(mine.order("BTC-PERP", "buy", D(1), terms={"trigger": 1, "triggerPrice": 10**14}))
    with pytest.raises(InputError, match="may not trade"):
        desk.engine.cancel(client(STRANGER_KEY).cancel(waiting.digest))
    with pytest.raises(InputError, match="has no order"):
        desk.engine.cancel(mine.cancel(OTHER))
    wish = mine.cancel()
    assert [view.digest for view in desk.engine.cancel(wish)] == [waiting.digest]
    ended = await desk.engine.ended(waiting.digest)
    assert (ended.status, ended.text) == ("cancelled", "cancelled by the client")
    with pytest.raises(InputError, match=r"nonce: .* is spent"):
        desk.engine.cancel(wish)
    with pytest.raises(InputError, match="none of them is open"):
        desk.engine.cancel(mine.cancel(waiting.digest))


async def test_the_books_refuse_a_cancel_whose_nonce_is_spent(desk: Desk) -> None:
    mine = client()
    view = desk.engine.take(mine.order("BTC-PERP", "buy", D(1), terms={"trigger": 1, "triggerPrice": 10**14}))
    spent = msgspec.structs.replace(mine.cancel(), cancel=msgspec.structs.replace(mine.cancel().cancel, nonce=1))
    event = CancelAsked(digests=(view.digest,), signer=OWNER, signed=spent, text="", at_ms=1)
    before = desk.journal.books.order(view.digest)
    with pytest.raises(IntegrityError, match="nonce 1"):
        desk.journal.append(event)
    assert desk.journal.books.order(view.digest) == before
    await desk.engine.close()


async def test_an_order_can_be_replaced_by_one_of_the_same_kind_only(desk: Desk) -> None:
    mine = client()
    old = desk.engine.take(mine.order("BTC-PERP", "buy", D(1), terms={"trigger": AT_OR_ABOVE, "triggerPrice": 10**14}))
    other_side = mine.order("BTC-PERP", "sell", D(1), terms={"replaces": old.digest})
    with pytest.raises(InputError, match="one instrument and side"):
        desk.engine.check(other_side)
    grouped = mine.order("BTC-PERP", "buy", D(1), terms={"group": OTHER})
    desk.engine.take(grouped)
    with pytest.raises(InputError, match="group: the orders must be"):
        desk.engine.check(mine.order("BTC-PERP", "sell", D(1), terms={"group": OTHER}))
    await desk.engine.close()


def test_a_bracket_is_three_orders_tied_by_the_entry() -> None:
    desk = client()
    entry, profit, loss = desk.bracket("BTC-PERP", "sell", D(2), limit=D(1000), take_profit=D(900), stop_loss=D(1050))
    digest = desk.digest(entry)
    assert (entry.terms, entry.order.timeInForce) == (None, GTC)
    assert profit.terms is not None
    assert loss.terms is not None
    assert {profit.terms.after, profit.terms.group, loss.terms.after, loss.terms.group} == {digest}
    assert (loss.terms.trigger, loss.terms.trigger_price, profit.terms.trigger) == (AT_OR_ABOVE, D(1050), 0)
    assert {order.order.direction for order in (profit, loss)} == {"buy"}
    assert profit.order.reduceOnly
    assert loss.order.reduceOnly
    with pytest.raises(InputError, match="must hold for a buy"):
        desk.bracket("BTC-PERP", "buy", D(2), limit=D(1000), take_profit=D(900), stop_loss=D(1050))


def test_closing_reversing_and_switching_are_orders_one_after_the_other() -> None:
    desk = client()
    closes = desk.close_all({"BTC-PERP": D(2), "ETH-PERP": D(-3), "SOL-PERP": D(0)})
    assert [(o.order.instrument, o.order.direction, o.order.size) for o in closes] == [
        ("BTC-PERP", "sell", D(2)),
        ("ETH-PERP", "buy", D(3)),
    ]
    assert all(order.order.reduceOnly for order in closes)
    close, follow = desk.reverse("ETH-PERP", D(-3))
    assert follow.terms is not None
    assert (follow.terms.after, follow.terms.afterWhole) == (desk.digest(close), True)
    assert (follow.order.direction, follow.order.size, follow.order.reduceOnly) == ("buy", D(3), False)
    with pytest.raises(InputError, match="nothing is held"):
        desk.switch("ETH-PERP", D(0), "BTC-PERP", "buy", D(1))


def test_whoever_signed_terms_can_be_told_from_them_alone() -> None:
    terms = Terms(order=OTHER, trigger=AT_OR_BELOW, triggerPrice=5, after=NOBODY)
    signature = sign_message(terms, chain_id=CHAIN_ID, vault=VAULT, key=OWNER_KEY)
    assert signer_of(terms, signature, chain_id=CHAIN_ID, vault=VAULT) == OWNER
    assert signer_of(terms, signature, chain_id=CHAIN_ID + 1, vault=VAULT) != OWNER
    with pytest.raises(ValueError, match="no signer"):
        signer_of(terms, "0x12", chain_id=CHAIN_ID, vault=VAULT)
