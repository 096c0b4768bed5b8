"""A client's side of trading: signs orders of every kind, and what is made of several of them. Needs nothing of the
keeper but the signed types, sends nothing and keeps no state.

    desk = ClientDesk(chain_id=31337, vault="0x..", key="0x..", account=1, now_s=..., nonces=itertools.count(1))
    entry, *exits = desk.bracket("BTC-PERP", "buy", Decimal("0.1"), limit=..., take_profit=..., stop_loss=...)

A composition is a tuple of orders to be given in that order: later ones name the earlier ones by their digests.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import msgspec

from keeper.errors import InputError
from keeper.model.amounts import to_e8
from keeper.model.instruments import Side
from keeper.model.signed_orders import ALO, GTC, IOC, SIDES, Order, SignedOrder, recover, sign_order
from keeper.model.terms import AT_OR_ABOVE, AT_OR_BELOW, OBJECTIVE_TERMS, Cancel, SignedCancel, Terms, sign

Kind = Literal["ioc", "gtc", "post-only"]
TIMES: Mapping[Kind, int] = {"ioc": IOC, "gtc": GTC, "post-only": ALO}


@dataclass(frozen=True, kw_only=True)
class ClientDesk:
    """One key and one sub-account. `now_s` is the keeper's business time; orders end `life_s` after it. `nonces` never
    gives a number twice for this key."""

    chain_id: int
    vault: str
    key: str = field(repr=False)
    account: int
    now_s: int
    nonces: Iterator[int]
    life_s: int = 3_600

    def order(
        self,
        instrument: str,
        side: Side,
        size: Decimal,
        *,
        limit: Decimal | None = None,
        kind: Kind = "ioc",
        reduce_only: bool = False,
        max_slippage_bps: int = 50,
        venues: Iterable[str] = (),
        terms: Mapping[str, Any] | None = None,
    ) -> SignedOrder:
        """One order; `terms` are the fields of `Terms` but for the order's digest. InputError for an amount that does
        not fit."""
        order = Order(
            subAccount=self.account,
            instrument=instrument,
            side=SIDES.index(side),
            quantity=_e8("quantity", size),
            limitPrice=0 if limit is None else _e8("limit", limit),
            timeInForce=TIMES[kind],
            objective=0 if terms is None else OBJECTIVE_TERMS,
            maxSlippageBps=max_slippage_bps,
            venues=tuple(venues),
            reduceOnly=reduce_only,
            nonce=next(self.nonces),
            deadline=self.now_s + self.life_s,
        )
        signed = sign_order(order, chain_id=self.chain_id, vault=self.vault, key=self.key)
        if terms is None:
            return signed
        written = Terms(order=self.digest(signed), **terms)
        signature = sign(written, chain_id=self.chain_id, vault=self.vault, key=self.key)
        return msgspec.structs.replace(signed, terms=written, termsSignature=signature)

    def cancel(self, *digests: str) -> SignedCancel:
        """Takes back these orders, or all that are open."""
        wish = Cancel(
            subAccount=self.account, orders=digests, nonce=next(self.nonces), deadline=self.now_s + self.life_s
        )
        return SignedCancel(cancel=wish, signature=sign(wish, chain_id=self.chain_id, vault=self.vault, key=self.key))

    def digest(self, signed: SignedOrder) -> str:
        """The name of an order everywhere after it is signed."""
        return "0x" + recover(signed, chain_id=self.chain_id, vault=self.vault)[1].hex()

    # made of several

    def bracket(
        self, instrument: str, side: Side, size: Decimal, *, limit: Decimal, take_profit: Decimal, stop_loss: Decimal
    ) -> tuple[SignedOrder, SignedOrder, SignedOrder]:
        """An entry that rests, and once it has ended with a fill a profit to take (resting) and a loss to stop (at the
        mark price); one takes back the other."""
        better, worse = (take_profit, stop_loss) if side == "buy" else (stop_loss, take_profit)
        if not worse < limit < better:
            text = (
                f"{worse} < {limit} < {better} must hold for a {side}: stop and profit on their own sides of the entry"
            )
            raise InputError("bracket", text)
        entry = self.order(instrument, side, size, limit=limit, kind="gtc")
        back, ends = opposite(side), {"after": self.digest(entry), "group": self.digest(entry)}
        trigger = AT_OR_BELOW if side == "buy" else AT_OR_ABOVE
        profit = self.order(instrument, back, size, limit=take_profit, kind="gtc", reduce_only=True, terms=ends)
        stop = ends | {"trigger": trigger, "triggerPrice": _e8("stop_loss", stop_loss)}
        loss = self.order(instrument, back, size, reduce_only=True, max_slippage_bps=500, terms=stop)
        return entry, profit, loss

    def close_all(self, nets: Mapping[str, Decimal], *, max_slippage_bps: int = 100) -> tuple[SignedOrder, ...]:
        """One reduce-only order for each instrument; `nets` are its signed sizes over all venues."""
        return tuple(
            self.order(name, closing(size), abs(size), reduce_only=True, max_slippage_bps=max_slippage_bps)
            for name, size in nets.items()
            if size
        )

    def reverse(self, instrument: str, net: Decimal) -> tuple[SignedOrder, SignedOrder]:
        """Closes a position of signed size `net` and, when all of it is closed, opens as much the other way."""
        return self.switch(instrument, net, instrument, closing(net), abs(net))

    def switch(
        self, instrument: str, net: Decimal, other: str, side: Side, size: Decimal
    ) -> tuple[SignedOrder, SignedOrder]:
        """Closes one position and, when all of it is closed, opens another."""
        if not net:
            raise InputError("instrument", f"nothing is held in {instrument}")
        (close,) = self.close_all({instrument: net})
        follow = {"after": self.digest(close), "afterWhole": True}
        return close, self.order(other, side, size, max_slippage_bps=100, terms=follow)


def opposite(side: Side) -> Side:
    return "sell" if side == "buy" else "buy"


def closing(net: Decimal) -> Side:
    """The side that closes a signed size."""
    return "sell" if net > 0 else "buy"


def _e8(name: str, amount: Decimal) -> int:
    try:
        return to_e8(amount)
    except ValueError as error:
        raise InputError(name, str(error)) from error
