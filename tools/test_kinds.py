"""How many forge tests there are and how many of them forge fuzzes: `python -m tools.test_kinds`.

As forge sees them: a function `test...` is fuzzed if it takes arguments, `invariant...` always is. Nothing is compiled.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tools.dev import ROOT

TESTS = ROOT / "tests" / "contracts"
TEST = re.compile(r"^    function (test|invariant)\w*\(([^)]*)\)", re.MULTILINE)


@dataclass(frozen=True)
class Kinds:
    """`fuzzed` and `invariants` are part of `tests`."""

    tests: int
    fuzzed: int
    invariants: int

    @property
    def share(self) -> float:
        """Of tests that get random inputs, from 0 to 1."""
        return (self.fuzzed + self.invariants) / self.tests if self.tests else 0.0


def count(folder: Path = TESTS) -> Kinds:
    """Every test below `folder`; proofs (`check_`) are none."""
    found = [match for path in folder.rglob("*.sol") for match in TEST.findall(path.read_text())]
    fuzzed = sum(1 for kind, arguments in found if kind == "test" and arguments.strip())
    return Kinds(len(found), fuzzed, sum(1 for kind, _ in found if kind == "invariant"))


def main() -> None:
    kinds = count()
    print(
        f"forge tests: {kinds.tests}, fuzzed: {kinds.fuzzed}, stateful invariants: {kinds.invariants}, "
        f"share with random inputs: {kinds.share:.1%}"
    )


if __name__ == "__main__":
    main()
