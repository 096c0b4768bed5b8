"""The crash matrix: `./dev test-deep crashes [--minutes N] [--every] [--at POINT ...]`.

A day of the local world (tests/e2e/day.py) is lived through once with nothing going wrong, which names every point that
the keeper passes, by part of the day. Then it is lived through anew, each time in a fresh world, with the keeper killed
at one point of each part and started again, until the first point of each kind in each part has had its turn. Each day
must end in the books of the first. One that does not is lived through once more (a busy machine can be too slow for its
deadlines; what went wrong is kept and reported), and if it fails again, its points are tried one by one.

--minutes (50): no new world after so long; --every: every point, not only the first of a kind; --at: these points,
one world each. Verdicts are kept in .build/crashes.json by the text of what they tested, so that a stopped run goes on
where it was. Two worlds are lived through at once.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tools.dev import ROOT

KEPT = ROOT / ".build" / "crashes.json"
DAY = ROOT / "tests" / "e2e" / "day.py"
TESTED = ("keeper", "contracts", "tests/e2e/day.py", "tests/e2e/doomed_keeper.py")
AT_ONCE = 2
WORLD_S = 600

Verdict = dict[str, Any]
"""Of a day: `died` at which points, `seconds`, `wrong`; of the undisturbed one also `points` and `books`. It names no
folder of this machine: results are kept."""


def version() -> str:
    """Of everything that a verdict rests on."""
    files = [ROOT / name for name in TESTED]
    found = sorted(one for path in files for one in ([path] if path.is_file() else path.rglob("*.*")))
    return sha256(b"".join(path.read_bytes() for path in found if path.suffix in (".py", ".sol", ".pyx"))).hexdigest()[
        :16
    ]


def chosen(points: Sequence[str], *, every: bool) -> list[str]:
    """The points to die at: the first of each kind, or all."""
    return [point for point in points if every or point.endswith(" #1")]


def days(points: Iterable[str]) -> list[tuple[str, ...]]:
    """Points put together so that each day has at most one of each part, in the order of its parts. First come as many
    days as it takes to have every kind once, in whichever part."""
    kinds: dict[str, list[str]] = {}
    for point in points:
        kinds.setdefault(point.partition(": ")[2].partition(" #")[0], []).append(point)
    load: Counter[str] = Counter()
    first = []
    for found in sorted(kinds.values(), key=len):
        point = min(found, key=lambda one: load[part_of(one)])
        load[part_of(point)] += 1
        first.append(point)
    rest = [point for found in kinds.values() for point in found if point not in first]
    return [*_together(first), *_together(rest)]


def _together(points: Iterable[str]) -> list[tuple[str, ...]]:
    parts: dict[str, list[str]] = {}
    for point in points:
        parts.setdefault(part_of(point), []).append(point)
    return [tuple(point for point in row if point is not None) for row in zip_longest(*parts.values())]


def part_of(point: str) -> str:
    return point.partition(":")[0]


def live(points: Sequence[str]) -> Verdict:
    """One day in a world of its own. That it could not be lived through to the end is kept as wrong."""
    folder = Path(tempfile.mkdtemp(prefix="prime-crash-"))
    try:
        done = subprocess.run(
            [sys.executable, "-P", DAY, folder, *points], check=False, capture_output=True, text=True, timeout=WORLD_S
        )
        if done.returncode == 0:
            verdict: Verdict = json.loads(done.stdout)
            if not verdict["wrong"]:
                shutil.rmtree(folder)
            return verdict
        lines = [line.split("; /")[0].strip(" |") for line in done.stderr.splitlines() if "Error: " in line]
        why = lines or [f"exit code {done.returncode}"]
    except subprocess.TimeoutExpired:
        why = [f"not over after {WORLD_S} s"]
    print(f"{'; '.join(points)}: records in {folder}", flush=True)
    return {"died": [], "seconds": 0.0, "wrong": why, "points": [], "books": {}}


def judged(verdict: Verdict, undisturbed: Verdict) -> Verdict:
    """The verdict with what differs from the undisturbed day, and without the books."""
    ours, theirs = undisturbed["books"], verdict["books"]
    wrong = verdict["wrong"] + [
        f"{name}: {ours.get(name)} undisturbed, {theirs.get(name)} here"
        for name in sorted(ours.keys() | theirs.keys())
        if theirs and ours.get(name) != theirs.get(name)
    ]
    return {"died": verdict["died"], "seconds": verdict["seconds"], "wrong": wrong}


class Matrix:
    """What is known so far, on disk."""

    def __init__(self) -> None:
        found = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        if found.get("version") != version():
            found = {"version": version(), "undisturbed": None, "verdicts": {}}
        self._kept = found
        self.again: dict[str, list[str]] = found.setdefault("again", {})

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """By point."""
        verdicts: dict[str, Verdict] = self._kept["verdicts"]
        return verdicts

    def undisturbed(self) -> Verdict:
        if self._kept["undisturbed"] is None:
            found = live(())
            if found["wrong"]:
                raise SystemExit("test-deep crashes: the undisturbed day: " + "\n".join(found["wrong"]))
            self._kept["undisturbed"] = found
            self._save()
        undisturbed: Verdict = self._kept["undisturbed"]
        return undisturbed

    def settle(self, day: tuple[str, ...], verdict: Verdict) -> list[tuple[str, ...]]:
        """Keeps the verdict of each point, or says what has to be lived through to know it."""
        name = "; ".join(day)
        days: list[tuple[str, ...]] = []
        if verdict["wrong"] and name not in self.again:
            self.again[name] = verdict["wrong"]
            days = [day]
        elif verdict["wrong"] and len(day) > 1:
            days = [(point,) for point in day]
        else:
            for point in day:
                self.verdicts[point] = verdict | {"died": point in verdict["died"]}
        self._save()
        return days

    def _save(self) -> None:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(self._kept, indent=1) + "\n")


def word(verdict: Verdict) -> str:
    if verdict["wrong"]:
        return "WRONG"
    return "same books" if verdict["died"] else "not reached"


def run(matrix: Matrix, waiting: list[tuple[str, ...]], minutes: float) -> None:
    """Lives through these days, two at once, and tells of each."""
    undisturbed, ends = matrix.undisturbed(), time.monotonic() + 60 * minutes
    running: dict[Future[Verdict], tuple[str, ...]] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while running or (waiting and time.monotonic() < ends):
            while waiting and len(running) < AT_ONCE and time.monotonic() < ends:
                day = waiting.pop(0)
                running[pool.submit(live, day)] = day
            for task in wait(running, return_when=FIRST_COMPLETED).done:
                day, verdict = running.pop(task), judged(task.result(), undisturbed)
                print(f"{word(verdict)} {verdict['seconds']} s: {'; '.join(day)}", *verdict["wrong"], sep="\n    ")
                sys.stdout.flush()
                waiting += matrix.settle(day, verdict)


def main(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="./dev test-deep crashes")
    parser.add_argument("--minutes", type=float, default=50.0)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--at", nargs="+", default=[], metavar="POINT")
    given = parser.parse_args(arguments)
    matrix = Matrix()
    wanted = given.at or chosen(matrix.undisturbed()["points"], every=given.every)
    missing = [point for point in wanted if point not in matrix.verdicts]
    print(f"{len(wanted)} points, {len(missing)} to go", flush=True)
    run(matrix, [(point,) for point in given.at] or days(missing), given.minutes)

    verdicts = {point: matrix.verdicts[point] for point in wanted if point in matrix.verdicts}
    for point, verdict in verdicts.items():
        print(f"{word(verdict):12} {point}")
    words = Counter(map(word, verdicts.values()))
    return {
        "points": len(wanted),
        "killed at": words["same books"] + words["WRONG"],
        "same books": words["same books"],
        "by part": dict(Counter(part_of(point) for point, one in verdicts.items() if one["died"])),
        "wrong": {point: verdict["wrong"] for point, verdict in verdicts.items() if verdict["wrong"]},
        "not reached": [point for point, verdict in verdicts.items() if word(verdict) == "not reached"],
        "lived through again": matrix.again,
        "left": len(wanted) - len(verdicts),
    }
