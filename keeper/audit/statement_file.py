"""Statement files as the auditor reads them: the fields it re-derives, and the file's own root."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from keeper.audit.report import Findings
from keeper.errors import InputError
from keeper.model.marks import MarkSheet, SheetLine
from keeper.model.reasons import Reason
from keeper.model.signed_orders import Order
from keeper.model.statements import HEADER, LogHead, leaf_hash, merkle_root
from keeper.model.terms import Terms


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Names as in the file: camelCase."""


class SheetPart(_Part, frozen=True):
    cash: int
    lines: tuple[SheetLine, ...]


class MarkPart(_Part, frozen=True):
    venue: str
    tier: int
    as_of: int
    l1_block: int
    delta: int
    value: int
    held: int
    sheet: SheetPart

    @property
    def mark_sheet(self) -> MarkSheet:
        return MarkSheet(venue=self.venue, as_of=self.as_of, cash=self.sheet.cash, lines=self.sheet.lines)


class OrderPart(_Part, frozen=True):
    order: Order
    signature: str
    digest: str
    terms: Terms | None
    terms_signature: str
    legs: int
    routing_ppm: int = 0


class SharePart(_Part, frozen=True):
    id: int
    position: Decimal
    share: int


class FundingPart(_Part, frozen=True):
    venue: str
    coin: str
    time: int
    rate: Decimal
    oracle: Decimal
    paid: int | None
    seat_size: Decimal
    shares: tuple[SharePart, ...]
    remainder: int


class InsurancePart(_Part, frozen=True):
    venue: str
    kind: str
    amount: int
    reference: str


class SeatPart(_Part, frozen=True):
    venue: str
    trading: int
    revaluation: int
    fees: int
    funding: int
    withheld_before: int
    withheld: int


class PositionPart(_Part, frozen=True):
    venue: str
    coin: str
    size: Decimal


class AccountPart(_Part, frozen=True):
    id: int
    generation: int
    before: int
    pnl: int
    after: int
    seats: tuple[SeatPart, ...]
    positions: tuple[PositionPart, ...]
    routing: int = 0


class ApprovalPart(_Part, frozen=True):
    ticket: int
    amount: int


class TotalsPart(_Part, frozen=True):
    pnl: int
    fees: int
    insurance_delta: int
    new_deficit: int
    delta: int


class Statement(_Part, frozen=True):
    version: Literal[1]
    chain_id: int
    vault: str
    epoch: int
    as_of: int
    fence: int
    snapshot_block: int
    marks: tuple[MarkPart, ...]
    orders: tuple[OrderPart, ...]
    reasons: tuple[Reason, ...]
    funding: tuple[FundingPart, ...]
    insurance: tuple[InsurancePart, ...]
    accounts: tuple[AccountPart, ...]
    approvals: tuple[ApprovalPart, ...]
    totals: TotalsPart
    log: LogHead


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One file: its name, its JSON as it stands, and its fields."""

    name: str
    document: Mapping[str, Any]
    statement: Statement

    def leaf_hashes(self) -> list[bytes]:
        """Of the header and of every entry of every list. JSON's own values have one spelling, so that this is what
        `keeper.model.statements.leaves` gives, at a tenth of the time."""
        sections = {name: value for name, value in self.document.items() if isinstance(value, list)}
        header = {name: value for name, value in self.document.items() if name not in sections}
        entries = [[HEADER, header], *([name, entry] for name, value in sections.items() for entry in value)]
        return [leaf_hash(_spell(entry)) for entry in entries]

    def root(self) -> str:
        return "0x" + merkle_root(self.leaf_hashes()).hex()


def _spell(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class StatementFolder(Mapping[int, StatementFile]):
    """The files of a folder by epoch, each read when it is asked for: a week of them is too much to hold."""

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._paths = paths

    def __getitem__(self, epoch: int) -> StatementFile:
        return _read(self._paths[epoch])

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._paths))

    def __len__(self) -> int:
        return len(self._paths)


def read_statements(folder: Path, findings: Findings) -> StatementFolder:
    """Every `*.json` of a folder by epoch. An unreadable or doubled file is a finding; InputError without a folder."""
    if not folder.is_dir():
        raise InputError("--statements", f"{folder} is not a folder: give the one that holds the statement files")
    paths: dict[int, Path] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            epoch = _read(path).statement.epoch
        except (ValueError, OSError) as error:  # msgspec's and json's errors are ValueErrors
            findings.add("statement_unreadable", path.name, f"{path.name} is not a statement file: {error}")
            continue
        if epoch in paths:
            findings.add(
                "statement_doubled", f"epoch {epoch}", f"{paths[epoch].name} and {path.name} say the same epoch"
            )
        paths[epoch] = path
    return StatementFolder(paths)


def _read(path: Path) -> StatementFile:
    return parse(path.name, json.loads(path.read_text(), parse_float=_refuse_float))


def _refuse_float(text: str) -> None:
    raise ValueError(f"{text} is a float: amounts are integers, prices and sizes text")


def parse(name: str, document: Mapping[str, Any]) -> StatementFile:
    """msgspec.ValidationError names the field that is not what it should be."""
    return StatementFile(name, document, msgspec.convert(document, Statement))
