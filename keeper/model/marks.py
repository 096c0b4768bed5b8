"""Marks: what a seat held at the instant its equity was recorded on chain.

A mark sheet is the same thing at both tiers. `venue` is everywhere the adapter
contract's address in lower case. T1: rebuilt from the vault's `Marked` and `AssetMarked` events.
T2: proposed by the keeper, re-derived and signed by attestors (rule J3), its hash attested.
"""

from decimal import Decimal

import msgspec

from keeper.model.amounts import micro_exact, plain
from keeper.model.hashing import keccak


class SheetLine(msgspec.Struct, frozen=True, kw_only=True):
    coin: str
    size: Decimal
    mark: Decimal

    @property
    def value(self) -> int:
        """size × mark in micro-USDC; exact, as marks have at most 6 − size_decimals decimals."""
        return micro_exact(self.size * self.mark)


class MarkSheet(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` seconds; `cash` micro-USDC: equity less the positions' value, spot included; lines by coin. A size of 0
    stands where the seat is flat but sub-accounts are not: their opposite positions need the price."""

    venue: str
    as_of: int
    cash: int
    lines: tuple[SheetLine, ...]

    @property
    def equity(self) -> int:
        return self.cash + sum(line.value for line in self.lines)

    def sizes(self) -> dict[str, Decimal]:
        return {line.coin: line.size for line in self.lines}

    def marks(self) -> dict[str, Decimal]:
        return {line.coin: line.mark for line in self.lines}

    def nonce(self, last: int) -> int:
        """The nonce of its attestation when the seat last used `last`: its instant. So a sheet proposed anew has a new
        nonce, and an honest attestor never signs two statements under one, which would be proof of a lie."""
        return max(last + 1, self.as_of)

    def hash(self) -> bytes:
        """keccak256 of the canonical text: what an attestation's `markSheet` carries."""
        lines = "".join(f"{line.coin}:{plain(line.size)}@{plain(line.mark)}\n" for line in self.lines)
        return keccak(f"{self.venue.lower()}\n{self.as_of}\n{self.cash}\n{lines}".encode())


class VenueMark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark as the chain recorded it. `delta` = value − book then; `value` counts what came home since (T2). `held`:
    part of the attested value that a commit of this mark leaves in quarantine, so that it is not in `value`."""

    venue: str
    tier: int
    as_of: int
    l1_block: int
    delta: int
    value: int
    sheet: MarkSheet
    held: int = 0

    @property
    def uncollected(self) -> int:
        """What had come home to the seat's contract and was not collected yet (T2)."""
        return self.value + self.held - self.sheet.equity
