"""Gas of `PrimeVault.commit` for 4, 100 and 1,000 changed accounts, against a loop over a mapping, in the same run."""

import json
import subprocess

from tools.bench.figures import ROOT, Figure, against
from tools.dev import environment

CHANGED = (4, 100, 1_000)
SUITE = "tests/contracts/gas/CommitGas.t.sol"


def run() -> list[Figure]:
    """One figure per number of changed accounts, in gas of the whole transaction (base cost and calldata included).

    RuntimeError when forge fails or the suite prints something else than expected.
    """
    command = ["forge", "test", "--match-path", SUITE, "--json", "-vv"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    printed = measured(done.stdout)
    note = "steady state, mixed signs, one venue marked"
    return [
        against(
            f"commit_gas_{count}",
            printed[f"commit {count}"],
            "gas",
            "mapping loop",
            printed[f"textbook {count}"],
            f"{note}; {printed[f'commit {count}'] / count:,.0f} per account",
        )
        for count in CHANGED
    ]


def measured(report: str) -> dict[str, int]:
    """The lines "name: value" that the suite printed, from forge's JSON report."""
    (suite,) = json.loads(report).values()
    (test,) = suite["test_results"].values()
    return {name: int(value) for name, value in (line.rsplit(": ", 1) for line in test["decoded_logs"])}
