"""Long tests, each at most an hour: `./dev test-deep NAME [ARGUMENT ...]`; what came of them is in deep/results.json.

invariants: every stateful invariant with 1,024 runs of depth 128 and every fuzzed test with 10,000 runs, in parts; see
tools/deep_forge.py.
replay: recorded fills through our own formulas, tools/replay_fills.py.
differential, mutate, prove: see tools/differential.py, tools/mutate.py and tools/security.py; the first two go on
where they stopped, too.
routing: see tools/routing_fuzz.py.
conformance: every case × every adapter × its dialect, with the matrix.
faults: 10,000 faulted orders shared among the venue adapters; see tools/fault_campaign.py.
routes: what routing saves on a recording of real simultaneous books, tools/quality/routes.py.
carry: what choosing the venue by expected funding saves on a year of real rates, tools/quality/carry.py.
execution: orders under faults of every kind; see tools/execution_faults.py. It goes on where it stopped.
audit: an honest week of 1,000 sub-accounts, 100,000 signed orders and 1,000,000 fills, audited within 5 minutes.
ledger: 100,000 random operations on the books, no micro-dollar lost.
crashes: the keeper killed at every kind of point of a day, tools/crashes.py. It goes on where it stopped, too.
postgresql: every test file that opens just any database, on a PostgreSQL server; see tools/postgresql_suite.py.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from tools import (
    audit_week,
    crashes,
    deep_forge,
    differential,
    execution_faults,
    fault_campaign,
    ledger_steps,
    mutate,
    postgresql_suite,
    replay_fills,
    routing_fuzz,
    security,
)
from tools.dev import ROOT
from tools.quality import carry, routes

RESULTS = ROOT / "deep" / "results.json"


def prove(arguments: list[str]) -> dict[str, Any]:
    if code := security.prove(arguments):
        raise SystemExit(code)
    return {"proofs": "all"}


def conformance(arguments: list[str]) -> dict[str, Any]:
    """Every case × every adapter × its dialect, and every adapter's short fault campaign. Arguments are pytest's."""
    report = ROOT / ".build" / "conformance.xml"
    words = [sys.executable, "-m", "pytest", "tests/conformance", "-q", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run([*words, f"--junitxml={report}", *arguments], check=False, cwd=ROOT)
    suite = ElementTree.parse(report).getroot()[0]  # noqa: S314 - written by our own run
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    if done.returncode:
        raise SystemExit(f"test-deep conformance: {counts}")
    return counts


NAMES: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "invariants": deep_forge.main,
    "differential": differential.main,
    "mutate": mutate.main,
    "prove": prove,
    "routing": routing_fuzz.main,
    "execution": execution_faults.main,
    "replay": replay_fills.main,
    "routes": routes.main,
    "carry": carry.main,
    "conformance": conformance,
    "faults": fault_campaign.main,
    "audit": audit_week.main,
    "ledger": ledger_steps.main,
    "crashes": crashes.main,
    "postgresql": postgresql_suite.main,
}


def commit() -> str:
    """The commit at hand, with "+" when files differ from it."""
    words = [["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]]
    head, changed = (
        subprocess.run(["git", *word], check=True, cwd=ROOT, capture_output=True, text=True).stdout.strip()
        for word in words
    )
    return head + ("+" if [line for line in changed.splitlines() if " deep/" not in line] else "")


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] not in NAMES:
        raise SystemExit(f"usage: ./dev test-deep {'|'.join(NAMES)} [ARGUMENT ...]")
    name, *rest = arguments
    at, started = commit(), time.monotonic()
    result = NAMES[name](rest)
    entry = {"commit": at, "seconds": round(time.monotonic() - started), "arguments": rest, **result}
    RESULTS.parent.mkdir(exist_ok=True)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[" ".join([name, *rest])] = entry
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    print(json.dumps({name: entry}))
    if entry.get("left"):
        raise SystemExit(f"test-deep {name}: not all of it was run; call it again to go on")


if __name__ == "__main__":
    main(sys.argv[1:])
