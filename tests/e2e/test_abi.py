"""The ABIs that Python uses are those of the contracts as built."""

import json
from pathlib import Path

import pytest

from tools import abi


def test_committed_abis_are_those_of_the_contracts() -> None:
    abi.main(["--check"])


def test_a_stale_abi_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abi, "FOLDER", tmp_path / "abi")
    abi.main([])
    abi.main(["--check"])
    stale = tmp_path / "abi" / "CoreState.json"
    stale.write_text(json.dumps(json.loads(stale.read_text())[1:]))
    with pytest.raises(SystemExit, match=r"stale: CoreState\.json"):
        abi.main(["--check"])
