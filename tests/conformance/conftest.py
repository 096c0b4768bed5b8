"""Prints the matrix after the cases have run as tests."""

from typing import Any

from rich.console import Console

from tests.conformance.adapters import ADAPTERS
from tests.conformance.cases import all_cases
from tests.conformance.report import show


def pytest_terminal_summary(terminalreporter: Any) -> None:
    results: dict[tuple[str, str], str] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, (number, label) in getattr(report, "user_properties", ()):
                if name == "conformance":
                    results[number, label] = "pass" if outcome == "passed" else "FAIL"
    if results:
        show(all_cases(), ADAPTERS, results, Console(width=140))
