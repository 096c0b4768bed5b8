"""Statement files on disk: what cannot be read is said with the file's name."""

import json
from pathlib import Path

import msgspec
import pytest

from keeper.audit.report import Findings
from keeper.audit.sources import SeatRecords, archive
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
    assert statement_root(files[2].document) == statement_root(SECOND)
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
    archive(tmp_path / "kept", world.facts(), world.seats().values())
    chain = json.loads((tmp_path / "kept" / "chain.json").read_text())
    assert [log["args"]["pnl4"] for log in chain["logs"] if log["name"] == "LanesChanged"] == [
        log.args["pnl4"] for log in world.logs if log.name == "LanesChanged"
    ]
    seat = msgspec.json.decode((tmp_path / "kept" / f"venue-{V1}.json").read_bytes(), type=SeatRecords)
    assert seat == world.seats()[V1]
