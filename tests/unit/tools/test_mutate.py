"""What of the mutation tools needs no compiler."""

import random
from pathlib import Path

import pytest
from eth_abi.abi import encode

from tools import mutate
from tools.mutant_runs import living_together, parts, probed, traced, value
from tools.mutants import Mutant


def mutant(number: int, function: str, operator: str) -> Mutant:
    key = f"{function}|{operator}|{number}"
    return Mutant(number, "contracts/PrimeVault.sol", function, number, operator, "a", "b", key)


def test_a_sample_has_each_function_and_operator_once_and_is_the_same_each_time() -> None:
    mutants = [mutant(n, f"f{n % 3}", f"op{n % 5}") for n in range(1, 200)]
    chosen = mutate.sample(mutants)
    assert len(chosen) == 15
    assert {(m.function, m.operator) for m in chosen} == {(m.function, m.operator) for m in mutants}
    assert chosen == mutate.sample(list(reversed(mutants)))


@pytest.fixture
def results_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mutate, "RESULTS", tmp_path / "mutation.json")
    return tmp_path / "mutation.json"


def test_a_stopped_run_goes_on_and_survivors_are_tried_again_when_a_test_changed(
    results_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutants = [mutant(n, "f", f"op{n}") for n in range(1, 5)]
    first = mutate.Results(mutants)
    first.save([(mutants[0], "k"), (mutants[1], "2"), (mutants[2], "1")])
    again = mutate.Results(mutants)
    assert [again.of(m) for m in mutants] == ["k", "2", "1", "."]
    assert [again.round(m) for m in mutants] == [2, 2, 1, 0]
    results_file.write_text(results_file.read_text().replace(again.tests, "another"))
    changed = mutate.Results(mutants)
    assert [changed.of(m) for m in mutants] == ["k", ".", ".", "."]
    # other mutants of the same file: nothing is known of them
    other = mutate.Results(mutants[:3])
    assert [other.of(m) for m in mutants[:3]] == [".", ".", "."]


def test_survivors_live_together_unless_they_are_of_one_function() -> None:
    mutants = [mutant(n, f"f{n % 10}", f"op{n}") for n in range(1, 41)]
    groups = mutate.together(mutants)
    assert sorted(m.number for group in groups for m in group) == list(range(1, 41))
    for group in groups:
        assert len(group) <= mutate.TOGETHER
        assert len({m.function for m in group}) == len(group)
    assert len(groups) == 5


def test_a_group_lives_at_its_own_number_and_each_member_at_its() -> None:
    text = "(block.prevrandao == 12 ? a : b); if (block.prevrandao != 3) f(); assembly { if eq(prevrandao(), 7) { } }"
    assert living_together({"A": text}, [[12, 3], [7]], 100) == {
        "A": "((block.prevrandao == 12 || block.prevrandao == 100) ? a : b); "
        "if ((block.prevrandao != 3 && block.prevrandao != 100)) f(); "
        "assembly { if or(eq(prevrandao(), 7), eq(prevrandao(), 101)) { } }"
    }
    assert living_together({"A": text}, [[13]], 100) == {"A": text}


def test_traces_tell_which_tests_come_to_which_mutants() -> None:
    place = "0x1111" + "0" * 33
    out = f"""
Ran 2 tests for tests/contracts/A.t.sol:ATest
[PASS] test_one() (gas: 5)
Traces:
  [5] ATest::test_one()
    ├─ [0] {place}00a::fallback() [staticcall]
    ├─ [0] {place}002::fallback() [staticcall]
[FAIL: NotOrdered("gas", 2, 1)] testFuzz_two(uint8) (runs: 1)
Traces:
    ├─ [0] {place}00A::fallback() [staticcall]

Ran 1 test for tests/contracts/B.t.sol:BTest
[PASS] test_three() (gas: 5)
"""
    found = list(traced(out))
    assert found == [("ATest", "test_one", [2, 10]), ("ATest", "testFuzz_two", [10]), ("BTest", "test_three", [])]


def test_probes_stand_where_mutants_are() -> None:
    text = "if (block.prevrandao != 7) { x; } assembly { if eq(prevrandao(), 8) { y := 1 } }"
    found = probed({"A.sol": text})["A.sol"]
    assert "if (reach0(7) != 7) { x; }" in found
    assert "if eq(reach(8), 8) { y := 1 }" in found
    assert "prevrandao" not in found


@pytest.mark.parametrize(
    "kind",
    ["uint8", "int64", "uint256[4]", "bytes", "bytes32", "(uint64,address[])[]", "string", "bool", "int256[2][]"],
)
def test_every_value_made_is_of_its_type(kind: str) -> None:
    dice = random.Random(1)
    for turn in range(50):
        encode([kind], [value(kind, dice, turn)])


def test_a_tuple_is_split_between_its_own_commas() -> None:
    assert list(parts("uint8,(bytes,int64)[],address[2]")) == ["uint8", "(bytes,int64)[]", "address[2]"]
    assert list(parts("")) == []
