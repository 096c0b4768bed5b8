"""A proposal as JSON: {sheet: {venue, asOf, cash, lines: [{coin, size, mark}]}, nonce, received, returned}.

Money in micro-USDC, `asOf` in seconds, sizes and prices as decimal text.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec

from keeper.attest.typed import Proposal
from keeper.model.amounts import plain
from keeper.model.marks import MarkSheet, SheetLine

Amount = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    coin: str
    size: str
    mark: str


class _Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    venue: Address
    as_of: Amount
    cash: Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
    lines: tuple[_Line, ...]


class _Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sheet: _Sheet
    nonce: Amount
    received: Amount
    returned: Amount


def encode_proposal(proposal: Proposal) -> bytes:
    sheet = proposal.sheet
    lines = tuple(_Line(line.coin, plain(line.size), plain(line.mark)) for line in sheet.lines)
    wire = _Sheet(sheet.venue, sheet.as_of, sheet.cash, lines)
    return msgspec.json.encode(_Proposal(wire, proposal.nonce, proposal.received, proposal.returned))


def decode_proposal(body: bytes) -> Proposal:
    """Raises msgspec.DecodeError, which names the field, for anything that is not a proposal."""
    wire = msgspec.json.decode(body, type=_Proposal)
    lines = tuple(
        SheetLine(
            coin=line.coin,
            size=_decimal(line.size, f"sheet.lines.{line.coin}.size"),
            mark=_decimal(line.mark, f"sheet.lines.{line.coin}.mark"),
        )
        for line in wire.sheet.lines
    )
    sheet = MarkSheet(venue=wire.sheet.venue.lower(), as_of=wire.sheet.as_of, cash=wire.sheet.cash, lines=lines)
    return Proposal(sheet=sheet, nonce=wire.nonce, received=wire.received, returned=wire.returned)


def _decimal(text: str, field: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise msgspec.ValidationError(f"{field}: a plain decimal number wanted, got {text!r}")
    return number
