"""The auditor's own archive: what it fetched, so that an audit can be repeated when a venue has forgotten its records.

chain.json                         logs and views of the vault at one block
venue-<address>/<records>.jsonl    one record a line, oldest first: instruments, fills, payments, rates, rows
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from keeper.audit.report import Findings
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.errors import InputError
from keeper.model.instruments import Instrument
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow

CHAIN = "chain.json"
KINDS = {
    "instruments": Instrument,
    "fills": Fill,
    "payments": FundingPayment,
    "rates": FundingRate,
    "rows": LedgerRow,
}

Record = TypeVar("Record")

NAMES: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "instruments": lambda record: (record.coin,),
    "fills": lambda record: (record.oid, record.tid),
    "payments": lambda record: (record.coin, record.time_ms),
    "rates": lambda record: (record.coin, record.time_ms),
    "rows": lambda record: (record.kind, record.reference, record.time_ms, record.amount),
}
"""What makes a record the same one when it is fetched again."""


class JsonLines(Generic[Record]):
    """A file of records, read anew each time it is walked through. InputError names a line that is none."""

    def __init__(self, path: Path, kind: type[Record]) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)

    def __iter__(self) -> Iterator[Record]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield self._decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise InputError("--archive", f"{self._path} line {number} is no record: {error}") from error


def keep_chain(folder: Path, facts: ChainFacts) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # json, not msgspec: words of lanes are integers of 256 bits
    text = json.dumps(msgspec.to_builtins(facts, str_keys=True), sort_keys=True)
    _replace(folder / CHAIN, [text.encode()])


def keep_seat(folder: Path, records: SeatRecords) -> None:
    """All of a seat's records, in place of what was kept of it."""
    place = folder / f"venue-{records.venue}"
    place.mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    for name in KINDS:
        _replace(place / f"{name}.jsonl", map(encode, getattr(records, name)))


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        for line in lines:
            file.write(line + b"\n")
    fresh.replace(path)


def kept_chain(folder: Path) -> ChainFacts:
    """InputError when the folder holds no chain, or something else."""
    try:
        document: dict[str, Any] = json.loads((folder / CHAIN).read_text())
        return msgspec.convert(document, ChainFacts, strict=False)
    except (OSError, ValueError) as error:
        raise InputError("--archive", f"{folder / CHAIN} cannot be read: {error}") from error


def kept_seats(folder: Path) -> dict[str, SeatRecords]:
    """By adapter address, lower case; fills stay on disk."""
    seats: dict[str, SeatRecords] = {}
    for place in sorted(folder.glob("venue-*")):
        venue = place.name.removeprefix("venue-")
        lines: dict[str, Any] = {name: JsonLines(place / f"{name}.jsonl", kind) for name, kind in KINDS.items()}
        small = {name: tuple(lines[name]) for name in KINDS if name != "fills"}
        seats[venue] = SeatRecords(venue=venue, fills=lines["fills"], **small)
    return seats


def merge_seat(folder: Path, fresh: SeatRecords, findings: Findings) -> SeatRecords:
    """What the archive has of a seat and what its venue says now, kept as one. Venues serve only recent records, so
    that older ones stay; one that is other than it was, or gone from amid the recent ones, is a finding."""
    kept = kept_seats(folder).get(fresh.venue)
    merged: dict[str, Any] = {}
    for name, key_of in NAMES.items():
        now = {key_of(record): record for record in getattr(fresh, name)}
        before = {key_of(record): record for record in getattr(kept, name)} if kept else {}
        oldest = min((_time_of(record) for record in now.values()), default=None)
        for key, record in before.items():
            findings.now_ms = _time_of(record)
            place = f"{fresh.venue} {name} {' '.join(map(str, key))}"
            if key in now and now[key] != record:
                findings.add("record_altered", place, "the venue says another thing than it did", record, now[key])
            elif key not in now and oldest is not None and findings.now_ms > oldest:
                findings.add("record_vanished", place, "the venue had this record, and has it no more", record)
        merged[name] = sorted((before | now).values(), key=_time_of)
    records = SeatRecords(venue=fresh.venue, **merged)
    keep_seat(folder, records)
    return records


def _time_of(record: Any) -> int:
    return 0 if isinstance(record, Instrument) else int(record.time_ms)
