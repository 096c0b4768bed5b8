"""An honest week, audited: `./dev test-deep audit [ACCOUNTS EPOCHS ORDERS FILLS]`.

The history is written by tests/unit/audit/history.py, by arithmetic of its own, once for each shape; the audit is
`prime audit --from-archive`, a process of its own, measured by the system: its processor time, its time by the clock
and the most memory it held.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.unit.audit.history import History, Shape
from tools.dev import ROOT

WEEK = ("1000", "168", "100000", "1000000")
LIMIT_S = 300
"""Of the processor; by the clock it is the same on a machine that does nothing else."""


def main(arguments: list[str]) -> dict[str, Any]:
    accounts, epochs, orders, fills = map(int, arguments or WEEK)
    folder = ROOT / ".build" / "deep" / f"audit-{accounts}-{epochs}-{orders}-{fills}"
    shape = Shape(accounts=accounts, epochs=epochs, orders=orders, fills=fills)
    written_s = _write(folder, shape)
    report, used, seconds = _audit(folder)
    result = {
        "accounts": accounts,
        "commits": report["epochs"],
        "orders": orders,
        "fills": report["fills"],
        "findings": len(report["findings"]),
        "history_seconds": written_s,
        "audit_cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "audit_seconds": round(seconds, 1),
        "audit_peak_mb": round(used.ru_maxrss / 1024),
        "limit_cpu_seconds": LIMIT_S,
    }
    print(json.dumps(result, indent=1))
    if not report["agrees"] or report["fills"] != fills or result["audit_cpu_seconds"] >= LIMIT_S:
        raise SystemExit(f"test-deep audit: an honest history must agree within {LIMIT_S} s: {report['findings'][:3]}")
    return result


def _write(folder: Path, shape: Shape) -> int | None:
    """Seconds; None when it stands from an earlier run."""
    if (folder / "archive" / "chain.json").exists():  # written last
        return None
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    History(folder, shape).write()
    return round(time.monotonic() - began)


def _audit(folder: Path) -> tuple[dict[str, Any], Any, float]:
    """The report, the process's use of the machine, seconds by the clock."""
    out = folder / "report.json"
    command = [sys.executable, "-m", "keeper", "audit", "--json", "--from-archive", str(folder / "archive")]
    began = time.monotonic()
    with out.open("w") as file:
        process = subprocess.Popen([*command, "--statements", str(folder / "statements")], cwd=ROOT, stdout=file)
        _, _, used = os.wait4(process.pid, 0)
    return json.loads(out.read_text()), used, time.monotonic() - began
