"""Mutation testing of the contracts: `./dev mutate [--part K/N] [--files GLOB ...] [--sample] [--rounds N] [--list]`.

All mutants are in one build (tools/mutants.py). They are tried in up to two rounds: 1, the tests that reach it, many
mutants to one start of forge (tools/mutant_runs.py); 2, what survived, by forge's own run of the same tests and all
invariants, with the runs of the default profile. Round 2 has survivors of different functions alive together: if that
is not noticed, none of them is; if it is, each is tried alone. deep/mutation.json keeps by file its text's hash and one
letter per mutant, in the order of `--list`: k killed, 1 or 2 the last round it survived, . not run. So a stopped run
goes on where it was; survivors are tried again when a test changed.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tools import mutant_runs
from tools.dev import ROOT
from tools.mutant_runs import WORK, Runner, digest
from tools.mutants import Mutant, instrument

TARGETS = ("contracts/PrimeVault.sol", "contracts/PooledAccount.sol", "contracts/libraries/*.sol")
RESULTS = ROOT / "deep" / "mutation.json"
CHUNK = 40
"""Mutants per start of forge."""
TOGETHER = 8
"""Survivors alive at once."""
FIRST_GROUP = 1_000_000
"""The number at which the first of these groups lives: no mutant's."""
FULL_LIMIT_S = 3600


