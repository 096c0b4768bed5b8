"""What of the long forge runs needs no forge: what is left, in which parts, and when it has to be run again."""

from pathlib import Path

import pytest

from tools import deep_forge
from tools.deep_forge import BATCH, ForgeTest, Passed, batches, closure, fuzzed
from tools.dev import ROOT

SUITE = "tests/contracts/Lens.t.sol"


def test_parts_are_of_one_contract_and_invariants_run_alone() -> None:
    tests = [ForgeTest("a", "A", f"testFuzz_{n}") for n in range(BATCH + 1)]
    tests += [ForgeTest("a", "B", "testFuzz_0"), ForgeTest("c", "C", "invariant_1"), ForgeTest("c", "C", "invariant_2")]
    parts = list(batches(tests))
    assert [len(part) for part in parts] == [BATCH, 1, 1, 1, 1]
    assert [test for part in parts for test in part] == tests
    assert list(batches([])) == []


def test_a_test_without_arguments_is_not_fuzzed() -> None:
    assert fuzzed(ForgeTest(SUITE, "LensTest", "testFuzz_EveryLeafOfTheCommittedRootVerifies"))
    assert not fuzzed(ForgeTest("tests/contracts/gas/VaultGas.t.sol", "VaultGasTest", "test_Gas_Claim"))
    assert fuzzed(ForgeTest("tests/contracts/invariant/PrimeVaultInvariants.t.sol", "Any", "invariant_anything"))


def test_what_a_file_imports_belongs_to_its_text() -> None:
    names = {path.name for path in closure(ROOT / SUITE)}
    assert {"Lens.t.sol", "PrimeVaultBase.sol", "Base.sol"} <= names


def test_what_passed_counts_until_a_text_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_forge, "RESULTS", tmp_path / "deep" / "invariants.json")
    tests = [ForgeTest(SUITE, "LensTest", "testFuzz_One"), ForgeTest(SUITE, "LensTest", "testFuzz_Two")]
    Passed(tests).add(tests[:1])
    again = Passed(tests)
    assert [again.has(test) for test in tests] == [True, False]
    again.add(tests[1:])
    assert all(map(Passed(tests).has, tests))
    file = deep_forge.RESULTS
    file.write_text(file.read_text().replace(again.files[SUITE]["text"], "another"))
    assert not any(map(Passed(tests).has, tests))
    Passed(tests).add(tests)
    file.write_text(file.read_text().replace(again.contracts, "others"))
    assert not any(map(Passed(tests).has, tests))
