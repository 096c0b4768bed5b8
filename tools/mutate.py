"""Mutation testing of the contracts: `./dev mutate [--part K/N] [--files GLOB ...] [--sample] [--rounds N] [--list]`.

All mutants are in one build (tools/mutants.py). They are tried in up to three rounds, each for what survived the one
before: 1, the tests that reach it, many mutants to one start of forge (tools/mutant_runs.py); 2, forge's own run of the
same tests with the fuzz runs of its profile `mutate`; 3, the same with invariants and the runs of the default profile.
deep/mutation.json keeps by file its text's hash and one letter per mutant, in the order of `--list`: k killed, 1 to 3
the last round it survived, . not run. So a stopped run goes on where it was; survivors are tried again when a test
changed.
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
                    verdicts = re.sub("[123]", ".", verdicts)
            self.files[file] = new | {"verdicts": verdicts}

    def of(self, mutant: Mutant) -> str:
        file, i = self.index[mutant.number]
        return str(self.files[file]["verdicts"][i])

    def round(self, mutant: Mutant) -> int:
        """How many rounds it needs no more: all, once it is killed."""
        return {".": 0, "k": 3, "1": 1, "2": 2, "3": 3}[self.of(mutant)]

    def save(self, found: Iterable[tuple[Mutant, str]]) -> None:
        for mutant, verdict in found:
            file, i = self.index[mutant.number]
            old = self.files[file]["verdicts"]
            self.files[file]["verdicts"] = old[:i] + verdict + old[i + 1 :]
        RESULTS.parent.mkdir(exist_ok=True)
        part = RESULTS.with_suffix(".part")
        part.write_text(json.dumps(self.files, indent=1, sort_keys=True) + "\n")
        part.replace(RESULTS)


def by_forge(place: Path, mutant: Mutant, tests: set[tuple[str, str]], full: bool) -> bool:
    """Whether forge's own run of the tests that reach the mutant passes; of all tests if none is known to."""
    words = ["test", "--fail-fast", "--json", "--threads", "1", "--block-prevrandao", f"{mutant.number:#066x}"]
    if tests:
        names = sorted({test for _, test in tests}) + (["invariant_\\w*"] if full else [])
        kinds = sorted({suite for suite, _ in tests}) + (["\\w*Invariants"] if full else [])
        words += ["--match-contract", f"^({'|'.join(kinds)})$", "--match-test", f"^({'|'.join(names)})\\("]
    else:
        words += ["--no-match-contract", "^Mutants$" if full else "^(Mutants|\\w*Invariants)$"]
    # what one mutant fails by is no test of another
    failures = str(WORK / "failures" / str(mutant.number))
    code, out, errors = mutant_runs.forge(
        place,
        *words,
        full=full,
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
    parser.add_argument("--rounds", type=int, choices=(1, 2, 3), default=3, help="how many rounds survivors are tried")
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
    place = WORK / "tree"
    mutant_runs.prepare(place, texts)
    runner = Runner(place, len(everything))
    runner.build()
    print(f"{len(runner.cases)} calls pass without a mutant", flush=True)
    left = [m for m in chosen if results.round(m) == 0]
    for i in range(0, len(left), CHUNK):
        batch = left[i : i + CHUNK]
        killed = runner.killed([m.number for m in batch], reached)
        results.save((m, "k" if killed[m.number] else "1") for m in batch)
        print(f"{i + len(batch)} of {len(left)} run", flush=True)
    for number in range(2, rounds + 1):
        left = [m for m in chosen if results.round(m) == number - 1]

        def survives(mutant: Mutant, full: bool = number == 3) -> bool:
            return by_forge(place, mutant, reached.get(mutant.number, set()), full)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for i, (mutant, survived) in enumerate(zip(left, pool.map(survives, left), strict=True), 1):
                results.save([(mutant, str(number) if survived else "k")])
                how = "survived" if survived else "killed"
                print(f"round {number}, {i} of {len(left)}: {how}: {mutant}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
