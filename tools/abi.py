"""ABIs for Python, from what forge built: `python -m tools.abi` writes keeper/chain/abi; `--check` refuses a stale one.

A file holds one entry a line, sorted, so that a change of an interface is one line of a diff.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
FOLDER = ROOT / "keeper" / "chain" / "abi"

# What Python calls a contract -> the built sources whose entries it sees (functions, events and errors together).
SOURCES: dict[str, tuple[str, ...]] = {
    "PrimeVault": ("IPrimeVault", "EventsLib", "ErrorsLib"),
    "IHyperCoreVenue": ("IHyperCoreVenue", "VenueErrorsLib"),
    "ISeatVenue": ("ISeatVenue", "VenueErrorsLib"),
    "IAttestor": ("IAttestor", "VenueErrorsLib"),
    "PooledAccount": ("PooledAccount", "PoolErrorsLib"),
    "Lens": ("ILens",),
    "VaultFactory": ("IVaultFactory", "FactoryErrorsLib"),
    "TestUSDC": ("TestUSDC",),
    "CoreState": ("CoreState",),
    "CoreDepositWalletSim": ("CoreDepositWalletSim",),
    "CoreWriterSim": ("CoreWriterSim",),
}


def built(source: str) -> list[dict[str, Any]]:
    path = OUT / f"{source}.sol" / f"{source}.json"
    if not path.exists():
        raise SystemExit(f"tools.abi: {source} is not built; run ./dev build")
    entries: list[dict[str, Any]] = json.loads(path.read_text())["abi"]
    return entries


def merged(sources: tuple[str, ...]) -> str:
    """The entries of all sources without repeats, one a line."""
    lines = {json.dumps(entry, sort_keys=True) for source in sources for entry in built(source)}
    ordered = sorted(lines, key=lambda line: (json.loads(line)["type"], json.loads(line).get("name", ""), line))
    return "[\n" + ",\n".join(ordered) + "\n]\n"


def main(arguments: list[str]) -> None:
    if arguments not in ([], ["--check"]):
        raise SystemExit("usage: python -m tools.abi [--check]")
    stale = []
    for name, sources in SOURCES.items():
        path = FOLDER / f"{name}.json"
        text = merged(sources)
        if arguments:
            stale += [] if path.exists() and path.read_text() == text else [path.name]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale:
        raise SystemExit(
            f"tools.abi: stale: {', '.join(stale)}; run ./dev run python -m tools.abi and commit the result"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
