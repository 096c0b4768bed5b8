"""Checks of what a client signs beside an order: its terms, and taking orders back. InputError names the field."""

import re

from keeper.errors import InputError
from keeper.ledger import Books, OrderView
from keeper.model.signed_orders import IOC, Order, SignedOrder
from keeper.model.terms import (
    AT_OR_ABOVE,
    AT_OR_BELOW,
    CANCEL_FIELDS,
    NO_TRIGGER,
    NOBODY,
    OBJECTIVE_TERMS,
    TERMS_FIELDS,
    Cancel,
    SignedCancel,
    Terms,
    signer_of,
)

WORD = re.compile(r"0x[0-9a-f]{64}")
MOST_BPS = 10_000


def check_terms(signed: SignedOrder, signer: str, digest: str, books: Books, *, chain_id: int, vault: str) -> None:
    """An order's terms against itself and the orders that they name."""
    order, terms = signed.order, signed.terms
    if (terms is not None) != (order.objective == OBJECTIVE_TERMS):
        text = "an order of objective 1 needs signed terms" if terms is None else "terms need an order of objective 1"
        raise InputError("terms", f"{text}; sign both anew", "terms")
    if terms is None:
        return
    _check_fields(terms, TERMS_FIELDS)
    if terms.order != digest:
        raise InputError("order", f"the terms are for {terms.order}, the order is {digest}", "terms")
    if _signer(terms, signed.termsSignature, chain_id, vault) != signer:
        raise InputError("termsSignature", f"not by {signer}, who signed the order", "wrong_signer")
    if terms.trigger not in (NO_TRIGGER, AT_OR_ABOVE, AT_OR_BELOW):
        raise InputError("trigger", f"{terms.trigger}: use 0 (none), 1 (at or above) or 2 (at or below)", "trigger")
    if (terms.trigger == NO_TRIGGER) != (terms.triggerPrice == 0):
        raise InputError("triggerPrice", "a trigger needs a price, and a price a trigger", "trigger")
    _check_slices(order, terms)
    _check_links(order, terms, books)


def _check_slices(order: Order, terms: Terms) -> None:
    if (terms.slices == 0) != (terms.duration == 0):
        raise InputError("slices", "slices and duration go together; set both or neither", "slices")
    if terms.slices == 0 and terms.participationBps:
        raise InputError("participationBps", "caps the parts of a sliced order; set slices and duration", "slices")
    if terms.participationBps > MOST_BPS:
        raise InputError("participationBps", f"{terms.participationBps} is above {MOST_BPS}", "range")
    if terms.slices and order.timeInForce != IOC:
        raise InputError("timeInForce", "the parts of a sliced order are IOC; use 0", "time_in_force")


def _check_links(order: Order, terms: Terms, books: Books) -> None:
    """Orders named by others are of the same sub-account; those of a group or replaced, for the same thing."""
    if terms.after != NOBODY:
        _named("after", terms.after, order, books)
    if terms.replaces != NOBODY:
        old = _named("replaces", terms.replaces, order, books)
        if old.status.closed:
            raise InputError("replaces", f"order {terms.replaces} is closed; send a new order", "closed")
        _same("replaces", order, old.signed.order)
    if terms.group != NOBODY:
        for other in books.open_orders():
            if other.terms is not None and other.terms.group == terms.group and other.sub_account == order.subAccount:
                _same("group", order, other.signed.order)


def _named(field: str, digest: str, order: Order, books: Books) -> OrderView:
    found = books.order(digest)
    if found is None or found.sub_account != order.subAccount:
        raise InputError(field, f"sub-account {order.subAccount} has no order {digest}", "unknown")
    return found


def _same(field: str, order: Order, other: Order) -> None:
    if (order.instrument, order.side) != (other.instrument, other.side):
        raise InputError(field, "the orders must be of one instrument and side", "other_kind")


def check_cancel(
    signed: SignedCancel, books: Books, now_ms: int, *, chain_id: int, vault: str
) -> tuple[str, tuple[str, ...]]:
    """The signer, and the digests of the open orders to be taken back (one already closed is left out)."""
    cancel = signed.cancel
    _check_fields(cancel, CANCEL_FIELDS)
    signer = _signer(cancel, signed.signature, chain_id, vault)
    account = books.account(cancel.subAccount)
    if account is None or not account.open:
        raise InputError("subAccount", f"no open sub-account {cancel.subAccount}", "sub_account")
    if not books.may_trade(cancel.subAccount, signer, now_ms // 1000):
        text = f"{signer} may not trade for sub-account {cancel.subAccount}; sign with its owner's or a delegate's key"
        raise InputError("signature", text, "wrong_signer")
    if books.nonce_used(signer, cancel.nonce):
        raise InputError("nonce", f"{cancel.nonce} of {signer} is spent; sign anew with another", "replayed")
    if cancel.deadline * 1000 <= now_ms:
        raise InputError("deadline", f"{cancel.deadline} s has passed (now {now_ms // 1000} s); sign anew", "expired")
    for digest in cancel.orders:
        found = books.order(digest)
        if found is None or found.sub_account != cancel.subAccount:
            raise InputError("orders", f"sub-account {cancel.subAccount} has no order {digest}", "unknown")
    wanted = set(cancel.orders)
    open_ = [view.digest for view in books.open_orders() if view.sub_account == cancel.subAccount]
    return signer, tuple(digest for digest in open_ if not wanted or digest in wanted)


def _check_fields(message: Terms | Cancel, fields: tuple[tuple[str, str], ...]) -> None:
    for name, kind in fields:
        value = getattr(message, name)
        if kind.startswith("uint") and not 0 <= value < 1 << int(kind[4:]):
            raise InputError(name, f"{value} does not fit {kind}; use 0 to {(1 << int(kind[4:])) - 1}", "range")
        if kind.startswith("bytes32"):
            for word in value if kind.endswith("[]") else (value,):
                if not WORD.fullmatch(word):
                    raise InputError(name, f"{word!r} is not 0x and 64 hex digits in lower case", "digest")


def _signer(message: Terms | Cancel, signature: str, chain_id: int, vault: str) -> str:
    try:
        return signer_of(message, signature, chain_id=chain_id, vault=vault)
    except ValueError as error:
        field = "termsSignature" if isinstance(message, Terms) else "signature"
        raise InputError(field, f"{error}; sign the EIP-712 message with 65 bytes", "signature") from error
