"""`./dev test-deep postgresql [FILE ...]`: every test file that opens just any database, on a real PostgreSQL server.

One file after the other, each with a server of its own (tests/databases.py). Goes on where it stopped: a file that
passed is not run again as long as the keeper and the tests are the same.
"""

import json
import os
import re
import subprocess
import sys
import time
from typing import Any
from xml.etree import ElementTree

from tools.dev import ROOT, environment
from tools.mutate import sha

DONE = ROOT / ".build" / "postgresql.json"
REPORT = ROOT / ".build" / "postgresql.xml"
KINDS = ("unit", "property", "simulation", "e2e")
OPENS = re.compile(r"tests\.databases|(Database|EventLog)\(url|crash_points|e2e\.(world|hostile)")
"""What a test file says that opens a database, by itself or through the world it starts."""
COUNTS = ("tests", "failures", "errors", "skipped")


def files() -> list[str]:
    found = (path for kind in KINDS for path in sorted((ROOT / "tests" / kind).rglob("test_*.py")))
    return [str(path.relative_to(ROOT)) for path in found if OPENS.search(path.read_text())]


def main(arguments: list[str]) -> dict[str, Any]:
    at = sha(*(path for folder in ("keeper", "tests") for path in sorted((ROOT / folder).rglob("*.py"))))
    known = json.loads(DONE.read_text()) if DONE.exists() else {}
    passed: dict[str, dict[str, int]] = known.get("passed", {}) if known.get("of") == at else {}
    failed: list[str] = []
    for file in arguments or files():
        if file in passed:
            continue
        counts = _run(file)
        print(file, json.dumps(counts), flush=True)
        if counts["tests"] == 0 or counts["failures"] or counts["errors"] or counts["skipped"]:
            failed.append(file)
            continue
        passed[file] = counts
        DONE.parent.mkdir(exist_ok=True)
        DONE.write_text(json.dumps({"of": at, "passed": passed}))
    if failed:
        raise SystemExit(f"test-deep postgresql: failed in {', '.join(failed)}")
    wanted = {file: passed[file] for file in arguments or files()}
    return {"files": len(wanted), **{name: sum(row[name] for row in wanted.values()) for name in COUNTS}}


def _run(file: str) -> dict[str, int]:
    REPORT.unlink(missing_ok=True)
    started = time.monotonic()
    words = [sys.executable, "-m", "pytest", file, "-q", "-m", "not deep", f"--junitxml={REPORT}"]
    env = environment() | {"PRIME_TEST_DATABASE": "postgresql"}
    done = subprocess.run(words, check=False, cwd=ROOT, env=os.environ | env)
    if not REPORT.exists():
        raise SystemExit(f"test-deep postgresql: {file}: pytest ended with {done.returncode} and no report")
    suite = ElementTree.parse(REPORT).getroot()[0]  # noqa: S314 - written by our own run
    return {name: int(suite.get(name, "0")) for name in COUNTS} | {"seconds": round(time.monotonic() - started)}
