"""The ledger as a library.

    books = Books()
    log = EventLog(url, books.apply)     # replays the file into the books, then checks every posting against it
    log.append(FillSeen(fill=...))       # applied and stored in one step
    books.equity(1, {("0x..", "BTC"): Decimal(60_000)})

`Books` is a pure projection of the events; `attribute` splits the change of one seat's equity between two marks into
sub-accounts' results and insurance items, exactly. Amounts are micro-USDC, sizes and prices `Decimal`.
"""

from keeper.ledger.attribution import Attribution, SeatResult, attribute
from keeper.ledger.books import Books
from keeper.ledger.errors import SeatBrokenError
from keeper.ledger.lanes import pack, unpack
from keeper.ledger.orders import OrderView
from keeper.ledger.transfers import InsuranceItem, transfer_items
from keeper.ledger.vault import AccountView, Movement, TicketView, VenueView

__all__ = [
    "AccountView",
    "Attribution",
    "Books",
    "InsuranceItem",
    "Movement",
    "OrderView",
    "SeatBrokenError",
    "SeatResult",
    "TicketView",
    "VenueView",
    "attribute",
    "pack",
    "transfer_items",
    "unpack",
]
