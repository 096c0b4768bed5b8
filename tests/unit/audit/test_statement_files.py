"""Statement files on disk: what cannot be read is said with the file's name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from keeper.audit.archive import keep_chain, keep_seat, kept_chain, kept_seats
from keeper.audit.report import Findings
from keeper.audit.statement_file import read_statements
from keeper.errors import InputError
from keeper.model.statements import statement_root
from tests.unit.audit.world import FIRST, SECOND, V1, World


def test_reads_every_epoch(tmp_path: Path) -> None:
    findings = Findings()
    for document in (FIRST, SECOND):
        (tmp_path / f"{document['epoch']}.json").write_text(json.dumps(document))
    files = read_statements(tmp_path, findings)
    assert sorted(files) == [1, 2]
    assert files[2].root() == "0x" + statement_root(SECOND).hex()
    assert files[2].statement.accounts[0].pnl == 1_548_200
    assert findings.found == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ('{"epoch": 1.5}', "1.5 is a float"),
        (json.dumps({name: value for name, value in FIRST.items() if name != "fence"}), "fence"),
        (json.dumps(FIRST | {"epoch": "one"}), "epoch"),
        (json.dumps(FIRST | {"version": 2}), "version"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, text: str, reason: str) -> None:
    findings = Findings()
    (tmp_path / "bad.json").write_text(text)
    assert read_statements(tmp_path, findings) == {}
    (finding,) = findings.found
    assert (finding.kind, finding.where) == ("statement_unreadable", "bad.json")
    assert reason in finding.what


def test_two_files_of_one_epoch_are_named(tmp_path: Path) -> None:
    findings = Findings()
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(FIRST))
    read_statements(tmp_path, findings)
    assert findings.found[0].kind == "statement_doubled"
    assert "a.json and b.json" in findings.found[0].what


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--statements"):
        read_statements(tmp_path / "nowhere", Findings())


def test_the_archive_holds_every_input_words_of_256_bits_included(tmp_path: Path) -> None:
    world = World()
    facts, seats = world.facts(), world.seats()
    keep_chain(tmp_path, facts)
    for records in seats.values():
        keep_seat(tmp_path, records)
    assert kept_chain(tmp_path) == facts
    kept = kept_seats(tmp_path)
    assert kept.keys() == seats.keys()
    assert replace(kept[V1], fills=tuple(kept[V1].fills)) == seats[V1]
    assert tuple(kept[V1].fills) == seats[V1].fills


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--archive: .*chain.json cannot be read"):
        kept_chain(tmp_path)
    keep_seat(tmp_path, World().seats()[V1])
    (tmp_path / f"venue-{V1}" / "rows.jsonl").write_text('{"venue": 1}\n')
    with pytest.raises(InputError, match=r"rows.jsonl line 1 is no record"):
        kept_seats(tmp_path)
