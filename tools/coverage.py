"""`./dev coverage`: line and branch coverage of PrimeVault, PooledAccount and the libraries; each line not covered."""

import subprocess
import sys
from collections import defaultdict

from tools.dev import ROOT, environment

WORK = ROOT / ".build" / "coverage"
SHOWN = ("contracts/PrimeVault.sol", "contracts/PooledAccount.sol", "contracts/libraries/")


def main(arguments: list[str]) -> None:
    """Arguments are forge's, for example --match-path. The tests run without the optimizer: gas tests stay out."""
    WORK.mkdir(parents=True, exist_ok=True)
    report = WORK / "lcov.info"
    command = ["forge", "coverage", "--report", "lcov", "--report-file", str(report)]
    command += ["--no-match-path", "tests/contracts/gas/*", *arguments]
    env = environment() | {"FOUNDRY_OUT": str(WORK / "out"), "FOUNDRY_CACHE_PATH": str(WORK / "cache")}
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"tools.coverage: forge coverage failed:\n{done.stdout[-3000:]}")
    lines: dict[str, dict[int, int]] = defaultdict(dict)
    branches: dict[str, dict[tuple[int, str], int]] = defaultdict(dict)
    file = ""
    for row in report.read_text().splitlines():
        kind, _, rest = row.partition(":")
        if kind == "SF":
            file = rest
        elif kind == "DA":
            number, count = rest.split(",")[:2]
            lines[file][int(number)] = int(count)
        elif kind == "BRDA":
            number, *rest_, count = rest.split(",")
            branches[file][int(number), ".".join(rest_)] = 0 if count == "-" else int(count)
    for file in sorted(name for name in lines if name.startswith(SHOWN)):
        hit = [sum(1 for hits in found.values() if hits) for found in (lines[file], branches[file])]
        print(f"{file}: lines {hit[0]}/{len(lines[file])}, branches {hit[1]}/{len(branches[file])}")
        text = (ROOT / file).read_text().splitlines()
        for line, hits in sorted(lines[file].items()):
            if not hits:
                print(f"  line {line}: {text[line - 1].strip()}")
        for (line, where), hits in sorted(branches[file].items()):
            if not hits:
                print(f"  branch {line} ({where}): {text[line - 1].strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])
