"""Long tests, each at most an hour: `./dev test-deep NAME [ARGUMENT ...]`; what came of them is in deep/results.json.

invariants: every stateful invariant with 1,024 runs of depth 128 and every fuzzed test with 10,000 runs.
replay: recorded fills through our own formulas, tools/replay_fills.py.
differential, mutate, prove: see tools/differential.py, tools/mutate.py and tools/security.py; the first two go on
where they stopped.
routing: see tools/routing_fuzz.py.
faults: 10,000 faulted orders of every venue adapter, while a proxy breaks messages by chance.
audit: an honest week of 1,000 sub-accounts, 100,000 signed orders and 1,000,000 fills, audited within 5 minutes.
ledger: 100,000 random operations on the books, no micro-dollar lost.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tools import audit_week, differential, ledger_steps, mutate, replay_fills, routing_fuzz, security
from tools.dev import ROOT, environment

RESULTS = ROOT / "deep" / "results.json"


def invariants(arguments: list[str]) -> dict[str, Any]:
    """forge with the profile `deep`. Arguments are forge's, for example --match-path."""
    env = environment() | {"FOUNDRY_PROFILE": "deep"}
    done = subprocess.run(
        ["forge", "test", "--json", *arguments], check=False, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    )
    suites: dict[str, Any] = json.loads(done.stdout)
    results = {
        f"{suite}:{name}": test for suite, tests in suites.items() for name, test in tests["test_results"].items()
    }
    failed = {name: test["reason"] for name, test in results.items() if test["status"] != "Success"}
    for name, reason in failed.items():
        print(f"{name}: {reason}")
    if failed or not results:
        raise SystemExit(f"test-deep invariants: {len(failed)} of {len(results)} tests failed")
    kinds = [next(iter(test["kind"])) for test in results.values()]
    return {"tests": len(results), "fuzzed": kinds.count("Fuzz"), "invariants": kinds.count("Invariant")}


def prove(arguments: list[str]) -> dict[str, Any]:
    if code := security.prove(arguments):
        raise SystemExit(code)
    return {"proofs": "all"}


def faults(arguments: list[str]) -> dict[str, Any]:
    """`[FAULTED [SEED]]`: the campaign of tests/conformance/campaign.py, for each adapter under test."""
    from tests.conformance.adapters import ADAPTERS
    from tests.conformance.campaign import campaign

    faulted, seed = (int(word) for word in [*arguments, *("10000", "1")[len(arguments) :]])
    report: dict[str, Any] = {}
    for adapter in ADAPTERS:
        with adapter.serve() as server:
            result = asyncio.run(campaign(adapter, server, faulted, seed))
        report[adapter.label] = {
            "orders": result.orders,
            "commands faulted": result.faulted["command"],
            "reads faulted": result.faulted["read"],
            "streams broken": result.breaks,
            "ends": dict(result.ends),
            "fills": result.fills,
            "looks at the book": result.looks,
            "of them LIVE": result.live_looks,
            "problems": len(result.problems),
        }
        if result.problems:
            print("\n".join(result.problems[:50]))
            raise SystemExit(f"test-deep faults: {adapter.label}: {len(result.problems)} problems")
    return report


NAMES: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "invariants": invariants,
    "differential": differential.main,
    "mutate": mutate.main,
    "prove": prove,
    "routing": routing_fuzz.main,
    "replay": replay_fills.main,
    "faults": faults,
    "audit": audit_week.main,
    "ledger": ledger_steps.main,
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


if __name__ == "__main__":
    main(sys.argv[1:])
