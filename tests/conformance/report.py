"""The matrix: cases down, adapters × dialects across."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tests.conformance.cases import Case
from tests.conformance.harness import AdapterUnderTest

Results = Mapping[tuple[str, str], str]
"""(case number, adapter's label) → `pass`, or why not."""

NOT_APPLICABLE = "n/a"


def show(cases: Sequence[Case], adapters: Sequence[AdapterUnderTest], results: Results, console: Console) -> None:
    """Prints one row per case, and the sums."""
    table = Table(title="conformance", title_justify="left")
    table.add_column("case")
    table.add_column("what the adapter must do")
    for adapter in adapters:
        table.add_column(adapter.label)
    for item in cases:
        cells = [
            results.get((item.number, a.label), "not run") if item.applies(a) else NOT_APPLICABLE for a in adapters
        ]
        table.add_row(item.number, item.title, *cells)
    console.print(table)
    for adapter in adapters:
        applicable = [item for item in cases if item.applies(adapter)]
        passed = sum(results.get((item.number, adapter.label)) == "pass" for item in applicable)
        left_out = len(cases) - len(applicable)
        console.print(f"{adapter.label}: {passed} of {len(applicable)} cases pass, {left_out} do not apply")
