"""`./dev test-deep faults [FAULTED [SEED]]`: FAULTED orders in all, shared among the adapters under test, while a proxy
breaks messages by chance; the campaign is tests/conformance/campaign.py.

The adapters play side by side, a process each. What was played is kept by adapter, so that a call goes on where the
last one was stopped, or where a shorter one ended, as long as adapters, engines and suite are the same.
"""

import asyncio
import json
import math
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tools.dev import ROOT
from tools.mutate import sha

ROUNDS = ROOT / ".build" / "faults"
"""A file for each adapter."""
FAULTED = ("keeper/venues", "keeper/market_data", "keeper/execution", "tests/conformance")


class Rounds:
    """What one adapter has played of `of`."""

    def __init__(self, number: int, of: list[Any]) -> None:
        self._file, self._of = ROUNDS / f"{number}.json", of
        known = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._rows: list[dict[str, Any]] = known["rounds"] if known.get("of") == of else []

    def played(self) -> list[dict[str, Any]]:
        """As the campaign's `Result` takes them."""
        return [row | {name: Counter(row[name]) for name in ("faulted", "ends")} for row in self._rows]

    def keep(self, played: Any) -> None:
        self._rows.append(vars(played) | {"faulted": dict(played.faulted), "ends": dict(played.ends)})
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"of": self._of, "rounds": self._rows}))
        part.replace(self._file)


def play(number: int, faulted: int, seed: int) -> tuple[str, dict[str, Any], list[str]]:
    """Label, figures and problems of the adapter with this number, whose part of `faulted` it plays."""
    from tests.conformance.adapters import ADAPTERS
    from tests.conformance.campaign import Result, campaign

    adapter = ADAPTERS[number]
    at = sha(*(path for folder in FAULTED for path in (ROOT / folder).rglob("*.py") if "simulated" not in path.parts))
    rounds = Rounds(number, [at, seed, adapter.label])
    wanted = math.ceil(faulted * adapter.share / sum(one.share for one in ADAPTERS))
    done = [Result(**row) for row in rounds.played()]
    with adapter.serve() as server:
        result = asyncio.run(campaign(adapter, server, wanted, seed, done=done, keep=rounds.keep))
    figures = {
        "orders": result.orders,
        "commands faulted": result.faulted["command"],
        "reads faulted": result.faulted["read"],
        "streams broken": result.breaks,
        "ends": dict(result.ends),
        "fills": result.fills,
        "looks at the book": result.looks,
        "of them LIVE": result.live_looks,
        "problems": len(result.problems),
    }
    return adapter.label, figures, result.problems


def main(arguments: list[str]) -> dict[str, Any]:
    """Figures by adapter, and the commands faulted by all; SystemExit when there are problems."""
    from tests.conformance.adapters import ADAPTERS

    faulted, seed = (int(word) for word in [*arguments, *("10000", "1")[len(arguments) :]])
    report: dict[str, Any] = {}
    troubled = []
    with ProcessPoolExecutor(len(ADAPTERS), mp_context=multiprocessing.get_context("spawn")) as pool:
        for label, figures, problems in pool.map(
            play, range(len(ADAPTERS)), [faulted] * len(ADAPTERS), [seed] * len(ADAPTERS)
        ):
            report[label] = figures
            print(label, json.dumps(figures), *problems[:50], sep="\n", flush=True)
            troubled += [label] * bool(problems)
    if troubled:
        raise SystemExit(f"test-deep faults: problems at {', '.join(troubled)}")
    return {"commands faulted": sum(row["commands faulted"] for row in report.values())} | report
