"""The ledger's state machine for long: `./dev test-deep ledger [STEPS [SEED]]`, 100,000 steps unless told otherwise.

Runs of 50 operations each on fresh books, until there were enough; after every operation nothing may be lost, and at
the end of each run the log, read anew, must give the same books (tests/property/ledger_machine.py).
"""

import time
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.ledger_machine import LedgerMachine

STEPS_A_RUN = 50
RUNS_A_ROUND = 100


def main(arguments: list[str]) -> dict[str, Any]:
    wanted, first_seed = (int(word) for word in [*arguments, *("100000", "1")[len(arguments) :]])
    began, rounds = time.process_time(), 0
    options = settings(
        max_examples=RUNS_A_ROUND,
        stateful_step_count=STEPS_A_RUN,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    while LedgerMachine.steps < wanted:
        machine = seed(first_seed + rounds)(type("Round", (LedgerMachine,), {}))
        run_state_machine_as_test(machine, settings=options)  # raises with the shortest failing story
        rounds += 1
        print(f"{LedgerMachine.steps} steps, 0 micro-dollars lost", flush=True)
    return {
        "steps": LedgerMachine.steps,
        "micro-dollars lost": 0,
        "cpu_seconds": round(time.process_time() - began),
    }
