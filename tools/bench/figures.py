"""A measured figure, its table and its file."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the same number of a peer measured in the same run where there is one.

    `ratio` is peer_value / value: how many times the peer's figure is ours. `name` is the key in results.json.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    note: str = ""


def against(name: str, value: float, unit: str, peer: str, peer_value: float, note: str = "") -> Figure:
    """A figure with a peer, the ratio worked out."""
    return Figure(name, value, unit, peer, peer_value, peer_value / value, note)


def show(title: str, figures: Sequence[Figure]) -> None:
    """Prints one module's figures as a table."""
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "value", "unit", "peer", "peer's value", "ratio", "note"):
        table.add_column(heading, justify="right" if heading in ("value", "peer's value", "ratio") else "left")
    for figure in figures:
        table.add_row(
            figure.name,
            _number(figure.value),
            figure.unit,
            figure.peer or "",
            _number(figure.peer_value),
            "" if figure.ratio is None else f"{figure.ratio:,.1f}x",
            figure.note,
        )
    Console().print(table)


def merge(figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Puts the figures into the results file, each with commit and machine; figures not measured now stay."""
    results = json.loads(path.read_text()) if path.exists() else {}
    facts = {"commit": _commit(), "machine": {"cores": os.cpu_count(), "python": platform.python_version()}}
    for figure in figures:
        results[figure.name] = {key: value for key, value in asdict(figure).items() if key != "name"} | facts
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(results, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    draft.replace(path)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _commit() -> str:
    """The checked-out commit, with + when files differ from it; "unknown" outside a git checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()
