"""Orders of a seat whose account is a contract of ours, through that contract instead of an agent key.

The venue contract hands them to CoreWriter (`keeper.chain.calls.place_order`); Core executes them seconds later and
drops silently what it cannot, so that success of the transaction proves nothing: the order's status and fills, read by
its cloid as ever, do. Prices and sizes × 1e8; what Core would drop is refused here.
"""

from typing import Any

from keeper.errors import InputError
from keeper.model.amounts import to_e8
from keeper.model.instruments import Instrument
from keeper.venues.hyperliquid.instruments import order_fault
from keeper.venues.resting import OrderTicket

TIFS = {"alo": 1, "gtc": 2, "ioc": 3}
PERPS = 10_000
"""Assets from here on are no perpetuals of the main exchange; the contract takes none of them (rule C7)."""


def core_order(ticket: OrderTicket, instrument: Instrument) -> dict[str, Any]:
    """The fields of Solidity's `CoreOrder`. InputError for what Core or the contract would drop."""
    if ticket.coin != instrument.coin:
        raise InputError("coin", f"{ticket.coin} with the instrument of {instrument.coin}")
    if not 0 <= instrument.asset < PERPS:
        raise InputError("coin", f"{ticket.coin}: asset {instrument.asset} is no perpetual of the main exchange")
    if ticket.expires_ms is not None:
        raise InputError("expires_ms", "CoreWriter orders cannot expire; leave it out")
    fault = order_fault(instrument, ticket.size, ticket.limit_price)
    if fault:
        field, _, text = fault.partition(": ")
        raise InputError(field, text)
    return {
        "asset": instrument.asset,
        "isBuy": ticket.side == "buy",
        "limitPx": to_e8(ticket.limit_price),
        "size": to_e8(ticket.size),
        "reduceOnly": ticket.reduce_only,
        "tif": TIFS[ticket.time_in_force],
        "cloid": cloid_number(ticket.cloid),
    }


def cloid_number(cloid: str) -> int:
    """A client order id (0x and 32 hex digits) as the contract takes it. InputError for any other text, and for 0."""
    digits = cloid.removeprefix("0x")
    try:
        number = int(digits, 16) if len(digits) == 32 else 0
    except ValueError:
        number = 0
    if not number:
        raise InputError("cloid", f"{cloid!r} is not 0x and 32 hex digits that are not all 0")
    return number
