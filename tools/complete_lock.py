"""Completes package-lock.json after `npm install`: names the optional platform packages a registry mirror left out.

`npm ci` refuses a lock that lacks them, on every platform. They are named without an integrity hash; npm resolves them
by version.
Usage: python tools/complete_lock.py [package-lock.json]
"""

import json
import sys
from pathlib import Path

CPU = {"amd64": "x64", "x64": "x64", "arm64": "arm64"}


def complete(lock: dict[str, dict[str, dict[str, object]]]) -> int:
    """Adds the missing entries in place and returns how many."""
    packages, added = lock["packages"], 0
    for entry in list(packages.values()):
        entry.pop("funding", None)  # addresses of donation pages; npm does not need them
        optional = entry.get("optionalDependencies")
        for name, version in optional.items() if isinstance(optional, dict) else ():
            path = f"node_modules/{name}"
            if path in packages or "@foundry-rs" not in name:
                continue
            system, cpu = name.rsplit("-", 2)[1:]
            packages[path] = {"version": version, "cpu": [CPU[cpu]], "dev": True, "optional": True, "os": [system]}
            added += 1
    lock["packages"] = dict(sorted(packages.items()))
    return added


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "package-lock.json")
    content = json.loads(path.read_text())
    print(f"{complete(content)} platform packages added to {path}")
    path.write_text(json.dumps(content, indent=2) + "\n")
