"""What a venue says of a seat: its fills, funding payments and money movements, in our words and exact.

`venue` is everywhere the adapter contract's address in lower case: the id of a seat.
"""

from decimal import Decimal

import msgspec

from keeper.model.instruments import Side


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of a seat. `fee` and `closed_pnl` in micro-USDC (fee positive = paid); `start_position` is signed."""

    venue: str
    coin: str
    side: Side
    price: Decimal
    size: Decimal
    time_ms: int
    start_position: Decimal
    fee: int
    closed_pnl: int
    oid: int
    tid: int
    cloid: str | None = None
    crossed: bool = True

    @property
    def signed_size(self) -> Decimal:
        return self.size if self.side == "buy" else -self.size


class FundingPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment row of a seat. `amount` micro-USDC, positive = received; `size` the seat's signed position then."""

    venue: str
    coin: str
    time_ms: int
    amount: int
    size: Decimal
    rate: Decimal


class FundingRate(msgspec.Struct, frozen=True, kw_only=True):
    """The rate a venue settled for a coin at an instant, whether or not a seat was paid."""

    venue: str
    coin: str
    time_ms: int
    rate: Decimal


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came to or left a seat otherwise. `amount` is what its equity changed by (micro-USDC, net of `fee`
    and including it); `kind` in the venue's word; `reference` its hash or nonce."""

    venue: str
    kind: str
    time_ms: int
    amount: int
    fee: int
    reference: str


class SeatPosition(msgspec.Struct, frozen=True, kw_only=True):
    coin: str
    size: Decimal
    entry_price: Decimal | None
    margin_used: int
    leverage: int


class SeatState(msgspec.Struct, frozen=True, kw_only=True):
    """A seat as its venue shows it. Amounts micro-USDC. `equity` = perp account value; spot is apart."""

    venue: str
    time_ms: int
    equity: int
    cash: int
    spot: int
    margin_used: int
    withdrawable: int
    positions: tuple[SeatPosition, ...]
