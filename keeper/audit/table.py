"""The report for people."""

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from keeper.audit.report import AuditReport
from keeper.model.amounts import usdc


def _money(micro: int) -> str:
    return f"{usdc(micro):,.6f}"


def accounts_table(report: AuditReport) -> RenderableType:
    table = Table(
        title=f"Audit of {report.vault} at block {report.block}: {report.epochs} commits, {report.fills} fills"
    )
    for name in ("sub-account", "owner"):
        table.add_column(name)
    for name in (
        "deposits",
        "withdrawn",
        "fills",
        "fees",
        "funding",
        "equity on chain",
        "equity audited",
        "difference",
    ):
        table.add_column(name, justify="right")
    for line in report.accounts:
        amounts = (line.fees, line.funding, line.equity_chain, line.equity_audited, line.difference)
        table.add_row(
            str(line.id),
            f"{line.owner[:8]}…{line.owner[-4:]}",
            _money(line.deposits),
            _money(line.withdrawn),
            str(line.fills),
            *map(_money, amounts),
            style="" if line.difference == 0 else "red",
        )
    return table


def findings_table(report: AuditReport) -> RenderableType:
    table = Table(title="Findings", show_lines=True)
    for name in ("kind", "where", "what", "expected", "got"):
        table.add_column(name, overflow="fold")
    for finding in report.findings:
        table.add_row(*map(Text, (finding.kind, finding.where, finding.what, finding.expected, finding.got)))
    return table


def show(report: AuditReport, console: Console) -> None:
    console.print(accounts_table(report))
    if report.findings:
        console.print(findings_table(report))
    if report.first is not None:
        first = report.first
        console.print(Text(f"The first wrong entry: {first.kind} at {first.where}: {first.what}", style="red"))
    verdict = "everything agrees" if report.agrees else f"{len(report.findings)} findings"
    console.print(Text(verdict, style="green" if report.agrees else "red"))
