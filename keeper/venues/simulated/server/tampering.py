"""A venue that is wrong about money, on order: `POST /admin/tamper {"kind", "account", "micro", "coin"}`.

Its records, not its money: `hide_fill`, `repeat_fill` (once more, under a new trade id), `alter_price`, `alter_fee` (of
the last fill); `hide_row`, `invent_row` (a deposit of `micro` that brought nothing), `alter_payment` (the last funding
row, by `micro`). Its money, not its records: `move_cash` (`micro` to the house; negative: from it), `move_position`
(`micro` worth of `coin` is bought at the mark), `unpaid_funding` and `double_funding` (from now on: neither paid nor
recorded; paid twice and recorded once). The venue conserves all the same: what an account loses the house wins.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.accounts import Account, LedgerRow
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.units import usdc_text

Kind = Literal[
    "hide_fill",
    "repeat_fill",
    "alter_price",
    "alter_fee",
    "hide_row",
    "invent_row",
    "alter_payment",
    "move_cash",
    "move_position",
    "unpaid_funding",
    "double_funding",
]

T = TypeVar("T")


class Tampering(msgspec.Struct):
    """`micro` (USDC) signed, where the kind has an amount; `coin` where it is about a position."""

    kind: Kind
    account: str
    micro: int = 1_000_000
    coin: str = "BTC"


class Tamperer:
    """Works on the running venue's own state. InputError where there is nothing to tamper with."""

    def __init__(self, venue: Venue) -> None:
        self._venue, self._state = venue, venue.state

    def tamper(self, kind: Kind, account: Account, micro: int, coin: str) -> None:
        work: Callable[[Account, int, str], None] = getattr(self, f"_{kind}")
        work(account, micro, coin)

    def _hide_fill(self, account: Account, _micro: int, _coin: str) -> None:
        _last("fill", account.fills)
        account.fills.pop()

    def _repeat_fill(self, account: Account, _micro: int, _coin: str) -> None:
        account.fills.append(replace(_last("fill", account.fills), tid=self._state.next_tid()))

    def _alter_price(self, account: Account, _micro: int, _coin: str) -> None:
        fill = _last("fill", account.fills)
        account.fills[-1] = replace(fill, price=fill.price + fill.price // 100)

    def _alter_fee(self, account: Account, micro: int, _coin: str) -> None:
        fill = _last("fill", account.fills)
        account.fills[-1] = replace(fill, fee=fill.fee + micro)

    def _hide_row(self, account: Account, _micro: int, _coin: str) -> None:
        _last("row", account.ledger)
        account.ledger.pop()

    def _invent_row(self, account: Account, micro: int, _coin: str) -> None:
        now = self._venue.now_ms()
        delta = {"type": "deposit", "usdc": usdc_text(micro)}
        account.ledger.append(LedgerRow(now, self._state.hash_of("invented", now, account.address), delta))

    def _alter_payment(self, account: Account, micro: int, _coin: str) -> None:
        row = _last("funding payment", account.fundings)
        account.fundings[-1] = replace(row, usdc=row.usdc + micro)

    def _move_cash(self, account: Account, micro: int, _coin: str) -> None:
        account.raw_usd -= micro
        self._state.house.raw_usd += micro

    def _move_position(self, account: Account, micro: int, coin: str) -> None:
        market = self._venue.market_of(coin)
        if market is None:
            raise InputError("coin", f"not a coin of this venue: {coin}")
        lots = micro // market.mark
        for one, signed in ((account, lots), (self._state.house, -lots)):
            one.raw_usd -= signed * market.mark
            one.position_to_trade(market.spec).apply(signed, market.mark)

    def _unpaid_funding(self, account: Account, _micro: int, _coin: str) -> None:
        self._venue.funding.times_paid[account.address] = 0

    def _double_funding(self, account: Account, _micro: int, _coin: str) -> None:
        self._venue.funding.times_paid[account.address] = 2


def _last(what: str, items: list[T]) -> T:
    if not items:
        raise InputError("account", f"it has no {what} to tamper with")
    return items[-1]
