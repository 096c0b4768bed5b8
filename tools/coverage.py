"""`./dev coverage`: line and branch coverage of PrimeVault, PooledAccount and the libraries, to docs/coverage.md.

Each line and branch that no test comes to is listed with its reason (REASONS); one without a reason ends the task with
exit code 1.
"""

import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from tools import test_kinds
from tools.dev import ROOT, environment

WORK = ROOT / ".build" / "coverage"
PAGE = ROOT / "docs" / "coverage.md"
SHOWN = ("contracts/PrimeVault.sol", "contracts/PooledAccount.sol", "contracts/libraries/")
RUNS = {"FOUNDRY_FUZZ_RUNS": "32", "FOUNDRY_INVARIANT_RUNS": "16"}
"""Few: what only luck comes to should not count."""
REASONS: dict[str, str] = {}
"""Why a line cannot be covered, by its file and text."""


@dataclass
class File:
    """Hits by line, and by line and number of a branch."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, str], int] = field(default_factory=dict)


def parsed(report: str) -> dict[str, File]:
    """The files of an lcov report: records SF, DA (line, hits) and BRDA (line, block, branch, hits or -)."""
    files: dict[str, File] = defaultdict(File)
    name = ""
    for row in report.splitlines():
        kind, _, rest = row.partition(":")
        if kind == "SF":
            name = rest
        elif kind == "DA":
            number, count = rest.split(",")[:2]
            files[name].lines[int(number)] = int(count)
        elif kind == "BRDA":
            number, *where, count = rest.split(",")
            files[name].branches[int(number), ".".join(where)] = 0 if count == "-" else int(count)
    return files


def measured(arguments: list[str]) -> str:
    """forge's lcov report. Without the optimizer: gas tests stay out."""
    WORK.mkdir(parents=True, exist_ok=True)
    report = WORK / "lcov.info"
    command = ["forge", "coverage", "--report", "lcov", "--report-file", str(report)]
    command += ["--no-match-path", "tests/contracts/gas/*", *arguments]
    env = RUNS | environment() | {"FOUNDRY_OUT": str(WORK / "out"), "FOUNDRY_CACHE_PATH": str(WORK / "cache")}
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"tools.coverage: forge coverage failed:\n{done.stdout[-3000:]}")
    return report.read_text()


def share(hits: dict[int, int] | dict[tuple[int, str], int]) -> tuple[int, int]:
    return sum(1 for count in hits.values() if count), len(hits)


def missed(name: str, file: File) -> list[str]:
    """`file:line: text` of each line no test comes to, and of each branch on lines that some come to."""
    text = (ROOT / name).read_text().splitlines()
    lines = {line for line, count in file.lines.items() if not count}
    branches = {line for (line, _), count in file.branches.items() if not count} - lines
    short = name.removeprefix("contracts/")
    found = [(line, "") for line in lines] + [(line, " (a branch)") for line in branches]
    return [f"{short}:{line}{what}: {text[line - 1].strip()}" for line, what in sorted(found)]


def reason(entry: str) -> str:
    """By file and text: line numbers move."""
    place, _, text = entry.partition(": ")
    return REASONS.get(f"{place.partition(':')[0]}: {text}", "")


def page(files: dict[str, File]) -> tuple[str, list[str]]:
    """docs/coverage.md and what has no reason."""
    names = sorted(name for name in files if name.startswith(SHOWN))
    rows = []
    totals = [0, 0, 0, 0]
    for name in names:
        figures = [*share(files[name].lines), *share(files[name].branches)]
        totals = [total + one for total, one in zip(totals, figures, strict=True)]
        rows.append("| `{}` | {} of {} | {} of {} |".format(name, *figures))
    rows.append("| all | {} of {} | {} of {} |".format(*totals))
    entries = [entry for name in names for entry in missed(name, files[name])]
    kinds = test_kinds.count()
    tests = f"{kinds.tests} forge tests, {kinds.fuzzed} of them fuzzed and {kinds.invariants} stateful invariants"
    text = f"""# Coverage of the contracts

Written by `./dev coverage`: what forge's tests come to, gas tests left out (the optimizer is off).
{tests}: {kinds.share:.1%} with random inputs.

Most checks are calls of `ensure` (`CheckLib.sol`), a free function, which forge does not report and whose refusal is no
branch to it: that each of them refuses when it must is what the mutants show ([mutation.md](mutation.md)).

| file | lines | branches |
|---|---|---|
{chr(10).join(rows)}

## Not covered

"""
    if entries:
        text += "Each line with the reason why no test comes to it.\n\n"
        text += "\n".join(f"- `{entry}`: {reason(entry)}" for entry in entries) + "\n"
    else:
        text += "Nothing: every line and every branch is covered.\n"
    return text, [entry for entry in entries if not reason(entry)]


def main(arguments: list[str]) -> None:
    """Arguments are forge's, for example --match-path; with any, nothing is written."""
    text, unexplained = page(parsed(measured(arguments)))
    print(text)
    if not arguments:
        PAGE.write_text(text)
    if unexplained:
        raise SystemExit("tools.coverage: no test and no reason:\n" + "\n".join(unexplained))


if __name__ == "__main__":
    main(sys.argv[1:])
