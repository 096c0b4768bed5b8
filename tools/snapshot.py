"""Gas and bytecode sizes in snapshots/, so that a change of either is seen in review: `./dev snapshot [--check]`.

gas.json: what tests/contracts/gas printed. sizes.json: bytes of deployed code and of init code of each contract that is
deployed; the chain's limits are 24,576 and 49,152.
"""

import json
import subprocess
import sys
from typing import Any

from tools.dev import ROOT, environment

FOLDER = ROOT / "snapshots"
OUT = ROOT / "out"
CODE_LIMIT, INIT_LIMIT = 24_576, 49_152


def length(code: dict[str, Any]) -> int:
    """Bytes of a compiled object; a library's place holder counts as the address it becomes."""
    return len(str(code["object"]).removeprefix("0x")) // 2


def sizes() -> dict[str, dict[str, int]]:
    """By contract of contracts/ (the local chain's own excepted): bytes of code and of init code."""
    found: dict[str, dict[str, int]] = {}
    for source in sorted((ROOT / "contracts").rglob("*.sol")):
        folder = OUT / source.name
        if "sim" in source.parts or ".cache" in source.parts or not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.json")):
            artifact = json.loads(path.read_text())
            target = artifact.get("metadata", {}).get("settings", {}).get("compilationTarget", {})
            code = length(artifact["deployedBytecode"])
            # A library of internal functions is 57 bytes that nobody deploys.
            if str(source.relative_to(ROOT)) in target and code > 100:
                found[path.stem] = {"code": code, "init": length(artifact["bytecode"])}
    return found


def gas() -> dict[str, int]:
    """The lines "name: gas" that the gas tests print."""
    command = ["forge", "test", "--match-path", "tests/contracts/gas/*", "--json", "-vv"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"tools.snapshot: {' '.join(command)} failed:\n{done.stdout[-3000:]}")
    tests = [test for suite in json.loads(done.stdout).values() for test in suite["test_results"].values()]
    lines = [line.rsplit(": ", 1) for test in tests for line in test["decoded_logs"]]
    return {name: int(value) for name, value in sorted(lines)}


def main(arguments: list[str]) -> None:
    if arguments not in ([], ["--check"]):
        raise SystemExit("usage: ./dev snapshot [--check]")
    deployed = sizes()
    now: dict[str, dict[str, Any]] = {"gas": dict(gas()), "sizes": dict(deployed)}
    over = [n for n, size in deployed.items() if size["code"] > CODE_LIMIT or size["init"] > INIT_LIMIT]
    if over:
        raise SystemExit(f"tools.snapshot: too large to deploy: {', '.join(over)}")
    stale = []
    for name, figures in now.items():
        path = FOLDER / f"{name}.json"
        if not arguments:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
            continue
        before = json.loads(path.read_text()) if path.exists() else {}
        stale += [f"{key}: {before.get(key)} -> {figures.get(key)}" for key in sorted({*before, *figures})
                  if before.get(key) != figures.get(key)]  # fmt: skip
    if stale:
        raise SystemExit("tools.snapshot: differs from snapshots/; run ./dev snapshot and commit:\n" + "\n".join(stale))


if __name__ == "__main__":
    main(sys.argv[1:])
