"""The crash matrix: `./dev test-deep crashes [--minutes N] [--all]`.

A day of the local world (tests/e2e/day.py) is lived through once with nothing going wrong, which names every point that
the keeper passes; then once for each kind of point, each in a fresh world, with the keeper killed there and started
again. Every one of them must end in the books of the first. --minutes (50): no new world after so long; --all: every
single point, not only the first of each kind and the last of those that come often.

Worlds that were judged are kept in .build/crashes.json by the text of what they tested, so that a stopped run goes on
where it was. Two are lived through at once.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path
from typing import Any

from tools.dev import ROOT

KEPT = ROOT / ".build" / "crashes.json"
DAY = ROOT / "tests" / "e2e" / "day.py"
TESTED = ("keeper", "contracts", "tests/e2e/day.py", "tests/e2e/doomed_keeper.py")
UNDISTURBED = ""
AT_ONCE = 2
WORLD_S = 500
OFTEN = 3
"""From so many on, the last point of a kind is tried, too."""

Verdict = dict[str, Any]
"""`died`, `seconds`, `wrong`; of the undisturbed day also `points` and `books`."""


def version() -> str:
    """Of everything that a verdict rests on."""
    files = [ROOT / name for name in TESTED]
    found = sorted(one for path in files for one in ([path] if path.is_file() else path.rglob("*.*")))
    return sha256(b"".join(path.read_bytes() for path in found if path.suffix in (".py", ".sol", ".pyx"))).hexdigest()[
        :16
    ]


def chosen(points: Iterable[str], *, every: bool = False) -> list[str]:
    """The points to die at: the first of each kind, and the last of kinds that come often."""
    if every:
        return list(points)
    kinds: dict[str, list[str]] = {}
    for point in points:
        kinds.setdefault(point.rpartition(" #")[0], []).append(point)
    return [point for found in kinds.values() for point in (found[:1] if len(found) < OFTEN else [found[0], found[-1]])]


def live(point: str) -> Verdict:
    """One day in a world of its own; what a world says that could not be lived through to the end is kept as wrong."""
    folder = Path(tempfile.mkdtemp(prefix="prime-crash-"))
    try:
        done = subprocess.run(
            [sys.executable, "-P", DAY, point, folder], check=False, capture_output=True, text=True, timeout=WORLD_S
        )
        if done.returncode == 0:
            verdict: Verdict = json.loads(done.stdout)
            shutil.rmtree(folder)
            return verdict
        why = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    except subprocess.TimeoutExpired:
        why = [f"not over after {WORLD_S} s"]
    return {"died": False, "seconds": 0, "wrong": [*why, f"its records are in {folder}"], "points": [], "books": {}}


def judged(verdict: Verdict, undisturbed: Verdict) -> Verdict:
    """The verdict with what differs from the undisturbed day, and without the books."""
    ours, theirs = undisturbed["books"], verdict["books"]
    wrong = verdict["wrong"] + [
        f"{name}: {ours.get(name)} undisturbed, {theirs.get(name)} here"
        for name in sorted(ours.keys() | theirs.keys())
        if theirs and ours.get(name) != theirs.get(name)
    ]
    return {"died": verdict["died"], "seconds": verdict["seconds"], "wrong": wrong}


def table(verdicts: dict[str, Verdict]) -> str:
    width = max(map(len, verdicts), default=0)
    return "\n".join(
        f"{point:{width}}  {'-' if not verdict['died'] else 'same books' if not verdict['wrong'] else 'WRONG'}"
        f"  {verdict['seconds']:5.1f} s"
        for point, verdict in verdicts.items()
    )


def main(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="./dev test-deep crashes", description=__doc__)
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--at", nargs="+", default=[], metavar="POINT", help="these points only, whatever was kept")
    given = parser.parse_args(arguments)
    ends = time.monotonic() + 60 * given.minutes
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if kept.get("version") != version():
        kept = {"version": version(), "undisturbed": None, "verdicts": {}}

    def keep() -> None:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")

    if kept["undisturbed"] is None:
        undisturbed = live(UNDISTURBED)
        if undisturbed["wrong"]:
            raise SystemExit("test-deep crashes: the undisturbed day: " + "\n".join(undisturbed["wrong"]))
        kept["undisturbed"] = undisturbed
        keep()
    undisturbed, verdicts = kept["undisturbed"], kept["verdicts"]
    wanted = given.at or chosen(undisturbed["points"], every=given.all)
    waiting = [point for point in wanted if given.at or point not in verdicts]
    print(f"{len(undisturbed['points'])} points passed, {len(wanted)} chosen, {len(waiting)} to go", flush=True)

    def one(point: str) -> Verdict | None:
        return judged(live(point), undisturbed) if time.monotonic() < ends else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        tasks = {pool.submit(one, point): point for point in waiting}
        for task in as_completed(tasks):
            point, verdict = tasks[task], task.result()
            if verdict is None:
                continue
            verdicts[point] = verdict
            keep()
            print(table({point: verdict}), *verdict["wrong"], sep="\n    ", flush=True)

    done = {point: verdicts[point] for point in wanted if point in verdicts}
    print(table(done))
    return {
        "points": len(done),
        "killed": sum(verdict["died"] for verdict in done.values()),
        "same books": sum(verdict["died"] and not verdict["wrong"] for verdict in done.values()),
        "wrong": {point: verdict["wrong"] for point, verdict in done.items() if verdict["wrong"]},
        "not reached": [point for point, verdict in done.items() if not verdict["died"] and not verdict["wrong"]],
        "left": len(wanted) - len(done),
    }