def sha(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def sample(mutants: list[Mutant]) -> list[Mutant]:
    """One mutant per function and operator, chosen by the hash of its key: always the same one."""
    chosen: dict[tuple[str, str, str], Mutant] = {}
    for mutant in sorted(mutants, key=lambda m: digest("seed 1", m.file, m.key)):
        chosen.setdefault((mutant.file, mutant.function, mutant.operator), mutant)
    return sorted(chosen.values(), key=lambda m: m.number)


class Results:
    """deep/mutation.json."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self.files: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        self.tests = sha(*(ROOT / "tests" / "contracts").rglob("*.sol"))
        self.index: dict[int, tuple[str, int]] = {}
        by_file: dict[str, list[Mutant]] = {}
        for mutant in mutants:
            by_file.setdefault(mutant.file, []).append(mutant)
        for file, own in by_file.items():
            self.index |= {m.number: (file, i) for i, m in enumerate(own)}
            new = {"source": sha(ROOT / file), "mutants": digest(*(m.key for m in own)), "tests": self.tests}
            old = self.files.get(file, {})
            verdicts = "." * len(own)
            if (old.get("source"), old.get("mutants")) == (new["source"], new["mutants"]):
                verdicts = str(old["verdicts"])
                if old["tests"] != self.tests:
                    verdicts = re.sub("[12]", ".", verdicts)
            self.files[file] = new | {"verdicts": verdicts}

    def of(self, mutant: Mutant) -> str:
        file, i = self.index[mutant.number]
        return str(self.files[file]["verdicts"][i])

    def round(self, mutant: Mutant) -> int:
        """How many rounds it needs no more: all, once it is killed."""
        return {".": 0, "k": 2, "1": 1, "2": 2}[self.of(mutant)]

    def save(self, found: Iterable[tuple[Mutant, str]]) -> None:
        for mutant, verdict in found:
            file, i = self.index[mutant.number]
            old = self.files[file]["verdicts"]
            self.files[file]["verdicts"] = old[:i] + verdict + old[i + 1 :]
        RESULTS.parent.mkdir(exist_ok=True)
        part = RESULTS.with_suffix(".part")
        part.write_text(json.dumps(self.files, indent=1, sort_keys=True) + "\n")
        part.replace(RESULTS)


def together(mutants: Iterable[Mutant]) -> list[list[Mutant]]:
    """Groups of at most `TOGETHER`, no two of one function: there one may stand in the other's way."""
    groups: list[list[Mutant]] = []
    for mutant in mutants:
        for group in groups:
            taken = {(other.file, other.function) for other in group}
            if len(group) < TOGETHER and (mutant.file, mutant.function) not in taken:
                group.append(mutant)
                break
        else:
            groups.append([mutant])
    return groups


def by_forge(place: Path, number: int, tests: set[tuple[str, str]]) -> bool:
    """Whether forge's own run of these tests (of all if there are none) and of all invariants passes with what lives at
    that number."""
    words = ["test", "--fail-fast", "--json", "--threads", "1", "--block-prevrandao", f"{number:#066x}"]
    if tests:
        names = [*sorted({test for _, test in tests}), "invariant_\\w*"]
        kinds = [*sorted({suite for suite, _ in tests}), "\\w*Invariants"]
        words += ["--match-contract", f"^({'|'.join(kinds)})$", "--match-test", f"^({'|'.join(names)})\\("]
    # what one mutant fails by is no test of another
    failures = str(WORK / "failures" / str(number))
    code, out, errors = mutant_runs.forge(
        place,
        *words,
        full=True,
        limit=FULL_LIMIT_S,
        FOUNDRY_FUZZ_FAILURE_PERSIST_DIR=failures,
        FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR=failures,
    )
    if code not in (0, None) and not out.lstrip().startswith("{"):
        raise SystemExit(f"tools.mutate: forge did not run the tests:\n{out[-3000:]}\n{errors[-6000:]}")
    return code == 0


def main(arguments: list[str]) -> dict[str, Any]:
    """Runs one part and returns {mutants, killed, part, survivors}; exit by SystemExit on what stops it."""
    parser = argparse.ArgumentParser(prog="./dev mutate", description="Mutation testing of the contracts.")
    parser.add_argument("--part", default="1/1", help="K/N: every Nth mutant from the Kth")
    parser.add_argument("--files", nargs="+", default=list(TARGETS), help="globs of sources")
    parser.add_argument("--functions", default="", help="regular expression of function names")
    parser.add_argument("--sample", action="store_true", help="one mutant per function and operator")
    parser.add_argument("--rounds", type=int, choices=(1, 2), default=2, help="how many rounds survivors are tried")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = parser.parse_args(arguments)
    part, parts = (int(word) for word in options.part.split("/"))
    if not 1 <= part <= parts:
        parser.error(f"--part {options.part}: K goes from 1 to N")
    # all targets are in the build, so that another choice of files is no other build
    targets = sorted({str(path.relative_to(ROOT)) for glob in TARGETS for path in ROOT.glob(glob)})
    files = {str(path.relative_to(ROOT)) for glob in options.files for path in ROOT.glob(glob)}
    texts, everything = instrument(targets)
    population = [m for m in everything if m.file in files and re.search(options.functions, m.function)]
    chosen = (sample(population) if options.sample else population)[part - 1 :: parts]
    if options.list:
        print(*chosen, sep="\n")
        return {"mutants": len(chosen)}
    how = f"{len(chosen)} {'sampled, one per function and operator, ' if options.sample else ''}of {len(population)}"
    print(f"{how} mutants, part {options.part}", flush=True)
    results = Results(everything)
    if any(results.round(m) < options.rounds for m in chosen):
        run(texts, everything, chosen, results, options.rounds)
    survivors = [m for m in chosen if results.of(m) != "k"]
    for mutant in survivors:
        print(f"survived: {mutant}")
    for file in sorted({m.file for m in chosen}):
        of = [m for m in chosen if m.file == file]
        print(f"{file}: {sum(results.of(m) == 'k' for m in of)} of {len(of)}")
    killed = len(chosen) - len(survivors)
    print(f"{killed} of {len(chosen)} mutants killed: {100 * killed / max(1, len(chosen)):.1f}%")
    names = [str(m) for m in survivors]
    return {"mutants": len(chosen), "of": len(population), "killed": killed, "part": options.part, "survivors": names}


def run(texts: dict[str, str], everything: list[Mutant], chosen: list[Mutant], results: Results, rounds: int) -> None:
    """The verdicts that are missing."""
    probed = mutant_runs.probed(texts)
    mutant_runs.prepare(WORK / "reach", probed)
    reached = mutant_runs.reach(WORK / "reach", probed)
    print(f"{len(reached)} mutants are reached by a test", flush=True)
    left = [m for m in chosen if results.round(m) == 0]
    if left:
        place = WORK / "tree"
        mutant_runs.prepare(place, texts)
        runner = Runner(place, len(everything))
        runner.build()
        print(f"{len(runner.cases)} calls pass without a mutant", flush=True)
        batches = [left[i : i + CHUNK] for i in range(0, len(left), CHUNK)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = pool.map(lambda batch: runner.killed([m.number for m in batch], reached), batches)
            for i, (batch, killed) in enumerate(zip(batches, runs, strict=True)):
                results.save((m, "k" if killed[m.number] else "1") for m in batch)
                print(f"{min((i + 1) * CHUNK, len(left))} of {len(left)} run", flush=True)
    left = [m for m in chosen if results.round(m) == 1]
    if rounds == 2 and left:
        second_round(texts, left, results, reached)


def second_round(
    texts: dict[str, str], left: list[Mutant], results: Results, reached: dict[int, set[tuple[str, str]]]
) -> None:
    """Survivors by forge's own run, the full profile: first in groups, then alone where a group was noticed."""
    groups = together(left)
    place, numbers = WORK / "groups", [[mutant.number for mutant in group] for group in groups]
    mutant_runs.prepare(place, mutant_runs.living_together(texts, numbers, FIRST_GROUP))
    mutant_runs.checked(mutant_runs.forge(place, "build", "--skip", "symbolic", limit=FULL_LIMIT_S))

    def tests(group: list[Mutant]) -> set[tuple[str, str]]:
        each = [reached.get(mutant.number, set()) for mutant in group]
        return set().union(*each) if all(each) else set()

    def play(number: int, group: list[Mutant]) -> list[tuple[Mutant, str]]:
        survived = by_forge(place, number, tests(group))
        if survived or len(group) == 1:
            found = [(mutant, "2" if survived else "k") for mutant in group]
        else:
            found = [pair for mutant in group for pair in play(mutant.number, [mutant])]
        for mutant, verdict in found if survived or len(group) == 1 else []:
            print(f"round 2: {'killed' if verdict == 'k' else 'survived'}: {mutant}", flush=True)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(play, range(FIRST_GROUP, FIRST_GROUP + len(groups)), groups):
            results.save(found)


if __name__ == "__main__":
    main(sys.argv[1:])
