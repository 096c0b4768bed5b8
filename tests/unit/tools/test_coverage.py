"""What forge's lcov report says, as the page shows it."""

import pytest

from tools import coverage
from tools.coverage import missed, page, parsed

FILE = "contracts/libraries/CheckLib.sol"
TEXT = (coverage.PAGE.parents[1] / FILE).read_text().splitlines()
REPORT = f"""TN:
SF:contracts/Lens.sol
DA:3,0
end_of_record
SF:{FILE}
DA:1,7
DA:2,0,checksum
BRDA:1,0,0,4
BRDA:1,0,1,-
BRDA:2,1,0,0
end_of_record
"""


def test_hits_by_line_and_branch() -> None:
    file = parsed(REPORT)[FILE]
    assert file.lines == {1: 7, 2: 0}
    assert file.branches == {(1, "0.0"): 4, (1, "0.1"): 0, (2, "1.0"): 0}


def test_a_missed_branch_of_a_missed_line_is_not_said_twice() -> None:
    short = FILE.removeprefix("contracts/")
    assert missed(FILE, parsed(REPORT)[FILE]) == [f"{short}:1 (a branch): {TEXT[0]}", f"{short}:2: {TEXT[1]}"]


def test_what_has_no_reason_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    text, unexplained = page(parsed(REPORT))
    assert f"| `{FILE}` | 1 of 2 | 1 of 3 |" in text
    assert "Lens" not in text
    assert len(unexplained) == 2
    monkeypatch.setitem(coverage.REASONS, f"{FILE.removeprefix('contracts/')}: {TEXT[1]}", "it is a directive")
    text, unexplained = page(parsed(REPORT))
    assert "it is a directive" in text
    assert [entry.partition(":")[2][0] for entry in unexplained] == ["1"]


def test_all_covered_is_said() -> None:
    text, unexplained = page(parsed(f"SF:{FILE}\nDA:1,1\n"))
    assert "Nothing: every line" in text
    assert unexplained == []
