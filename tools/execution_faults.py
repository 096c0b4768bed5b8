"""Orders under faults of every kind: `./dev test-deep execution [STEPS]`, 50,000 steps unless told otherwise.

The machine of tests/property/execution: clients on shared seats, venues that lose, delay and refuse messages, a keeper
that dies. A chunk is one seed. Chunks that passed are kept in deep/execution.json by the text of what they tested, so
that a stopped run goes on where it was.
"""

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.execution.machine import ExecutionMachine
from tools.dev import ROOT

RESULTS = ROOT / "deep" / "execution.json"
TESTED = ("keeper/execution", "keeper/ledger/orders.py", "keeper/model/orders.py", "tests/property/execution")
STEPS = 50_000
EXAMPLES, LENGTH = 25, 60


def sources() -> Iterator[Path]:
    for name in TESTED:
        path = ROOT / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def version() -> str:
    """Of everything that a chunk's result rests on."""
    return sha256(b"".join(path.read_bytes() for path in sources())).hexdigest()[:16]


def chunk(number: int) -> dict[str, int]:
    """One seed; what happened in it. Raises what the machine found, with the steps that led there."""
    counted: Counter[str] = Counter()

    class Machine(ExecutionMachine):
        tally = counted

    run = settings(
        max_examples=EXAMPLES,
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(Machine), settings=run)
    return dict(sorted(counted.items()))


def main(arguments: list[str]) -> dict[str, Any]:
    wanted = int(arguments[0]) if arguments else STEPS
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if known.get("version") != version():
        known = {"version": version(), "chunks": {}}
    chunks: dict[str, dict[str, int]] = known["chunks"]
    while sum(done["steps"] for done in chunks.values()) < wanted:
        number = len(chunks) + 1
        chunks[str(number)] = chunk(number)
        RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        print(f"chunk {number}: {sum(done['steps'] for done in chunks.values())} steps")
    total: Counter[str] = Counter()
    for done in chunks.values():
        total.update(done)
    return {"chunks": len(chunks), **dict(sorted(total.items()))}
