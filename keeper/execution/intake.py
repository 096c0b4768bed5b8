"""Whether a signed order may be taken at all: pure checks, each with the field's name and the way to mend it.

Margin is checked apart (keeper.risk): it needs prices, the rest does not.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.execution.intake_terms import check_terms
from keeper.execution.own_orders import OwnOrders
from keeper.ledger import Books
from keeper.model.amounts import plain
from keeper.model.instruments import Instrument, coin_of
from keeper.model.signed_orders import ALO, FIELDS, GTC, IOC, OBJECTIVE_ALL_IN, Order, SignedOrder, recover
from keeper.model.terms import OBJECTIVE_TERMS

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")

Instruments = Mapping[str, Mapping[str, Instrument]]
"""By venue, then coin."""


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """An order that may be taken. `venues`: those allowed that list the coin; `digest` is `0x` and hex."""

    digest: str
    signer: str
    signed: SignedOrder
    coin: str
    venues: tuple[str, ...]

    @property
    def order(self) -> Order:
        return self.signed.order

    @property
    def waits(self) -> bool:
        """For its trigger or another order's end: margin and position are checked when that has come."""
        return self.signed.terms is not None and self.signed.terms.waits


def check(
    signed: SignedOrder,
    books: Books,
    instruments: Instruments,
    now_ms: int,
    *,
    chain_id: int,
    vault: str,
    resting: Collection[str] = (),
) -> CheckedOrder:
    """The order with its signer and digest. InputError naming the field otherwise; nothing is changed. `resting`: the
    venues at which an order may rest."""
    order = signed.order
    _check_ranges(order)
    _check_kind(order)
    signer, digest = _check_signature(signed, chain_id, vault)
    _check_account(order, signer, books, now_ms)
    coin, venues = _check_venues(order, instruments)
    if order.timeInForce != IOC and not set(venues) & set(resting):
        raise InputError("timeInForce", "no order can rest at these venues; use 0 (IOC)", "time_in_force")
    _check_steps(order, [instruments[venue][coin] for venue in venues])
    check_terms(signed, signer, digest, books, chain_id=chain_id, vault=vault)
    waits = signed.terms is not None and signed.terms.waits
    own = OwnOrders(books)
    if order.reduceOnly and not waits and not own.closable(order, venues, beside=own.withdrawable(order)):
        raise InputError(
            "reduceOnly",
            f"sub-account {order.subAccount} holds nothing in {order.instrument} that a {order.direction} would reduce",
            "reduce_only",
        )
    return CheckedOrder(digest=digest, signer=signer, signed=signed, coin=coin, venues=venues)


def check_notional(checked: CheckedOrder, price: Decimal, instruments: Instruments) -> None:
    """InputError when the whole order is below every venue's minimum notional at `price` (the limit, or the mark)."""
    least = min(instruments[venue][checked.coin].min_notional for venue in checked.venues)
    if checked.order.size * price < least:
        raise InputError(
            "quantity",
            f"{plain(checked.order.size)} at {plain(price)} is below the minimum of {plain(least)} USDC; order more",
            "min_notional",
        )


def _check_ranges(order: Order) -> None:
    for name, kind in FIELDS:
        if kind.startswith("uint"):
            value, bits = getattr(order, name), int(kind[4:])
            if not 0 <= value < 1 << bits:
                raise InputError(name, f"{value} does not fit {kind}; use 0 to {(1 << bits) - 1}", "range")
    for address in order.venues:
        if not ADDRESS.fullmatch(address):
            raise InputError("venues", f"{address!r} is not an address of 20 bytes in hex", "venue_address")


def _check_kind(order: Order) -> None:
    if order.side not in (0, 1):
        raise InputError("side", f"{order.side} is neither 0 (buy) nor 1 (sell)", "side")
    if order.timeInForce not in (IOC, GTC, ALO):
        text = f"{order.timeInForce} is not supported; use 0 (IOC), 1 (GTC) or 2 (post-only)"
        raise InputError("timeInForce", text, "time_in_force")
    if order.timeInForce != IOC and order.limitPrice == 0:
        raise InputError("limitPrice", "is 0; an order that may rest needs the price at which it does", "limit_price")
    if order.objective not in (OBJECTIVE_ALL_IN, OBJECTIVE_TERMS):
        text = f"{order.objective} is not supported; use 0 (least all-in cost), or 1 with signed terms"
        raise InputError("objective", text, "objective")
    if order.quantity == 0:
        raise InputError("quantity", "is 0; order at least one lot", "lot")


def _check_signature(signed: SignedOrder, chain_id: int, vault: str) -> tuple[str, str]:
    try:
        signer, digest = recover(signed, chain_id=chain_id, vault=vault)
    except ValueError as error:
        raise InputError(
            "signature", f"{error}; sign the order's EIP-712 message with 65 bytes", "signature"
        ) from error
    return signer.lower(), "0x" + digest.hex()


def _check_account(order: Order, signer: str, books: Books, now_ms: int) -> None:
    account = books.account(order.subAccount)
    if account is None or not account.open:
        raise InputError("subAccount", f"no open sub-account {order.subAccount}; open one in the vault", "sub_account")
    if not books.may_trade(order.subAccount, signer, now_ms // 1000):
        known = signer in account.rights
        text = (
            f"{signer} has no unexpired TRADE right on sub-account {order.subAccount}; the owner grants it by setRights"
            if known
            else f"signed by {signer}, who is neither the owner of sub-account {order.subAccount} nor its delegate; "
            "sign with the owner's key, for this vault and chain"
        )
        raise InputError("signature", text, "no_trade_right" if known else "wrong_signer")
    if books.nonce_used(signer, order.nonce):
        raise InputError("nonce", f"{order.nonce} of {signer} is spent; sign anew with another", "replayed")
    if order.deadline * 1000 <= now_ms:
        raise InputError("deadline", f"{order.deadline} s has passed (now {now_ms // 1000} s); sign anew", "expired")


def _check_venues(order: Order, instruments: Instruments) -> tuple[str, tuple[str, ...]]:
    try:
        coin = coin_of(order.instrument)
    except ValueError as error:
        raise InputError("instrument", str(error), "unknown_symbol") from error
    wanted = tuple(dict.fromkeys(address.lower() for address in order.venues)) or tuple(instruments)
    for venue in wanted:
        if venue not in instruments:
            raise InputError("venues", f"{venue} is no venue of ours; use {', '.join(instruments)}", "unknown_venue")
    listed = tuple(venue for venue in wanted if coin in instruments[venue])
    if not listed:
        symbols = sorted({item.symbol for venue in wanted for item in instruments[venue].values()})
        raise InputError("instrument", f"{order.instrument} is not listed; use {', '.join(symbols)}", "unknown_symbol")
    return coin, listed


def _check_steps(order: Order, listed: list[Instrument]) -> None:
    lot = min(item.lot_size for item in listed)
    if order.size < lot:
        raise InputError("quantity", f"{plain(order.size)} is below one lot of {plain(lot)}", "lot")
    if order.size % lot:
        raise InputError("quantity", f"{plain(order.size)} is not a multiple of the lot of {plain(lot)}", "lot")
    limit = order.limit
    if limit is not None and not any(item.is_valid_price(limit) for item in listed):
        tick = min(item.tick_size(limit) for item in listed)
        raise InputError("limitPrice", f"{plain(limit)} is not a multiple of the tick of {plain(tick)}", "tick")
