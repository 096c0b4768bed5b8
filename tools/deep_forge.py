"""`./dev test-deep invariants [--minutes N] [--match PATTERN]`: forge's profile `deep`, in as many calls as it takes.

Every stateful invariant with 1,024 runs of depth 128, then every fuzzed test with 10,000 runs; one start of forge for
each core at a time, since an invariant takes one core however many there are. A call starts nothing new after N minutes
and stops what still runs; deep/invariants.json keeps what passed, by the text of the contracts and of the test's file
with all that it imports, so that the next call goes on there.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from tools.dev import ROOT, environment
from tools.mutate import sha

RESULTS = ROOT / "deep" / "invariants.json"
BATCH = 8
"""Fuzzed tests to one start of forge, which takes as long as one of them."""
IMPORT = re.compile(r'^import [^"]*"(\.[^"]+)";', re.MULTILINE | re.DOTALL)


class FailedError(AssertionError):
    """Tests fail; the text names them with forge's reasons."""


@dataclass(frozen=True)
class ForgeTest:
    """As forge lists it."""

    file: str
    contract: str
    name: str

    @property
    def stateful(self) -> bool:
        return self.name.startswith("invariant")

    @property
    def key(self) -> str:
        return f"{self.contract}.{self.name}"


@cache
def closure(path: Path) -> frozenset[Path]:
    """A test file and all test files it imports."""
    found = {path}
    for name in IMPORT.findall(path.read_text()):
        imported = (path.parent / name).resolve()
        if imported.is_relative_to(ROOT / "tests"):
            found |= closure(imported)
    return frozenset(found)


def run_forge(*words: str, limit_s: float | None = None) -> str | None:
    """What `forge test` prints; None when it was stopped at the limit."""
    process = subprocess.Popen(
        ["forge", "test", "--json", "--threads", "1", *words],
        cwd=ROOT,
        env=environment() | {"FOUNDRY_PROFILE": "deep"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=limit_s)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None


def listed() -> list[ForgeTest]:
    """Every fuzzed test and invariant, invariants first."""
    out = run_forge("--list") or ""
    files: dict[str, dict[str, list[str]]] = json.loads(out[out.index("{") :])
    every = [
        ForgeTest(file, contract, name) for file, own in files.items() for contract in own for name in own[contract]
    ]
    return sorted((one for one in every if fuzzed(one)), key=lambda one: (not one.stateful, one.file, one.key))


def fuzzed(test: ForgeTest) -> bool:
    """Whether it takes random inputs: forge's list names no arguments, so the source is asked."""
    return test.stateful or bool(
        re.search(rf"^    function {test.name}\(\s*[^)\s]", (ROOT / test.file).read_text(), re.MULTILINE)
    )


def batches(tests: list[ForgeTest]) -> Iterator[list[ForgeTest]]:
    """Tests of one contract, up to BATCH fuzzed ones or one invariant."""
    batch: list[ForgeTest] = []
    for test in tests:
        if batch and (test.contract != batch[0].contract or test.stateful or len(batch) == BATCH):
            yield batch
            batch = []
        batch.append(test)
    if batch:
        yield batch


def played(batch: list[ForgeTest], limit_s: float) -> bool:
    """Whether all of them ended in time; FailedError when one fails."""
    names = "|".join(test.name for test in batch)
    # not by path: forge would compile the file anew without the others
    out = run_forge("--match-contract", f"^{batch[0].contract}$", "--match-test", f"^({names})\\(", limit_s=limit_s)
    if out is None:
        return False
    suites: dict[str, Any] = json.loads(out)
    found = {name.partition("(")[0]: one for suite in suites.values() for name, one in suite["test_results"].items()}
    failed = {name: one["reason"] for name, one in found.items() if one["status"] != "Success"}
    if failed or found.keys() != {test.name for test in batch}:
        raise FailedError(f"{batch[0].contract}: {failed or 'not all were run'}")
    return True


class Passed:
    """deep/invariants.json: names of tests that passed, by file, as long as file and contracts read the same."""

    def __init__(self, tests: list[ForgeTest]) -> None:
        contracts = sha(*(ROOT / "contracts").rglob("*.sol"), ROOT / "foundry.toml")
        stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        known = stored["files"] if stored.get("contracts") == contracts else {}
        self.contracts = contracts
        self.files: dict[str, dict[str, Any]] = {}
        for file in {test.file for test in tests}:
            text = sha(*closure(ROOT / file))
            old = known.get(file, {})
            self.files[file] = {"text": text, "passed": old["passed"] if old.get("text") == text else []}

    def has(self, test: ForgeTest) -> bool:
        return test.key in self.files[test.file]["passed"]

    def add(self, batch: list[ForgeTest]) -> None:
        own = self.files[batch[0].file]
        own["passed"] = sorted({*own["passed"], *(test.key for test in batch)})
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps({"contracts": self.contracts, "files": self.files}, indent=1, sort_keys=True) + "\n"
        )


def main(arguments: list[str]) -> dict[str, Any]:
    """Returns {tests, passed, invariants, fuzzed, left}, the last by file; SystemExit when one fails."""
    parser = argparse.ArgumentParser(prog="./dev test-deep invariants", description="forge's profile deep, in parts.")
    parser.add_argument("--minutes", type=float, default=55.0, help="of this call")
    parser.add_argument("--match", default="", help="regular expression of CONTRACT.TEST: only these now")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    tests = listed()
    passed = Passed(tests)
    booking = Lock()
    wanted = [test for test in tests if not passed.has(test) and re.search(options.match, test.key)]
    failed: list[str] = []

    def play(batch: list[ForgeTest]) -> None:
        started = time.monotonic()
        if failed or started >= end:
            return
        try:
            if not played(batch, end - started):
                return
        except FailedError as problem:
            failed.append(str(problem))
            return
        with booking:
            passed.add(batch)
        names = ", ".join(test.name for test in batch)
        print(f"{batch[0].contract}: {names}: passed in {time.monotonic() - started:.0f} s", flush=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(play, batches(wanted)))
    if failed:
        raise SystemExit(f"test-deep invariants: {'; '.join(failed)}")
    done = [test for test in tests if passed.has(test)]
    left: dict[str, int] = {}
    for test in tests:
        if test not in done:
            left[test.file] = left.get(test.file, 0) + 1
    stateful = sum(test.stateful for test in done)
    result = {"tests": len(tests), "passed": len(done), "invariants": stateful, "fuzzed": len(done) - stateful}
    return result | {"left": left}
