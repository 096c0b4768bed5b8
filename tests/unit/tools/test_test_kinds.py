"""Most forge tests are fuzzed, and the count is forge's."""

from pathlib import Path

from tools.test_kinds import Kinds, count

SOURCE = """
contract SomeTest {
    function testFuzz_One(uint256 a) public {}

    function testFuzz_Two(
        uint256 a,
        uint256 b
    ) public {}

    function test_Three() public {}

    function invariant_Four() public {}

    function check_Five(uint256 a) public {}

    function helper_test(uint256 a) internal {}
}
"""


def test_each_kind_is_counted(tmp_path: Path) -> None:
    (tmp_path / "Some.t.sol").write_text(SOURCE)
    assert count(tmp_path) == Kinds(tests=4, fuzzed=2, invariants=1)
    assert count(tmp_path).share == 0.75


def test_no_tests_have_no_share(tmp_path: Path) -> None:
    assert count(tmp_path).share == 0.0


def test_most_of_ours_are_fuzzed() -> None:
    kinds = count()
    assert kinds.tests >= 350
    assert kinds.share >= 0.6
